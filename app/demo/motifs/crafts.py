"""Motifs of making things by hand, cameras among them."""

import math

from app.demo.draw import Look, Pen, arc_points, clear, dark, light


def knitting(p: Pen, k: Look) -> None:
    """Balls of wool, needles, and a half-made striped scarf."""
    p.shadow(0, 0, 66, 6)
    a, b = k.pick("#c8553d #f2d492", "#588b8b #f7efe0", "#9a6fb0 #f2c4ce", "#3d5a80 #e0fbfc").split()
    for row in range(8):
        y = -72 + row * 9
        tone = a if (row // 2) % 2 else b
        for i in range(9):
            x = -76 + i * 9
            p.line([(x, y), (x + 4.5, y + 7)], 3.6, tone)
            p.line([(x + 9, y), (x + 4.5, y + 7)], 3.6, dark(tone, 0.1))
    p.line([(-86, -70), (28, -90)], 3, "#d9b070")
    p.circle(-86, -70, 4.4, "#b5402f")
    for x, y, r, tone in ((48, -28, 28, a), (18, -16, 17, b)):
        p.circle(x, y, r, tone)
        for i in range(6):
            q = p.at(x, y, tilt=i * 31)
            q.arc(0, 0, r * 0.92, r * (0.2 + 0.13 * i), (185, 355), 1.6, dark(tone, 0.2) if i % 2 else light(tone, 0.3))
    for x0, x1 in ((34, 82), (74, 22)):
        p.line([(x0, -40), (x1, -112)], 2.8, "#d9b070")
        p.circle(x1, -112, 4.4, "#b5402f")
    p.curve([(30, -4), (-4, 6), (-30, 0), (-40, -2)], 2, a)


def pottery(p: Pen, k: Look) -> None:
    """A vase being shaped on a wheel by two hands."""
    clay = k.pick("#b5764f", "#c98f6a", "#9a8478", "#d9b59a")
    p.shadow(0, 0, 60, 6)
    p.grad([(-26, -18), (26, -18), (34, 0), (-34, 0)], "#77706b", "#4d4744")
    p.ellipse(0, -20, 66, 12, "#5b5552")
    p.ellipse(0, -23, 66, 12, "#8f8985")
    for r in (56, 44):
        p.arc(0, -23, r, r * 0.18, (0, 360), 1, clear("#ffffff", 0.35))
    left = [(-26, -24), (-36, -44), (-34, -62), (-18, -80), (-15, -94), (-22, -104)]
    p.grad([*left, *[(-x, y) for x, y in reversed(left)]], light(clay, 0.25), dark(clay, 0.2), across=True)
    p.ellipse(0, -104, 22, 5, dark(clay, 0.35))
    p.arc(0, -104, 22, 5, (0, 360), 2, light(clay, 0.25))
    for y, w in ((-40, 34), (-50, 36), (-60, 34), (-70, 27)):
        p.arc(0, y - 3, w, 5, (15, 165), 1.2, clear(dark(clay, 0.5), 0.5))
    skin = k.pick("#f0c9a4", "#d9a27a", "#8a5a3c")
    for side in (-1, 1):
        q = p.at(side * 36, -56, mirror=side < 0)
        q.poly([(14, -12), (64, -26), (64, 2), (14, 10)], k.main)
        q.blob([(22, -13), (8, -17), (-2, -14), (-5, -2), (0, 11), (12, 13), (24, 9)], skin)
        for y in (-8, -1, 6):
            q.line([(-3, y), (8, y - 1)], 1, dark(skin, 0.2))


def watercolour(p: Pen, k: Look) -> None:
    """A palette of paint, brushes, and a small landscape on paper."""
    p.rect(-80, -112, 90, 70, clear("#1a1020", 0.15), 1)
    p.rect(-83, -115, 90, 70, "#fffdf6", 1)
    p.grad(p.box(-77, -109, 78, 34), k.pick("#a5d8f3", "#f7c9a8", "#d9c0f0"), "#fdf6e8")
    p.blob([(-77, -72), (-60, -88), (-40, -76), (-20, -92), (1, -70), (1, -52), (-77, -52)], clear("#5f9fa8", 0.75))
    p.blob([(-77, -62), (-40, -70), (1, -60), (1, -52), (-77, -52)], clear("#7fae5a", 0.8))
    p.circle(-18, -98, 6, clear("#f2a63f", 0.85))
    p.blob(
        [(-72, -14), (-58, -40), (-14, -46), (34, -40), (54, -18), (36, 4), (6, 2), (-4, -8), (-24, 0), (-56, 4)],
        "#c99a62",
    )
    p.blob(
        [(-69, -16), (-56, -40), (-14, -45), (32, -40), (50, -19), (34, 0), (8, -1), (-4, -11), (-24, -4), (-54, 0)],
        "#e8c896",
    )
    p.ellipse(10, -14, 7, 4, "#a9793f")
    for x, y, tone in (
        (-50, -16, "#e63946"),
        (-42, -31, "#f4a261"),
        (-22, -37, "#ffd166"),
        (0, -37, "#6fbf5a"),
        (21, -33, "#2a9d8f"),
        (36, -22, "#3f7fd0"),
        (28, -8, "#8f5fc0"),
        (-26, -16, "#ffffff"),
    ):
        p.blob([(x - 7, y), (x - 2, y - 5), (x + 6, y - 3), (x + 7, y + 3), (x - 3, y + 4)], tone)
        p.circle(x - 2, y - 1.4, 1.5, clear("#ffffff", 0.6))
    p.poly([(52, -44), (84, -44), (80, 0), (56, 0)], "#dcebf0")
    p.poly([(54, -26), (82, -26), (79, -2), (57, -2)], clear(k.pick("#7fb5d9", "#c98fb5", "#8fc0a0"), 0.9))
    for x, t, tone in ((62, -14, "#e63946"), (69, 4, "#3f7fd0"), (75, 20, "#f4a261")):
        q = p.at(x, -28, tilt=t)
        q.line([(0, 0), (0, -56)], 2.6, k.pick("#8a4f2f", "#2b2b30", "#d9b070"))
        q.rect(-3, -68, 6, 13, "#c9ccd2")
        q.blob([(-4, -68), (-5, -76), (0, -88), (5, -76), (4, -68)], tone)


def embroidery(p: Pen, k: Look) -> None:
    """A hoop with stitched flowers, a needle and thread."""
    p.circle(3, -47, 58, clear("#1a1020", 0.15))
    cloth = k.pick("#fbf5e9", "#dfe8ec", "#f3dcd2", "#2f3f56")
    p.rect(-9, -116, 18, 12, "#c9a06a", 2)
    p.rect(-4, -122, 8, 8, "#d9b35a", 2)
    p.circle(0, -50, 58, "#c9935a")
    p.circle(0, -50, 55, "#e3b880")
    p.circle(0, -50, 51, cloth)
    for x, y, t in ((-20, -36, -40), (-8, -26, -14), (12, -30, 24), (24, -44, 48), (-30, -58, -66), (2, -70, 4)):
        p.curve([(0, -8), (x * 0.5, (y - 8) / 2), (x, y)], 1.8, "#5f9a5a")
        p.leaf(x * 0.5, (y - 8) / 2, 13, 4.4, t + 60, "#7fae6a")
        tone = k.pick("#e4576a", "#f2a63f", "#8f6fd0", "#5f9fd9", "#f28fa5")
        for i in range(6):
            p.leaf(x, y - 6, 12, 5, i * 60 + t, tone)
        p.circle(x, y - 6, 3.2, "#ffd84f")
    for i in range(40):
        a = math.radians(9 * i)
        p.line([(44 * math.cos(a), -50 + 44 * math.sin(a)), (47 * math.cos(a), -50 + 47 * math.sin(a))], 1.3, k.accent)
    p.line([(32, -84), (74, -116)], 2, "#c9ccd2")
    p.curve([(74, -116), (90, -96), (70, -66), (86, -30)], 1.4, "#e4576a")
    for x, tone in ((70, "#e4576a"), (84, "#5f9fd9")):
        p.rect(x - 6, -14, 12, 16, tone, 2)
        p.rect(x - 8, -16, 16, 4, "#e3b880", 1)
        p.rect(x - 8, 0, 16, 4, "#e3b880", 1)


def saw(p: Pen, k: Look) -> None:
    """A hand saw half through a plank, hammer and shavings by it."""
    p.rect(-88, -24, 176, 20, "#d9a868", 2)
    p.poly([(-88, -24), (-78, -32), (96, -32), (88, -24)], "#ecc48c")
    for y in (-18.0, -12.0):
        p.curve([(-84, y), (-30, y + 2), (20, y - 2), (84, y + 1)], 0.9, "#b5834a")
    for x in (-70.0, 60.0):
        p.rect(x, -5, 12, 10, "#7a5236")
    q = p.at(-6, -30, tilt=-32)
    q.poly([(-64, -3), (50, -3), (50, -34), (-64, -14)], "#cfd4da")
    q.poly([(-64, -9), (50, -22), (50, -34), (-64, -14)], "#e8ecf0")
    for i in range(19):
        q.poly([(-64 + i * 6, -3), (-61 + i * 6, 2), (-58 + i * 6, -3)], "#aab0b8")
    tone = k.pick("#b5402f", "#a8743f", "#2f6f8f", "#e0a030")
    q.blob([(46, -2), (44, -36), (60, -42), (80, -36), (88, -14), (76, 4), (60, 6)], tone)
    q.blob([(58, -10), (58, -26), (68, -28), (74, -14), (68, -6)], "#f3dfc0")
    q = p.at(-52, -34, tilt=58)
    q.rect(-3.4, -62, 6.8, 62, "#c98f52", 3)
    q.rect(-17, -76, 32, 16, "#4d5058", 3)
    q.poly([(-17, -76), (-32, -66), (-17, -62)], "#4d5058")
    for _ in range(9):
        x, y = k.between(-60, 60), k.between(-2, 8)
        p.arc(x, y, 5, 4, (k.between(0, 90), k.between(230, 330)), 2, "#f3d9a8")


def origami(p: Pen, k: Look) -> None:
    """A folded paper crane, a smaller one behind, and coloured sheets."""
    for x, tilt, tone in ((-50, -14, "#f4a261"), (46, 12, "#8fc9c4"), (4, 4, "#f7e3a8")):
        q = p.at(x, -4, tilt=tilt)
        q.poly([(-30, -8), (22, -10), (32, 6), (-24, 9)], tone)
    for x, y, size, tone in (
        (52, -70, 0.45, k.pick("#ffd166", "#8fc9c4")),
        (-6, -8, 1.0, k.pick("#e4455a", "#3f7fc0", "#e8793f", "#6f9a4f", "#8f6fc9")),
    ):
        q = p.at(x, y, size)
        q.poly([(-8, -44), (-88, -84), (-74, -92), (8, -34)], dark(tone, 0.15))
        q.poly([(-74, -92), (-88, -84), (-96, -70), (-82, -82)], dark(tone, 0.35))
        q.poly([(8, -40), (84, -98), (40, -16)], light(tone, 0.15))
        q.poly([(-28, -40), (14, -112), (30, -36)], light(tone, 0.35))
        q.poly([(14, -112), (30, -36), (4, -30)], tone)
        q.poly([(-30, -40), (2, -2), (40, -20), (30, -42), (2, -48)], tone)
        q.poly([(2, -2), (40, -20), (30, -42)], dark(tone, 0.2))
        q.poly([(-30, -40), (2, -2), (2, -48)], light(tone, 0.1))


def sewing(p: Pen, k: Look) -> None:
    """A sewing machine with cloth under the needle."""
    tone = k.pick("#2f3f56", "#f3efe6", "#c9604f", "#5f8f8a", "#e8b8c0")
    p.shadow(0, 0, 76, 6)
    p.grad(p.box(-76, -18, 152, 18, 4), light(tone, 0.15), dark(tone, 0.25))
    p.blob([(34, -16), (36, -70), (54, -92), (74, -80), (74, -16)], tone)
    p.rect(-66, -98, 136, 34, tone, 15)
    p.rect(-62, -95, 128, 8, clear("#ffffff", 0.2), 4)
    p.rect(-66, -72, 26, 26, tone, 5)
    p.line([(-53, -46), (-53, -20)], 2, "#c9ccd2")
    p.rect(-60, -26, 14, 4, "#aab0b8", 1)
    p.circle(78, -78, 15, dark(tone, 0.3))
    p.circle(78, -78, 8, "#d9b35a")
    p.rect(10, -116, 14, 18, k.accent, 2)
    p.rect(8, -119, 18, 4, "#e3c08a", 1)
    p.line([(16, -108), (-40, -100), (-53, -60), (-53, -30)], 1, k.accent)
    for x in (-20, 0):
        p.circle(x, -78, 5, "#d9b35a")
    p.rect(34, -60, 34, 14, clear("#d9b35a", 0.7), 2)
    cloth = k.pick("#f2a6a0", "#a5c9e0", "#f2d48a", "#b5d9a5")
    p.poly([(-100, -24), (-10, -24), (6, -14), (-40, 6), (-104, 4)], cloth)
    for i in range(10):
        p.circle(-92 + (i % 5) * 18, -18 + (i // 5) * 12, 2.6, "#fffaf0")
    for i in range(8):
        p.line([(-50 + i * 6, -22 + i * 1.2), (-47 + i * 6, -21.4 + i * 1.2)], 1.3, dark(cloth, 0.5))


def camera(p: Pen, k: Look) -> None:
    """An old film camera with a strap and two film cans."""
    wrap = k.pick("#2b2b30", "#7a4a32", "#3f5f5a", "#2b2b30")
    p.shadow(0, 0, 64, 6)
    p.curve([(-60, -66), (-92, -40), (-86, -4), (-56, 6)], 5, "#8a5a3c")
    p.curve([(60, -66), (88, -50), (92, -20)], 5, "#8a5a3c")
    p.grad(p.box(-62, -84, 124, 84, 9), "#e9ebee", "#b5b9c0")
    p.rect(-62, -66, 124, 50, wrap)
    for _ in range(30):
        p.circle(k.between(-60, 60), k.between(-64, -18), 0.7, clear("#ffffff", 0.16))
    p.poly([(-24, -84), (-17, -102), (17, -102), (24, -84)], "#c9ccd2")
    p.rect(-11, -97, 22, 11, "#2b2f3a", 2)
    for x, r in ((-44, 9), (42, 11)):
        p.rect(x - r, -92, 2 * r, 9, "#8f949c", 2)
        for i in range(4):
            p.line([(x - r + 3 + i * r * 0.5, -91), (x - r + 3 + i * r * 0.5, -85)], 0.9, "#5b6068")
    p.circle(0, -41, 37, "#8f949c")
    p.circle(0, -41, 33, "#2b2b30")
    p.circle(0, -41, 25, "#4d5058")
    p.circle(0, -41, 21, "#16202f")
    p.circle(0, -41, 14, k.pick("#2f4f7a", "#4a3f7a", "#2f5f5a"))
    p.circle(0, -41, 7, "#0c121c")
    p.ellipse(-8, -50, 6, 4, clear("#ffffff", 0.75), -35)
    p.circle(7, -34, 2.4, clear("#ffffff", 0.5))
    p.rect(40, -78, 14, 8, "#e8f2f5", 2)
    p.circle(-46, -58, 4, "#d62839")
    for x, tone in ((-82, "#f2c12e"), (80, "#3f9a5a")):
        p.rect(x - 11, -30, 22, 32, tone, 2)
        p.rect(x - 11, -20, 22, 9, "#2b2b30")
        p.rect(x - 12, -34, 24, 5, "#4d5058", 1)
        p.rect(x - 4, -39, 8, 5, "#4d5058", 1)


def polaroid(p: Pen, k: Look) -> None:
    """Instant prints pegged to a string, and the camera that made them."""
    p.curve([(-100, -128), (0, -112), (100, -128)], 1.3, "#8a6a4a")
    for i, (x, y) in enumerate(((-56, -118), (2, -112), (58, -118))):
        q = p.at(x, y, tilt=k.between(-7, 7))
        q.rect(-22, 2, 46, 54, clear("#1a1020", 0.18))
        q.rect(-24, 0, 46, 54, "#fffdf8")
        top, low = k.pick("#f7a66a #7a4f8f", "#8fd0ee #4f9a6a", "#f7d9a0 #d9705a", "#2f3f7a #f2a0a0").split()
        q.grad(q.box(-20, 4, 38, 36), top, light(low, 0.2))
        if i % 2:
            q.circle(-1, 20, 8, "#fff3c0")
            q.poly([(-20, 40), (-6, 24), (4, 33), (18, 26), (18, 40)], low)
        else:
            q.circle(-1, 21, 7, "#f0c9a4")
            q.poly([*arc_points(-1, 40, 13, 13, 180, 360)], low)
            q.poly([*arc_points(-1, 19, 8, 8, 180, 360)], "#4a2f26")
        q.rect(-5, -5, 8, 12, "#d9a868", 1)
    p.shadow(0, 0, 44, 6)
    p.grad(p.box(-40, -46, 80, 46, 8), "#fbf8f2", "#dcd6cc")
    for i, tone in enumerate(("#e63946", "#f4a261", "#ffd166", "#6fbf5a", "#3f7fd0")):
        p.rect(-7 + i * 2.8, -17, 2.8, 17, tone)
    p.circle(0, -30, 17, "#2b2b30")
    p.circle(0, -30, 10, "#1f3352")
    p.circle(-4, -34, 3, clear("#ffffff", 0.8))
    p.rect(-34, -41, 14, 10, "#3a4150", 2)
    p.rect(22, -41, 12, 9, "#cfe2f0", 2)
    p.circle(-28, -20, 4, "#d62839")
    p.rect(-28, -4, 56, 3, "#3a3538")


def calligraphy(p: Pen, k: Look) -> None:
    """A brush writing bold strokes on a scroll, ink stone beside."""
    p.poly([(-62, -126), (34, -126), (38, -8), (-66, -8)], "#fbf3e0")
    for y in (-130, -10):
        p.rect(-72, y, 116, 8, k.pick("#8a3a2a", "#3a2f2a"), 3)
    ink = "#1f1a1c"
    p.curve([(-44, -106), (-24, -110), (8, -108)], 8, ink)
    p.curve([(-16, -114), (-18, -84), (-40, -62)], 7, ink)
    p.curve([(-16, -92), (0, -74), (16, -66)], 8, ink)
    p.curve([(-48, -44), (-16, -48), (18, -44)], 7, ink)
    p.curve([(-16, -58), (-16, -36), (-20, -22)], 7, ink)
    p.rect(14, -30, 14, 14, "#c8262f", 1)
    p.rect(17, -27, 8, 8, "#fbf3e0", 1)
    p.rect(17, -24, 5, 5, "#c8262f")
    q = p.at(20, -68, tilt=38)
    q.rect(-4.4, -86, 8.8, 62, k.pick("#b58a4f", "#7a3a2a", "#4f7a5a"), 3)
    q.rect(-5.4, -28, 10.8, 7, "#3a2f2a")
    q.blob([(-6, -22), (-8, -10), (0, 8), (8, -10), (6, -22)], ink)
    p.ellipse(70, -6, 30, 9, "#3a3a40")
    p.ellipse(70, -9, 30, 9, "#55555d")
    p.ellipse(70, -9, 21, 5.4, "#151518")
    p.ellipse(64, -10.4, 7, 1.5, clear("#ffffff", 0.5))


MOTIFS = {
    "knitting": knitting,
    "pottery": pottery,
    "watercolour": watercolour,
    "embroidery": embroidery,
    "saw": saw,
    "origami": origami,
    "sewing": sewing,
    "camera": camera,
    "polaroid": polaroid,
    "calligraphy": calligraphy,
}
