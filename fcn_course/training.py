"""Training a network, and scoring it.

Placement, precision and several devices come from Hugging Face Accelerate: the same loop runs on a CPU, an NVIDIA GPU,
an Apple GPU, or, started by ``accelerate launch -m fcn_course train``, on several of them.
"""

import io
import math
import os
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import torch
import torch.nn.functional as F
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from accelerate.utils import DataLoaderConfiguration, reduce, set_seed
from torch import nn
from torch.utils.data import DataLoader, Dataset, Subset, default_collate
from torchvision.transforms import v2
from tqdm.auto import tqdm

from fcn_course.metrics import ConfusionMatrix
from fcn_course.model import FCN, Upsampling, check_fits, read_state
from fcn_course.prediction import evaluation_mode, most_likely
from fcn_course.processes import (
    SharedOrder,
    as_part_of_the_batch,
    check_same_start,
    draw_own_crops,
    share_statistics,
    this_process,
)
from fcn_course.saving import written_whole
from fcn_course.voc import (
    CLASSES,
    VOID,
    VOCSegmentation,
    eval_transform,
    random_crop,
    train_transform,
    void_to_background,
)

Sample = tuple[torch.Tensor, torch.Tensor]


@dataclass(frozen=True)
class Recipe:
    """Everything that decides how a network is trained, apart from the data and the network itself."""

    epochs: int
    batch_size: int  # images a step, over all devices together
    crop_size: tuple[int, int]  # height, width
    optimizer: Literal["sgd", "adamw"]
    learning_rate: float
    weight_decay: float
    polynomial_decay: bool  # learning rate times (1 - progress)^0.9, after a warm-up; otherwise it is constant
    upsampling: Upsampling
    augment: bool  # random scale and flip, not only a random crop
    small_images: bool  # keep images smaller than the crop, padded with void
    void_as_background: bool  # learn "background" on void pixels
    sum_over_images: bool  # loss: sum over the batch of each image's mean over pixels; otherwise mean over pixels
    mixed_precision: bool  # bfloat16 where the hardware computes it
    channels_last: bool


D2L_RECIPE = Recipe(
    epochs=5,
    batch_size=32,
    crop_size=(320, 480),
    optimizer="sgd",
    learning_rate=1e-3,
    weight_decay=1e-3,
    polynomial_decay=False,
    upsampling="dense",
    augment=False,
    small_images=False,
    void_as_background=True,
    sum_over_images=True,
    mixed_precision=False,
    channels_last=False,
)
"""The FCN chapter of *Dive into Deep Learning* (d2l 1.0.3), as it is."""

COURSE_RECIPE = Recipe(
    epochs=50,
    batch_size=32,
    crop_size=(320, 480),
    optimizer="adamw",
    learning_rate=1e-3,
    weight_decay=0.05,
    polynomial_decay=True,
    upsampling="fixed",
    augment=False,
    small_images=True,
    void_as_background=False,
    sum_over_images=False,
    mixed_precision=True,
    channels_last=True,
)
"""What this course trains with; notebook 05 says why."""

WARMUP = 0.05
"""Share of all steps in which the learning rate rises to its full value."""


@dataclass
class Epoch:
    """What one epoch came to. ``loss`` is the mean over images; scores are of the validation set, nan if not scored."""

    number: int
    loss: float
    images_per_second: float
    pixel_accuracy: float = math.nan
    mean_iou: float = math.nan


@dataclass
class Step:
    """What one step came to, in a run of ``total`` steps. ``loss`` is the mean over the images of its batch."""

    number: int  # from 1
    total: int
    loss: float
    history: list[Epoch]  # the whole epochs before it


