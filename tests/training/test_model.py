import json
import shutil
import sys

import pytest
import torch
from torch import nn
from torchvision import models

from pml.backbones.build import build_backbone
from pml.errors import InputError
from pml.suite.settings import Settings
from pml.tensors import save_tensors
from pml.training.model import build_model, load_model
from tests.damage import TENSORS, saved

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
    with pytest.raises(InputError, match="other.pth: holds no weights by name.*initialisation"):
        initial("resnet18", tmp_path / "other.pth")


def test_missing_or_damaged_checkpoint_is_named(tmp_path):
    with pytest.raises(InputError, match="absent.pt: no such file.*initialisation"):
        initial("resnet18", tmp_path / "absent.pt")
    (tmp_path / "damaged.pt").write_bytes(b"not a checkpoint")
    with pytest.raises(InputError, match="damaged.pt: not a file of weights.*initialisation"):
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


@pytest.mark.parametrize("damage", TENSORS)
def test_what_is_no_initialisation_is_refused_in_one_line(imagenet_like, tmp_path, damage, capsys):
    path = tmp_path / "start.pth"
    path.write_bytes(TENSORS[damage](saved(imagenet_like)))
    with pytest.raises(InputError, match=r"start.pth: .*under 'initialisation'$") as refused:
        initial("resnet18", path)
    assert "weights_only" not in str(refused.value) and "was run" not in capsys.readouterr().out


@pytest.mark.parametrize(
    "change, message",
    [
        (lambda weights: torch.zeros(3), "holds no weights by name"),
        (lambda weights: {1: torch.zeros(3)}, "holds no weights by name"),
        (lambda weights: weights | {"conv1.weight": torch.zeros(3)}, "weights of another network"),
        (lambda weights: weights | {"conv1.weight": "64 x 3"}, "weights of another network"),
        (lambda weights: weights | {"bn1.bias": torch.full((64,), torch.nan)}, "weights 'bn1.bias' are not all finite"),
        (lambda weights: weights | {"bn1.bias": torch.full((64,), torch.inf)}, "weights 'bn1.bias' are not all finite"),
        (lambda weights: weights | {"bn1.bias": torch.zeros(64).to_sparse()}, "weights 'bn1.bias' are not all finite"),
    ],
    ids=["a tensor", "numbered", "another shape", "a text", "NaN", "infinite", "sparse"],
)
def test_weights_of_another_kind_are_no_initialisation(imagenet_like, tmp_path, change, message):
    torch.save(change(imagenet_like), tmp_path / "start.pth")
    with pytest.raises(InputError, match=f"start.pth: {message}"):
        initial("resnet18", tmp_path / "start.pth")


class TestModelOfARun:
    @pytest.fixture
    def run(self, finished, tmp_path):
        return shutil.copytree(finished.directory, tmp_path / "run")

    @staticmethod
    def change(run, **facts):
        told = json.loads((run / "run.json").read_text())
        (run / "run.json").write_text(json.dumps(told | facts))

    @pytest.mark.parametrize("damage", TENSORS)
    def test_a_damaged_one_is_refused_in_one_line(self, run, damage, capsys):
        path = run / "model.pt"
        path.write_bytes(TENSORS[damage](path.read_bytes()))
        with pytest.raises(InputError, match=r"model.pt: .*--forcerun train_folds") as refused:
            load_model(run, CPU)
        assert "weights_only" not in str(refused.value) and "was run" not in capsys.readouterr().out

    def test_that_of_another_run_is_refused(self, run):
        weights = torch.load(run / "model.pt", weights_only=True)
        save_tensors(weights | {"method": {name: value + 1 for name, value in weights["method"].items()}}, run / "model.pt")
        with pytest.raises(InputError, match="model.pt: not as the run left it"):
            load_model(run, CPU)

    @pytest.mark.parametrize(
        "weights", [[], {}, {"backbone": {}, "method": {}}, {"backbone": 3, "method": None}, torch.zeros(2)]
    )
    def test_weights_of_another_model_are_refused(self, run, weights):
        self.change(run, files={})
        save_tensors(weights, run / "model.pt")
        with pytest.raises(InputError, match="model.pt: weights of another model than run.json tells of"):
            load_model(run, CPU)

    def test_weights_that_are_not_numbers_are_refused(self, run):
        self.change(run, files={})
        weights = torch.load(run / "model.pt", weights_only=True)
        weights["backbone"]["bn1.bias"][0] = torch.nan
        save_tensors(weights, run / "model.pt")
        with pytest.raises(InputError, match="model.pt: weights 'bn1.bias' are not all numbers"):
            load_model(run, CPU)

    @pytest.mark.parametrize(
        "changes",
        [
            {"ages": [0, 10**9]},
            {"ages": [40, 20]},
            {"ages": "20-40"},
            {"ages": None},
            {"batch_size": 0},
            {"method": 3},
            {"method": "pml2"},
            {"backbone": "resnet34"},
            {"options": {"sigma": "wide"}},
            {"frozen": {"width": 10**9, "dropout": 0, "copies": 0}},
            {"augmentation": 3},
            {"embedded": {}},
        ],
        ids=str,
    )
    def test_odd_settings_are_refused(self, run, changes):
        told = json.loads((run / "run.json").read_text())["settings"]
        self.change(run, settings=told | changes)
        with pytest.raises(InputError):
            load_model(run, CPU)
