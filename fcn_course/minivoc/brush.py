"""The brush that backgrounds and objects are painted with: smooth shapes, colours, noise and relief."""

import colorsys
from collections.abc import Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageOps

Colour = tuple[int, int, int]
Points = Sequence[tuple[float, float]]
T = TypeVar("T")


def hsv(hue: float, saturation: float, value: float) -> Colour:
    """The RGB colour of a hue on the circle [0, 1), a saturation and a value in [0, 1]."""
    red, green, blue = colorsys.hsv_to_rgb(hue % 1, min(max(saturation, 0), 1), min(max(value, 0), 1))
    return round(255 * red), round(255 * green), round(255 * blue)


def mix(first: Colour, second: Colour, share: float) -> Colour:
    """The colour on the way from `first` (share 0) to `second` (share 1)."""
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(first, second, strict=True))
    return red, green, blue


def darker(colour: Colour, factor: float = 0.7) -> Colour:
    return mix((0, 0, 0), colour, factor)


def lighter(colour: Colour, share: float = 0.35) -> Colour:
    return mix(colour, (255, 255, 255), share)


def pick(rng: np.random.Generator, options: Sequence[T]) -> T:
    return options[int(rng.integers(len(options)))]


def noise(rng: np.random.Generator, height: int, width: int, cell: tuple[float, float]) -> NDArray[np.float32]:
    """Smooth noise, (height, width) float32 of mean about 0 in [-1, 1], with spots of `cell` = (height, width) pixels."""
    rows, columns = (max(2, round(side / spot)) for side, spot in zip((height, width), cell, strict=True))
    grid = Image.fromarray(rng.uniform(-1, 1, (rows, columns)).astype(np.float32))
    return np.asarray(grid.resize((width, height), Image.Resampling.BICUBIC)).clip(-1, 1)


def smooth(points: Points, steps: int = 8) -> list[tuple[float, float]]:
    """The closed Catmull-Rom curve through the points."""
    p = np.array(points, dtype=float)
    before, after, beyond = np.roll(p, 1, axis=0), np.roll(p, -1, axis=0), np.roll(p, -2, axis=0)
    t = (np.arange(steps) / steps)[:, None, None]
    curve = p + t / 2 * (after - before)
    curve = curve + t**2 / 2 * (2 * before - 5 * p + 4 * after - beyond)
    curve = curve + t**3 / 2 * (3 * p - before - 3 * after + beyond)
    return [(float(x), float(y)) for x, y in curve.transpose(1, 0, 2).reshape(-1, 2)]


def panel(corners: Points, left: float, top: float, right: float, bottom: float) -> Points:
    """A rectangle given in [0, 1] x [0, 1], seen on a flat side with these corners (clockwise from the upper left)."""
    a, b, c, d = (np.array(corner) for corner in corners)

    def seen(u: float, v: float) -> tuple[float, float]:
        x, y = (1 - u) * (1 - v) * a + u * (1 - v) * b + u * v * c + (1 - u) * v * d
        return float(x), float(y)

    return [seen(left, top), seen(right, top), seen(right, bottom), seen(left, bottom)]


