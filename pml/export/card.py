"""The model card of an export: what the model has learnt from, how far off it is at which age, and what it is not for."""

from pathlib import Path

import numpy as np
import pandas as pd

from pml.data_name import DataName
from pml.evaluation.metrics import cumulative_score, decades, mae
from pml.registry import find
from pml.starts import known_start
from pml.suite import read_plan
from pml.suite.settings import Crop
from pml.tables import read_table

UNKNOWN = "not known: ask the owners of the data"
UNTOLD = "not told: the run no longer lies in the folder of its suite"
USES = """\
It is for research on age estimation. It is not for decisions about people: no access, no price, no job, no asylum, no
punishment, no check of a minor's age. It is not for telling who somebody is, or for watching people without their consent.

Its estimate is the age that a face appears to have, and worth no more than the faces it has learnt from. On faces of other
origins, ages, cameras or light it may be wrong in one direction. The interval is the central 80 % of the model's own
distribution. On FG-NET, PML's held the true age of 84 % of all faces, and of 67 % of those of rare ages. On your photos
nothing has tested it."""
CROPS = {
    "similarity": """\
Five landmarks are moved to the places in `template` by the similarity transform of least squares (Umeyama, PAMI 1991), in a
square of `face_size` pixels.""",
    "upright": """\
The similarity transform of least squares (Umeyama, PAMI 1991) would move five landmarks to the places in `template`, in a
square of `face_size` pixels. The crop has its scale, but no rotation. The mean of the landmarks lies on the mean of the
places.""",
    "box": """\
The centre of the detector's box is moved to the middle of a square of `face_size` pixels, without rotation. The longer side of
the box gets a length of `box_side` pixels.""",
}
CROP = """\
`alignment.json` says how a photo becomes the face that the model sees. {} Where a face shrinks, it is averaged over areas."""
DRAWN = """\
**The faces that it was trained on are drawn. Its ages say nothing about people. Every answer carries the mark (synthetic).**"""


def model_card(run: Path, facts: dict, crop: Crop, graph: str) -> str:
    """Return the card as Markdown.

    Args:
        run: its directory.
        facts: of run.json.
        crop: how a face is cut for the model.
        graph: what is said of the ONNX file.

    Raises:
        InputError: predictions.csv or the plan of the suite is damaged.
    """
    data, settings = DataName.parse(facts["data"]), facts["settings"]
    told = _of_suite(run)
    title = f"# {settings['method']}, trained on {data}"
    rows = [
        ("data", f"{facts['train_images']} images of {data}"),
        ("terms of the data", "none: the faces are drawn" if data.synthetic else told["terms"]),
        ("protocol", f"{told['protocol']}, fold {facts['fold']}, seed {facts['seed']}"),
        ("method", f"`{settings['method']}`, options `{settings['options']}`"),
        ("network", _network(settings)),
        ("start", _start(settings)),
        ("training", f"{settings['epochs']} epochs, the weights of epoch {facts['selected_epoch']}"),
        ("code", f"commit {facts['commit'] or 'unknown'}"),
        ("face", f"{facts['face_size']} x {facts['face_size']} pixels, RGB"),
        ("ages", f"{settings['ages'][0]} to {settings['ages'][1]} years"),
        ("averaged over", "the face and its mirror image" if settings["mirror_test"] else "nothing: one pass over the face"),
    ]
    parts = [
        title,
        *([DRAWN] if data.synthetic else []),
        pd.DataFrame(rows, columns=["", "what"]).to_markdown(index=False),
        f"## Error on the {facts['test_images']} test images of this fold",
        _errors(run, settings),
        f"## The crop\n\n{CROP.format(CROPS[crop.alignment])}",
        f"## The files\n\n{graph}",
        f"## What it is for\n\n{USES}",
    ]
    return "\n\n".join(parts) + "\n"


def _of_suite(run: Path) -> dict[str, str]:
    """Return the protocol of the run's experiment and the terms of its data, from the plan of its suite."""
    folders = run.resolve().parents  # <suite>/runs/<experiment>/<method>/seed<s>/fold<f>
    if len(folders) < 5 or not (folders[4] / "suite.json").exists():
        return {"protocol": UNTOLD, "terms": UNKNOWN}
    config = read_plan(folders[4] / "suite.json").config
    experiment = config["experiments"].get(folders[2].name)
    if experiment is None or folders[3].name != "runs":
        return {"protocol": UNTOLD, "terms": UNKNOWN}
    kind = find("format", config["datasets"][experiment["dataset"]]["format"])
    return {"protocol": f"`{experiment['protocol']}`", "terms": getattr(kind, "TERMS", UNKNOWN)}


def _network(settings: dict) -> str:
    options = f", options `{settings['backbone_options']}`" if settings["backbone_options"] else ""
    still = " that stands still, and a trunk on its features" if settings["frozen"] else ""
    return f"`{settings['backbone']}`{options}{still}"


def _start(settings: dict) -> str:
    """Return what the weights had seen before the training."""
    start = (settings["embedded"] or settings)["initialisation"]
    name = Path(start).stem.removeprefix(f"{settings['backbone']}-")
    known = known_start(settings["backbone"], name)
    if start == "random":
        return "random weights"
    return f"weights that have seen {known.seen}, whose terms bind this model, too" if known else f"`{Path(start).name}`"


def _errors(run: Path, settings: dict) -> str:
    """Return the errors in years by the decade of the true age, as Markdown."""
    predictions = read_table(run / "predictions.csv", "predictions")
    ages, errors = predictions["age"].to_numpy(), (predictions["predicted_age"] - predictions["age"]).to_numpy()
    groups = {f"{first}-{first + 9}": decades(ages) == first for first in np.unique(decades(ages))} | {"all": ages >= 0}
    rows = [
        {
            "age": name,
            "images": int(which.sum()),
            "MAE in years": f"{mae(errors[which]):.2f}",
            "mean error": f"{errors[which].mean():+.2f}",
            "within 5 years": f"{cumulative_score(errors[which], 5):.0%}",
        }
        for name, which in groups.items()
    ]
    note = "\n\nThe epoch was chosen on these images, so the errors are too low." if settings["selection"] == "oracle" else ""
    return pd.DataFrame(rows).to_markdown(index=False, disable_numparse=True) + note
