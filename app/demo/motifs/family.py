"""Motifs of small children: cots, toys, playgrounds."""

import math

from app.demo.draw import Look, Pen, arc_points, clear, dark, light


def crib(p: Pen, k: Look) -> None:
    """A barred cot with a mobile of stars over it."""
    wood = k.pick("#f7f3ea", "#d9b07a", "#a8774a")
    p.line([(-58, -60), (-58, -132), (2, -134)], 3, dark(wood, 0.2))
    for i, tone in enumerate(("#f2c14e", "#e88fa5", "#8fc9e0")):
        x = -24 + i * 26
        p.line([(2, -134), (x, -128), (x, -112)], 1, "#8a8075")
        if i == 1:
            p.circle(x, -106, 7, tone)
        else:
            pts = [
                (
                    x + (8 if j % 2 == 0 else 3.6) * math.sin(j * math.pi / 5),
                    -105 - (8 if j % 2 == 0 else 3.6) * math.cos(j * math.pi / 5),
                )
                for j in range(10)
            ]
            p.poly(pts, tone)
    p.shadow(0, 0, 72, 6)
    p.rect(-60, -86, 120, 50, light(k.second, 0.45), 2)
    p.rect(-58, -40, 116, 22, "#fffdf8", 5)
    p.blob([(-50, -40), (-40, -52), (-18, -50), (-12, -40)], "#ffffff")
    p.circle(-28, -52, 11, "#f3cfae")
    p.arc(-31, -52, 2.6, 2, (0, 180), 1.1, "#6b4a3a")
    p.arc(-23, -52, 2.6, 2, (0, 180), 1.1, "#6b4a3a")
    p.blob([(-20, -40), (-4, -54), (34, -52), (54, -40), (52, -26), (-18, -26)], k.accent)
    for i in range(10):
        p.rect(-60 + i * 12.9, -80, 4, 68, wood, 1)
    for y in (-84, -16):
        p.rect(-68, y, 136, 7, dark(wood, 0.08), 3)
    for x in (-70, 62):
        p.rect(x, -98, 8, 94, wood, 3)
        p.circle(x + 4, -4, 5, "#4d5058")


def stroller(p: Pen, k: Look) -> None:
    """A pram with a hood and big wheels."""
    tone = k.pick("#3f5f7a", "#c9604f", "#7d9b72", "#d9a441", "#8a7f9a")
    p.shadow(0, 0, 64, 5)
    p.line([(46, -54), (80, -96), (90, -94)], 4, "#4d5058")
    p.line([(-34, -30), (36, -12)], 3, "#8f949c")
    p.line([(36, -32), (-36, -12)], 3, "#8f949c")
    p.grad([(-62, -60), (56, -60), *arc_points(-3, -58, 58, 36, 0, 180)], light(tone, 0.12), dark(tone, 0.15))
    p.poly([(-2, -60), *arc_points(-2, -60, 60, 60, 180, 290)], dark(tone, 0.1))
    for a in (205.0, 232.0, 260.0):
        p.line(
            [(-2, -60), (-2 + 60 * math.cos(math.radians(a)), -60 + 60 * math.sin(math.radians(a)))],
            1.3,
            light(tone, 0.4),
        )
    p.blob([(0, -60), (8, -76), (28, -74), (50, -60)], "#fffaf0")
    p.circle(8, -72, 11, "#f3cfae")
    p.circle(10, -72, 1.5, "#3a2a2a")
    p.rect(-64, -64, 122, 7, light(tone, 0.35), 3)
    for x in (-38, 38):
        p.arc(x, -18, 18, 18, (0, 360), 4.4, "#33363d")
        for i in range(4):
            a = math.radians(45 * i)
            c, s = 16 * math.cos(a), 16 * math.sin(a)
            p.line([(x - c, -18 - s), (x + c, -18 + s)], 1.2, "#aab0b8")
        p.circle(x, -18, 4, "#d9b35a")


