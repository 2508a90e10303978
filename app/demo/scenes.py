"""Backgrounds: rooms, tables and landscapes that return where an object stands in them.

A scene draws with a pen whose unit is a hundredth of the cover, origin at the top left.
"""

import math
from collections.abc import Callable

from app.demo.draw import Look, Pen, arc_points, clear, dark, light, mix

Scene = Callable[[Pen, Look], float]

# Time of day → top and bottom of the sky, tint of far hills, tint of the ground.
SKIES = {
    "day": ("#6fb7e9", "#d9f1fb", "#8fb8b5", "#7fb069"),
    "morning": ("#a9d6ee", "#fdf0d5", "#a8bfc0", "#93b86f"),
    "gold": ("#f2a65a", "#ffe8b8", "#c98f72", "#a99a52"),
    "dusk": ("#4b4a8f", "#f5a3a0", "#6d5b8e", "#565b6d"),
    "night": ("#0f1b3d", "#32467a", "#1e2a52", "#22363c"),
}


def hour_of(look: Look) -> str:
    """The time of day the variant names, or one at random (night is rare)."""
    return look.variant or look.pick("day", "day", "morning", "morning", "gold", "dusk")


def sky(pen: Pen, look: Look, hour: str) -> None:
    """A sky with sun, clouds or stars."""
    top, low, _, _ = SKIES[hour]
    pen.grad(pen.box(0, 0, 100, 100), top, low)
    x = look.between(15, 85)
    if hour == "night":
        for _ in range(34):
            pen.circle(look.between(0, 100), look.between(0, 62), look.between(0.2, 0.6), clear("#ffffff", 0.85))
        pen.glow(x, 17, 14, "#dfe8ff", 0.4)
        pen.circle(x, 17, 5.5, "#f4f1de")
        pen.circle(x + 2.2, 15.6, 4.6, mix(top, low, 0.15))
        return
    sun = {"day": "#fff6cf", "morning": "#fff2c4", "gold": "#fff0b0", "dusk": "#ffd9a0"}[hour]
    y = look.between(14, 24) if hour in ("day", "morning") else look.between(34, 46)
    pen.glow(x, y, 20, sun, 0.5)
    pen.circle(x, y, 6, sun)
    for _ in range(int(look.rng.integers(1, 4))):
        cloud(pen, look.between(5, 95), look.between(6, 32), look.between(0.6, 1.2), light(low, 0.5))


def cloud(pen: Pen, x: float, y: float, size: float, fill: str) -> None:
    """A small flat-bottomed cloud."""
    for dx, dy, r in ((-7, 0, 3.4), (-2.5, -2.4, 4.6), (3, -1.2, 4.2), (7.5, 0.4, 3)):
        pen.circle(x + dx * size, y + dy * size, r * size, clear(fill, 0.75))
    pen.rect(x - 9 * size, y, 18 * size, 3.4 * size, clear(fill, 0.75), 1.7 * size)


def ridge(pen: Pen, look: Look, y: float, height: float, fill: str, bumps: float = 2) -> None:
    """A rolling line of hills filled to the bottom."""
    phase, wave = look.between(0, 6), look.between(0.8, 1.2) * bumps
    line = [
        (
            float(x),
            y - height * (0.5 + 0.5 * math.sin(phase + wave * x / 16)) - height * 0.3 * math.sin(phase * 2 + x / 7),
        )
        for x in range(0, 101, 4)
    ]
    pen.poly([*line, (100, 101), (0, 101)], fill)


def peaks(pen: Pen, look: Look, y: float, fill: str, *, snow: bool = True) -> None:
    """Three overlapping mountains with lit flanks and snow."""
    for i in range(3):
        x = look.between(8, 28) + i * 32
        tall = look.between(24, 42)
        wide = tall * look.between(0.9, 1.2)
        shade = mix(fill, "#ffffff", 0.06 * i)
        pen.poly([(x - wide, y), (x, y - tall), (x + wide, y)], shade)
        pen.poly([(x, y - tall), (x + wide, y), (x + wide * 0.2, y)], dark(shade, 0.18))
        if snow:
            s = 0.32
            pen.poly(
                [
                    (x, y - tall),
                    (x - wide * s, y - tall * (1 - s)),
                    (x - wide * 0.1, y - tall * 0.76),
                    (x + wide * 0.05, y - tall * 0.66),
                    (x + wide * 0.14, y - tall * 0.75),
                    (x + wide * s, y - tall * (1 - s)),
                ],
                "#f5f8fb",
            )


def pine(pen: Pen, x: float, y: float, size: float, fill: str) -> None:
    """A fir tree standing at (x, y)."""
    pen.rect(x - size * 0.05, y - size * 0.15, size * 0.1, size * 0.15, "#5b4636")
    for i in range(3):
        base, wide = y - size * (0.12 + 0.26 * i), size * (0.3 - 0.06 * i)
        pen.poly([(x - wide, base), (x, base - size * 0.42), (x + wide, base)], fill)
        pen.poly([(x, base - size * 0.42), (x + wide, base), (x + wide * 0.1, base)], clear(dark(fill, 0.5), 0.35))


