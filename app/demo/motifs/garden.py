"""Motifs of growing things: pots, flowers, small trees."""

import math

from app.demo.draw import Look, Pen, arc_points, clear, dark, light


def pot(p: Pen, k: Look, half: float = 30, tall: float = 40) -> None:
    """A tapered pot with a rim and a saucer."""
    tone = k.pick("#c8693f", "#c8693f", "#e9e2d6", "#4b6b7a", "#d9a441", "#8f9a8a")
    p.shadow(0, 0, half + 12, 5)
    p.ellipse(0, -2, half + 2, 4, dark(tone, 0.3))
    p.grad(
        [(-half, -tall), (half, -tall), (half * 0.72, 0), (-half * 0.72, 0)],
        light(tone, 0.2),
        dark(tone, 0.25),
        across=True,
    )
    p.grad(p.box(-half - 3, -tall - 7, 2 * half + 6, 11, 2), light(tone, 0.3), dark(tone, 0.15), across=True)
    p.ellipse(0, -tall - 6, half, 3.4, "#4a3326")


def tomato(p: Pen, k: Look) -> None:
    """A staked tomato plant heavy with fruit."""
    p.line([(4, -40), (4, -130)], 2.6, "#b98a5a")
    p.curve([(0, -44), (6, -72), (-2, -100), (4, -124)], 3, "#4f8a3f")
    for y, t, side in (
        (-58, 62, 1),
        (-66, -66, -1),
        (-84, 56, 1),
        (-92, -58, -1),
        (-110, 44, 1),
        (-116, -46, -1),
        (-124, 5, 1),
    ):
        for dt, size in ((0, 30), (26, 20), (-26, 20)):
            p.leaf(1, y, size, 8, t + dt * side, k.pick("#4f9a4a", "#3f8540", "#68b05a"))
    for x, y in ((-20, -54), (-8, -48), (24, -66), (14, -58), (-26, -82), (28, -92), (-14, -98)):
        tone = k.pick("#d9301f", "#d9301f", "#e8502f", "#f2a03a", "#8fb84a")
        p.circle(x, y, 9.4, dark(tone, 0.15))
        p.circle(x - 0.8, y - 0.9, 8.6, tone)
        p.circle(x - 3, y - 3.4, 2.2, clear("#ffffff", 0.6))
        for i in range(5):
            p.line([(x, y - 8), (x + 5 * math.cos(i * 1.25), y - 8 + 3 * math.sin(i * 1.25))], 1.3, "#3f7a35")
    pot(p, k, 32, 38)


def cactus(p: Pen, k: Look) -> None:
    """A ribbed cactus with arms and a flower, small succulents beside it."""
    tone = k.pick("#4f9a5a", "#3f8a6a", "#6aa84f")
    p.rect(-16, -122, 32, 86, tone, 16)
    for side, y, tall in ((-1, -66, 34), (1, -78, 40)):
        p.line([(side * 12, y + 6), (side * 31, y + 6)], 14, tone)
        p.rect(side * 34 - 8, y - tall, 16, tall + 13, tone, 8)
        p.line([(side * 34, y - tall + 7), (side * 34, y + 4)], 1.4, dark(tone, 0.3))
    for x in (-8, 0, 8):
        p.line([(x, -114), (x, -44)], 1.4, dark(tone, 0.3))
    for i in range(18):
        x, y = (-12, -4, 4, 12)[i % 4], -112 + i * 4
        p.line([(x - 2, y - 2), (x + 2, y + 2)], 0.8, "#fff8dc")
        p.line([(x + 2, y - 2), (x - 2, y + 2)], 0.8, "#fff8dc")
    bloom = k.pick("#f25f8f", "#f7b32b", "#e8502f")
    for i in range(7):
        p.leaf(0, -120, 15, 5, -75 + i * 25, bloom)
    pot(p, k, 30, 38)
    q = p.at(64, 0, 0.55)
    for i in range(9):
        q.leaf(0, -44, 34, 13, -88 + i * 22, k.pick("#8fbf9f", "#7fae8f", "#a5cfae"))
    pot(q, k, 30, 38)


def monstera(p: Pen, k: Look) -> None:
    """A monstera with big split leaves."""
    for x, y, size, tilt in (
        (-46, -86, 0.86, -44),
        (44, -94, 0.92, 40),
        (-18, -116, 0.8, -12),
        (24, -70, 0.7, 62),
        (-40, -60, 0.62, -74),
    ):
        p.curve([(0, -40), (x * 0.3, y * 0.7), (x, y + 8)], 2.6, "#4f8a4f")
        q = p.at(x, y + 12, size, tilt=tilt)
        tone = k.pick("#2f8050", "#3a9460", "#27704a")
        q.blob([(0, 6), (-22, 2), (-33, -20), (-24, -46), (0, -62), (24, -46), (33, -20), (22, 2)], tone)
        for side in (-1, 1):
            for i in range(4):
                yy = -2 - i * 13
                q.poly([(side * 36, yy - 3), (side * 13, yy - 4), (side * 36, yy - 10)], dark(tone, 0.62))
                q.line([(0, yy + 4), (side * 24, yy - 9)], 0.9, light(tone, 0.35))
        q.line([(0, 4), (0, -56)], 1.8, light(tone, 0.4))
    pot(p, k, 32, 42)


