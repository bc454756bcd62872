"""How hard is it to read the age of a synthetic face? Constant median, ridge regression on pixels, and a small ResNet-18.

    python -m benchmarks.synthetic_difficulty --seed 0        # about two minutes on two idle cores

A fifth of the people is held out. A useful demo is learnable (the network far below the median), not trivially (ridge on the
raw pixels clearly worse than the network), and not exactly (the network some years off, as on real faces).
"""

import argparse

import cv2
import numpy as np
import torch
from sklearn.linear_model import RidgeCV
from torch import nn
from torchvision.models import resnet18

from pml.datasets.synthetic.camera import photograph
from pml.datasets.synthetic.people import deal_ages, draw_person, look_at
from pml.progress import progress

SIZE = 64
REFERENCE = np.float32([(20, 26), (44, 26), (32, 52)])  # where both pupils and the middle of the mouth go in the face


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--subjects", type=int, default=50)
    parser.add_argument("--images", type=int, default=600)
    parser.add_argument("--epochs", type=int, default=15)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    torch.manual_seed(options.seed)

    faces, ages, owners = _faces(options.subjects, options.images, options.seed)
    test = owners % 5 == 0
    errors = {"constant median": np.abs(ages[test] - np.median(ages[~test])).mean()}
    errors["ridge on pixels"] = np.abs(ages[test] - _ridge(faces, ages, ~test)[test]).mean()
    errors["ResNet-18"] = np.abs(ages[test] - _network(faces, ages, ~test, options.epochs)[test]).mean()
    print(f"MAE in years on {test.sum()} faces of people not among the {(~test).sum()} training faces (synthetic)")
    for name, error in errors.items():
        print(f"{name:16s} {error:5.2f}   {error / errors['constant median']:.2f} of the median's")


def _faces(subjects: int, images: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    faces, ages, owners = [], [], []
    dealt = deal_ages(subjects, images, np.random.default_rng([seed, 0]))
    pairs = [(subject, age) for subject, subject_ages in enumerate(dealt) for age in subject_ages]
    for k, (subject, age) in enumerate(progress(pairs, "faces")):
        rng = np.random.default_rng([seed, subject, k])
        look = look_at(draw_person(np.random.default_rng([seed, subject])), age, rng)
        picture, points = photograph(look, rng)
        matrix, _ = cv2.estimateAffinePartial2D(points[[31, 36, 66]].astype(np.float32), REFERENCE)
        faces.append(cv2.warpAffine(picture, matrix, (SIZE, SIZE), flags=cv2.INTER_AREA))
        ages.append(age)
        owners.append(subject)
    return np.array(faces, np.float32) / 255, np.array(ages, np.float64), np.array(owners)


def _ridge(faces: np.ndarray, ages: np.ndarray, train: np.ndarray) -> np.ndarray:
    pixels = faces.reshape(len(faces), -1)
    return RidgeCV(alphas=np.logspace(0, 6, 13)).fit(pixels[train], ages[train]).predict(pixels)


def _network(faces: np.ndarray, ages: np.ndarray, train: np.ndarray, epochs: int) -> np.ndarray:
    images = torch.from_numpy(faces).permute(0, 3, 1, 2).sub(0.5).div(0.25)
    targets = torch.from_numpy((ages - ages[train].mean()) / ages[train].std()).float()
    network = resnet18(num_classes=1)
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-3, weight_decay=0.01)
    rows, size = torch.from_numpy(np.flatnonzero(train)), 32
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 1e-3, epochs * (len(rows) // size))
    for _ in progress(range(epochs), "epochs"):
        network.train()
        for batch in rows[torch.randperm(len(rows))][: len(rows) // size * size].view(-1, size):
            inputs = images[batch]
            if torch.rand(()) < 0.5:
                inputs = inputs.flip(3)
            dy, dx = torch.randint(-3, 4, (2,)).tolist()
            loss = nn.functional.smooth_l1_loss(network(inputs.roll((dy, dx), (2, 3)))[:, 0], targets[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    network.eval()
    with torch.no_grad():
        outputs = torch.cat([network(chunk)[:, 0] for chunk in images.split(64)])
    return outputs.numpy() * ages[train].std() + ages[train].mean()


if __name__ == "__main__":
    main()
