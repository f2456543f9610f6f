"""The mistake bank of notebook 00: answers that students give, right and wrong, and what the check says to each."""

import torch

from fcn_course.checks import start_here as check
from tests.checks.bank import assert_right, assert_wrong

VOID = 255


def test_class_share() -> None:
    def by_loops(mask, label):
        inside = labelled = 0
        for row in mask.tolist():
            for pixel in row:
                if pixel != VOID:
                    labelled += 1
                    inside += pixel == label
        return inside / labelled

    def as_tensor(mask, label):
        return torch.sum(mask == label) / (mask < VOID).sum()

    def by_numpy(mask, label):
        labels = mask.numpy()
        return (labels[labels != VOID] == label).mean()

    assert_right(check.class_share, [by_loops, as_tensor, by_numpy])

    def of_all_pixels(mask, label):
        return torch.sum(mask == label).item() / mask.numel()

    def of_objects(mask, label):
        objects = mask[(mask > 0) & (mask < VOID)]
        return (mask == label).sum().item() / len(objects)

    def void_as_background(mask, label):
        mask = mask.clone()
        mask[mask == VOID] = 0
        return torch.sum(mask == label).item() / mask.numel()

    def counted(mask, label):
        return len(mask[mask == label])

    def percent(mask, label):
        return (mask == label).sum().item() / (mask != VOID).sum().item() * 100

    def rounded(mask, label):
        return (mask == label).sum().item() // (mask != VOID).sum().item()

    assert_wrong(
        check.class_share,
        {
            "All pixels stand below": of_all_pixels,
            "left out below": of_objects,
            "Void has become": void_as_background,
            "is a count": counted,
            "percent": percent,
            "rounds down": rounded,
        },
    )


def test_class_share_that_erases_void_in_place() -> None:
    def erased(mask, label):
        mask[mask == VOID] = -1
        return ((mask == label).sum() / (mask >= 0).sum()).item()

    given = check.class_share(erased)
    assert 0 < given < 1
    assert "changes mask" in given.text
