"""The batches of an epoch, and what this process sees of each: its share of the faces."""

import numpy as np
import torch
from torch import Tensor

from pml.errors import InputError
from pml.suite.settings import Augmentation
from pml.training import processes
from pml.training.augmentation import augment, normalise
from pml.training.device import to_device


def draw_batches(
    taking_part: np.ndarray, batch_size: int, generator: torch.Generator, weights: Tensor | None = None
) -> np.ndarray:
    """Return (steps, B) positions of the images of each batch, in random order; what fills no whole batch is left out.

    Args:
        taking_part: (N,) whether each image takes part in the epoch.
        batch_size: B, unless fewer images take part.
        weights: (N,) draw with replacement, each image in proportion to its weight; None takes each once.

    Raises:
        InputError: there are more processes than images in a batch.
    """
    members = np.flatnonzero(taking_part)
    batch_size = min(batch_size, len(members))
    if batch_size < processes.count():
        raise InputError(f"torchrun: {processes.count()} processes share batches of {batch_size} images; start fewer processes")
    steps = len(members) // batch_size
    if weights is None:
        order = members[torch.randperm(len(members), generator=generator).numpy()]
    else:
        shares = weights.detach().double().cpu()[torch.from_numpy(members)]
        order = members[torch.multinomial(shares, len(members), replacement=True, generator=generator).numpy()]
    return order[: steps * batch_size].reshape(steps, batch_size)


def load_views(
    faces: np.ndarray,
    store_rows: np.ndarray,
    augmentation: Augmentation,
    generator: torch.Generator,
    device: torch.device,
    views: int = 1,
    share: slice = slice(None),
) -> Tensor:
    """Return a `share` of the batch at `store_rows` in several views, each augmented anew, as inputs of the backbone.

    They are (views * n, 3, H, W), view after view.
    """
    inputs = load_faces(faces, store_rows[share], device)
    augmented = [augment(inputs, augmentation, generator, len(store_rows), share) for _ in range(views)]
    return torch.cat(augmented) if views > 1 else augmented[0]


def load_faces(faces: np.ndarray, store_rows: np.ndarray, device: torch.device) -> Tensor:
    """Return the faces at `store_rows` as (N, 3, H, W) inputs of the backbone."""
    return normalise(to_device(torch.from_numpy(np.ascontiguousarray(faces[store_rows])), device))
