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
    assert "pixel accuracy and mean IoU within 2 to 8 pixels of a contour, a line each for 32s, 8s" in figure.alt


def test_class_gains_puts_the_largest_gain_first_and_leaves_out_what_does_not_occur():
    before, after = torch.tensor([0.9, 0.2, math.nan, 0.5]), torch.tensor([0.8, 0.6, math.nan, 0.7])
    figure = plots.class_gains(before, after, ("32s", "8s"), ["background", "cat", "dog", "sheep"])
    axes = figure.axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["cat", "sheep", "background"]
    assert [text.get_text() for text in axes.texts] == ["+40.0", "+20.0", "-10.0"]
    assert axes.get_title(loc="left") == "8s gains most on cat, least on background"
    points = {line.get_label(): [*line.get_xdata()] for line in axes.lines if line.get_label() in ("32s", "8s")}
    assert points["32s"] == pytest.approx([0.2, 0.5, 0.9])
    assert points["8s"] == pytest.approx([0.6, 0.7, 0.8])
    assert "each of 3 classes: its IoU with 32s and with 8s" in figure.alt
