"""Motifs of the open air: tents, fires, boats and animals met on the way."""

from app.demo.draw import Look, Pen, arc_points, clear, dark, light


def tent(p: Pen, k: Look) -> None:
    """A ridge tent, its door open and lit from inside."""
    tone = k.pick("#e07a3f", "#3f8f7f", "#d9b13b", "#5a7fb5", "#b5533f")
    p.shadow(0, 0, 64, 6)
    p.glow(0, -16, 40, "#ffdf9a", 0.4)
    p.grad([(-62, 0), (-10, -66), (4, -66), (30, 0)], light(tone, 0.15), dark(tone, 0.12))
    p.poly([(4, -66), (64, -8), (30, 0)], dark(tone, 0.35))
    p.poly([(-24, 0), (-4, -48), (12, 0)], "#5a3a22")
    p.poly([(-18, 0), (-4, -40), (7, 0)], "#ffd98a")
    p.poly([(-24, 0), (-4, -48), (-14, -2), (-20, 0)], light(tone, 0.35))
    p.line([(-10, -66), (-76, -2)], 0.9, "#efe6d2")
    p.line([(4, -66), (80, -2)], 0.9, "#efe6d2")
    p.line([(-3, -72), (-3, -64)], 2, "#7a5a44")


def campfire(p: Pen, k: Look) -> None:
    """Burning logs with a pot hanging from a tripod."""
    p.glow(0, -24, 62, "#ffb347", 0.5)
    p.shadow(0, 0, 44, 6)
    for x in (-38, -22, 22, 38):
        p.ellipse(x, -2, 9, 6, "#77706b")
    p.line([(-30, -3), (26, -12)], 8, "#6b4328")
    p.line([(30, -3), (-26, -12)], 8, "#7d5031")
    for color, size in (("#e8501f", 1.0), ("#f79a2a", 0.72), ("#ffe07a", 0.42)):
        w, h = 27 * size, 52 * size
        sway = k.between(-5, 5)
        p.blob(
            [
                (-w * 0.7, -6),
                (-w, -h * 0.4),
                (-w * 0.45, -h * 0.62),
                (sway, -h - 4),
                (w * 0.4, -h * 0.66),
                (w, -h * 0.36),
                (w * 0.7, -6),
            ],
            color,
        )
    for x in (-46, 46):
        p.line([(x, 2), (0, -112)], 3, "#5b4030")
    p.line([(0, -112), (0, -80)], 1.2, "#3a3a3f")
    p.arc(0, -68, 17, 16, (180, 360), 1.6, "#3a3a3f")
    p.grad([(-21, -68), (21, -68), *arc_points(0, -56, 19, 12, 0, 180)], "#4d4d55", "#232328")
    p.ellipse(0, -68, 21, 5, "#6a6a72")
    for _ in range(8):
        p.circle(k.between(-34, 34), k.between(-104, -56), k.between(0.7, 1.5), "#ffb84d")


def backpack(p: Pen, k: Look) -> None:
    """A tall hiking pack with bedroll, boots beside it and a signpost."""
    tone = k.pick("#d9622b", "#2f7f6f", "#3f6aa5", "#c9a227")
    p.shadow(8, 0, 60, 5)
    p.rect(44, -88, 5, 88, "#7a5a44")
    for y, side in ((-84, 1), (-66, -1)):
        p.poly(
            [(46, y), (46 + side * 32, y), (46 + side * 40, y + 7), (46 + side * 32, y + 14), (46, y + 14)],
            "#b98a5a",
        )
    p.rect(-44, -22, 10, 20, dark(tone, 0.3), 4)
    p.rect(22, -40, 12, 30, dark(tone, 0.2), 5)
    p.grad(p.box(-36, -84, 62, 84, 16), light(tone, 0.2), dark(tone, 0.15), across=True)
    p.rect(-40, -98, 70, 16, k.pick("#556b2f", "#4b5a75", "#8a4f3a"), 8)
    p.circle(30, -90, 8, "#cfc4a8")
    p.circle(30, -90, 4, "#8f8670")
    p.rect(-36, -78, 62, 22, dark(tone, 0.12), 9)
    p.rect(-26, -42, 42, 34, dark(tone, 0.18), 7)
    p.line([(-22, -34), (12, -34)], 1.4, "#f3e5c8")
    for x in (-22, 10):
        p.rect(x, -66, 4, 24, "#3a3330")
        p.rect(x - 1, -52, 6, 6, "#d9d9dd", 1)
    for x in (48, 66):
        p.poly([(x - 8, -24), (x + 2, -24), (x + 3, -12), (x + 12, -7), (x + 12, -2), (x - 8, -2)], "#8a5a34")
        p.rect(x - 9, -3, 22, 4, "#3a2c26", 1)


