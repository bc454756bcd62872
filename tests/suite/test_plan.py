"""The plan of a suite, without running snakemake."""

import json
from collections import Counter
from functools import cache
from pathlib import Path

import pytest
import yaml

from pml.errors import InputError
from pml.suite import Plan, make_plan, read_plan
from pml.suite.plan import RULES, wildcards_of
from pml.task import flat
from tests.suite.conftest import ROOT, demo_config

CONFIGS = sorted(path.name for path in (ROOT / "config").glob("*.yaml"))


@cache
def plan_of(name: str) -> Plan:
    """Return the plan of a config of ours."""
    return make_plan(yaml.safe_load((ROOT / "config" / name).read_text()))


def selecting(selection: str):
    """Return the demo's plan, whose epochs are chosen as `selection` says."""
    config = demo_config()
    for experiment in config["experiments"].values():
        experiment["training"]["selection"] = selection
        experiment["validation"] = 0.1  # something to choose by
    config["comparisons"] = {"parts": {"experiments": ["fgnet_lopo"], "reference": "pml"}}
    return make_plan(config)


def labels(settings) -> set[str]:
    """Return every label of a method at any depth of a job's settings."""
    inner = settings.values() if isinstance(settings, dict) else settings if isinstance(settings, list) else []
    own = {settings["label"]} if isinstance(settings, dict) and {"label", "method"} <= settings.keys() else set()
    return own.union(*map(labels, inner))


def every_label(selection: str) -> set[str]:
    return set().union(*(labels(task.settings) for task in selecting(selection).tasks()))


@pytest.mark.parametrize("selection", ["last", "validation"])
def test_labels_are_the_config_s(selection):
    assert every_label(selection) == {method["label"] for method in demo_config()["methods"].values()}


def test_everything_that_an_oracle_touches_is_marked():
    assert every_label("oracle") == {f"{label} (oracle)" for label in every_label("last")}


@pytest.mark.parametrize("name", CONFIGS)
def test_every_job_is_named_by_its_wildcards_and_writes_what_no_other_does(name):
    tasks = list(plan_of(name).tasks(*RULES))
    written = Counter(path for task in tasks for path in flat(task.outputs))
    assert max(written.values()) == 1
    assert all(task.wildcards.keys() == set(wildcards_of(task.rule)) for task in tasks)


def test_the_demo_has_a_job_of_every_rule_but_those_that_need_real_data(plan):
    assert {task.rule for task in plan.tasks()} == set(RULES) - {"publish", "fetch_archive", "draw_subjects"}


@pytest.mark.parametrize("name", CONFIGS)
def test_every_input_is_the_output_of_a_job_or_the_paper_s(name):
    tasks = list(plan_of(name).tasks(*RULES))
    written = {path for task in tasks for path in flat(task.outputs)}
    read = {path for task in tasks for path in flat(task.inputs)}
    assert all(Path(path).is_file() and "published" in path for path in read - written)


def test_the_products_are_the_tables_and_figures_and_nothing_else_leaves_the_folder_of_the_suite(plan):
    products = plan.products()
    assert {path.split("/")[1] for path in products} == {"tables", "figures"} and len(set(products)) == len(products)
    assert {"results/tables/table4.csv", "results/tables/leakage.tex", "results/figures/figure3.png"} <= set(products)
    made = [path for task in plan.tasks() if task.rule != "fetch_weights" for path in flat(task.outputs)]
    assert [path for path in made if not path.startswith("results/demo/")] == ["results/report.html"]


def test_a_saved_plan_is_the_same_plan(plan, tmp_path, monkeypatch):
    before = list(plan.tasks())
    monkeypatch.chdir(tmp_path)
    plan.save()
    read = read_plan(plan.path)
    assert read.config == plan.config and read.references == plan.references == ["constant_median", "id_lookup"]
    assert [task.outputs for task in read.tasks()] == [task.outputs for task in before]
    with pytest.raises(InputError, match="none.json: no such file"):
        read_plan("none.json")
    Path("other.json").write_text(json.dumps({"suite": "x"}))
    with pytest.raises(InputError, match="other.json: not the plan of a suite; run snakemake"):
        read_plan("other.json")


