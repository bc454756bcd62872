"""The FG-NET loader: every file is accounted for."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pml.datasets import fgnet

POINTS = [(float(k), k + 0.5) for k in range(68)]


def pts(points=POINTS):
    lines = "\n".join(f"{x} {y}" for x, y in points)
    return f"version: 1\nn_points: {len(points)}\n{{\n{lines}\n}}\n"


def lay_out(root, files):
    """Write `files`, {path: content}, or an iterable of paths, below `root`."""
    for name, content in (files if isinstance(files, dict) else dict.fromkeys(files, "")).items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return root


def load(root):
    tables = fgnet.load(root, fgnet.Options())
    return tables.index, tables.landmarks, tables.rejected


def reasons(rows):
    return {row["image"]: row["reason"] for row in rows}


@pytest.mark.parametrize("root", ["", "FGNET/", "data/FGNET/"])
@pytest.mark.parametrize(("image", "points"), [("001A02.JPG", "001a02.pts"), ("001a02.jpg", "001A02.PTS")])
def test_an_image_and_its_points_are_joined_wherever_they_lie_and_however_they_are_spelt(root, image, points, tmp_path):
    lay_out(tmp_path, {f"{root}images/{image}": "", f"{root}points/{points}": pts()})
    index, landmarks, rejected = load(tmp_path)
    assert index == [{"image": f"{root}images/{image}", "subject": "001", "age": 2}]
    assert [row["image"] for row in landmarks] == [f"{root}images/{image}"]
    assert rejected == []


def test_the_five_landmarks_are_pupils_nose_and_mouth_corners(tmp_path):
    _, [landmarks], _ = load(lay_out(tmp_path, {"images/001A02.JPG": "", "points/001a02.pts": pts()}))
    expected = {"left_eye": 31, "right_eye": 36, "nose": 67, "left_mouth": 48, "right_mouth": 54}
    for name, k in expected.items():
        assert (landmarks[f"{name}_x"], landmarks[f"{name}_y"]) == POINTS[k]


def test_a_letter_tells_images_of_one_age_apart(tmp_path):
    lay_out(tmp_path, ["images/008A29a.JPG", "images/008A29b.JPG"])
    lay_out(tmp_path, {"points/008a29a.pts": pts(), "points/008a29B.pts": pts()})
    index, landmarks, rejected = load(tmp_path)
    assert [(row["subject"], row["age"]) for row in index] == [("008", 29)] * 2
    assert (len(landmarks), rejected) == (2, [])


def test_of_names_that_differ_only_in_case_the_official_spelling_is_indexed(tmp_path):
    index, _, rejected = load(lay_out(tmp_path, ["images/001A02.JPG", "images/001a02.jpg"]))
    assert [row["image"] for row in index] == ["images/001A02.JPG"]
    assert reasons(rejected) == {"images/001a02.jpg": "same picture as images/001A02.JPG, by its name"}


def test_of_two_points_files_for_one_image_the_second_is_rejected(tmp_path):
    lay_out(tmp_path, {"images/001A02.JPG": "", "points/001A02.pts": pts(), "points/001a02.pts": pts()})
    _, landmarks, rejected = load(tmp_path)
    assert len(landmarks) == 1
    assert reasons(rejected) == {"points/001a02.pts": "same points as points/001A02.pts, by its name"}


@pytest.mark.parametrize("name", ["01A02.JPG", "001A2.JPG", "001B02.JPG", "001A02ab.JPG", "001A02.png", "001A02", "Thumbs.db"])
def test_a_picture_with_another_name_is_rejected(name, tmp_path):
    index, _, rejected = load(lay_out(tmp_path, [f"images/{name}"]))
    assert index == [] and "not of the form" in reasons(rejected)[f"images/{name}"]


@pytest.mark.parametrize("name", ["__MACOSX/FGNET/images/._001A02.JPG", "images/._001A02.JPG", "points/.DS_Store"])
def test_macos_metadata_is_rejected(name, tmp_path):
    index, _, rejected = load(lay_out(tmp_path, [name]))
    assert index == [] and reasons(rejected) == {name: "macOS metadata"}


@pytest.mark.parametrize("name", ["README.md", "Data_files/001a02.dat", "001A02.JPG", "points/notes.txt", "001a02.pts"])
def test_every_other_file_is_rejected(name, tmp_path):
    _, _, rejected = load(lay_out(tmp_path, [name]))
    assert list(reasons(rejected)) == [name]


def test_points_without_an_image_are_rejected(tmp_path):
    _, landmarks, rejected = load(lay_out(tmp_path, {"images/001A02.JPG": "", "points/001a03.pts": pts()}))
    assert landmarks == [] and reasons(rejected) == {"points/001a03.pts": "points without an image"}


@pytest.mark.parametrize(
    "content",
    [
        "",
        "\0\xff{",
        pts(POINTS[:67]),
        pts([*POINTS, (0, 0)]),
        pts().replace("}", ""),
        pts().replace("3.0 3.5", "3.0"),
        pts().replace("3.0 3.5", "3.0 x"),
        pts().replace("3.0 3.5", "3.0 nan"),
        pts() + pts(),
    ],
)
def test_malformed_points_are_rejected_and_their_image_is_kept(content, tmp_path):
    index, landmarks, rejected = load(lay_out(tmp_path, {"images/001A02.JPG": "", "points/001a02.pts": content}))
    assert (len(index), landmarks) == (1, [])
    assert "68 pairs" in reasons(rejected)["points/001a02.pts"]


folders = st.sampled_from(["", "images", "Images", "points", "FGNET/images", "FGNET/points", "__MACOSX/images", "Data_files"])
stems = st.from_regex(r"00[12][Aa]0[23][abB]?", fullmatch=True)
suffixes = st.sampled_from([".JPG", ".jpg", ".pts", ".PTS", ".dat", ""])
likely_names = st.builds(str.__add__, stems, suffixes)
any_names = st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=20)
names = st.one_of(likely_names, likely_names, any_names.filter(lambda name: name not in (".", "..")))
paths = st.builds(lambda folder, name: f"{folder}/{name}".lstrip("/"), folders, names)


@given(st.dictionaries(paths, st.sampled_from(["", pts(), pts(POINTS[1:])]), max_size=20))
@settings(max_examples=60)
def test_files_in_are_images_companions_and_rejected_whatever_their_names(files):
    folders = {path.rpartition("/")[0].split("/")[0] for path in files if "/" in path}
    files = {path: content for path, content in files.items() if path not in folders}
    with tempfile.TemporaryDirectory() as root:
        index, landmarks, rejected = load(lay_out(Path(root), files))
    images = [row["image"] for row in index]
    assert len(files) == len(index) + len(landmarks) + len(rejected)
    assert len({*images, *reasons(rejected)}) == len(index) + len(rejected)
    assert {*images, *reasons(rejected)} <= set(files)
    assert {row["image"] for row in landmarks} <= set(images)
    assert all(row["stage"] == "datasets" and row["reason"] for row in rejected)
