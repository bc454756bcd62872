"""The softmax in which every entry has a margin and a denominator of its own, in log space."""

import torch
from torch import Tensor
from torch.nn import functional


def margin_log_softmax(similarities: Tensor, margins: Tensor) -> Tensor:
    """Return (N, K) log exp(s_k - m_k) / (exp(s_k - m_k) + sum of exp(s_t) over t != k), the logarithm of Eq. 4.

    The entries are no distribution unless all margins are 0, when they are softmax(s). Stable for any finite s and m.

    Args:
        similarities: s, (N, K).
        margins: m, (N, K).
    """
    return functional.logsigmoid(similarities - margins - _log_sum_of_others(similarities))


def _log_sum_of_others(similarities: Tensor) -> Tensor:
    # Taking entry k out of the whole sum is accurate unless k dominates it, so the largest entry gets a sum of its own.
    largest = similarities.argmax(1, keepdim=True)
    is_largest = torch.zeros_like(similarities, dtype=torch.bool).scatter(1, largest, True)
    total = similarities.logsumexp(1, keepdim=True)
    share = torch.exp(similarities - total).masked_fill(is_largest, 0)
    without_largest = similarities.masked_fill(is_largest, -torch.inf).logsumexp(1, keepdim=True)
    return torch.where(is_largest, without_largest, total + torch.log1p(-share))
