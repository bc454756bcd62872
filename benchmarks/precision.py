"""bfloat16 over float32 in training, for a depthwise network and for a ResNet, with all layers trained and the last blocks.

    python -m benchmarks.precision        # about five minutes on one core; on a GPU, half a minute there

`precision: auto` is to pick the faster one (pml.training.precision). The networks have random weights, and
a CPU has one thread.
"""

import argparse
from collections.abc import Callable

import numpy as np
import torch

from benchmarks.paired import alternate
from benchmarks.training_step import noise, settings_of
from benchmarks.whole_loop import wait
from pml.training.batches import resident
from pml.training.device import choose_device
from pml.training.loop import Trainer
from pml.training.model import build_model
from pml.training.precision import choose_precision

FACES = [("faceres_deep", 160, 32, None), ("faceres_deep", 160, 32, 6)]
CASES = {
    "cpu": [*FACES, ("resnet18", 112, 32, None), ("resnet18", 112, 32, 2)],
    "cuda": [
        *FACES,
        ("faceres_deep", 224, 128, None),
        ("resnet18", 112, 32, None),
        ("resnet34", 224, 32, None),
        ("resnet34", 224, 128, None),
    ],
}
STEPS = {"cpu": 2, "cuda": 30}


def epoch(device: torch.device, backbone: str, size: int, batch: int, blocks: int | None, precision: str) -> Callable[[], None]:
    """Return what trains an epoch of a few batches."""
    settings = settings_of(
        "kl", backbone=backbone, batch_size=batch, trained_blocks=blocks, precision=precision, device=device.type
    )
    faces, part = noise(batch * STEPS[device.type], size)
    model, store = build_model(settings, device), resident(faces, device)

    def run() -> None:
        Trainer(model, settings, store, part).train()
        wait(device)

    return run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    torch.set_num_threads(1)
    device = choose_device("auto")
    for backbone, size, batch, blocks in CASES[device.type]:
        auto = choose_precision(settings_of("kl", batch_size=batch, precision="auto"), device, noise(1, size)[0])
        names = ("float32", "bfloat16")
        seconds = alternate({name: epoch(device, backbone, size, batch, blocks, name) for name in names}, rounds)
        ratio = float(np.median(seconds["bfloat16"] / seconds["float32"]))
        right = auto == ("bfloat16" if ratio < 1 else "float32")
        trained = f"last {blocks} blocks" if blocks else "all layers"
        images = batch * STEPS[device.type] / np.median(seconds["float32"])
        print(
            f"{device.type}, {backbone}, {size} pixels, batches of {batch}, {trained}: {images:.0f} images a second in "
            f"float32; bfloat16 / float32 {ratio:.2f}, auto is {auto}: {'the faster' if right else 'the slower'}"
        )


if __name__ == "__main__":
    main()
