import pytest
import torch

from pml.forecast.storage import disk_bytes, model_bytes
from pml.forecast.suite import Suite
from pml.training.run_directory import build_model


def archived(config: dict, *archives: dict) -> Suite:
    config["datasets"]["faces"]["archives"] = list(archives)
    return Suite(config)


def test_a_store_holds_three_bytes_for_every_pixel_of_every_face(suite, rates):
    assert disk_bytes(suite, rates, 1)[0]["face stores"] == 100 * 32 * 32 * 3


def test_a_drawn_archive_is_there_twice_packed_and_unpacked(suite, rates):
    disk, unknown = disk_bytes(suite, rates, 1)
    assert disk["archives"] == disk["unpacked pictures"] == 100 * 10_000 and unknown == []


def test_kept_models_are_those_of_the_methods_that_train(suite, rates):
    pml, kl = (next(w for w in suite.workloads if name in w.values["method"]) for name in ("PML", "KL"))
    assert disk_bytes(suite, rates, 1)[0]["models kept"] == model_bytes(pml) + model_bytes(kl)


def test_a_model_takes_as_many_bytes_as_its_file(suite, tmp_path):
    workload = suite.workloads[0]
    torch.save(build_model(workload.settings, torch.device("cpu")).weights(), tmp_path / "model.pt")
    assert model_bytes(workload) == pytest.approx((tmp_path / "model.pt").stat().st_size, rel=0.01)


def test_every_test_image_of_every_run_is_predicted(suite, rates):
    assert disk_bytes(suite, rates, 1)[0]["predictions"] == (3 * 20 + 2 * 40) * 500


def test_every_process_has_a_checkpoint(suite, rates):
    one, three = (disk_bytes(suite, rates, cores)[0]["checkpoints, while training"] for cores in (1, 3))
    assert three == 3 * one > 0


def test_an_archive_of_the_user_s_own_is_only_unpacked(config, rates, tmp_path):
    (tmp_path / "own.zip").write_bytes(b"0" * 700)
    disk, _ = disk_bytes(archived(config, {"path": "own.zip"}), rates, 1)
    assert disk["archives"] == 0 and disk["unpacked pictures"] == 700


def test_a_folder_in_place_of_an_archive_takes_nothing(config, rates, tmp_path):
    (tmp_path / "folder").mkdir()
    disk, unknown = disk_bytes(archived(config, {"path": "folder"}), rates, 1)
    assert disk["archives"] == disk["unpacked pictures"] == 0 and not unknown


def test_an_archive_that_is_not_there_is_named(config, rates):
    assert disk_bytes(archived(config, {"path": "elsewhere.zip"}), rates, 1)[1] == ["FG-NET"]


def test_a_download_counts_as_large_as_it_is_known_to_be(config, rates, tmp_path):
    suite = archived(config, {"url": "http://a/FGNET.zip", "checksum": f"md5:{'0' * 32}"})
    assert disk_bytes(suite, rates, 1)[0]["archives"] == 46e6
    archive = tmp_path / "resources/archives/faces/FGNET.zip"
    archive.parent.mkdir(parents=True)
    archive.write_bytes(b"0" * 800)
    assert disk_bytes(suite, rates, 1)[0]["archives"] == 800
