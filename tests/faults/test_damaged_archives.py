"""A damaged or hostile archive gives the same files or one error, and nothing lies outside its folder."""

import io
import shutil
import tarfile
import zipfile

import pytest

from pml.datasets import archives
from pml.errors import InputError
from pml.files import replacing_folder
from tests.faults.damage import damaged

# A tar that loses all of its last file is whole, so that is a long one.
FILES = {"A/empty": b"", f"A/{'long' * 30}.txt": b"three", "A/1.JPG": b"one" * 400, "A/deep/er/2.JPG": bytes(range(1, 256)) * 3}
COUNT = 7_500  # of each packing
NAMES = ["..", ".", "", "A", "1.JPG", "/", "\\", "C:", "a" * 300, "\udcff", "\0", "é", "*", "$(touch x)", "-rf", " ", "\n"]
KINDS = [tarfile.REGTYPE, tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE]


def pack_zip(compression):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", compression) as archive:
        for name, content in FILES.items():
            archive.writestr(name, content)
    return packed.getvalue()


def pack_tar(mode):
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode=mode) as archive:
        for name, content in FILES.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return packed.getvalue()


PACKED = {
    "zip": pack_zip(zipfile.ZIP_DEFLATED),
    "stored zip": pack_zip(zipfile.ZIP_STORED),
    "tar": pack_tar("w"),
    "tar.gz": pack_tar("w:gz"),
    "tar.bz2": pack_tar("w:bz2"),
    "tar.xz": pack_tar("w:xz"),
}


def unpacked(folder):
    """Return what is unpacked of the archive in a folder, or None if it is refused; nothing else is left there."""
    try:
        with replacing_folder(folder / "images") as images:
            archives.unpack([folder / "archive"], images)
    except InputError as error:
        assert str(folder / "archive") in str(error)
        assert [path.name for path in folder.iterdir()] == ["archive"]
        return None
    assert sorted(path.name for path in folder.iterdir()) == ["archive", "images"]
    paths = sorted((folder / "images").rglob("*"))
    assert not any(path.is_symlink() for path in paths)
    contents = {path.relative_to(folder / "images").as_posix(): path.read_bytes() for path in paths if path.is_file()}
    shutil.rmtree(folder / "images")
    return contents


@pytest.mark.parametrize("kind", PACKED)
def test_a_damaged_archive_gives_the_same_files_or_an_error(kind, campaign, tmp_path):
    tried = campaign(f"archive, {kind}")
    for chance in tried.trials(COUNT):
        (tmp_path / "archive").write_bytes(damaged(PACKED[kind], chance))
        found = unpacked(tmp_path)
        if kind == "tar" and found is not None:  # no checksum of its content, nor of a long name
            lost = len(PACKED[kind]) - (tmp_path / "archive").stat().st_size
            assert lost % tarfile.BLOCKSIZE == 0
            assert lost or sorted(map(len, found.values())) == sorted(map(len, FILES.values()))
        else:
            assert found in (None, FILES)
        tried.count("refused" if found is None else "unharmed")


def hostile_name(chance):
    return "/".join(chance.choices(NAMES, k=chance.randint(1, 4)))


def hostile_zip(chance):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for _ in range(chance.randint(1, 4)):
            info = zipfile.ZipInfo("A")
            info.filename = hostile_name(chance).encode(errors="surrogateescape").decode("latin-1")
            info.external_attr = chance.choice([0, 0o100644, 0o040755, 0o120777, 0o010644]) << 16
            archive.writestr(info, chance.choice([b"", b"/etc/passwd", b"x" * 1000]))
    return packed.getvalue()


def hostile_tar(chance):
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", errors="surrogateescape") as archive:
        for _ in range(chance.randint(1, 4)):
            member = tarfile.TarInfo(hostile_name(chance))
            member.type, member.linkname = chance.choice(KINDS), hostile_name(chance)
            content = chance.choice([b"", b"x" * 1000]) if member.isreg() else b""
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return packed.getvalue()


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("pack", [hostile_zip, hostile_tar])
def test_a_hostile_archive_writes_nothing_outside_its_folder(pack, campaign, tmp_path):
    tried = campaign(f"archive, {pack.__name__.replace('_', ' ')}")
    inner = tmp_path / "a" / "b" / "c"
    inner.mkdir(parents=True)
    for chance in tried.trials(COUNT):
        (inner / "archive").write_bytes(pack(chance))
        tried.count("refused" if unpacked(inner) is None else "unharmed")
        assert [path.name for path in tmp_path.rglob("*")] == ["a", "b", "c", "archive"]
