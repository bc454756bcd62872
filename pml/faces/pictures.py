"""Pictures as files: read whole, upright and in 8 bits a channel, or not at all."""

import warnings
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageOps

BITS, PHOTOMETRIC = 258, 262  # tags of a TIFF: bits of a pixel; 0 where the largest value is black
UNKNOWN_RANGE = ("I", "F")  # modes of Pillow: whole and real numbers of 32 bits


class PictureError(Exception):
    """A picture cannot be read whole; the message says why."""


def read_image(path: str | Path, long_side: int | None = None) -> np.ndarray:
    """Return the picture at `path`, upright, as (height, width, 3) uint8 RGB; of an animation, the first picture.

    Pillow reads it, not OpenCV, which fills what a truncated JPEG lacks with grey and says nothing.

    Args:
        long_side: pixels that the longer side is shrunk to, if it has more. A JPEG is shrunk while it is decoded, which takes a
            fraction of the memory. A picture of 16 bits stays as it is.

    Raises:
        PictureError: it cannot be read whole, or it does not tell which of its values are black and white.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # twice that size is an error
            with Image.open(path) as picture:
                tags = getattr(picture, "tag_v2", {})
                if long_side and not picture.mode.startswith("I"):  # which Pillow cannot reduce
                    picture.thumbnail((long_side, long_side), reducing_gap=1)
                ImageOps.exif_transpose(picture, in_place=True)
                return _to_rgb(picture, tags)
    except PictureError:
        raise
    except FileNotFoundError:
        raise PictureError("no such file") from None
    except IsADirectoryError:
        raise PictureError("it is a folder") from None
    except Image.DecompressionBombError:
        raise PictureError(f"more than {2 * (Image.MAX_IMAGE_PIXELS or 0):,} pixels") from None
    except Exception as error:  # What a decoder raises on a damaged file is anybody's guess.
        reason = getattr(error, "strerror", None) or str(error)  # without the path
        reason = "not a picture" if isinstance(error, Image.UnidentifiedImageError) else reason
        raise PictureError(reason or type(error).__name__) from error


def shrink(image: np.ndarray, long_side: int) -> np.ndarray:
    """Return a (height, width, 3) uint8 image whose longer side has no more than so many pixels."""
    scale = min(1, long_side / max(image.shape))
    width, height = (max(1, round(scale * side)) for side in (image.shape[1], image.shape[0]))
    return cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)


def _to_rgb(picture: Image.Image, tags: dict) -> np.ndarray:
    """Return (height, width, 3) uint8; Pillow would cut off grey values above 255, so those of 16 bits are scaled here."""
    if picture.mode in UNKNOWN_RANGE:
        raise PictureError("the range of its values is not known; save it with 8 or 16 bits a pixel")
    if not picture.mode.startswith("I;16"):
        return np.array(picture if picture.mode == "RGB" else picture.convert("RGB"))  # `convert` copies always
    white = 2 ** tags.get(BITS, (16,))[0] - 1
    grey = np.rint(np.array(picture) * (255 / white)).astype(np.uint8)
    if tags.get(PHOTOMETRIC) == 0:
        grey = 255 - grey
    return np.repeat(grey[:, :, None], 3, axis=2)