def meadow(pen: Pen, look: Look) -> float:
    """Grass with rolling hills under an open sky."""
    hour = hour_of(look)
    sky(pen, look, hour)
    _, low, far, ground = SKIES[hour]
    ridge(pen, look, 62, 12, mix(far, low, 0.35), 1.3)
    ridge(pen, look, 68, 9, mix(far, ground, 0.5), 1.8)
    pen.grad(pen.box(0, 72, 100, 29), ground, dark(ground, 0.22))
    for _ in range(26):
        x, y = look.between(0, 100), look.between(76, 99)
        pen.line(
            [(x, y), (x + look.between(-1, 1), y - look.between(1.5, 3))],
            0.5,
            clear(light(ground, 0.35), 0.7),
        )
    return 88


def mountains(pen: Pen, look: Look) -> float:
    """Snowy peaks, firs and a clearing."""
    hour = hour_of(look)
    sky(pen, look, hour)
    _, low, far, ground = SKIES[hour]
    peaks(pen, look, 72, mix(far, "#55627a", 0.45))
    ridge(pen, look, 72, 5, mix(far, ground, 0.6))
    for _ in range(9):
        x = look.between(0, 34) + (66 if look.chance(0.5) else 0)
        pine(pen, x, look.between(74, 79), look.between(14, 24), mix(dark(ground, 0.35), "#234d43", 0.4))
    pen.grad(pen.box(0, 77, 100, 24), mix(ground, low, 0.1), dark(ground, 0.25))
    return 89


def forest(pen: Pen, look: Look) -> float:
    """Tree trunks in haze over a mossy floor."""
    hour = look.variant or look.pick("day", "morning", "gold")
    haze = {"day": "#cfe6d0", "morning": "#e6efd2", "gold": "#f6e2b0", "night": "#20344a"}[hour]
    pen.grad(pen.box(0, 0, 100, 80), light(haze, 0.25), mix(haze, "#5d8a5a", 0.45))
    for layer in range(3):
        trunk = mix(haze, "#4a3b2f", 0.28 + 0.24 * layer)
        for _ in range(6 - layer):
            x, wide = look.between(-3, 103), 1.5 + layer * 1.5
            pen.poly([(x - wide, 82), (x - wide * 0.6, 0), (x + wide * 0.6, 0), (x + wide, 82)], trunk)
        for _ in range(6):
            pen.circle(
                look.between(0, 100),
                look.between(-8, 8),
                look.between(8, 16),
                clear(mix(haze, "#3f6b45", 0.4 + 0.2 * layer), 0.8),
            )
    pen.grad(pen.box(0, 76, 100, 25), "#7d8f4e", "#4a5a35")
    for _ in range(30):
        pen.ellipse(
            look.between(0, 100),
            look.between(78, 99),
            1.4,
            0.7,
            clear(look.pick("#c98b3c", "#a3642f", "#8fa354"), 0.8),
        )
    return 88


def snowfield(pen: Pen, look: Look) -> float:
    """White slopes with firs and falling flakes."""
    hour = look.variant or look.pick("day", "morning", "dusk")
    sky(pen, look, hour)
    peaks(pen, look, 66, "#8fa6bf")
    pen.grad([(0, 62), (100, 70), (100, 101), (0, 101)], "#ffffff", "#d5e3f0")
    for _ in range(6):
        pine(pen, look.between(0, 100), look.between(66, 72), look.between(10, 17), "#3d6a64")
    for _ in range(30):
        pen.circle(look.between(0, 100), look.between(0, 100), look.between(0.3, 0.8), clear("#ffffff", 0.9))
    return 88


def water(pen: Pen, look: Look, y: float, hour: str) -> None:
    """A sea or lake from `y` down, with glints."""
    top, low, _, _ = SKIES[hour]
    pen.grad(pen.box(0, y, 100, 101 - y), mix("#3c9fc0", low, 0.3), mix("#17607f", top, 0.25))
    for _ in range(24):
        x, row, wide = look.between(0, 100), look.between(y + 2, 99), look.between(2, 8)
        pen.line([(x, row), (x + wide, row)], 0.5, clear("#ffffff", 0.4))


def sea(pen: Pen, look: Look) -> float:
    """Open water to the horizon; objects float."""
    hour = hour_of(look)
    sky(pen, look, hour)
    if look.chance(0.5):
        pen.blob([(60, 61), (74, 53), (88, 50), (106, 61)], mix(SKIES[hour][2], SKIES[hour][1], 0.2))
    water(pen, look, 60, hour)
    return 80


