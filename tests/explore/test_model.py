"""explore.model: what is drawn of a cell is what torch computes."""

import ipywidgets as widgets
import numpy as np
import pytest
import torch

from fcn_course.explore import look_inside
from fcn_course.model import FCN, STAGE_LAYERS
from fcn_course.prediction import normalize

HEIGHT, WIDTH = 160, 224


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return FCN().eval()


@pytest.fixture(scope="module")
def photo():
    return torch.randint(256, (3, HEIGHT, WIDTH), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))


@pytest.fixture
def explorer(model, photo):
    return look_inside(model, photo)


def drawn(explorer):
    """The photo (H, W, 3), the map (rows, columns), and the cell's square (left, top, width) in the second panel."""
    on_photo, on_map = explorer.picture.axes[:2]
    cell = on_map.patches[-1]
    return on_photo.images[0].get_array(), on_map.images[0].get_array(), (cell.get_x(), cell.get_y(), cell.get_width())


@torch.inference_mode()
def activations(model, photo, stage):
    x = normalize(photo)[None]
    for name in STAGE_LAYERS:
        x = model.get_submodule(name)(x)
        if name == stage:
            return x[0].numpy()
    raise AssertionError(stage)


@pytest.mark.parametrize("stage", list(STAGE_LAYERS))
def test_the_map_is_the_mean_over_channels_or_one_channel(explorer, model, photo, stage):
    explorer.controls["stage"].value = stage
    maps = activations(model, photo, stage)
    assert np.allclose(drawn(explorer)[1], maps.mean(axis=0), atol=1e-5)
    explorer.controls["channel"].value = len(maps)
    assert np.allclose(drawn(explorer)[1], maps[-1], atol=1e-5)
    assert f"channel {len(maps)} of {len(maps)}" in explorer.words.value
    assert f"{len(maps)} channels of {maps.shape[1]} x {maps.shape[2]} cells" in explorer.words.value


@pytest.mark.parametrize(("stage", "row", "column"), [("stem", 20, 3), ("stage8", 0, 27), ("stage16", 5, 9)])
def test_the_photo_is_in_colour_where_its_gradient_is_not_zero(explorer, model, photo, stage, row, column):
    for name, value in (("stage", stage), ("row", row), ("column", column)):
        explorer.controls[name].value = value
    x = leaf = normalize(photo)[None].requires_grad_()
    for name in list(STAGE_LAYERS)[: list(STAGE_LAYERS).index(stage) + 1]:
        x = model.get_submodule(name)(x)
    x[0, :, row, column].sum().backward()
    moves = (leaf.grad[0].abs().sum(dim=0) > 0).numpy()
    rows, columns = np.flatnonzero(moves.any(axis=1)), np.flatnonzero(moves.any(axis=0))
    in_colour = np.zeros_like(moves)
    in_colour[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] = True
    shown = drawn(explorer)[0]
    original = photo.movedim(0, -1).numpy()
    assert np.array_equal(shown[in_colour], original[in_colour])
    assert (np.ptp(shown[~in_colour].astype(int), axis=1) == 0).all()  # grey
    assert f"rows {rows[0]} to {rows[-1]} and columns {columns[0]} to {columns[-1]}" in explorer.words.value


def test_the_cell_keeps_its_place_when_the_stage_changes(explorer):
    explorer.controls["stage"].value = "stem"
    explorer.controls["row"].value, explorer.controls["column"].value = 39, 10
    for stage, cell in (("stage8", (19, 5)), ("stage16", (9, 2)), ("stage32", (4, 1)), ("stem", (36, 12))):
        explorer.controls["stage"].value = stage
        assert (explorer.controls["row"].value, explorer.controls["column"].value) == cell
        left, top, side = drawn(explorer)[2]
        assert (top / side, left / side) == cell
    assert explorer.controls["row"].max == HEIGHT // 4 - 1


def test_a_channel_beyond_the_last_becomes_the_last(explorer):
    explorer.controls["stage"].value = "stage32"
    explorer.controls["channel"].value = 500
    explorer.controls["stage"].value = "stage8"
    assert explorer.controls["channel"].value == 128
    assert "channel 128 of 128" in explorer.words.value


def test_the_model_runs_once_and_is_left_as_it_was(photo, capsys):
    model = FCN().train()
    runs = []
    model.stage8.register_forward_hook(lambda *_: runs.append(model.training))
    explorer = look_inside(model, photo)
    for name in ("row", "column", "channel"):
        explorer.controls[name].value = 1
    assert runs == [False]
    assert model.training
    assert capsys.readouterr() == ("", "")


def test_every_control_has_a_label(explorer):
    assert all(isinstance(c, widgets.ValueWidget) and c.description for c in explorer.controls.values())
