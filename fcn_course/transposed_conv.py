"""Transposed convolution: how large its output is, what it computes, and the matrix behind it.

Arguments mean what they mean in ``torch.nn.functional``. The arithmetic follows Dumoulin and Visin, *A guide to
convolution arithmetic for deep learning* (2016), sections 2 and 4.
"""

from collections.abc import Sequence
from operator import index

import torch

IntPair = int | tuple[int, int]


def conv_output_size(size: int, kernel_size: int, stride: int = 1, padding: int = 0, dilation: int = 1) -> int:
    """Number of output cells of a convolution along one axis.

    ``floor((size + 2 * padding - dilation * (kernel_size - 1) - 1) / stride) + 1``
    (Dumoulin and Visin, relationship 15).

    Raises ValueError when an argument is out of range or the kernel does not fit into the padded input.
    """
    size, kernel_size, stride, padding, dilation = _whole_geometry(size, kernel_size, stride, padding, dilation)
    reach = dilation * (kernel_size - 1) + 1
    room = size + 2 * padding - reach
    if room < 0:
        raise ValueError(
            f"a kernel that spans {reach} cells does not fit into {size} cells with padding {padding}: "
            f"the input needs at least {reach - 2 * padding} cells"
        )
    return room // stride + 1


def conv_transpose_output_size(
    size: int, kernel_size: int, stride: int = 1, padding: int = 0, output_padding: int = 0, dilation: int = 1
) -> int:
    """Number of output cells of a transposed convolution along one axis.

    The last patch starts at ``(size - 1) * stride`` and spans ``dilation * (kernel_size - 1) + 1`` cells; padding cuts
    cells off at both ends, output_padding adds cells at the far end (Dumoulin and Visin, relationship 14).

    Raises ValueError when an argument is out of range or nothing is left after padding is cut off.
    """
    size, kernel_size, stride, padding, dilation = _whole_geometry(size, kernel_size, stride, padding, dilation)
    output_padding = _whole_output_padding(output_padding, stride, dilation)
    result = (size - 1) * stride - 2 * padding + dilation * (kernel_size - 1) + 1 + output_padding
    if result < 1:
        raise ValueError(
            f"padding {padding} cuts off everything: the output would have {result} cells; "
            f"padding may be at most {padding - (2 - result) // 2} here"
        )
    return result


def output_padding_for(size: int, target: int, kernel_size: int, stride: int, padding: int, dilation: int = 1) -> int:
    """The output_padding that makes a transposed convolution return exactly ``target`` cells.

    A strided convolution maps several input sizes to the same output size; output_padding chooses among them on the
    way back. Raises ValueError, listing the sizes that can be reached, when ``target`` is not one of them.
    """
    most = max(stride, dilation) - 1
    smallest = conv_transpose_output_size(size, kernel_size, stride, padding, most, dilation) - most
    reachable = [smallest + extra for extra in range(most + 1) if smallest + extra >= 1]
    if target not in reachable:
        raise ValueError(
            f"no output_padding turns {size} cells into {target} with kernel_size {kernel_size}, stride {stride}, "
            f"padding {padding}, dilation {dilation}: the reachable sizes are {', '.join(map(str, reachable))}"
        )
    return target - smallest


def upsampling_geometry(scale: int) -> tuple[int, int, int]:
    """``(kernel_size, stride, padding)`` of the transposed convolution that enlarges any size exactly ``scale`` times.

    For even scales this is the rule "kernel 2s, stride s, padding s/2"; an odd scale takes a kernel one smaller, so
    that its bilinear kernel has a middle cell. Raises ValueError when ``scale`` is below 1.
    """
    scale = whole_number("scale", scale, 1)
    return 2 * scale - scale % 2, scale, scale // 2


def conv_transpose2d(
    x: torch.Tensor,
    weight: torch.Tensor,
    bias: torch.Tensor | None = None,
    stride: IntPair = 1,
    padding: IntPair = 0,
    output_padding: IntPair = 0,
    dilation: IntPair = 1,
) -> torch.Tensor:
    """Transposed convolution from scratch: every input cell adds its scaled copy of the kernel to the output.

    Takes ``x`` (N, C_in, H, W), ``weight`` (C_in, C_out, kernel height, kernel width) and ``bias`` (C_out,); gives
    (N, C_out, H', W') with sizes by :func:`conv_transpose_output_size`. Equal to
    ``torch.nn.functional.conv_transpose2d`` with ``groups=1``. Raises ValueError for shapes that do not fit together.
    """
    _check_shapes(x, weight, bias)
    (n, _, height, width), (_, c_out, kernel_height, kernel_width) = x.shape, weight.shape
    (sh, sw), (ph, pw), (oh, ow), (dh, dw) = map(_pair, (stride, padding, output_padding, dilation))
    out_height = conv_transpose_output_size(height, kernel_height, sh, ph, oh, dh)
    out_width = conv_transpose_output_size(width, kernel_width, sw, pw, ow, dw)

    # Before padding cuts its frame off, kernel cell (i, j) meets the output cells that start at (i * dh, j * dw)
    # and lie one stride apart: one for each input cell.
    canvas = x.new_zeros(n, c_out, out_height + 2 * ph, out_width + 2 * pw)
    for i in range(kernel_height):
        for j in range(kernel_width):
            rows = slice(i * dh, i * dh + (height - 1) * sh + 1, sh)
            columns = slice(j * dw, j * dw + (width - 1) * sw + 1, sw)
            canvas[:, :, rows, columns] += torch.einsum("nchw,cd->ndhw", x, weight[:, :, i, j])
    y = canvas[:, :, ph : ph + out_height, pw : pw + out_width]
    return y if bias is None else y + bias[:, None, None]