def blocks(p: Pen, k: Look) -> None:
    """Stacked wooden blocks, a ring tower and a toy train."""
    p.shadow(0, 0, 80, 6)
    tones = ["#e4576a", "#f2c14e", "#5fa8d9", "#7fbf6a", "#e8924f"]
    k.rng.shuffle(tones)
    for i, (x, y) in enumerate(((-82, 0), (-54, 0), (-68, -27))):
        p.rect(x, y - 27, 27, 27, tones[i], 3)
        p.rect(x + 3, y - 24, 21, 21, light(tones[i], 0.3), 2)
        if i == 0:
            p.circle(x + 13.5, y - 13.5, 6, tones[i])
        elif i == 1:
            p.poly([(x + 13.5, y - 20), (x + 20, y - 8), (x + 7, y - 8)], tones[i])
        else:
            p.rect(x + 8, y - 19, 11, 11, tones[i])
    p.poly([(-70, -54), (-54.5, -76), (-39, -54)], tones[3])
    p.line([(2, 0), (2, -86)], 5, "#e3c08a")
    for i in range(5):
        wide = 28 - i * 4
        p.rect(2 - wide, -15 - i * 14, 2 * wide, 13.4, tones[i], 6.6)
        p.rect(2 - wide + 4, -13 - i * 14, wide, 3, clear("#ffffff", 0.35), 1.5)
    p.circle(2, -88, 6, tones[0])
    p.rect(40, -30, 50, 20, tones[2], 3)
    p.rect(40, -54, 20, 28, tones[4], 3)
    p.rect(44, -49, 12, 12, "#fff6df", 1)
    p.rect(74, -46, 9, 18, tones[0], 2)
    p.rect(36, -58, 28, 6, tones[1], 2)
    for x in (50, 78):
        p.circle(x, -9, 9.4, "#7a5236")
        p.circle(x, -9, 4, "#f2c14e")


def highchair(p: Pen, k: Look) -> None:
    """A high chair with a bowl, a spoon and splashes."""
    wood = k.pick("#e3c08a", "#f7f3ea", "#b5824f")
    p.shadow(0, 0, 52, 6)
    for x0, x1 in ((-22, -44), (22, 44)):
        p.line([(x0, -56), (x1, -2)], 6, wood)
    p.line([(-36, -22), (36, -22)], 5, dark(wood, 0.1))
    p.rect(-30, -118, 60, 62, wood, 12)
    p.rect(-24, -112, 48, 50, k.second, 10)
    p.rect(-32, -60, 64, 9, dark(wood, 0.12), 3)
    p.circle(0, -88, 17, "#f3cfae")
    p.poly([*arc_points(0, -91, 17, 15, 190, 350)], k.pick("#4a2f26", "#a8743f", "#2b1d18"))
    for x in (-6, 6):
        p.circle(x, -88, 2.1, "#2b1d18")
        p.circle(x * 1.7, -82, 3, clear("#f28f8a", 0.6))
    p.arc(0, -82, 5, 4, (10, 170), 1.6, "#a8403f")
    p.blob([(-17, -73), (17, -73), (21, -56), (-21, -56)], "#ffffff")
    p.circle(0, -65, 5, k.accent)
    p.rect(-54, -60, 108, 7, "#fffdf8", 3)
    p.rect(-54, -55, 108, 3, "#d9d4c9", 1)
    bowl = k.pick("#e4576a", "#5fa8d9", "#7fbf6a", "#f2c14e")
    p.poly([*arc_points(-26, -72, 18, 13, 0, 180)], bowl)
    p.ellipse(-26, -72, 18, 4, k.pick("#f29a3f", "#a5c95a", "#d9604f"))
    p.line([(-20, -74), (-2, -96)], 2.6, "#aab0b8")
    p.rect(28, -78, 15, 18, "#8fc9e0", 4)
    p.rect(32, -83, 7, 6, bowl, 2)
    for _ in range(7):
        p.circle(k.between(-50, 50), k.between(-63, -58), 1.8, "#f29a3f")


