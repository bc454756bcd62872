"""What the margins of PML have come to: numbers for diagnostics.csv, and a warning when they have degenerated."""

from torch import Tensor

from pml.progressive_margin.class_statistics import ClassStatistics

CONSTANT = 1e-6  # a row that spreads less before it is standardised is taken for constant, as `standardise_rows` does
LEAST_SPREAD = 1e-4  # of a logit; less changes a probability by a ten-thousandth of itself
LOWEST_MEAN, MOST_SPREAD = -1, 5  # logits


def summarise(statistics: ClassStatistics, ordinal: Tensor, variational: Tensor, applied: Tensor) -> dict[str, float]:
    """Return mean, standard deviation, least and greatest value of each margin, and the means of phi and of psi.

    Only classes that were seen since the last reset count. A mean over nothing is NaN.

    Args:
        ordinal, applied: M_o* and m_p as applied, (K, K).
        variational: M_v, (K,).
    """
    seen = statistics.counts > 0
    numbers: dict[str, Tensor] = {}
    for name, values in (("ordinal", ordinal[seen]), ("variational", variational), ("applied", applied[seen])):
        numbers |= {f"{name}_mean": values.mean(), f"{name}_std": values.std(correction=0)}
        numbers |= {f"{name}_min": values.min(), f"{name}_max": values.max()}
    numbers["phi_mean"] = statistics.intra_class_variance[seen].mean()
    numbers["psi_mean"] = statistics.psi_to_others()[seen].nanmean()
    return {name: float(value) for name, value in numbers.items()}


def degeneration(fused: Tensor, applied: Tensor, joint: bool = False) -> str:
    """Return in a line how the margins have degenerated, or "": from M_p, (S, K), and m_p as applied, (S, K).

    Only under a joint softmax does it mean nothing that all margins fall together.
    """
    constant = int((fused.std(1, correction=0) < CONSTANT).sum())
    if not (fused.isfinite().all() and applied.isfinite().all()):
        return "margins are not finite; lower training.learning_rate"
    if constant:
        return f"margins of {constant} of {len(fused)} classes are constant, so they tell no age from another"
    if applied.std(1, correction=0).min() < LEAST_SPREAD:
        return f"margins spread by less than {LEAST_SPREAD:g}, so they hardly move a logit; see the option margin_scale"
    if applied.mean() < LOWEST_MEAN and not joint:
        return (
            f"margins have fallen to {applied.mean():.1f} in the mean, so the loss falls with nothing learnt; see standardise"
        )
    if (furthest := (applied - applied.mean(1, keepdim=True)).abs().max()) > MOST_SPREAD:
        return f"margins move a logit by up to {furthest:.1f}, which inference leaves out; see the option margin_scale"
    return ""
