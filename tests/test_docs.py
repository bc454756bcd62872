"""What the documentation shows runs as it stands there."""

import re
from pathlib import Path

import pandas as pd
import torch
import yaml

from pml.config import check_config
from pml.files import load_schema
from pml.method import method_class, method_options
from pml.progressive_margin import PML

DOCS = Path(__file__).parents[1] / "docs"


def code_blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", (DOCS / page).read_text(), re.DOTALL)


def test_the_example_of_a_method_keeps_the_contract(tmp_path, monkeypatch):
    code = code_blocks("adding-a-method.md", "python")[0]
    package, name = re.match(r"# (\w+)/(\w+)\.py", code).groups()
    (tmp_path / package).mkdir()
    (tmp_path / package / f"{name}.py").write_text(code)
    monkeypatch.syspath_prepend(tmp_path)

    section = yaml.safe_load(code_blocks("adding-a-method.md", "yaml")[0])
    chosen = section["methods"][name]
    kind = method_class(chosen["class"])
    method = kind(8, range(101), method_options(chosen["class"], chosen["options"]))
    features, ages = torch.randn(4, 8), torch.tensor([1.0, 20.0, 33.5, 70.0])
    loss, terms = method.loss(features, ages, torch.full((4,), torch.nan))
    loss.backward()
    assert method.head.weight.grad.abs().sum() > 0
    assert not any(term.requires_grad for term in terms.values())
    assert method.predict(features).shape == (4,)


def test_the_example_config_validates_when_merged_into_the_demo():
    section = yaml.safe_load(code_blocks("adding-a-method.md", "yaml")[0])
    config = yaml.safe_load((DOCS.parent / "config" / "config.yaml").read_text())
    config["methods"] |= section["methods"]
    config["experiments"]["fgnet_lopo"]["methods"] = [*config["methods"]]
    assert check_config(config)["methods"]["huber"]["options"] == {"delta": 3.0}


def test_every_option_that_the_fidelity_page_names_exists_with_that_value():
    options = PML.Options()
    training = load_schema("config")["$defs"]["training"]["properties"]
    known = vars(options) | {name: part.get("default") for name, part in training.items()}
    named = re.findall(r"`(\w+)(?:: ([\w.]+))?`", (DOCS / "fidelity.md").read_text())
    assert set(vars(options)) <= {name for name, _ in named}
    for name, value in named:
        if value:
            assert known[name] == yaml.safe_load(value), name


def test_the_numbers_of_the_readme_are_those_of_the_demo():
    rows = pd.read_csv(DOCS / "demo" / "table4.csv").query("source == 'reproduced'").set_index("method")
    readme = (DOCS.parent / "README.md").read_text()
    shown = dict(re.findall(r"^\| ([^|]+?) \| ([\d.]+) \|", readme, re.MULTILINE))
    assert shown == {method: f"{mae:.2f}" for method, mae in rows["reproduced_mae"].items()}