def kayak(p: Pen, k: Look) -> None:
    """A paddler in a long slim boat."""
    tone = k.pick("#e63b2e", "#f2a61f", "#1f9e8f", "#8f4fc0")
    p.ellipse(0, 5, 92, 6, clear("#0a2a3a", 0.3))
    p.poly([(-9, -16), (-13, -46), (-4, -54), (8, -54), (14, -44), (11, -16)], k.pick("#f5c542", "#2f6fb5", "#e86a92"))
    p.circle(1, -64, 10, "#e8b48c")
    p.poly([*arc_points(1, -66, 11, 10, 180, 360)], k.pick("#33383f", "#d62839", "#ffffff"))
    p.line([(-11, -44), (-30, -34)], 5, "#e8b48c")
    p.line([(12, -44), (30, -40)], 5, "#e8b48c")
    p.blob([(-96, -10), (-50, -14), (0, -16), (50, -14), (96, -10), (60, 4), (0, 7), (-60, 4)], tone)
    p.blob([(-90, -9), (0, -13), (90, -9), (0, -5)], light(tone, 0.35))
    p.ellipse(0, -13, 20, 4, dark(tone, 0.5))
    p.line([(-66, -16), (68, -58)], 2.6, "#33383f")
    p.ellipse(-74, -13, 15, 6, "#f4f1e6", -17)
    p.ellipse(76, -61, 15, 6, "#f4f1e6", -17)
    for i in range(4):
        p.line([(-92 + i * 9, 8 + i * 3), (80 - i * 13, 8 + i * 3)], 1.2, clear("#ffffff", 0.5))


def fish(p: Pen, k: Look) -> None:
    """A fish leaping on a line from a bent rod."""
    p.curve([(-96, -2), (-72, -54), (-36, -100), (14, -112)], 2.6, "#5b4030")
    p.circle(-82, -26, 6, "#3a3f47")
    p.line([(14, -112), (32, -74)], 0.8, "#ffffff")
    tone = k.pick("#6f9fb5", "#b58a4f", "#7fa36a", "#d98a7a")
    q = p.at(34, -40, 1.0, tilt=-42)
    q.poly([(-30, 0), (-54, -17), (-47, 0), (-54, 17)], dark(tone, 0.2))
    q.blob([(-34, 0), (-10, -17), (20, -15), (38, 0), (20, 13), (-10, 14)], tone)
    q.blob([(-28, 3), (-6, 10), (20, 9), (36, 2), (0, 3)], "#f3efe0")
    q.poly([(-8, -14), (4, -27), (16, -13)], dark(tone, 0.25))
    q.poly([(-2, 4), (-10, 15), (8, 7)], dark(tone, 0.2))
    q.circle(26, -5, 3.4, "#ffffff")
    q.circle(27, -5, 1.8, "#1a1a1f")
    for i in range(4):
        q.arc(-12 + i * 9, -1, 4, 7, (-80, 80), 0.9, clear("#ffffff", 0.6))
    for _ in range(9):
        p.ellipse(k.between(-4, 56), k.between(-14, 4), 2, 3, clear("#ffffff", 0.85))
    p.arc(20, 4, 40, 7, (0, 360), 1.8, clear("#ffffff", 0.8))
    p.arc(20, 4, 58, 11, (0, 360), 1.2, clear("#ffffff", 0.5))