def bonsai(p: Pen, k: Look) -> None:
    """A small bent pine in a shallow tray."""
    p.shadow(0, 0, 64, 5)
    tray = k.pick("#4a5f75", "#7a4632", "#3a3f47", "#8f9a7a")
    for x in (-40, 32):
        p.rect(x, -5, 10, 6, dark(tray, 0.35))
    p.grad([(-56, -22), (56, -22), (48, -4), (-48, -4)], light(tray, 0.2), dark(tray, 0.2))
    p.rect(-60, -26, 120, 6, light(tray, 0.1), 2)
    p.ellipse(0, -26, 50, 5, "#5f7f3f")
    p.poly(
        [(-16, -26), (8, -26), (16, -48), (2, -64), (-14, -84), (-6, -96), (-15, -98), (-27, -84), (-9, -60), (2, -46)],
        "#7a5236",
    )
    p.line([(6, -56), (38, -66)], 5, "#7a5236")
    p.line([(-16, -78), (-42, -74)], 4.4, "#6b4630")
    for x, y, w in ((-10, -108, 35), (44, -74, 29), (-48, -80, 25), (16, -92, 20)):
        tone = k.pick("#3f7a4a", "#4f8f55", "#35683f")
        p.blob(
            [(x - w, y + 4), (x - w * 0.7, y - 11), (x, y - 18), (x + w * 0.7, y - 11), (x + w, y + 4), (x, y + 9)],
            tone,
        )
        p.blob(
            [(x - w * 0.7, y - 2), (x - w * 0.4, y - 11), (x + 4, y - 14), (x + w * 0.4, y - 7)],
            clear(light(tone, 0.35), 0.7),
        )
    p.ellipse(34, -28, 8, 5, "#9a948c")


def sunflower(p: Pen, k: Look) -> None:
    """Three sunflowers, one tall."""
    petal, seeds = k.pick("#ffc93c", "#ffbe2e", "#ffd84d", "#f0a03a"), k.pick("#5b3a1f", "#4a2f1c", "#6b4a24")
    for x, top, r in ((-44, -76, 17), (46, -84, 19), (0, -106, 25)):
        p.curve([(x * 0.7, 2), (x * 0.9, top * 0.5), (x, top)], 4, "#4f8a3f")
        p.leaf(x * 0.8, top * 0.4, 32, 13, 62, "#5f9f4a")
        p.leaf(x * 0.8, top * 0.3, 32, 13, -62, "#4f8f42")
        for i in range(18):
            p.leaf(x, top, r * 1.3, r * 0.34, i * 20, dark(petal, 0.08) if i % 2 else petal)
        p.circle(x, top, r * 0.62, seeds)
        p.circle(x, top, r * 0.4, light(seeds, 0.15))
        for i in range(14):
            p.circle(
                x + r * 0.5 * math.cos(i * 2.4) * (i / 14), top + r * 0.5 * math.sin(i * 2.4) * (i / 14), 1.1, "#3a2414"
            )


def tulips(p: Pen, k: Look) -> None:
    """A bunch of tulips in a glass vase."""
    tones = k.pick("#e63956 #f28fa5", "#f2a61f #ffd166", "#8f4fc0 #c9a0dc", "#e4572e #fff0e0").split()
    for i, (x, y) in enumerate(((-46, -92), (-24, -112), (0, -100), (24, -116), (48, -92), (-10, -124), (14, -86))):
        p.curve([(x * 0.16, -30), (x * 0.5, y * 0.7), (x, y + 10)], 2.6, "#5f9f4f")
        tone = tones[i % 2]
        q = p.at(x, y + 12, tilt=x * 0.45)
        q.blob([(0, 0), (-12, -8), (-12, -27), (-5, -20), (0, -31), (5, -20), (12, -27), (12, -8)], tone)
        q.blob([(0, 0), (-6, -9), (0, -29), (6, -9)], light(tone, 0.25))
    for t in (-42, -22, 24, 46):
        p.leaf(t * 0.1, -40, 58, 10, t, k.pick("#6aa85a", "#4f8f4a"))
    p.shadow(0, 0, 30, 5)
    p.poly([(-20, -54), (20, -54), (27, -6), (22, 0), (-22, 0), (-27, -6)], "#dceaf0")
    p.grad([(-22, -34), (22, -34), (25, -6), (21, -2), (-21, -2), (-25, -6)], "#bcdcea", "#8fc0d9")
    for x in (-6, 2, 8):
        p.line([(x * 0.6, -52), (x * 1.4, -8)], 1.8, "#5f9f4f")
    p.line([(-15, -50), (-20, -8)], 2.4, clear("#ffffff", 0.8))
    p.ellipse(0, -54, 20, 3.4, clear("#ffffff", 0.7))
    p.poly([*arc_points(0, -44, 22, 4, 0, 180), (-21, -47), (21, -47)], k.accent)


MOTIFS = {
    "tomato": tomato,
    "cactus": cactus,
    "monstera": monstera,
    "bonsai": bonsai,
    "sunflower": sunflower,
    "tulips": tulips,
}
