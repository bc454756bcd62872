"""What is found out about a config before any data is touched."""

import json
import re
from pathlib import Path

import pytest
import yaml

from pml.check_options import main
from pml.config import check_config

CONFIG = Path(__file__).parents[1] / "config"


@pytest.mark.parametrize("name", sorted(path.name for path in CONFIG.glob("*.yaml")))
def test_every_shipped_config_passes(name):
    main(["--config", json.dumps(check_config(yaml.safe_load((CONFIG / name).read_text())))])


@pytest.mark.parametrize(
    ("section", "name", "changes", "message"),
    [
        ("methods", "pml", {"options": {"margin_scal": 1}}, "config: methods.pml: .*did you mean 'margin_scale'"),
        ("methods", "dex", {"class": "baselines.dexx:DEX"}, "config: methods.dex: .*dexx.*misspelt"),
        ("methods", "dex", {"class": ":DEX"}, "config: methods.dex: .*write module:Class"),
        ("datasets", "imdb_wiki", {"options": {"min_face_score": "high"}}, "config: datasets.imdb_wiki: .*needs a number"),
        ("experiments", "fgnet_lopo", {"protocol_options": {"list": "a"}}, "config: experiments.fgnet_lopo: .*there are none"),
    ],
)
def test_a_misspelt_class_or_option_is_named_with_its_place(section, name, changes, message, capsys):
    config = check_config(yaml.safe_load((CONFIG / "config.yaml").read_text()))
    config[section][name] |= changes
    with pytest.raises(SystemExit, match="2"):
        main(["--config", json.dumps(config)])
    (line,) = capsys.readouterr().err.splitlines()
    assert re.match(f"error: {message}", line), line
