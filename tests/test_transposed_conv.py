"""transposed_conv against torch's own convolutions, over random geometry."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import assume, given
from hypothesis import strategies as st

from fcn_course.transposed_conv import (
    conv_matrix,
    conv_output_size,
    conv_transpose2d,
    conv_transpose_output_size,
    output_padding_for,
    upsampling_geometry,
)

sizes, kernels, strides = st.integers(1, 12), st.integers(1, 5), st.integers(1, 4)
paddings, dilations = st.integers(0, 3), st.integers(1, 3)


@given(sizes, kernels, strides, paddings, dilations)
def test_conv_output_size_is_what_torch_returns_or_raises(size, kernel, stride, padding, dilation):
    x, weight = torch.zeros(1, 1, size, 1), torch.zeros(1, 1, kernel, 1)
    arguments = {"stride": (stride, 1), "padding": (padding, 0), "dilation": (dilation, 1)}
    try:
        expected = F.conv2d(x, weight, **arguments).shape[2]
    except RuntimeError:
        with pytest.raises(ValueError, match="does not fit"):
            conv_output_size(size, kernel, stride, padding, dilation)
    else:
        assert conv_output_size(size, kernel, stride, padding, dilation) == expected


@given(sizes, kernels, strides, paddings, st.integers(0, 4), dilations)
def test_conv_transpose_output_size_is_what_torch_returns_or_raises(
    size, kernel, stride, padding, output_padding, dilation
):
    x, weight = torch.zeros(1, 1, size, 1), torch.zeros(1, 1, kernel, 1)
    try:
        expected = F.conv_transpose2d(
            x, weight, None, (stride, 1), (padding, 0), (output_padding, 0), 1, (dilation, 1)
        ).shape[2]
    except RuntimeError:
        with pytest.raises(ValueError, match=r"cuts off everything|output_padding must be smaller"):
            conv_transpose_output_size(size, kernel, stride, padding, output_padding, dilation)
    else:
        assert conv_transpose_output_size(size, kernel, stride, padding, output_padding, dilation) == expected


@given(sizes, kernels, strides, paddings, dilations)
def test_output_padding_undoes_a_convolution(size, kernel, stride, padding, dilation):
    assume(size + 2 * padding >= dilation * (kernel - 1) + 1)
    small = conv_output_size(size, kernel, stride, padding, dilation)
    extra = output_padding_for(small, size, kernel, stride, padding, dilation)
    assert conv_transpose_output_size(small, kernel, stride, padding, extra, dilation) == size


def test_output_padding_names_the_sizes_it_can_reach():
    # 16, 17 and 18 cells all become 8 with kernel 5, stride 2, padding 2 -- except 18, which becomes 9.
    with pytest.raises(ValueError, match=r"reachable sizes are 15, 16$"):
        output_padding_for(8, 18, 5, 2, 2)


@given(st.integers(1, 64), st.integers(1, 9))
def test_upsampling_geometry_enlarges_every_size_exactly(scale, size):
    kernel, stride, padding = upsampling_geometry(scale)
    y = F.conv_transpose2d(torch.zeros(1, 1, size, 1), torch.zeros(1, 1, kernel, 1), None, (stride, 1), (padding, 0))
    assert y.shape[2] == size * scale == conv_transpose_output_size(size, kernel, stride, padding)


def test_upsampling_geometry_of_the_chapter():
    assert upsampling_geometry(32) == (64, 32, 16)
    assert upsampling_geometry(2) == (4, 2, 1)


pairs = st.tuples


@given(
    channels=pairs(st.integers(1, 3), st.integers(1, 3)),
    size=pairs(st.integers(1, 6), st.integers(1, 6)),
    kernel=pairs(kernels, kernels),
    stride=pairs(strides, strides),
    padding=pairs(paddings, paddings),
    output_padding=pairs(st.integers(0, 2), st.integers(0, 2)),
    dilation=pairs(dilations, dilations),
    with_bias=st.booleans(),
    seed=st.integers(0, 2**31),
)
def test_conv_transpose2d_equals_torch(
    channels, size, kernel, stride, padding, output_padding, dilation, with_bias, seed
):
    random = torch.Generator().manual_seed(seed)
    x = torch.randn(2, channels[0], *size, generator=random, dtype=torch.float64)
    weight = torch.randn(*channels, *kernel, generator=random, dtype=torch.float64)
    bias = torch.randn(channels[1], generator=random, dtype=torch.float64) if with_bias else None
    try:
        expected = F.conv_transpose2d(x, weight, bias, stride, padding, output_padding, 1, dilation)
    except RuntimeError:
        with pytest.raises(ValueError, match=r"cuts off everything|output_padding must be smaller"):
            conv_transpose2d(x, weight, bias, stride, padding, output_padding, dilation)
    else:
        actual = conv_transpose2d(x, weight, bias, stride, padding, output_padding, dilation)
        torch.testing.assert_close(actual, expected, rtol=0, atol=1e-9)


def test_conv_transpose2d_is_differentiable():
    x = torch.randn(1, 2, 3, 4, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(2, 3, 3, 2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda a, b: conv_transpose2d(a, b, stride=2, padding=1), (x, weight))


@given(
    channels=pairs(st.integers(1, 2), st.integers(1, 3)),
    size=pairs(st.integers(1, 6), st.integers(1, 6)),
    kernel=pairs(st.integers(1, 4), st.integers(1, 4)),
    stride=pairs(strides, strides),
    padding=pairs(paddings, paddings),
    seed=st.integers(0, 2**31),
)
def test_conv_matrix_and_its_transpose_equal_torch(channels, size, kernel, stride, padding, seed):
    assume(all(n + 2 * p >= k for n, p, k in zip(size, padding, kernel, strict=True)))
    random = torch.Generator().manual_seed(seed)
    c_in, c_out = channels
    weight = torch.randn(c_out, c_in, *kernel, generator=random, dtype=torch.float64)
    x = torch.randn(1, c_in, *size, generator=random, dtype=torch.float64)
    matrix = conv_matrix(weight, size, stride, padding)
    y = F.conv2d(x, weight, None, stride, padding)
    torch.testing.assert_close(matrix @ x.flatten(), y.flatten(), rtol=0, atol=1e-9)

    undo = [
        output_padding_for(small, n, k, s, p)
        for small, n, k, s, p in zip(y.shape[2:], size, kernel, stride, padding, strict=True)
    ]
    back = F.conv_transpose2d(y, weight, None, stride, padding, undo)
    torch.testing.assert_close(matrix.T @ y.flatten(), back.flatten(), rtol=0, atol=1e-9)


def test_conv_matrix_takes_one_kernel():
    kernel = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    torch.testing.assert_close(conv_matrix(kernel, (3, 3)), conv_matrix(kernel[None, None], (3, 3)))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: conv_output_size(8, 3, stride=0), "stride must be >= 1, got 0"),
        (lambda: conv_output_size(8, 3, padding=-1), "padding must be >= 0, got -1"),
        (lambda: conv_output_size(2, 5), "the input needs at least 5 cells"),
        (lambda: conv_transpose_output_size(1, 1, padding=3), "padding may be at most 0 here"),
        (lambda: conv_transpose_output_size(4, 3, 2, output_padding=2), r"output_padding must be smaller .* got 2"),
        (lambda: upsampling_geometry(0), "scale must be >= 1, got 0"),
        (lambda: conv_transpose2d(torch.zeros(3, 3), torch.zeros(2, 2)), r"got \(3, 3\) and \(2, 2\)"),
        (lambda: conv_transpose2d(torch.zeros(1, 2, 3, 3), torch.zeros(1, 1, 2, 2)), "x has 2 channels but weight"),
        (
            lambda: conv_transpose2d(torch.zeros(1, 1, 3, 3), torch.zeros(1, 2, 2, 2), torch.zeros(1)),
            r"bias must have shape \(2,\), got \(1,\)",
        ),
        (lambda: conv_transpose2d(torch.zeros(1, 1, 3, 3), torch.zeros(1, 1, 2, 2), stride=(1, 2, 3)), "pair"),
        (lambda: conv_matrix(torch.zeros(2), (3, 3)), "weight must be"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_a_size_must_be_a_whole_number():
    with pytest.raises(TypeError, match=r"stride must be a whole number, got 2\.0"):
        conv_output_size(8, 3, stride=2.0)
