"""What a user may do wrong, and what is said of it: one line, exit code 2, no traceback, and the remedy."""

import json
from functools import reduce
from operator import getitem
from pathlib import Path

import pytest
import yaml

from pml import cli, stage
from pml.suite import make_plan
from tests.suite.small_config import SMALL, changed

LOPO = ("experiments", "lopo")
TRAINING = (*LOPO, "training")
ARCHIVES = ("datasets", "fgnet", "archives")
PLAN = "--suite results/small/suite.json"
EXPERIMENT = SMALL["experiments"]["lopo"] | {"initialisation": "random", "folds": "1-2"}
DATASET = SMALL["datasets"]["fgnet"] | {"archives": [{"synthetic": {"subjects": 3, "images": 60}}]}
RIGHT = SMALL | {"datasets": {"fgnet": DATASET}, "experiments": {"lopo": EXPERIMENT}}


def config(*path, value):
    """Return a config that is right but for the value at a path."""
    return changed(*path, value=value, base=RIGHT)


def without(*path):
    mistaken = config("suite", value="small")
    del reduce(getitem, path[:-1], mistaken)[path[-1]]
    return mistaken


def experiment(**changes):
    return config(*LOPO, value=EXPERIMENT | changes)


def archive(**given):
    return config(*ARCHIVES, value=[given])


