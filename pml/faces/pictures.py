"""Pictures as files: read whole, upright and in 8 bits a channel, or not at all."""

from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

BITS, PHOTOMETRIC = 258, 262  # tags of a TIFF: bits of a pixel; 0 where the largest value is black
UNKNOWN_RANGE = ("I", "F")  # modes of Pillow: whole and real numbers of 32 bits


class PictureError(Exception):
    """A picture cannot be read whole; the message says why."""


def read_image(path: str | Path) -> np.ndarray:
    """Return the picture at `path`, upright, as (height, width, 3) uint8 RGB.

    Pillow reads it, not OpenCV, which fills what a truncated JPEG lacks with grey and says nothing.

    Raises:
        PictureError: it cannot be read whole, or it does not tell which of its values are black and white.
    """
    try:
        with Image.open(path) as picture:
            return _to_rgb(ImageOps.exif_transpose(picture), getattr(picture, "tag_v2", {}))
    except PictureError:
        raise
    except FileNotFoundError:
        raise PictureError("no such file") from None
    except Exception as error:  # What a decoder raises on a damaged file is anybody's guess.
        reason = "not a picture" if isinstance(error, Image.UnidentifiedImageError) else str(error)
        raise PictureError(reason or type(error).__name__) from error


def _to_rgb(picture: Image.Image, tags: dict) -> np.ndarray:
    """Return (height, width, 3) uint8; Pillow would cut off grey values above 255, so those of 16 bits are scaled here."""
    if picture.mode in UNKNOWN_RANGE:
        raise PictureError("the range of its values is not known; save it with 8 or 16 bits a pixel")
    if not picture.mode.startswith("I;16"):
        return np.array(picture.convert("RGB"))
    white = 2 ** tags.get(BITS, (16,))[0] - 1
    grey = np.rint(np.array(picture) * (255 / white)).astype(np.uint8)
    if tags.get(PHOTOMETRIC) == 0:
        grey = 255 - grey
    return np.repeat(grey[:, :, None], 3, axis=2)
