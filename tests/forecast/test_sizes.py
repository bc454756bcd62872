from pathlib import Path

import pandas as pd
import pytest
import yaml

from pml.forecast.sizes import FoldSize, dataset_index, fold_sizes, nominal
from pml.registry import REGISTRIES
from pml.suite import Plan, make_plan
from pml.tables import load_schema, write_table

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def nothing_yet(tmp_path, monkeypatch) -> None:
    """Stand where there are no results."""
    monkeypatch.chdir(tmp_path)


def plan_of(name: str) -> Plan:
    return make_plan(yaml.safe_load((ROOT / "config" / name).read_text()))


def sizes_of(plan: Plan, experiment: str, **changes) -> dict[int, FoldSize]:
    index, source = dataset_index(plan, plan.config["experiments"][experiment]["dataset"])
    settings = plan.task("assign_folds", experiment=experiment).settings
    return fold_sizes(settings | changes, index, source != "index.csv")


@pytest.mark.parametrize(
    "experiment, folds, train, test",
    [
        ("morph2_setting1", 5, 44_107, 11_027),
        ("morph2_setting2", 5, 4_574, 1_144),
        ("chalearn_official", 1, 3_612, 1_079),
        ("imdb_wiki_pretraining", 1, 285_000, 15_000),
    ],
)
def test_a_protocol_on_data_that_is_not_there_has_the_sizes_of_the_docs(experiment, folds, train, test):
    sizes = sizes_of(plan_of("paper.yaml"), experiment)
    assert list(sizes) == list(range(1, folds + 1))
    assert set(sizes.values()) == {FoldSize((train,), 0, test)}


def test_subjects_are_kept_apart_to_within_one_of_them():
    sizes = sizes_of(plan_of("paper.yaml"), "morph2_setting1_exclusive")
    assert all(abs(size.test - 11_027) <= 5 and size.train[0] + size.test == 55_134 for size in sizes.values())


def test_leaving_one_person_out_tests_every_image_once():
    sizes = sizes_of(plan_of("paper.yaml"), "fgnet_lopo")
    assert len(sizes) == 82 and sum(size.test for size in sizes.values()) == 1_002


def test_curricula_are_those_that_the_paper_prints_or_near_them():
    published = pd.read_csv(ROOT / "pml/published/table6_curriculum.csv")
    printed = {data: tuple(rows["samples"]) for data, rows in published.groupby("dataset")}
    chalearn = sizes_of(plan_of("paper.yaml"), "chalearn_curricula")[1]
    assert chalearn.train == (*printed["ChaLearn"], 2_476) and chalearn.validation == 1_136
    morph2 = sizes_of(plan_of("paper.yaml"), "morph2_curricula")[1]
    assert morph2.train[:-1] == pytest.approx(printed["Morph II"], rel=0.02)


def test_drawn_data_has_as_many_images_as_the_config_says():
    index, source = dataset_index(plan_of("config.yaml"), "fgnet")
    assert len(index) == 240 and index["subject"].nunique() == 20 and source == "the config"


def test_held_out_images_are_taken_from_training():
    plain = sizes_of(plan_of("paper.yaml"), "morph2_setting1")[1]
    held_out = sizes_of(plan_of("paper.yaml"), "morph2_setting1", validation=0.1)[1]
    assert held_out.train[0] + held_out.validation == plain.train[0] and held_out.test == plain.test
    assert held_out.validation == pytest.approx(4_410, rel=0.05)


def test_the_length_of_a_list_is_the_size_of_setting2(tmp_path):
    (tmp_path / "list.txt").write_text("".join(f"{number:06d}_0M20.JPG\n" for number in range(100)))
    sizes = sizes_of(plan_of("paper.yaml"), "morph2_setting2", protocol_options={"list": "list.txt"})
    assert sizes[1] == FoldSize((80,), 0, 20)


def test_the_index_counts_where_the_suite_has_one(tmp_path):
    rows = pd.DataFrame({"image": [f"{number}.jpg" for number in range(9)], "age": 20.0, "subject": [*"aaaabbbcc"]})
    path = tmp_path / "results/demo/datasets/fgnet/index.csv"
    write_table(rows.reindex(columns=list(load_schema("index")["properties"])), path, "index")
    plan = plan_of("config.yaml")
    assert dataset_index(plan, "fgnet")[1] == "index.csv"
    assert [size.test for size in sizes_of(plan, "fgnet_lopo").values()] == [4, 3, 2]


@pytest.mark.parametrize("format", REGISTRIES["format"])
def test_every_format_has_the_nominal_size_of_the_docs(format):
    known = nominal(format)
    rows = [line for line in (ROOT / "docs/datasets.md").read_text().splitlines() if line.startswith(f"| `{format}` |")]
    row = next(line for line in rows if "images" in line or "faces" in line)
    assert f"{known.images:,} " in row or (format, known.images) in (("imdb_wiki", 300_000), ("table", 0))
    assert not known.subjects or f"{known.subjects:,} subjects" in row
    assert not known.parts or " / ".join(f"{part:,}" for part in known.parts.values()) in row
