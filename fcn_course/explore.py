"""What students move: pictures under a slider."""

from collections.abc import Mapping

import ipywidgets as widgets

from fcn_course.plots.figure import Picture


def flip_through(pictures: Mapping[str, Picture], label: str) -> widgets.VBox:
    """A slider called ``label`` over the names of ``pictures``, and the picture that it stands at.

    All are drawn beforehand, so that the next one is there at once. The arrow keys move the slider; the picture's
    description stands below it. Raises ValueError when there are no pictures.
    """
    if not pictures:
        raise ValueError("there must be at least one picture to flip through, got none")
    files = {name: picture.as_png() for name, picture in pictures.items()}
    slider = widgets.SelectionSlider(options=list(files), description=label, layout={"width": "30em"})
    image = widgets.Image(value=files[slider.value], format="png", layout={"width": "100%", "max_width": "900px"})
    words = widgets.HTML(value=pictures[slider.value].alt)

    def show(change: dict[str, str]) -> None:
        image.value, words.value = files[change["new"]], pictures[change["new"]].alt

    slider.observe(show, names="value")
    return widgets.VBox([slider, image, words])
