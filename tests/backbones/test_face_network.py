"""The face network, against features that its publisher's own runtime made."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
import torch

from pml.backbones.build import build_backbone
from pml.backbones.face_network import SameConvolution, read_published
from pml.errors import InputError
from pml.training.augmentation import normalise


@pytest.fixture(scope="module")
def published() -> Path:
    folder = Path(os.environ.get("PML_TEST_WEIGHTS", "absent"), "faceres_deep")
    if not folder.is_dir():
        pytest.skip("PML_TEST_WEIGHTS names no folder that holds faceres_deep")
    return folder


@pytest.mark.parametrize("size", [112, 160, 224])
def test_features_are_those_of_the_published_network(published, size):
    network, feature_dim = build_backbone("faceres_deep", {})
    network.load_state_dict(read_published(published / "faceres-deep.json", published / "faceres-deep.bin"))
    check = np.load(published / "check.npz")
    with torch.inference_mode():
        features = network.eval()(normalise(torch.from_numpy(check[f"faces_{size}"])))
    assert features.shape[1] == feature_dim
    np.testing.assert_allclose(features, check[f"features_{size}"], atol=1e-4)


def test_files_that_are_not_the_published_ones_are_refused(tmp_path):
    (tmp_path / "other.json").write_text(json.dumps({"weightsManifest": [{"weights": []}]}))
    (tmp_path / "other.bin").write_bytes(b"")
    with pytest.raises(InputError, match="other.json: not faceres-deep as published.*npm package"):
        read_published(tmp_path / "other.json", tmp_path / "other.bin")


@pytest.mark.parametrize("size", [7, 8])
@pytest.mark.parametrize("stride", [1, 2])
def test_padding_is_tensorflow_s(size, stride):
    """An average of ones counts the pixels under the kernel: what is missing at a side is the padding there."""
    layer = SameConvolution(1, 1, stride)
    torch.nn.init.constant_(layer.weight, 1 / 9)
    torch.nn.init.zeros_(layer.bias)
    covered = (layer(torch.ones(1, 1, size, size)) * 9).round()[0, 0]
    first = 2 if stride == 1 else 3  # of three rows: a stride of 2 pads nothing above and on the left
    assert covered[0, 0] == first**2
    assert covered.shape == (-(-size // stride),) * 2 if stride == 1 else (size // 2,) * 2
