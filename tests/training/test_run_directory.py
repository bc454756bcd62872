"""What a run leaves behind, and what is refused of it when it was changed."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest

from pml.errors import InputError
from pml.training import run_directory
from pml.training.run_directory import check_run, is_finished, read_distribution, read_run, read_runs
from tests.damage import ANY, flipped


@pytest.fixture
def run(finished, tmp_path):
    return shutil.copytree(finished.directory, tmp_path / "run")


def change(run, **facts):
    told = json.loads((run / "run.json").read_text())
    (run / "run.json").write_text(json.dumps(told | facts))


def fingerprint_of(run) -> str:
    return read_run(run)["fingerprint"]


def write_jobs(folder, name="job.csv", **columns):
    table = {"method": "pml", "seed": 0, "fold": [1, 2, 3], "run": ["a", "b", "c"], "of": 3} | columns
    pd.DataFrame(table).to_csv(folder / name, index=False)
    return folder / name


class TestJobs:
    def test_the_runs_of_several_jobs_stand_in_their_order(self, tmp_path):
        paths = [write_jobs(tmp_path), write_jobs(tmp_path, "other.csv", seed=1)]
        assert read_runs(paths)["seed"].tolist() == [0, 0, 0, 1, 1, 1]

    def test_a_table_without_the_number_of_runs_is_one_of_an_older_version(self, tmp_path):
        table = pd.read_csv(write_jobs(tmp_path)).drop(columns="of")
        table.to_csv(tmp_path / "job.csv", index=False)
        assert len(read_runs([tmp_path / "job.csv"])) == 3

    @pytest.mark.parametrize("kept", [0, 1, 2])
    def test_a_lost_row_is_noticed(self, tmp_path, kept):
        path = write_jobs(tmp_path)
        path.write_text("".join(path.read_text().splitlines(keepends=True)[: 1 + kept]))
        with pytest.raises(InputError, match=rf"job.csv: {kept} rows, which are not all runs.*--forcerun train_folds"):
            read_runs([path])

    def test_a_run_is_listed_once(self, tmp_path):
        with pytest.raises(InputError, match="job.csv, .*other.csv: run a repeats a method, seed and fold"):
            read_runs([write_jobs(tmp_path), write_jobs(tmp_path, "other.csv")])


class TestFacts:
    @pytest.mark.parametrize(
        "content", [b"[]", b"null", b"3", b'"run"', b"", b"{", b"\xff", *(make(b"{}") for make in ANY.values())]
    )
    def test_another_file_than_run_json_is_refused(self, run, content):
        fingerprint = fingerprint_of(run)
        (run / "run.json").write_bytes(content)
        with pytest.raises(InputError, match="run.json: "):
            read_run(run)
        assert not is_finished(run, fingerprint, needs_model=False)

    @pytest.mark.parametrize(
        "facts",
        [
            {"seconds": "long"},
            {"seconds": float("nan")},
            {"face_size": 10**9},
            {"crop": {"alignment": "boxes"}},
            {"crop": {"width": 3}},
            {"embedding_dim": -1},
            {"fold": 1.5},
            {"settings": []},
            {"settings": {"epochs": 0}},
            {"versions": ["3.11"]},
            {"train_images": 0},
        ],
        ids=str,
    )
    def test_odd_values_are_refused_by_name(self, run, facts):
        change(run, **facts)
        with pytest.raises(InputError, match=f"run.json: {next(iter(facts))}.*--forcerun train_folds"):
            read_run(run)

    def test_what_is_needed_is_asked_for(self, tmp_path):
        (tmp_path / "run.json").write_text("{}")
        with pytest.raises(InputError, match=r"run.json: keys missing: \['face_size'\]"):
            read_run(tmp_path, "face_size")


class TestFiles:
    @pytest.mark.parametrize("name", ["predictions.csv", "predictions.npz", "history.csv", "diagnostics.csv", "model.pt"])
    def test_a_run_with_a_changed_file_is_not_finished(self, run, name):
        assert is_finished(run, fingerprint_of(run), needs_model=True)
        content = (run / name).read_bytes()
        (run / name).write_bytes(flipped(content, len(content) // 2))
        assert not is_finished(run, fingerprint_of(run), needs_model=True)
        with pytest.raises(InputError, match=f"{name}: not as the run left it, by the checksum in run.json; .*--forcerun"):
            check_run(run, name)
        (run / name).unlink()
        assert not is_finished(run, fingerprint_of(run), needs_model=False)

    def test_a_run_of_an_older_version_has_no_checksums(self, run):
        change(run, files={})
        (run / "history.csv").write_text("epoch\n")
        check_run(run, "history.csv")
        assert is_finished(run, fingerprint_of(run), needs_model=True)


class TestDistribution:
    def test_none_is_left_by_some_methods(self, tmp_path):
        assert read_distribution(tmp_path, 3) is None

    @pytest.mark.parametrize("shape", [(2, 4), (3, 5), (4, 4)])
    def test_it_has_a_row_for_each_prediction_and_a_column_for_each_age(self, tmp_path, shape):
        run_directory.write_distribution(tmp_path, range(4), np.full((3, 4), 0.25))
        ages, distribution = read_distribution(tmp_path, 3)
        assert ages.tolist() == [0, 1, 2, 3] and distribution.shape == (3, 4)
        run_directory.write_distribution(tmp_path, range(4), np.full(shape, 0.25))
        with pytest.raises(InputError, match="predictions.npz: 'distribution' is .* but there are 3 predictions and 4 ages"):
            read_distribution(tmp_path, 3)
