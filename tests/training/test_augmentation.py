"""Warps against OpenCV's, and their ranges."""

import math
from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch
from torch.testing import assert_close
from torchvision.transforms import ColorJitter, Grayscale

from pml.suite.settings import Augmentation
from pml.training.augmentation import MEAN, STD, augment, normalise, random_affine

SIZE = 16
NONE = Augmentation(flip=0, scale=0, rotation=0, translation=0, one_of=False, colour=(0.5, 0.5, 0.5, 0.1))
ALL = replace(NONE, flip=0.5, scale=0.2, rotation=30, translation=0.1)
ONE_OF = replace(NONE, flip=0.5, rotation=20, one_of=True)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def inputs():
    noise = np.random.default_rng(0).random((3, SIZE, SIZE, 3), np.float32)
    smooth = np.stack([cv2.GaussianBlur(face, (0, 0), 2) for face in noise])
    return torch.from_numpy(smooth).permute(0, 3, 1, 2).contiguous()


def warped_by_opencv(face: torch.Tensor, to_input: np.ndarray) -> torch.Tensor:
    """Warp one (3, H, W) face by a (2, 3) map from output to input positions in pixels from the face's centre."""
    centre = (SIZE - 1) / 2
    linear, shift = to_input[:, :2], to_input[:, 2]
    matrix = np.column_stack([linear, shift + centre - linear @ [centre, centre]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    image = face.permute(1, 2, 0).numpy()
    return torch.from_numpy(cv2.warpAffine(image, matrix, (SIZE, SIZE), flags=flags, borderMode=cv2.BORDER_REPLICATE)).permute(
        2, 0, 1
    )


def test_normalise_gives_torchvision_s_inputs():
    faces = np.random.default_rng(0).integers(0, 256, (2, 4, 4, 3), np.uint8)
    found = normalise(torch.from_numpy(faces))
    for channel in range(3):
        expected = (faces[..., channel] / 255 - MEAN[channel]) / STD[channel]
        assert_close(found[:, channel].double(), torch.from_numpy(expected), rtol=1e-5, atol=1e-5)


def test_no_augmentation_leaves_the_faces(inputs):
    assert_close(augment(inputs, NONE, generator()), inputs, rtol=0, atol=1e-5)


def test_flip_is_the_mirror_image(inputs):
    mirrored = augment(inputs, replace(NONE, flip=1), generator())
    assert_close(mirrored, inputs.flip(3), rtol=0, atol=1e-5)


def test_flip_happens_as_often_as_asked():
    mirrored = random_affine(4000, replace(NONE, flip=0.3), generator())[:, 0, 0] < 0
    assert mirrored.float().mean().item() == pytest.approx(0.3, abs=4 * math.sqrt(0.3 * 0.7 / 4000))


@pytest.mark.parametrize(
    "augmentation",
    [
        replace(NONE, rotation=45),
        replace(NONE, scale=0.3),
        replace(NONE, translation=0.2),
        ALL,
    ],
    ids=["rotation", "scale", "translation", "all"],
)
def test_warp_is_opencv_s(inputs, augmentation):
    maps = random_affine(len(inputs), augmentation, generator()).double().numpy()
    found = augment(inputs, augmentation, generator())
    for face, output, to_input in zip(inputs, found, maps, strict=True):
        in_pixels = to_input * [1, 1, SIZE / 2]
        assert_close(output, warped_by_opencv(face, in_pixels), rtol=0, atol=0.02)  # OpenCV rounds positions to 1/32 pixel


def test_maps_are_within_their_ranges_and_fill_them():
    maps = random_affine(4000, ALL, generator()).double()
    columns = maps[:, :, :2]
    scale = 1 / columns.norm(dim=1)
    assert_close(scale[:, 0], scale[:, 1], rtol=1e-5, atol=0)
    assert_close((columns[:, :, 0] * columns[:, :, 1]).sum(1), torch.zeros(4000, dtype=torch.float64), atol=1e-6, rtol=0)
    angle = torch.atan2(-maps[:, 0, 1], maps[:, 1, 1]).rad2deg()
    shift = maps[:, :, 2] / 2
    for values, low, high in [(scale[:, 0], 0.8, 1.2), (angle, -30, 30), (shift[:, 0], -0.1, 0.1), (shift[:, 1], -0.1, 0.1)]:
        margin = 0.01 * (high - low)
        assert low - 1e-5 <= values.min() <= low + margin and high - margin <= values.max() <= high + 1e-5


def test_draws_are_independent():
    maps = random_affine(4000, ALL, generator()).double()
    angle = torch.atan2(-maps[:, 0, 1], maps[:, 1, 1])
    mirror = maps[:, :, :2].det().sign()
    scale = maps[:, :, :2].det().abs().rsqrt()
    correlations = torch.corrcoef(torch.stack([mirror, scale, angle, maps[:, 0, 2], maps[:, 1, 2]]))
    assert (correlations - torch.eye(5)).abs().max() < 5 / math.sqrt(4000)


@pytest.mark.parametrize("augmentation", [ALL, ONE_OF], ids=["all", "one of"])
def test_same_generator_gives_the_same_augmentations(inputs, augmentation):
    assert augment(inputs, augmentation, generator(3)).equal(augment(inputs, augmentation, generator(3)))
    assert not augment(inputs, augmentation, generator(3)).equal(augment(inputs, augmentation, generator(4)))


def test_every_face_has_its_own_warp(inputs):
    same = inputs[:1].expand(3, -1, -1, -1)
    outputs = augment(same, ALL, generator())
    assert not outputs[0].equal(outputs[1]) and not outputs[1].equal(outputs[2])


@pytest.fixture
def pixels(inputs):
    """400 times the same face in colours from 0 to 1."""
    return inputs[:1].expand(400, -1, -1, -1)


def standardised(pixels):
    return (pixels - torch.tensor(MEAN).view(3, 1, 1)) / torch.tensor(STD).view(3, 1, 1)


def is_like(outputs, face):
    """Tell which of the outputs show this face."""
    return (outputs - standardised(face)).abs().amax((1, 2, 3)) < 1e-4


@pytest.mark.parametrize(("flip", "grey"), [(0.5, 0.1), (1, 1), (0, 0.6)])
def test_one_of_gives_each_face_a_mirror_image_or_grey_by_two_chances_and_leaves_the_rest(pixels, flip, grey):
    """Rotation by 0 and colours left as they are show the face itself."""
    still = replace(ONE_OF, rotation=0, colour=(0, 0, 0, 0), flip=flip, grey=grey)
    outputs = augment(standardised(pixels), still, generator())
    face = pixels[0]
    mirrored, greyed, same = (is_like(outputs, shown) for shown in (face.flip(2), Grayscale(3)(face), face))
    assert (mirrored.int() + greyed.int() + same.int() == 1).all()
    for found, chance in ((mirrored, flip / 4), (greyed, grey / 4), (same, 1 - (flip + grey) / 4)):
        assert found.float().mean().item() == pytest.approx(chance, abs=4 * math.sqrt(chance * (1 - chance) / 400))


def test_one_of_s_rotation_is_the_warp_s_alone(pixels):
    """Scale and translation are left out, whatever they are."""
    alone = replace(ONE_OF, colour=(0, 0, 0, 0))
    more = replace(alone, scale=0.5, translation=0.3)
    outputs = augment(standardised(pixels), more, generator())
    assert outputs.equal(augment(standardised(pixels), alone, generator()))
    others = (pixels[0].flip(2), Grayscale(3)(pixels[0]), pixels[0])
    turned = ~torch.stack([is_like(outputs, face) for face in others]).any(0)
    assert turned.float().mean().item() == pytest.approx(0.25, abs=0.09)


@pytest.mark.parametrize("number, name", list(enumerate(["brightness", "contrast", "saturation", "hue"])))
def test_colour_jitter_spreads_as_torchvision_s(number, name):
    strength = (0.5, 0.5, 0.5, 0.1)[number]
    only = tuple(strength if place == number else 0 for place in range(4))
    generated = torch.Generator().manual_seed(5)
    face = 0.3 + 0.4 * torch.rand(3, 4, 4, generator=generated)
    certain = replace(ONE_OF, flip=1, grey=1, rotation=0, colour=only)
    outputs = augment(standardised(face).expand(4000, -1, -1, -1), certain, generator())
    others = (face.flip(2), Grayscale(3)(face), face)
    jittered = outputs[~torch.stack([is_like(outputs, other) for other in others]).any(0)]
    jitter = ColorJitter(**{name: strength})
    expected = torch.stack([standardised(jitter(face)) for _ in range(1000)])
    assert len(jittered) == pytest.approx(1000, abs=110)
    for statistic in (torch.mean, torch.std):
        assert_close(statistic(jittered, 0), statistic(expected, 0), rtol=0, atol=0.1)
    assert_close(jittered.amax(0), expected.amax(0), rtol=0, atol=0.05)
    assert_close(jittered.amin(0), expected.amin(0), rtol=0, atol=0.05)
