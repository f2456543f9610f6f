"""How good is a segmentation: the confusion matrix, and the scores that are read off it.

Long, Shelhamer and Darrell (CVPR 2015), section 5, "Metrics". For contours: Kohli, Ladicky and Torr, *Robust Higher
Order Potentials* (IJCV 2009), and Cheng et al., *Boundary IoU* (CVPR 2021), section 4.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F

from fcn_course.transposed_conv import whole_number


class ConfusionMatrix:
    """Counts how often pixels of each class were given each class.

    ``counts[i, j]`` is the number of pixels of class i that were predicted as class j, int64. Pixels whose target is
    ``ignore_index`` are not counted. Scores are floats in [0, 1], nan where nothing was counted; ``class_accuracy`` and
    ``iou`` are (num_classes,) float64, nan for a class that no pixel has (for ``iou``: in target or prediction).
    """

    def __init__(self, num_classes: int, ignore_index: int = 255) -> None:
        self.num_classes = num_classes = whole_number("num_classes", num_classes, 1)
        self.ignore_index = ignore_index
        self.counts = torch.zeros(num_classes, num_classes, dtype=torch.int64)

    def update(self, pred: torch.Tensor, target: torch.Tensor) -> None:
        """Count the pixels of ``pred`` and ``target``, class indices of one shape, as (N, H, W) or (H, W).

        Raises ValueError when the shapes differ or an index is out of range.
        """
        if pred.shape != target.shape:
            raise ValueError(
                f"pred and target must have one shape, got {tuple(pred.shape)} and {tuple(target.shape)}: "
                "take the argmax of logits over the class dimension first"
            )
        for name, labels in (("pred", pred), ("target", target)):
            if labels.is_floating_point() or labels.is_complex() or labels.dtype == torch.bool:
                raise TypeError(f"{name} must hold class indices, whole numbers, got {labels.dtype}")
        counted = target != self.ignore_index
        size = self.num_classes
        for name, labels in (("target", target), ("pred", pred)):
            wrong = counted & ((labels < 0) | (labels >= size))
            if wrong.any():
                raise ValueError(f"{name} has the class {labels[wrong][0]}, but classes go from 0 to {size - 1}")
        # One number for each pair of classes, and one more for the pixels that are not counted.
        pairs = torch.where(counted, target.long() * size + pred, size**2)
        histogram = torch.bincount(pairs.flatten(), minlength=size**2 + 1)[:-1].reshape(size, size)
        self.counts = self.counts.to(histogram.device) + histogram

    def merge(self, other: "ConfusionMatrix") -> None:
        """Add the counts of another matrix, say of another part of the data."""
        if other.num_classes != self.num_classes:
            raise ValueError(f"cannot merge {other.num_classes} classes into {self.num_classes}")
        self.counts = self.counts + other.counts.to(self.counts.device)

    @property
    def pixel_accuracy(self) -> float:
        """Share of the pixels that got the right class."""
        return (self._hits.sum() / self.counts.sum()).item()

    @property
    def class_accuracy(self) -> torch.Tensor:
        """For each class the share of its pixels that got it."""
        return self._hits / self.counts.sum(dim=1)

    @property
    def mean_class_accuracy(self) -> float:
        """Mean of ``class_accuracy`` over the classes that occur."""
        return self.class_accuracy.nanmean().item()

    @property
    def iou(self) -> torch.Tensor:
        """For each class: pixels in both target and prediction, as a share of the pixels in either."""
        either = self.counts.sum(dim=0) + self.counts.sum(dim=1) - self.counts.diagonal()
        return self._hits / either

    @property
    def mean_iou(self) -> float:
        """Mean of ``iou`` over the classes that occur in target or prediction."""
        return self.iou.nanmean().item()

    @property
    def frequency_weighted_iou(self) -> float:
        """Mean of ``iou``, each class weighted by its share of the target's pixels."""
        frequency = self.counts.sum(dim=1) / self.counts.sum()
        return (frequency * self.iou.nan_to_num()).sum().item()

    @property
    def _hits(self) -> torch.Tensor:
        return self.counts.diagonal().double()


def iou_interval(
    matrices: Sequence[ConfusionMatrix], share: float = 0.95, resamples: int = 2000, seed: int = 0
) -> tuple[torch.Tensor, torch.Tensor]:
    """Where the IoU of each class would lie in ``share`` of the cases, had other images of the kind been drawn.

    ``matrices`` has one for each image. The bootstrap draws as many images from them, with replacement, ``resamples``
    times, and takes percentiles (Efron and Tibshirani, *An Introduction to the Bootstrap*, 1993, chapter 13). Gives the
    lower and the upper bound, (num_classes,) float64 each, nan for a class that no image has. Raises ValueError when
    there are no matrices or ``share`` is not between 0 and 1.
    """
    drawn = _times_drawn(len(matrices), resamples, seed)
    return _percentiles(_iou_of_resamples(matrices, drawn), share)


