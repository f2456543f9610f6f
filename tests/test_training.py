"""training: d2l's own steps, a run that is broken off, evaluation, and what it refuses."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import Subset, TensorDataset
from torchmetrics.classification import MulticlassJaccardIndex

from fcn_course import training
from fcn_course.download import data_folder
from fcn_course.model import FCN, load_model
from fcn_course.training import (
    COURSE_RECIPE,
    D2L_RECIPE,
    evaluate,
    pixel_loss,
    train,
    training_set,
)
from fcn_course.voc import VOID, VOCSegmentation, eval_transform

MINI = data_folder() / "minivoc"
SMALL = {"crop_size": (64, 64), "batch_size": 4, "epochs": 2}


def few_crops(recipe, count=12):
    return Subset(training_set(MINI, "train", recipe), range(count))


def new_model(recipe, seed=0):
    torch.manual_seed(seed)
    return FCN(upsampling=recipe.upsampling)


def test_the_chapters_loss_is_the_sum_of_the_images_means():
    torch.manual_seed(0)
    logits, masks = torch.randn(3, 21, 8, 9), torch.randint(0, 21, (3, 8, 9))
    chapter = F.cross_entropy(logits, masks, reduction="none").mean(1).mean(1).sum()
    torch.testing.assert_close(pixel_loss(logits, masks, D2L_RECIPE), chapter)


def test_the_courses_loss_leaves_void_out():
    torch.manual_seed(0)
    logits, masks = torch.randn(3, 21, 8, 9), torch.randint(0, 21, (3, 8, 9))
    masks[:, :4] = VOID
    labelled = F.cross_entropy(logits[:, :, 4:], masks[:, 4:])
    torch.testing.assert_close(pixel_loss(logits, masks, COURSE_RECIPE), labelled)


class Recorded(TensorDataset):
    """Remembers the order in which its items were asked for."""

    def __init__(self, *tensors):
        super().__init__(*tensors)
        self.order = []

    def __getitem__(self, index):
        self.order.append(index)
        return super().__getitem__(index)


def test_the_chapters_recipe_takes_d2ls_steps():
    """On the same batches losses and weights are, step for step, those of d2l's train_batch_ch13."""
    d2l = pytest.importorskip("d2l.torch", reason="d2l is not installed")
    recipe = replace(D2L_RECIPE, crop_size=(64, 64), batch_size=4, epochs=3)
    torch.manual_seed(0)
    images, masks = torch.randn(8, 3, 64, 64), torch.randint(0, 21, (8, 64, 64))
    ours, theirs = new_model(recipe), new_model(recipe)

    dataset = Recorded(images, masks)
    history = train(ours, dataset, recipe)

    trainer = torch.optim.SGD(theirs.parameters(), lr=1e-3, weight_decay=1e-3)
    losses = []
    for batch in torch.tensor(dataset.order).split(4):
        loss_sum, _ = d2l.train_batch_ch13(
            theirs,
            images[batch],
            masks[batch],
            lambda inputs, targets: F.cross_entropy(inputs, targets, reduction="none").mean(1).mean(1),
            trainer,
            [torch.device("cpu")],
        )
        losses.append(loss_sum.item())
    for epoch, of_epoch in zip(history, zip(losses[::2], losses[1::2], strict=True), strict=True):
        assert epoch.loss == pytest.approx(sum(of_epoch) / 8, rel=1e-6)
    for name, value in ours.state_dict().items():
        torch.testing.assert_close(value, theirs.state_dict()[name], rtol=1e-6, atol=1e-7, msg=name)


def assert_the_chapters_pairs(root, split, crop_size):
    """The same images, in order, and from the same random numbers the same crops and labels."""
    d2l = pytest.importorskip("d2l.torch", reason="d2l is not installed")
    ours = training_set(root, split, replace(D2L_RECIPE, crop_size=crop_size))
    theirs = d2l.VOCSegDataset(split == "train", crop_size, str(root / "VOCdevkit" / "VOC2012"))
    assert len(ours) == len(theirs) > 0
    for index in range(len(ours)):
        torch.manual_seed(index)
        image, mask = ours[index]
        torch.manual_seed(index)
        their_image, their_mask = theirs[index]
        assert torch.equal(mask, their_mask)
        torch.testing.assert_close(image, their_image, rtol=0, atol=1e-6)


