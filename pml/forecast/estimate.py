"""From a suite and the rates of a machine to seconds, each with an interval."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from statistics import mean

from pml.forecast.jobs import TrainingJob
from pml.forecast.rates import Rates
from pml.forecast.suite import Suite

UNKNOWN = 1.2  # what the samples do not show, either way: other loads, other temperatures, pictures unlike the made-up ones
TRAINING_RULES = ("train_folds", "look_up_folds")
# Rules whose processes load PyTorch, and those that start no process of ours or wait for a network; all others are small jobs.
TORCH_RULES = ("align_faces", "inspect_margins", "extract_features", "draw_figure3", "draw_figure4")
SHELL_RULES = ("fetch_archive", "fetch_weights", "write_settings", "publish")
Choose = Callable[[Sequence[float]], float]


@dataclass(frozen=True)
class Interval:
    """An expected amount, and the least and the most that it is likely to be."""

    low: float
    middle: float
    high: float


class Estimate:
    """The seconds of a suite's jobs on one core or GPU, by one choice among the samples of each rate."""

    def __init__(self, suite: Suite, rates: Rates, choose: Choose):
        self.suite, self.rates, self.choose = suite, rates, choose
        self._formats = {name: dataset["format"] for name, dataset in suite.config["datasets"].items()}

    def job(self, job: TrainingJob) -> float:
        """The seconds of one training job."""
        seconds = self.choose(self.rates.start)
        if job.trains:
            workload, work = self.suite.workload[job], self.suite.work[job]
            seconds += work.trained * self.choose(self.rates.train[workload])
            seconds += work.tested * self.choose(self.rates.test[workload])
        return seconds

    def training(self, experiments: Iterable[str]) -> float:
        """The seconds of all training jobs of these experiments, one after the other."""
        wanted = set(experiments)
        return sum(self.job(job) for job in self.suite.jobs if job.experiment in wanted)

    def rule(self, rule: str) -> float:
        """The seconds of all jobs of a rule that is none of training."""
        if rule in SHELL_RULES or rule.endswith("_experiments"):
            return 0
        seconds = self.suite.counts[rule] * self.choose(self.rates.start if rule in TORCH_RULES else self.rates.small_job)
        if rule == "align_faces":
            seconds += sum(map(self.aligning, self.suite.images))
        if rule == "draw_synthetic_archive":
            seconds += sum(
                self.suite.images[name] * self.choose(self.rates.draw[self._formats[name]]) for name in self.suite.drawn
            )
        return seconds

    def aligning(self, dataset: str) -> float:
        """The seconds of aligning the pictures of a data set."""
        return self.suite.images[dataset] * self.choose(self.rates.align[self._formats[dataset]])

    def others(self) -> float:
        """The seconds of all jobs that train nothing."""
        return sum(self.rule(rule) for rule in self.suite.counts if rule not in TRAINING_RULES)

    def wall(self, cores: int) -> float:
        """The seconds until all is made, `cores` jobs at a time: their sum shared out, or the longest chain if that is more."""
        return max((self.training(self.suite.config["experiments"]) + self.others()) / cores, self.longest_chain())

    def longest_chain(self) -> float:
        """The seconds that no number of cores or GPUs can shorten."""
        return max(map(self.chain, self.suite.config["experiments"]))

    def chain(self, experiment: str) -> float:
        """The seconds that an experiment takes at least: its faces, the runs that it starts from, its longest job."""
        longest = max(self.job(job) for job in self.suite.jobs if job.experiment == experiment)
        source = self.suite.source(experiment)
        return longest + (
            self.chain(source) if source else self.aligning(self.suite.config["experiments"][experiment]["dataset"])
        )


def interval(suite: Suite, rates: Rates, amount: Callable[[Estimate], float]) -> Interval:
    """Return an amount by the mean of the samples, and by the least and the greatest, each moved outwards by `UNKNOWN`."""
    low, middle, high = (amount(Estimate(suite, rates, choose)) for choose in (min, mean, max))
    return Interval(low / UNKNOWN, middle, high * UNKNOWN)
