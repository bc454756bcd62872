import pytest
import torch

from baselines.dldl import DLDL
from pml.errors import InputError
from pml.method import method_class, method_options

DLDL_PATH = "baselines.dldl:DLDL"


def test_method_is_found_by_its_import_path():
    assert method_class(DLDL_PATH) is DLDL


@pytest.mark.parametrize(
    "import_path, message",
    [
        ("baselines.dldl", "write module:Class"),
        ("baselines.absent:X", "No module named 'baselines.absent'.*misspelt"),
        ("baselines.dldl:DLDLv2", "no method class 'DLDLv2'; did you mean 'DLDL'"),
        ("pml.errors:InputError", "no method class 'InputError'"),
        ("torch.nn:Linear", "no method class 'Linear'"),
    ],
)
def test_what_is_no_method_is_refused_by_name(import_path, message):
    with pytest.raises(InputError, match=f"method '{import_path}': .*{message}"):
        method_class(import_path)


def test_options_are_filled_in():
    options = method_options("pml.progressive_margin:PML", {"margin_scale": 0.5})
    assert options.margin_scale == 0.5 and options.sigma == 2.0


def test_unknown_option_suggests_the_nearest():
    with pytest.raises(InputError, match="unknown option 'margin_scal'; did you mean 'margin_scale'"):
        method_options("pml.progressive_margin:PML", {"margin_scal": 0.5})


def test_class_of_an_age_is_the_nearest_and_stays_within():
    method = DLDL(4, range(16, 78), method_options(DLDL_PATH, {}))
    ages = torch.tensor([-3.0, 16.0, 16.4, 16.6, 40.0, 77.0, 99.0])
    assert method.classes(ages).tolist() == [0, 0, 0, 1, 24, 61, 61]


def test_expected_age_is_the_mean_over_the_ages():
    method = DLDL(4, range(16, 78), method_options(DLDL_PATH, {}))
    distribution = torch.zeros(1, 62)
    distribution[0, [0, 61]] = torch.tensor([0.25, 0.75])
    assert method.expected_age(distribution).item() == pytest.approx(0.25 * 16 + 0.75 * 77)
