from itertools import combinations

from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from pml.data_name import DataName
from pml.reporting.style import PALETTE, line_style, set_title


def test_synthetic_data_is_named_so_and_real_data_is_not():
    figure = Figure()
    set_title(figure, DataName("FG-NET", synthetic=True))
    assert figure.get_suptitle() == "FG-NET: synthetic data"
    set_title(figure, DataName("FG-NET", synthetic=False))
    assert figure.get_suptitle() == "FG-NET"


def test_the_first_28_lines_differ():
    styles = {tuple(line_style(place).values()) for place in range(28)}
    assert len(styles) == 28


def test_no_two_of_four_neighbouring_lines_share_colour_or_dash():
    for first, second in combinations(range(4), 2):
        assert line_style(first)["color"] != line_style(second)["color"]
        assert line_style(first)["linestyle"] != line_style(second)["linestyle"]


def test_colours_stand_out_on_white():
    for colour in PALETTE:
        red, green, blue = to_rgb(colour)
        assert 0.2126 * red + 0.7152 * green + 0.0722 * blue < 0.75
