import copy
import math
import re
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pml.errors import InputError
from pml.suite.check import check_config, check_options
from tests.suite.small_config import SMALL, changed, compared, given_archives


@pytest.mark.parametrize(
    "config, message",
    [
        (changed("suit", value="x"), "config: unknown key 'suit'; did you mean 'suite'"),
        (
            changed("experiments", "lopo", "training", "epoch", value=3),
            "config: experiments.lopo.training: unknown key 'epoch'; did you mean 'epochs'",
        ),
        (
            changed("experiments", "lopo", "training", "augmentation", "rotate", value=3),
            "config: experiments.lopo.training.augmentation: unknown key 'rotate'; did you mean 'rotation'",
        ),
        ({key: value for key, value in SMALL.items() if key != "suite"}, "config: 'suite' is a required property"),
        (changed("experiments", "lopo", "training", "epochs", value=0), "experiments.lopo.training.epochs: 0 .*minimum"),
        (changed("experiments", "lopo", "dataset", value="fgne"), "lopo.dataset: 'fgne' is not .*did you mean 'fgnet'"),
        (changed("experiments", "lopo", "methods", value=["pmll"]), "lopo.methods: 'pmll' is not .*did you mean 'pml'"),
        (changed("experiments", "lopo", "method_folds", value={"dex": [1]}), "lopo.method_folds: 'dex' is not defined"),
        (changed("experiments", "lopo", "folds", value="9-3"), "experiments.lopo: pml, kl has no folds"),
        (changed("experiments", "lopo", "initialisation", value="imagnet"), "lopo.initialisation: .*did you mean 'imagenet'"),
        (changed("experiments", "lopo", "initialisation", value=__file__), "lopo.pretraining: say what face data"),
        (changed("experiments", "lopo", "training", "learning_rate", value="1e-3"), "YAML reads 1e-3 as text; write 0.001"),
        (changed("experiments", "lopo", "training", "weight_decay", value="1e-7"), "YAML reads 1e-7 as text; write 0.0000001"),
        (changed("datasets", "fgnet", "archives", value=[{"path": "a.zip", "url": "b"}]), "archives.0: .*url and checksum"),
        (changed("datasets", "fgnet", "archives", value=[{"url": "http://a/b.zip"}]), "fgnet.archives.0: .*url and checksum"),
        (changed("suite", value="tables"), "config: suite: 'tables' does not match"),
        (changed("experiments", "lopo", "folds", value="1"), "config: experiments.lopo.folds: '1' .*write one fold as .1."),
        (changed("methods", "a b", value={"class": "a:B", "label": "x"}), "config: methods: 'a b' does not match"),
        (changed("experiments", "lopo", "training", "ages", value=[100, 0]), "lopo.training.ages: 100 is not below 0"),
        (
            changed("experiments", "lopo", "training", value={"optimiser": "sgd", "momentum": 0, "nesterov": True}),
            "experiments.lopo.training.nesterov: needs a momentum; set momentum above 0",
        ),
        (changed("experiments", "lopo", "curriculum", value=[0.4, 0.2]), "lopo.curriculum: .* do not ascend"),
        (changed("tables", "table4", value={"experiments": ["lop"]}), "tables.table4.experiments: 'lop' .*did you mean 'lopo'"),
        (
            changed("figures", "figure3", value={"experiment": "lopo", "method": "pml", "baseline": "dex"}),
            "figures.figure3.baseline: 'dex' is not defined",
        ),
        (
            changed("figures", "figure4", value={"experiment": "lopo", "method": "pml", "baseline": "kl", "fold": 2}),
            "figures.figure4.fold: add 2 to keep_models of experiment lopo",
        ),
        (changed("methods", "kl", "class", value="kll"), "methods.kl.class: 'kll' is no known method; did you mean 'kl'"),
        (changed("methods", "kl", "class", value="baselines.kl"), "methods.kl.class: 'baselines.kl' .* is written module:Name"),
        (changed("methods", "kl", "class", value=3), "methods.kl.class: 3 is no name of a method"),
        (changed("datasets", "fgnet", "format", value="fgnett"), "fgnet.format: 'fgnett' .*did you mean 'fgnet'"),
        (changed("experiments", "lopo", "protocol", value="lop"), "lopo.protocol: 'lop' .*did you mean 'lopo'"),
        (changed("experiments", "lopo", "backbone", value="resnet1"), "lopo.backbone: 'resnet1' .*did you mean 'resnet"),
        (changed("experiments", "lopo", "backbone", value="timm"), "no weights 'imagenet' of the backbone timm are known"),
    ],
)
def test_mistake_is_named_with_its_place_and_remedy(config, message):
    with pytest.raises(InputError, match=message):
        check_config(config)


