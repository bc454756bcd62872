"""environment.yml and requirements.txt describe one environment."""

import re
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

ROOT = Path(__file__).parents[1]
CONDA_NAMES = {
    "torch": "pytorch",
    "opencv-python-headless": "py-opencv",
    "matplotlib": "matplotlib-base",
    "snakemake": "snakemake-minimal",
}
PINS = [Requirement(line) for line in (ROOT / "requirements.txt").read_text().splitlines() if not line.startswith("#")]


def conda_ranges() -> dict[str, str]:
    dependencies = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    names = [re.match(r"(\S+) ?(.*)", entry).groups() for entry in dependencies if isinstance(entry, str)]
    pip = [Requirement(entry) for group in dependencies if isinstance(group, dict) for entry in group["pip"] if entry[0] != "-"]
    return dict(names) | {requirement.name: str(requirement.specifier) for requirement in pip}


@pytest.mark.parametrize("pin", PINS, ids=lambda pin: pin.name)
def test_every_pin_lies_in_the_range_of_the_conda_environment(pin):
    (version,) = pin.specifier
    assert SpecifierSet(conda_ranges()[CONDA_NAMES.get(pin.name, pin.name)]).contains(version.version)


def test_every_pin_has_its_reason_in_the_docs():
    reasons = (ROOT / "docs" / "dependencies.md").read_text()
    assert [pin.name for pin in PINS if pin.name not in reasons] == []