def iou_gain_interval(
    before: Sequence[ConfusionMatrix],
    after: Sequence[ConfusionMatrix],
    share: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Where the gain in IoU of each class, from one model to another, would lie on other images of the kind.

    As :func:`iou_interval`, but ``before`` and ``after`` have a matrix each for the same images in the same order, and
    both are scored on the same draws, so that an image that is hard for both widens nothing (the paired bootstrap).
    Bounds are in [-1, 1]. Raises ValueError also when there are not as many matrices of each.
    """
    if len(before) != len(after):
        raise ValueError(f"both models must be scored on the same images, got {len(before)} and {len(after)} matrices")
    drawn = _times_drawn(len(before), resamples, seed)
    return _percentiles(_iou_of_resamples(after, drawn) - _iou_of_resamples(before, drawn), share)


def _times_drawn(images: int, resamples: int, seed: int) -> torch.Tensor:
    """How often each of ``images`` is in each resample: (resamples, images) float64."""
    if images == 0:
        raise ValueError("an interval needs the confusion matrix of at least one image, got none")
    drawn = torch.randint(images, (resamples, images), generator=torch.Generator().manual_seed(seed))
    return torch.zeros(resamples, images, dtype=torch.float64).scatter_add_(
        1, drawn, torch.ones(drawn.shape, dtype=torch.float64)
    )


def _iou_of_resamples(matrices: Sequence[ConfusionMatrix], times_drawn: torch.Tensor) -> torch.Tensor:
    """IoU of each class in each resample: (resamples, num_classes) float64."""
    counts = torch.stack([matrix.counts for matrix in matrices]).double().cpu()
    totals = torch.einsum("ri,ijk->rjk", times_drawn, counts)
    hits = totals.diagonal(dim1=1, dim2=2)
    return hits / (totals.sum(dim=1) + totals.sum(dim=2) - hits)


def _percentiles(values: torch.Tensor, share: float) -> tuple[torch.Tensor, torch.Tensor]:
    """The bounds of the middle ``share`` of each column, nan left out."""
    if not 0 < share < 1:
        raise ValueError(f"share must lie between 0 and 1, got {share}")
    tail = (1 - share) / 2
    lower, upper = values.nanquantile(torch.tensor([tail, 1 - tail], dtype=torch.float64), dim=0)
    return lower, upper


def distance_to_contour(labels: torch.Tensor, furthest: int) -> torch.Tensor:
    """Steps from each pixel of (H, W) to the nearest contour, diagonal steps too: (H, W) float32, at most ``furthest``.

    It is 0 where the pixel above, below, left or right has another label. Void is a label as well, so in VOC's masks
    the void band around an object has a contour on each side. The frame of the image is none.
    Raises ValueError when ``furthest`` is below 1.
    """
    furthest = whole_number("furthest", furthest, 1)
    if labels.ndim != 2:
        raise ValueError(f"labels must be (H, W), got {tuple(labels.shape)}")
    reached = torch.zeros(labels.shape)
    changes_down, changes_across = labels[1:] != labels[:-1], labels[:, 1:] != labels[:, :-1]
    for changes, one_side, other_side in (
        (changes_down, reached[1:], reached[:-1]),
        (changes_across, reached[:, 1:], reached[:, :-1]),
    ):
        one_side += changes
        other_side += changes
    distance = torch.zeros(labels.shape)
    for _ in range(furthest):
        distance += reached == 0  # not reached yet: one step further
        reached = F.max_pool2d(reached[None], kernel_size=3, stride=1, padding=1)[0]
    return distance


def trimap(target: torch.Tensor, width: int, ignore_index: int = 255) -> torch.Tensor:
    """``target`` (H, W) with ``ignore_index`` beyond the ``width`` pixels on each side of its contours.

    A confusion matrix of it scores what happens along contours alone (Kohli, Ladicky and Torr, *Robust Higher Order
    Potentials for Enforcing Label Consistency*, IJCV 2009).
    """
    return target.where(distance_to_contour(target, width) < width, ignore_index)


def _grown_into_void(target: torch.Tensor, void: int, steps: int) -> torch.Tensor:
    """``target`` (H, W), in which labels have grown by ``steps`` pixels into ``void``, or until they met another."""
    for _ in range(steps):
        is_void = target == void
        largest_near = F.max_pool2d(target.float().where(~is_void, -1)[None], kernel_size=3, stride=1, padding=1)[0]
        target = target.where(~is_void | (largest_near < 0), largest_near.to(target.dtype))
    return target


class BoundaryIoU:
    """IoU of the classes' rims alone: of each class the pixels that lie within ``width`` pixels of its contour.

    Where the outline is ``width`` pixels off it is 0, however large the object (Cheng et al., *Boundary IoU*, CVPR
    2021, section 4; here over a whole data set, and the frame of the image is no contour).
    VOC hides its outlines under a band of void, which no prediction has. The outline is taken to run along the middle
    of the band; the band's pixels are not counted.
    """

    def __init__(self, num_classes: int, width: int, ignore_index: int = 255) -> None:
        self.num_classes, self.width, self.ignore_index = num_classes, width, ignore_index
        # What is in no rim counts as one class more.
        self._rims = ConfusionMatrix(num_classes + 1, ignore_index)

    def update(self, pred: torch.Tensor, target: torch.Tensor) -> None:
        """Count the rims of ``pred`` and ``target``, class indices (H, W)."""
        # Void further than the width from all labels makes no difference to their rims.
        outlined = _grown_into_void(target, self.ignore_index, steps=self.width)
        rims = [labels.where(distance_to_contour(labels, self.width) < self.width, self.num_classes)
                for labels in (pred, outlined)]  # fmt: skip
        self._rims.update(rims[0], rims[1].where(target != self.ignore_index, self.ignore_index))

    @property
    def iou(self) -> torch.Tensor:
        """For each class: pixels in both rims, as a share of the pixels in either; nan where there are none."""
        return self._rims.iou[: self.num_classes]

    @property
    def mean_iou(self) -> float:
        """Mean of ``iou`` over the classes that have a rim in target or prediction."""
        return self.iou.nanmean().item()
