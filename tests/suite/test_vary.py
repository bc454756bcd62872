"""An experiment at all levels of some factors, written out when the config is checked."""

import copy
import json
from collections import Counter

import pytest

from pml.errors import InputError
from pml.suite import make_plan
from pml.suite.check import check_config
from tests.suite.small_config import SMALL


def study(factors: dict, name: str = "parts", **changes) -> dict:
    """Return the small config with a study of its experiment "lopo", changed as given."""
    config = copy.deepcopy(SMALL)
    config["experiments"]["lopo"] |= changes
    config["vary"] = {name: {"experiment": "lopo", "factors": factors}}
    return config


RATES = {"training.learning_rate": [0.0003, 0.001]}
SCALES = {"methods.pml.options.margin_scale": [0.5, -2]}
STARTS = {"start": {"ImageNet": {"backbone": "resnet18", "initialisation": "imagenet"}, "none": {"initialisation": "random"}}}


def test_a_list_has_values_of_the_key_that_the_factor_is_named_by():
    config = check_config(study(RATES))
    names = ["lopo", "lopo__learning_rate_0_0003", "lopo__learning_rate_0_001"]
    assert list(config["experiments"]) == names
    base = config["experiments"]["lopo"]
    for name, rate in zip(names[1:], (0.0003, 0.001), strict=True):
        assert config["experiments"][name] == base | {"training": base["training"] | {"learning_rate": rate}}
    assert config["effects"]["parts"] == [
        {"experiment": name, "method": method, "levels": {"method": label, "training.learning_rate": rate}}
        for name, rate in zip(names[1:], ("0.0003", "0.001"), strict=True)
        for method, label in (("pml", "PML"), ("kl", "KL"))
    ]


def test_a_level_by_name_sets_several_keys():
    experiments = check_config(study(STARTS))["experiments"]
    imagenet, none = experiments["lopo__start_imagenet"], experiments["lopo__start_none"]
    assert (imagenet["backbone"], imagenet["initialisation"]) == ("resnet18", "imagenet")
    assert (none["backbone"], none["initialisation"]) == ("resnet34", "random")


def test_an_option_of_a_method_is_a_method_of_its_own_and_the_others_stay_as_they_are():
    config = check_config(study(RATES | SCALES, method_folds={"pml": "1-2"}))
    assert list(config["methods"]) == ["pml", "kl", "pml__margin_scale_0_5", "pml__margin_scale_minus_2"]
    varied = config["methods"]["pml__margin_scale_0_5"]
    assert varied["options"] == {"margin_scale": 0.5} and varied["label"] == "PML, margin_scale 0.5"
    for experiment in list(config["experiments"].values())[1:]:
        assert experiment["methods"] == ["pml__margin_scale_0_5", "pml__margin_scale_minus_2", "kl"]
        assert experiment["method_folds"] == {"pml__margin_scale_0_5": "1-2", "pml__margin_scale_minus_2": "1-2"}
    levels = [cell["levels"] for cell in config["effects"]["parts"]]
    assert Counter(cell["method"] for cell in levels) == {"PML": 4, "KL": 2}
    assert all(("methods.pml.options.margin_scale" in cell) == (cell["method"] == "PML") for cell in levels)


def test_a_cell_with_the_settings_of_the_experiment_is_that_experiment():
    config = check_config(study({"training.learning_rate": [0.0001, 0.001], "training.epochs": [100, 3]}))
    assert list(config["experiments"]) == [
        "lopo",
        "lopo__learning_rate_0_0001__epochs_3",
        "lopo__learning_rate_0_001__epochs_100",
        "lopo__learning_rate_0_001__epochs_3",
    ]
    assert config["effects"]["parts"][0]["experiment"] == "lopo"


def test_options_alone_are_varied_in_an_experiment_beside_the_first():
    config = check_config(study(SCALES))
    assert list(config["experiments"]) == ["lopo", "lopo__parts"] and config["experiments"]["lopo"]["methods"] == ["pml", "kl"]


def test_the_methods_are_no_factor_where_there_is_one():
    assert all(set(c["levels"]) == {*RATES} for c in check_config(study(RATES, methods=["kl"]))["effects"]["parts"])


def test_a_varied_config_is_ordinary_once_it_is_checked():
    config = study(RATES | SCALES | STARTS)
    before = copy.deepcopy(config)
    checked = check_config(config)
    assert config == before and check_config(checked) == checked and checked["vary"] == {}
    assert len(checked["effects"]["parts"]) == 2 * 2 * 3
    plan = make_plan(config)
    task = plan.task("write_table", table="effects_parts")
    assert len(task.inputs["pooled"]) == 4 and "results/tables/effects_parts.tex" in plan.products()


