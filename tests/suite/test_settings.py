import json

import pytest

from pml.errors import InputError
from pml.training.settings import fingerprint, load_settings


def edited(settings_json, tmp_path, edit):
    values = json.loads(settings_json.read_text())
    edit(values)
    path = tmp_path / "settings.json"
    path.write_text(json.dumps(values))
    return path


def test_settings_survive_the_file(settings, tmp_path):
    path = tmp_path / "settings.json"
    path.write_text(json.dumps(settings.as_dict()))
    assert load_settings(path) == settings


def test_ages_have_one_class_a_year(settings):
    assert list(settings.age_classes) == list(range(20, 41))


@pytest.mark.parametrize(
    "edit, message",
    [
        (lambda values: values.pop("ages"), "keys missing: \\['ages'\\]"),
        (lambda values: values.pop("augmentation"), "keys missing: \\['augmentation'\\]"),
        (lambda values: values["augmentation"].pop("flip"), "augmentation: keys missing: \\['flip'\\]"),
        (lambda values: values.update(epoch=3), "unknown key 'epoch'; did you mean 'epochs'"),
        (lambda values: values["augmentation"].update(rotate=3), "unknown key 'rotate'; did you mean 'rotation'"),
    ],
)
def test_missing_or_unknown_key_is_named(settings_json, tmp_path, edit, message):
    with pytest.raises(InputError, match=message):
        load_settings(edited(settings_json, tmp_path, edit))


def test_missing_or_broken_file_is_named(tmp_path):
    with pytest.raises(InputError, match="absent.json.*write_settings"):
        load_settings(tmp_path / "absent.json")
    (tmp_path / "half.json").write_text('{"method": ')
    with pytest.raises(InputError, match="half.json"):
        load_settings(tmp_path / "half.json")


def test_fingerprint_ignores_the_order_of_keys_and_nothing_else():
    assert fingerprint({"a": 1, "b": [2, 3]}) == fingerprint({"b": [2, 3], "a": 1})
    assert len({fingerprint(*parts) for parts in [({"a": 1},), ({"a": 2},), ({"a": 1}, 0), ({"a": 1}, 1)]}) == 4
