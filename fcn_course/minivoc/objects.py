"""The twelve objects. Each function paints one, varied by `rng`, on a sheet of 100 x 100 units; most face right."""

from collections.abc import Callable

import numpy as np

from fcn_course.minivoc.brush import Brush, Colour, Points, darker, hsv, lighter, mix, panel, pick

Rng = np.random.Generator
BLACK, WHITE, GREY, GLASS = (22, 22, 26), (244, 243, 238), (128, 130, 134), (52, 66, 82)
SKINS = ((255, 219, 190), (240, 194, 158), (205, 150, 110), (150, 100, 68), (98, 64, 46))
HAIRS = ((30, 24, 22), (70, 44, 28), (120, 78, 42), (214, 176, 104), (166, 76, 38), (190, 188, 186))
COATS = ((226, 140, 62), (120, 116, 114), (44, 42, 46), (236, 230, 220), (168, 130, 94), (206, 178, 140))


def paint_colour(rng: Rng) -> Colour:
    """A colour that vehicles are sold in: mostly bright, sometimes white, silver or black."""
    if rng.random() < 0.3:
        return pick(rng, [WHITE, (176, 180, 186), (60, 62, 70)])
    return hsv(pick(rng, [0.0, 0.02, 0.08, 0.13, 0.33, 0.45, 0.56, 0.61, 0.66, 0.9]), rng.uniform(0.55, 0.85), rng.uniform(0.5, 0.9))


def wheel(brush: Brush, x: float, y: float, radius: float, squeeze: float = 1.0) -> None:
    brush.ellipse(x, y, radius * squeeze, radius, BLACK)
    brush.ellipse(x, y, radius * 0.58 * squeeze, radius * 0.58, (186, 188, 192))
    brush.ellipse(x, y, radius * 0.22 * squeeze, radius * 0.22, (84, 86, 92))


def aeroplane(brush: Brush, rng: Rng, on_wheels: bool = False) -> None:
    livery = hsv(rng.random(), 0.8, 0.75)
    metal = pick(rng, [WHITE, (206, 212, 220), lighter(livery, 0.75)])
    sweep, fin, girth = rng.uniform(14, 26), rng.uniform(12, 22), rng.uniform(0.9, 1.2)
    top, bottom = 48 - 11 * girth, 48 + 11 * girth
    brush.polygon([(46, top + 4), (46 - sweep, top - 16), (56 - sweep, top - 16), (66, top + 4)], darker(metal, 0.72))
    brush.polygon([(3, 44), (-1 + 2, top - fin), (12, top - fin), (27, top + 2)], livery)
    body: Points = [(1, 42), (24, top + 1), (76, top), (91, 43), (99, 51), (90, 57), (72, bottom), (30, bottom - 2), (8, 51)]
    brush.blob(body, metal)
    brush.polygon([(0, 55), (100, 55), (100, 80), (0, 80)], darker(metal, 0.8), atop=True)
    brush.polygon([(0, 49), (100, 52), (100, 55), (0, 55)], livery, atop=True)
    for x in range(24, 80, 6):
        brush.ellipse(x, 46, 1.5, 2, GLASS, atop=True)
    if on_wheels:
        for x in (46, 84):
            brush.limb([(x, bottom - 2), (x, bottom + 8)], 3, 3, GREY)
            wheel(brush, x, bottom + 10, 4.5)
    brush.polygon([(84, 41), (91, 42), (95, 47), (85, 47)], GLASS, atop=True)
    brush.polygon([(4, 46), (20, 46), (10, 58), (0, 58)], darker(livery, 0.85))
    brush.box(48, bottom + 1, 66, bottom + 10, livery, radius=4)
    brush.ellipse(65, bottom + 5.5, 2.4, 4.5, darker(GREY, 0.6))
    wing = [(38, 54), (64, 54), (44 - sweep, bottom + 22), (32 - sweep, bottom + 22)]
    brush.polygon(wing, darker(metal, 0.9))
    brush.polygon([(44 - sweep, bottom + 22), (32 - sweep, bottom + 22), wing[0], (42, 54)], darker(metal, 0.72), atop=True)


def parked_aeroplane(brush: Brush, rng: Rng) -> None:
    aeroplane(brush, rng, on_wheels=True)


BIRDS: tuple[tuple[Colour, Colour, Colour], ...] = (  # back, belly, beak
    ((104, 82, 60), (214, 96, 44), (80, 70, 60)),
    ((60, 110, 176), (240, 206, 80), (50, 50, 54)),
    ((150, 158, 168), (246, 246, 244), (240, 170, 40)),
    ((36, 36, 44), (64, 64, 76), (236, 150, 40)),
    ((196, 44, 40), (226, 84, 56), (240, 180, 60)),
    ((52, 140, 80), (236, 220, 90), (220, 70, 50)),
)


