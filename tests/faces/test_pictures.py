"""Pictures: what is read looks as it should, or is refused with the reason."""

import io
import struct

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from pml.faces.pictures import PictureError, read_image


def drawn(height=60, width=64):
    noise = np.random.default_rng(0).integers(0, 256, (height // 4, width // 4, 3), dtype=np.uint8)
    return cv2.resize(noise, (width, height), interpolation=cv2.INTER_LINEAR)


def encoded(picture, format, **options):
    buffer = io.BytesIO()
    picture.save(buffer, format, **options)
    return buffer.getvalue()


def read(content):
    return read_image(io.BytesIO(content))


def grey_tiff(values, bits, photometric=1, order="<"):
    """A TIFF of rows of grey values, written by hand: so Pillow writes neither 12 bits nor white as zero."""
    values = np.asarray(values)
    if bits == 16:
        rows = values.astype(f"{order}u2").tobytes()
    else:
        digits = np.array([[f"{value:0{bits}b}" for value in row] for row in values])
        rows = b"".join(int("".join(row), 2).to_bytes(len(row) * bits // 8, "big") for row in digits)
    tags = {256: values.shape[1], 257: values.shape[0], 258: bits, 259: 1, 262: photometric, 277: 1, 278: values.shape[0]}
    tags |= {273: 8 + 2 + 12 * 9 + 4, 279: len(rows)}
    entries = b"".join(struct.pack(f"{order}HHII", tag, 4, 1, tags[tag]) for tag in sorted(tags))
    mark = b"II" if order == "<" else b"MM"
    return mark + struct.pack(f"{order}HIH", 42, 8, len(tags)) + entries + bytes(4) + rows


grey = arrays(np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 5).map(lambda n: 2 * n)))


@pytest.mark.parametrize("mode", ["RGB", "L", "RGBA", "LA", "P", "1", "CMYK"])
def test_every_kind_of_picture_is_read_as_rgb(mode):
    picture = Image.fromarray(drawn()).convert(mode)
    np.testing.assert_array_equal(read(encoded(picture, "TIFF")), np.array(picture.convert("RGB")))


@pytest.mark.parametrize("format", ["JPEG", "PNG"])
@pytest.mark.parametrize(("long_side", "shape"), [(16, (16, 15, 3)), (30, (30, 28, 3)), (64, (64, 60, 3)), (100, (64, 60, 3))])
def test_a_large_picture_is_shrunk_and_upright(format, long_side, shape):
    turned = Image.Exif()
    turned[274] = 6
    content = encoded(Image.fromarray(drawn()), format, exif=turned)
    small, whole = read_image(io.BytesIO(content), long_side), read(content)
    assert small.shape == shape
    expected = cv2.resize(whole, shape[1::-1], interpolation=cv2.INTER_AREA)
    assert np.abs(small.astype(float) - expected).mean() < 6
    assert long_side < 64 or (small == whole).all()


@pytest.mark.parametrize("mode", ["L", "RGBA", "LA", "P", "1", "CMYK", "I;16"])
def test_a_large_picture_of_every_kind_is_read(mode):
    picture = Image.fromarray(drawn()).convert("I;16" if mode == "I;16" else mode)
    read = read_image(io.BytesIO(encoded(picture, "TIFF")), 16)
    assert read.shape == ((60, 64, 3) if mode == "I;16" else (15, 16, 3))


def test_an_error_of_the_disk_is_told_without_the_path(tmp_path):
    (tmp_path / "loop.png").symlink_to("loop.png")
    with pytest.raises(PictureError, match=r"^Too many levels of symbolic links$"):
        read_image(tmp_path / "loop.png")


def test_of_an_animation_the_first_picture_is_read():
    first, second = (Image.new("L", (8, 8), value) for value in (10, 200))
    assert (read(encoded(first, "GIF", save_all=True, append_images=[second])) == 10).all()


def test_a_picture_of_too_many_pixels_is_refused_and_one_of_many_is_read_without_a_word(monkeypatch, recwarn):
    content = encoded(Image.fromarray(drawn()), "PNG")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 60 * 64 // 2)
    assert read(content).shape == (60, 64, 3) and not recwarn
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 60 * 64 // 2 - 1)
    with pytest.raises(PictureError, match="more than 3,838 pixels"):
        read(content)


@given(grey, st.sampled_from(["PNG", "TIFF"]))
def test_a_picture_of_16_bits_is_read_as_its_twin_of_8_bits(values, format):
    twin = read(encoded(Image.fromarray(values), format))
    np.testing.assert_array_equal(read(encoded(Image.fromarray(values.astype(np.uint16) * 257), format)), twin)


@given(arrays(np.uint16, (3, 4)))
def test_16_bits_are_rounded_to_the_nearest_of_8(values):
    np.testing.assert_array_equal(read(encoded(Image.fromarray(values), "PNG"))[:, :, 0], np.rint(values / 257))


@pytest.mark.parametrize("channels", [3, 4])
def test_a_coloured_picture_of_16_bits_is_read_as_its_twin(channels):
    values = np.dstack([drawn(), np.full((60, 64), 255, np.uint8)])[:, :, :channels]
    for content in (values, values.astype(np.uint16) * 257):
        np.testing.assert_array_equal(read(cv2.imencode(".png", content)[1].tobytes()), values[:, :, 2::-1])


@given(grey, st.sampled_from([(16, 1, "<"), (16, 1, ">"), (16, 0, "<"), (12, 1, "<")]))
def test_a_tiff_is_read_by_its_bits_and_its_white(values, form):
    bits, photometric, _ = form
    deep = np.rint(values / 255 * (2**bits - 1)).astype(int)
    deep = deep if photometric else 2**bits - 1 - deep
    np.testing.assert_array_equal(read(grey_tiff(deep, *form)), np.repeat(values[:, :, None], 3, axis=2))


@pytest.mark.parametrize("dtype", [np.int32, np.float32])
def test_a_picture_of_unknown_range_is_refused_with_the_remedy(dtype):
    with pytest.raises(PictureError, match="range of its values is not known; save it with 8 or 16 bits"):
        read(encoded(Image.fromarray(drawn()[:, :, 0].astype(dtype)), "TIFF"))


@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_picture_is_turned_upright_as_opencv_does(tmp_path, orientation, depth):
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / ("turned.jpg" if depth == 8 else "turned.png")
    picture = drawn() if depth == 8 else drawn()[:, :, 0].astype(np.uint16) * 257
    Image.fromarray(picture).save(path, exif=exif, quality=95)
    upright = cv2.imread(str(path))[:, :, ::-1]
    assert np.abs(read_image(path).astype(int) - upright).max() <= 8


@settings(max_examples=60)
@given(st.sampled_from(["JPEG", "PNG", "BMP", "GIF", "WEBP"]), st.floats(0, 0.9))
def test_a_truncated_picture_is_refused(format, share):
    content = encoded(Image.fromarray(drawn()), format)
    with pytest.raises(PictureError):
        read(content[: int(share * len(content))])


@settings(max_examples=60)
@given(
    st.sampled_from(["JPEG", "PNG", "TIFF"]),
    st.sampled_from([np.uint8, np.uint16]),
    st.lists(st.tuples(st.floats(0, 0.999), st.integers(0, 255)), min_size=1, max_size=20),
)
def test_a_damaged_picture_is_read_or_refused_but_never_ends_the_stage(format, dtype, damages):
    picture = drawn() if format == "JPEG" else drawn()[:, :, 0].astype(dtype)
    content = bytearray(encoded(Image.fromarray(picture), format))
    for share, value in damages:
        content[int(share * len(content))] = value
    try:
        assert read(bytes(content)).dtype == np.uint8
    except PictureError as error:
        assert str(error)
