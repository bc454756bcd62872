import numpy as np
import pandas as pd
import pytest
import torch

from pml.errors import InputError


def edit(path, change):
    """Rewrite a CSV after `change` to its frame."""
    frame = pd.read_csv(path, dtype={"subject": str})
    change(frame)
    frame.to_csv(path, index=False)


def test_part_holds_the_images_of_the_fold_in_the_order_of_folds_csv(store):
    folds = pd.read_csv(store.folds)
    expected = folds[(folds["fold"] == 2) & (folds["part"] == "test")]["image"].tolist()
    assert store.open().part(2, "test").index["image"].tolist() == expected


def test_each_image_has_its_own_face_and_label(store):
    data, index, table = store.open(), pd.read_csv(store.index), pd.read_csv(store.faces_table)
    part = data.part(1, "train")
    for image, row, age in zip(part.index["image"], part.store_rows, part.ages, strict=True):
        assert table["image"][row] == image
        assert age == torch.tensor(index.set_index("image")["age"][image], dtype=torch.float32)


def test_unknown_age_std_is_nan(store):
    edit(store.index, lambda frame: frame.loc.__setitem__((1, "age_std"), 2.5))
    stds = store.open().part(2, "train").age_stds
    assert np.isnan(stds).sum() == len(stds) - 1 and stds[1] == 2.5


def test_fingerprint_of_a_fold_follows_its_labels_parts_and_alignment(store):
    before = [store.open().fingerprint(fold) for fold in (1, 2)]
    assert before == [store.open().fingerprint(fold) for fold in (1, 2)] and before[0] != before[1]

    def swap_parts_of_fold_1(frame):
        frame.loc[[0, 1], "part"] = frame.loc[[1, 0], "part"].to_numpy()

    def swap_ages(frame):
        frame.loc[[0, 1], "age"] = frame.loc[[1, 0], "age"].to_numpy()

    edit(store.folds, swap_parts_of_fold_1)
    assert [store.open().fingerprint(fold) == old for fold, old in zip((1, 2), before, strict=True)] == [False, True]
    middle = store.open().fingerprint(2)
    edit(store.index, swap_ages)
    assert store.open().fingerprint(2) != middle
    middle = store.open().fingerprint(2)
    edit(store.faces_table, lambda frame: frame.loc.__setitem__((3, "source"), "points"))
    assert store.open().fingerprint(2) != middle


def test_store_of_another_length_than_its_table_is_refused(store):
    np.save(store.store, np.load(store.store)[1:])
    with pytest.raises(InputError, match="faces.npy: 23 faces, but .*faces.csv has 24"):
        store.open()


def test_missing_store_is_named(store):
    store.store.unlink()
    with pytest.raises(InputError, match="faces.npy: no such file; run the stage that writes it"):
        store.open()


@pytest.mark.parametrize("lacking", ["index", "faces_table"])
def test_fold_of_an_image_without_a_label_or_a_face_is_refused(store, lacking):
    path = getattr(store, lacking)
    table = pd.read_csv(path, dtype={"subject": str})
    changed = store.folds if lacking == "index" else path
    edit(changed, lambda frame: frame.loc.__setitem__((0, "image"), "absent.jpg"))
    image = "absent.jpg" if lacking == "index" else table["image"][0]
    with pytest.raises(InputError, match=f"folds.csv: image '{image}' is not in {path}; run again the stage"):
        store.open()