@pytest.mark.parametrize(
    "config, message",
    [
        (
            changed("experiments", "lopo", "training", "epochs", value=3.0),
            "training.epochs: 3.0 is not a whole number; write 3",
        ),
        (
            changed("experiments", "lopo", "training", "selection", value="validation"),
            "set experiments.lopo.validation above 0",
        ),
        (changed("face_size", value=64.0), "config: face_size: 64.0 is not a whole number; write 64 "),
        (changed("experiments", "lopo", "folds", value=[1.0]), "lopo.folds.0: 1.0 is not a whole number; write 1"),
        (changed("experiments", "lopo", "training", "decay", value=math.nan), "training.decay: nan is not a finite number"),
        (changed("equivalence", value=math.inf), "config: equivalence: inf is not a finite number; write one"),
        (changed("experiments", "lopo", "training", "ages", value=[0, 10**9]), "training.ages.1: .* maximum of 120"),
        (changed("experiments", "lopo", "folds", value="1-9999999999"), "experiments.lopo.folds: '1-9999999999' .*"),
        (changed("suite", value="small\n"), "config: suite: .*does not match"),
        ({key: value for key, value in SMALL.items() if key != "experiments"}, "'experiments' .*add it: .*config/fgnet.yaml"),
        (
            changed("methods", "kl", value={"class": "kl", "label": "PML"}),
            "lopo.methods: 2 have the label 'PML'; give each one of its own",
        ),
        (changed("experiments", "lopo", "method_folds", value={1: [1]}), "lopo.method_folds: 1 is not text; write one"),
        (changed("leakage", value={1: None}), "config: leakage: 1 is not text; write one"),
        (changed(1, value=None), "config: unknown key '1'"),
        (changed("methods", "kl", "options", value={1: 2}), "methods.kl.options: .*unknown option '1'"),
    ],
)
def test_a_value_that_would_fail_late_is_refused_early(config, message):
    with pytest.raises(InputError, match=message) as refused:
        check_options(check_config(config))
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("label", ["", " ", "-x", "_x", "$x^{$", "PML $", "a\nb", "a\0"])
@pytest.mark.parametrize("path", [("datasets", "fgnet"), ("methods", "kl")])
def test_a_label_that_no_table_or_figure_can_show_is_refused(path, label):
    with pytest.raises(InputError, match=f"config: {'.'.join(path)}.label: .*begins with no blank, - or _, and holds no"):
        check_config(changed(*path, "label", value=label))


def download(url: str) -> dict:
    return {"url": url, "checksum": "md5:" + "0" * 32}


