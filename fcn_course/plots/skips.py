"""Skip connections: what sharpens, by the distance to contours and by class."""

from collections.abc import Mapping, Sequence

import numpy as np

from fcn_course.plots.cells import Values
from fcn_course.plots.figure import BLUE, GREEN, ORANGE, RED, Picture, in_course_style, picture
from fcn_course.voc import CLASSES

COLOURS, MARKERS = (ORANGE, GREEN, BLUE), "osD"


@in_course_style
def along_contours(widths: Sequence[int], panels: Mapping[str, Mapping[str, Sequence[float]]], title: str) -> Picture:
    """A panel for each score, a line for each model: its score within ``widths`` pixels of a contour, [0, 1]."""
    models = ", ".join(dict.fromkeys(model for lines in panels.values() for model in lines))
    figure = picture(
        9, 3.3,
        f"{title}: {' and '.join(panels)} within {widths[0]} to {widths[-1]} pixels of a contour, "
        f"a line each for {models}.",
    )  # fmt: skip
    figure.suptitle(title)
    for axes, (score, lines) in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels.items(), strict=True):
        for (model, values), colour, marker in zip(lines.items(), COLOURS, MARKERS, strict=False):
            axes.plot(widths, values, color=colour, marker=marker, label=model)
        axes.set_xscale("log", base=2)
        axes.set_xticks(widths, [str(width) for width in widths])
        axes.set(xlabel="pixels on each side of a contour", ylabel=score)
        axes.legend()
    return figure


@in_course_style
def class_gains(before: Values, after: Values, names: tuple[str, str], classes: Sequence[str] = CLASSES) -> Picture:
    """For each class its IoU by two models and the way between, largest gain first; classes with nan are left out."""
    first, second = np.asarray(before), np.asarray(after)
    gains = second - first
    order = [int(c) for c in np.argsort(-gains) if not np.isnan(gains[c])]
    figure = picture(
        7.2, 0.26 * len(order) + 1.0,
        f"A row for each of {len(order)} classes: its IoU with {names[0]} and with {names[1]}, and the difference in "
        f"points; {classes[order[0]]} gains most and stands first, {classes[order[-1]]} gains least.",
    )  # fmt: skip
    axes = figure.add_subplot()
    for row, c in enumerate(order):
        axes.plot([first[c], second[c]], [row, row], color=GREEN if gains[c] >= 0 else RED, linewidth=3, alpha=0.5)
        axes.annotate(
            f"{100 * gains[c]:+.1f}", (1, row), (6, 0), xycoords=axes.get_yaxis_transform(),
            textcoords="offset points", va="center", fontsize=9,
        )  # fmt: skip
    rows = range(len(order))
    axes.plot(first[order], rows, "o", color=ORANGE, label=names[0])
    axes.plot(second[order], rows, "D", color=BLUE, label=names[1])
    axes.set_yticks(rows, [classes[c] for c in order])
    axes.invert_yaxis()
    axes.tick_params(axis="y", length=0)
    axes.set(xlabel="IoU on the validation images (right: gain in points)")
    axes.set_title(f"{names[1]} gains most on {classes[order[0]]}, least on {classes[order[-1]]}")
    axes.legend(loc="lower left")
    return figure
