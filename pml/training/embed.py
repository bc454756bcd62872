"""Stage: what a network that stands still makes of every face, the store of embeddings."""

from pathlib import Path

import numpy as np
import torch

from pml.backbones.build import build_frozen
from pml.errors import InputError
from pml.faces.store import read_store, writing_store
from pml.progress import progress
from pml.suite.settings import Augmentation, fingerprint
from pml.task import Task
from pml.training.augmentation import augment
from pml.training.batches import load
from pml.training.device import choose_device

BATCH = 64
BATCHES_AT_ONCE = 50  # that a kill can cost
CPU_BATCH = 8  # whose layers stay in the cache of a processor: a third faster than `BATCH`


def embed_faces(task: Task, threads: int = 1, gpus: int = 0) -> None:
    """Write the embeddings, (M, 2 + C, D) float16: of each face, of its mirror image, and of C augmented copies.

    What a killed process has done waits beside the output, and the next one goes on from there.

    Args:
        threads: of the CPU; another number may give other last digits.
        gpus: that the job was given; fewer on the machine is an error.

    Raises:
        InputError: the faces or the weights are missing, damaged or of another network, the device is not to be had, or
            features do not fit float16.
    """
    torch.set_num_threads(threads)
    settings, output = task.settings, Path(task.outputs["embeddings"])
    faces = read_store(task.inputs["faces"])
    device = choose_device(settings["device"], gpus)
    network, dim = build_frozen(settings["backbone"], settings["backbone_options"], settings["initialisation"])
    network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    augmentations = [Augmentation(**settings["augmentation"])] * settings["copies"] if settings["copies"] else []

    @torch.inference_mode()
    def embed(rows: np.ndarray) -> np.ndarray:
        inputs = load(faces, rows, device)
        generators = [torch.Generator().manual_seed(seed_of(copy, rows[0])) for copy in range(settings["copies"])]
        copies = [augment(inputs, *each) for each in zip(augmentations, generators, strict=True)]
        views = torch.stack([inputs, inputs.flip(3), *copies], 1).flatten(0, 1)
        at_once = CPU_BATCH if device.type == "cpu" else len(views)
        features = torch.cat([network(some.contiguous(memory_format=torch.channels_last)) for some in views.split(at_once)])
        return features.float().view(len(rows), -1, dim).cpu().numpy().astype(np.float16)

    sample = faces[:: max(1, len(faces) // 100)].astype(np.int64)
    key = fingerprint(settings, dim, faces.shape, int(sample.sum()))
    with writing_store(output, (2 + settings["copies"], dim), np.float16, key, BATCHES_AT_ONCE) as (done, append):
        for start in progress(range(len(done) * BATCH, len(faces), BATCH), f"batches of {BATCH} faces"):
            features = embed(np.arange(start, min(start + BATCH, len(faces))))
            if not np.isfinite(features).all():
                problem = f"features of {settings['backbone']} are too large for float16; leave 'frozen' out"
                raise InputError(f"{task.inputs['faces']}: {problem}")
            append(None, *features)


def seed_of(copy: int, row: int) -> int:
    """Return the random seed of one copy of a batch of faces, so that resuming needs no state of a generator."""
    return int(np.random.SeedSequence([copy, row]).generate_state(1, np.uint64)[0] >> 1)
