"""bilinear against torch's interpolate."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from fcn_course.bilinear import bilinear_kernel, coverage, tent, upsample, upsampling_layer
from fcn_course.transposed_conv import upsampling_geometry

sides, scales = st.integers(1, 9), st.integers(1, 12)


def interpolate(x: torch.Tensor, scale: int) -> torch.Tensor:
    return F.interpolate(x, scale_factor=scale, mode="bilinear", align_corners=False)


@given(sides, sides, scales, st.integers(0, 2**31))
def test_upsample_equals_interpolate(height, width, scale, seed):
    x = torch.randn(2, 3, height, width, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    torch.testing.assert_close(upsample(x, scale), interpolate(x, scale), rtol=0, atol=1e-12)


@given(st.integers(3, 9), st.integers(3, 9), scales, st.booleans(), st.integers(0, 2**31))
def test_the_layer_equals_interpolate_away_from_the_frame(height, width, scale, grouped, seed):
    x = torch.randn(1, 2, height, width, generator=torch.Generator().manual_seed(seed))
    with torch.no_grad():
        layer = upsampling_layer(2, scale, grouped=grouped)(x)
    inside = slice(scale, -scale)
    torch.testing.assert_close(
        layer[..., inside, inside], interpolate(x, scale)[..., inside, inside], rtol=0, atol=1e-5
    )


@given(sides, sides, st.integers(1, 33))
def test_coverage_equals_the_layer_applied_to_ones(height, width, scale):
    with torch.no_grad():
        ones = upsampling_layer(1, scale)(torch.ones(1, 1, height, width))[0, 0]
    torch.testing.assert_close(coverage((height, width), scale), ones, rtol=0, atol=1e-5)


@given(sides, sides, scales, st.integers(0, 2**31))
def test_dividing_by_coverage_repairs_the_frame(height, width, scale, seed):
    x = torch.randn(1, 1, height, width, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    with torch.no_grad():
        repaired = upsampling_layer(1, scale).double()(x) / coverage((height, width), scale)
    torch.testing.assert_close(repaired, interpolate(x, scale), rtol=1e-5, atol=1e-5)


def test_coverage_at_scale_32():
    cover = coverage(3, 32)
    assert cover[48, 48] == 1
    assert round(cover[0, 48].item(), 3) == 0.516
    assert round(cover[0, 0].item(), 3) == 0.266


@given(st.integers(1, 4), st.integers(1, 34))
def test_a_kernel_is_what_interpolation_makes_of_a_single_pixel(channels, scale):
    impulse = torch.zeros(1, 1, 3, 3)
    impulse[0, 0, 1, 1] = 1
    kernel_size = upsampling_geometry(scale)[0]
    first = (3 * scale - kernel_size) // 2
    tent_of_one = interpolate(impulse, scale)[0, 0, first : first + kernel_size, first : first + kernel_size]

    expected = torch.zeros(channels, channels, kernel_size, kernel_size)
    expected[range(channels), range(channels)] = tent_of_one
    torch.testing.assert_close(bilinear_kernel(channels, channels, kernel_size), expected)


@pytest.mark.parametrize("scale", range(1, 9))
def test_the_tents_of_neighbours_add_to_one(scale):
    place = torch.linspace(0, 1, 7 * scale)
    torch.testing.assert_close(tent(place) + tent(1 - place), torch.ones(7 * scale))


def test_fixed_and_grouped_layers():
    dense, grouped = upsampling_layer(21, 32), upsampling_layer(21, 32, grouped=True)
    assert (dense.weight.numel(), grouped.weight.numel()) == (1_806_336, 86_016)
    assert dense.weight.requires_grad
    assert not upsampling_layer(3, 2, trainable=False).weight.requires_grad


def test_bad_input_is_named():
    with pytest.raises(ValueError, match="must be equal, got 3 and 21"):
        bilinear_kernel(3, 21, 4)
    with pytest.raises(ValueError, match="kernel_size must be >= 1, got 0"):
        bilinear_kernel(1, 1, 0)
    with pytest.raises(ValueError, match="scale must be >= 1, got 0"):
        upsample(torch.zeros(1, 1, 2, 2), 0)
