"""What is trained and how: the settings of an experiment's method, as the workflow writes them to settings.json."""

import dataclasses
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from pml.errors import InputError, suggest


@dataclass(frozen=True)
class Augmentation:
    """The paper's four augmentations (Sec. 4.2), drawn for every face and epoch, or one of the released code's."""

    flip: float  # probability of a mirror image
    scale: float  # largest relative change of size, e.g. 0.1 for 0.9 to 1.1
    rotation: float  # largest angle in degrees, either way
    translation: float  # largest shift as a share of the width, either way, on each axis
    one_of: bool  # mirror image, grey, rotation or colour jitter instead
    colour: tuple[float, float, float, float]  # largest change of brightness, contrast, saturation (relative) and hue (turns)


@dataclass(frozen=True)
class Settings:
    """Everything that decides a run besides its fold and seed. Defaults and meanings: workflow/schemas/config.schema.yaml."""

    method: str
    options: dict
    backbone: str
    initialisation: str
    ages: tuple[int, int]
    whole_ages: bool  # cut the training labels to whole years
    courses: int  # curricula that are trained one after the other; 1 without
    epochs: int  # of each course
    batch_size: int
    optimiser: str
    learning_rate: float
    backbone_rate: float  # share of the learning rate
    weight_decay: float
    momentum: float
    nesterov: bool
    amsgrad: bool
    schedule: str
    decay: float
    power: float
    warmup_epochs: float
    warmup_from: float  # share of the learning rate
    augmentation: Augmentation
    selection: str  # of the epoch that predicts
    precision: str
    compile: bool
    device: str
    mirror_test: bool

    @property
    def age_classes(self) -> range:
        """The ages in years that have a class."""
        return range(self.ages[0], self.ages[1] + 1)

    def as_dict(self) -> dict:
        """Return the settings as plain JSON types."""
        return dataclasses.asdict(self)


def load_settings(path: str | Path) -> Settings:
    """Read a settings.json.

    Raises:
        InputError: the file is missing or not JSON, or a key is missing or unknown.
    """
    try:
        values = json.loads(Path(path).read_text())
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read as JSON: {error}; run the rule write_settings") from None
    return build_settings(values, str(path))


def build_settings(values: dict, where: str) -> Settings:
    """Return the settings that plain JSON types stand for; `where` they come from begins an error.

    Raises:
        InputError: a key is missing or unknown.
    """
    settings = _build(Settings, values, where)
    augmentation = _build(Augmentation, values["augmentation"], f"{where}: augmentation")
    augmentation = dataclasses.replace(augmentation, colour=tuple(augmentation.colour))
    return dataclasses.replace(settings, augmentation=augmentation, ages=tuple(values["ages"]))


def fingerprint(*parts: object) -> str:
    """Return a SHA-256 of JSON-serialisable parts."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def _build(kind: type, values: dict, where: str):
    known = [field.name for field in dataclasses.fields(kind)]
    for name in values:
        if name not in known:
            raise InputError(f"{where}: unknown key '{name}'{suggest(name, known)}")
    missing = [name for name in known if name not in values]
    if missing:
        raise InputError(f"{where}: keys missing: {missing}")
    return kind(**values)
