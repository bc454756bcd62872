"""`python -m pml.datasets.synthetic.contact_sheet --seed 0 --output docs/figures/synthetic_contact_sheet.png`"""

import argparse
from collections.abc import Sequence

import cv2
import numpy as np
from PIL import Image

from pml.datasets.synthetic.camera import photograph
from pml.datasets.synthetic.people import draw_person, look_at
from pml.errors import stage_main
from pml.files import replacing

AGES = (1, 4, 8, 13, 18, 27, 38, 50, 63)
WIDTH, HEIGHT, GUTTER, MARGIN = 104, 124, 4, 40


@stage_main
def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Show synthetic people, one a row, at rising ages.")
    parser.add_argument("--people", type=int, default=5, help="rows (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="(default: %(default)s)")
    parser.add_argument("--output", required=True, help="the .png to write")
    options = parser.parse_args(arguments)
    with replacing(options.output) as temporary:
        sheet = Image.fromarray(contact_sheet(options.people, options.seed))
        sheet.quantize(128, dither=Image.Dither.NONE).save(temporary, optimize=True)  # a palette keeps the file small


def contact_sheet(people: int, seed: int) -> np.ndarray:
    """Return the sheet, uint8 RGB: rows are people, columns are `AGES`, all of it labelled synthetic."""
    sheet = np.full((MARGIN + people * (HEIGHT + GUTTER), len(AGES) * (WIDTH + GUTTER) - GUTTER, 3), 255, np.uint8)
    _label(sheet, "synthetic people, drawn by pml.datasets.synthetic: one a row, at rising ages", 0, 14)
    for column, age in enumerate(AGES):
        left = column * (WIDTH + GUTTER)
        _label(sheet, f"age {age}", left, MARGIN - 8)
        for row in range(people):
            person = draw_person(np.random.default_rng([seed, row + 1]))
            rng = np.random.default_rng([seed, row + 1, column])
            picture, _ = photograph(look_at(person, age, rng), rng)
            top = MARGIN + row * (HEIGHT + GUTTER)
            cell = cv2.resize(picture, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
            sheet[top : top + HEIGHT, left : left + WIDTH] = cell
    return sheet


def _label(sheet: np.ndarray, text: str, left: int, baseline: int) -> None:
    cv2.putText(sheet, text, (left, baseline), cv2.FONT_HERSHEY_SIMPLEX, 0.36, (60, 60, 60), 1, cv2.LINE_AA)


if __name__ == "__main__":
    main()