@pytest.mark.parametrize(
    "config, message",
    [
        (given_archives(download("http://a/x/b.zip"), download("http://a/y/b.zip")), "2 archives would be 'b.zip'"),
        (given_archives(*[{"synthetic": {"subjects": 2, "images": 4}}] * 2), "2 archives would be 'synthetic'"),
        (given_archives(download("http://a/")), "'http://a/' ends in no file name"),
        (given_archives(download("http://a/..")), "ends in no file name"),
        (given_archives(download("http://[a/b.zip")), "is no URL: Invalid IPv6"),
        (given_archives(download("ftp://a/b.zip")), "archives.0.url: .*of http or https"),
        (given_archives(download("http://a/{b}.zip")), "archives.0.url: .*without braces"),
        (given_archives({"path": "a{b}.zip"}), "archives.0.path: .*without braces"),
        (given_archives({"path": "<results>.zip"}), "archives.0.path: .*without braces and <"),
        (given_archives({"path": ""}), "archives.0.path: .*does not match"),
        (changed("experiments", "lopo", "initialisation", value="{x}.pt"), "lopo.initialisation: .*without braces"),
        (changed("experiments", "lopo", "protocol_options", value={"list": "{x}"}), "protocol_options.list: .* a brace"),
        *(
            (given_archives({"path": path}), "archives: .*is, holds or lies in results/small, which is deleted")
            for path in ("results/small", "results/small/datasets/fgnet/images", "results", ".", "x/../results/small/a.zip")
        ),
        (changed("experiments", "lopo", "protocol_options", value={"list": "results/small/a.txt"}), "list: .*which is deleted"),
        (
            given_archives({"path": "x" * 5000}),
            r"archives: 'x{100}' cannot be looked at \(File name too long\); correct the path",
        ),
        (
            given_archives(download(f"http://a/{'x' * 250}.zip")),
            "ends in no file name, or a long one; give the URL of the file",
        ),
        (changed("experiments", "lopo", "initialisation", value="x" * 5000), "'x{100}' is no checkpoint file"),
        (changed("experiments", "lopo", "protocol_options", value={"list": "x" * 5000}), "list: .*cannot be looked at"),
        (changed("suite", value="x" * 101), "suite: .*up to 100 small letters"),
        (changed("experiments", "x" * 101, value=SMALL["experiments"]["lopo"]), "experiments: .*up to 100 small letters"),
    ],
)
def test_a_path_that_cannot_be_read_or_would_be_deleted_is_refused(config, message):
    with pytest.raises(InputError, match=message) as refused:
        check_config(config)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("config", "messages"),
    [
        (
            changed("experiments", "lopo", "folds", value=3),
            ["folds: 3 is not allowed; give fold numbers, as a list or as text"],
        ),
        (changed("experiments", "lopo", "folds", value=[0]), ["folds.0: 0 is less than the minimum of 1"]),
        (changed("experiments", "lopo", "folds", value=["1"]), ["folds.0: '1' is not a whole number; write one"]),
        (given_archives({"url": "http://a/b.zip"}), ["archives.0: has url; give url and checksum for a download, or path"]),
        (given_archives({}), ["archives.0: has no key; give url and checksum"]),
        (given_archives({"paht": "a.zip"}), ["archives.0: unknown key 'paht'; did you mean 'path'?"]),
        (changed("experiments", "lopo", "initialisation", value=5), ["initialisation: 5 is not allowed; give random; a known"]),
        (
            changed("experiments", "lopo", "initialisation", value={"experimnt": "a"}),
            ["initialisation: unknown key 'experimnt'; did you mean 'experiment'?"],
        ),
        (
            changed("comparisons", "a", value={"experiments": ["lopo"], "reference": ["kl"]}),
            ["a.reference: \\['kl'\\] is not allowed; give what every row is compared with: a method of the first experiment"],
        ),
        (
            changed("comparisons", "a", value={"experiments": ["lopo"], "reference": {"experiment": "lopo"}}),
            ["a.reference: 'method' is a required property; add it"],
        ),
    ],
)
def test_where_one_of_several_is_allowed_the_message_says_in_words_what(config, messages):
    assert_problems(config, messages)


def assert_problems(config: dict, messages: list[str]) -> None:
    """Check that the config has these problems, in this order, and no others."""
    with pytest.raises(InputError) as refused:
        check_options(check_config(config))
    assert len(refused.value.problems) == len(messages), refused.value.problems
    for problem, message in zip(refused.value.problems, messages, strict=True):
        assert re.search(message, problem), problem


def test_all_problems_are_told_at_once_and_each_once():
    config = changed("experiments", "lopo", "training", value={"epoch": 3, "schedule": "cosin", "batch_size": "many"})
    config["suit"] = config.pop("suite")
    config["experiments"]["lopo"].pop("folds")
    assert_problems(
        config,
        [
            "config: unknown key 'suit'; did you mean 'suite'",
            "lopo.training: unknown key 'epoch'; did you mean 'epochs'",
            "experiments.lopo: 'folds' is a required property; add it: folds that are run",
            "training.schedule: 'cosin' is not one of cosine, exponential, polynomial, constant; write one of these",
            "training.batch_size: 'many' is not a whole number; write one",
        ],
    )


