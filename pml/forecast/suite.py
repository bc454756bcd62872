"""A suite as the forecast sees it: its jobs, and how many images each of them has to do with."""

from dataclasses import dataclass

from pml.config import is_synthetic
from pml.errors import InputError
from pml.forecast.jobs import TrainingJob, rule_counts, training_jobs
from pml.forecast.sizes import FoldSize, dataset_index, fold_sizes
from pml.forecast.workload import Workload, config_workload


@dataclass(frozen=True)
class Work:
    """What a training job passes through its network.

    Attributes:
        trained: images forward and backward, each as often as it is.
        tested: images forward with all their views, each as often as it is.
        predicted: rows of predictions that are written.
    """

    trained: int
    tested: int
    predicted: int


class Suite:
    """A checked config with the sizes of its data sets and folds, and its jobs.

    Attributes:
        jobs: of training.
        counts: jobs of each rule.
        images: of each data set.
        sources: where that number comes from.
        drawn: data sets that are synthetic.
        workload: what kind of training each training job is, if it trains.
        work: what each training job passes through its network.

    Raises:
        InputError: an experiment names a fold that its protocol does not make.
    """

    def __init__(self, config: dict):
        self.config = config
        self.jobs, self.counts = training_jobs(config), rule_counts(config)
        indices = {name: dataset_index(config, name) for name in config["datasets"]}
        self.images = {name: len(index) for name, (index, _) in indices.items()}
        self.sources = {name: source for name, (_, source) in indices.items()}
        self.drawn = [name for name, dataset in config["datasets"].items() if is_synthetic(dataset)]
        self._sizes: dict[str, dict[int, FoldSize]] = {}
        for name, experiment in config["experiments"].items():
            index, source = indices[experiment["dataset"]]
            self._sizes[name] = fold_sizes(experiment, index, source != "index.csv")
        for job in self.jobs:
            if absent := set(job.folds) - set(self._sizes[job.experiment]):
                where = f"config: experiments.{job.experiment}.folds: fold {min(absent)}"
                made = f"{config['experiments'][job.experiment]['protocol']} makes {len(self._sizes[job.experiment])}"
                raise InputError(f"{where}, but {made}; name folds that there are")
        self.workload = {job: config_workload(config, job.experiment, job.method) for job in set(self.jobs) if job.trains}
        self.work = {job: self._work(job) for job in set(self.jobs)}

    @property
    def workloads(self) -> list[Workload]:
        """What is trained, each kind once."""
        return list(dict.fromkeys(self.workload.values()))

    def source(self, experiment: str) -> str | None:
        """Return the experiment that another one starts from, if it does."""
        start = self.config["experiments"][experiment]["initialisation"]
        return start["experiment"] if isinstance(start, dict) else None

    def tables(self) -> dict[str, list[str]]:
        """Return the experiments that each table needs, those that others start from among them."""
        named = {name: table["experiments"] for name, table in self.config["tables"].items()}
        named |= {f"table_{name}": table["experiments"] for name, table in self.config["comparisons"].items()}
        if leakage := self.config["leakage"]:
            named["leakage"] = [name for pair in leakage.items() for name in pair if name]
        tables = {name: list(dict.fromkeys(map(self._with_sources, experiments))) for name, experiments in named.items()}
        return {name: list(dict.fromkeys(sum(chains, ()))) for name, chains in tables.items()}

    def _with_sources(self, experiment: str) -> tuple[str, ...]:
        source = self.source(experiment)
        return (*(self._with_sources(source) if source else ()), experiment)

    def _work(self, job: TrainingJob) -> Work:
        training = self.config["experiments"][job.experiment]["training"]
        trained = tested = predicted = 0
        for fold in job.folds:
            size = self._sizes[job.experiment][fold]
            for count in size.train:
                batch_size = min(training["batch_size"], count)  # what fills no whole batch is left out of an epoch
                trained += training["epochs"] * (count // batch_size) * batch_size
            watched = size.validation + (size.test if training["selection"] == "oracle" else 0)
            predicted += len(size.train) * size.test
            tested += len(size.train) * (size.test + training["epochs"] * watched)
        return Work(trained, tested, predicted) if job.trains else Work(0, 0, predicted)
