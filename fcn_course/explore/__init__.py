"""The interactive explorers: sliders over the figures of :mod:`fcn_course.plots`. Modules are named by topic."""

from fcn_course.explore.bilinear import bilinear
from fcn_course.explore.panel import Explorer
from fcn_course.explore.pictures import flip_through
from fcn_course.explore.slider import Slider
from fcn_course.explore.transposed_conv import transposed_conv
from fcn_course.explore.voc import voc

__all__ = ["Explorer", "Slider", "bilinear", "flip_through", "transposed_conv", "voc"]
