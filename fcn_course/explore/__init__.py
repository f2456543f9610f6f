"""The interactive explorers: sliders over the figures of :mod:`fcn_course.plots`. Modules are named by topic."""

from fcn_course.explore.model import look_inside
from fcn_course.explore.panel import Explorer
from fcn_course.explore.pictures import flip_through
from fcn_course.explore.prediction import look_at_predictions
from fcn_course.explore.slider import Slider
from fcn_course.explore.training import Dashboard

__all__ = ["Dashboard", "Explorer", "Slider", "flip_through", "look_at_predictions", "look_inside"]
