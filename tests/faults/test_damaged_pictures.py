"""A damaged picture is read whole, or there is one reason; nothing else is raised, and no memory is taken for it."""

import io

import numpy as np
import pytest
from PIL import Image

from pml.faces.pictures import PictureError, read_image
from tests.faults.damage import damaged

COUNT = 2_000  # of each format: 10,000 of the one parser
FORMATS = {"JPEG": "RGB", "PNG": "RGBA", "TIFF": "I;16", "GIF": "P", "BMP": "L"}


def picture(format):
    """Return the bytes of a small picture."""
    pixels = np.add.outer(np.arange(40), 3 * np.arange(30))
    if FORMATS[format] == "I;16":
        image = Image.fromarray((pixels * 256).astype(np.uint16))
    else:
        image = Image.fromarray(pixels.astype(np.uint8)).convert(FORMATS[format])
    content = io.BytesIO()
    image.save(content, format)
    return content.getvalue()


@pytest.mark.filterwarnings("ignore")  # Pillow's, of what it can make out
@pytest.mark.parametrize("format", FORMATS)
def test_a_damaged_picture_is_read_or_has_a_reason(format, campaign, tmp_path):
    content, path, tried = picture(format), tmp_path / f"picture.{format.lower()}", campaign("picture")
    for chance in tried.trials(COUNT):
        path.write_bytes(damaged(content, chance))
        try:
            read = read_image(path)
            assert read.dtype == np.uint8 and read.ndim == 3 and read.shape[2] == 3
            tried.count("read")
        except PictureError as error:
            assert str(error)
            tried.count("refused")
