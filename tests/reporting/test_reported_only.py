"""Why a system that the paper quotes is not run."""

import re
from pathlib import Path

import pandas as pd
import pytest
import yaml

from pml.registry import REGISTRIES
from pml.tables import PUBLISHED, read_table

TABLES = sorted(path for path in PUBLISHED.glob("table[2-5]_*.csv"))
# The quoted systems that are run under their own name: a config that lacks them is the only reason.
RUN = {"PML", "DEX", "M-V Loss", "OR-CNN", "DRFs", "C3AE"}
CONFIGS = sorted(Path(__file__).parents[2].glob("config/**/*.yaml"))


@pytest.fixture(scope="module")
def reasons():
    return read_table(PUBLISHED / "reported_only.csv", "reported_only").set_index("method")["reason"]


@pytest.fixture(scope="module")
def quoted():
    return set(pd.concat([read_table(path, "published") for path in TABLES])["method"])


def test_every_quoted_system_is_run_or_has_one_reason(reasons, quoted):
    assert len(TABLES) == 4
    assert reasons.index.is_unique and reasons.str.len().gt(0).all()
    assert quoted == RUN | set(reasons.index) and not RUN & set(reasons.index)


def test_what_is_run_in_its_stead_is_a_method_of_the_suite(reasons):
    stead = {name: re.search(r"; run (?:without it )?as (\w+)", reason) for name, reason in reasons.items()}
    found = {name: match[1] for name, match in stead.items() if match}
    assert found == {
        "AVDL": "avdl_like",
        "AgeED": "age_ed_like",
        "ARN": "arn_like",
        "DLDL-V2": "dldl_v2",
        "ThinAgeNet": "thin_age_net",
        "TinyAgeNet": "thin_age_net",
    }
    assert set(found.values()) <= set(REGISTRIES["method"])


def test_a_method_that_is_only_like_a_quoted_one_says_so(reasons):
    for name, method in (("AVDL", "avdl_like"), ("AgeED", "age_ed_like"), ("ARN", "arn_like")):
        assert reasons[name].endswith(f"; run as {method}, which is not {name}")


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.name)
def test_no_config_gives_such_a_method_the_published_name(path):
    methods = (yaml.safe_load(path.read_text()) or {}).get("methods") or {}
    like = {name for pair in REGISTRIES["method"].items() if pair[0].endswith("_like") for name in pair}
    assert not [name for name, method in methods.items() if method.get("class") in like and method.get("published")]
