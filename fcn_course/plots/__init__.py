"""Every static figure: one function each, which takes data and returns a picture. Modules are named by topic."""

from fcn_course.plots.images import class_legend, image_grid, overlay

__all__ = ["class_legend", "image_grid", "overlay"]
