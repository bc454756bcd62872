"""The jobs of a suite, each with what it has to do."""

from dataclasses import dataclass, field
from functools import cached_property

from pml.errors import InputError
from pml.forecast.sizes import FoldSize, dataset_index, fold_sizes
from pml.forecast.timing import PER_PICTURE, network_of, workload_of
from pml.registry import find
from pml.suite.plan import RULES, Plan
from pml.suite.table_jobs import SUMMARIES
from pml.task import Task, flat

RUNS = ("train_folds", "look_up_folds")
# Rules whose processes load PyTorch; and those that wait for a network, or only copy. All others are small jobs.
TORCH_RULES = (
    "train_folds",
    "align_faces",
    "embed_faces",
    "extract_features",
    "draw_figure3",
    "draw_figure4",
    "draw_diagnostics",
)
FREE_RULES = ("fetch_archive", "fetch_weights", "publish")
STAND_IN = "fgnet"  # whose pictures are timed in place of those of a format that cannot be drawn


@dataclass(eq=False)
class Job:
    """A job of a suite.

    Attributes:
        task: as the plan has it.
        work: how often it does what `pml.forecast.timing.Rates` has the seconds of; of `train` and `test` these are images,
            each as often as it passes through the network.
        predicted: rows of predictions that it writes.
        earlier: the jobs that make its inputs.
    """

    task: Task
    work: dict[tuple[str, str], int]
    predicted: int = 0
    earlier: list["Job"] = field(default_factory=list)

    @property
    def workload(self) -> str:
        """How it trains; "" if it does not."""
        return next((of for name, of in self.work if name == "train"), "")

    @property
    def trained(self) -> int:
        """Images forward and backward, each as often as it is."""
        return self.work.get(("train", self.workload), 0)

    @cached_property
    def chain(self) -> set["Job"]:
        """The job, and all that must be done before it is."""
        return {self}.union(*(job.chain for job in self.earlier))


class Suite:
    """A plan with the sizes of its data sets and folds.

    Attributes:
        jobs: all of them.
        images: of each data set.
        sources: where that number comes from.
        formats: of each data set, the one whose pictures are timed.

    Raises:
        InputError: an experiment names a fold that its protocol does not make.
    """

    def __init__(self, plan: Plan):
        self.plan = plan
        indices = {name: dataset_index(plan, name) for name in plan.config["datasets"]}
        self.images = {name: len(index) for name, (index, _) in indices.items()}
        self.sources = {name: source for name, (_, source) in indices.items()}
        formats = {name: dataset["format"] for name, dataset in plan.config["datasets"].items()}
        self.formats = {name: of if hasattr(find("format", of), "SYNTHETIC") else STAND_IN for name, of in formats.items()}
        self._sizes: dict[str, dict[int, FoldSize]] = {}
        for task in plan.tasks("assign_folds"):
            name = task.wildcards["experiment"]
            index, source = indices[plan.config["experiments"][name]["dataset"]]
            self._sizes[name] = sizes = fold_sizes(task.settings, index, source != "index.csv")
            if absent := set(task.settings["needed"]) - set(sizes):
                made = f"{task.settings['protocol']} makes {len(sizes)}; name folds that there are"
                raise InputError(f"config: experiments.{name}.folds: fold {min(absent)}, but {made}")
        self.jobs = [self._job(task) for task in plan.tasks(*RULES)]
        makers = {path: job for job in self.jobs for path in flat(job.task.outputs)}
        for job in self.jobs:
            job.earlier = list({makers[path]: None for path in flat(job.task.inputs) if path in makers})

    @property
    def tables(self) -> dict[str, "Job"]:
        """The job of each table but those that need all runs."""
        jobs = {job.task.wildcards["table"]: job for job in self.jobs if job.task.rule == "write_table"}
        return {name: job for name, job in jobs.items() if name not in SUMMARIES}

    @property
    def workloads(self) -> list[str]:
        """What is trained, each kind once."""
        return list(dict.fromkeys(job.workload for job in self.jobs if job.workload))

    @property
    def networks(self) -> list[str]:
        """What embeds faces, each kind once."""
        return list(dict.fromkeys(of for job in self.jobs for name, of in job.work if name == "embed"))

    def _job(self, task: Task) -> Job:
        """Return a job with its work: a start, and whatever it does for each image."""
        if task.rule in FREE_RULES:
            return Job(task, {})
        job = Job(task, {("start" if task.rule in TORCH_RULES else "small_job", ""): 1})
        if task.rule in PER_PICTURE:
            dataset = task.wildcards["dataset"]
            job.work[task.rule, self.formats[dataset]] = self.images[dataset]
        if task.rule == "embed_faces":
            dataset = task.wildcards["dataset"]
            pixels = self.plan.config["datasets"][dataset]["face_size"]
            job.work["embed", network_of(task.settings, pixels)] = self.images[dataset]
        for fold in task.settings["folds"] if task.rule in RUNS else []:
            size = self._sizes[task.wildcards["experiment"]][fold]
            job.predicted += len(size.train) * size.test
            if training := task.settings.get("training"):
                # What fills no whole batch is left out of an epoch.
                whole = 1 if training["partial_batch"] else training["batch_size"]
                images = sum(count - count % min(whole, max(count, 1)) for count in size.train)
                watched = size.validation + (size.test if training["selection"] == "oracle" else 0)
                tested = len(size.train) * (size.test + training["epochs"] * watched)
                # Each candidate is trained on two thirds of the images, and tested on one, three times.
                tried = len(training["candidates"])
                images, tested = (1 + 2 * tried) * images, tested + tried * sum(size.train)
                workload = workload_of(training, self.plan.face_size(task.wildcards["experiment"]))
                for name, count in (("train", training["epochs"] * images), ("test", tested)):
                    job.work[name, workload] = job.work.get((name, workload), 0) + count
        return job


def runs_before(job: Job) -> set[Job]:
    """Return the jobs that train or look up and must be done before a job is."""
    return {one for one in job.chain if one.task.rule in RUNS}
