"""What each part of COURSE_RECIPE is worth: the recipe, the recipe without that part, and d2l's, in equal time.

    uv run python -m benchmarks.recipes                             # mini: over an hour on two CPU cores
    uv run python -m benchmarks.recipes --profile voc2012 --seconds 600

Every contestant trains from the profile's weights (mini: random ones) for as many epochs as fit into the same time, by
its own speed measured here, and is scored on all validation images, whole. Prints a table and writes
results/recipes-<profile>.json.
"""

import json
import statistics
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Annotated

import typer

from benchmarks.speed import HERE
from fcn_course.environment import start_anew_in_fast_environment
from fcn_course.metrics import BoundaryIoU
from fcn_course.prediction import predict
from fcn_course.profiles import Profile, get_profile
from fcn_course.training import COURSE_RECIPE, D2L_RECIPE, Recipe, evaluate, train, training_set
from fcn_course.voc import CLASSES, VOCSegmentation, eval_transform

RIM = 8
"""Pixels of a class's rim that its boundary IoU looks at."""


@dataclass(frozen=True)
class Contestant:
    """A recipe, and the variant of the network that it trains."""

    recipe: Recipe
    output_stride: int = 32


@dataclass(frozen=True)
class Scores:
    """What one run came to, on the validation images."""

    seed: int
    epochs: int
    pixel_accuracy: float
    mean_class_accuracy: float
    mean_iou: float
    boundary_iou: float


CONTESTANTS: Mapping[str, Contestant] = {
    "D2L_RECIPE": Contestant(D2L_RECIPE),
    "COURSE_RECIPE": Contestant(COURSE_RECIPE),
    "constant learning rate": Contestant(replace(COURSE_RECIPE, polynomial_decay=False)),
    "no flip, no scale": Contestant(replace(COURSE_RECIPE, augment=False)),
    "void is background": Contestant(replace(COURSE_RECIPE, void_as_background=True)),
    "SGD, learning rate 0.1": Contestant(
        replace(COURSE_RECIPE, optimizer="sgd", learning_rate=0.1, weight_decay=1e-4)
    ),
    "upsampling learned, grouped": Contestant(replace(COURSE_RECIPE, upsampling="grouped")),
    "float32": Contestant(replace(COURSE_RECIPE, mixed_precision=False)),
    "FCN-16s": Contestant(COURSE_RECIPE, output_stride=16),
    "FCN-8s": Contestant(COURSE_RECIPE, output_stride=8),
}  # fmt: skip


def seconds_an_epoch(contestant: Contestant, profile: Profile) -> float:
    """How long one epoch takes, data included."""
    recipe = profile.adapt(contestant.recipe, epochs=1)
    data = training_set(profile.root, "train", recipe)
    last = train(profile.new_model(recipe, output_stride=contestant.output_stride), data, recipe)[-1]
    return len(data) / last.images_per_second  # type: ignore[arg-type]


def run(contestant: Contestant, profile: Profile, epochs: int, seed: int) -> Scores:
    """Train from the profile's weights, new layers and batches by ``seed``, and score."""
    recipe = profile.adapt(contestant.recipe, epochs=epochs)
    model = profile.new_model(recipe, seed, contestant.output_stride)
    train(model, training_set(profile.root, "train", recipe), recipe, seed=seed)
    scores = evaluate(model, VOCSegmentation(profile.root, "val", eval_transform()))
    rims = BoundaryIoU(len(CLASSES), RIM)
    for image, mask in VOCSegmentation(profile.root, "val"):
        rims.update(predict(model, image), mask)
    return Scores(
        seed, epochs, scores.pixel_accuracy, scores.mean_class_accuracy, scores.mean_iou, rims.mean_iou
    )  # fmt: skip


def table(results: Mapping[str, list[Scores]]) -> str:
    """A Markdown table: of each contestant the mean over seeds, and the range."""
    lines = [
        f"| trained by | epochs | pixel accuracy | mean accuracy | mean IoU | boundary IoU ({RIM} pixels) |",
        "|---|---|---|---|---|---|",
    ]
    for name, runs in results.items():
        cells = [name, str(runs[0].epochs)]
        for score in ("pixel_accuracy", "mean_class_accuracy", "mean_iou", "boundary_iou"):
            values = [getattr(one, score) for one in runs]
            cells.append(f"{statistics.mean(values):.3f} ({min(values):.3f} to {max(values):.3f})")
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def main(
    names: Annotated[list[str] | None, typer.Argument(help=", ".join(CONTESTANTS))] = None,
    profile: str = "mini",
    seconds: Annotated[float, typer.Option(help="How long each contestant trains.")] = 120,
    seeds: Annotated[int, typer.Option(min=1)] = 3,
) -> None:
    """Train all contestants for the same time, print the table, and keep the results."""
    start_anew_in_fast_environment()
    chosen = get_profile(profile)
    unknown = set(names or []) - CONTESTANTS.keys()
    if unknown:
        raise typer.BadParameter(f"no contestant {unknown.pop()!r}; there are {', '.join(CONTESTANTS)}")
    contestants = {name: of for name, of in CONTESTANTS.items() if not names or name in names}
    epochs = {name: max(1, int(seconds / seconds_an_epoch(of, chosen))) for name, of in contestants.items()}
    results: dict[str, list[Scores]] = {name: [] for name in contestants}
    for seed in range(seeds):
        for name, contestant in contestants.items():
            results[name].append(run(contestant, chosen, epochs[name], seed))
            print(f"{name}: {results[name][-1]}", flush=True)
        content = {name: [asdict(one) for one in runs] for name, runs in results.items()}
        file = HERE / "results" / f"recipes-{profile}.json"
        file.write_text(json.dumps({"seconds": seconds, "results": content}, indent=1) + "\n")
    print(table(results))


if __name__ == "__main__":
    typer.run(main)