def standing_bird(brush: Brush, rng: Rng) -> None:
    back, belly, beak = pick(rng, BIRDS)
    head_y, beak_length = rng.uniform(24, 32), rng.uniform(11, 18)
    for x in (48, 58):
        brush.limb([(x, 76), (x + 1, 95), (x + 8, 96)], 4, 3.4, darker(beak, 0.8))
    brush.polygon([(34, 54), (0, 70 + rng.uniform(-14, 8)), (6, 84), (40, 76)], darker(back, 0.65))
    brush.blob([(24, 66), (36, 46), (58, 36), (80, 46), (80, 66), (60, 84), (36, 80)], back)
    brush.polygon([(78, head_y - 5), (80 + beak_length, head_y + 2), (78, head_y + 8)], beak)
    brush.ellipse(68, head_y, 17, 16, back)
    brush.ellipse(73, 64, 22, 20, belly, atop=True, angle=-30)
    brush.ellipse(80, head_y + 8, 12, 9, belly, atop=True)
    brush.blob([(16, 72), (36, 50), (58, 52), (60, 64), (42, 76)], darker(back, 0.72))
    brush.limb([(24, 70), (50, 62)], 1.5, 1.5, lighter(back, 0.2))
    brush.limb([(30, 74), (52, 67)], 1.5, 1.5, lighter(back, 0.2))
    brush.ellipse(74, head_y - 3, 3.6, 3.6, WHITE)
    brush.ellipse(74.6, head_y - 3, 2.6, 2.6, BLACK)


def flying_bird(brush: Brush, rng: Rng) -> None:
    back, belly, beak = pick(rng, BIRDS)
    lift, spread = rng.uniform(-1, 1), rng.uniform(24, 34)
    tip_y = 48 - 44 * lift if abs(lift) > 0.4 else 48 - 44 * (1 if lift > 0 else -1)
    lower = 1 if tip_y > 48 else -1
    brush.blob([(44, 46), (70, 44), (78, 48 + lower * 24), (76, tip_y), (62, 48 + lower * 30)], darker(back, 0.6))
    brush.polygon([(30, 46), (0, 42), (2, 52), (0, 62), (30, 58)], darker(back, 0.75))
    brush.polygon([(86, 40), (100, 47), (86, 50)], beak)
    brush.blob([(16, 52), (34, 40), (66, 36), (84, 46), (70, 62), (40, 64)], back)
    brush.ellipse(82, 44, 11, 10, back)
    brush.ellipse(58, 62, 32, 10, belly, atop=True)
    wing: Points = [(40, 50), (64, 46), (58, 48 + lower * 22), (50 - spread / 2, tip_y), (34 - spread / 2, 48 + lower * 34)]
    brush.blob(wing, darker(back, 0.85))
    for share in (0.25, 0.5, 0.75):
        x, y = 40 - spread / 2 + 12 * share, tip_y + (48 - tip_y) * share * 0.5
        brush.limb([(x, y), (48 + 8 * share, 47)], 1.6, 1.6, darker(back, 0.55), atop=True)
    brush.ellipse(85, 41, 2.4, 2.4, BLACK)


def boat(brush: Brush, rng: Rng) -> None:
    hull, trim = paint_colour(rng), hsv(rng.random(), 0.75, 0.7)
    sailing = rng.random() < 0.55
    if sailing:
        sail = pick(rng, [WHITE, (242, 228, 196), (206, 70, 54), lighter(trim, 0.3)])
        brush.box(48.4, 0, 51.6, 74, (120, 88, 58))
        brush.blob([(47, 4), (47.5, 34), (47, 66), (28, 66), (10, 64), (30, 38)], sail)
        brush.blob([(53, 8), (72, 36), (92, 66), (72, 67), (53, 66), (52.5, 36)], mix(sail, trim, 0.3))
        for y in (26, 46):
            brush.polygon([(0, y), (48, y - 3), (48, y + 1), (0, y + 4)], trim, atop=True, opacity=0.7)
    else:
        cabin = pick(rng, [WHITE, (238, 222, 190), lighter(trim, 0.6)])
        left = rng.uniform(18, 30)
        brush.box(left + 30, 18, left + 38, 44, trim)
        brush.box(left + 30, 18, left + 38, 24, BLACK)
        brush.box(left, 40, left + 46, 74, cabin, radius=2)
        brush.box(left - 3, 37, left + 50, 42, trim, radius=2)
        for x in (left + 5, left + 19, left + 33):
            brush.box(x, 48, x + 9, 58, GLASS, radius=1.5)
    bow = rng.uniform(62, 68)
    brush.polygon([(4, 70), (50, 72), (99, bow), (90, 82), (82, 93), (16, 93), (8, 84)], hull)
    brush.polygon([(0, 69), (50, 71), (100, bow - 2), (100, bow + 4), (50, 76), (0, 74)], lighter(hull, 0.5), atop=True)
    brush.box(0, 87, 100, 94, trim, atop=True)
    if not sailing:
        for x in (24, 42, 60):
            brush.ellipse(x, 81, 3, 3, GLASS)