def telescope(p: Pen, k: Look) -> None:
    """A telescope on a tripod under streaking stars."""
    for _ in range(3):
        x, y = k.between(-80, 60), k.between(-134, -100)
        p.line([(x, y), (x + 18, y + 8)], 1.2, clear("#ffffff", 0.8))
    p.shadow(0, 0, 40, 5)
    for x in (-30, 4, 34):
        p.line([(0, -50), (x, 0)], 4, "#8a6a4a")
    p.circle(0, -52, 7, "#3a3f47")
    q = p.at(0, -58, tilt=-34)
    tone = k.pick("#f3efe6", "#2f4b7a", "#a5392f")
    q.grad(q.box(-44, -11, 84, 22, 3), light(tone, 0.25), dark(tone, 0.3))
    q.grad(q.box(36, -14, 22, 28, 3), "#55585f", "#26282d")
    q.rect(-58, -6, 16, 12, "#3a3f47", 2)
    q.rect(-66, -8, 9, 16, "#26282d", 2)
    q.rect(-10, -19, 30, 6, "#3a3f47", 3)
    q.rect(-4, -12, 5, 24, "#c9a24b")


def mushroom(p: Pen, k: Look) -> None:
    """Two or three capped mushrooms in moss."""
    cap = k.pick("#c8352b", "#b5773f", "#d9a04a", "#8a5a3c")
    for x, size in ((0, 1.0), (44, 0.58), (-46, 0.46)):
        q = p.at(x, 0, size)
        q.shadow(0, 0, 34, 5)
        q.grad([(-11, -52), (11, -52), (16, -2), (-16, -2)], "#fff8ea", "#dccfb6", across=True)
        q.blob([(-13, -40), (0, -44), (13, -40), (17, -32), (0, -35), (-17, -32)], "#f1e6d0")
        q.ellipse(0, -52, 46, 9, "#ead9bd")
        q.grad(
            [*arc_points(0, -52, 50, 46, 180, 360), *arc_points(0, -52, 50, 8, 0, 180)],
            light(cap, 0.2),
            dark(cap, 0.15),
        )
        for dx, dy, r in ((-24, -68, 6), (2, -84, 7), (24, -70, 5.4), (-6, -64, 4), (36, -58, 3.4)):
            q.ellipse(dx, dy, r, r * 0.8, clear("#fffaf0", 0.92))
    for _ in range(16):
        p.leaf(
            k.between(-70, 70), k.between(0, 5), k.between(8, 16), 3, k.between(-40, 40), k.pick("#5f8f3f", "#7fa84f")
        )
    p.leaf(-20, 4, 20, 8, 100, "#c97a2f")


def bird(p: Pen, k: Look) -> None:
    """A round songbird on a leafy branch."""
    tone, breast = k.pick("#4a7fb5 #f08a4b", "#8a6a4f #f3b23f", "#c8402f #f6c9b0", "#5f7f4f #f3e07a").split()
    p.curve([(-100, -6), (-30, -14), (30, -8), (100, -22)], 7, "#6b4a35")
    for x, t in ((-70, -30), (-52, 160), (60, 20), (80, -40), (74, 150)):
        p.leaf(x, -12, 22, 8, t, k.pick("#5f9a4a", "#7fb35a", "#d9a03f"))
    p.poly([(-24, -36), (-72, -14), (-66, -6), (-18, -24)], dark(tone, 0.25))
    p.blob([(-34, -34), (-20, -60), (8, -72), (34, -58), (36, -34), (14, -16), (-18, -18)], tone)
    p.blob([(6, -52), (30, -54), (34, -34), (14, -18), (-6, -20), (2, -36)], breast)
    p.circle(20, -72, 20, tone)
    p.blob([(24, -66), (38, -68), (36, -54), (22, -54)], breast)
    p.poly([(37, -76), (54, -71), (37, -66)], "#f2b134")
    p.circle(26, -77, 4, "#ffffff")
    p.circle(27, -77, 2.6, "#1a1a1f")
    p.blob([(-32, -36), (-12, -54), (8, -50), (2, -32), (-18, -24)], dark(tone, 0.3))
    p.curve([(-24, -34), (-8, -44), (4, -44)], 1.4, light(tone, 0.3))
    for x in (6, 16):
        p.line([(x, -18), (x + 1, -9)], 1.8, "#3a2c26")


