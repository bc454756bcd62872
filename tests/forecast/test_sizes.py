from pathlib import Path

import pandas as pd
import pytest
import yaml

from pml.config import check_config
from pml.files import load_schema, write_table
from pml.forecast.sizes import NOMINAL, FoldSize, dataset_index, fold_sizes

ROOT = Path(__file__).parents[2]


@pytest.fixture
def nothing_yet(tmp_path, monkeypatch) -> None:
    """Stand where there are no results."""
    monkeypatch.chdir(tmp_path)


def config_of(name: str) -> dict:
    return check_config(yaml.safe_load((ROOT / "config" / name).read_text()))


def sizes_of(config: dict, experiment: str, **changes) -> dict[int, FoldSize]:
    chosen = config["experiments"][experiment] | changes
    index, source = dataset_index(config, chosen["dataset"])
    return fold_sizes(chosen, index, source != "index.csv")


@pytest.mark.parametrize(
    "experiment, folds, train, test",
    [
        ("morph2_setting1", 5, 44_107, 11_027),
        ("morph2_setting2", 5, 4_574, 1_144),
        ("chalearn_official", 1, 3_612, 1_079),
        ("imdb_wiki_pretraining", 1, 285_000, 15_000),
    ],
)
def test_a_protocol_on_data_that_is_not_there_has_the_sizes_of_the_docs(nothing_yet, experiment, folds, train, test):
    sizes = sizes_of(config_of("paper.yaml"), experiment)
    assert list(sizes) == list(range(1, folds + 1))
    assert set(sizes.values()) == {FoldSize((train,), 0, test)}


def test_subjects_are_kept_apart_to_within_one_of_them(nothing_yet):
    sizes = sizes_of(config_of("paper.yaml"), "morph2_setting1_exclusive")
    assert all(abs(size.test - 11_027) <= 5 and size.train[0] + size.test == 55_134 for size in sizes.values())


def test_leaving_one_person_out_tests_every_image_once(nothing_yet):
    sizes = sizes_of(config_of("paper.yaml"), "fgnet_lopo")
    assert len(sizes) == 82 and sum(size.test for size in sizes.values()) == 1_002


def test_curricula_of_chalearn_are_those_that_the_paper_prints(nothing_yet):
    published = pd.read_csv(ROOT / "published" / "table6_curriculum.csv").query("dataset == 'ChaLearn'")["samples"]
    size = sizes_of(config_of("paper.yaml"), "chalearn_curricula")[1]
    assert size.train == (*published, 2_476) and size.validation == 1_136


def test_curricula_of_morph2_are_near_those_that_the_paper_prints(nothing_yet):
    published = pd.read_csv(ROOT / "published" / "table6_curriculum.csv").query("dataset == 'Morph II'")["samples"]
    assert sizes_of(config_of("paper.yaml"), "morph2_curricula")[1].train[:-1] == pytest.approx(tuple(published), rel=0.02)


def test_drawn_data_has_as_many_images_as_the_config_says(nothing_yet):
    config = config_of("config.yaml")
    index, source = dataset_index(config, "fgnet")
    assert len(index) == 240 and index["subject"].nunique() == 20 and source == "the config"


def test_held_out_images_are_taken_from_training(nothing_yet):
    plain = sizes_of(config_of("paper.yaml"), "morph2_setting1")[1]
    held_out = sizes_of(config_of("paper.yaml"), "morph2_setting1", validation=0.1)[1]
    assert held_out.train[0] + held_out.validation == plain.train[0] and held_out.test == plain.test
    assert held_out.validation == pytest.approx(4_410, rel=0.05)


def test_the_length_of_a_list_is_the_size_of_setting2(nothing_yet, tmp_path):
    (tmp_path / "list.txt").write_text("".join(f"{number:06d}_0M20.JPG\n" for number in range(100)))
    sizes = sizes_of(config_of("paper.yaml"), "morph2_setting2", protocol_options={"list": "list.txt"})
    assert sizes[1] == FoldSize((80,), 0, 20)


def test_the_index_counts_where_the_suite_has_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rows = pd.DataFrame({"image": [f"{number}.jpg" for number in range(9)], "age": 20.0, "subject": [*"aaaabbbcc"]})
    path = tmp_path / "results/demo/datasets/fgnet/index.csv"
    write_table(rows.reindex(columns=list(load_schema("index")["properties"])), path, "index")
    config = config_of("config.yaml")
    assert dataset_index(config, "fgnet")[1] == "index.csv"
    assert [size.test for size in sizes_of(config, "fgnet_lopo").values()] == [4, 3, 2]


def test_every_format_has_a_nominal_size():
    assert NOMINAL.keys() == set(load_schema("config")["$defs"]["dataset"]["properties"]["format"]["enum"])


@pytest.mark.parametrize("format", sorted(set(NOMINAL) - {"imdb_wiki"}))
def test_the_nominal_sizes_are_those_of_the_docs(format):
    (row,) = [
        line
        for line in (ROOT / "docs/datasets.md").read_text().splitlines()
        if line.startswith(f"| `{format}` |") and "images" in line or line.startswith(f"| `{format}` | 23,708 faces")
    ]
    nominal = NOMINAL[format]
    assert f"{nominal.images:,} " in row
    assert not nominal.subjects or f"{nominal.subjects:,} subjects" in row
    assert not nominal.parts or " / ".join(f"{part:,}" for part in nominal.parts) in row
