"""`python -m pml.datasets.synthetic.contact_sheet --seed 0 --output docs/figures/synthetic_contact_sheet.png`"""

import argparse
from collections.abc import Sequence

import cv2
import numpy as np
from PIL import Image

from pml.datasets.synthetic.camera import neutral, photograph
from pml.datasets.synthetic.people import draw_person, look_at
from pml.errors import stage_main
from pml.files import replacing

AGES = (1, 4, 8, 14, 21, 35, 50, 63)
WIDTH, HEIGHT, GUTTER, MARGIN = 96, 116, 4, 40
TITLE = "synthetic people, drawn by pml.datasets.synthetic: one a row; last row: the one above, photographed"


@stage_main
def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Show synthetic people, one a row, at rising ages.")
    parser.add_argument("--people", type=int, default=4, help="(default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="(default: %(default)s)")
    parser.add_argument("--output", required=True, help="the .png to write")
    options = parser.parse_args(arguments)
    with replacing(options.output) as temporary:
        # Six bits a channel look the same and halve the file.
        Image.fromarray(contact_sheet(options.people, options.seed) & 0xFC).save(temporary, optimize=True)


def contact_sheet(people: int, seed: int) -> np.ndarray:
    """Return the sheet, uint8 RGB: columns are `AGES`, rows `people` without nuisances, then the last of them with."""
    sheet = np.full((MARGIN + (people + 1) * (HEIGHT + GUTTER), len(AGES) * (WIDTH + GUTTER) - GUTTER, 3), 252, np.uint8)
    _label(sheet, TITLE, 0, 14)
    for column, age in enumerate(AGES):
        left = column * (WIDTH + GUTTER)
        _label(sheet, f"age {age}", left, MARGIN - 8)
        for row in range(people + 1):
            subject = min(row + 1, people)
            rng = np.random.default_rng([seed, subject, column])
            look = look_at(draw_person(np.random.default_rng([seed, subject])), age, rng)
            picture, _ = photograph(look, rng) if row == people else neutral(look)
            top = MARGIN + row * (HEIGHT + GUTTER)
            cell = cv2.resize(picture, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
            sheet[top : top + HEIGHT, left : left + WIDTH] = cell
    return sheet


def _label(sheet: np.ndarray, text: str, left: int, baseline: int) -> None:
    cv2.putText(sheet, text, (left, baseline), cv2.FONT_HERSHEY_SIMPLEX, 0.36, (60, 60, 60), 1, cv2.LINE_AA)


if __name__ == "__main__":
    main()