@pytest.mark.parametrize(
    "factors, message",
    [
        ({"training.learning_rat": [1, 2]}, "unknown key 'training.learning_rat'; did you mean 'training.learning_rate'"),
        ({"learning_rate": [1, 2]}, "did you mean 'training.learning_rate'"),
        ({"b": {"x": {"backbon": "resnet18"}, "y": {}}}, "unknown key 'backbon'; did you mean 'backbone'"),
        ({"methods.pml.option.margin_scale": [1, 2]}, "did you mean 'methods.pml.options"),
        ({"methods.pm.options.margin_scale": [1, 2]}, "did you mean 'methods.pml.options"),
        ({"methods.pml.options.margin_scal": [1, 2]}, "unknown option 'margin_scal'; did you mean 'margin_scale'"),
        ({"folds": [[1], [2]]}, "'folds' cannot be varied: all cells share"),
        ({"methods": [["kl"], ["pml"]]}, "'methods' cannot be varied: .* are a factor by themselves"),
        ({"method": {"x": {}, "y": {"training.epochs": 1}}}, "'method' is the factor of the experiment's methods"),
        ({"training.epochs": [1]}, "training.epochs: .*has 1 of 2 values or more; add to them"),
        ({"training.epochs": [1, "x"]}, "vary.parts: lopo__epochs_x: training.epochs: 'x' is not a whole number"),
        ({"training.ages": [[0, 100], [9, 3]]}, "9 is not below 3"),
        ({"x": {"a": {"training.epochs": 1}, "b": {}}, "training.epochs": [1, 2]}, "both set training.epochs"),
        ({"training": [{}, {"epochs": 3}], "training.epochs": [1, 2]}, "both set training"),
        ({"training.epochs": [1, 2], "training": [{}, {"epochs": 3}]}, "both set training"),
        ({"methods.pml.options.preset": ["a b", "a-b"]}, "there is another 'pml__preset_a_b'; rename"),
    ],
)
def test_a_factor_that_cannot_be_varied_is_one_line_of_error(factors, message):
    with pytest.raises(InputError, match=message) as refused:
        make_plan(study(factors))
    assert str(refused.value).startswith("config: ") and "\n" not in str(refused.value)


def test_a_study_of_what_is_not_there_names_the_nearest_that_is():
    config = study(RATES)
    config["vary"]["parts"]["experiment"] = "lop"
    with pytest.raises(InputError, match="config: vary.parts.experiment: 'lop' is not defined; did you mean 'lopo'"):
        check_config(config)


def test_a_cell_whose_name_no_file_could_have_is_refused():
    levels = {"l" * 200: {"training.epochs": 1}, "b": {"training.epochs": 2}}
    with pytest.raises(
        InputError, match="config: vary.parts: 'lopo__length_l*...' would be a name of 2.. letters; give the levels"
    ):
        check_config(study({"length": levels}))


def test_cells_of_one_s_own_are_on_one_data_set_and_of_methods_that_are_there():
    config = copy.deepcopy(SMALL) | {"effects": {"own": [{"experiment": "lopo", "method": "kl", "levels": {"loss": "KL"}}] * 2}}
    assert check_config(config)["effects"] == config["effects"]
    config["effects"]["own"][0] = {"experiment": "lopo", "method": "k", "levels": {}}
    with pytest.raises(InputError, match="config: effects.own: 'k' is not defined; did you mean 'kl'"):
        check_config(config)


def test_resolutions_are_data_sets_of_the_same_archives_each_with_faces_of_its_own():
    config = study({"dataset": ["fgnet", "small"]})
    config["datasets"]["small"] = config["datasets"]["fgnet"] | {"face_size": 32}
    plan = make_plan(config)
    assert plan.config["effects"]["parts"][2]["experiment"] == "lopo__dataset_small"
    for dataset, experiment, size in (("fgnet", "lopo", 64), ("small", "lopo__dataset_small", 32)):
        assert plan.task("align_faces", dataset=dataset).settings == {"size": size} and plan.face_size(experiment) == size
    config["datasets"]["small"]["archives"] = [{"path": "other.zip"}]
    with pytest.raises(InputError, match="config: effects.parts: the data sets of the cells have other archives"):
        check_config(config)


def test_alignments_are_data_sets_of_the_same_archives_each_with_faces_of_its_own():
    config = study({"dataset": ["fgnet", "wide"]})
    config["datasets"]["wide"] = config["datasets"]["fgnet"] | {"alignment": "upright", "zoom": 0.6}
    plan, crop = make_plan(config), {"crop": {"alignment": "upright", "zoom": 0.6}}
    assert plan.task("align_faces", dataset="wide").settings == {"size": 64} | crop
    job = {"method": "kl", "seed": "0", "job": "1"}
    varied, base = (plan.task("train_folds", experiment=name, **job) for name in ("lopo__dataset_wide", "lopo"))
    assert {**base.settings, **crop, "runs": varied.settings["runs"]} == varied.settings
    (table,) = [one for one in plan.tasks("write_table") if one.wildcards["table"] == "effects_parts"]
    assert len(table.inputs["pooled"]) == 2


def test_the_crop_by_default_leaves_the_settings_of_every_job_as_they_were_before_there_were_others():
    config = copy.deepcopy(SMALL)
    plan = make_plan(config)
    assert plan.task("align_faces", dataset="fgnet").settings == {"size": 64}
    config["datasets"]["fgnet"] |= {"alignment": "similarity", "zoom": 0.9}
    assert [*make_plan(config).tasks()] == [*plan.tasks()]
    assert not [task for task in plan.tasks() if "crop" in task.settings or "alignment" in json.dumps(task.settings)]


def test_cells_without_a_fold_in_common_are_refused():
    with pytest.raises(InputError, match="config: effects.parts: no fold is common to all cells; see folds and method_folds"):
        check_config(study(RATES, method_folds={"pml": [1], "kl": [2]}))
