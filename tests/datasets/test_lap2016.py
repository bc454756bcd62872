"""The LAP 2016 loader: the layout of 2015 with the owners' counts of 2016."""

from pml.datasets import lap2016
from pml.options import NoOptions


def test_each_part_has_a_label_file_with_a_header(tmp_path):
    for part, folder in (("train", "train_1"), ("valid", "valid"), ("test", "test")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / f"{part}.jpg").touch()
        (tmp_path / f"{part}_gt.csv").write_text(f"image,mean,stdv\n{part}.jpg,27.5,3.25\n")
    tables = lap2016.load(tmp_path, NoOptions())
    assert {(row["image"], row["age"], row["age_std"], row["part"]) for row in tables.index} == {
        ("train_1/train.jpg", 27.5, 3.25, "train"),
        ("valid/valid.jpg", 27.5, 3.25, "validation"),
        ("test/test.jpg", 27.5, 3.25, "test"),
    }
    assert tables.rejected == [] and tables.findings["test: images by the owners' count"] == 1978