def lake(pen: Pen, look: Look) -> float:
    """Still water under mountains."""
    hour = hour_of(look)
    sky(pen, look, hour)
    peaks(pen, look, 58, mix(SKIES[hour][2], "#55627a", 0.4))
    for i in range(13):
        pine(pen, i * 8.3, 59.5, look.between(7, 13), mix(SKIES[hour][3], "#1f4a40", 0.6))
    water(pen, look, 58, hour)
    return 82


def beach(pen: Pen, look: Look) -> float:
    """Sand in front, surf and sea behind."""
    hour = hour_of(look)
    sky(pen, look, hour)
    water(pen, look, 54, hour)
    sand = mix("#f3dcae", SKIES[hour][1], 0.2)
    shore = [(0.0, 74.0), (25.0, 70.0), (50.0, 74.0), (75.0, 71.0), (100.0, 75.0)]
    pen.curve([(x, y - 1) for x, y in shore], 3, "#ffffff")
    pen.grad([*shore, (100, 101), (0, 101)], sand, dark(sand, 0.12))
    if look.chance(0.5):
        x = look.between(10, 90)
        for k in range(5):
            pen.leaf(x, 94, 3, 1.2, 72 * k, "#e0705a")
    return 90


def hills_at_sunset(pen: Pen, look: Look) -> float:
    """Layered hills far below; objects float in the air."""
    hour = look.variant or look.pick("morning", "gold", "dusk", "day")
    sky(pen, look, hour)
    _, low, far, ground = SKIES[hour]
    for i in range(4):
        ridge(pen, look, 74 + 8 * i, 9 - i, mix(mix(far, low, 0.5 - 0.15 * i), ground, 0.25 * i), 1 + 0.3 * i)
    return 78


def park(pen: Pen, look: Look) -> float:
    """A lawn with round trees and a path."""
    hour = look.variant or look.pick("day", "morning", "gold")
    sky(pen, look, hour)
    ground = mix(SKIES[hour][3], "#8cc26a", 0.4)
    pen.rect(0, 62, 100, 40, ground)
    for _ in range(6):
        x, r = look.between(0, 100), look.between(8, 13)
        pen.rect(x - 1, 54, 2, 14, "#7a5a44")
        leaf = mix(ground, look.pick("#3f7d4d", "#5b9a57", "#d79a4b"), 0.6)
        for dx, dy in ((0, 0), (-r * 0.6, r * 0.4), (r * 0.6, r * 0.4)):
            pen.circle(x + dx, 48 + dy, r * 0.75, leaf)
        pen.circle(x - r * 0.25, 46, r * 0.4, clear(light(leaf, 0.4), 0.5))
    pen.grad(pen.box(0, 68, 100, 33), light(ground, 0.1), dark(ground, 0.15))
    pen.poly([(30, 101), (46, 68), (54, 68), (78, 101)], "#e8d8b7")
    return 90


def street(pen: Pen, look: Look) -> float:
    """House fronts and a pavement."""
    hour = look.variant or look.pick("day", "gold", "dusk", "night")
    sky(pen, look, hour)
    dim = {"day": 0.0, "morning": 0.0, "gold": 0.1, "dusk": 0.35, "night": 0.6}[hour]
    x = -4.0
    while x < 100:
        wide, tall = look.between(18, 28), look.between(36, 62)
        wall = mix(look.pick("#e8b298", "#d9c5a0", "#a9c0c9", "#c98f86", "#b9c6a6"), "#1b2240", dim)
        pen.rect(x, 76 - tall, wide, tall, wall)
        pen.rect(x - 1, 74 - tall, wide + 2, 3, dark(wall, 0.3))
        pane = "#ffe2a0" if dim > 0.3 else "#e9f3f7"
        for row in range(int(tall // 15)):
            for col in range(2):
                lit = pane if look.chance(0.75) else dark(wall, 0.3)
                pen.rect(x + wide * (0.18 + 0.4 * col), 80 - tall + row * 15, wide * 0.24, 8, lit, 1)
        x += wide
    pen.grad(pen.box(0, 76, 100, 25), mix("#c9c2b8", "#1b2240", dim), mix("#8f8a86", "#1b2240", dim))
    pen.line([(0, 82), (100, 82)], 0.6, clear("#ffffff", 0.35))
    return 91


OUTSIDE: dict[str, Scene] = {
    "meadow": meadow,
    "mountains": mountains,
    "forest": forest,
    "snow": snowfield,
    "sea": sea,
    "lake": lake,
    "beach": beach,
    "air": hills_at_sunset,
    "park": park,
    "street": street,
}


def vault(pen: Pen, x: float, y: float, width: float, height: float, fill: str) -> None:
    """An arched opening standing at (x, y)."""
    top = arc_points(x + width / 2, y - height + width / 2, width / 2, width / 2, 180, 360)
    pen.poly([(x, y), *top, (x + width, y)], fill)