def training_set(root: str | os.PathLike[str], split: str, recipe: Recipe) -> Dataset[Sample]:
    """The crops that ``recipe`` trains on: (3, h, w) float32 images and (h, w) int64 masks of ``recipe.crop_size``."""
    if recipe.augment:
        transform = train_transform(recipe.crop_size)
    else:
        crop = random_crop(recipe.crop_size) if recipe.small_images else _RandomWindow(recipe.crop_size)
        transform = v2.Compose([crop, eval_transform()])
    if recipe.void_as_background:
        transform = v2.Compose([void_to_background, transform])  # before padding, which stays void
    dataset = VOCSegmentation(root, split, transform)
    try:
        dataset.decode_once()
    except OSError as error:  # no room, or no right to write
        print(f"Images are decoded anew in every epoch, because their bytes cannot be kept: {error}.")
    if recipe.small_images:
        return dataset
    height, width = recipe.crop_size
    large = [i for i, size in enumerate(dataset.sizes) if size[0] >= height and size[1] >= width]
    if not large:
        raise ValueError(f"no image of split {split} is at least {height}x{width}: choose a smaller crop_size")
    return Subset(dataset, large)


def pixel_loss(logits: torch.Tensor, masks: torch.Tensor, recipe: Recipe) -> torch.Tensor:
    """The number that training brings down, from logits (N, classes, H, W) and masks (N, H, W).

    Cross-entropy of every pixel, void pixels left out: its mean over all pixels, or with ``recipe.sum_over_images``
    the sum over images of each image's mean.
    """
    if not recipe.sum_over_images:
        return F.cross_entropy(logits, masks, ignore_index=VOID)
    return F.cross_entropy(logits, masks, ignore_index=VOID, reduction="none").mean(dim=(1, 2)).sum()


