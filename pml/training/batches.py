"""The batches of an epoch, and what this process sees of each: its share of the faces, or of their embeddings.

A store is of faces, (M, H, W, 3) uint8, or of embeddings, (M, 2 + C, D) float16: of the face, its mirror image, and C augmented
copies. It is an array that is read through the page cache, or a tensor on the device.
"""

import numpy as np
import torch
from torch import Tensor

from pml.errors import InputError
from pml.suite.settings import Augmentation
from pml.training import processes
from pml.training.augmentation import augment, normalise
from pml.training.device import to_device

Store = np.ndarray | Tensor
ROWS_AT_ONCE = 1024


def draw_batches(
    taking_part: np.ndarray, batch_size: int, generator: torch.Generator, weights: Tensor | None = None, partial: bool = False
) -> list[np.ndarray]:
    """Return the positions of the images of each batch, (B,) in random order.

    Args:
        taking_part: (N,) whether each image takes part in the epoch.
        batch_size: B, unless fewer images take part.
        weights: (N,) draw with replacement, each image in proportion to its weight; None takes each once.
        partial: make a batch of what fills no whole one, too, unless that is one image, which no batch can be normalised by,
            or fewer images than processes.

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
    rest = order[steps * batch_size :]
    whole = list(order[: steps * batch_size].reshape(steps, batch_size))
    return [*whole, rest] if partial and len(rest) >= max(2, processes.count()) else whole


def resident(store: np.ndarray, device: torch.device) -> Store:
    """Return the store, moved to a GPU if it fills half of its free memory at most, so that no step copies faces."""
    if device.type != "cuda" or store.nbytes > torch.cuda.mem_get_info(device)[0] / 2:
        return store
    moved = torch.empty(store.shape, dtype=torch.from_numpy(store[:1].copy()).dtype, device=device)
    for start in range(0, len(store), ROWS_AT_ONCE):
        moved[start : start + ROWS_AT_ONCE] = torch.from_numpy(store[start : start + ROWS_AT_ONCE].copy()).to(device)
    return moved


def load_views(
    store: Store,
    store_rows: np.ndarray,
    augmentation: Augmentation,
    generator: torch.Generator,
    device: torch.device,
    views: int = 1,
    share: slice = slice(None),
) -> Tensor:
    """Return a `share` of the batch at `store_rows` in several views, each augmented anew, as inputs of the backbone.

    They are (views * n, 3, H, W) faces, or (views * n, D) embeddings, view after view. Of a face's embeddings one is drawn: of
    the face, or of its mirror image with the probability of a flip, or of a copy, each copy as often as the first two together.
    """
    if is_faces(store):
        inputs = load(store, store_rows[share], device)
        augmented = [augment(inputs, augmentation, generator, len(store_rows), share) for _ in range(views)]
    else:
        drawn = [draw_columns(len(store_rows), store.shape[1], augmentation.flip, generator) for _ in range(views)]
        augmented = [_take(store, (store_rows[share], columns[share]), device).float() for columns in drawn]
    return torch.cat(augmented) if views > 1 else augmented[0]


def draw_columns(count: int, columns: int, flip: float, generator: torch.Generator) -> np.ndarray:
    """Return (count,) which of its `columns` embeddings stands for each face."""
    mirrored = torch.rand(count, generator=generator) < flip
    copies = torch.randint(columns - 1, (count,), generator=generator)  # 0 is the face itself, or its mirror image
    return torch.where(copies == 0, mirrored.long(), copies + 1).numpy()


def load(store: Store, store_rows: np.ndarray, device: torch.device, mirrored: bool = False) -> Tensor:
    """Return inputs of the backbone without augmentation: (N, 3, H, W) faces at `store_rows`, or their (N, D) embeddings."""
    if not is_faces(store):
        return _take(store, (store_rows, np.full(len(store_rows), int(mirrored))), device).float()
    inputs = normalise(_take(store, (store_rows,), device))
    return inputs.flip(3) if mirrored else inputs


def is_faces(store: Store) -> bool:
    """Tell a store of faces from one of embeddings."""
    return store.ndim == 4


def _take(store: Store, place: tuple[np.ndarray, ...], device: torch.device) -> Tensor:
    if isinstance(store, Tensor):
        return store[tuple(to_device(torch.from_numpy(each), device) for each in place)]
    return to_device(torch.from_numpy(np.ascontiguousarray(store[place])), device)