def picture_book(p: Pen, k: Look) -> None:
    """A pop-up book with a castle rising from its pages."""
    p.shadow(0, 2, 86, 6)
    p.poly([(-90, 4), (-76, -26), (0, -20), (76, -26), (90, 4), (0, 10)], "#b5402f")
    p.poly([(-85, 0), (-73, -28), (-2, -22), (0, 6)], "#fffaf0")
    p.poly([(85, 0), (73, -28), (2, -22), (0, 6)], "#f7eedc")
    p.blob([(-66, -20), (-40, -34), (0, -30), (40, -34), (66, -20), (0, -12)], "#8fc96a")
    wall, roof = k.pick("#f7d9c4 #8f5fc0", "#dfe6f0 #3f7fc0", "#f7e9b8 #e4576a").split()
    for x, wide, top in ((-42.0, 18, -72), (42.0, 18, -72), (0.0, 30, -88)):
        p.rect(x - wide / 2, top, wide, -20 - top, wall)
        p.rect(x, top, wide / 2, -20 - top, clear("#5b3a5f", 0.12))
        p.poly([(x - wide / 2 - 4, top), (x, top - wide * 1.3), (x + wide / 2 + 4, top)], roof)
        p.line([(x, top - wide * 1.3), (x, top - wide * 1.3 - 12)], 1.3, "#6b4a35")
        p.poly([(x, top - wide * 1.3 - 12), (x + 11, top - wide * 1.3 - 8), (x, top - wide * 1.3 - 4)], k.accent)
        p.rect(x - 3, top + 10, 6, 9, "#5b4a6f", 3)
    p.rect(-36, -48, 72, 30, dark(wall, 0.06))
    for i in range(6):
        p.rect(-36 + i * 13, -54, 7, 7, dark(wall, 0.06))
    p.poly([(-9, -18), *arc_points(0, -30, 9, 9, 180, 360), (9, -18)], "#6b4a35")
    for i in range(9):
        x, y, r = k.between(-80, 80), k.between(-134, -60), 4 if i % 2 else 2.4
        p.poly(
            [
                (x, y - r),
                (x + r * 0.3, y - r * 0.3),
                (x + r, y),
                (x + r * 0.3, y + r * 0.3),
                (x, y + r),
                (x - r * 0.3, y + r * 0.3),
                (x - r, y),
                (x - r * 0.3, y - r * 0.3),
            ],
            "#ffe27a",
        )


def slide(p: Pen, k: Look) -> None:
    """A playground tower with a slide and a swing."""
    a, b = k.pick("#e63946 #f2c14e", "#3f7fd0 #f28f3f", "#8f4fc0 #6fbf5a").split()
    p.shadow(0, 0, 84, 6)
    for x in (-40, -4):
        p.rect(x, -112, 6, 112, "#b5824f")
    p.poly([(-50, -108), (-19, -138), (12, -108)], a)
    p.rect(-42, -66, 46, 6, "#8a5a3c")
    p.rect(-36, -88, 34, 22, b, 2)
    for i in range(5):
        p.line([(-38, -12 - i * 12), (-58 + i * 4, -12 - i * 12)], 3, "#8a5a3c")
    p.line([(-62, 0), (-40, -66)], 4, "#8a5a3c")
    curve = [(2.0, -66.0), (22.0, -60.0), (44.0, -28.0), (66.0, -8.0), (92.0, -6.0)]
    p.curve([(x, y - 3) for x, y in curve], 15, dark(a, 0.15))
    p.curve(curve, 10, light(a, 0.2))
    p.curve([(x, y + 6) for x, y in curve], 3, dark(a, 0.3))
    p.line([(54, -128), (98, -128)], 5, "#b5824f")
    p.line([(10, -104), (54, -128)], 4, "#b5824f")
    p.line([(96, -128), (106, 0)], 5, "#b5824f")
    for x in (64, 84):
        p.line([(x, -126), (x - 5, -62)], 1.5, "#77797f")
    p.rect(54, -64, 30, 5, b, 2)


MOTIFS = {
    "crib": crib,
    "stroller": stroller,
    "blocks": blocks,
    "highchair": highchair,
    "picture_book": picture_book,
    "slide": slide,
}