def skis(p: Pen, k: Look) -> None:
    """Crossed skis and poles standing in the snow, with goggles."""
    tone = k.pick("#d62839", "#1f77b4", "#f2a61f", "#5f3fa0")
    for x0, x1 in ((-26, 26), (26, -26)):
        p.line([(x0 * 1.6, 0), (x1 * 1.6, -104)], 2, "#3a3f47")
        p.ellipse(x0 * 1.5, -7, 7, 3, "#3a3f47")
        p.line([(x1 * 1.6, -104), (x1 * 1.66, -116)], 4.4, "#1f2329")
    for tilt, x in ((-15, 16), (15, -16)):
        q = p.at(x, 0, tilt=tilt)
        q.grad(q.box(-7, -122, 14, 122, 7), light(tone, 0.2), dark(tone, 0.2))
        q.rect(-7, -86, 14, 10, "#ffffff")
        q.rect(-7, -30, 14, 6, "#ffffff")
        q.rect(-9, -62, 18, 17, "#26282d", 3)
    p.blob([(-60, 4), (-40, -8), (0, -12), (40, -8), (60, 4), (0, 9)], "#ffffff")
    p.rect(-30, -34, 60, 24, "#1f2329", 11)
    p.grad(p.box(-26, -31, 52, 18, 9), "#ffb347", "#c04f9a", across=True)
    p.line([(-16, -28), (-8, -18)], 2.4, clear("#ffffff", 0.7))


def surfboard(p: Pen, k: Look) -> None:
    """A board upright in the sand beside a curling wave."""
    p.blob(
        [(-100, 0), (-96, -46), (-66, -66), (-34, -54), (-26, -34), (-44, -44), (-58, -34), (-52, -8), (-20, 0)],
        "#2a93b5",
    )
    p.curve([(-92, -42), (-66, -62), (-36, -52), (-27, -35)], 5, "#ffffff")
    for _ in range(9):
        p.circle(k.between(-60, -16), k.between(-14, 0), k.between(3, 6), clear("#ffffff", 0.85))
    a, b = k.pick("#f4e3c1 #e4572e", "#9ad1d4 #1f4e6b", "#ffd166 #ef476f", "#fffaf0 #2a9d8f").split()
    p.shadow(26, 0, 26, 4)
    q = p.at(26, 0, tilt=7)
    shape = [(0, 0), (-15, -14), (-20, -60), (-12, -104), (0, -124), (12, -104), (20, -60), (15, -14)]
    q.blob([(x * 1.08, y * 1.01) for x, y in shape], dark(a, 0.25))
    q.blob(shape, a)
    q.poly([(-19.6, -66), (19.6, -78), (18.6, -88), (-18.6, -76)], b)
    q.poly([(-20, -48), (20, -60), (20, -54), (-20, -42)], b)
    q.line([(0, -4), (0, -120)], 1.2, clear(b, 0.8))
    p.blob([(4, 3), (14, -6), (26, -8), (40, -6), (52, 3)], "#e8cf9a")


MOTIFS = {
    "tent": tent,
    "campfire": campfire,
    "backpack": backpack,
    "kayak": kayak,
    "fish": fish,
    "telescope": telescope,
    "mushroom": mushroom,
    "bird": bird,
    "skis": skis,
    "surfboard": surfboard,
}
