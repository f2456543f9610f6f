"""The mistake bank of notebook 01: answers that students give, right and wrong, and what the checks say to each."""

import math

import torch

from fcn_course.checks import transposed_conv as check
from tests.checks.bank import assert_right, assert_wrong


def test_size_after_conv() -> None:
    def by_counting(size, kernel_size, stride=1, padding=0, dilation=1):
        starts = range(-padding, size + padding, stride)
        return sum(start + dilation * (kernel_size - 1) < size + padding for start in starts)

    def by_torch(size, kernel_size, stride=1, padding=0, dilation=1):
        layer = torch.nn.Conv1d(1, 1, kernel_size, stride, padding, dilation, device="meta")
        return layer(torch.empty(1, 1, size, device="meta")).shape[-1]

    assert_right(check.size_after_conv, [by_counting, by_torch])

    def padded_once(size, kernel_size, stride=1, padding=0, dilation=1):
        return math.floor((size + padding - dilation * (kernel_size - 1) - 1) / stride) + 1

    def no_first_window(size, kernel_size, stride=1, padding=0, dilation=1):
        return (size + 2 * padding - (dilation * (kernel_size - 1) + 1)) // stride

    def wide_kernel(size, kernel_size, stride=1, padding=0, dilation=1):
        return 1 + (size + 2 * padding - kernel_size * dilation) // stride

    def not_dilated(size, kernel_size, stride=1, padding=0, dilation=1):
        return (size + 2 * padding - kernel_size + stride) // stride

    def rounded_up(size, kernel_size, stride=1, padding=0, dilation=1):
        return math.ceil((size + 2 * padding - dilation * (kernel_size - 1) - 1) / stride) + 1

    def not_whole(size, kernel_size, stride=1, padding=0, dilation=1):
        return (size + 2 * padding - dilation * (kernel_size - 1) - 1) / stride + 1

    assert_wrong(
        check.size_after_conv,
        {
            "counts twice": padded_once,
            "first window counts": no_first_window,
            "spans dilation": wide_kernel,
            "left out": not_dilated,
            "not up": rounded_up,
            "instead of /": not_whole,
        },
    )
