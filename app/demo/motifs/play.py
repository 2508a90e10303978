"""Motifs of play: balloons, crayons, bath ducks and kites."""

import math

from app.demo.draw import Look, Pen, arc_points, clear, dark, light


def balloons(p: Pen, k: Look) -> None:
    """A bunch of balloons over wrapped presents, under bunting."""
    p.curve([(-100, -132), (-40, -118), (20, -132), (100, -120)], 1.2, "#8a8075")
    for i in range(9):
        x = -92 + i * 23
        p.poly(
            [(x, -130 + (i % 2) * 4), (x + 15, -128), (x + 7, -112)],
            ("#e4576a", "#f2c14e", "#5fa8d9", "#7fbf6a")[i % 4],
        )
    for x, y in ((-34, -82), (0, -96), (34, -80), (-14, -66), (18, -62)):
        tone = k.pick("#e63956", "#f2b134", "#4f9fe0", "#6fbf5a", "#b56fd9", "#f28fb5")
        p.curve([(x, y + 20), (x * 0.5, y * 0.5), (0, -24)], 0.9, "#8a8075")
        p.ellipse(x, y, 18, 22, tone)
        p.poly([(x - 4, y + 25), (x, y + 20), (x + 4, y + 25)], dark(tone, 0.2))
        p.ellipse(x - 6, y - 9, 4, 6, clear("#ffffff", 0.6), 25)
    p.shadow(0, 0, 62, 6)
    for x, wide, tall, tone in (
        (-36, 42, 34, k.accent),
        (30, 50, 28, k.second),
        (-4, 30, 42, k.pick("#e4576a", "#7fbf6a", "#f2c14e")),
    ):
        band = light(tone, 0.65)
        p.rect(x - wide / 2, -tall, wide, tall, tone, 2)
        p.rect(x - 4, -tall, 8, tall, band)
        p.rect(x - wide / 2 - 2, -tall, wide + 4, 8, dark(tone, 0.12), 2)
        for t in (-52, 52):
            p.leaf(x, -tall, 17, 8, t, band)
        p.circle(x, -tall, 3.6, band)


def crayons(p: Pen, k: Look) -> None:
    """A child's drawing of a house and sun with crayons around it."""
    q = p.at(0, -8, tilt=k.between(-5, 5))
    q.rect(-70, -106, 146, 104, clear("#1a1020", 0.16))
    q.rect(-74, -110, 146, 104, "#fffdf6")
    for i in range(9):
        q.line([(-68 + i * 16, -16), (-62 + i * 16, -24)], 3, "#6fbf5a")
    q.line([(-68, -17), (66, -17)], 3.4, "#6fbf5a")
    q.line([(-42, -18), (-42, -54), (-2, -54), (-2, -18)], 3, "#e4576a")
    q.line([(-50, -54), (-22, -82), (6, -54), (-50, -54)], 3, "#c9502f")
    q.line([(-28, -18), (-28, -38), (-16, -38), (-16, -18)], 2.6, "#5fa8d9")
    q.arc(44, -86, 11, 11, (0, 360), 4, "#f2b134")
    for i in range(9):
        a = math.radians(40 * i)
        q.line(
            [(44 + 16 * math.cos(a), -86 + 16 * math.sin(a)), (44 + 24 * math.cos(a), -86 + 24 * math.sin(a))],
            2.6,
            "#f2b134",
        )
    q.arc(26, -52, 6, 6, (0, 360), 2.6, "#5b4a3a")
    q.line([(26, -46), (26, -30), (19, -18)], 2.6, "#8f5fc0")
    q.line([(26, -30), (33, -18)], 2.6, "#8f5fc0")
    q.line([(14, -42), (38, -42)], 2.6, "#8f5fc0")
    q.curve([(-66, -92), (-56, -100), (-46, -92), (-36, -100), (-28, -92)], 2.6, "#5fa8d9")
    for x, y, tilt, tone in (
        (-70, 8, 76, "#e63946"),
        (-20, 10, 96, "#f2b134"),
        (34, 9, 80, "#3f9a5a"),
        (86, -20, 12, "#3f7fd0"),
        (-92, -40, -14, "#b56fd9"),
    ):
        q = p.at(x, y, tilt=tilt)
        q.rect(-6, -38, 12, 46, tone, 2)
        q.rect(-6, -30, 12, 28, light(tone, 0.4))
        q.poly([(-5, -38), (5, -38), (2, -49), (-2, -49)], dark(tone, 0.1))


