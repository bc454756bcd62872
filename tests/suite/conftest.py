from pathlib import Path

import pytest
import yaml

from pml.suite import Plan, make_plan

ROOT = Path(__file__).parents[2]


def demo_config() -> dict:
    """The demo's config, as its file has it."""
    return yaml.safe_load((ROOT / "config" / "config.yaml").read_text())


@pytest.fixture
def plan() -> Plan:
    """The demo's plan, with a comparison."""
    return make_plan(demo_config() | {"comparisons": {"parts": {"experiments": ["fgnet_lopo"], "reference": "pml"}}})
