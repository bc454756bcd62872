"""Images a second of the whole training loop over the bare forward, backward and step, on the same device.

    python -m benchmarks.whole_loop                     # on a GPU: ResNet-34, 224 pixels, batches of 128, bfloat16
    python -m benchmarks.whole_loop --compile           # the same with torch.compile
    python -m benchmarks.whole_loop --size 32 --batch 16 --backbone resnet18     # whether it runs, on a CPU

The loop reads and augments faces, keeps the history and follows the schedule. The bare step has one batch that is on the device
all the time. The bar is 0.95 on a GPU. On a CPU the ratio is of no interest.
"""

import argparse
import dataclasses

import numpy as np
import torch

from benchmarks.paired import alternate, verdict
from benchmarks.training_step import noise, settings_of
from pml.training.batches import load, resident
from pml.training.device import choose_device
from pml.training.loop import Trainer, build_optimiser
from pml.training.model import build_model

BAR = 0.95


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--backbone", default="resnet34")
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--steps", type=int, default=30, help="in a round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--method", default="pml")
    parser.add_argument("--compile", action="store_true")
    options = parser.parse_args()
    device = choose_device("auto")
    settings = settings_of(
        options.method, backbone=options.backbone, batch_size=options.batch, precision="bfloat16", device=device.type
    )
    faces, part = noise(options.batch * options.steps, options.size)
    loop_model, bare_model = (build_model(settings, device) for _ in range(2))
    if options.compile:
        for model in (loop_model, bare_model):
            model.backbone.compile()
    store, optimiser = resident(faces, device), build_optimiser(bare_model, settings)
    inputs = load(store, np.arange(options.batch), device)
    ages = torch.tensor(part.ages[: options.batch], device=device)
    bare_model.train()

    def whole() -> None:
        Trainer(loop_model, dataclasses.replace(settings), store, part).train()
        wait(device)

    def bare() -> None:
        for _ in range(options.steps):
            optimiser.zero_grad()
            loss, _ = bare_model.method.loss(bare_model.features(inputs, "bfloat16"), ages, torch.full_like(ages, torch.nan))
            loss.backward()
            optimiser.step()
        wait(device)

    seconds = alternate({"whole": whole, "bare": bare}, options.rounds)
    images = options.batch * options.steps
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else "CPU"
    for what, taken in seconds.items():
        print(f"{name}, {options.backbone}, {options.size} pixels, {what}: {images / np.median(taken):.0f} images a second")
    print(verdict("whole loop / bare step, images a second", seconds["bare"] / seconds["whole"], BAR, at_most=False))


def wait(device: torch.device) -> None:
    """Wait for what the device is at."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


if __name__ == "__main__":
    main()