def conv_matrix(weight: torch.Tensor, size: tuple[int, int], stride: IntPair = 1, padding: IntPair = 0) -> torch.Tensor:
    """The matrix W with ``conv2d(x).flatten() == W @ x.flatten()``; its transpose is the transposed convolution.

    Takes ``weight`` (C_out, C_in, kernel height, kernel width), or one 2-D kernel, and the input's ``(H, W)``; gives
    (C_out * H' * W', C_in * H * W) in the dtype of ``weight``. Raises ValueError when the kernel does not fit.
    """
    if weight.ndim == 2:
        weight = weight[None, None]
    if weight.ndim != 4:
        raise ValueError(f"weight must be (C_out, C_in, kh, kw) or (kh, kw), got shape {tuple(weight.shape)}")
    (height, width), (c_out, c_in, kernel_height, kernel_width) = size, weight.shape
    (sh, sw), (ph, pw) = _pair(stride), _pair(padding)
    out_height = conv_output_size(height, kernel_height, sh, ph)
    out_width = conv_output_size(width, kernel_width, sw, pw)

    # One row of W is the kernel laid onto an empty (padded) input where that output cell looks.
    rows = weight.new_zeros(c_out, out_height, out_width, c_in, height + 2 * ph, width + 2 * pw)
    for i in range(out_height):
        for j in range(out_width):
            top, left = i * sh, j * sw
            rows[:, i, j, :, top : top + kernel_height, left : left + kernel_width] = weight
    inside = rows[..., ph : ph + height, pw : pw + width]
    return inside.reshape(c_out * out_height * out_width, c_in * height * width)


def _pair(value: IntPair) -> tuple[int, int]:
    """(vertical, horizontal), as torch reads one number or two."""
    if not isinstance(value, Sequence):
        return value, value
    if len(value) != 2:
        raise ValueError(f"expected one number or a (vertical, horizontal) pair, got {value!r}")
    return value[0], value[1]


def whole_number(name: str, value: int, least: int) -> int:
    """``value`` as Python's int, also where it is NumPy's, whose sums may overflow.

    Raises TypeError when it is something else, ValueError when it is below ``least``; both call it ``name``.
    """
    try:
        whole = index(value)
    except TypeError:
        whole = None
    if whole is None or isinstance(value, bool):
        raise TypeError(f"{name} must be a whole number, got {value!r}")
    if whole < least:
        raise ValueError(f"{name} must be >= {least}, got {whole}")
    return whole


def _whole_geometry(
    size: int, kernel_size: int, stride: int, padding: int, dilation: int
) -> tuple[int, int, int, int, int]:
    return (
        whole_number("size", size, 1),
        whole_number("kernel_size", kernel_size, 1),
        whole_number("stride", stride, 1),
        whole_number("padding", padding, 0),
        whole_number("dilation", dilation, 1),
    )


def _whole_output_padding(output_padding: int, stride: int, dilation: int) -> int:
    output_padding = whole_number("output_padding", output_padding, 0)
    if output_padding >= max(stride, dilation):
        raise ValueError(
            f"output_padding must be smaller than stride or dilation ({max(stride, dilation)}), got {output_padding}"
        )
    return output_padding


def _check_shapes(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None) -> None:
    if x.ndim != 4 or weight.ndim != 4:
        raise ValueError(
            f"x must be (N, C_in, H, W) and weight (C_in, C_out, kh, kw), got {tuple(x.shape)} and "
            f"{tuple(weight.shape)}"
        )
    if x.shape[1] != weight.shape[0]:
        raise ValueError(
            f"x has {x.shape[1]} channels but weight takes {weight.shape[0]}: weight must be (C_in, C_out, kh, kw)"
        )
    if bias is not None and bias.shape != weight.shape[1:2]:
        raise ValueError(f"bias must have shape ({weight.shape[1]},), got {tuple(bias.shape)}")
