"""Labels joined with pictures: fields become a label, labels rows."""

from hypothesis import given
from hypothesis import strategies as st

from pml.datasets.listing import join, read_label, survey


def test_files_are_told_apart_by_suffix_and_in_order(tmp_path):
    for name in ("b/2.JPG", "a/1.jpg", "a/1.jpg.mat", "labels.csv", "a/._1.jpg", "__MACOSX/a.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    found = survey(tmp_path)
    assert (found.pictures, found.others) == (["a/1.jpg", "b/2.JPG"], ["a/1.jpg.mat", "labels.csv"])
    assert [row["image"] for row in found.rejected] == ["__MACOSX/a.png", "a/._1.jpg"]


def test_the_first_fault_is_told_and_a_name_that_is_none_is_dropped():
    assert read_label("x:1", "a/1.jpg", "train", "27", "4") == ("x:1", "1.jpg", "train", 27, 4, "")
    assert read_label("x:1", "1", "train", "?", "?")[1::4] == ("", "the row names no picture")
    assert read_label("x:1", "1.jpg", "train", "?", "?", "torn").fault == "torn"
    assert "from 0 to 120" in read_label("x:1", "1.jpg", "train", "120.5").fault
    assert "standard deviation" in read_label("x:1", "1.jpg", "train", "120", "nan").fault


names = st.sampled_from(["1.jpg", "1.JPG", "2.jpg", "3.jpg", ""])
rows = st.tuples(names, st.sampled_from(["27", "x"]))
pictures = st.builds("{}{}".format, st.sampled_from(["", "a/", "b/"]), st.sampled_from(["1.jpg", "1.JPG", "2.jpg"]))


@given(rows=st.lists(rows, max_size=8), paths=st.lists(pictures, unique=True, max_size=8))
def test_a_label_and_its_picture_are_one_row_together_and_all_others_are_one_each(rows, paths):
    labels = [read_label(f"x:{k}", name, "train", age) for k, (name, age) in enumerate(rows)]
    index, rejected = join(labels, paths)
    images = [row["image"] for row in index + rejected]
    together = {name.lower() for name, _ in rows} & {path.rpartition("/")[2].lower() for path in paths}
    assert len(images) == len(set(images)) == len(labels) + len(paths) - len(together)
    assert set(paths) <= set(images)
    assert all(row["age"] == 27 and row["image"] in paths for row in index)
