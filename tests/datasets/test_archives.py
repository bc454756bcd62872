"""Archives: whole or not at all, and never outside their folder."""

import gzip
import hashlib
import io
import stat
import tarfile
import tempfile
import tracemalloc
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pml.datasets import archives
from pml.datasets.archives import verify
from pml.errors import InputError
from pml.files import replacing_folder

FILES = {"A/images/1.JPG": b"one" * 1000, "A/images/2.JPG": b"two", "A/README.md": b""}


def pack(path, files, compression=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def pack_tar(path, files, mode="w:gz"):
    with tarfile.open(path, mode) as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


def contents(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def unpack(paths, target):
    with replacing_folder(target) as folder:
        return archives.unpack(paths, folder)


def assert_refused(archive, *words):
    """The archive is refused with these words, an earlier target is as it was, and nothing else is left behind."""
    target = archive.parent / "images"
    target.mkdir(exist_ok=True)
    (target / "earlier").write_text("kept")
    before = sorted(archive.parent.rglob("*"))
    with pytest.raises(InputError) as error:
        unpack([archive], target)
    assert str(archive) in str(error.value)
    for word in words:
        assert word in str(error.value)
    assert sorted(archive.parent.rglob("*")) == before


@pytest.mark.parametrize("packer", [pack, pack_tar])
def test_every_file_is_unpacked(packer, tmp_path):
    unpack([packer(tmp_path / "A", FILES)], tmp_path / "out" / "images")
    assert contents(tmp_path / "out" / "images") == FILES
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["images"]


def test_several_archives_and_folders_become_one_folder(tmp_path):
    (tmp_path / "album" / "A").mkdir(parents=True)
    (tmp_path / "album" / "A" / "4.JPG").write_bytes(b"four")
    first, second = pack(tmp_path / "A.zip", FILES), pack_tar(tmp_path / "B.tar", {"A/images/3.JPG": b"three"})
    unpack([first, second, tmp_path / "album"], tmp_path / "images")
    assert contents(tmp_path / "images") == FILES | {"A/images/3.JPG": b"three", "A/4.JPG": b"four"}
    assert (tmp_path / "images" / "A" / "4.JPG").is_symlink()


def test_a_folder_with_a_file_that_an_archive_has_too_is_refused(tmp_path):
    (tmp_path / "album" / "A").mkdir(parents=True)
    (tmp_path / "album" / "A" / "README.md").write_bytes(b"")
    with pytest.raises(InputError, match="README.md.*cannot be linked"):
        unpack([pack(tmp_path / "A.zip", FILES), tmp_path / "album"], tmp_path / "images")


@pytest.mark.parametrize("packed", [pack, pack_tar])
def test_an_archive_with_a_file_that_a_folder_has_too_is_refused_and_leaves_the_user_s_file_alone(tmp_path, packed):
    own = tmp_path / "album" / "A" / "README.md"
    own.parent.mkdir(parents=True)
    own.write_bytes(b"mine")
    with pytest.raises(InputError, match="README.md.*linked before"):
        unpack([tmp_path / "album", packed(tmp_path / "A.archive", FILES)], tmp_path / "images")
    assert own.read_bytes() == b"mine"


def test_an_earlier_folder_is_replaced(tmp_path):
    for files in ({"old": b"1"}, FILES):
        unpack([pack(tmp_path / "A.zip", files)], tmp_path / "images")
    assert contents(tmp_path / "images") == FILES


@pytest.mark.parametrize("name", ["../evil", "A/../../evil", "/evil", "..\\evil", "\\evil", "C:\\evil"])
@pytest.mark.parametrize("packer", [pack, pack_tar])
def test_an_entry_outside_the_folder_is_refused(packer, name, tmp_path):
    assert_refused(packer(tmp_path / "A.zip", FILES | {name: b"evil"}), name, "outside", "download it again")


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFCHR, stat.S_IFIFO])
def test_a_link_or_device_in_a_zip_is_refused(kind, tmp_path):
    link = zipfile.ZipInfo("A/link")
    link.external_attr = (kind | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "A.zip", "w") as archive:
        archive.writestr(link, "/etc/passwd")
    assert_refused(tmp_path / "A.zip", "A/link", "link or a device")


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE])
def test_a_link_or_device_in_a_tar_is_refused(kind, tmp_path):
    member = tarfile.TarInfo("A/link")
    member.type, member.linkname = kind, "A"
    with tarfile.open(tmp_path / "A.tar", "w") as archive:
        archive.addfile(member)
    assert_refused(tmp_path / "A.tar", "A/link", "link or a device")