# What the user did; the config, or the arguments of a command; words of the message, the remedy among them.
CONFIGS = [
    ("misspelt a key", config("suit", value="x"), "unknown key 'suit'; did you mean 'suite'?"),
    (
        "gave half an epoch",
        config(*TRAINING, "epochs", value=2.5),
        "is not a whole number; write one (epochs: of each curriculum",
    ),
    ("misspelt a setting", config(*TRAINING, "epoch", value=3), "lopo.training: unknown key 'epoch'; did you mean 'epochs'?"),
    ("left out the folds", without(*LOPO, "folds"), "experiments.lopo: 'folds' is a required property; add it"),
    ("left out the experiments", without("experiments"), "'experiments' is a required property; add it"),
    ("gave one fold as a number", config(*LOPO, "folds", value=3), "folds: 3 is not allowed; give fold numbers, as a list or"),
    ("gave one fold as text", config(*LOPO, "folds", value="3"), "write one fold as [1]"),
    ("gave folds that run backwards", config(*LOPO, "folds", value="9-3"), "has no folds; write a list, or first-last"),
    ("gave folds that are none", config(*LOPO, "folds", value=[99]), "fold 99, but lopo makes 3; name folds that there are"),
    ("gave text for a number", config(*TRAINING, "epochs", value="ten"), "epochs: 'ten' is not a whole number; write one"),
    ("gave 3.0 for 3", config(*TRAINING, "epochs", value=3.0), "3.0 is not a whole number; write 3"),
    ("wrote 1e-3", config(*TRAINING, "learning_rate", value="1e-3"), "YAML reads 1e-3 as text; write 0.001"),
    (
        "gave a rate of 0",
        config(*TRAINING, "learning_rate", value=0),
        "learning_rate: 0 is less than or equal to the minimum of 0",
    ),
    ("gave .nan", config(*TRAINING, "decay", value=float("nan")), "nan is not a finite number; write one"),
    ("left a section empty", config(*TRAINING, value=None), "training: an empty value is not keys with values; write one"),
    ("gave a list for keys", config("datasets", value=[]), "datasets: [] is not keys with values; write one"),
    (
        "chose an unknown schedule",
        config(*TRAINING, "schedule", value="step"),
        "'step' is not one of cosine, exponential, poly",
    ),
    ("chose an unknown device", config(*TRAINING, "device", value="gpu"), "device: 'gpu' is not one of auto, cpu, cuda"),
    ("asked for a GPU", config(*TRAINING, "device", value="cuda"), "shows no GPU; set it to 'auto' or 'cpu'"),
    ("swapped the ages", config(*TRAINING, "ages", value=[70, 0]), "70 is not below 0; write the first age, then the last"),
    ("chose by nothing", config(*TRAINING, "selection", value="validation"), "set experiments.lopo.validation above 0"),
    ("named a suite like a folder", config("suite", value="tables"), "name of the folder below results/"),
    (
        "named a method with a blank",
        config("methods", "a b", value={"class": "kl", "label": "x"}),
        "up to 100 small letters, digits and _",
    ),
    ("gave two methods a label", config("methods", "kl", "label", value="PML"), "2 have the label 'PML'; give each one of its"),
    ("misspelt a format", config("datasets", "fgnet", "format", value="fgnett"), "no known format; did you mean 'fgnet'?"),
    ("misspelt a protocol", config(*LOPO, "protocol", value="lopoo"), "no known protocol; did you mean 'lopo'?"),
    ("misspelt a backbone", config(*LOPO, "backbone", value="resnet43"), "no known backbone; did you mean 'resnet34'?"),
    ("misspelt a class", config("methods", "kl", "class", value="kll"), "no known method; did you mean 'kl'?"),
    (
        "named a module that is not there",
        config("methods", "kl", "class", value="no:KL"),
        "is the package installed, or the path",
    ),
    (
        "misspelt an option",
        config("methods", "kl", "options", value={"sigm": 1}),
        "unknown option 'sigm'; did you mean 'sigma'?",
    ),
    ("named an unknown data set", config(*LOPO, "dataset", value="fgne"), "'fgne' is not defined; did you mean 'fgnet'?"),
    ("named an unknown method", config(*LOPO, "methods", value=["pmll"]), "'pmll' is not defined; did you mean 'pml'?"),
    (
        "named an unknown experiment",
        config("tables", "table4", value={"experiments": ["lop"]}),
        "tables.table4.experiments: 'lop' is not defined; did you mean 'lopo'?",
    ),
    (
        "took lopo without people",
        config("datasets", "fgnet", "format", value="utkface"),
        "use another protocol, such as random",
    ),
    ("gave no checksum", archive(url="http://a/b.zip"), "has url; give url and checksum for a download, or path"),
    ("gave a short checksum", archive(url="http://a/b.zip", checksum="md5:12"), "of this very file, as md5:HEX or sha256:HEX"),
    ("gave a local file as URL", archive(url="b.zip", checksum="md5:" + "0" * 32), "of http or https"),
    ("has no archive", archive(path="none.zip"), "none.zip: no such archive or folder; download it from http://yanweifu"),
    ("has another archive", archive(path="a.zip", checksum="md5:" + "0" * 32), "a.zip: its md5 is "),
    ("put an archive where it is deleted", archive(path="results/small/a.zip"), "which is deleted and made anew; move it"),
    ("has no list", experiment(protocol="setting2", protocol_options={"list": "no.txt"}), "give the path of a list"),
    ("has no checkpoint", experiment(initialisation="none.pt"), "'none.pt' is no checkpoint file; known: imagenet, random"),
    ("has a checkpoint that is none", experiment(initialisation="a.zip", pretraining="none"), "a.zip: not a file of weights"),
    (
        "does not say what weights have seen",
        experiment(initialisation="a.zip"),
        "say what face data the initial weights have seen",
    ),
    ("named weights of another network", experiment(initialisation="vggface2"), "give random, imagenet or a checkpoint"),
    (
        "started in a circle",
        experiment(initialisation={"experiment": "lopo"}, pretraining="none", keep_models=[1]),
        "starts from itself in the end; let one start from random or imagenet",
    ),
    (
        "compared with nothing",
        config("comparisons", "parts", value={"experiments": ["lopo"], "reference": "kk"}),
        "comparisons.parts.reference: 'kk' is not defined; known: kl, pml",
    ),
    (
        "named no network of timm",
        experiment(backbone="timm"),
        "lopo.backbone_options: backbone 'timm': give the option 'model'",
    ),
    ("gave data that others lie over", archive(path="good{}.yaml"), "local archive, a folder that holds what it would"),
]
COMMANDS = [
    ("misspelt a command", "chek", "invalid choice: 'chek' (choose from"),
    ("misspelt an option", "check --configfle x", "pml check: unrecognized arguments: --configfle x; see pml check --help"),
    (
        "named no config",
        "check --configfile none.yaml",
        "none.yaml: cannot be read",
        "name a config file, such as config/paper.yaml",
    ),
    ("named a folder as config", "status --configfile .", "cannot be read", "name a config file"),
    ("named a picture as config", "check --configfile binary", "binary: no YAML: ", "name a config file"),
    ("forgot --configfile", "check good.yaml", "unrecognized arguments: good.yaml; see pml check --help"),
    (
        "took a suffix without a format",
        "predict a.jpg --model empty --to ages.xlsx",
        "ages.xlsx: its suffix tells no format",
        ".csv",
    ),
    ("named an empty config", "check --configfile empty.yaml", "empty.yaml: holds no settings; start from one of config/"),
    ("broke the YAML", "check --configfile broken.yaml", '"broken.yaml", line 2, column 1; correct it there'),
    ("asked for no cores", "forecast --cores 0", "0: give a whole number, 1 at least"),
    ("asked for half a GPU", "check --gpus 0.5", "0.5: give a whole number, 0 at least"),
    ("asked for GPUs", "check --configfile good.yaml --gpus 9", "was given 9 GPU(s), but PyTorch can use", "gpu=0"),
    ("predicted without a model", "predict a.jpg", "arguments are required: --model; see pml predict --help"),
    ("predicted with no run", "predict a.zip --model empty", "empty", "run.json"),
    ("checked no method", "check-method kll", "method 'kll': not known; did you mean 'kl'?"),
    ("gave options that are no JSON", "check-method kl --options sigma=3", "--options: not JSON"),
    ("gave options that are a list", "check-method kl --options [1]", "--options: give an object, such as '{\"sigma\": 3}'"),
    ("explained no table", "explain none.csv --row pml", "none.csv"),
    ("merged no scorecard", "scorecard none.csv", "none.csv: no such file"),
]
STAGES = [
    ("misspelt a rule", f"align_face {PLAN}", "invalid choice: 'align_face' (choose from"),
    ("gave no plan", "align_faces --dataset fgnet", "arguments are required: --suite; see python -m pml.stage --help"),
    ("named no plan", "align_faces --dataset fgnet --suite none.json", "none.json: no such file; the workflow writes it"),
    (
        "named another file",
        "align_faces --dataset fgnet --suite other.json",
        "other.json: not the plan of a suite; run snakemake with the suite's config",
    ),
    ("named what is no JSON", "align_faces --dataset fgnet --suite a.zip", "a.zip: not JSON"),
    ("named no data set", f"align_faces {PLAN} --dataset fgnt", "did you mean 'dataset fgnet'?"),
    ("gave text for threads", f"align_faces --dataset fgnet {PLAN} --threads many", "invalid int value: 'many'; see python"),
    ("ran too early", f"align_faces --dataset fgnet {PLAN}", "index.csv: no such file; run the stage that writes it"),
    ("has a file for a folder", f"draw_synthetic_archive --dataset fgnet {PLAN}", "move it away"),
]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with a right config and its plan, and files that are not what they seem."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PML_LOGGER", raising=False)
    Path("good.yaml").write_text(yaml.safe_dump(RIGHT))
    make_plan(RIGHT).save()
    Path("results/small/archives").touch()
    Path("empty.yaml").touch()
    Path("good{}.yaml").touch()
    Path("broken.yaml").write_text("suite: [\n")
    Path("binary").write_bytes(b"\x89PNG\xff\xfe")
    for name in ("a.zip", "results/small/a.zip"):
        Path(name).write_text("no archive")
    Path("other.json").write_text(json.dumps({"suite": "small"}))
    Path("empty").mkdir()
    return tmp_path