class Brush:
    """Paints shapes on a transparent sheet of `width` x `height` units, each unit `scale` pixels."""

    def __init__(self, width: float, height: float, scale: float) -> None:
        size = round(width * scale), round(height * scale)
        self.scale = scale
        self.colours = Image.new("RGB", size)
        self.alpha = Image.new("L", size)

    def polygon(self, points: Points, colour: Colour, atop: bool = False, opacity: float = 1.0) -> None:
        """A filled polygon; `atop` keeps it inside what is already painted, like a pattern on a coat."""
        shape = Image.new("L", self.alpha.size)
        corners = [(x * self.scale, y * self.scale) for x, y in points]
        ImageDraw.Draw(shape).polygon(corners, fill=round(255 * opacity))
        if atop:
            shape = ImageChops.multiply(shape, self.alpha)
        else:
            self.alpha = ImageChops.lighter(self.alpha, shape)
        self.colours.paste(colour, mask=shape)

    def blob(self, points: Points, colour: Colour, atop: bool = False, opacity: float = 1.0) -> None:
        self.polygon(smooth(points), colour, atop, opacity)

    def ellipse(
        self, x: float, y: float, rx: float, ry: float, colour: Colour,
        atop: bool = False, opacity: float = 1.0, angle: float = 0.0,
    ) -> None:  # fmt: skip
        """An ellipse with radii rx and ry, turned clockwise by `angle` degrees."""
        turn, t = np.deg2rad(angle), np.linspace(0, 2 * np.pi, 32, endpoint=False)
        u, v = rx * np.cos(t), ry * np.sin(t)
        xs, ys = x + u * np.cos(turn) - v * np.sin(turn), y + u * np.sin(turn) + v * np.cos(turn)
        self.polygon(list(zip(xs.tolist(), ys.tolist(), strict=True)), colour, atop, opacity)

    def box(
        self, left: float, top: float, right: float, bottom: float, colour: Colour,
        radius: float = 0.0, atop: bool = False, opacity: float = 1.0,
    ) -> None:  # fmt: skip
        """An upright rectangle with round corners."""
        quarter = np.linspace(0, np.pi / 2, 7)
        points = []
        for x, y, start in [(right, bottom, 0), (left, bottom, 1), (left, top, 2), (right, top, 3)]:
            inner_x, inner_y = x + (radius if x == left else -radius), y + (radius if y == top else -radius)
            angle = quarter + start * np.pi / 2
            points += zip((inner_x + radius * np.cos(angle)).tolist(), (inner_y + radius * np.sin(angle)).tolist())
        self.polygon(points, colour, atop, opacity)

    def limb(self, points: Points, start: float, end: float, colour: Colour, atop: bool = False) -> None:
        """A thick line with round joints whose width goes from `start` to `end`."""
        widths = np.linspace(start, end, len(points)) / 2
        for (x, y), radius in zip(points, widths.tolist(), strict=True):
            self.ellipse(x, y, radius, radius, colour, atop)
        for (x0, y0), (x1, y1), r0, r1 in zip(points, points[1:], widths.tolist(), widths[1:].tolist()):
            length = max(float(np.hypot(x1 - x0, y1 - y0)), 1e-6)
            nx, ny = (y0 - y1) / length, (x1 - x0) / length
            corners = [(x0 + nx * r0, y0 + ny * r0), (x1 + nx * r1, y1 + ny * r1)]
            corners += [(x1 - nx * r1, y1 - ny * r1), (x0 - nx * r0, y0 - ny * r0)]
            self.polygon(corners, colour, atop)

    def sprite(self) -> Image.Image:
        """What was painted, cut out: RGBA."""
        cutout = self.colours.copy()
        cutout.putalpha(self.alpha)
        return cutout.crop(cutout.getchannel("A").getbbox())


def relief(sprite: Image.Image, rng: np.random.Generator, light_from: tuple[float, float]) -> Image.Image:
    """The flat RGBA cut-out with a body: lit from one side, darker below, with a slightly uneven surface."""
    height, width = sprite.height, sprite.width
    rounding = max(height, width) / 14
    margin = round(2 * rounding)
    silhouette = ImageOps.expand(sprite.getchannel("A"), margin).filter(ImageFilter.GaussianBlur(rounding))
    slopes = np.gradient(np.asarray(silhouette, dtype=np.float32) / 255)
    slope_y, slope_x = (slope[margin:-margin, margin:-margin] for slope in slopes)
    lit = (slope_x * light_from[0] + slope_y * light_from[1]) * rounding
    down = np.linspace(0.08, -0.12, height, dtype=np.float32)[:, None]
    uneven = 0.05 * noise(rng, height, width, (40, 40)) + 0.05 * noise(rng, height, width, (5, 5))
    pixels = np.asarray(sprite, dtype=np.float32).copy()
    pixels[..., :3] *= (1 + 0.55 * lit + down + uneven)[..., None]
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))
