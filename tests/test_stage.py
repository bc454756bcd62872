"""The one command line of all stages."""

import json

import pytest

from pml import stage
from pml.errors import InputError
from pml.suite.plan import RULES, wildcards_of
from tests.suite.conftest import plan  # noqa: F401


@pytest.fixture
def saved(plan, tmp_path, monkeypatch):  # noqa: F811
    monkeypatch.chdir(tmp_path)
    plan.save()
    return plan


@pytest.fixture
def handed(monkeypatch):
    """What the stage of detection was handed."""
    seen = []

    def align_faces(task, threads: int = 1):
        seen.append((task, threads))
        if threads > 8:
            raise InputError("threads: too many; ask for fewer")

    monkeypatch.setattr(stage, "function_of", lambda rule: align_faces)
    return seen


def test_the_log_is_held_before_anything_else_is_done(monkeypatch, capsys):
    def hold_log():
        raise InputError("held")

    monkeypatch.setattr(stage, "hold_log", hold_log)
    with pytest.raises(SystemExit):
        stage.main(["no rule"])
    assert capsys.readouterr().err == "error: held\n"


def test_a_stage_is_handed_its_job_and_what_the_machine_gives(saved, handed, capsys):
    line = ["align_faces", "--suite", saved.path, "--dataset", "fgnet", "--threads", "2"]
    stage.main(line)
    assert handed == [(saved.task("align_faces", dataset="fgnet"), 2)]
    assert capsys.readouterr().err.splitlines()[0] == "python -m pml.stage " + " ".join(line)
    assert ["python", "-m", "pml.stage", *line[:-2]] == saved.command("align_faces", dataset="fgnet")
    stage.main(line[:-2])
    assert handed[1][1] == 1


def test_bad_input_is_one_line_and_exit_code_2(saved, handed, capsys):
    with pytest.raises(SystemExit, match="2"):
        stage.main(["align_faces", "--suite", saved.path, "--dataset", "fgnet", "--threads", "9"])
    assert capsys.readouterr().err.splitlines()[-1] == "error: threads: too many; ask for fewer"


@pytest.mark.parametrize(
    "line, words",
    [
        (["align_face", "--suite", "x"], "invalid choice: 'align_face'"),
        (["align_faces", "--suite", "none.json", "--dataset", "fgnet"], "none.json: no such file"),
        (["align_faces", "--suite", "none.json"], "--dataset"),
        (
            ["align_faces", "--suite", "results/demo/suite.json", "--dataset", "fgnt"],
            "no job align_faces of dataset fgnt; did you mean 'dataset fgnet'?",
        ),
    ],
)
def test_a_job_that_there_is_not_is_named(saved, handed, line, words, capsys):
    with pytest.raises(SystemExit, match="2"):
        stage.main(line)
    assert words in capsys.readouterr().err and not handed


@pytest.mark.parametrize("rule", [name for name, rule in RULES.items() if rule.stage])
def test_every_rule_has_a_function_of_its_job(rule):
    function = stage.function_of(rule)
    assert next(iter(function.__annotations__)) == "task" and function.__doc__
    assert json.dumps(wildcards_of(rule))
