import math

import numpy as np
import pytest
import torch

from fcn_course import plots
from fcn_course.plots.figure import Picture
from fcn_course.training import Epoch


def png(figure: Picture) -> bytes:
    data, metadata = figure._repr_mimebundle_()
    assert data["text/plain"] == figure.alt == metadata["image/png"]["alt"] != ""
    return data["image/png"]


def test_dots_lie_on_the_curve() -> None:
    figure = plots.cross_entropy_curve({"half": 0.5, "sure": 0.9})
    curve, *dots = figure.axes[0].lines
    for dot, p in zip(dots, (0.5, 0.9), strict=True):
        assert (dot.get_xdata()[0], dot.get_ydata()[0]) == (p, pytest.approx(-math.log(p)))
    assert np.allclose(curve.get_ydata(), -np.log(curve.get_xdata()))
    assert "half: 0.69" in figure.alt
    assert png(figure)


def test_bars_are_the_softmax_of_the_framed_pixel() -> None:
    logits, mask = torch.randn(3, 2, 4), torch.tensor([[0, 1, 2, 255], [0, 0, 0, 1]])
    figure = plots.pixel_logits(logits, mask, (0, 2), ["background", "cat", "bottle"])
    bars = [bar.get_width() for bar in figure.axes[-1].patches]
    assert np.allclose(bars, logits[:, 0, 2].softmax(dim=0))
    assert "bottle" in figure.alt
    assert png(figure)


def test_number_formats_have_their_bits() -> None:
    figure = plots.number_formats({"bfloat16": (8, 7)})
    assert len([bit for bit in figure.axes[0].patches if bit.get_y() >= 0]) == 16
    assert "8 bits of exponent and 7 of mantissa" in figure.alt
    assert png(figure)


def test_curves_are_the_values_they_were_given() -> None:
    figure = plots.curves({"a": [3.0, 2.0, 1.5], "b": [3.0, 2.9]}, title="Falling")
    assert [line.get_ydata().tolist() for line in figure.axes[0].lines] == [[3.0, 2.0, 1.5], [3.0, 2.9]]
    assert figure.alt == "loss over step: a line each for a, b."
    assert plots.curves({"a": [1.0]}, title="", alt="words").alt == "words"
    assert png(figure)


def test_confusion_counts_say_the_iou() -> None:
    figure = plots.confusion_counts(torch.tensor([[6, 1, 0], [1, 3, 0], [1, 0, 0]]), ["background", "cat", "dog"], 1)
    assert "IoU 3/5" in figure.alt
    numbers = [text.get_text() for text in figure.axes[0].texts]
    assert numbers[:9] == ["6", "1", "0", "1", "3", "0", "1", "0", "0"]
    assert "IoU = 3 / 5 = 0.60" in numbers
    assert png(figure)


def test_learning_curves_show_scores_only_where_there_are_any() -> None:
    history = [Epoch(1, 2.0, 40.0), Epoch(2, 1.0, 40.0, 0.7, 0.3), Epoch(3, 0.5, 40.0)]
    left, right = plots.learning_curves(history, 10).axes
    assert left.lines[0].get_ydata().tolist() == [2.0, 1.0, 0.5]
    assert [line.get_xydata().tolist() for line in right.lines] == [[[2, 0.7]], [[2, 0.3]]]
    assert left.get_xlim() == (0, 10.5)


def test_learning_curves_of_a_run_that_has_not_begun() -> None:
    assert png(plots.learning_curves([]))
