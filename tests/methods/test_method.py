import pytest
import torch

from baselines.dldl import DLDL
from pml.errors import InputError
from pml.registry import find, find_options


@pytest.mark.parametrize("name", ["dldl", "baselines.dldl:DLDL"])
def test_method_is_found_by_its_short_name_or_its_import_path(name):
    assert find("method", name) is DLDL


@pytest.mark.parametrize(
    "name, message",
    [
        ("baselines.dldl", "not known"),
        ("dldl2", "not known; did you mean 'dldl"),
        ("baselines.absent:X", "No module named 'baselines.absent'.*misspelt"),
        ("baselines.dldl:DLDLv2", "has no 'DLDLv2'; did you mean 'DLDL'"),
        ("pml.errors:InputError", "InputError keeps no contract of a method; subclass pml.methods.method.Method"),
        ("torch.nn:Linear", "Linear keeps no contract of a method; subclass pml.methods.method.Method"),
    ],
)
def test_what_is_no_method_is_refused_by_name(name, message):
    with pytest.raises(InputError, match=f"method '{name}': .*{message}"):
        find("method", name)


def test_options_are_filled_in():
    options = find_options("method", "pml", {"margin_scale": 0.5})
    assert options.margin_scale == 0.5 and options.sigma == 2.0


def test_unknown_option_suggests_the_nearest():
    with pytest.raises(InputError, match="unknown option 'margin_scal'; did you mean 'margin_scale'"):
        find_options("method", "pml", {"margin_scal": 0.5})


def test_class_of_an_age_is_the_nearest_and_stays_within():
    method = DLDL(4, range(16, 78), DLDL.Options())
    ages = torch.tensor([-3.0, 16.0, 16.4, 16.6, 40.0, 77.0, 99.0])
    assert method.classes(ages).tolist() == [0, 0, 0, 1, 24, 61, 61]


def test_expected_age_is_the_mean_over_the_ages():
    method = DLDL(4, range(16, 78), DLDL.Options())
    distribution = torch.zeros(1, 62)
    distribution[0, [0, 61]] = torch.tensor([0.25, 0.75])
    assert method.expected_age(distribution).item() == pytest.approx(0.25 * 16 + 0.75 * 77)


def test_method_without_a_distribution_must_say_how_it_predicts(monkeypatch):
    method = DLDL(4, range(16, 78), DLDL.Options())
    monkeypatch.setattr(DLDL, "distribution", lambda self, features: None)
    with pytest.raises(NotImplementedError, match="DLDL has no distribution, so it needs a `predict`"):
        method.predict(torch.zeros(1, 4))
