"""Figures of notebook 08: what their words and their bars say."""

import pytest

from fcn_course import plots

STEP = {"convolutions": 0.3, "batch normalisation": 0.02, "upsampling": 0.0, "loss": 0.01, "everything else": 0.05}


def test_speed_ladder_tells_rates_and_how_many_times():
    figure = plots.speed_ladder({"slow": 10, "fast": 25}, limit=50)
    assert figure.alt == "Bars of images/s: slow 10, fast 25. The machine's limit is 50."
    (axes,) = figure.axes
    assert [bar.get_width() for bar in axes.patches] == [10, 25]
    assert "25   2.5 x" in [text.get_text() for text in axes.texts]
    assert "limit" not in plots.speed_ladder({"slow": 10}).alt


def test_time_shares_add_up():
    figure = plots.time_shares({"before": STEP, "after": {part: seconds / 2 for part, seconds in STEP.items()}})
    (axes,) = figure.axes
    ends = [
        max(bar.get_x() + bar.get_width() for bar in axes.patches if round(bar.get_y() + 0.31) == row) for row in (0, 1)
    ]
    assert ends == pytest.approx([380, 190])
    assert "before: convolutions 300 ms" in figure.alt
    assert axes.get_legend_handles_labels()[1] == list(STEP)


def test_roofline_turns_where_memory_and_processor_are_equal():
    figure = plots.roofline(1e11, 1e10, {"ReLU": (0.125, 1e9), "convolution": (144, 9e10)})
    roof = figure.axes[0].lines[0]
    assert max(roof.get_ydata()) == pytest.approx(100)
    assert min(x for x, y in zip(*roof.get_data(), strict=True) if y >= 99.99) == pytest.approx(10, rel=0.1)
    assert "ReLU 1 at 0.125, convolution 90 at 144" in figure.alt


def test_growth_has_a_panel_a_cause_and_a_line_a_contestant():
    panels = {
        "images": ([1, 4], {"d2l": [2, 2], "ours": [3, 6]}),
        "batch": ([1, 2, 4], {"d2l": [1, 1, 1], "ours": [2, 3, 4]}),
    }
    figure = plots.growth(panels, unit="images/s", title="It grows")
    assert [axes.get_xlabel() for axes in figure.axes] == ["images", "batch"]
    assert [list(line.get_ydata()) for line in figure.axes[1].lines] == [[1, 1, 1], [2, 3, 4]]
    assert "over images 1, 4: d2l 2 2, ours 3 6" in figure.alt
    higher_later = plots.growth({"a": ([1, 2], {"": [1, 2]}), "b": ([1, 2], {"": [3, 9]})}, unit="", title="")
    for axes in (*figure.axes, *higher_later.axes):
        bottom, top = axes.get_ylim()
        assert bottom == 0
        assert top > max(max(line.get_ydata()) for line in axes.lines)