OLD_DECODER = pytest.mark.filterwarnings("ignore:The image decoding and encoding:DeprecationWarning")


@OLD_DECODER
def test_the_chapters_crops_on_mini(capsys):
    assert_the_chapters_pairs(MINI, "val", (112, 160))


@OLD_DECODER
@pytest.mark.voc2012
def test_the_chapters_crops_on_real_images(voc2012, capsys):
    assert_the_chapters_pairs(voc2012, "val", (320, 480))


def test_the_chapters_data_drops_small_images_and_learns_background_on_void():
    recipe = replace(D2L_RECIPE, crop_size=(120, 160), batch_size=4)
    dataset = training_set(MINI, "train", recipe)
    large = [size for size in VOCSegmentation(MINI, "train").sizes if size[0] >= 120 and size[1] >= 160]
    assert 0 < len(dataset) == len(large) < len(training_set(MINI, "train", COURSE_RECIPE))
    image, mask = dataset[0]
    assert image.shape == (3, 120, 160)
    assert not (mask == VOID).any()
    with pytest.raises(ValueError, match="no image of split train is at least 9000x9000"):
        training_set(MINI, "train", replace(recipe, crop_size=(9000, 9000)))


@pytest.mark.parametrize("recipe", [COURSE_RECIPE, D2L_RECIPE], ids=["course", "d2l"])
def test_a_run_that_was_broken_off_ends_as_if_it_had_not_been(tmp_path, recipe):
    recipe = replace(recipe, **SMALL)
    whole, broken = new_model(recipe), new_model(recipe)
    expected = train(whole, few_crops(recipe), recipe)

    def stop(_):
        raise KeyboardInterrupt

    file = tmp_path / "runs" / "model.pt"
    with pytest.raises(KeyboardInterrupt):
        train(broken, few_crops(recipe), recipe, checkpoint=file, on_epoch=stop)
    resumed = new_model(recipe, seed=9)
    history = train(resumed, few_crops(recipe), recipe, checkpoint=file)

    assert [epoch.loss for epoch in history] == [epoch.loss for epoch in expected]
    for name, value in whole.state_dict().items():
        assert torch.equal(value, resumed.state_dict()[name]), name
    assert [path.name for path in file.parent.iterdir()] == ["model.pt"]

    again = new_model(recipe, seed=9)
    assert len(train(again, few_crops(recipe), recipe, checkpoint=file)) == recipe.epochs
    reloaded = load_model(file)
    assert all(torch.equal(value, reloaded.state_dict()[name]) for name, value in again.state_dict().items())


def test_a_checkpoint_of_another_recipe_or_model_is_refused(tmp_path):
    recipe = replace(COURSE_RECIPE, **{**SMALL, "epochs": 1})
    file = tmp_path / "model.pt"
    train(new_model(recipe), few_crops(recipe, 4), recipe, checkpoint=file)
    other = replace(recipe, learning_rate=7.0)
    with pytest.raises(ValueError, match=r"of another recipe: its learning_rate is .*, not 7\.0; delete the file"):
        train(new_model(other), few_crops(other, 4), other, checkpoint=file)
    with pytest.raises(ValueError, match=r"of another model: its output_stride is 32, not 8"):
        train(FCN(output_stride=8), few_crops(recipe, 4), recipe, checkpoint=file)
    torch.save({"model": {}}, file)
    with pytest.raises(ValueError, match="is no checkpoint of a training run: it lacks config, history"):
        train(new_model(recipe), few_crops(recipe, 4), recipe, checkpoint=file)