def test_an_encrypted_entry_is_refused(tmp_path):
    archive = bytearray(pack(tmp_path / "A.zip", {"secret": b"x"}).read_bytes())
    archive[archive.index(b"PK\x01\x02") + 8] |= 1  # the flag in the central directory
    (tmp_path / "A.zip").write_bytes(archive)
    assert_refused(tmp_path / "A.zip", "secret", "encrypted")


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_entries_of_one_name_are_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "A.zip", "w") as archive:
        for content in "12":
            archive.writestr("twice", content)
    assert_refused(tmp_path / "A.zip", "twice", "earlier entry")


def test_an_archive_made_to_fill_the_disk_is_refused(tmp_path):
    assert_refused(pack(tmp_path / "A.zip", {"zeros": bytes(101 * 2**20)}), "100 times its size")


def test_a_wrong_crc_is_refused(tmp_path):
    archive = pack(tmp_path / "A.zip", {"good": b"good", "bad": b"spoilt content"}, zipfile.ZIP_STORED)
    archive.write_bytes(archive.read_bytes().replace(b"spoilt", b"SPOILT"))
    assert_refused(archive, "'bad'", "CRC", "download it again")


@pytest.mark.parametrize("packer", [pack, pack_tar])
def test_a_truncated_archive_is_refused(packer, tmp_path):
    archive = packer(tmp_path / "A", FILES)
    archive.write_bytes(archive.read_bytes()[:-30])
    assert_refused(archive, "truncated", "download it again")


@pytest.mark.parametrize("content", [b"", b"<html>404</html>"])
def test_what_is_no_archive_is_refused(content, tmp_path):
    (tmp_path / "A.zip").write_bytes(content)
    assert_refused(tmp_path / "A.zip", "zip")


def test_a_file_in_place_of_a_folder_is_refused(tmp_path):
    assert_refused(pack(tmp_path / "A.zip", {"A": b"file", "A/1": b"inside"}), "A/1", "cannot be unpacked")


def pack_bare_tar(path, files):
    return pack_tar(path, files, "w")


PACKERS = {
    "stored zip": lambda path, files: pack(path, files, zipfile.ZIP_STORED),
    "zip": pack,
    "tar": pack_bare_tar,
    "tar.gz": pack_tar,
    "tar.bz2": lambda path, files: pack_tar(path, files, "w:bz2"),
    "tar.xz": lambda path, files: pack_tar(path, files, "w:xz"),
}


@pytest.fixture(scope="module", params=PACKERS)
def packed(request, tmp_path_factory):
    """The bytes of an archive, one of whose files is an archive itself, and the files in it."""
    folder = tmp_path_factory.mktemp("packed")
    files = FILES | {"A/inner.zip": pack(folder / "inner.zip", {"other.jpg": b"other"}, zipfile.ZIP_STORED).read_bytes()}
    return request.param, PACKERS[request.param](folder / "A", files).read_bytes(), files


def unpacked(content):
    """Return {path: bytes} of what is unpacked of an archive with this content, or None if it is refused in one line."""
    with tempfile.TemporaryDirectory() as folder:
        archive, target = Path(folder, "A"), Path(folder, "images")
        archive.write_bytes(content)
        try:
            assert unpack([archive], target) == []
        except InputError as error:
            assert not target.exists()
            assert str(error).isprintable() and len(str(error)) < 1000 and str(archive) in str(error)
            return None
        return contents(target)


def by_size(files):
    return {name: len(content) for name, content in files.items()}


@given(data=st.data())
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_an_archive_with_a_changed_byte_gives_the_same_files_or_is_refused(packed, data):
    form, content, files = packed
    place, change = data.draw(st.integers(0, len(content) - 1)), data.draw(st.integers(1, 255))
    found = unpacked(content[:place] + bytes([content[place] ^ change]) + content[place + 1 :])
    if form == "tar" and found is not None:  # which has no checksum of the content
        assert by_size(found) == by_size(files)
        assert sum(x != y for name in files for x, y in zip(found[name], files[name], strict=True)) <= 1
    else:
        assert found in (None, files)


