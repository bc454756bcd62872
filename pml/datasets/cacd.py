"""CACD: 163,446 photos of 2,000 celebrities aged 14 to 62, found by search engines and labelled by the year asked for.

Names are `53_Robin_Williams_0001.jpg`: age, person, number. `celebrity2000_meta.mat` is read if it is there, for the split that
papers use: it ranks the people born in a year, and 1 and 2 validate, 3 to 5 test, all others train.

B.-C. Chen, C.-S. Chen, W. H. Hsu: Cross-age reference coding for age-invariant face recognition and retrieval. ECCV 2014.
"""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np

from pml.datasets.listing import file_name, survey
from pml.datasets.mat_file import read_struct, text_of
from pml.datasets.named import load_named
from pml.datasets.tables import Nominal, Tables
from pml.options import NoOptions as Options

LAYOUT = "names such as 53_Robin_Williams_0001.jpg and, for the official protocols, celebrity2000_meta.mat"
OBTAIN = (
    "download CACD2000.tar.gz and, into a folder of its own, celebrity2000_meta.mat from https://bcsiriuschen.github.io/CARC/, "
    "give the file and the folder"
)
TERMS = "non-commercial academic research only; the owners of the pictures are others"
SYNTHETIC = "pml.datasets.synthetic.plain:write_cacd"
OFFICIAL = {"train": 145_275, "validation": 7_600, "test": 10_571}  # images
NOMINAL = Nominal(images=163_446, subjects=2_000, parts=OFFICIAL)
TELLS = ("subject", "part")
NAME = re.compile(r"(?<![^/])(?P<age>[0-9]{1,3})_(?P<subject>[^/]+)_[0-9]+\.jpe?g$", re.I | re.A)
META = "celebrity2000_meta.mat"


def load(root: Path, options: Options) -> Tables:
    """Return the tables of the files below `root`.

    Raises:
        InputError: `celebrity2000_meta.mat` is damaged or lacks a field.
    """
    tables = load_named(root, NAME, "53_Robin_Williams_0001.jpg", {})
    parts: dict[str, str] = {}
    for path in survey(root).others:
        if file_name(path) == META:
            fields = read_struct(root / path, "celebrityImageData", ["name", "rank"], ["name"])
            names = [_plain(text_of(cell)) for cell in fields["name"]]
            parts = dict(
                zip(names, np.select([fields["rank"] <= 2, fields["rank"] <= 5], ["validation", "test"], "train"), strict=True)
            )
    index = [row | {"part": parts.get(_plain(row["image"]))} for row in tables.index]
    return replace(
        tables, index=index, findings={f"images that {META} does not list": sum(row["part"] is None for row in index)}
    )


def _plain(path: str) -> str:
    """Return a picture's name without the letters that archives and systems write each in a way of its own, such as é."""
    return file_name(path).encode("ascii", "ignore").decode()
