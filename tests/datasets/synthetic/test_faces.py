"""The drawing: what the landmarks point at, what tells people apart, what age does to a picture."""

import numpy as np
import pytest

from pml.datasets.synthetic.camera import neutral, photograph
from pml.datasets.synthetic.people import draw_person, look_at

AGES = (1, 6, 15, 30, 60)


def look(seed, age, day=0):
    return look_at(draw_person(np.random.default_rng([7, seed])), age, np.random.default_rng([8, seed, day]))


def patch(picture, point, radius=2):
    x, y = np.round(point).astype(int)
    return picture[y - radius : y + radius + 1, x - radius : x + radius + 1].reshape(-1, 3).mean(axis=0)


def cheek(picture, points):
    return (patch(picture, (points[3] + points[39]) / 2, 4) + patch(picture, (points[11] + points[43]) / 2, 4)) / 2


@pytest.mark.parametrize("age", AGES)
@pytest.mark.parametrize("seed", range(4))
def test_landmarks_lie_on_what_is_drawn(seed, age):
    picture, points = neutral(look(seed, age))
    picture = picture.astype(float)
    skin = cheek(picture, points)
    for pupil in points[[31, 36]]:
        assert patch(picture, pupil, 1).mean() < 0.75 * skin.mean()
    for nostril in points[[46, 47]]:
        assert patch(picture, nostril, 1).mean() < 0.9 * skin.mean()
    lips = patch(picture, (points[66] + points[57]) / 2, 1)
    assert lips[1] / lips[0] < skin[1] / skin[0]  # redder than the cheek


@pytest.mark.parametrize("age", (1, 15))  # no beard, and no jowl over the edge
def test_contour_parts_skin_from_what_is_behind(age):
    picture, points = neutral(look(3, age))
    picture, skin = picture.astype(float), cheek(picture.astype(float), points)
    centre = points[67]
    for point in points[[5, 7, 9]]:
        inside, outside = (patch(picture, centre + (point - centre) * reach, 1) for reach in (0.9, 1.12))
        assert np.abs(inside - skin).sum() < np.abs(outside - skin).sum()


def test_identity_persists_in_colour():
    """Of two pictures with nuisances off, those of one person are nearer in skin and eyes than those of most other pairs."""

    def colours(seed, age):
        picture, points = neutral(look(seed, age, day=age))
        return np.concatenate([cheek(picture, points), 0.5 * patch(picture, points[31] + (3, 0), 1)])

    first, second = (np.array([colours(seed, age) for seed in range(14)]) for age in (12, 18))
    distances = np.linalg.norm(first[:, None] - second[None], axis=2)
    nearer = [np.mean(row[i] < np.delete(row, i)) for i, row in enumerate(distances)]
    assert np.mean(nearer) > 0.85


def test_old_skin_is_rougher():
    def roughness(seed, age):
        picture, points = neutral(look(seed, age))
        (left, top), (right, bottom) = points[[3, 11]].min(axis=0), points[[3, 11]].max(axis=0) + (0, 30)
        face = picture[int(top) - 20 : int(bottom), int(left) : int(right), 1].astype(float)
        return np.abs(np.diff(face, 2, axis=0)).mean() / face.mean()

    assert np.mean([roughness(seed, 65) > roughness(seed, 20) for seed in range(8)]) > 0.8


def test_photographs_vary_but_repeat_with_their_generator():
    one, points = photograph(look(0, 20), np.random.default_rng(1))
    same, same_points = photograph(look(0, 20), np.random.default_rng(1))
    other, _ = photograph(look(0, 20), np.random.default_rng(2))
    assert np.array_equal(one, same) and np.array_equal(points, same_points)
    assert one.shape != other.shape or not np.array_equal(one, other)


@pytest.mark.parametrize("seed", range(12))
def test_photograph_holds_all_landmarks_and_a_face_of_fair_size(seed):
    picture, points = photograph(look(seed, 4 * seed), np.random.default_rng(seed), grey=seed % 3 == 0)
    assert picture.dtype == np.uint8 and picture.ndim == (2 if seed % 3 == 0 else 3)
    height, width = picture.shape[:2]
    assert 200 <= width <= 260
    assert np.all(points >= 0) and np.all(points < (width, height))
    assert 30 < np.linalg.norm(points[36] - points[31]) < 75