def train(
    model: FCN,
    data: Dataset[Sample],
    recipe: Recipe,
    *,
    val_data: Dataset[Sample] | None = None,
    validate_every: int = 1,
    checkpoint: str | os.PathLike[str] | None = None,
    seed: int = 0,
    on_epoch: Callable[[Epoch], None] | None = None,
    on_step: Callable[[Step], None] | None = None,
) -> list[Epoch]:
    """Train ``model`` on ``data`` in place, by ``recipe``; gives what each epoch came to.

    After every ``validate_every`` epochs, and the last, the model is scored on ``val_data``.
    With ``checkpoint``, a file, the run is saved there after every epoch, and a run that finds the file goes on from
    it, to the same result as if it had never stopped. When an epoch cannot be saved, because the disk is full, a line
    says so, the file keeps the epochs before, and the next epoch saves all. Ctrl-C stops the run with a line that says
    what is kept, and gives the epochs so far; so does a KeyboardInterrupt that ``on_step``, called after every step,
    raises. Raises ValueError when the file is of another recipe, when there are fewer images than a batch holds, or
    when the loss is no longer a finite number; OSError when no file can be written there.
    """
    if len(data) < recipe.batch_size:  # type: ignore[arg-type]
        raise ValueError(
            f"{len(data)} images are fewer than one batch of {recipe.batch_size}: choose a smaller batch_size"  # type: ignore[arg-type]
        )
    set_seed(seed)
    accelerator = accelerator_for(recipe)
    if recipe.batch_size % accelerator.num_processes:
        raise ValueError(
            f"{accelerator.num_processes} processes cannot share batches of {recipe.batch_size} images: "
            f"choose a batch_size that is a multiple of {accelerator.num_processes}"
        )
    workers = 0 if accelerator.device.type == "cpu" else min(8, os.cpu_count() or 1)
    order = SharedOrder(data)  # type: ignore[arg-type]
    loader = DataLoader(data, recipe.batch_size, sampler=order, drop_last=True, num_workers=workers)
    optimizer = optimizer_for(model, recipe)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, learning_rate_factor(recipe, recipe.epochs * len(loader)))
    history: list[Epoch] = []
    if checkpoint is not None and os.path.lexists(checkpoint):
        history = load_checkpoint(checkpoint, model, recipe, optimizer, schedule)
    if checkpoint is not None and len(history) < recipe.epochs and accelerator.is_main_process:
        _check_writable(Path(checkpoint))
    check_same_start(len(history))
    if recipe.channels_last:
        model.to(memory_format=torch.channels_last)
    # Accelerate marks what it prepares, for good, and leaves alone what is marked. So it gets a shell around the model.
    prepared, loader, optimizer, schedule = accelerator.prepare(nn.Sequential(model), loader, optimizer, schedule)

    steps = recipe.epochs * len(loader)
    progress = tqdm(
        initial=len(history) * len(loader), total=steps, desc="training", unit="batch", leave=False, delay=1,
        disable=not accelerator.is_main_process,
    )  # fmt: skip
    saved = len(history)
    try:
        for number in range(len(history) + 1, recipe.epochs + 1):
            draw_own_crops(seed, number)
            prepared.train()
            loss_sum = torch.zeros((), device=accelerator.device)
            started = time.perf_counter()
            for at, (images, masks) in enumerate(loader, start=1 + (number - 1) * len(loader)):
                loss = take_step(prepared, images, masks, recipe, optimizer, accelerator)
                # Added up, and read once an epoch: reading a loss at every step would wait for the device.
                loss_sum += loss
                schedule.step()
                progress.update()
                if on_step is not None:
                    images_summed = recipe.batch_size if recipe.sum_over_images else 1
                    on_step(Step(at, steps, loss.item() / images_summed, history))
            images_seen = len(loader) * recipe.batch_size
            mean_loss = reduce(loss_sum).item() / (images_seen if recipe.sum_over_images else len(loader))
            if not math.isfinite(mean_loss):
                raise ValueError(f"the loss became {mean_loss} in epoch {number}: try a smaller learning_rate")
            epoch = Epoch(number, mean_loss, images_seen / (time.perf_counter() - started))

            share_statistics(model)
            if val_data is not None and (number % validate_every == 0 or number == recipe.epochs):
                scores = evaluate(model, val_data)
                epoch.pixel_accuracy, epoch.mean_iou = scores.pixel_accuracy, scores.mean_iou
            history.append(epoch)
            if checkpoint is not None and accelerator.is_main_process:
                try:
                    save_checkpoint(checkpoint, model, recipe, optimizer, schedule, history)
                    saved = number
                except OSError as error:
                    tqdm.write(_not_saved(epoch, recipe, error, _on_disk(checkpoint, saved)))
            if on_epoch is not None:
                on_epoch(epoch)
    except KeyboardInterrupt:
        progress.close()
        then = ": run this again to go on" if saved else ", but the model has what it learned so far"
        accelerator.print(f"Stopped in epoch {len(history) + 1}; {_on_disk(checkpoint, saved)}{then}.")
    progress.close()
    return history


def take_step(
    model: nn.Module,
    images: torch.Tensor,
    masks: torch.Tensor,
    recipe: Recipe,
    optimizer: torch.optim.Optimizer,
    accelerator: Accelerator,
) -> torch.Tensor:
    """Bring the loss on one batch down by one step of ``optimizer``; gives the loss before it, still on its device.

    ``model`` and ``optimizer`` are those that ``accelerator`` has prepared.
    """
    if recipe.channels_last:
        images = images.contiguous(memory_format=torch.channels_last)
    loss = pixel_loss(model(images), masks, recipe)
    loss = as_part_of_the_batch(loss, masks, is_sum=recipe.sum_over_images)
    optimizer.zero_grad()
    accelerator.backward(loss)
    optimizer.step()
    return loss.detach()


@torch.inference_mode()
def evaluate(model: nn.Module, data: Dataset[Sample]) -> ConfusionMatrix:
    """The confusion matrix of ``model`` on every image of ``data``, each whole and counted once.

    ``data`` yields normalised images and masks, as with :func:`fcn_course.voc.eval_transform`. The model computes in
    bfloat16 where its hardware does, and is left in the mode it came in. Several processes share the images and all get
    the same sum.
    """
    state = this_process()
    device = next(model.parameters()).device
    scores = ConfusionMatrix(len(CLASSES))
    mine = range(state.process_index, len(data), state.num_processes)  # type: ignore[arg-type]
    progress = tqdm(
        total=len(mine), desc="evaluating", unit="image", leave=False, delay=1, disable=not state.is_main_process
    )
    with evaluation_mode(model), lower_precision(device), progress:
        for images, masks in _batches_of_one_shape(data, mine):
            logits = model(images.to(device, memory_format=torch.channels_last))
            scores.update(most_likely(logits), masks.to(device))
            progress.update(len(images))
    scores.counts = reduce(scores.counts.to(state.device), "sum")
    return scores