def bottle(brush: Brush, rng: Rng) -> None:
    kind = pick(rng, ["wine", "beer", "water"])
    glass = {
        "wine": pick(rng, [(38, 70, 42), (84, 112, 56), (70, 24, 34)]),
        "beer": pick(rng, [(116, 66, 26), (44, 104, 60), (146, 90, 40)]),
        "water": pick(rng, [(150, 198, 224), (168, 216, 200), (120, 170, 220)]),
    }[kind]
    neck, body = {"wine": (5, 15), "beer": (5.5, 15.5), "water": (6, 17)}[kind]
    shoulder = {"wine": rng.uniform(34, 42), "beer": rng.uniform(44, 52), "water": rng.uniform(22, 28)}[kind]
    body += rng.uniform(-1, 3)
    side = [(neck, 5), (neck, shoulder - 14), (neck + 2, shoulder - 9), (body - 1, shoulder), (body, shoulder + 5)]
    side += [(body, 60), (body, 80), (body, 95), (body - 2, 98.5)]
    outline = [(50 + x, y) for x, y in side] + [(50 - x, y) for x, y in reversed(side)]
    brush.polygon(outline, glass)
    level = rng.uniform(shoulder - 12, shoulder + 20)
    brush.polygon([(0, 0), (100, 0), (100, level), (0, level)], lighter(glass, 0.3), atop=True, opacity=0.6)
    paper, ink = pick(rng, [WHITE, (240, 226, 186), (206, 52, 44), (40, 80, 150), (236, 190, 60)]), hsv(rng.random(), 0.8, 0.5)
    label = max(shoulder + 8, 50)
    brush.box(0, label, 100, label + rng.uniform(22, 30), paper, atop=True)
    brush.box(0, label + 3, 100, label + 5, ink, atop=True)
    brush.ellipse(50, label + 13, 6, 5, ink, atop=True)
    brush.box(50 - neck - 1, 1, 50 + neck + 1, 8 if kind != "wine" else 16, ink, radius=1.5)
    brush.box(50 + body * 0.45, shoulder - 2, 50 + body * 0.7, 94, darker(glass, 0.4), radius=2, atop=True, opacity=0.35)
    brush.box(50 - body * 0.72, shoulder + 2, 50 - body * 0.45, 90, WHITE, radius=2, atop=True, opacity=0.55)
    brush.box(50 - neck * 0.7, 14, 50 - neck * 0.2, shoulder - 8, WHITE, radius=0.6, atop=True, opacity=0.5)


def bus(brush: Brush, rng: Rng) -> None:
    paint, trim = paint_colour(rng), pick(rng, [WHITE, hsv(rng.random(), 0.7, 0.6)])
    decks = 2 if rng.random() < 0.3 else 1
    corner, top, depth = rng.uniform(56, 80), 100 - (88 if decks == 2 else rng.uniform(66, 74)), rng.uniform(2, 7)
    flank: Points = [(1, top + depth), (corner, top), (corner, 90), (1, 90 - depth)]
    front: Points = [(corner, top), (99, top + depth), (99, 90 - depth), (corner, 90)]
    brush.polygon(flank, paint)
    brush.polygon(front, darker(paint, 0.82))
    brush.polygon(panel(flank, 0, 0.66, 1, 0.74), trim)
    pitch = 1 / int(rng.integers(4, 7))
    for deck in range(decks):
        upper = 0.1 + 0.34 * deck if decks == 2 else 0.14
        lower = upper + (0.2 if decks == 2 else 0.4)
        for start in np.arange(0.03, 0.95, pitch).tolist():
            window = panel(flank, start, upper, min(start + pitch * 0.82, 0.98), lower)
            brush.polygon(window, GLASS)
            brush.polygon([window[0], window[1], window[3]], lighter(GLASS, 0.3))
        brush.polygon(panel(front, 0.08, upper, 0.92, lower + 0.04), GLASS)
        brush.polygon(panel(front, 0.08, upper, 0.4, lower + 0.04), lighter(GLASS, 0.25))
    door = panel(flank, 0.8, 0.16 if decks == 1 else 0.5, 0.96, 0.94)
    brush.polygon(door, darker(GLASS, 0.8))
    brush.polygon(panel(door, 0.46, 0, 0.54, 1), trim)
    brush.polygon(panel(front, 0.2, 0.02, 0.8, 0.09), BLACK)
    brush.polygon(panel(front, 0.28, 0.035, 0.72, 0.075), (255, 186, 60))
    brush.polygon(panel(front, 0, 0.9, 1, 1), BLACK)
    for left, right in ((0.08, 0.26), (0.74, 0.92)):
        brush.polygon(panel(front, left, 0.76, right, 0.85), (255, 244, 200))
    for share in (0.2, 0.68):
        wheel(brush, 1 + (corner - 1) * share, 90 - depth * (1 - share), 8.5, squeeze=0.85)


