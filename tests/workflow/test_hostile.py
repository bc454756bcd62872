"""What a config says reaches no shell as a command: hostile text in every string of it."""

import contextlib
import copy
import itertools
import re
import shlex
import subprocess
from functools import reduce
from operator import getitem
from pathlib import Path

import pytest

from pml.errors import InputError
from pml.suite.check import check_config
from tests.workflow.checkout import ROOT, copy_checkout, fgnet_config, snakemake

COMMAND = "touch hacked"
HOSTILE = [f"$({COMMAND})", f"`{COMMAND}`", f";{COMMAND};", f"&{COMMAND}&", ">hacked", f"\n{COMMAND}\n", f"'\";{COMMAND};'"]
WORKFLOW = [ROOT / "Snakefile", *sorted((ROOT / "workflow" / "rules").glob("*.smk"))]
# Words that common.smk quotes where it joins them.
QUOTED = {"{params.command}", "{params.launcher}", "{python}", "{rule}", "{wildcards}", "{given}"}


def strings(value: object, *path: str | int):
    """Yield the path of every text in a config."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in inner:
        yield from strings(part, *path, key)
    if isinstance(value, str):
        yield path


def changed(config: dict, path: tuple, value: str) -> dict:
    config = copy.deepcopy(config)
    reduce(getitem, path[:-1], config)[path[-1]] = value
    return config


def hostile_config(folder: Path) -> tuple[dict, set]:
    """Return a config with all that is hostile at the end of every string that takes it, and the strings that take some."""
    config, taken = fgnet_config("hostile"), set()
    url = {"url": "http://127.0.0.1:9/a.zip", "checksum": "md5:" + "0" * 32}
    config["datasets"]["fgnet"]["archives"] = [url, {"path": "own.zip"}]
    weights = folder / "".join(text for text in HOSTILE if "\n" not in text)
    weights.touch()
    config["experiments"]["fgnet_lopo"] |= {"initialisation": str(weights), "pretraining": "none"}
    for path, hostile in itertools.product(list(strings(config)), HOSTILE):
        value = reduce(getitem, path, config)
        with contextlib.suppress(InputError):
            check_config(changed(config, path, value + hostile))
            config = changed(config, path, value + hostile)
            taken.add(path[-1])
    return config, taken


def test_every_value_that_a_rule_gives_to_a_shell_is_quoted():
    texts = re.findall(
        r'"([^"\n]*(?:2> |--threads|python -m |\{params)[^"\n]*)"', "".join(path.read_text() for path in WORKFLOW)
    )
    fields = {field for text in texts for field in re.findall(r"(?<!\{)\{[\w.]+(?::\w+)?\}(?!\})", text)}
    assert {"{threads:q}", "{params.processes:q}", "{input:q}", "{params.command}"} <= fields
    assert {field for field in fields if not field.endswith(":q}")} == QUOTED


@pytest.mark.slow
def test_no_text_of_a_config_runs_as_a_command(tmp_path):
    checkout, stubs = copy_checkout(tmp_path / "checkout"), tmp_path / "stubs"
    stubs.mkdir()
    for name in ("python", "torchrun", "cp", "mv"):
        (stubs / name).write_text("#!/bin/sh\n")
        (stubs / name).chmod(0o755)
    config, taken = hostile_config(tmp_path)
    assert {"url", "path", "label", "pretraining"} <= taken
    (checkout / config["datasets"]["fgnet"]["archives"][1]["path"]).touch()
    run = snakemake(checkout, "--dry-run", "--printshellcmds", "--quiet", "host", config=config)
    assert run.returncode == 0, run.stdout[-3000:]
    commands = re.findall(r"^Shell command: (?!None$)(.+)$", run.stdout, re.MULTILINE)
    assert len(commands) > 10 and any("fetch_archive" in command and "hacked" in command for command in commands)
    logs = {checkout / shlex.split(command)[-1] for command in commands}
    for log in logs:
        log.parent.mkdir(parents=True, exist_ok=True)
    before = set(tmp_path.rglob("*"))
    for command in commands:
        subprocess.run(["bash", "-c", command], cwd=checkout, env={"PATH": f"{stubs}:/usr/bin:/bin"}, check=True)
    assert set(tmp_path.rglob("*")) - before == logs
