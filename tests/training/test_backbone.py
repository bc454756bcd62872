import pytest
import torch
from torchvision import models

from pml.errors import InputError
from pml.training.backbone import build_backbone


def same(weights: dict, others: dict) -> bool:
    return all(value.equal(others[key]) for key, value in weights.items() if not key.endswith("num_batches_tracked"))


@pytest.fixture(scope="module")
def imagenet_like():
    """A state dict as torchvision's weights have it, with a classifier of 1000 outputs."""
    torch.manual_seed(7)
    return models.resnet18(weights=None).state_dict()


@pytest.mark.parametrize("size", [32, 64])
def test_features_are_resnet18_s_pooled_layer_4(size):
    torch.manual_seed(0)
    backbone, feature_dim = build_backbone("resnet18", "random")
    torch.manual_seed(0)
    reference = models.resnet18(weights=None).eval()
    reference.fc = torch.nn.Identity()
    inputs = torch.randn(2, 3, size, size)
    features = backbone.eval()(inputs)
    assert features.shape == (2, feature_dim) == (2, 512)
    assert features.equal(reference(inputs))


@pytest.mark.parametrize("with_counts", [True, False], ids=["with num_batches_tracked", "without"])
def test_torchvision_weights_are_loaded_without_their_classifier(imagenet_like, tmp_path, with_counts):
    weights = {key: value for key, value in imagenet_like.items() if with_counts or not key.endswith("num_batches_tracked")}
    torch.save(weights, tmp_path / "imagenet.pth")
    backbone, _ = build_backbone("resnet18", str(tmp_path / "imagenet.pth"))
    assert same(backbone.state_dict(), weights) and "fc.weight" not in backbone.state_dict()


def test_model_of_a_run_is_loaded(finished):
    backbone, _ = build_backbone("resnet18", str(finished.directory / "model.pt"))
    weights = torch.load(finished.directory / "model.pt", weights_only=True)["backbone"]
    assert all(value.equal(weights[key]) for key, value in backbone.state_dict().items())


def test_weights_of_another_network_are_refused(imagenet_like, tmp_path):
    torch.save(imagenet_like, tmp_path / "resnet18.pth")
    with pytest.raises(InputError, match="resnet18.pth: weights of another network.*backbone"):
        build_backbone("resnet34", str(tmp_path / "resnet18.pth"))


@pytest.mark.parametrize("content", [{"epoch": 3, "state_dict": {}}, [1, 2], {}], ids=["wrapped", "list", "empty"])
def test_checkpoint_of_other_things_is_refused(tmp_path, content):
    torch.save(content, tmp_path / "other.pth")
    with pytest.raises(InputError, match="other.pth: weights of another network"):
        build_backbone("resnet18", str(tmp_path / "other.pth"))


def test_missing_or_damaged_checkpoint_is_named(tmp_path):
    with pytest.raises(InputError, match="absent.pt: no such checkpoint.*initialisation"):
        build_backbone("resnet18", str(tmp_path / "absent.pt"))
    (tmp_path / "damaged.pt").write_bytes(b"not a checkpoint")
    with pytest.raises(InputError, match="damaged.pt: not a checkpoint"):
        build_backbone("resnet18", str(tmp_path / "damaged.pt"))
