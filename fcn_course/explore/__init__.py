"""The interactive explorers: sliders over the figures of :mod:`fcn_course.plots`. Modules are named by topic."""

from fcn_course.explore.panel import Explorer
from fcn_course.explore.pictures import flip_through
from fcn_course.explore.slider import Slider

__all__ = ["Explorer", "Slider", "flip_through"]