@given(data=st.data())
@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_an_archive_cut_short_gives_the_same_files_or_is_refused(packed, data):
    _, content, files = packed
    assert unpacked(content[: data.draw(st.integers(0, len(content) - 1))]) in (None, files)


@pytest.mark.parametrize("packer", [pack, pack_tar, pack_bare_tar])
def test_an_archive_that_something_follows_is_refused(packer, tmp_path):
    archive = packer(tmp_path / "A", FILES)
    archive.write_bytes(archive.read_bytes() + b"more")
    assert_refused(archive, "damaged", "download it again")


def test_a_tar_without_the_two_blocks_that_end_it_is_refused(tmp_path):
    archive = pack_bare_tar(tmp_path / "A.tar", FILES)
    content = archive.read_bytes().rstrip(b"\0")
    content += bytes(-len(content) % 512)
    for blocks in (0, 1):
        archive.write_bytes(content + bytes(512 * blocks))
        assert_refused(archive, "its end is missing" if blocks else "damaged")
    archive.write_bytes(content + bytes(1024))
    unpack([archive], tmp_path / "images")
    assert contents(tmp_path / "images") == FILES


def test_a_zip_cut_at_the_end_of_a_zip_in_it_is_refused(tmp_path):
    inner = pack(tmp_path / "inner.zip", {"other.jpg": b"other"}).read_bytes()
    archive = pack(tmp_path / "A.zip", FILES | {"inner.zip": inner}, zipfile.ZIP_STORED)
    content = archive.read_bytes()
    archive.write_bytes(content[: content.index(inner) + len(inner)])
    assert_refused(archive, "does not begin with its first entry")


@pytest.mark.parametrize("header", [tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME])
@pytest.mark.parametrize("mode", ["w", "w:gz"])
def test_a_tar_with_a_header_made_to_fill_the_memory_is_refused_before_it_is_read(header, mode, tmp_path):
    with tarfile.open(tmp_path / "A.tar", mode) as archive:
        member = tarfile.TarInfo("header")
        member.type, member.size = header, 8 * 2**20
        archive.addfile(member, io.BytesIO(bytes(member.size)))
        archive.addfile(tarfile.TarInfo("1.JPG"))
    tracemalloc.start()
    assert_refused(tmp_path / "A.tar", "tar")
    assert tracemalloc.get_traced_memory()[1] < 4 * 2**20
    tracemalloc.stop()


