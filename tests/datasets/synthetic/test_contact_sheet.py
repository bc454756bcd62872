"""The contact sheet: small, labelled, the same for the same seed."""

from PIL import Image

from pml.datasets.synthetic.contact_sheet import main


def test_sheet_is_reproducible_and_small(tmp_path):
    for name in ("a.png", "b.png"):
        main(["--people", "1", "--seed", "4", "--output", str(tmp_path / name)])
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    assert (tmp_path / "a.png").stat().st_size < 150_000
    assert Image.open(tmp_path / "a.png").width > 700