def test_a_failed_save_leaves_the_last_good_checkpoint(tmp_path, monkeypatch):
    recipe = replace(COURSE_RECIPE, **{**SMALL, "epochs": 1})
    file = tmp_path / "model.pt"
    train(new_model(recipe), few_crops(recipe, 4), recipe, checkpoint=file)
    before = file.read_bytes()

    def full_disk(state, out):
        out.write(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("torch.save", full_disk)
    longer = replace(recipe, epochs=1, learning_rate=recipe.learning_rate)
    file.rename(tmp_path / "kept.pt")
    with pytest.raises(OSError, match="No space left"):
        train(new_model(longer), few_crops(longer, 4), longer, checkpoint=file)
    assert not file.exists()
    assert (tmp_path / "kept.pt").read_bytes() == before


def test_training_learns_and_scores_while_it_goes():
    recipe = replace(COURSE_RECIPE, crop_size=(64, 64), batch_size=4, epochs=4, augment=False)
    seen = []
    history = train(
        new_model(recipe),
        few_crops(recipe, 8),
        recipe,
        val_data=Subset(VOCSegmentation(MINI, "val", eval_transform()), range(2)),
        validate_every=3,
        on_epoch=seen.append,
    )
    assert seen == history
    assert history[-1].loss < history[0].loss
    assert [math.isnan(epoch.mean_iou) for epoch in history] == [True, True, False, False]
    assert all(epoch.images_per_second > 0 for epoch in history)


class FromColours(nn.Module):
    """Scores every pixel by its colour, in float32 even where networks compute in bfloat16."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(21, 3))

    def forward(self, images):
        return (images[:, None] * self.weight[None, :, :, None, None]).sum(dim=2)


def test_evaluation_counts_every_image_whole_and_once():
    torch.manual_seed(0)
    model = FromColours().train()
    dataset = Subset(VOCSegmentation(MINI, "val", eval_transform()), range(5))
    scores = evaluate(model, dataset)
    assert model.training
    assert scores.counts.sum() == sum((mask != VOID).sum() for _, mask in dataset)

    expected = MulticlassJaccardIndex(21, ignore_index=VOID)
    with torch.inference_mode():
        for image, mask in dataset:
            expected.update(model.eval()(image[None]).argmax(dim=1), mask[None])
    assert scores.mean_iou == pytest.approx(expected.compute().item(), abs=1e-6)
    assert torch.equal(evaluate(model, dataset).counts, scores.counts)


def test_evaluation_in_low_precision_scores_as_in_full(monkeypatch):
    torch.manual_seed(0)
    model = FCN()
    nn.init.normal_(model.score32.weight)
    dataset = Subset(VOCSegmentation(MINI, "val", eval_transform()), range(5))
    as_it_comes = evaluate(model, dataset)
    monkeypatch.setattr(training, "_computes_bfloat16", lambda device: False)
    assert evaluate(model, dataset).pixel_accuracy == pytest.approx(as_it_comes.pixel_accuracy, abs=0.01)


def test_bad_input_is_named():
    recipe = replace(COURSE_RECIPE, **SMALL)
    with pytest.raises(ValueError, match="3 images are fewer than one batch of 4: choose a smaller batch_size"):
        train(new_model(recipe), few_crops(recipe, 3), recipe)
    wild = replace(recipe, learning_rate=1e30)
    with pytest.raises(ValueError, match=r"the loss became (nan|inf) in epoch \d: try a smaller learning_rate"):
        train(new_model(wild), few_crops(wild), wild)


def test_both_recipes_are_those_of_the_text():
    """On the mean over images, the chapter's learning rate is 0.032 and its weight decay 3.125e-5."""
    assert D2L_RECIPE.sum_over_images
    assert np.isclose(D2L_RECIPE.learning_rate * D2L_RECIPE.batch_size, 0.032)
    assert np.isclose(D2L_RECIPE.weight_decay / D2L_RECIPE.batch_size, 3.125e-5)


def test_crops_without_augmentation_pad_what_is_smaller():
    recipe = replace(COURSE_RECIPE, crop_size=(200, 200), augment=False)
    image, mask = training_set(MINI, "train", recipe)[0]
    assert image.shape == (3, 200, 200)
    assert mask.shape == (200, 200)
    assert (mask == VOID).any()