def car(brush: Brush, rng: Rng) -> None:
    paint = paint_colour(rng)
    kind = pick(rng, ["saloon", "hatchback", "van"])
    rear, screen = {"saloon": (20, 76), "hatchback": (6, 74), "van": (3, 80)}[kind]
    roof = {"saloon": 34, "hatchback": 31, "van": 25}[kind] + rng.uniform(-3, 3)
    roof_left, roof_right = rear + {"saloon": 14, "hatchback": 7, "van": 3}[kind], screen - rng.uniform(14, 18)
    body: Points = [(2, 78), (1, 60), (rear, 53), (roof_left, roof), (roof_right, roof), (screen, 53), (94, 57), (99, 66), (98, 78)]
    brush.polygon(body, paint)
    brush.blob([(2, 76), (1, 60), (20, 52), (60, 52), (92, 56), (99, 66), (98, 77), (50, 80)], paint)
    brush.box(roof_left, roof - 1.5, roof_right, roof + 6, paint, radius=4)
    middle = (roof_left + roof_right) / 2 + 2
    glass_top, slope = roof + 4.5, (screen - roof_right) * 0.72
    brush.polygon([(rear + 5, 53), (roof_left + 3, glass_top), (middle - 2, glass_top), (middle - 2, 53)], GLASS)
    brush.polygon([(middle + 2, 53), (middle + 2, glass_top), (roof_right - 1, glass_top), (roof_right + slope, 53)], GLASS)
    brush.polygon([(middle + 4, 53), (middle + 9, glass_top), (middle + 14, glass_top), (middle + 9, 53)], lighter(GLASS, 0.4))
    brush.box(2, 74, 98, 80, darker(paint, 0.5), radius=3)
    brush.limb([(middle, 55), (middle, 74)], 0.9, 0.9, darker(paint, 0.6))
    brush.box(middle - 9, 58, middle - 3, 60, darker(paint, 0.5), radius=1)
    brush.ellipse(95, 62, 4, 3.4, (255, 246, 206), angle=25, atop=True)
    brush.box(1, 59, 5.5, 66, (206, 34, 30), radius=1.5, atop=True)
    for x in (22, 78):
        brush.ellipse(x, 77, 13, 13, darker(paint, 0.45), atop=True)
        wheel(brush, x, 79, 10.5)


def cat_head(brush: Brush, rng: Rng, x: float, y: float, size: float, coat: Colour, marking: Colour) -> None:
    eyes = pick(rng, [(154, 190, 70), (226, 186, 60), (96, 166, 200)])
    for side in (-1, 1):
        ear = [(x + side * size * 0.95, y - size * 0.25), (x + side * size * 0.9, y - size * 1.3), (x + side * size * 0.2, y - size * 0.7)]
        brush.polygon(ear, coat)
        inner = [(x + side * size * 0.84, y - size * 0.45), (x + side * size * 0.82, y - size * 1.02), (x + side * size * 0.42, y - size * 0.7)]
        brush.polygon(inner, (226, 150, 146))
    brush.ellipse(x, y, size * 1.05, size * 0.85, coat)
    for shift in (-0.3, 0, 0.3):
        brush.limb([(x + size * shift, y - size * 0.85), (x + size * shift * 0.8, y - size * 0.45)], size * 0.16, 0.5, marking, atop=True)
    for side in (-1, 1):
        brush.ellipse(x + side * size * 0.42, y - size * 0.05, size * 0.25, size * 0.23, eyes)
        brush.ellipse(x + side * size * 0.42, y - size * 0.05, size * 0.1, size * 0.22, BLACK)
        brush.ellipse(x + side * size * 0.42 + size * 0.06, y - size * 0.14, size * 0.06, size * 0.06, WHITE)
        brush.ellipse(x + side * size * 0.2, y + size * 0.42, size * 0.28, size * 0.24, lighter(coat, 0.6))
    brush.polygon([(x - size * 0.14, y + size * 0.2), (x + size * 0.14, y + size * 0.2), (x, y + size * 0.38)], (220, 124, 124))


