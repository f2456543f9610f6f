"""Checks of notebook 01, Transposed convolution."""

from collections.abc import Callable

import torch
import torch.nn.functional as F

from fcn_course.checks.compare import Mistake, compare
from fcn_course.checks.exercise import check
from fcn_course.checks.report import Part
from fcn_course.plots import wanted_and_yours
from fcn_course.transposed_conv import (
    conv_output_size,
)

Function = Callable[..., object]


@check("1.1", "size after a convolution", points=2)
def size_after_conv(answer: Function) -> list[Part]:
    """Exercise 1.1: the size formula of a convolution."""
    return compare(
        answer,
        conv_output_size,
        {
            "kernel alone": [(5, 3), (7, 1), (10, 10)],
            "with stride": [(7, 3, 2), (8, 3, 2), (320, 2, 2), (31, 5, 4)],
            "with padding": [(5, 3, 1, 1), (320, 7, 2, 3), (6, 4, 2, 1)],
            "with dilation": [(10, 3, 1, 0, 2), (17, 5, 2, 2, 3), (9, 1, 2, 0, 4)],
        },
        [
            Mistake("Padding is added at both ends, so it counts twice: size + 2 * padding.",
                    lambda n, k, s=1, p=0, d=1: (n + p - d * (k - 1) - 1) // s + 1),
            Mistake("The first window counts, too. Without the + 1 at the end one position is missing.",
                    lambda n, k, s=1, p=0, d=1: (n + 2 * p - d * (k - 1) - 1) // s),
            Mistake("A dilated kernel spans dilation * (kernel_size - 1) + 1 cells, not dilation * kernel_size.",
                    lambda n, k, s=1, p=0, d=1: (n + 2 * p - d * k) // s + 1),
            Mistake("Dilation has been left out: it widens the kernel to dilation * (kernel_size - 1) + 1 cells.",
                    lambda n, k, s=1, p=0, d=1: (n + 2 * p - k) // s + 1),
            Mistake("A window fits only as a whole, so round down with // and not up or to the nearest.",
                    lambda n, k, s=1, p=0, d=1: -(-(n + 2 * p - d * (k - 1) - 1) // s) + 1),
            Mistake("Sizes are whole numbers: divide with //, which rounds down, instead of /.",
                    lambda n, k, s=1, p=0, d=1: (n + 2 * p - d * (k - 1) - 1) / s + 1),
        ],
    )  # fmt: skip


@check("1.2", "from scratch, with a stride", points=3)
def broadcast_add(answer: Function) -> list[Part]:
    """Exercise 1.2: a transposed convolution as broadcast-and-add."""
    numbers = torch.Generator().manual_seed(0)

    def pair(h: int, w: int, kh: int, kw: int, *stride: int) -> tuple[object, ...]:
        return (
            torch.randint(1, 10, (h, w), generator=numbers).float(),
            torch.randint(1, 10, (kh, kw), generator=numbers).float(),
            *stride,
        )

    return compare(
        answer,
        lambda x, kernel, stride=1: F.conv_transpose2d(x[None, None], kernel[None, None], stride=stride)[0, 0],
        {
            "one cell becomes one patch": [pair(1, 1, 2, 2), pair(1, 1, 1, 3, 2)],
            "stride 1, patches overlap": [pair(2, 2, 2, 2), pair(2, 3, 3, 2)],
            "stride 2": [pair(2, 2, 2, 2, 2), pair(2, 2, 3, 3, 2), pair(3, 2, 4, 1, 2)],
            "any stride, oblong maps and kernels": [pair(2, 3, 1, 2, 3), pair(4, 2, 2, 5, 4)],
        },
        [],
        draw=wanted_and_yours,
    )
