"""What the documentation shows runs as it stands there."""

import re
from pathlib import Path

import torch
import yaml

from pml.config import check_config
from pml.method import method_class, method_options

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
