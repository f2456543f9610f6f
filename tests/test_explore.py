"""explore: what a slider shows is the picture it stands at."""

import io

import pytest
import torch
from PIL import Image

from fcn_course import plots
from fcn_course.explore import flip_through
from fcn_course.voc import CLASSES, COLORMAP


def pictures():
    return {
        name: plots.image_grid([torch.full((8, 8), label)], [name], alt=f"all {name}")
        for name, label in (("aeroplane", 1), ("bicycle", 2))
    }


def test_the_slider_shows_the_picture_of_its_name():
    drawn = pictures()
    slider, image, words = flip_through(drawn, "class").children
    assert slider.description == "class"
    for name in ("bicycle", "aeroplane"):
        slider.value = name
        shown = Image.open(io.BytesIO(image.value)).convert("RGB")
        assert shown.getpixel((shown.width // 2, shown.height // 2)) == tuple(COLORMAP[CLASSES.index(name)])
        assert words.value == f"all {name}"


def test_nothing_to_flip_through_is_refused():
    with pytest.raises(ValueError, match="at least one picture"):
        flip_through({}, "model")
