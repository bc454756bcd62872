"""How a comparison's table is drawn as a forest plot."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex

from pml.errors import InputError
from pml.reporting.forest import draw, draw_forest, shown_range
from pml.reporting.style import line_style
from pml.tables import load_schema, write_table
from pml.task import Task
from tests.reporting.conftest import TOY

PLACES = {"KL": 1, "PML": 0, "DEX": 2, "Median": 3}
# By method: difference, low, high and verdict, on all images and on few-shot ones.
ROWS = {
    "KL": ((0, 0, 0, "reference"), (0, 0, 0, "reference")),
    "PML": ((-0.5, -0.75, -0.25, "lower error"), (0.5, -1, 2, "no difference shown")),
    "DEX": ((0.25, -0.5, 1, "no difference shown"), (np.nan, np.nan, np.nan, "no common images")),
    "Median": ((20, 18, 22, "higher error"), (2, np.nan, np.nan, "no difference shown")),
}


def table_of(rows=ROWS, experiment="one"):
    frame = pd.DataFrame({"method": list(rows), "experiment": experiment, "data": "Toy (synthetic)", "seeds": 3, "folds": 1})
    for ending, number in (("", 0), ("_few", 1)):
        columns = [f"difference{ending}", f"difference{ending}_low", f"difference{ending}_high", f"verdict{ending}"]
        frame[columns] = [list(of_panels[number]) for of_panels in rows.values()]
    frame = frame.assign(
        images=1234, images_paired=1200, images_few=[7, 8, 0, 9][: len(rows)], mae=1.0, cs_5=0.5, whole_years=False
    )
    columns = load_schema("comparison")["properties"]
    numbers = {name: float for name, column in columns.items() if column.get("type") in ("number", ["number", "null"])}
    return frame.reindex(columns=columns).astype(numbers)


def points(axis):
    """Return (difference, line, colour, whether it is filled) of each point of a panel."""
    found = [line for line in axis.lines if line.get_marker() == "o"]
    return [(*line.get_xydata()[0], line.get_color(), to_hex(line.get_markerfacecolor()) != "#ffffff") for line in found]


def task_of(table, folder, places=PLACES):
    write_table(table, folder / "table.csv", "comparison")
    return Task("draw_forest", {}, {"table": str(folder / "table.csv")}, {}, {"data": TOY, "places": places, "margin": 0.1})


def test_files(tmp_path, draws_well):
    draws_well(draw_forest, task_of(table_of(), tmp_path), tmp_path, width=6.9)


def test_points_and_intervals_are_those_of_the_table_in_its_order():
    table = table_of()
    for axis, column in zip(draw(table, PLACES, 0.1).axes, ("difference", "difference_few"), strict=True):
        shown = table[1:].dropna(subset=column)
        assert [value for value, *_ in points(axis)] == shown[column].tolist()
        assert [height for _, height, *_ in points(axis)] == sorted(height for _, height, *_ in points(axis))
        drawn = [line.get_xdata() for line in axis.lines if len(line.get_xdata()) == 2 and line.get_xdata()[0] != 0]
        np.testing.assert_array_equal(drawn, shown[[f"{column}_low", f"{column}_high"]].to_numpy())


def test_each_row_has_its_label_and_numbers_and_the_reference_a_mark_at_0():
    left, right = draw(table_of(), PLACES, 0.1).axes
    assert [label.get_text() for label in left.get_yticklabels()] == list(ROWS)
    assert [text.get_text() for text in left.texts if text.get_text() == "1,200"] == ["1,200"] * 4
    assert [text.get_text() for text in right.texts][-5:] == ["images", "7", "8", "0", "9"]
    for axis in (left, right):
        (mark,) = [line for line in axis.lines if line.get_marker() == "D"]
        assert mark.get_xydata().tolist() == [[0, 0]]
        assert axis.get_xlabel().startswith("error minus that of KL\n")


def test_a_point_has_its_method_s_colour_and_is_filled_if_the_table_shows_a_difference():
    left, right = draw(table_of(), PLACES, 0.1).axes
    colours = [line_style(PLACES[method])["color"] for method in ("PML", "DEX", "Median")]
    assert [(colour, filled) for *_, colour, filled in points(left)] == list(zip(colours, (True, False, True), strict=True))
    assert not any(filled for *_, filled in points(right))


def test_a_row_too_far_off_is_an_arrow_with_its_number():
    left, right = draw(table_of(), PLACES, 0.1).axes
    assert left.get_xlim()[1] < 2
    assert [line.get_ydata()[0] for line in left.lines if line.get_marker() in "<>"] == [3]
    assert "+20.00" in [text.get_text() for text in left.texts]
    assert not [line for line in right.lines if line.get_marker() in "<>"]


def test_a_row_without_common_images_says_so():
    left, right = draw(table_of(), PLACES, 0.1).axes
    told = [[text.get_position()[1] for text in axis.texts if text.get_text() == "no common images"] for axis in (left, right)]
    assert told == [[], [2]]


def test_several_experiments_stand_below_their_names_and_the_reference_is_named_with_its_own():
    table = pd.concat([table_of(), table_of({"PML": ROWS["PML"]}, "two")], ignore_index=True)
    axis = draw(table, PLACES, 0.1).axes[0]
    heads = {text.get_text(): text.get_position()[1] for text in axis.texts if text.get_text() in ("one", "two")}
    assert heads == {"one": 0, "two": 5} and axis.get_yticks().tolist() == [1, 2, 3, 4, 6]
    assert axis.get_xlabel().startswith("error minus that of KL in one\n")


def test_a_long_label_is_broken_and_has_the_height_of_two():
    label = "PML, joint softmax, variational margin alone, not standardised, scale 1"
    table = table_of().replace({"method": {"DEX": label}})
    axis = draw(table, PLACES | {label: 2}, 0.1).axes[0]
    assert axis.get_yticks().tolist() == [0, 1, 2.5, 4]
    assert axis.get_yticklabels()[2].get_text().count("\n") == 1


def test_the_height_follows_the_number_of_rows():
    heights = [draw(pd.concat([table_of()] * times, ignore_index=True), PLACES, 0.1).get_figheight() for times in (2, 3, 11)]
    assert heights[2] - heights[1] == pytest.approx(8 * (heights[1] - heights[0])) and 7 < heights[2] < 10


def test_the_axis_has_0_and_every_row_that_is_not_far_off():
    low, high = shown_range(pd.DataFrame([(1.0, 0.5, 1.5), (2.0, 1.0, 3.0), (90.0, 80.0, 100.0)]))
    assert low < 0 and 3 < high < 4


def test_a_reference_alone_is_drawn_with_room_for_its_words():
    figure = draw(table_of({"KL": ROWS["KL"]}), PLACES, 0.1)
    figure.draw_without_rendering()
    assert len(figure.axes) == 2 and all(axis.get_position().height > 0.2 for axis in figure.axes)


@pytest.mark.parametrize(
    ("change", "places", "complaint"),
    [
        (
            {"verdict": "no difference shown"},
            PLACES,
            "table.csv: column 'verdict' has no row 'reference'; write the table again",
        ),
        ({}, {"KL": 0, "PML": 1, "DEX": 2}, r"table.csv: column 'method' has \['Median'\], which the config does not compare"),
    ],
)
def test_a_table_of_another_comparison_is_refused(tmp_path, change, places, complaint):
    with pytest.raises(InputError, match=complaint):
        draw_forest(task_of(table_of().assign(**change), tmp_path, places))


def test_a_square_is_a_difference_that_is_shown_to_lie_in_the_shaded_margin():
    rows = ROWS | {"DEX": ((0.02, -0.03, 0.07, "equivalent"), (0, 0, 0, "no difference shown"))}
    left, right = draw(table_of(rows), PLACES, 0.1).axes
    squares = [[line.get_xdata()[0] for line in axis.lines if line.get_marker() == "s"] for axis in (left, right)]
    assert squares == [[0.02], []]
    assert all(axis.patches[0].get_extents().width > 0 for axis in (left, right))
