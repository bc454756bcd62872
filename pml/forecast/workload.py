"""What decides how fast a network trains: the settings of a run without those that only decide what it learns."""

import json
from dataclasses import dataclass

from pml.config import run_settings
from pml.training.settings import Settings, build_settings

# With one epoch a course, the end of every epoch is the end of a course, which training reports.
MEASURED = {
    "initialisation": "random",
    "courses": 1,
    "epochs": 1,
    "whole_ages": False,
    "learning_rate": 0.0001,
    "backbone_rate": 1,
    "weight_decay": 0,
    "momentum": 0.9,
    "nesterov": False,
    "schedule": "constant",
    "decay": 1,
    "power": 1,
    "warmup_epochs": 0,
    "warmup_from": 0,
    "selection": "last",
}


@dataclass(frozen=True)
class Workload:
    """A kind of training that has a speed of its own; two runs of one kind train equally many images in a second.

    Attributes:
        face_size: width and height of a face in pixels.
        settings_json: the settings as JSON, `MEASURED` among them.
    """

    face_size: int
    settings_json: str

    @property
    def values(self) -> dict:
        """The settings as plain JSON types."""
        return json.loads(self.settings_json)

    @property
    def settings(self) -> Settings:
        """The settings as training takes them."""
        return build_settings(self.values, "the forecast")


def workload_of(settings: dict, face_size: int) -> Workload:
    """Return the workload of a run with these settings, as settings.json and run.json hold them."""
    return Workload(face_size, json.dumps(settings | MEASURED, sort_keys=True))


def config_workload(config: dict, experiment: str, method: str) -> Workload:
    """Return the workload of a method in an experiment of a checked config."""
    return workload_of(run_settings(config, experiment, method, "random"), config["face_size"])