def test_names_that_are_not_defined_and_options_that_are_unknown_are_all_told():
    config = changed("experiments", "lopo", "methods", value=["pmll", "kll"])
    config["experiments"]["lopo"] |= {"dataset": "fgne", "training": {"ages": [9, 3]}}
    config["tables"] = {"table4": {"experiments": ["lop", "lopp"]}}
    messages = ["dataset: 'fgne' is not", "'pmll' is not", "'kll' is not", "9 is not below 3", "table4.*'lop' is", "'lopp' is"]
    assert_problems(config, messages)
    config = changed("methods", "kl", "options", value={"sigm": 3})
    config["methods"]["pml"]["options"] = {"margin_scal": 1}
    config["experiments"]["lopo"]["protocol_options"] = {"seed": 1}
    assert_problems(config, ["did you mean 'margin_scale'", "did you mean 'sigma'", "lopo.protocol_options: .*'seed'"])


def test_a_mistake_in_what_several_experiments_share_is_told_once_with_its_places():
    config = changed("experiments", "lopo", "training", value={"epoch": 3})
    config["experiments"] |= {f"e{number}": config["experiments"]["lopo"] for number in range(5)}
    with pytest.raises(InputError) as refused:
        check_config(config)
    place = "experiments.e{}.training"
    others = ", ".join(place.format(number) for number in range(3))
    assert refused.value.problems == [
        f"config: experiments.lopo.training: unknown key 'epoch'; did you mean 'epochs'?; the same in {others} and 2 more"
    ]


def test_an_experiment_whose_start_starts_from_nothing_is_told_without_a_traceback():
    config = started_from("lopo")
    config["experiments"]["lopo"] |= {"initialisation": {"experiment": "nothing"}, "pretraining": "none"}
    assert_problems(config, ["lopo.initialisation.experiment: 'nothing' is not defined"])


def test_a_home_folder_that_would_be_deleted_with_the_suite_is_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "results/small"))
    with pytest.raises(InputError, match="is, holds or lies in results/small, which is deleted"):
        check_config(given_archives({"path": "~/x.zip"}))


