"""The settings of a training, and the schema that is made from them."""

import pytest
from jsonschema import Draft202012Validator

from pml.errors import InputError
from pml.suite.settings import Settings, Training, build_settings, class_ages, fingerprint, schema_of


@pytest.fixture
def values() -> dict:
    """Settings as plain JSON types."""
    own = {
        "method": "kl",
        "options": {},
        "backbone": "resnet18",
        "backbone_options": {},
        "initialisation": "random",
        "courses": 1,
    }
    return Settings(**own, ages=(20, 40)).as_dict()


def test_settings_survive_plain_types(values):
    assert build_settings(values, "run.json").as_dict() == values


def test_ages_have_one_class_a_year(values):
    assert list(build_settings(values, "run.json").age_classes) == list(range(20, 41))


@pytest.mark.parametrize(
    "edit, message",
    [
        (lambda values: values.pop("ages"), "run.json: keys missing: \\['ages'\\]"),
        (lambda values: values.pop("augmentation"), "keys missing: \\['augmentation'\\]"),
        (lambda values: values["augmentation"].pop("flip"), "augmentation: keys missing: \\['flip'\\]"),
        (lambda values: values.update(epoch=3), "unknown key 'epoch'; did you mean 'epochs'"),
        (lambda values: values["augmentation"].update(rotate=3), "unknown key 'rotate'; did you mean 'rotation'"),
    ],
)
def test_missing_or_unknown_key_is_named(values, edit, message):
    edit(values)
    with pytest.raises(InputError, match=message):
        build_settings(values, "run.json")


def test_the_schema_has_every_key_with_its_default_and_limits():
    schema = schema_of(Training)
    defaults = {name: part["default"] for name, part in schema["properties"].items()}
    assert defaults.keys() == Training.__dataclass_fields__.keys()
    assert defaults["ages"] == [0, 100] and defaults["augmentation"] == {} and defaults["weight_decay"] == 0.0005
    for name, wrong in (("epochs", 0), ("epochs", 2.5), ("optimiser", "adamm"), ("ages", [0]), ("mirror_test", "yes")):
        assert list(Draft202012Validator(schema).iter_errors({name: wrong})), name
    assert not list(Draft202012Validator(schema).iter_errors(defaults))


def test_every_key_of_training_says_what_it_is_or_has_choices():
    named = {"weight_decay", "optimiser", "device"}
    properties = schema_of(Training)["properties"]
    assert all("description" in part or name in named for name, part in properties.items())


def test_fingerprint_ignores_the_order_of_keys_and_nothing_else():
    assert fingerprint({"a": 1, "b": [2, 3]}) == fingerprint({"b": [2, 3], "a": 1})
    assert len({fingerprint(*parts) for parts in [({"a": 1},), ({"a": 2},), ({"a": 1}, 0), ({"a": 1}, 1)]}) == 4


def test_the_ages_of_the_classes_say_whether_training_cuts_ages():
    assert class_ages({"ages": [0, 100], "whole_ages": False}) == [0, 100]
    assert class_ages({"ages": [0, 100], "whole_ages": True}) == [0, 100, True]
