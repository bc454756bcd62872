"""The landmarks: FG-NET's order, a child's and an adult's proportions."""

import numpy as np
import pytest

from pml.datasets.synthetic.proportions import CUES, MIRRORED, TRAITS, Look, landmarks

CHIN, MOUTH, NOSE, PUPILS = 7, 66, 67, [31, 36]


def look(growth=1.0, ageing=0.0, male=False, **traits):
    return Look(
        male=male,
        growth=dict.fromkeys(CUES, growth),
        ageing=dict.fromkeys(CUES, ageing),
        traits=dict.fromkeys(TRAITS, 0.0) | traits,
        **dict.fromkeys(("skin", "hair", "iris", "clothes"), np.full(3, 0.5)),
        **dict.fromkeys(("recession", "hair_length", "hair_density", "fringe", "beard", "stubble", "freckles"), 0.3),
        glasses=False,
        seed=0,
    )


@pytest.mark.parametrize("growth, ageing", [(0, 0), (0.5, 0), (1, 0), (1, 1)])
def test_landmarks_are_mirror_images_with_pupils_one_apart(growth, ageing):
    points = landmarks(look(growth, ageing))
    for right, left in MIRRORED.items():
        assert points[left] == pytest.approx(points[right] * (-1, 1))
    assert points[PUPILS] == pytest.approx(np.array([(-0.5, 0), (0.5, 0)]))


@pytest.mark.parametrize("growth, ageing", [(0, 0), (0.5, 0), (1, 0), (1, 1.2)])
def test_features_lie_in_order_down_the_face(growth, ageing):
    y = landmarks(look(growth, ageing))[:, 1]
    brow, top_lid, pupil, bottom_lid, tip, base, upper_lip, mouth, lower_lip, chin = y[[16, 33, 36, 35, 67, 41, 51, 66, 57, 7]]
    assert brow < top_lid < pupil < bottom_lid < tip < base < upper_lip < mouth < lower_lip < chin


def test_a_face_grows_longer_below_the_eyes():
    chins = [landmarks(look(growth))[CHIN, 1] for growth in (0, 0.3, 0.6, 1)]
    assert np.all(np.diff(chins) > 0)


def test_age_lengthens_the_nose_and_thins_the_lips():
    young, old = landmarks(look()), landmarks(look(ageing=1.0))
    assert old[NOSE, 1] > young[NOSE, 1]
    assert np.ptp(old[48:67, 1]) < np.ptp(young[48:67, 1])


def test_a_smile_widens_the_mouth_and_lifts_its_corners():
    neutral, smiling = landmarks(look()), landmarks(look(), smile=1.0)
    assert np.ptp(smiling[[48, 54], 0]) > np.ptp(neutral[[48, 54], 0])
    assert smiling[48, 1] - smiling[MOUTH, 1] < neutral[48, 1] - neutral[MOUTH, 1]


def test_a_trait_sets_people_apart():
    assert not np.allclose(landmarks(look(width=1.0)), landmarks(look(width=-1.0)))