def cat(brush: Brush, rng: Rng) -> None:
    coat = pick(rng, COATS)
    marking = darker(coat, pick(rng, [0.62, 0.72, 0.95]))
    if rng.random() < 0.55:
        sitting_cat(brush, rng, coat, marking)
    else:
        walking_cat(brush, rng, coat, marking)


def sitting_cat(brush: Brush, rng: Rng, coat: Colour, marking: Colour) -> None:
    brush.limb([(60, 92), (82, 92), (90, 78), (86, 62 + rng.uniform(-8, 8))], 9, 7, marking)
    brush.blob([(50, 38), (65, 50), (75, 76), (70, 97), (50, 99), (30, 97), (25, 76), (35, 50)], coat)
    for y in (60, 70, 80):
        brush.limb([(24, y - 3), (36, y)], 4.5, 1, marking, atop=True)
        brush.limb([(76, y - 3), (64, y)], 4.5, 1, marking, atop=True)
    brush.ellipse(50, 60, 12, 17, lighter(coat, 0.55), atop=True)
    for x in (42, 58):
        brush.limb([(x, 66), (x, 93)], 11, 10, coat)
        brush.ellipse(x, 95.5, 7, 4, lighter(coat, 0.45))
    brush.limb([(50, 72), (50, 94)], 1.2, 1.2, darker(coat, 0.6))
    cat_head(brush, rng, 50 + rng.uniform(-6, 6), 31, 21, coat, marking)


def walking_cat(brush: Brush, rng: Rng, coat: Colour, marking: Colour) -> None:
    stride = rng.uniform(-5, 5)
    brush.limb([(16, 52), (6, 40), (8, 24), (14 + rng.uniform(-6, 8), 14)], 8, 6.5, marking)
    for x, shift in ((26, -stride), (64, stride)):
        brush.limb([(x, 62), (x + shift, 90)], 11, 8, darker(coat, 0.7))
    brush.blob([(10, 54), (24, 44), (50, 46), (70, 42), (80, 54), (72, 72), (46, 73), (18, 74)], coat)
    for x in (24, 34, 44, 54):
        brush.limb([(x, 42), (x + 2, 60)], 4.5, 1, marking, atop=True)
    for x, shift in ((20, stride), (70, -stride)):
        brush.limb([(x, 62), (x + shift, 90)], 12, 9, coat)
        brush.ellipse(x + shift + 2, 92, 6.5, 3.8, lighter(coat, 0.45))
    cat_head(brush, rng, 79, 38 + rng.uniform(-4, 4), 17, coat, marking)


def cow(brush: Brush, rng: Rng) -> None:
    coat, patch = pick(rng, [(WHITE, BLACK), (WHITE, (122, 70, 38)), ((136, 82, 46), (160, 104, 62)), ((46, 38, 36), WHITE), ((206, 160, 108), WHITE)])
    head_x, head_y = (90, 70) if rng.random() < 0.3 else (88, 26 + rng.uniform(-3, 5))
    stride = rng.uniform(-4, 4)
    for x, shift in ((26, -stride), (66, stride)):
        brush.limb([(x, 60), (x + shift, 92)], 10, 8, darker(coat, 0.66))
    brush.limb([(9, 36), (4, 52), (5, 66)], 3.6, 3.6, darker(coat, 0.8))
    brush.ellipse(5, 69, 3.6, 5.5, darker(patch, 0.8))
    brush.ellipse(30, 71, 8, 6, (232, 168, 160))
    brush.blob([(7, 40), (14, 30), (44, 32), (70, 28), (82, 40), (80, 60), (60, 70), (34, 70), (10, 64)], coat)
    brush.limb([(76, 42), (head_x - 4, head_y + 4)], 26, 15, coat)
    for _ in range(int(rng.integers(3, 6))):
        x, y, r = rng.uniform(8, 78), rng.uniform(30, 66), rng.uniform(6, 13)
        angles = np.arange(7) * 2 * np.pi / 7
        radii = r * rng.uniform(0.7, 1.3, 7)
        brush.blob([(x + a, y + b) for a, b in zip(1.3 * radii * np.cos(angles), radii * np.sin(angles))], patch, atop=True)
    for x, shift in ((18, stride), (74, -stride)):
        brush.limb([(x, 60), (x + shift, 92)], 11, 9, coat)
    for x, shift in ((26, -stride), (66, stride), (18, stride), (74, -stride)):
        brush.box(x + shift - 5, 92, x + shift + 5, 98, BLACK, radius=1)
    for side in (-1, 1):
        brush.limb([(head_x - 2 + side * 5, head_y - 8), (head_x - 2 + side * 9, head_y - 16)], 4, 2, (224, 210, 176))
        brush.ellipse(head_x - 2 + side * 11, head_y - 6, 6, 3.4, darker(coat, 0.8), angle=side * -20)
    brush.blob([(head_x - 9, head_y - 8), (head_x + 5, head_y - 9), (head_x + 8, head_y + 8), (head_x + 5, head_y + 16), (head_x - 6, head_y + 14)], mix(coat, patch, 0.85))
    brush.ellipse(head_x, head_y + 12, 8.5, 6.5, (226, 170, 156))
    for side in (-1, 1):
        brush.ellipse(head_x + side * 3, head_y + 12, 1.3, 1.6, (120, 70, 64))
        brush.ellipse(head_x - 1 + side * 4.5, head_y - 2, 2, 2.2, WHITE)
        brush.ellipse(head_x - 1 + side * 4.5, head_y - 2, 1.5, 1.8, BLACK)


