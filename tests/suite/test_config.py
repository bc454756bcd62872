import copy
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from snakemake.utils import update_config

from pml.errors import InputError
from pml.suite.check import check_config
from pml.suite.config import (
    comparison_reference,
    config_schema,
    fold_jobs,
    folds,
    method_folds,
    read_config,
)
from tests.suite.small_config import SMALL, changed, compared, given_archives


def objects(schema: dict):
    """Yield every part of a schema that lists properties."""
    if isinstance(schema, dict):
        if "properties" in schema:
            yield schema
        for part in schema.values():
            yield from objects(part)


def test_every_default_keeps_its_own_schema():
    schema = config_schema()
    found = 0
    for part in objects(schema):
        for name, definition in part["properties"].items():
            if "default" in definition:
                found += 1
                rest = {key: value for key, value in definition.items() if key != "default"}
                errors = list(Draft202012Validator(rest | {"$defs": schema["$defs"]}).iter_errors(definition["default"]))
                assert not errors, f"{name}: {errors[0].message}"
    assert found > 20


def test_every_object_refuses_unknown_keys():
    assert all("additionalProperties" in part for part in objects(config_schema()))


def test_filled_config_is_valid_and_stays_as_it_is():
    config = check_config(SMALL)
    assert check_config(config) == config


def test_defaults_are_filled_in_at_every_depth():
    config = check_config(changed("experiments", "lopo", "training", "augmentation", "flip", value=0.25))
    experiment = config["experiments"]["lopo"]
    defaults = {"scale": 0.1, "rotation": 10, "translation": 0.05, "one_of": False, "grey": 0.1, "colour": [0.5, 0.5, 0.5, 0.1]}
    assert experiment["training"]["augmentation"] == {"flip": 0.25} | defaults
    assert experiment["training"]["weight_decay"] == 0.0005 and experiment["seeds"] == [0]
    assert config["datasets"]["fgnet"]["archives"][0]["synthetic"]["seed"] == 0
    assert config["methods"]["kl"]["options"] == {} and config["tables"] == {}


def test_defaults_leave_the_given_config_alone():
    before = copy.deepcopy(SMALL)
    check_config(SMALL)
    assert before == SMALL


def parts_of(value: object):
    """Yield every object at any depth, but for those that say what may not be."""
    inner = [part for key, part in value.items() if key != "not"] if isinstance(value, dict) else value
    inner = inner if isinstance(inner, list) else []
    if isinstance(value, dict):
        yield value
    for part in inner:
        yield from parts_of(part)


def test_every_pattern_and_every_choice_of_the_schema_is_described_for_its_message():
    parts = [part for part in parts_of(config_schema()) if {"oneOf", "anyOf", "pattern"} & part.keys()]
    assert len([part for part in parts if "oneOf" in part]) >= 4
    assert all(part.get("description") for part in parts)


def test_a_path_may_begin_with_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "w.pt").touch()
    config = given_archives({"path": "~/data/x.zip"}, {"path": "here/~x.zip"})
    config["experiments"]["lopo"] |= {
        "initialisation": "~/w.pt",
        "pretraining": "none",
        "protocol_options": {"list": "~/list.txt"},
    }
    checked = check_config(config)
    paths = [archive["path"] for archive in checked["datasets"]["fgnet"]["archives"]]
    assert paths == [f"{tmp_path}/data/x.zip", "here/~x.zip"]
    experiment = checked["experiments"]["lopo"]
    assert experiment["initialisation"] == f"{tmp_path}/w.pt"
    assert experiment["protocol_options"] == {"list": f"{tmp_path}/list.txt"}
    assert check_config(checked) == checked


TREES = st.recursive(
    st.none() | st.integers(0, 1) | st.lists(st.integers(0, 1), max_size=2),
    lambda inner: st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=8,
)


@given(st.lists(st.dictionaries(st.sampled_from("abc"), TREES, max_size=3), min_size=1, max_size=3))
def test_several_files_are_merged_as_snakemake_merges_them(tmp_path_factory, parts):
    folder, merged = tmp_path_factory.mktemp("parts"), {}
    for number, part in enumerate(parts):
        (folder / f"{number}.yaml").write_text(yaml.safe_dump(part))
        update_config(merged, part)
    assert read_config(*(folder / f"{number}.yaml" for number in range(len(parts)))) == merged


def test_the_file_of_several_that_is_no_good_is_named(tmp_path):
    (tmp_path / "first.yaml").write_text("suite: one")
    (tmp_path / "second.yaml").write_text("- two")
    with pytest.raises(InputError, match="second.yaml: holds no settings"):
        read_config(tmp_path / "first.yaml", tmp_path / "second.yaml")


@pytest.mark.parametrize(
    "reference, expected",
    [
        ("kl", ("lopo", "kl")),
        ({"experiment": "lopo", "method": "pml"}, ("lopo", "pml")),
        ({"experiment": "other", "method": "kl"}, ("other", "kl")),
    ],
)
def test_a_comparison_has_a_method_of_its_first_or_of_a_named_experiment_as_reference(reference, expected):
    config = check_config(compared(["lopo", "other"], reference))
    assert comparison_reference(config["comparisons"]["parts"]) == expected


@pytest.mark.parametrize(
    "value, expected",
    [("1-3", [1, 2, 3]), ("1-82/5", list(range(1, 83, 5))), ("7-7", [7]), ([5, 2], [5, 2]), ([], [])],
)
def test_folds_are_a_list_or_a_range(value, expected):
    assert folds(value) == expected


def test_jobs_share_out_the_folds_of_a_method():
    experiment = check_config(changed("experiments", "lopo", "method_folds", value={"kl": [2]}))["experiments"]["lopo"]
    experiment["folds_per_job"] = 2
    assert list(fold_jobs(experiment, "pml")) == [[1, 2], [3, 4], [5]]
    assert method_folds(experiment, "kl") == [2] and list(fold_jobs(experiment, "kl")) == [[2]]


@pytest.mark.parametrize("path", sorted((Path(__file__).parents[2] / "config").glob("*.yaml")), ids=lambda path: path.name)
def test_every_config_of_the_repository_is_valid(path):
    check_config(yaml.safe_load(path.read_text()))


def test_methods_that_are_tuned_side_by_side_have_the_same_number_of_trials_the_first_untuned():
    methods = check_config(yaml.safe_load((Path(__file__).parents[2] / "config" / "tuned.yaml").read_text()))["methods"]
    tuned = {name: method["tuning"] for name, method in methods.items() if method["tuning"]}
    assert {len(candidates) for candidates in tuned.values()} == {6}
    assert all(candidates[0] == {} and name.removesuffix("_tuned") in methods for name, candidates in tuned.items())
