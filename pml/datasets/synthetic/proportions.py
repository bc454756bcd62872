"""Where the 68 FG-NET landmarks of a face lie, by growth, ageing and identity.

Unit: the distance between the pupils; origin: midway between them; y points down.
"""

from dataclasses import dataclass

import numpy as np

# Landmarks of the image's right half, (x, y) at birth and (x, y) full grown, by their index in an FG-NET .pts file.
HALF = {
    **{7: (0, 1.48, 0, 1.81), 8: (0.31, 1.44, 0.31, 1.75), 9: (0.60, 1.32, 0.58, 1.56), 10: (0.86, 1.13, 0.79, 1.32)},
    **{11: (1.05, 0.90, 0.95, 1.03), 12: (1.14, 0.62, 1.03, 0.71), 13: (1.18, 0.34, 1.08, 0.39), 14: (1.20, 0.05, 1.11, 0.07)},
    **{15: (0.92, -0.22, 0.92, -0.17), 16: (0.75, -0.34, 0.74, -0.33), 17: (0.46, -0.35, 0.42, -0.31)},
    **{18: (0.30, -0.29, 0.25, -0.20), 19: (0.47, -0.29, 0.46, -0.21), 20: (0.73, -0.27, 0.70, -0.23)},
    **{32: (0.76, 0.03, 0.71, 0.03), 33: (0.51, -0.14, 0.50, -0.10), 34: (0.25, 0.05, 0.29, 0.04)},
    **{35: (0.51, 0.14, 0.50, 0.105), 36: (0.50, 0.0, 0.50, 0.0)},
    **{45: (0.14, 0.10, 0.16, 0.09), 44: (0.17, 0.36, 0.20, 0.43), 43: (0.25, 0.50, 0.29, 0.61)},
    **{42: (0.18, 0.60, 0.22, 0.74), 41: (0, 0.62, 0, 0.79), 47: (0.11, 0.57, 0.14, 0.71), 67: (0, 0.49, 0, 0.65)},
    **{54: (0.33, 0.95, 0.42, 1.07), 53: (0.22, 0.88, 0.25, 1.01), 52: (0.08, 0.84, 0.10, 0.97), 51: (0, 0.86, 0, 0.99)},
    **{55: (0.24, 1.06, 0.30, 1.20), 56: (0.13, 1.12, 0.16, 1.27), 57: (0, 1.14, 0, 1.29), 62: (0.16, 0.98, 0.18, 1.11)},
    **{61: (0, 1.00, 0, 1.13), 63: (0.16, 0.96, 0.18, 1.09), 64: (0, 0.97, 0, 1.10), 66: (0, 0.985, 0, 1.115)},
}
MIRRORED = {
    **{right: 14 - right for right in range(8, 15)},
    **{right: right + 6 for right in range(15, 21)},
    **{right: right - 5 for right in range(32, 37)},
    **{45: 37, 44: 38, 43: 39, 42: 40, 47: 46, 54: 48, 53: 49, 52: 50, 55: 59, 56: 58, 62: 60, 63: 65},
}
CONTOUR, NOSE, MOUTH = slice(0, 15), [*range(37, 48), 67], slice(48, 67)
RIGHT_BROW, LEFT_BROW = slice(15, 21), slice(21, 27)
LEFT_EYE, RIGHT_EYE = slice(27, 32), slice(32, 37)
GROUPS: dict[str, slice | list[int]] = {"jaw": CONTOUR, "eyes": slice(15, 37), "nose": NOSE, "mouth": MOUTH}
CUES = ["skull", "jaw", "eyes", "nose", "mouth", "cheeks", "forehead", "crow", "folds", "bags", "skin", "ears"]
CUES += ["grey", "hairline"]
TRAITS = ["width", "chin", "eyes", "brows", "nose_length", "nose_width", "mouth", "lips", "cheeks", "ears", "skull"]