def sheep(brush: Brush, rng: Rng) -> None:
    wool = pick(rng, [(240, 234, 220), (226, 214, 190), (246, 244, 240), (196, 184, 166), (92, 80, 72)])
    face = pick(rng, [(48, 42, 42), (70, 60, 56), (222, 196, 170)])
    head_x, head_y = (88, 66) if rng.random() < 0.3 else (86, 36 + rng.uniform(-4, 4))
    for x in (28, 38, 62, 72):
        brush.limb([(x, 66), (x + rng.uniform(-2, 2), 94)], 8.5, 7.5, darker(face, 0.8) if x in (38, 62) else face)
    brush.ellipse(46, 50, 36, 22, darker(wool, 0.85))
    curls = rng.uniform(0, 1, (90, 4))
    for turn, distance, size, light in curls[np.argsort(curls[:, 1])[::-1]].tolist():
        x, y = 46 + 36 * distance**0.5 * np.cos(turn * 2 * np.pi), 50 + 22 * distance**0.5 * np.sin(turn * 2 * np.pi)
        brush.ellipse(x, y + 1, 7 + 2 * size, 7 + 2 * size, darker(wool, 0.82))
        brush.ellipse(x, y - 0.6, 6 + 2 * size, 6 + 2 * size, mix(darker(wool, 0.9), lighter(wool, 0.3), light))
    for side in (-1, 1):
        brush.ellipse(head_x + side * 12, head_y - 5, 7, 3.6, darker(face, 0.85), angle=side * 25)
    brush.blob([(head_x - 9, head_y - 8), (head_x, head_y - 13), (head_x + 9, head_y - 8), (head_x + 7, head_y + 8), (head_x, head_y + 16), (head_x - 7, head_y + 8)], face)
    for x, y in ((-7, -12), (0, -15), (7, -12), (0, -10)):
        brush.ellipse(head_x + x, head_y + y, 5.5, 5, wool)
    for side in (-1, 1):
        brush.ellipse(head_x + side * 4.5, head_y - 2, 2.6, 2.6, WHITE)
        brush.ellipse(head_x + side * 4.5, head_y - 2, 1.4, 1.7, BLACK)
    brush.ellipse(head_x, head_y + 12, 3.4, 2.2, mix(face, (220, 150, 140), 0.6))


def person(brush: Brush, rng: Rng) -> None:
    skin, hair = pick(rng, SKINS), pick(rng, HAIRS)
    shirt, trousers = hsv(rng.random(), rng.uniform(0.3, 0.85), rng.uniform(0.5, 0.95)), pick(rng, [(48, 62, 104), (58, 56, 60), (150, 128, 96), (120, 50, 60)])
    stance, skirt, long_hair = rng.uniform(3, 8), rng.random() < 0.3, rng.random() < 0.4
    if long_hair:
        brush.box(38.5, 4, 61.5, 31, hair, radius=9)
    for side in (-1, 1):
        foot = 50 + side * (5 + stance)
        brush.limb([(50 + side * 6, 56), (foot, 92)], 12, 8.5, skin if skirt else trousers)
        brush.ellipse(foot + side * 2, 96, 7, 3.6, BLACK)
        raised = rng.random() < 0.3
        elbow, hand = ((50 + side * 23, 36), (50 + side * 25, 16)) if raised else ((50 + side * 19, 42), (50 + side * (16 + stance), 56))
        brush.limb([(50 + side * 12, 29), elbow], 9.5, 8.5, darker(shirt, 0.88))
        brush.limb([elbow, hand], 8, 6.5, skin)
        brush.ellipse(*hand, 4.2, 4.2, skin)
    brush.blob([(38, 26), (50, 24), (62, 26), (64, 40), (61, 58), (50, 60), (39, 58), (36, 40)], shirt)
    if rng.random() < 0.4:
        for y in range(30, 58, 8):
            brush.box(36, y, 64, y + 3.5, lighter(shirt, 0.55), atop=True)
            brush.box(0, 60, 0.1, 60.1, shirt, atop=True)
    if skirt:
        brush.polygon([(39, 52), (61, 52), (68, 78), (32, 78)], trousers)
    else:
        brush.box(38.5, 54, 61.5, 63, trousers, radius=3)
    brush.limb([(50, 19), (50, 26)], 8, 9, darker(skin, 0.85))
    brush.ellipse(50, 13, 9.6, 11, skin)
    brush.blob([(39.5, 13), (41, 4), (50, 0.6), (59, 4), (60.5, 13), (57, 8), (50, 6.6), (43, 8)], hair)
    if rng.random() < 0.25:
        hat = hsv(rng.random(), 0.7, 0.7)
        brush.box(40, -1 + 1, 60, 7, hat, radius=4)
        brush.box(37, 5, 63, 8, darker(hat, 0.8), radius=1.5)
    for side in (-1, 1):
        brush.ellipse(50 + side * 3.8, 13, 1.4, 1.6, BLACK)
    brush.limb([(47, 18.5), (50, 19.6), (53, 18.5)], 1.2, 1.2, (164, 70, 66))


