"""The options of PML, and the two presets that decide what a config leaves open (docs/fidelity.md)."""

from dataclasses import dataclass, field, fields

from pml.methods.age_classifier import AgeClassifier
from pml.options import require_above, require_at_least

PRESETS = ("paper", "released")


def _option(paper, released, *others):
    """Return a field with a default for each preset; `others` are choices that neither takes."""
    return field(default=None, metadata={"values": (paper, released, *others)})


@dataclass(frozen=True)
class PMLOptions(AgeClassifier.Options):
    """Settings of PML. One that is not given takes its preset's value on construction.

    Preset "paper" is the equations with the smallest completion where they are silent, "released" the authors' code. Behind
    each option stand its value under the one and under the other; what they mean, row by row: docs/fidelity.md.
    """

    preset: str = field(default="paper", metadata={"values": PRESETS})
    sigma: float = _option(2.0, 2.0)  # standard deviation of the label distribution in years
    normalise: bool = _option(True, False)  # scale the label distribution to sum 1
    floor: float = _option(0.0, 1e-15)  # least entry of the label distribution, after that
    expectation_l1: float = _option(0.0, 1.0)  # weight of |expected age - age| beside the divergence
    bias: bool = _option(False, True)  # whether the linear head has one; a dot product s(x, W_k) has none
    softmax: str = _option("own_denominator", "joint")  # each entry its own denominator, or softmax(s - m)
    reset: str = _option("course", "epoch")  # the class statistics start again with each course, or with each epoch too
    inter_class_variance: str = _option("cosine", "one_sided")  # psi; one_sided divides by the squared norm of one centre
    intra_class_variance: str = _option("mean", "sum")  # phi, of the products of distances of a class
    ordinal_input: str = _option("c_phi_psi", "c_phi")  # what f^O sees
    networks: str = _option("per_branch", "shared")  # two row-wise networks, or one convolutional network for f^O and f^V
    deviation: str = _option("positive", "unconstrained")  # f^O's standard deviation; unconstrained may be negative
    # What Delta V is taken to: the previous course if any, or iteration, or the last boundary, at first the empty statistics.
    residual: str = _option("course", "iteration", "boundary")
    margin_lambda: float = _option(1.0, 1.0)  # weight of the ordinal margin; tuned by cross-validation in the paper
    margin_beta: float = _option(0.1, 0.1)  # weight of the variational margin; likewise
    standardise: str = _option("population", "sample", "none")  # by which standard deviation rows of margins are scaled
    margin_scale: float = _option(0.01, 0.01)  # factor on the rows after that

    def __post_init__(self):
        for option in fields(self):
            values, value = option.metadata.get("values"), getattr(self, option.name)
            if values is None:  # shared with other methods
                continue
            if value is None and option.name != "preset":
                object.__setattr__(self, option.name, values[PRESETS.index(self.preset)])
            elif option.type is not float and value not in values:
                raise ValueError(f"{option.name} is '{value}'; choose one of {', '.join(map(str, values))}")
        require_above(0, sigma=self.sigma)
        require_at_least(0, floor=self.floor, expectation_l1=self.expectation_l1)
