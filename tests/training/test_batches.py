import dataclasses

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from pml.errors import InputError
from pml.training import batches, processes
from pml.training.augmentation import normalise

CPU = torch.device("cpu")


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def test_batches_are_images_that_take_part_each_at_most_once_in_random_order():
    taking_part = np.arange(20) % 5 > 0
    drawn = np.array(batches.draw_batches(taking_part, 5, generator()))
    assert drawn.shape == (3, 5) and len(set(drawn.flat)) == 15 and taking_part[drawn].all()
    assert (np.diff(drawn.ravel()) < 0).any()


def test_fewer_images_than_a_batch_are_one_batch():
    assert [sorted(batch) for batch in batches.draw_batches(np.arange(9) < 3, 5, generator())] == [[0, 1, 2]]


@pytest.mark.parametrize(("images", "sizes"), [(10, [5, 5]), (13, [5, 5, 3]), (12, [5, 5, 2]), (11, [5, 5]), (3, [3])])
def test_a_partial_batch_holds_the_rest_but_for_a_single_image(images, sizes):
    drawn = batches.draw_batches(np.arange(20) < images, 5, generator(), partial=True)
    assert [len(batch) for batch in drawn] == sizes and len(set(np.concatenate(drawn))) == sum(sizes)
    whole = batches.draw_batches(np.arange(20) < images, 5, generator())
    assert all(np.array_equal(*pair) for pair in zip(whole, drawn, strict=False))


def test_a_partial_batch_that_processes_cannot_share_is_left_out(monkeypatch):
    monkeypatch.setattr(processes, "count", lambda: 4)
    assert [len(batch) for batch in batches.draw_batches(np.arange(13) >= 0, 5, generator(), partial=True)] == [5, 5]


def test_more_processes_than_images_in_a_batch_are_refused(monkeypatch):
    monkeypatch.setattr(processes, "count", lambda: 4)
    with pytest.raises(InputError, match="4 processes share batches of 3 images; start fewer processes"):
        batches.draw_batches(np.arange(9) < 3, 5, generator())


def test_weights_draw_with_replacement_in_proportion_among_those_that_take_part():
    weights = torch.tensor([0.0, 1.0, 3.0, 96.0])
    drawn = np.array(batches.draw_batches(np.arange(4000) % 4 < 3, 1000, generator(), weights.repeat(1000)))
    counts = np.bincount(drawn.ravel() % 4, minlength=4)
    assert drawn.shape == (3, 1000) and counts[0] == counts[3] == 0
    assert counts[2] / counts[1] == pytest.approx(3, rel=0.2) and len(set(drawn.flat)) < 2000


def test_views_of_a_batch_are_the_same_faces_augmented_anew(settings):
    faces = np.random.default_rng(0).integers(0, 256, (4, 8, 8, 3), np.uint8)
    still = dataclasses.replace(settings.augmentation, flip=0, scale=0, rotation=0, translation=0)
    first, second = batches.load_views(faces, np.arange(4), still, generator(), CPU, views=2).chunk(2)
    assert first.equal(second)
    first, second = batches.load_views(faces, np.arange(4), settings.augmentation, generator(), CPU, views=2).chunk(2)
    alone = batches.load_views(faces, np.arange(4), settings.augmentation, generator(), CPU)
    assert first.equal(alone) and not torch.isclose(first, second).all()


@pytest.mark.parametrize("one_of", [False, True])
def test_shares_of_a_batch_are_the_batch_whatever_their_number(settings, monkeypatch, one_of):
    augmentation = dataclasses.replace(settings.augmentation, one_of=one_of, rotation=20)
    faces = np.random.default_rng(0).integers(0, 256, (40, 8, 8, 3), np.uint8)
    rows = np.random.default_rng(1).permutation(40)[:23]
    whole = batches.load_views(faces, rows, augmentation, used := generator(), CPU)
    assert whole.shape == (23, 3, 8, 8)
    assert not torch.isclose(whole, normalise(torch.from_numpy(faces[rows]))).all()
    for count in (2, 5):
        monkeypatch.setattr(processes, "count", lambda count=count: count)
        shares = []
        for rank in range(count):
            monkeypatch.setattr(processes, "rank", lambda rank=rank: rank)
            share = processes.share(len(rows))
            shares.append(batches.load_views(faces, rows, augmentation, own := generator(), CPU, share=share))
            assert own.get_state().equal(used.get_state()), "every process goes on with the same numbers"
        assert_close(torch.cat(shares), whole, rtol=0, atol=1e-5)