def leaf(brush: Brush, x: float, y: float, angle: float, length: float, width: float, colour: Colour) -> None:
    """One leaf that grows from (x, y) in the direction `angle` (radians, 0 is right, clockwise)."""
    c, s = np.cos(angle), np.sin(angle)
    points = [(0.0, 0.0), (0.35, 1.0), (0.7, 0.7), (1.0, 0.0), (0.7, -0.7), (0.35, -1.0)]
    brush.polygon(smoothed := [(x + u * length * c - v * width / 2 * s, y + u * length * s + v * width / 2 * c) for u, v in points], colour)
    brush.limb([smoothed[0], (x + 0.85 * length * c, y + 0.85 * length * s)], 0.9, 0.5, darker(colour, 0.75))


def potted_plant(brush: Brush, rng: Rng) -> None:
    green = hsv(rng.uniform(0.24, 0.38), rng.uniform(0.5, 0.8), rng.uniform(0.45, 0.65))
    kind = pick(rng, ["bush", "flowers", "blades", "cactus"])
    if kind == "cactus":
        for points, width in ([(50, 80), (50, 14)], 26), ([(50, 52), (27, 50), (26, 32)], 12), ([(50, 44), (73, 42), (74, 24)], 12):
            brush.limb(points, width, width, green)
        for x in (42, 50, 58):
            brush.limb([(x, 6), (x, 68)], 1.6, 1.6, darker(green, 0.75), atop=True)
        brush.ellipse(50, 4, 5, 4, (232, 90, 140))
    elif kind == "blades":
        for angle in rng.permutation(np.linspace(-0.62, 0.62, 13)).tolist():
            tone = mix(darker(green, 0.7), lighter(green, 0.15), rng.random())
            leaf(brush, 50 + angle * 12, 72, angle - np.pi / 2, rng.uniform(50, 70), 12, tone)
    else:
        brush.ellipse(50, 54, 20, 16, darker(green, 0.5))
        count = 60 if kind == "bush" else 46
        for step in range(count):
            angle, reach = rng.uniform(-1.9, 1.9) - np.pi / 2, rng.uniform(0, 22)
            tone = mix(darker(green, 0.55), lighter(green, 0.2), (step / count + rng.random()) / 2)
            leaf(brush, 50 + reach * np.cos(angle), 48 + reach * np.sin(angle), angle, rng.uniform(16, 27), rng.uniform(9, 13), tone)
        if kind == "flowers":
            petals = hsv(pick(rng, [0.94, 0.0, 0.12, 0.76]), 0.65, 0.95)
            for _ in range(7):
                x, y = 50 + rng.uniform(-28, 28), 34 + rng.uniform(-22, 14)
                for turn in np.arange(5) * 2 * np.pi / 5:
                    brush.ellipse(x + 4.4 * np.cos(turn), y + 4.4 * np.sin(turn), 3.8, 3.8, petals)
                brush.ellipse(x, y, 3, 3, (250, 208, 70))
    pot = pick(rng, [(190, 98, 62), (204, 122, 84), (230, 226, 216), (70, 104, 140), (96, 92, 90)])
    wide, foot = rng.uniform(20, 25), rng.uniform(13, 18)
    brush.polygon([(50 - wide, 68), (50 + wide, 68), (50 + foot, 99), (50 - foot, 99)], pot)
    if rng.random() < 0.4:
        brush.box(0, 80, 100, 86, lighter(pot, 0.4), atop=True)
    brush.box(50 - wide - 3, 64, 50 + wide + 3, 73, darker(pot, 0.88), radius=2)


