"""Archives: whole or not at all, and never outside their folder."""

import hashlib
import io
import stat
import tarfile
import tempfile
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pml.datasets.archives import unpack, verify
from pml.errors import InputError

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


@given(data=st.data())
@settings(max_examples=60)
def test_a_damaged_zip_is_refused_or_unpacked_but_never_half(data):
    with tempfile.TemporaryDirectory() as folder:
        archive = pack(Path(folder) / "A.zip", FILES)
        spoilt = bytearray(archive.read_bytes())
        for _ in range(data.draw(st.integers(1, 3))):
            spoilt[data.draw(st.integers(0, len(spoilt) - 1))] = data.draw(st.integers(0, 255))
        archive.write_bytes(spoilt[: data.draw(st.integers(0, len(spoilt)))])
        target = Path(folder) / "images"
        try:
            unpack([archive], target)
        except InputError:
            assert not target.exists()
        else:
            assert len(list(target.rglob("*.*"))) <= len(FILES)


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
