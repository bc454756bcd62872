"""Whatever a config holds, it is refused in one line, or every job that follows from it stays in its folders."""

import copy
import datetime
from functools import reduce
from operator import getitem
from pathlib import Path

import yaml

from pml.errors import InputError
from pml.suite import make_plan
from pml.suite.plan import RULES
from pml.task import flat
from tests.workflow.checkout import ROOT

COUNT = 2_500
CONFIGS = sorted((ROOT / "config").glob("*.yaml"))
BELOW = [Path("results"), Path("resources")]
ODD = [
    *(None, True, False, 0, -1, 1.0, 0.5, 10**9, 10**30, float("nan"), float("inf"), -float("inf"), datetime.date(2021, 6, 1)),
    *(
        "",
        " ",
        "x",
        "-x",
        "--help",
        "..",
        "../x",
        "/etc/x",
        "a/b",
        "a\\b",
        "~",
        "{x}",
        "{",
        "}",
        "%s",
        "$x^{$",
        "$(touch x)",
        "`x`",
    ),
    *(";x", "x'", 'x"', "x\ny", "x\0y", "\udcff", "é", "\u202e", "x" * 5000, "1-5", "5-1", "1-5/0", "1e9", "null", "os:system"),
    *([], [[]], {}, {"x": 1}, [None], ["x", "x"], [1, 1], {"url": "file:///etc/passwd", "checksum": "md5:x"}, {"path": ""}),
]


def places(value, *path):
    """Yield the path of every part of a config."""
    for key, part in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield (*path, key)
        yield from places(part, *path, key)


def changed(config, chance):
    """Return the config with something odd in a place: in another's stead, beside it, or missing."""
    config = copy.deepcopy(config)
    *path, key = chance.choice(list(places(config)))
    inner = reduce(getitem, path, config)
    if chance.random() < 0.15:
        del inner[key]
    elif isinstance(inner, dict) and chance.random() < 0.3:
        inner[chance.choice([one for one in ODD if isinstance(one, str | int)])] = inner[key]
    else:
        inner[key] = copy.deepcopy(chance.choice(ODD))
    return config


def test_an_odd_config_is_refused_or_stays_in_its_folders(campaign, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    configs = [yaml.safe_load(path.read_text()) for path in CONFIGS]
    tried = campaign("config")
    for chance in tried.trials(COUNT):
        config = changed(chance.choice(configs), chance)
        try:
            plan = make_plan(config)
        except InputError as error:
            assert str(error).isprintable()
            tried.count("refused")
            continue
        paths = [Path(path) for rule in RULES for job in RULES[rule].each(plan)[:3] for path in flat(plan.outputs(rule, **job))]
        assert all(any(folder in path.parents for folder in BELOW) and ".." not in path.parts for path in paths)
        plan.save()
        tried.count("taken")
    assert {path.name for path in tmp_path.iterdir()} <= {"results"}
