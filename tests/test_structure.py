"""How the parts of the code depend on one another."""

import ast
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# A package may import from itself, from modules that lie directly in pml/, and from the packages that stand before it here.
ORDER = [
    "suite",
    "datasets",
    "faces",
    "folds",
    "methods",
    "backbones",
    "training",
    "evaluation",
    "reporting",
    "progressive_margin",
    "forecast",
    "export",
    "prediction",
    "commands",
]


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


MODULES = {name_of(path): path for folder in ("pml", "baselines") for path in sorted((ROOT / folder).rglob("*.py"))}


def imports(module: str) -> set[str]:
    """Return the modules of this repository that a module imports, wherever in it."""
    found = set()
    for node in ast.walk(ast.parse(MODULES[module].read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {name if (name := f"{node.module}.{alias.name}") in MODULES else node.module for alias in node.names}
    return {name for name in found if name.split(".")[0] in ("pml", "baselines", "workflow", "tests")}


def test_no_modules_import_each_other_in_a_circle():
    graph = {module: imports(module) & MODULES.keys() for module in MODULES}
    TopologicalSorter(graph).prepare()  # a CycleError names the circle


@pytest.mark.parametrize("module", [module for module in MODULES if module.startswith("pml")])
def test_nothing_of_the_engine_imports_a_competitor_a_rule_or_a_test(module):
    assert not [name for name in imports(module) if not name.startswith("pml")]


@pytest.mark.parametrize("module", [module for module in MODULES if module.split(".")[1:2] and module.split(".")[1] in ORDER])
def test_data_flows_one_way(module):
    package = module.split(".")[1]
    later = ORDER[ORDER.index(package) + 1 :]
    assert not [name for name in imports(module) if name.split(".")[1:2] and name.split(".")[1] in later]