@dataclass(frozen=True)
class Look:
    """How one person looks at one age: everything that is drawn, and no age.

    Attributes:
        growth: by cue, from 0 (newborn) to 1 (full grown).
        ageing: by cue, from 0 (no trace of age) to about 1 (some seventy years).
        traits: by trait, the person's departure from the average in standard deviations.
        skin, hair, iris, clothes: RGB in [0, 1], (3,); `hair` with its grey.
        recession, hair_length, hair_density, fringe, beard, stubble, freckles: amounts in [0, 1].
        seed: of the marks that stay with the person, such as the fall of the hair.
    """

    male: bool
    growth: dict[str, float]
    ageing: dict[str, float]
    traits: dict[str, float]
    skin: np.ndarray
    hair: np.ndarray
    iris: np.ndarray
    clothes: np.ndarray
    recession: float
    hair_length: float
    hair_density: float
    fringe: float
    beard: float
    stubble: float
    freckles: float
    glasses: bool
    seed: int


def landmarks(look: Look, smile: float = 0.0, open_mouth: float = 0.0) -> np.ndarray:
    """Return the frontal landmarks (68, 2) of `look`; `smile` and `open_mouth` in [0, 1] are the expression."""
    newborn, grown = _whole(0), _whole(2)
    points = np.empty_like(newborn)
    for cue, group in GROUPS.items():
        points[group] = newborn[group] + look.growth[cue] * (grown[group] - newborn[group])
    x, y = points.T
    traits, ageing = look.traits, look.ageing
    adult_male = look.male * look.growth["jaw"] ** 3

    x[CONTOUR] *= 1 + 0.045 * traits["width"] + 0.02 * adult_male
    y[CONTOUR] += np.clip(y[CONTOUR], 0, None) * 0.035 * (traits["chin"] + adult_male)
    jaw = np.exp(-(((y[CONTOUR] - 1.32) / 0.25) ** 2))
    x[CONTOUR] += np.sign(x[CONTOUR]) * jaw * (0.06 * adult_male - 0.02 + 0.09 * ageing["cheeks"])

    for eye, brow, side in ((LEFT_EYE, LEFT_BROW, -1), (RIGHT_EYE, RIGHT_BROW, 1)):
        corners, lids = [eye.start, eye.start + 2], [eye.start + 1, eye.start + 3]
        size = 1 + 0.07 * traits["eyes"]
        x[corners] = side * 0.5 + (x[corners] - side * 0.5) * size
        y[lids] *= size * (1 - 0.32 * ageing["eyes"]) * (1 - 0.2 * smile)
        y[eye.start] += 0.05 * ageing["eyes"]
        y[brow] += 0.035 * (adult_male + ageing["eyes"] - traits["brows"])
        y[brow.start] += 0.06 * ageing["eyes"]
        y[[brow.start + 4, brow.start + 5]] += 0.015 * (adult_male - traits["brows"])

    x[NOSE] *= 1 + 0.09 * traits["nose_width"] + 0.14 * ageing["nose"] + 0.05 * adult_male
    y[NOSE] *= 1 + 0.05 * traits["nose_length"] + 0.09 * ageing["nose"]

    parting = y[66]
    x[MOUTH] *= 1 + 0.07 * traits["mouth"] + 0.04 * ageing["mouth"] + 0.22 * smile
    lips = (1 + 0.16 * traits["lips"]) * (1 - 0.5 * ageing["mouth"]) * (1 - 0.12 * adult_male) * (1 - 0.2 * smile)
    y[MOUTH] = parting + (y[MOUTH] - parting) * lips
    y[[48, 54]] += 0.025 * ageing["mouth"] - 0.10 * smile
    y[[55, 59, 49, 53]] -= 0.035 * smile
    lower = [*range(55, 63), 66]
    y[lower] += open_mouth * 0.20
    y[66] -= open_mouth * 0.10
    y[MOUTH] += 0.05 * ageing["nose"] + 0.03 * traits["chin"]
    return points


def _whole(first: int) -> np.ndarray:
    """Return both halves (68, 2) of the columns `first` and `first + 1` of `HALF`."""
    points = np.empty((68, 2))
    for index, columns in HALF.items():
        points[index] = columns[first : first + 2]
    for right, left in MIRRORED.items():
        points[left] = points[right] * (-1, 1)
    return points
