"""The batches of an epoch, and what this process sees of each: its share of the faces."""

import numpy as np
import torch
from torch import Tensor

from pml.errors import InputError
from pml.training import processes
from pml.training.augmentation import augment, normalise
from pml.training.device import to_device
from pml.training.settings import Augmentation


def draw_batches(taking_part: np.ndarray, batch_size: int, generator: torch.Generator) -> np.ndarray:
    """Return (steps, B) positions of the images of each batch, in random order; what fills no whole batch is left out.

    Args:
        taking_part: (N,) whether each image takes part in the epoch.
        batch_size: B, unless fewer images take part.

    Raises:
        InputError: there are more processes than images in a batch.
    """
    members = np.flatnonzero(taking_part)
    batch_size = min(batch_size, len(members))
    if batch_size < processes.count():
        raise InputError(f"torchrun: {processes.count()} processes share batches of {batch_size} images; start fewer processes")
    steps = len(members) // batch_size
    order = members[torch.randperm(len(members), generator=generator).numpy()]
    return order[: steps * batch_size].reshape(steps, batch_size)


def load_share(
    faces: np.ndarray, store_rows: np.ndarray, augmentation: Augmentation, generator: torch.Generator, device: torch.device
) -> Tensor:
    """Return this process's share of the batch at `store_rows`, as augmented (n, 3, H, W) inputs of the backbone."""
    share = processes.share(len(store_rows))
    inputs = load_faces(faces, store_rows[share], device)
    return augment(inputs, augmentation, generator, len(store_rows), share)


def load_faces(faces: np.ndarray, store_rows: np.ndarray, device: torch.device) -> Tensor:
    """Return the faces at `store_rows` as (N, 3, H, W) inputs of the backbone."""
    return normalise(to_device(torch.from_numpy(np.ascontiguousarray(faces[store_rows])), device))