@pytest.mark.parametrize("size", [0, 2000])
def test_a_tar_with_ever_more_headers_is_refused(size, tmp_path):
    header = tarfile.TarInfo("header")
    header.type, header.size = tarfile.XGLTYPE, size
    block = header.tobuf() + bytes(-(-size // 512) * 512)
    with gzip.open(tmp_path / "A.tar.gz", "wb", compresslevel=1) as file:
        file.write(block * 3000 + tarfile.TarInfo("1.JPG").tobuf() + bytes(1024))
    assert_refused(tmp_path / "A.tar.gz", "tar")


@pytest.mark.parametrize("packer", [pack, pack_tar])
def test_a_file_in_too_many_folders_is_refused(packer, tmp_path):
    unpack([packer(tmp_path / "A", {"f/" * 99 + "1.JPG": b"1"})], tmp_path / "images")
    for depth in (101, 2000):
        assert_refused(packer(tmp_path / "A", {"f/" * depth + "1.JPG": b"1"}), "more than 100 folders")


@pytest.mark.parametrize("name", ["", ".", "./."])
def test_an_entry_without_a_name_is_refused(name, tmp_path):
    with zipfile.ZipFile(tmp_path / "A.zip", "w") as archive:
        archive.writestr("1.JPG", b"1")
        info = zipfile.ZipInfo("x")
        info.filename = name
        archive.writestr(info, b"nameless")
    assert_refused(tmp_path / "A.zip", "has no name")


def test_a_picture_whose_name_is_not_utf8_is_left_out_and_told(tmp_path):
    names = ["A/caf\udce9.JPG", "A/1.JPG"]
    rejected = unpack([pack_tar(tmp_path / "A.tar", dict.fromkeys(names, b"picture"))], tmp_path / "images")
    assert contents(tmp_path / "images") == {"A/1.JPG": b"picture"}
    assert [(row["image"], row["reason"]) for row in rejected] == [("A/caf\\xe9.JPG", "has a name that is not UTF-8")]


def test_another_file_whose_name_is_not_utf8_is_refused(tmp_path):
    assert_refused(pack_tar(tmp_path / "A.tar", {"labels\udce9.csv": b""}), "'labels\\xe9.csv' has a name that is not UTF-8")


def test_a_zip_that_says_of_another_name_that_it_is_utf8_is_refused(tmp_path):
    archive = pack(tmp_path / "A.zip", {"caf\xe9.JPG": b"picture"})
    archive.write_bytes(archive.read_bytes().replace("\xe9".encode(), b"\xe9\xe9"))
    assert_refused(archive, "not UTF-8: 'caf\\xe9\\xe9.JPG'")


@pytest.mark.parametrize("packer", PACKERS.values(), ids=PACKERS)
def test_an_archive_with_too_many_entries_is_refused(packer, tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "MAX_ENTRIES", len(FILES))
    unpack([packer(tmp_path / "A", FILES)], tmp_path / "images")
    assert_refused(packer(tmp_path / "A", FILES | {"one more": b""}), "more than 3 entries")


def test_an_entry_of_a_tar_takes_little_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "CHUNK", 2**12)
    archive = pack_bare_tar(tmp_path / "A.tar", {f"{i}.JPG": b"" for i in range(1000)})
    tracemalloc.start()
    unpack([archive], tmp_path / "images")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1000 * 400


@pytest.mark.parametrize("packer", [pack, pack_tar])
@pytest.mark.parametrize("own", ["_problem", "fault_of_name", "_extract"])
def test_an_error_of_the_code_itself_is_not_taken_for_damage(packer, own, tmp_path, monkeypatch):
    def fail(*_):
        raise ValueError("a bug")

    monkeypatch.setattr(archives, own, fail)
    with pytest.raises(ValueError, match="a bug"):
        unpack([packer(tmp_path / "A", FILES)], tmp_path / "images")


def test_a_name_with_a_zero_byte_is_refused(tmp_path):
    with tarfile.open(tmp_path / "A.tar", "w", format=tarfile.PAX_FORMAT) as archive:
        member = tarfile.TarInfo("1.JPG")
        member.pax_headers = {"path": "1\0.JPG"}
        archive.addfile(member)
    assert_refused(tmp_path / "A.tar", "'1\\x00.JPG' has a zero byte in its name")


@pytest.mark.parametrize("algorithm", ["md5", "sha256"])
def test_the_right_checksum_passes_in_either_case(algorithm, tmp_path):
    (tmp_path / "A.zip").write_bytes(b"content")
    digits = hashlib.new(algorithm, b"content").hexdigest()
    verify(tmp_path / "A.zip", None)
    verify(tmp_path / "A.zip", f"{algorithm}:{digits}")
    verify(tmp_path / "A.zip", f"{algorithm}:{digits}".upper())


def test_a_wrong_checksum_is_an_error_with_both_values(tmp_path):
    (tmp_path / "A.zip").write_bytes(b"content")
    with pytest.raises(InputError) as error:
        verify(tmp_path / "A.zip", "md5:" + "0" * 32)
    for word in (str(tmp_path / "A.zip"), "0" * 32, hashlib.md5(b"content").hexdigest(), "download it again"):
        assert word in str(error.value)


def test_a_folder_has_no_checksum(tmp_path):
    verify(tmp_path, None)
    with pytest.raises(InputError, match="a folder has no checksum"):
        verify(tmp_path, "md5:" + "0" * 32)


@pytest.mark.parametrize("checksum", ["", "0" * 32, "md5:0", "sha1:" + "0" * 40, "md5:" + "g" * 32])
def test_a_checksum_of_another_form_is_an_error(checksum, tmp_path):
    (tmp_path / "A.zip").write_bytes(b"content")
    with pytest.raises(InputError, match="write md5: and 32"):
        verify(tmp_path / "A.zip", checksum)
