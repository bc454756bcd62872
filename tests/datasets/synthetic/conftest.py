import numpy as np
import pytest

from pml.datasets.synthetic import appa_real, utkface, writing


@pytest.fixture
def blank_pictures(monkeypatch):
    """Drawing takes long; where only names and labels count, there is nothing on the pictures."""
    monkeypatch.setattr(writing, "photograph", lambda look, rng: (np.zeros((8, 8, 3), np.uint8), np.zeros((68, 2))))
    for writer in (appa_real, utkface):
        monkeypatch.setattr(writer, "crop_upright", lambda picture, *_, **__: picture)
