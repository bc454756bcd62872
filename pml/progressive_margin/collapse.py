"""What becomes of a margin that nothing bounds, and of the loss: a figure for docs/fidelity.md, of random similarities.

    python -m pml.progressive_margin.collapse --pdf collapse.pdf --png collapse.png

The margins are free numbers here, a row for each class, and are moved by gradient descent to where the loss is smallest. The
similarities stay as they are; how much of the loss still pulls at them is the third panel.
"""

import argparse
from collections.abc import Sequence

import pandas as pd
import torch
from matplotlib.figure import Figure

from pml.methods.label_distribution import gaussian_label_distribution, kl_divergence
from pml.progressive_margin.margin_softmax import margin_log_softmax
from pml.progressive_margin.margins import standardise_rows
from pml.progressive_margin.options import PMLOptions
from pml.reporting.style import GREY, PAGE, line_style, save

IMAGES, CLASSES, STEPS, RATE, SEED = 256, 101, 600, 0.1, 0
FORMS = {
    "as written": ("own_denominator", "none"),
    "as written, joint softmax": ("joint", "none"),
    "preset paper": ("own_denominator", "population"),
    "preset released": ("joint", "sample"),
}
PANELS = {"loss": "loss", "margin": "mean margin at the own age", "pull": "gradient of the similarities"}


def descend(softmax: str, standardise: str) -> pd.DataFrame:
    """Return loss, mean margin at the own age, and norm of the gradient of the similarities at each step of the descent."""
    generator = torch.Generator().manual_seed(SEED)
    similarities = torch.randn(IMAGES, CLASSES, generator=generator, dtype=torch.float64).requires_grad_()
    classes = torch.randint(CLASSES, (IMAGES,), generator=generator)
    ages = torch.arange(CLASSES, dtype=torch.float64)
    target = gaussian_label_distribution(classes.double(), ages, PMLOptions().sigma)
    free = torch.zeros(CLASSES, CLASSES, dtype=torch.float64)
    free += 0.01 * torch.randn(free.shape, generator=generator, dtype=torch.float64)
    optimiser = torch.optim.Adam([free.requires_grad_()], RATE)
    scale = 1 if standardise == "none" else PMLOptions().margin_scale
    rows: list[dict[str, float]] = []
    for _ in range(STEPS):
        margins = scale * standardise_rows(free, standardise)
        of_images = margins[classes]
        joint = softmax == "joint"
        estimate = (similarities - of_images).log_softmax(1) if joint else margin_log_softmax(similarities, of_images)
        loss = kl_divergence(target, estimate).mean()
        optimiser.zero_grad()
        similarities.grad = None
        loss.backward()
        optimiser.step()
        assert similarities.grad is not None
        pull = similarities.grad.norm(dim=1).mean() * IMAGES
        rows.append({"loss": loss.item(), "margin": margins.diag().mean().item(), "pull": pull.item()})
    return pd.DataFrame(rows)


def draw(curves: dict[str, pd.DataFrame], least: float) -> Figure:
    """Draw a panel for each of `PANELS`, a line for each form of the loss; `least` is what the loss as written falls to."""
    figure = Figure(figsize=(PAGE, 2.5))
    axes = figure.subplots(1, len(PANELS))
    for axis, (column, title) in zip(axes, PANELS.items(), strict=True):
        for place, (label, frame) in enumerate(curves.items()):
            axis.plot(frame.index, frame[column], label=label, **line_style(place))
        axis.set(title=title, xlabel="step")
    axes[0].axhline(least, color=GREY, linewidth=0.8)
    axes[0].text(STEPS, least + 0.3, "− entropy of the target", color=GREY, ha="right", fontsize=7)
    axes[1].set_yscale("symlog", linthresh=0.1)
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=len(curves))
    return figure


def main(arguments: Sequence[str] | None = None) -> None:
    """Draw the figure."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--pdf", required=True)
    parser.add_argument("--png", required=True)
    options = parser.parse_args(arguments)
    middle = torch.tensor([CLASSES / 2], dtype=torch.float64).floor()
    target = gaussian_label_distribution(middle, torch.arange(CLASSES, dtype=torch.float64), PMLOptions().sigma)
    figure = draw({label: descend(*form) for label, form in FORMS.items()}, float(torch.xlogy(target, target).sum()))
    figure.suptitle("Margins free to go where the loss is smallest, on random similarities")
    save(figure, options.pdf, options.png)


if __name__ == "__main__":
    main()
