"""Augmented batches from the face store over the usual pipeline, and what a training step waits for them.

    python -m benchmarks.input_pipeline        # about three minutes on two cores

The usual pipeline opens each JPEG with Pillow and applies torchvision's transforms to it, with the same ranges; both run in
one process with one thread. Bars: at least 8 times as many batches of 32 faces of 224 pixels a second; in training, ResNet-34
at 112 pixels, at most 3 % of the step.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torchvision import transforms

from benchmarks.paired import alternate, verdict
from benchmarks.training_step import noise, settings_of
from pml.backbones.scale import MEAN, STD
from pml.training.augmentation import augment, normalise
from pml.training.model import build_model

COUNT, BATCH = 256, 32


def photographs(count: int, size: int) -> np.ndarray:
    """Return (count, size, size, 3) smooth pictures, whose JPEGs are as large as those of faces."""
    coarse = np.random.default_rng(0).integers(0, 256, (count, size // 8, size // 8, 3), np.uint8)
    return np.stack([np.array(Image.fromarray(picture).resize((size, size), Image.BICUBIC)) for picture in coarse])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    torch.set_num_threads(1)
    ranges = settings_of("none").augmentation
    faces = photographs(COUNT, 224)
    usual = transforms.Compose(
        [
            transforms.RandomHorizontalFlip(ranges.flip),
            transforms.RandomAffine(
                ranges.rotation,
                (ranges.translation,) * 2,
                (1 - ranges.scale, 1 + ranges.scale),
                interpolation=transforms.InterpolationMode.BILINEAR,
            ),
            transforms.ToTensor(),
            transforms.Normalize(MEAN, STD),
        ]
    )
    generator = torch.Generator().manual_seed(0)
    with tempfile.TemporaryDirectory() as folder:
        np.save(Path(folder) / "faces.npy", faces)
        store = np.load(Path(folder) / "faces.npy", mmap_mode="r")
        for number, face in enumerate(faces):
            Image.fromarray(face).save(Path(folder) / f"{number}.jpg", quality=90)

        def from_store() -> torch.Tensor:
            rows = torch.randint(COUNT, (BATCH,), generator=generator).numpy()
            return augment(normalise(torch.from_numpy(store[rows])), ranges, generator)

        def from_files() -> torch.Tensor:
            rows = torch.randint(COUNT, (BATCH,), generator=generator).tolist()
            return torch.stack([usual(Image.open(Path(folder) / f"{row}.jpg")) for row in rows])

        seconds = alternate({"store": from_store, "files": from_files}, rounds)
    print(f"store: {BATCH / np.median(seconds['store']):.0f} faces of 224 pixels a second")
    print(verdict("usual pipeline / face store, seconds a batch", seconds["files"] / seconds["store"], 8, at_most=False))

    store, _ = noise(BATCH, 112)
    model = build_model(settings_of("kl"), torch.device("cpu"))

    def batch() -> torch.Tensor:
        return augment(normalise(torch.from_numpy(store)), ranges, generator)

    def step() -> None:
        model.backbone(batch()).sum().backward()

    seconds = alternate({"batch": batch, "step": step}, max(1, rounds // 3))
    print(verdict("waiting for data / step, ResNet-34, 112 pixels", seconds["batch"] / seconds["step"], 0.03))


if __name__ == "__main__":
    main()
