import io

import cv2
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from pml.errors import InputError
from pml.faces import align
from pml.faces.align import BOX, COORDINATES, align_faces, align_images, around
from pml.faces.alignment import align_face, centre_crop
from pml.faces.detection import Detection
from pml.suite.settings import Crop
from pml.tables import load_schema, read_table
from pml.task import Task

MARKED = np.array([[20, 20], [44, 20], [32, 34], [24, 46], [40, 46]], dtype=float)


def drawn(seed=0, height=60, width=64):
    noise = np.random.default_rng(seed).integers(0, 256, (height // 4, width // 4, 3), dtype=np.uint8)
    return cv2.resize(noise, (width, height), interpolation=cv2.INTER_LINEAR)


def encoded(image, format, **options):
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, format, **options)
    return buffer.getvalue()


class RedDetector:
    """Finds a face wherever the first pixel is more red than blue."""

    def detect(self, image):
        found = image[0, 0, 0] > image[0, 0, 2]
        return Detection(np.array([0.0, 0.0, 9.0, 9.0]), 0.9, MARKED + [1, 2]) if found else None


def with_corner(colour):
    image = drawn()
    image[:16, :16] = colour
    return image


RED, BLUE = with_corner((250, 0, 0)), with_corner((0, 0, 250))
PICTURES = {
    "found.png": encoded(RED, "PNG"),
    "marked.png": encoded(BLUE, "PNG"),
    "neither.png": encoded(BLUE, "PNG"),
    "truncated.jpg": encoded(RED, "JPEG")[:700],
    "empty.jpg": b"",
    "text.jpg": b"this is not a picture",
}


@pytest.fixture
def dataset(tmp_path):
    """Write `PICTURES`, index.csv and landmarks.csv; the index also lists a picture that is not there."""
    for name, content in PICTURES.items():
        (tmp_path / name).write_bytes(content)
    index = pd.DataFrame({"image": [*PICTURES, "absent.jpg"], "age": 30.0})
    index.reindex(columns=load_schema("index")["properties"]).to_csv(tmp_path / "index.csv", index=False)
    rows = [(name, *MARKED.ravel()) for name in ("found.png", "marked.png", "empty.jpg")]
    pd.DataFrame(rows, columns=["image", *COORDINATES]).to_csv(tmp_path / "landmarks.csv", index=False)
    return tmp_path


def run_stage(folder, output, threads=1, **settings):
    inputs = {"images": folder, "index": folder / "index.csv", "landmarks": folder / "landmarks.csv"}
    outputs = {"faces": output / "faces.npy", "table": output / "faces.csv", "rejected": output / "rejected.csv"}
    inputs, outputs = ({name: str(path) for name, path in each.items()} for each in (inputs, outputs))
    align_faces(Task("align_faces", {}, inputs, outputs, {"size": 32} | settings), threads)
    return output


@pytest.fixture
def output(dataset, monkeypatch):
    monkeypatch.setattr(align, "FaceDetector", RedDetector)
    return run_stage(dataset, dataset / "output")


def test_rows_in_are_rows_out_plus_rows_rejected(dataset, output):
    images = read_table(dataset / "index.csv", "index")["image"]
    faces, rejected = read_table(output / "faces.csv", "faces"), read_table(output / "rejected.csv", "rejected")
    assert len(np.load(output / "faces.npy")) == len(faces)
    assert sorted([*faces["image"], *rejected["image"]]) == sorted(images)


def test_the_source_falls_back_from_detector_to_points_to_centre(output):
    faces = read_table(output / "faces.csv", "faces").set_index("image")
    assert dict(faces["source"]) == {"found.png": "detector", "marked.png": "points", "neither.png": "centre"}
    assert faces.loc["found.png", "score"] == 0.9
    assert faces.loc[["marked.png", "neither.png"], "score"].isna().all()
    np.testing.assert_array_equal(faces.loc["found.png", COORDINATES], (MARKED + [1, 2]).ravel())
    np.testing.assert_array_equal(faces.loc["marked.png", COORDINATES], MARKED.ravel())
    assert faces.loc["neither.png", COORDINATES].isna().all()


def test_row_i_of_the_store_is_row_i_of_the_table(output):
    expected = {
        "found.png": align_face(RED, MARKED + [1, 2], 32),
        "marked.png": align_face(BLUE, MARKED, 32),
        "neither.png": centre_crop(BLUE, 32),
    }
    for name, face in zip(read_table(output / "faces.csv", "faces")["image"], np.load(output / "faces.npy"), strict=True):
        np.testing.assert_array_equal(face, expected[name])


def test_a_box_of_the_detector_cuts_the_face_and_where_there_is_none_the_landmarks_cut_it_upright(dataset, monkeypatch):
    monkeypatch.setattr(align, "FaceDetector", RedDetector)
    output = run_stage(dataset, dataset / "output", crop={"alignment": "box", "zoom": 0.6})
    faces, store = read_table(output / "faces.csv", "faces").set_index("image"), np.load(output / "faces.npy")
    assert dict(faces["source"]) == {"found.png": "detector", "marked.png": "points", "neither.png": "centre"}
    assert faces.loc["found.png", "score"] == 0.9 and faces.loc["found.png", COORDINATES].isna().all()
    np.testing.assert_array_equal(faces.loc["marked.png", COORDINATES], MARKED.ravel())
    expected = [
        align_face(RED, np.array([[0.0, 0.0], [9.0, 9.0]]), 32, Crop(alignment="box", zoom=0.6)),
        align_face(BLUE, MARKED, 32, Crop(alignment="upright", zoom=0.6)),
        centre_crop(BLUE, 32),
    ]
    np.testing.assert_array_equal(store, expected)


def test_the_detector_looks_only_around_the_owners_box(tmp_path):
    # Two pictures side by side: the red one is a face to the detector, the blue one is not.
    Image.fromarray(np.hstack([BLUE, RED])).save(tmp_path / "pair.png")
    index = pd.DataFrame({"image": ["pair.png"], **dict(zip(BOX, [[64.0], [0.0], [128.0], [60.0]], strict=True))})
    index["left"] += 0.4 / 1.8 * 64  # so that box and margin begin where the red picture does
    index["right"] -= 0.4 / 1.8 * 64
    landmarks = pd.DataFrame(columns=["image", *COORDINATES])
    faces, _ = align_images(tmp_path, index, landmarks, 32, tmp_path / "faces.npy", RedDetector())
    assert list(faces["source"]) == ["detector"]
    np.testing.assert_array_equal(faces.loc[0, COORDINATES].astype(float), (MARKED + [65, 2]).ravel())
    np.testing.assert_array_equal(np.load(tmp_path / "faces.npy")[0], align_face(RED, MARKED + [1, 2], 32))


@pytest.mark.parametrize("box", [[np.nan] * 4, [90, 10, 99, 30], [5, 5, 5, 5], [30, 10, 10, 40]])
def test_no_box_or_one_outside_the_image_leaves_the_whole_image(box):
    part, corner = around(RED, np.array(box, dtype=float))
    np.testing.assert_array_equal(part, RED)
    assert list(corner) == [0, 0]


@pytest.mark.parametrize("found", [False, True])
@pytest.mark.parametrize("place", [0.0, 7.25, 1e300])
def test_landmarks_in_one_place_leave_the_central_crop(tmp_path, found, place):
    class OnePlace(RedDetector):
        def detect(self, image):
            return Detection(np.zeros(4), 0.9, np.full((5, 2), place)) if found else None

    Image.fromarray(RED).save(tmp_path / "a.png")
    index = pd.DataFrame({"image": ["a.png"], **dict.fromkeys(BOX, [np.nan])})
    landmarks = pd.DataFrame([("a.png", *[place] * 10)], columns=["image", *COORDINATES])
    faces, rejected = align_images(tmp_path, index, landmarks, 32, tmp_path / "faces.npy", OnePlace())
    assert list(faces["source"]) == ["centre"] and rejected.empty
    np.testing.assert_array_equal(np.load(tmp_path / "faces.npy")[0], centre_crop(RED, 32))


def test_an_error_of_the_code_is_not_taken_for_a_bad_picture(dataset, monkeypatch):
    def wrong(*_):
        raise ValueError("cannot convert float NaN to integer")

    monkeypatch.setattr(align, "FaceDetector", RedDetector)
    monkeypatch.setattr(align, "align_face", wrong)
    with pytest.raises(ValueError, match="NaN"):
        run_stage(dataset, dataset / "output")


def test_each_rejection_says_why(output):
    reasons = read_table(output / "rejected.csv", "rejected").set_index("image")["reason"]
    assert reasons["absent.jpg"] == "no such file"
    assert reasons["empty.jpg"] == reasons["text.jpg"] == "not a picture"
    assert "truncated" in reasons["truncated.jpg"]


@pytest.mark.parametrize("threads", [1, 2])
def test_the_same_images_give_the_same_bytes_on_any_number_of_cores(dataset, output, threads):
    again = run_stage(dataset, dataset / f"again{threads}", threads)
    for name in ("faces.npy", "faces.csv", "rejected.csv"):
        assert (output / name).read_bytes() == (again / name).read_bytes()


def interrupted(dataset, monkeypatch):
    """Align `dataset` into the folder `again` until the second picture; return the pictures that the detector looks at."""
    looked = []

    class Interrupted(RedDetector):
        def detect(self, image):
            looked.append(image)
            if len(looked) == 2:
                raise KeyboardInterrupt
            return super().detect(image)

    monkeypatch.setattr(align, "FaceDetector", Interrupted)
    (dataset / "again").mkdir()
    with pytest.raises(KeyboardInterrupt):
        run_stage(dataset, dataset / "again")
    return looked


@pytest.mark.parametrize("change", [{}, {"size": 16}, {"crop": {"zoom": 0.6}}])
def test_an_interrupted_alignment_goes_on_unless_its_settings_change(dataset, output, monkeypatch, change):
    looked = interrupted(dataset, monkeypatch)
    again = run_stage(dataset, dataset / "again", **change)
    assert len(looked) == 2 + (3 if change else 2)  # pictures that can be read, of which the first was done
    whole = run_stage(dataset, dataset / "whole", **change)
    for name in ("faces.npy", "faces.csv", "rejected.csv"):
        assert (again / name).read_bytes() == (whole / name).read_bytes()


def test_an_interrupted_alignment_begins_anew_where_the_pictures_were_unpacked_anew(dataset, monkeypatch):
    interrupted(dataset, monkeypatch)
    (dataset / "found.png").rename(dataset / "aside.png")
    (dataset / "marked.png").rename(dataset / "found.png")
    (dataset / "aside.png").rename(dataset / "marked.png")
    again = run_stage(dataset, dataset / "again")
    assert list(read_table(again / "faces.csv", "faces")["source"]) == ["points", "detector", "centre"]


def test_a_wrong_images_folder_is_an_error_and_leaves_no_store(dataset):
    index, landmarks = read_table(dataset / "index.csv", "index"), read_table(dataset / "landmarks.csv", "landmarks")
    with pytest.raises(InputError, match="times 'no such file'; is it their root"):
        align_images(dataset / "elsewhere", index, landmarks, 32, dataset / "faces.npy", RedDetector())
    assert not (dataset / "faces.npy").exists()
