import sys

import pytest
import torch
from torch import nn
from torchvision import models

from pml.backbones.build import build_backbone
from pml.errors import InputError
from pml.suite.settings import Settings
from pml.training.model import build_model

CPU = torch.device("cpu")


def initial(backbone: str, initialisation: object, **options) -> nn.Module:
    """Return the network that a run with this backbone and these initial weights starts from."""
    run = {"method": "dex", "options": {}, "backbone": backbone, "backbone_options": options}
    return build_model(Settings(**run, initialisation=str(initialisation), courses=1), CPU).backbone


def tiny(*, width: int = 8) -> tuple[nn.Module, int]:
    return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, width)), width


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
    backbone, feature_dim = build_backbone("resnet18", {})
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
    backbone = initial("resnet18", tmp_path / "imagenet.pth")
    assert same(backbone.state_dict(), weights) and "fc.weight" not in backbone.state_dict()


def test_model_of_a_run_is_loaded(finished):
    backbone = initial("resnet18", finished.directory / "model.pt")
    weights = torch.load(finished.directory / "model.pt", weights_only=True)["backbone"]
    assert all(value.equal(weights[key]) for key, value in backbone.state_dict().items())


def test_weights_of_another_network_are_refused(imagenet_like, tmp_path):
    torch.save(imagenet_like, tmp_path / "resnet18.pth")
    with pytest.raises(InputError, match="resnet18.pth: weights of another network.*backbone"):
        initial("resnet34", tmp_path / "resnet18.pth")


@pytest.mark.parametrize("content", [{"epoch": 3, "state_dict": {}}, [1, 2], {}], ids=["wrapped", "list", "empty"])
def test_checkpoint_of_other_things_is_refused(tmp_path, content):
    torch.save(content, tmp_path / "other.pth")
    with pytest.raises(InputError, match="other.pth: weights of another network"):
        initial("resnet18", tmp_path / "other.pth")


def test_missing_or_damaged_checkpoint_is_named(tmp_path):
    with pytest.raises(InputError, match="absent.pt: no such checkpoint.*initialisation"):
        initial("resnet18", tmp_path / "absent.pt")
    (tmp_path / "damaged.pt").write_bytes(b"not a checkpoint")
    with pytest.raises(InputError, match="damaged.pt: not a checkpoint"):
        initial("resnet18", tmp_path / "damaged.pt")


def test_timm_s_resnet18_takes_torchvision_s_weights_and_gives_the_same_features(imagenet_like, tmp_path):
    pytest.importorskip("timm")
    torch.save(imagenet_like, tmp_path / "imagenet.pth")
    ours = initial("resnet18", tmp_path / "imagenet.pth").eval()
    timms = initial("timm", tmp_path / "imagenet.pth", model="resnet18").eval()
    inputs = torch.randn(2, 3, 64, 64)
    assert type(ours) is not type(timms) and ours(inputs).equal(timms(inputs))


@pytest.mark.parametrize("options", [{"model": "mobilenetv3_small_050"}, {"model": "vit_tiny_patch16_224", "size": 64}])
def test_any_network_of_timm_is_a_backbone(options):
    pytest.importorskip("timm")
    network, feature_dim = build_backbone("timm", options)
    assert network.eval()(torch.randn(2, 3, 64, 64)).shape == (2, feature_dim)


def test_network_that_timm_lacks_is_refused_by_name():
    pytest.importorskip("timm")
    with pytest.raises(InputError, match="model 'resnet81' is not known; did you mean 'resnet"):
        build_backbone("timm", {"model": "resnet81"})
    with pytest.raises(InputError, match="backbone 'timm'.*'model'"):
        build_backbone("timm", {})


def test_without_timm_the_remedy_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(InputError, match="timm is not installed; pip install timm"):
        build_backbone("timm", {"model": "resnet18"})


def test_function_of_one_s_own_is_a_backbone_with_its_keywords_for_options():
    network, feature_dim = build_backbone(f"{__name__}:tiny", {"width": 5})
    assert feature_dim == 5 and network(torch.randn(2, 3, 8, 8)).shape == (2, 5)
    with pytest.raises(InputError, match="unknown option 'widht'; did you mean 'width'"):
        build_backbone(f"{__name__}:tiny", {"widht": 5})