def _batches_of_one_shape(data: Dataset[Sample], indices: Iterable[int], most: int = 8) -> Iterator[Sample]:
    """Each image and mask once, in batches of up to ``most`` that have one shape; few wait for others of theirs."""
    waiting: dict[torch.Size, list[Sample]] = {}
    for index in indices:
        image, mask = data[index]
        alike = waiting.setdefault(image.shape, [])
        alike.append((image, mask))
        if len(alike) == most:
            yield default_collate(waiting.pop(image.shape))
        elif sum(map(len, waiting.values())) == 8 * most:
            yield default_collate(waiting.pop(next(iter(waiting))))
    yield from map(default_collate, waiting.values())


def save_checkpoint(
    path: str | os.PathLike[str],
    model: FCN,
    recipe: Recipe,
    optimizer: torch.optim.Optimizer,
    schedule: torch.optim.lr_scheduler.LRScheduler,
    history: list[Epoch],
) -> None:
    """Write everything a run needs to go on to ``path``: whole or not at all, whenever the power fails."""
    state = {
        "model": model.state_dict(),
        "config": model.config,
        "recipe": asdict(recipe),
        "optimizer": optimizer.state_dict(),
        "schedule": schedule.state_dict(),
        "history": [asdict(epoch) for epoch in history],
        "random": {"cpu": torch.get_rng_state(), "cuda": torch.cuda.get_rng_state_all()},
    }
    in_memory = io.BytesIO()  # torch.save tells a full disk as an error in its own insides
    torch.save(state, in_memory)
    with written_whole(Path(path)) as file:
        file.write(in_memory.getbuffer())


def _check_writable(path: Path) -> None:
    """Raise OSError before the first epoch, rather than after it, when no file can be written to ``path``."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        raise OSError(f"no checkpoint can be written to {path} ({error.strerror}): choose another place") from error


def _on_disk(checkpoint: str | os.PathLike[str] | None, epochs: int) -> str:
    return f"{checkpoint} holds {epochs} epoch{'s' * (epochs > 1)}" if epochs else "nothing is kept on disk"


def _not_saved(epoch: Epoch, recipe: Recipe, error: OSError, on_disk: str) -> str:
    going_on = "training goes on, and the next epoch saves all"
    then = going_on if epoch.number < recipe.epochs else "the model in memory has learned from them all"
    return f"Epoch {epoch.number} could not be saved ({error.strerror or error}): {on_disk}; {then}. Make room there."


def load_checkpoint(
    path: str | os.PathLike[str],
    model: FCN,
    recipe: Recipe,
    optimizer: torch.optim.Optimizer,
    schedule: torch.optim.lr_scheduler.LRScheduler,
) -> list[Epoch]:
    """Put model, optimizer, schedule and random states back as :func:`save_checkpoint` found them; gives the history.

    Raises FileNotFoundError when there is no file, ValueError when it is no checkpoint, or one of another model or
    recipe; then nothing is changed.
    """
    state = read_state(path)
    missing = {"model", "config", "recipe", "optimizer", "schedule", "history", "random"} - state.keys()
    if missing:
        raise ValueError(f"{path} is no checkpoint of a training run: it lacks {', '.join(sorted(missing))}")
    for kind, then, now in (("model", state["config"], model.config), ("recipe", state["recipe"], asdict(recipe))):
        then = then if isinstance(then, dict) else {}
        differing = [name for name in now if then.get(name) != now[name]]
        if differing:
            name = differing[0]
            raise ValueError(
                f"{path} is of another {kind}: its {name} is {then.get(name)}, not {now[name]}; "
                "delete the file to start afresh, or choose another one"
            )
    check_fits(path, state)
    # First what may still be refused, and belongs to this run alone; the model last.
    try:
        history = [Epoch(**epoch) for epoch in state["history"]]
        optimizer.load_state_dict(state["optimizer"])
        schedule.load_state_dict(state["schedule"])
        torch.set_rng_state(state["random"]["cpu"])
        if len(state["random"]["cuda"]) == torch.cuda.device_count():
            torch.cuda.set_rng_state_all(state["random"]["cuda"])
    except (AttributeError, IndexError, KeyError, RuntimeError, TypeError, ValueError) as error:
        raise ValueError(
            f"{path} is damaged, and no run can go on from it: {error!r}; delete it to start afresh"
        ) from error
    model.load_state_dict(state["model"])
    return history


def fastest_device() -> torch.device:
    """The GPU of this machine, NVIDIA's or Apple's, or else its CPU."""
    return this_process().device


def accelerator_for(recipe: Recipe) -> Accelerator:
    """Accelerate's view of this machine, with bfloat16 where ``recipe`` asks for it and the hardware computes it."""
    # One process may train by several recipes; Accelerate otherwise keeps the first one's precision for good.
    AcceleratorState._reset_state()
    device = this_process().device
    return Accelerator(
        cpu=device.type == "cpu" and this_process().num_processes > 1,
        mixed_precision="bf16" if recipe.mixed_precision and _computes_bfloat16(device) else "no",
        dataloader_config=DataLoaderConfiguration(split_batches=True),  # batch_size is that of all devices together
    )


