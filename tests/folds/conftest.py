"""Indexes to draw folds from."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

PUBLISHED = Path(__file__).parents[2] / "pml/published"


@pytest.fixture(scope="session")
def morph_counts():
    """An index with Morph II's numbers of images and subjects; ages and races are made up."""
    counts = pd.read_csv(PUBLISHED / "morph2_images_per_subject.csv")
    images = counts["images"].repeat(counts["subjects"]).to_numpy()
    subjects = np.arange(len(images)).repeat(images)
    pictures = np.concatenate([np.arange(count) for count in images])
    frame = pd.DataFrame({"subject": subjects, "picture": pictures.astype(float)})
    frame["image"] = [f"Album2/{subject:06}_{picture}M.JPG" for subject, picture in zip(subjects, pictures, strict=True)]
    frame["subject"] = frame["subject"].map("{:06}".format)
    return frame.assign(age=16 + subjects % 40 + pictures // 3, race=np.where(subjects % 5, "B", "W"))
