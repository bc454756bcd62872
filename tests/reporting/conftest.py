"""A small experiment on disk: noise for faces, random predictions, two methods, two seeds, two folds."""

import re
import zlib
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from pml.reporting.table import write_table as write_any_table
from pml.suite.settings import Training
from pml.tables import load_schema, read_table, write_table
from pml.task import Task

IMAGES, CLASSES = 40, 101
TOY = {"label": "Toy", "synthetic": True}
METHODS = [
    {"method": "pml", "label": "PML", "place": 0, "start": "ImageNet"},
    {"method": "kl", "label": "KL baseline", "place": 1, "start": "ImageNet"},
]


def figure_task(inputs: dict, methods: list[dict] = METHODS, **settings) -> Task:
    """Return the job of a figure of toy data, without its outputs."""
    return Task("draw", {}, inputs, {}, {"data": TOY, "methods": methods, **settings})


@pytest.fixture
def experiment(tmp_path):
    random = np.random.default_rng(0)
    images = [f"{number:03d}.png" for number in range(IMAGES)]
    ages = random.integers(0, 70, IMAGES).astype(float)
    index = pd.DataFrame({"image": images, "age": ages}).reindex(columns=load_schema("index")["properties"])
    faces = pd.DataFrame({"image": images, "source": "centre"}).reindex(columns=load_schema("faces")["properties"])
    write_table(index, tmp_path / "index.csv", "index")
    write_table(faces, tmp_path / "faces.csv", "faces")
    np.save(tmp_path / "faces.npy", random.integers(0, 256, (IMAGES, 16, 16, 3), dtype=np.uint8))
    jobs = {method: write_job(tmp_path, method, images, ages, random) for method in ("pml", "kl")}
    return SimpleNamespace(folder=tmp_path, index=index, jobs=jobs, images=images, ages=ages)


def write_job(folder: Path, method: str, images: list[str], ages: np.ndarray, random: np.random.Generator) -> str:
    rows = []
    for seed in (0, 1):
        for fold in (1, 2):
            run = folder / "runs" / method / f"seed{seed}" / f"fold{fold}"
            run.mkdir(parents=True)
            tested = slice(fold - 1, None, 2)
            distribution = random.dirichlet(np.ones(CLASSES), len(images[tested])).astype(np.float32)
            predictions = pd.DataFrame({"image": images[tested], "age": ages[tested]})
            predictions["predicted_age"] = distribution @ np.arange(CLASSES)
            write_table(predictions, run / "predictions.csv", "predictions")
            np.savez(run / "predictions.npz", ages=np.arange(CLASSES), distribution=distribution)
            history = pd.DataFrame({"epoch": [1, 2, 3], "learning_rate": 0.1, "loss": random.random(3)})
            history.assign(divergence=random.random(3)).to_csv(run / "history.csv", index=False)
            (run / "run.json").write_text("{}")
            rows.append((method, seed, fold, str(run)))
    write_table(pd.DataFrame(rows, columns=["method", "seed", "fold", "run"]), folder / f"{method}.csv", "runs")
    return str(folder / f"{method}.csv")


@pytest.fixture
def draws_well():
    """Check a figure's stage: valid files that say that the data is synthetic, and the same bytes twice."""

    def check(stage, task: Task, folder: Path, width: float) -> None:
        outputs = []
        for name in ("first", "second"):
            pdf, png = folder / f"{name}.pdf", folder / f"{name}.png"
            stage(replace(task, outputs=task.outputs | {"pdf": str(pdf), "png": str(png)}))
            outputs.append((pdf.read_bytes(), png.read_bytes()))
        assert outputs[0] == outputs[1]
        check_pdf(outputs[0][0], width)
        with Image.open(png) as image:
            assert image.size[0] == round(300 * width)

    return check


def check_pdf(content: bytes, width: float) -> None:
    """One page of the given width in inches, TrueType fonts, no date, and the warning in the figure's text."""
    assert content.startswith(b"%PDF-") and content.rstrip().endswith(b"%%EOF")
    assert float(re.search(rb"/MediaBox \[ 0 0 ([\d.]+)", content)[1]) == pytest.approx(72 * width, abs=0.1)
    assert b"/FontFile2" in content and b"/Type3" not in content
    assert b"CreationDate" not in content
    drawing = b"".join(inflate(stream) for stream in re.findall(rb"stream\r?\n(.*?)endstream", content, re.DOTALL))
    # Text stands in 16-bit characters, in pieces between kerns.
    shown = b"".join(re.findall(rb"\(((?:\\.|[^\\()])*)\)", drawing)).replace(b"\0", b"")
    assert b"Toy: synthetic data" in shown


def inflate(stream: bytes) -> bytes:
    try:
        return zlib.decompressobj().decompress(stream)
    except zlib.error:
        return b""


def budget(epochs: int) -> dict:
    """Return what trainings of so many epochs have to work with."""
    training = Training(epochs=epochs).as_dict()
    shown = {"backbone": "resnet18", "initialisation": "random", "frozen": None, "training": training}
    return shown | {"face_size": 48, "courses": 1}


def written(folder: Path, table: str, schema: str, inputs: dict, **settings) -> tuple[pd.DataFrame, str, str]:
    """Write a table; return the CSV as a frame, and the Markdown and the LaTeX as text."""
    outputs = {"csv": str(folder / "out.csv"), "markdown": str(folder / "out.md"), "latex": str(folder / "out.tex")}
    write_any_table(Task("write_table", {"table": table}, inputs, outputs, settings))
    return read_table(outputs["csv"], schema), *(Path(outputs[name]).read_text() for name in ("markdown", "latex"))


def grid_of(markdown: str) -> pd.DataFrame:
    """Return the cells of a Markdown table as a frame."""
    lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in markdown.split("\n\n")[1].strip().splitlines()]
    return pd.DataFrame(lines[2:], columns=lines[0])
