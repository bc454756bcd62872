"""What is trained and how: the settings of an experiment's method. The config's schema is made from these classes."""

import dataclasses
import hashlib
import json
from dataclasses import dataclass
from types import NoneType, UnionType
from typing import Any, get_args, get_type_hints

from pml.errors import InputError
from pml.json_schema import check_json

JSON_TYPES = {bool: "boolean", int: "integer", float: "number", str: "string"}


def key(default: Any, description: str = "", **limits: Any) -> Any:
    """Return a field with a default and what a JSON schema says of it: a description, and limits on its value."""
    return dataclasses.field(default=default, metadata={"description": description, **limits} if description else limits)


@dataclass(frozen=True, kw_only=True)
class Crop:
    """How a face is cut out of its image, besides the number of pixels."""

    alignment: str = key(
        "similarity",
        "what places a face: similarity, its five landmarks, turned upright; upright, the landmarks, without turning; box, the "
        "detector's box",
        enum=["similarity", "upright", "box"],
    )
    # ArcFace cuts through the chin and close above the brow, which identity does not need but age does: hair line, jaw, throat.
    # At 0.9 the crop is 3.5 inter-ocular distances wide and reaches from the hair to the chin; a wider one adds background and
    # leaves fewer pixels for the wrinkles.
    zoom: float = key(
        0.9,
        "onto the face: 1 is the crop of ArcFace, or one as wide as the longer side of the box; smaller shows more around it",
        minimum=0.1,
        maximum=2,
    )

    def changes(self) -> dict:
        """Return what differs from the default."""
        return {name: value for name, value in dataclasses.asdict(self).items() if value != getattr(Crop, name)}


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """Flipping, scaling, rotation and translation (Sec. 4.2) of each face and epoch; the paper gives no ranges."""

    flip: float = key(0.5, "probability of a mirror image", minimum=0, maximum=1)
    scale: float = key(0.1, "largest relative change of size, such as 0.1 for 0.9 to 1.1", minimum=0, exclusiveMaximum=1)
    rotation: float = key(10, "largest angle in degrees, either way", minimum=0, maximum=180)
    translation: float = key(0.05, "largest shift as a share of the width, either way, on each axis", minimum=0, maximum=0.5)
    one_of: bool = key(
        False,
        "give each face the chance of one of mirror image, grey, rotation and colour jitter instead, as the released code "
        "does, there with a rotation of 20",
    )
    grey: float = key(0.1, "of one_of: probability that a face is grey if that is its way", minimum=0, maximum=1)
    colour: tuple[float, float, float, float] = key(
        (0.5, 0.5, 0.5, 0.1),
        "of one_of: largest relative change of brightness, contrast and saturation, and largest turn of the hue, as a share "
        "of its circle",
        items={"type": "number", "minimum": 0, "maximum": 0.5},
    )


@dataclass(frozen=True, kw_only=True)
class Training:
    """Sec. 4.2 of the paper, and what it leaves out."""

    ages: tuple[int, int] = key(
        (0, 100), "first and last age that has a class", items={"type": "integer", "minimum": 0, "maximum": 120}
    )
    whole_ages: bool = key(
        False, "cut the ages that training sees to whole years, as the released code does; those of evaluation stay real-valued"
    )
    epochs: int = key(100, "of each curriculum; not given in the paper", minimum=1)
    batch_size: int = key(128, "not given in the paper", minimum=2)
    partial_batch: bool = key(
        False,
        "train on what fills no whole batch at the end of an epoch, too, as the released code does; if not, other images are "
        "left out in every epoch, and statistics of a batch are always of as many images",
    )
    optimiser: str = key("adam", enum=["adam", "adamw", "sgd"])
    learning_rate: float = key(0.0001, "initial learning rate", exclusiveMinimum=0)
    backbone_rate: float = key(
        1, "share of the learning rate that the backbone has; 0.1 in the released code, for pre-trained layers", minimum=0
    )
    trained_blocks: int | None = key(
        None, "number of the backbone's last blocks that are trained, while the rest stands still; null trains all", minimum=1
    )
    clip_norm: float = key(0, "largest norm of the gradient of all weights together; 0 sets no limit", minimum=0)
    weight_decay: float = key(0.0005, minimum=0)
    momentum: float = key(0.9, "of SGD", minimum=0, maximum=1)
    nesterov: bool = key(False, "Nesterov momentum of SGD; on in the released code")
    amsgrad: bool = key(False, "the AMSGrad variant of Adam; on in the released code")
    schedule: str = key(
        "cosine",
        "the paper pairs Adam with cosine and SGD with exponential, the released code SGD with polynomial",
        enum=["cosine", "exponential", "polynomial", "constant"],
    )
    decay: float = key(
        0.95, "factor an epoch of the exponential schedule; not given in the paper", exclusiveMinimum=0, maximum=1
    )
    power: float = key(0.9, "exponent of the polynomial schedule; the released code's", exclusiveMinimum=0)
    warmup_epochs: float = key(0, "linear warm-up; none in the paper", minimum=0)
    warmup_from: float = key(
        0, "share of the learning rate that the warm-up starts from; 1/16 in the released code", minimum=0, maximum=1
    )
    augmentation: Augmentation = Augmentation()
    selection: str = key(
        "last",
        "the epoch of the last curriculum whose weights are kept and predict: the last, or the one of lowest MAE on the "
        "validation part, or on the test part, as in the released code; oracle is marked wherever a table or figure names a "
        "method",
        enum=["last", "validation", "oracle"],
    )
    precision: str = key(
        "float32",
        "of the backbone, heads are always float32; auto is bfloat16 where the processor computes in it, or the GPU does "
        "and a batch has 3 million pixels; convolutions of float32 use TF32 on a GPU that has it, as torch does",
        enum=["float32", "bfloat16", "float16", "auto"],
    )
    compile: bool = key(False, "compile the backbone with torch.compile, which needs a C++ compiler; may change last digits")
    device: str = key("auto", enum=["auto", "cpu", "cuda"])
    mirror_test: bool = key(True, "average the prediction over the face and its mirror image")

    @property
    def age_classes(self) -> range:
        """The ages in years that have a class."""
        return range(self.ages[0], self.ages[1] + 1)

    def as_dict(self) -> dict:
        """Return the settings as plain JSON types."""
        return dataclasses.asdict(self)