def tv(brush: Brush, rng: Rng) -> None:
    old = rng.random() < 0.3
    case = pick(rng, [(126, 84, 50), (160, 150, 136), (190, 70, 56)]) if old else pick(rng, [BLACK, BLACK, (70, 72, 78), (196, 198, 202)])
    if old:
        for x in (34, 66):
            brush.limb([(50, 22), (x, 6)], 2.4, 2.4, GREY)
            brush.limb([(x - 6 if x < 50 else x + 6, 90), (x - 10 if x < 50 else x + 10, 98)], 5, 4, darker(case, 0.6))
        frame = (6.0, 20.0, 94.0, 92.0)
        screen = (12.0, 26.0, 72.0, 86.0)
        brush.box(*frame, case, radius=6)
        for y in (38, 54):
            brush.ellipse(83, y, 5, 5, darker(case, 0.5))
            brush.ellipse(83, y, 2, 2, lighter(case, 0.5))
        for y in (68, 73, 78):
            brush.box(77, y, 89, y + 2, darker(case, 0.5))
    else:
        top = rng.uniform(22, 30)
        frame, screen = (1.0, top, 99.0, 86.0), (4.0, top + 3, 96.0, 82.0)
        brush.box(44, 84, 56, 94, darker(case, 0.8))
        brush.box(26, 92, 74, 97, case, radius=2)
        brush.box(*frame, case, radius=2)
    screen_picture(brush, rng, *screen)


def screen_picture(brush: Brush, rng: Rng, left: float, top: float, right: float, bottom: float) -> None:
    wide, high = right - left, bottom - top
    shown = pick(rng, ["landscape", "desktop", "bars", "off"])
    if shown == "landscape":
        hue = pick(rng, [0.57, 0.62, 0.06, 0.85])
        for step in range(8):
            brush.box(left, top + high * step / 8, right, bottom, hsv(hue + 0.01 * step, 0.75 - 0.06 * step, 0.75 + 0.03 * step))
        brush.ellipse(left + wide * 0.75, top + high * 0.25, 6, 6, (255, 240, 170))
        ridge = [(left + wide * x, top + high * rng.uniform(0.4, 0.7)) for x in np.linspace(0, 1, 6)]
        brush.polygon([*ridge, (right, bottom), (left, bottom)], hsv(hue + 0.5, 0.5, 0.45))
        brush.box(left, bottom - high * 0.2, right, bottom, hsv(0.3, 0.7, 0.6))
    elif shown == "desktop":
        brush.box(left, top, right, bottom, hsv(rng.uniform(0.5, 0.75), 0.6, 0.65))
        for x, y in ((0.08, 0.12), (0.4, 0.3)):
            pane = left + wide * x, top + high * y, left + wide * (x + 0.5), top + high * (y + 0.52)
            brush.box(*pane, WHITE, radius=1)
            brush.box(pane[0], pane[1], pane[2], pane[1] + 5, hsv(rng.random(), 0.7, 0.8))
            for line in range(3):
                brush.box(pane[0] + 4, pane[1] + 9 + 6 * line, pane[2] - rng.uniform(5, 18), pane[1] + 12 + 6 * line, GREY)
    elif shown == "bars":
        colours = ((230, 230, 230), (220, 210, 40), (50, 200, 210), (50, 190, 70), (200, 60, 190), (200, 40, 40), (40, 60, 190))
        for step, colour in enumerate(colours):
            brush.box(left + wide * step / 7, top, left + wide * (step + 1) / 7, bottom, colour)
    else:
        brush.box(left, top, right, bottom, (34, 40, 50))
    glare = [(left, bottom), (left, top), (left + wide * 0.5, top), (left + wide * 0.1, bottom)]
    brush.polygon(glare, WHITE, atop=True, opacity=0.12)


# Where each object can be: its painter by the zone of the scene it takes its place in.
PAINTERS: dict[str, dict[str, Callable[[Brush, Rng], None]]] = {
    "aeroplane": {"sky": aeroplane, "ground": parked_aeroplane},
    "bird": {"sky": flying_bird, "ground": standing_bird},
    "boat": {"water": boat},
    "bottle": {"ground": bottle},
    "bus": {"ground": bus},
    "car": {"ground": car},
    "cat": {"ground": cat},
    "cow": {"ground": cow},
    "person": {"ground": person},
    "potted plant": {"ground": potted_plant},
    "sheep": {"ground": sheep},
    "tv/monitor": {"ground": tv},
}