def lower_precision(device: torch.device) -> torch.autocast:
    """Within it networks compute in bfloat16, where that is a gain on ``device``."""
    return torch.autocast(device.type, torch.bfloat16, enabled=_computes_bfloat16(device))


def _computes_bfloat16(device: torch.device) -> bool:
    """Whether bfloat16 is a gain there: emulated, it is slower than float32."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if device.type == "cpu":
        abilities = torch.cpu.get_capabilities()
        return bool(abilities.get("avx512_bf16") or abilities.get("amx_bf16"))
    return False


def optimizer_for(model: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    """The optimizer that ``recipe`` names, for all parameters of ``model``."""
    if recipe.optimizer == "sgd":
        return torch.optim.SGD(model.parameters(), recipe.learning_rate, weight_decay=recipe.weight_decay)
    # Few steps: the mean of squared gradients forgets faster than usual. Fused, a step takes a CPU a fifth of the time.
    return torch.optim.AdamW(
        model.parameters(), recipe.learning_rate, (0.9, 0.99), weight_decay=recipe.weight_decay, fused=True
    )


def learning_rate_factor(recipe: Recipe, steps: int) -> Callable[[int], float]:
    """The factor on the learning rate at each step of a run of so many ``steps``."""
    warmup = max(1, round(WARMUP * steps))

    def factor(step: int) -> float:
        if not recipe.polynomial_decay:
            return 1.0
        return min((step + 1) / warmup, (1 - min(step / steps, 1.0)) ** 0.9)

    return factor


class _RandomWindow(v2.Transform):  # type: ignore[misc]
    """A random crop of image and mask that draws its place as the chapter does: the row, then always the column."""

    def __init__(self, crop_size: tuple[int, int]) -> None:
        super().__init__()
        self.crop_size = crop_size

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        size = v2.query_size(flat_inputs)
        if size == self.crop_size:
            return {"top": 0, "left": 0}
        top, left = (
            int(torch.randint(side - least + 1, (1,))) for side, least in zip(size, self.crop_size, strict=True)
        )
        return {"top": top, "left": left}

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        return v2.functional.crop(inpt, **params, height=self.crop_size[0], width=self.crop_size[1])