def complaint_of(main, arguments: list[str], capsys) -> str:
    """Return the one line in which a command line ends."""
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    said = [line for line in capsys.readouterr().err.splitlines() if not line.startswith(("warning: ", "python -m pml.stage "))]
    assert ended.value.code == 2 and len(said) == 1, said
    assert said[0].startswith("error: ")
    return said[0]


@pytest.mark.parametrize(("mistake", "given", "words"), CONFIGS, ids=[case[0].replace(" ", "-") for case in CONFIGS])
def test_a_wrong_config_is_told_in_one_line_with_the_remedy(folder, capsys, mistake, given, words):
    Path("results/small/archives").unlink()
    Path("wrong.yaml").write_text(yaml.safe_dump(given))
    assert words in complaint_of(cli.main, ["check", "--configfile", "wrong.yaml"], capsys)


@pytest.mark.parametrize(
    ("main", "line", "words"),
    [(cli.main, line, words) for _, line, *words in COMMANDS] + [(stage.main, line, words) for _, line, *words in STAGES],
    ids=[case[0].replace(" ", "-") for case in COMMANDS + STAGES],
)
def test_a_wrong_command_is_told_in_one_line_with_the_remedy(folder, capsys, main, line, words):
    said = complaint_of(main, line.split(), capsys)
    assert all(word in said for word in words), said


def test_the_list_is_long():
    assert len(CONFIGS) + len(COMMANDS) + len(STAGES) >= 45


def test_a_right_config_is_no_mistake(folder, capsys):
    Path("results/small/archives").unlink()
    cli.main(["check", "--configfile", "good.yaml"])
    assert capsys.readouterr().out.startswith("suite small: ")
