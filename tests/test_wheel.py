"""What a user gets who installs the package instead of cloning the repository."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def installed(tmp_path_factory) -> Path:
    """A folder in which nothing but a built wheel is installed; the libraries that it needs are those of this environment."""
    folder = tmp_path_factory.mktemp("wheel")
    (folder / "source").mkdir()
    for name in ("pyproject.toml", "README.md", "pml", "baselines"):  # a build leaves files beside what it builds
        source = ROOT / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, folder / "source" / name)
    pip = [sys.executable, "-m", "pip", "--quiet"]
    subprocess.run([*pip, "wheel", "--no-deps", "--wheel-dir", str(folder), str(folder / "source")], check=True)
    (wheel,) = folder.glob("pml-*.whl")
    subprocess.run([*pip, "install", "--no-deps", "--target", str(folder / "site"), str(wheel)], check=True)
    return folder / "site"


def run(installed: Path, folder: Path, *arguments: str) -> subprocess.CompletedProcess:
    environment = {**os.environ, "PYTHONPATH": str(installed)}
    command = [sys.executable, "-P", str(installed / "bin/pml"), *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_the_wheel_holds_the_schemas_and_the_paper_s_numbers(installed):
    for kind in ("schemas", "published"):
        ours = {path.name for path in (ROOT / "pml" / kind).iterdir()}
        assert ours == {path.name for path in (installed / "pml" / kind).iterdir()} != set()


@pytest.mark.slow
@pytest.mark.parametrize(
    "arguments, words",
    [
        ([], "check-method"),
        (["--version"], "pml 0."),
        (["--help"], "forecast"),
        (["predict", "--help"], "PHOTO"),
        (["check", "--configfile", "config.yaml"], "suite demo: "),
        (["status", "--configfile", "paper.yaml"], "align_faces"),
        (["check-method", "kl"], "ok      the loss is a finite scalar"),
    ],
)
def test_the_commands_of_a_wheel_work_in_any_folder(installed, tmp_path, arguments, words):
    for name in ("paper.yaml", "config.yaml"):
        (tmp_path / name).write_text((ROOT / "config" / name).read_text())
    called = run(installed, tmp_path, *arguments)
    assert called.returncode == 0, called.stderr
    assert words in called.stdout


@pytest.mark.slow
def test_a_missing_model_is_one_line_from_a_wheel_too(installed, tmp_path):
    called = run(installed, tmp_path, "predict", "photo.jpg", "--model", "nowhere")
    assert called.returncode == 2 and "nowhere: not a finished run" in called.stderr
