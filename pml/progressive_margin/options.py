"""The options of PML, and the two presets that decide what a config leaves open (docs/fidelity.md)."""

from dataclasses import dataclass, field, fields

from pml.label_distribution import require_positive
from pml.method import Method

PRESETS = ("paper", "released")


def _option(paper, released, *others):
    """Return a field with a default for each preset; `others` are choices that neither takes."""
    return field(default=None, metadata={"values": (paper, released, *others)})


@dataclass(frozen=True)
class PMLOptions(Method.Options):
    """Settings of PML. One that is not given takes its preset's value on construction.

    Attributes:
        preset: "paper", the equations with the smallest completion where they are silent, or "released", the authors' code.
        sigma: standard deviation of the label distribution in years.
        normalise: scale the label distribution to sum 1.
        floor: least entry of the label distribution, after `normalise`.
        expectation_l1: weight of |expected age - age| beside the divergence.
        bias: whether the linear head has one; a dot product s(x, W_k) has none.
        softmax: "own_denominator" for every entry, or "joint", the softmax of s - m.
        reset: when the class statistics start again: with each "course" of a curriculum, or with each "epoch" too.
        inter_class_variance: psi, "cosine", or "one_sided", which divides by the squared norm of one centre.
        intra_class_variance: phi, the "mean" of a class's products of distances, or their "sum".
        ordinal_input: what f^O sees, "c_phi_psi" or "c_phi".
        networks: a row-wise network "per_branch", or one convolutional network "shared" by both.
        deviation: f^O's standard deviation, "positive", or "unconstrained", which may be negative.
        residual: Delta V, to the previous "course" (without one, the previous iteration), or always to the "iteration" before.
        margin_lambda, margin_beta: weights of the ordinal and the variational margin; the paper tuned them by cross-validation.
        standardise: scale the rows of the fused margin by their "population" or "sample" standard deviation, or "none".
        margin_scale: factor on the rows after that.
    """

    preset: str = field(default="paper", metadata={"values": PRESETS})
    sigma: float = _option(2.0, 2.0)
    normalise: bool = _option(True, False)
    floor: float = _option(0.0, 1e-15)
    expectation_l1: float = _option(0.0, 1.0)
    bias: bool = _option(False, True)
    softmax: str = _option("own_denominator", "joint")
    reset: str = _option("course", "epoch")
    inter_class_variance: str = _option("cosine", "one_sided")
    intra_class_variance: str = _option("mean", "sum")
    ordinal_input: str = _option("c_phi_psi", "c_phi")
    networks: str = _option("per_branch", "shared")
    deviation: str = _option("positive", "unconstrained")
    residual: str = _option("course", "iteration")
    margin_lambda: float = _option(1.0, 1.0)
    margin_beta: float = _option(0.1, 0.1)
    standardise: str = _option("population", "sample", "none")
    margin_scale: float = _option(0.01, 0.01)

    def __post_init__(self):
        for option in fields(self):
            values, value = option.metadata["values"], getattr(self, option.name)
            if value is None and option.name != "preset":
                object.__setattr__(self, option.name, values[PRESETS.index(self.preset)])
            elif option.type is float and not isinstance(value, (int, float)):
                raise ValueError(f"{option.name} is '{value}'; it needs a number")
            elif option.type is not float and value not in values:
                raise ValueError(f"{option.name} is '{value}'; choose one of {', '.join(map(str, values))}")
        require_positive(self.sigma)