def duck(p: Pen, k: Look) -> None:
    """A rubber duck among bubbles in a bath."""
    p.grad(p.box(-130, -22, 260, 60), "#a5e0ee", "#5fb5d0")
    tone = k.pick("#ffd23f", "#ffd23f", "#ffc22e")
    p.blob([(-52, -26), (-66, -50), (-50, -44), (-20, -50), (18, -54), (48, -42), (46, -14), (24, -2), (-26, -2)], tone)
    p.blob([(-42, -24), (-20, -40), (6, -36), (-2, -18), (-24, -12)], dark(tone, 0.1))
    p.circle(24, -76, 30, tone)
    p.circle(14, -88, 9, clear("#ffffff", 0.4))
    p.blob([(46, -80), (62, -84), (74, -76), (62, -66), (46, -66)], "#f2812f")
    p.line([(50, -74), (70, -76)], 1.4, "#b5541f")
    p.circle(34, -86, 5.4, "#26202a")
    p.circle(32.4, -88, 1.9, "#ffffff")
    p.curve([(-120, -10), (-60, -4), (0, -8), (60, -3), (120, -9)], 5, clear("#ffffff", 0.7))
    for i in range(18):
        x = -104 + i * 12.2
        p.circle(x, k.between(-6, 10), k.between(7, 14), k.pick("#ffffff", "#f1f9fc", "#e3f3f9"))
    for _ in range(14):
        x, y, r = k.between(-90, 90), k.between(-130, -50), k.between(2, 7)
        p.circle(x, y, r, clear("#e3f6fd", 0.7))
        p.arc(x, y, r, r, (0, 360), 0.8, "#ffffff")
        p.circle(x - r * 0.35, y - r * 0.35, r * 0.25, "#ffffff")


def kite(p: Pen, k: Look) -> None:
    """A diamond kite with a ribboned tail, and the child holding the line."""
    a, b, c = k.pick("#e63946 #f2c14e #3f7fd0", "#3fa8a0 #f7f3ea #e8793f", "#8f4fc0 #f28fb5 #ffd166").split()
    p.curve([(34, -92), (10, -60), (-34, -40), (-54, -32)], 0.9, "#ffffff")
    q = p.at(44, -96, 1.1, tilt=24)
    q.poly([(0, -46), (30, -8), (0, 40)], a)
    q.poly([(0, -46), (-30, -8), (0, 40)], b)
    q.poly([(-30, -8), (0, -8), (0, 40)], c)
    q.poly([(0, -46), (30, -8), (0, -8)], light(a, 0.3))
    q.line([(0, -46), (0, 40)], 1.3, "#6b4a35")
    q.line([(-30, -8), (30, -8)], 1.3, "#6b4a35")
    q.curve([(0, 40), (10, 56), (-6, 72), (8, 90)], 1.3, "#fffaf0")
    for x, y, tone in ((8, 56, a), (-4, 70, b), (6, 86, c)):
        for t in (-90, 90):
            q.leaf(x, y, 9, 5, t, tone)
    skin = k.pick("#f0c9a4", "#d9a27a", "#8a5a3c")
    p.shadow(-62, 0, 18, 3)
    for x, t in ((-66, -6), (-57, 4)):
        p.line([(x, -20), (x + t, -1)], 6, "#3f4f7a")
    p.blob([(-72, -40), (-52, -40), (-50, -18), (-74, -18)], c)
    p.line([(-56, -36), (-50, -32)], 5, skin)
    p.circle(-62, -50, 11, skin)
    p.poly([*arc_points(-62, -52, 11.6, 11, 170, 350)], "#4a2f26")


MOTIFS = {
    "balloons": balloons,
    "crayons": crayons,
    "duck": duck,
    "kite": kite,
}
