"""The figures of notebook 07 show the numbers they were given, and say them."""

import math

import pytest
import torch

from fcn_course import plots


def test_along_contours_draws_a_line_for_each_model_and_score():
    widths = [2, 4, 8]
    panels = {"pixel accuracy": {"32s": [0.5, 0.6, 0.7], "8s": [0.6, 0.7, 0.8]}, "mean IoU": {"8s": [0.3, 0.4, 0.5]}}
    figure = plots.along_contours(widths, panels, "Finer stages win at contours")
    for axes, (score, lines) in zip(figure.axes, panels.items(), strict=True):
        assert axes.get_ylabel() == score
        assert [(line.get_label(), [*line.get_ydata()]) for line in axes.lines] == [*lines.items()]
        assert all([*line.get_xdata()] == widths for line in axes.lines)
    assert figure.axes[1].lines[0].get_color() == figure.axes[0].lines[1].get_color()  # 8s, though alone
    assert "pixel accuracy and mean IoU at 2 to 8 pixels on each side of a contour" in figure.alt
    assert "a line each for 32s, 8s" in figure.alt


BEFORE, AFTER = torch.tensor([0.9, 0.2, math.nan, 0.5]), torch.tensor([0.8, 0.6, math.nan, 0.7])
NAMED = ["background", "cat", "dog", "sheep"]


def test_class_gains_puts_the_largest_gain_first_and_leaves_out_what_does_not_occur():
    figure = plots.class_gains(BEFORE, AFTER, ("32s", "8s"), NAMED)
    scores, differences = figure.axes
    assert [label.get_text() for label in scores.get_yticklabels()] == ["cat", "sheep", "background"]
    assert [text.get_text() for text in differences.texts] == ["+40.0", "+20.0", "-10.0"]
    assert scores.get_title(loc="left") == "8s gains most on cat, least on background"
    points = {line.get_label(): [*line.get_xdata()] for line in scores.lines if line.get_label() in ("32s", "8s")}
    assert points["32s"] == pytest.approx([0.2, 0.5, 0.9])
    assert points["8s"] == pytest.approx([0.6, 0.7, 0.8])
    assert "each of 3 classes: its IoU with 32s and with 8s" in figure.alt
    assert "interval" not in figure.alt


def test_class_gains_tells_gains_from_chance():
    lower, upper = torch.tensor([-0.2, 0.3, math.nan, -0.1]), torch.tensor([-0.05, 0.5, math.nan, 0.4])
    figure = plots.class_gains(BEFORE, AFTER, ("32s", "8s"), NAMED, (lower, upper))
    differences = figure.axes[1]
    drawn = [[tuple(point) for point in path] for path in differences.collections[0].get_segments()]
    ends = [[x for x, _ in segment] for segment in drawn]
    assert ends == [pytest.approx([30, 50]), pytest.approx([-10, 40]), pytest.approx([-20, -5])]
    assert len({tuple(colour) for colour in differences.collections[0].get_colors()}) == 3
    assert differences.get_title(loc="left") == "1 gain, 1 lose, 1 may be chance"
    assert "By their intervals 1 classes gain and 1 lose." in figure.alt
