"""Notebook 06: predictions, how sure and how right they are, and what tiles change."""

from collections.abc import Mapping, Sequence
from functools import cache

import ipywidgets as widgets
import torch
from torch import nn

from fcn_course import plots
from fcn_course.explore.panel import Explorer
from fcn_course.plots.figure import Picture
from fcn_course.prediction import Weight, predict_logits, predict_tiled, tile_boxes


def look_at_predictions(model: nn.Module, photos: Mapping[str, Sequence[torch.Tensor]]) -> Explorer:
    """Controls for a photo, what is laid over it, and the tiles in which it is predicted a second time.

    ``photos`` has a (3, H, W) uint8 image and its (H, W) mask for each name. The model runs once for a photo, and once
    for each choice of its tiles.
    """

    @cache
    def whole(photo: str) -> tuple[torch.Tensor, torch.Tensor]:
        confidence, pred = predict_logits(model, photos[photo][0]).softmax(dim=0).cpu().max(dim=0)
        return confidence, pred

    @cache
    def in_tiles(photo: str, tile: int, overlap: int, weight: Weight) -> torch.Tensor:
        return predict_tiled(model, photos[photo][0], (tile, tile), overlap, weight=weight)

    def draw(photo: str, view: str, opacity: float, tile: int, overlap: int, weight: Weight) -> Picture:
        image, mask = photos[photo]
        confidence, pred = whole(photo)
        boxes = tile_boxes(pred.shape, (tile, tile), overlap)  # type: ignore[arg-type]
        tiled = in_tiles(photo, tile, overlap, weight)
        return plots.prediction_and_tiles(image, mask, pred, confidence, view, opacity, tiled, boxes, weight)

    controls = {
        "photo": widgets.Dropdown(options=list(photos), description="Photo"),
        "view": widgets.ToggleButtons(options=["classes", "confidence", "errors"], description="Show"),
        "opacity": widgets.FloatSlider(value=0.6, min=0, max=1, step=0.1, description="Opacity", readout_format=".1f"),
        "tile": widgets.IntSlider(value=192, min=32, max=256, step=32, description="Tile side"),
        "overlap": widgets.IntSlider(value=96, min=0, max=128, step=16, description="Overlap"),
        "weight": widgets.ToggleButtons(options=["equal", "gaussian"], description="Weights"),
    }
    return Explorer(draw, controls)
