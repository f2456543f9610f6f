"""How good is a segmentation: the confusion matrix, and the scores that are read off it.

Long, Shelhamer and Darrell (CVPR 2015), section 5, "Metrics". For contours: Kohli, Ladicky and Torr, *Robust Higher
Order Potentials* (IJCV 2009), section 5.3, and Cheng et al., *Boundary IoU* (CVPR 2021), section 4.
"""

import torch
import torch.nn.functional as F


class ConfusionMatrix:
    """Counts how often pixels of each class were given each class.

    ``counts[i, j]`` is the number of pixels of class i that were predicted as class j, int64. Pixels whose target is
    ``ignore_index`` are not counted. Scores are floats in [0, 1], nan where nothing was counted; ``class_accuracy`` and
    ``iou`` are (num_classes,) float64, nan for a class that no pixel has (for ``iou``: in target or prediction).
    """

    def __init__(self, num_classes: int, ignore_index: int = 255) -> None:
        if num_classes < 1:
            raise ValueError(f"num_classes must be >= 1, got {num_classes}")
        self.num_classes = num_classes
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
    def _hits(self) -> torch.Tensor:
        return self.counts.diagonal().double()


def near_contour(labels: torch.Tensor, width: int) -> torch.Tensor:
    """Where another label lies at most ``width`` pixels away, diagonals counted as one: (H, W) or (N, H, W), bool.

    Void is a label as well, so in VOC's masks the ``width`` pixels on each side of the void band are near. The frame of
    the image is no contour. Raises ValueError for a ``width`` below 1.
    """
    if width < 1:
        raise ValueError(f"width must be >= 1, got {width}")
    maps = labels.reshape(-1, 1, *labels.shape[-2:]).float()
    # Columns first, then rows: 2 * (2 * width + 1) comparisons a pixel in the place of their square.
    highest, lowest = (
        F.max_pool2d(F.max_pool2d(side, (1, 2 * width + 1), 1, (0, width)), (2 * width + 1, 1), 1, (width, 0))
        for side in (maps, -maps)
    )
    return (highest != -lowest).reshape(labels.shape)


def trimap(target: torch.Tensor, width: int, ignore_index: int = 255) -> torch.Tensor:
    """``target`` with ``ignore_index`` wherever no contour is near: a mask that scores contours alone."""
    return target.where(near_contour(target, width), ignore_index)


class BoundaryIoU(ConfusionMatrix):
    """IoU of the inner rims of the classes: the pixels of a class that lie at most ``width`` from another label.

    A network that finds an object and draws its outline ``width`` pixels off scores 0 here, however large the object.
    """

    def __init__(self, num_classes: int, width: int, ignore_index: int = 255) -> None:
        super().__init__(num_classes, ignore_index)
        self.width = width
        # What is in no rim is one class more; it has no score.
        self.counts = torch.zeros(num_classes + 1, num_classes + 1, dtype=torch.int64)