@dataclass(frozen=True, kw_only=True)
class Frozen:
    """Train on the features of a backbone that stands still: they are computed once, and a small trunk learns on them."""

    width: int = key(256, "features of the trunk, which the method sees", minimum=1, maximum=65536)
    dropout: float = key(0.3, "share of the backbone's features that are left out at random", minimum=0, exclusiveMaximum=1)
    copies: int = key(
        0, "augmented copies of each face whose features are computed beside those of the face and its mirror image", minimum=0
    )


@dataclass(frozen=True, kw_only=True)
class Settings(Training):
    """Everything that decides a run besides its data, fold and seed."""

    method: str  # as the config names it: a short name, or module:Class
    options: dict
    candidates: list[dict] = dataclasses.field(default_factory=list)  # of options, that a run chooses from by cross-validation
    backbone: str
    backbone_options: dict
    initialisation: str  # of what is trained: "random", or the path of a checkpoint
    frozen: Frozen | None = None
    embedded: dict | None = None  # what the embeddings of a frozen backbone are of: its initialisation, and the face_size
    courses: int  # curricula that are trained one after the other; 1 without


def class_ages(training: dict) -> list:
    """Return the first and the last age that has a class, and True behind them where training sees ages cut to whole years."""
    return [*training["ages"], *([True] if training["whole_ages"] else [])]


def build_settings(values: dict, where: str) -> Settings:
    """Return the settings that plain JSON types stand for; `where` they come from begins an error.

    Raises:
        InputError: a key is missing or unknown, or has a refused value.
    """
    check_json(values, _settings_schema(), where)
    settings = _build(Settings, values, where)
    first_age, last_age = values["ages"]
    if first_age >= last_age:
        raise InputError(f"{where}: ages: {first_age} is not below {last_age}; write the first age, then the last")
    augmentation = _build(Augmentation, values["augmentation"], f"{where}: augmentation")
    augmentation = dataclasses.replace(augmentation, colour=tuple(augmentation.colour))
    frozen = None if settings.frozen is None else _build(Frozen, values["frozen"], f"{where}: frozen")
    return dataclasses.replace(settings, augmentation=augmentation, frozen=frozen, ages=tuple(values["ages"]))


def _settings_schema() -> dict:
    """Return the JSON schema of `Settings`."""
    text, options = {"type": "string"}, {"type": "object"}
    embedded = {"initialisation": text, "face_size": {"type": "integer", "minimum": 1}}
    schema = schema_of(Training)
    schema["properties"] |= {
        "method": text,
        "options": options,
        "candidates": {"type": "array", "items": options},
        "backbone": text,
        "backbone_options": options,
        "initialisation": text,
        "frozen": schema_of(Frozen) | {"type": ["object", "null"]},
        "embedded": {"type": ["object", "null"], "properties": embedded, "required": list(embedded)},
        "courses": {"type": "integer", "minimum": 1},
    }
    return schema


def schema_of(kind: type) -> dict:
    """Return the JSON schema, with defaults, of a dataclass whose fields are made by `key`."""
    types = get_type_hints(kind)
    properties = {}
    for field in dataclasses.fields(kind):
        of: Any = types[field.name]
        default: Any = field.default
        if dataclasses.is_dataclass(of) and isinstance(of, type):
            properties[field.name] = {**schema_of(of), "default": {}}
        elif isinstance(of, UnionType):
            (kind_given,) = set(get_args(of)) - {NoneType}
            properties[field.name] = {"type": [JSON_TYPES[kind_given], "null"], **field.metadata, "default": default}
        elif parts := get_args(of):
            length = {"type": "array", "minItems": len(parts), "maxItems": len(parts)}
            properties[field.name] = {**length, **field.metadata, "default": list(default)}
        else:
            properties[field.name] = {"type": JSON_TYPES[of], **field.metadata, "default": default}
    return {"type": "object", "additionalProperties": False, "description": kind.__doc__, "properties": properties}


def fingerprint(*parts: object) -> str:
    """Return a SHA-256 of JSON-serialisable parts."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def _build(kind: type, values: dict, where: str) -> Any:
    if missing := [field.name for field in dataclasses.fields(kind) if field.name not in values]:
        raise InputError(f"{where}: keys missing: {missing}; train the run again")
    return kind(**values)
