"""bfloat16 over float32 in training, for a depthwise network and for a ResNet, with all layers trained and the last blocks.

    python -m benchmarks.precision        # about five minutes on one core

`precision: auto` is to pick the faster one (pml.training.precision). The networks are faceres_deep at 160 pixels and ResNet-18
at 112, in batches of 32, with one thread, from random weights.
"""

import argparse
from collections.abc import Callable

import numpy as np
import torch

from benchmarks.paired import alternate
from benchmarks.training_step import noise, settings_of
from pml.training.loop import Trainer
from pml.training.model import build_model
from pml.training.precision import choose_precision

CASES = [("faceres_deep", 160, None), ("faceres_deep", 160, 6), ("resnet18", 112, None), ("resnet18", 112, 2)]


def epoch(backbone: str, size: int, blocks: int | None, precision: str) -> Callable[[], None]:
    """Return what trains an epoch of two batches."""
    settings = settings_of("kl", backbone=backbone, trained_blocks=blocks, precision=precision)
    faces, part = noise(64, size)
    model = build_model(settings, torch.device("cpu"))
    return lambda: Trainer(model, settings, faces, part).train()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    torch.set_num_threads(1)
    for backbone, size, blocks in CASES:
        model = build_model(settings_of("kl", backbone=backbone, trained_blocks=blocks), torch.device("cpu"))
        auto = choose_precision("auto", model.device, model.backbone)
        seconds = alternate({name: epoch(backbone, size, blocks, name) for name in ("float32", "bfloat16")}, rounds)
        ratio = float(np.median(seconds["bfloat16"] / seconds["float32"]))
        right = auto == ("bfloat16" if ratio < 1 else "float32")
        trained = f"last {blocks} blocks" if blocks else "all layers"
        images = 64 / np.median(seconds["float32"])
        print(
            f"{backbone}, {size} pixels, {trained}: {images:.0f} images a second in float32; bfloat16 / float32 {ratio:.2f}, "
            f"auto is {auto}: {'the faster' if right else 'the slower'}"
        )


if __name__ == "__main__":
    main()