@pytest.mark.parametrize(
    "change",
    [
        lambda values: [values],
        lambda values: values | {"config": []},
        lambda values: values | {"config": {}},
        lambda values: values | {"facts": []},
        lambda values: values | {"facts": values["facts"] | {"methods": {"pml": {"reads_pixels": "yes"}}}},
        lambda values: values | {"facts": values["facts"] | {"protocols": {}}},
        lambda values: values | {"config": values["config"] | {"face_size": 10**9}},
        lambda values: values | {"config": values["config"] | {"methods": {}}},
    ],
    ids=["a list", "config a list", "no config", "facts a list", "another fact", "no protocol", "large faces", "no methods"],
)
def test_a_damaged_plan_is_refused_by_stages_and_written_anew_by_snakemake(plan, tmp_path, monkeypatch, change):
    monkeypatch.chdir(tmp_path)
    plan.save()
    saved = Path(plan.path)
    saved.write_text(json.dumps(change(json.loads(saved.read_text()))))
    with pytest.raises(InputError, match="suite.json: .*; run snakemake with the suite's config, which writes it"):
        read_plan(plan.path)
    make_plan(plan.config).save()
    assert read_plan(plan.path).config == plan.config


def test_an_experiment_that_starts_from_another_waits_for_the_very_run_whose_weights_it_takes(plan):
    job = {"experiment": "morph2_setting1_pretrained", "method": "kl", "seed": "0", "job": "1"}
    task = plan.task("train_folds", **job)
    runs = "results/demo/runs/imdb_wiki_pretraining/kl/seed0"
    assert task.settings["training"]["initialisation"] == f"{runs}/fold001/model.pt"
    assert task.inputs["initialisation"] == [f"{runs}/jobs/1.csv"]


def test_a_reference_is_told_by_its_class_and_gets_no_network_and_no_pixels():
    config = demo_config()
    config["methods"]["mine"] = {"class": "tests.suite.own_code:Youngest", "label": "Youngest"}
    config["experiments"]["fgnet_lopo"] |= {"methods": ["mine"], "initialisation": "imagenet"}
    del config["experiments"]["fgnet_frozen"]
    plan = make_plan(config | {"figures": {}, "tables": config["tables"] | {"table4": {"experiments": ["fgnet_lopo"]}}})
    assert not list(plan.tasks("fetch_weights"))
    assert "mine" in plan.references
    (task,) = [task for task in plan.tasks("look_up_folds") if task.wildcards["method"] == "mine"]
    assert task.inputs.keys() == {"index", "folds"} and "training" not in task.settings
    assert not [task for task in plan.tasks("train_folds") if task.wildcards["experiment"] == "fgnet_lopo"]
    (experiment,) = plan.task("write_table", table="table4").settings["experiments"]
    assert experiment["budget"] is None


def test_a_class_that_keeps_no_contract_is_named():
    config = demo_config()
    config["methods"]["kl"]["class"] = "tests.suite.own_code:NoMethod"
    with pytest.raises(InputError, match="config: methods.kl.*NoMethod keeps no contract of a method; subclass"):
        make_plan(config)


def test_a_user_s_own_protocol_backbone_and_format_stand_beside_ours():
    config = demo_config()
    config["datasets"]["fgnet"] |= {"format": "tests.suite.own_code:Format", "archives": [{"path": "album"}]}
    config["experiments"]["fgnet_lopo"] |= {
        "protocol": "tests.suite.own_code:halves",
        "protocol_options": {"youngest": 20},
        "backbone": "tests.suite.own_code:tiny",
        "backbone_options": {"width": 4},
    }
    plan = make_plan(config)
    assert plan.task("assign_folds", experiment="fgnet_lopo").settings["protocol_options"] == {"youngest": 20}
    assert plan.task("evaluate_predictions", experiment="fgnet_lopo").settings["exclusive"]
    stressed = plan.task("write_table", table="stress").settings["experiments"]
    assert [one["protocol"] for one in stressed] == ["tests.suite.own_code:halves"]
    config["experiments"]["fgnet_lopo"]["backbone_options"] = {"widht": 4}
    with pytest.raises(InputError, match="experiments.fgnet_lopo.backbone_options: .*'widht'; did you mean 'width'"):
        make_plan(config)


def test_a_forest_plot_reads_the_table_of_its_comparison_and_nothing_else(plan):
    config = plan.config | {"comparisons": {"parts": {"experiments": ["fgnet_lopo"], "reference": "kl"}}}
    task = Plan(config, plan.facts).task("draw_forest", comparison="parts")
    assert list(flat(task.inputs)) == ["results/demo/tables/table_parts.csv"]
    assert task.settings["places"]["KL baseline"] == list(config["methods"]).index("kl")


