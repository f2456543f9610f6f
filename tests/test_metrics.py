"""metrics against torchmetrics."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torchmetrics.classification import MulticlassAccuracy, MulticlassConfusionMatrix, MulticlassJaccardIndex

from fcn_course.metrics import ConfusionMatrix


def random_masks(seed: int, classes: int, used: int, void_share: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Predictions and targets with only the first ``used`` classes in the targets, and some void."""
    random = torch.Generator().manual_seed(seed)
    pred = torch.randint(0, classes, (2, 7, 5), generator=random)
    target = torch.randint(0, used, (2, 7, 5), generator=random)
    target[torch.rand(target.shape, generator=random) < void_share] = 255
    target[0, 0, 0] = 0  # at least one pixel counts
    return pred, target


@given(st.integers(0, 2**31), st.integers(2, 21), st.integers(1, 21), st.floats(0, 0.9))
def test_scores_equal_torchmetrics(seed, classes, used, void_share):
    pred, target = random_masks(seed, classes, min(used, classes), void_share)
    scores = ConfusionMatrix(classes)
    scores.update(pred, target)

    options = {"num_classes": classes, "ignore_index": 255}
    assert torch.equal(scores.counts, MulticlassConfusionMatrix(**options)(pred, target))
    expected = MulticlassJaccardIndex(**options, average=None)(pred, target)
    torch.testing.assert_close(scores.iou.nan_to_num(0).float(), expected)
    assert scores.mean_iou == pytest.approx(MulticlassJaccardIndex(**options)(pred, target).item(), abs=1e-6)
    accuracy = MulticlassAccuracy(**options, average="micro")(pred, target).item()
    assert scores.pixel_accuracy == pytest.approx(accuracy, abs=1e-6)
    recall = MulticlassAccuracy(**options, average=None)(pred, target)
    torch.testing.assert_close(scores.class_accuracy.nan_to_num(0).float(), recall)


@given(st.integers(0, 2**31))
def test_halves_merge_to_the_whole(seed):
    pred, target = random_masks(seed, 5, 5, 0.2)
    whole, first, second = (ConfusionMatrix(5) for _ in range(3))
    whole.update(pred, target)
    first.update(pred[:1], target[:1])
    second.update(pred[1:], target[1:])
    first.merge(second)
    assert torch.equal(first.counts, whole.counts)


def test_an_absent_class_is_nan_and_left_out_of_the_mean():
    scores = ConfusionMatrix(3)
    scores.update(torch.tensor([[0, 1]]), torch.tensor([[0, 0]]))
    assert scores.iou[0] == 0.5
    assert scores.iou[1] == 0
    assert scores.iou[2].isnan()
    assert scores.mean_iou == 0.25
    assert scores.mean_class_accuracy == 0.5


def test_empty_batches_and_all_void_count_nothing():
    scores = ConfusionMatrix(3)
    scores.update(torch.empty(0, 4, 4, dtype=torch.int64), torch.empty(0, 4, 4, dtype=torch.int64))
    scores.update(torch.zeros(1, 2, 2, dtype=torch.int64), torch.full((1, 2, 2), 255))
    assert scores.counts.sum() == 0
    assert math.isnan(scores.pixel_accuracy)
    assert math.isnan(scores.mean_iou)


def test_uint8_masks_count_like_int64_ones():
    pred, target = random_masks(0, 21, 21, 0.3)
    wide, narrow = ConfusionMatrix(21), ConfusionMatrix(21)
    wide.update(pred, target)
    narrow.update(pred.byte(), target.byte())
    assert torch.equal(wide.counts, narrow.counts)


def test_bad_input_is_named():
    scores = ConfusionMatrix(3)
    with pytest.raises(ValueError, match=r"got \(1, 3, 2, 2\) and \(1, 2, 2\): take the argmax"):
        scores.update(torch.zeros(1, 3, 2, 2), torch.zeros(1, 2, 2))
    with pytest.raises(ValueError, match="target has the class 77"):
        scores.update(torch.tensor([0]), torch.tensor([77]))
    with pytest.raises(ValueError, match="pred has the class 3"):
        scores.update(torch.tensor([3]), torch.tensor([0]))
    with pytest.raises(ValueError, match="cannot merge 2 classes into 3"):
        scores.merge(ConfusionMatrix(2))
    with pytest.raises(ValueError, match="num_classes must be >= 1, got 0"):
        ConfusionMatrix(0)
