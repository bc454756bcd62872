"""What has a short name, or is written as `module:Name` of the user's own.

A config names data formats, protocols, backbones and methods; the environment names a logger.
"""

import importlib
import inspect
from collections.abc import Mapping
from dataclasses import field, make_dataclass
from typing import Any

from pml.errors import InputError, suggest
from pml.options import build_options

REGISTRIES = {
    "format": {
        "fgnet": "pml.datasets.fgnet",
        "morph2": "pml.datasets.morph2",
        "chalearn": "pml.datasets.chalearn",
        "imdb_wiki": "pml.datasets.imdb_wiki",
        "utkface": "pml.datasets.utkface",
        "appa_real": "pml.datasets.appa_real",
        "agedb": "pml.datasets.agedb",
        "cacd": "pml.datasets.cacd",
        "afad": "pml.datasets.afad",
        "megaage_asian": "pml.datasets.megaage_asian",
        "lap2016": "pml.datasets.lap2016",
        "table": "pml.datasets.table",
    },
    "protocol": {
        "lopo": "pml.folds.lopo:lopo",
        "cross_validation": "pml.folds.cross_validation:cross_validation",
        "random": "pml.folds.setting1:setting1",
        "subject_exclusive": "pml.folds.setting1:setting1_subject_exclusive",
        "setting1": "pml.folds.setting1:setting1",
        "setting1_subject_exclusive": "pml.folds.setting1:setting1_subject_exclusive",
        "setting2": "pml.folds.setting2:setting2",
        "setting2_subject_exclusive": "pml.folds.setting2:setting2_subject_exclusive",
        "official": "pml.folds.official:official",
        "official_train": "pml.folds.official:official_train",
        "official_validation": "pml.folds.official:official_validation",
        "pretraining": "pml.folds.pretraining:pretraining",
        "balanced_extrapolation": "pml.folds.stress:balanced_extrapolation",
        "bimodal_interpolation": "pml.folds.stress:bimodal_interpolation",
        "blind_spot": "pml.folds.stress:blind_spot",
    },
    "backbone": {
        "resnet18": "pml.backbones.libraries:resnet18",
        "resnet34": "pml.backbones.libraries:resnet34",
        "timm": "pml.backbones.libraries:timm",
        "efficientnet_lite0": "pml.backbones.efficientnet_lite0:efficientnet_lite0",
        "faceres_deep": "pml.backbones.face_network:faceres_deep",
    },
    "method": {
        "pml": "pml.progressive_margin:PML",
        "kl": "baselines.kl:KL",
        "dex": "baselines.dex:DEX",
        "regression": "baselines.regression:Regression",
        "dldl": "baselines.dldl:DLDL",
        "dldl_v2": "baselines.dldl_v2:DLDLv2",
        "mean_variance": "baselines.mean_variance:MeanVariance",
        "logit_adjustment": "baselines.logit_adjustment:LogitAdjustment",
        "or_cnn": "baselines.or_cnn:ORCNN",
        "coral": "baselines.coral:CORAL",
        "corn": "baselines.corn:CORN",
        "emd2": "baselines.emd2:EMD2",
        "sord": "baselines.sord:SORD",
        "unimodal_concentrated": "baselines.unimodal_concentrated:UnimodalConcentrated",
        "amr": "baselines.amr:AMR",
        "poe": "baselines.poe:POE",
        "focal": "baselines.focal:Focal",
        "drf": "baselines.drf:DRF",
        "c3ae": "baselines.c3ae:C3AE",
        "thin_age_net": "baselines.thin_age_net:ThinAgeNet",
        "arn_like": "baselines.arn_like:ARNLike",
        "age_ed_like": "baselines.age_ed_like:AgeEDLike",
        "avdl_like": "baselines.avdl_like:AVDLLike",
        "uvote": "baselines.uvote:UVOTE",
        "ranksim": "baselines.ranksim:RankSim",
        "ordinal_entropy": "baselines.ordinal_entropy:OrdinalEntropy",
        "evidential": "baselines.evidential:Evidential",
        "rnc": "baselines.rnc:RankNContrast",
        "conr": "baselines.conr:ConR",
        "reweighting": "baselines.reweighting:Reweighting",
        "lds": "baselines.lds:LDS",
        "class_balanced": "baselines.class_balanced:ClassBalanced",
        "ldam": "baselines.ldam:LDAM",
        "balanced_mse": "baselines.balanced_mse:BalancedMSE",
        "dense_loss": "baselines.dense_loss:DenseLoss",
        "focal_regression": "baselines.focal_regression:FocalRegression",
        "fds": "baselines.fds:FDS",
        "rrt": "baselines.rrt:RRT",
        "constant_median": "baselines.constant_median:ConstantMedian",
        "id_lookup": "baselines.id_lookup:IDLookup",
    },
    "logger": {"tensorboard": "pml.training.live:tensorboard"},
}


def find(kind: str, name: str) -> Any:
    """Return what `name` stands for among the entries of a `kind`, a key of `REGISTRIES`.

    Raises:
        InputError: the name is unknown (the nearest known one is suggested), its module cannot be imported or lacks it, or it
            is to be a method and keeps no contract of one.
    """
    known = REGISTRIES[kind]
    module_name, colon, attribute = known.get(name, name).partition(":")
    if name not in known and not (module_name and colon and attribute):
        raise InputError(f"{kind} '{name}': not known{suggest(name, known)}; one of your own is written module:Name")
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        raise InputError(f"{kind} '{name}': {error}; is the package installed, or the path misspelt?") from None
    except Exception as error:  # whatever a module of the user's own does when it is imported
        raise InputError(f"{kind} '{name}': {module_name} fails on import: {type(error).__name__}: {error}; mend it") from None
    if attribute and not hasattr(module, attribute):
        names = [each for each in vars(module) if not each.startswith("_")]
        raise InputError(f"{kind} '{name}': {module_name} has no '{attribute}'{suggest(attribute, names)}")
    found = getattr(module, attribute) if attribute else module
    if kind == "method" and not hasattr(found, "reads_pixels"):
        remedy = "subclass pml.methods.method.Method or pml.methods.reference.Reference"
        raise InputError(f"{kind} '{name}': {attribute} keeps no contract of a method; {remedy}")
    return found


def find_options(kind: str, name: str, options: Mapping) -> Any:
    """Return the options of an entry, filled in from `options`.

    They are an instance of its `Options`, a frozen dataclass; an entry without one has its keyword-only parameters.

    Raises:
        InputError: as `find`; or an option is unknown (the nearest known one is suggested), or its value is refused.
    """
    entry = find(kind, name)
    return build_options(getattr(entry, "Options", None) or _keywords(entry), options, f"{kind} '{name}'")


def _keywords(entry: Any) -> type:
    """Return the keyword-only parameters of a function as a dataclass."""
    keywords = [each for each in inspect.signature(entry).parameters.values() if each.kind is each.KEYWORD_ONLY]
    defaults = [{} if each.default is each.empty else {"default": each.default} for each in keywords]
    fields = [(each.name, each.annotation, field(**default)) for each, default in zip(keywords, defaults, strict=True)]
    return make_dataclass("Options", fields, frozen=True, kw_only=True)