def test_errors_along_the_ages_have_the_reference_of_a_comparison_or_the_first_method(plan):
    parts = {"experiments": ["fgnet_lopo"], "reference": "kl"}
    compared = Plan(plan.config | {"comparisons": {"parts": parts}}, plan.facts)
    for name, reference in (("fgnet_lopo", "kl"), ("morph2_setting1", "pml")):
        assert compared.config["experiments"][name]["methods"][0] == "pml"
        assert compared.task("draw_experiment", experiment=name).settings["reference"] == reference


def test_a_method_has_the_same_place_in_every_figure(plan):
    places = [
        (entry["method"], entry["place"])
        for rule in ("draw_figure3", "draw_experiment")
        for task in plan.tasks(rule)
        for entry in task.settings["methods"]
    ]
    assert len(set(places)) == len({method for method, _ in places}) == len({place for _, place in places})


def frozen_config(**changes) -> dict:
    """The demo's FG-NET alone, its experiment on frozen features and a second one on the same store."""
    config = demo_config()
    frozen = config["experiments"]["fgnet_frozen"] | {"keep_models": [1], "folds": [1]}
    second = frozen | {"methods": ["kl"], "curriculum": [0.5]} | changes
    config["experiments"] = {"first": frozen, "second": second}
    return config | {"tables": {}, "figures": {}, "leakage": {}}


def test_frozen_experiments_read_embeddings_and_share_those_of_one_network():
    plan = make_plan(frozen_config())
    (embedding,) = plan.tasks("embed_faces")
    assert embedding.inputs["initialisation"] == ["resources/weights/efficientnet_lite0-imagenet.pth"]
    for task in plan.tasks("train_folds"):
        assert task.inputs["store"] == embedding.outputs["embeddings"]
        assert task.settings["training"]["initialisation"] == "random", "the trunk has no weights of the network's"


@pytest.mark.parametrize(
    "changes",
    [
        {"frozen": {"copies": 1}},
        {"initialisation": "random"},
        {"backbone": "resnet18", "initialisation": "random"},
        {"dataset": "chalearn", "protocol": "official"},
    ],
)
def test_other_copies_weights_networks_or_faces_are_another_store(changes):
    plan = make_plan(frozen_config(**changes))
    assert len({task.outputs["embeddings"] for task in plan.tasks("embed_faces")}) == 2


def test_the_trunk_of_a_frozen_experiment_may_start_from_another_one():
    plan = make_plan(frozen_config(initialisation={"experiment": "first"}, pretraining="none"))
    (embedding,) = plan.tasks("embed_faces")
    (task,) = [task for task in plan.tasks("train_folds") if task.wildcards["experiment"] == "second"]
    assert task.inputs["store"] == embedding.outputs["embeddings"]
    assert task.settings["training"]["initialisation"] == "results/demo/runs/first/kl/seed0/fold001/model.pt"
    with pytest.raises(InputError, match="second.initialisation: first has another 'frozen' than second"):
        make_plan(frozen_config(initialisation={"experiment": "first"}, pretraining="none", frozen=None))


def test_tables_say_what_the_weights_have_seen_and_whether_the_backbone_was_frozen():
    config = frozen_config()
    given = {"backbone": "faceres_deep", "initialisation": "vggface2", "frozen": None}
    config["experiments"]["second"] |= given | {"training": {"trained_blocks": 6}, "methods": ["kl", "constant_median"]}
    config["tables"] = {"table4": {"experiments": ["first", "second"]}}
    first, second = make_plan(config).task("write_table", table="table4").settings["experiments"]
    assert {method["start"] for method in first["methods"]} == {"ImageNet; frozen"} and first["pretraining"] == "none"
    assert [method["start"] for method in second["methods"]] == ["VGGFace2, IMDB-WIKI; last 6 blocks trained", None]
    assert second["pretraining"] == "VGGFace2, IMDB-WIKI"


def test_a_label_file_in_a_folder_of_the_users_is_an_input_of_its_own(tmp_path, monkeypatch):
    """Else nothing would run again after a change in it."""
    monkeypatch.chdir(tmp_path)
    Path("album").mkdir()
    for name in ("labels.csv", "Train.TXT", "{x}.csv", "1.jpg"):
        Path("album", name).touch()
    config = demo_config()
    config["datasets"]["fgnet"]["archives"] = [{"path": "album"}]
    inputs = make_plan(config).task("index_images", dataset="fgnet").inputs["archives"]
    assert inputs == ["album", "album/Train.TXT", "album/labels.csv"]
