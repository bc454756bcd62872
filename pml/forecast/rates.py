"""How fast a machine is, and what its processes need."""

from dataclasses import dataclass, field

from pml.forecast.workload import Workload


@dataclass
class Rates:
    """What was measured, as samples. Seconds are those of the clock on the wall.

    Attributes:
        train: seconds for a training image, by workload.
        test: seconds for a test image with all its views, by workload.
        start: seconds of a training process beside its images: start, imports, first steps, files.
        small_job: seconds of a process that makes a table or a figure.
        draw, align: seconds for a picture, by format.
        picture_bytes: of a drawn picture in its archive, by format.
        prediction_bytes: of a run directory, for each test image.
        memory_mb, gpu_memory_mb: the most that a training process took; the latter stays empty without a GPU.
        share: seconds of the processor for one on the wall, of training on a CPU; below 1 where other work runs beside.
        device: what trains, cpu or the name of a GPU.
    """

    train: dict[Workload, list[float]] = field(default_factory=dict)
    test: dict[Workload, list[float]] = field(default_factory=dict)
    start: list[float] = field(default_factory=list)
    small_job: list[float] = field(default_factory=list)
    draw: dict[str, list[float]] = field(default_factory=dict)
    align: dict[str, list[float]] = field(default_factory=dict)
    picture_bytes: dict[str, list[float]] = field(default_factory=dict)
    prediction_bytes: list[float] = field(default_factory=list)
    memory_mb: list[float] = field(default_factory=list)
    gpu_memory_mb: list[float] = field(default_factory=list)
    share: list[float] = field(default_factory=list)
    device: str = "cpu"

    def add(self, other: "Rates") -> None:
        """Take over the samples of `other`, and its device if it has trained."""
        for name, samples in vars(other).items():
            if isinstance(samples, list):
                getattr(self, name).extend(samples)
            elif isinstance(samples, dict):
                for key, values in samples.items():
                    getattr(self, name).setdefault(key, []).extend(values)
        if other.train:
            self.device = other.device