def leaves(value: object, *path: str | int):
    """Yield the path of every value that holds no other, and of every empty one."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in inner:
        yield from leaves(part, *path, key)
    if not inner:
        yield path


FILLED = check_config(SMALL)

ODD = [math.nan, math.inf, 1.0, 0, -1, 10**30, True, None, "", "-", "$x^{$", "{a}", "a\n", "..", [], [1], {}, {1: 1}, date.min]


@given(st.sampled_from(list(leaves(FILLED))), st.sampled_from(ODD) | st.text() | st.integers() | st.floats())
@settings(max_examples=400)
def test_whatever_stands_anywhere_is_taken_or_refused_in_one_line(path, value):
    config = copy.deepcopy(FILLED)
    inner = config
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    try:
        check_options(check_config(config))
    except InputError as error:
        assert len(str(error).splitlines()) == 1


def started_from(start: str, **changes) -> dict:
    """Return the small config with a second experiment "tuned" that starts from `start`."""
    config = copy.deepcopy(SMALL)
    config["experiments"]["lopo"] |= {"keep_models": [1]}
    config["experiments"]["tuned"] = SMALL["experiments"]["lopo"] | {
        "initialisation": {"experiment": start},
        "pretraining": "FG-NET",
    }
    for name, change in changes.items():
        config["experiments"][name] |= change
    return config


def test_an_experiment_may_start_from_another():
    assert check_config(started_from("lopo"))["experiments"]["tuned"]["initialisation"] == {"experiment": "lopo"}


@pytest.mark.parametrize(
    "config, message",
    [
        (started_from("lop"), "tuned.initialisation.experiment: 'lop' is not .*did you mean 'lopo'"),
        (started_from("tuned"), "tuned.initialisation: tuned starts from itself in the end"),
        (started_from("lopo", lopo={"keep_models": [2]}), "tuned.initialisation: add 1 to folds and keep_models of .*lopo"),
        (started_from("lopo", lopo={"methods": ["kl"]}), "tuned.initialisation: methods of lopo: 'pml' is not defined"),
        (started_from("lopo", lopo={"backbone": "resnet18"}), "tuned.initialisation: lopo has the backbone resnet18"),
    ],
)
def test_a_start_that_will_not_be_there_is_an_error(config, message):
    with pytest.raises(InputError, match=message):
        check_config(config)


@pytest.mark.parametrize(
    "config, message",
    [
        (compared(["lop"], "kl"), "comparisons.parts.experiments: 'lop' is not defined; did you mean 'lopo'"),
        (compared(["lopo", "other"], "kl", dataset="twin"), r"parts.experiments: \['lopo', 'other'\] are on several data sets"),
        (compared(["lopo"], "pmll"), "comparisons.parts.reference: 'pmll' is not defined; did you mean 'pml'"),
        (compared(["other", "lopo"], "pml"), "comparisons.parts.reference: 'pml' is not defined; known: kl"),
        (
            compared(["lopo"], {"experiment": "other", "method": "kl"}),
            "comparisons.parts.reference: 'other' is not defined; known: lopo",
        ),
        (
            compared(["lopo"], {"experiment": "lopo", "method": "k"}),
            "comparisons.parts.reference: 'k' is not defined; did you mean 'kl'",
        ),
        (compared(["lopo"], {"experiment": "lopo"}), "comparisons.parts.reference: 'method' is a required property"),
        (compared([], "kl"), "comparisons.parts.experiments: .*non-empty"),
        (changed("comparisons", "parts", value={"experiments": ["lopo"]}), "comparisons.parts: 'reference' is a required"),
        (changed("comparisons", "Parts", value={}), "config: comparisons: 'Parts' does not match"),
    ],
)
def test_a_comparison_that_cannot_be_made_is_an_error(config, message):
    with pytest.raises(InputError, match=message):
        check_config(config)


@pytest.mark.parametrize("value", ["82", "0-5", "1-82/0", "a-b", [0], [1, 1]])
def test_other_folds_are_refused(value):
    with pytest.raises(InputError, match="experiments.lopo.folds"):
        check_config(changed("experiments", "lopo", "folds", value=value))


@pytest.mark.parametrize(
    "config, message",
    [
        (
            changed("methods", "pml", "options", value={"margin_scal": 1}),
            "config: methods.pml.options: method 'pml.progressive_margin:PML': .*did you mean 'margin_scale'",
        ),
        (changed("methods", "kl", "tuning", value=[{}, {"sigm": 1}]), "methods.kl.tuning, 2: .*did you mean 'sigma'"),
        (changed("methods", "kl", "class", value="baselines.kl:KLL"), "methods.kl.options: .*no 'KLL'; did you mean 'KL'"),
        (changed("methods", "kl", "class", value="nowhere:KL"), "methods.kl.options: .*nowhere.*is the package installed"),
        (changed("datasets", "fgnet", "options", value={"label": "real"}), "datasets.fgnet.options: .*'label'; there are none"),
        (changed("experiments", "lopo", "protocol_options", value={"list": "a"}), "lopo.protocol_options: .*there are none"),
        (changed("experiments", "lopo", "backbone_options", value={"model": "a"}), "lopo.backbone_options: .*there are none"),
    ],
)
def test_a_misspelt_option_is_named_with_its_place_before_any_job_runs(config, message):
    with pytest.raises(InputError, match=message):
        check_options(check_config(config))


@pytest.mark.parametrize("format", ["fgnett", "fgnt"])
def test_a_misspelt_format_suggests_the_nearest(format):
    with pytest.raises(InputError, match="datasets.fgnet.format: .*no known format; did you mean 'fgnet'"):
        check_config(changed("datasets", "fgnet", "format", value=format))


@pytest.mark.parametrize(
    ("format", "protocol", "column"),
    [("utkface", "lopo", "subject"), ("chalearn", "subject_exclusive", "subject"), ("fgnet", "official", "part")],
)
def test_a_protocol_that_needs_what_the_data_do_not_tell_is_refused_before_any_job_runs(format, protocol, column):
    config = changed("datasets", "fgnet", "format", value=format)
    config["experiments"]["lopo"]["protocol"] = protocol
    with pytest.raises(InputError, match=f"config: experiments.lopo.protocol: {protocol} needs the column {column}, which"):
        check_options(check_config(config))


def test_a_list_makes_up_for_the_columns_of_setting2():
    config = changed("datasets", "fgnet", "format", value="utkface")
    config["experiments"]["lopo"] |= {"protocol": "setting2", "protocol_options": {"list": "some.txt"}}
    check_options(check_config(config))


def test_a_module_that_fails_on_import_is_named_with_its_reason(tmp_path, monkeypatch):
    (tmp_path / "broken_method.py").write_text("1 / 0")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(InputError, match="methods.kl.options: .*broken_method fails on import: ZeroDivisionError"):
        check_options(check_config(changed("methods", "kl", "class", value="broken_method:Method")))
