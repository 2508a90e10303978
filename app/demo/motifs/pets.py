"""Motifs of animals kept at home and in the yard."""

import math

from app.demo.draw import Look, Pen, arc_points, clear, dark, light

COATS = ("#e0954a", "#6b6f78", "#f3e6d2", "#3a3538", "#b98a62", "#c9b8a5")


def eye(p: Pen, x: float, y: float, r: float) -> None:
    """A dark shiny eye."""
    p.circle(x, y, r, "#241c20")
    p.circle(x - r * 0.3, y - r * 0.35, r * 0.36, "#ffffff")


def cat(p: Pen, k: Look) -> None:
    """A sitting cat with whiskers and a curled tail, a ball of wool beside it."""
    tone = k.pick(*COATS)
    p.shadow(0, 0, 50, 6)
    p.curve([(26, -6), (56, -4), (60, -30), (48, -44)], 11, dark(tone, 0.15))
    p.blob([(-30, -2), (-34, -34), (-22, -66), (22, -66), (34, -34), (30, -2)], tone)
    p.blob([(-13, -8), (-14, -46), (0, -60), (14, -46), (13, -8)], light(tone, 0.5))
    for x in (-14, 14):
        p.ellipse(x, -4, 11, 6, light(tone, 0.3))
    for side in (-1, 1):
        p.poly([(side * 8, -106), (side * 30, -128), (side * 33, -92)], tone)
        p.poly([(side * 14, -106), (side * 27, -119), (side * 29, -97)], "#f2a6a0")
    p.blob([(-35, -82), (-28, -104), (0, -112), (28, -104), (35, -82), (22, -62), (0, -57), (-22, -62)], tone)
    for x in (-8, 0, 8):
        p.line([(x, -110), (x * 0.8, -99)], 3, dark(tone, 0.35))
    p.ellipse(0, -70, 14, 10, light(tone, 0.55))
    iris = k.pick("#8fc04a", "#f2c23f", "#6fb5d9")
    for x in (-14, 14):
        p.ellipse(x, -85, 6.6, 7, iris)
        p.ellipse(x, -85, 2.6, 6, "#1a1a1f")
        p.circle(x - 1.6, -87.6, 1.6, "#ffffff")
    p.poly([(-4, -76), (4, -76), (0, -71)], "#d9707a")
    p.arc(-4, -71, 4, 4, (0, 150), 1.4, "#5b3a3a")
    p.arc(4, -71, 4, 4, (30, 180), 1.4, "#5b3a3a")
    for side in (-1, 1):
        for dy in (-3, 2, 7):
            p.line([(side * 12, -70 + dy * 0.5), (side * 42, -74 + dy * 1.6)], 0.8, "#fffaf0")
    wool = k.pick("#e4572e", "#2a9d8f", "#d98aa0")
    p.circle(-56, -15, 15, wool)
    for i in range(4):
        p.arc(-56, -15, 13 - i * 2, 6 + i * 2, (190, 350), 1.4, light(wool, 0.45))
    p.curve([(-46, -4), (-34, 3), (-22, 0)], 1.6, wool)


def dog(p: Pen, k: Look) -> None:
    """A sitting dog with floppy ears, tongue out, collar on."""
    tone = k.pick("#c98f4f", "#8a5a3c", "#f0e0c4", "#4a4348", "#d9b48a")
    ear = dark(tone, 0.35)
    p.shadow(0, 0, 52, 6)
    p.curve([(30, -12), (56, -26), (58, -50)], 10, tone)
    p.blob([(-34, -2), (-36, -32), (-22, -66), (22, -66), (36, -32), (34, -2)], tone)
    p.blob([(-14, -6), (-15, -44), (0, -64), (15, -44), (14, -6)], light(tone, 0.55))
    for x in (-17, 17):
        p.rect(x - 9, -34, 18, 32, tone, 8)
        p.ellipse(x, -4, 13, 7, light(tone, 0.35))
        for dx in (-4, 3):
            p.line([(x + dx, -6), (x + dx, -1)], 1, ear)
    p.blob([(-30, -92), (-22, -114), (0, -120), (22, -114), (30, -92), (24, -70), (0, -60), (-24, -70)], tone)
    p.blob([(-6, -118), (6, -118), (8, -92), (0, -86), (-8, -92)], light(tone, 0.5))
    for side in (-1, 1):
        p.blob(
            [
                (side * 20, -114),
                (side * 36, -112),
                (side * 44, -90),
                (side * 38, -70),
                (side * 29, -80),
                (side * 26, -98),
            ],
            ear,
        )
    p.ellipse(0, -76, 18, 14, light(tone, 0.6))
    p.blob([(-6, -68), (6, -68), (7, -54), (0, -50), (-7, -54)], "#f07a86")
    p.line([(0, -66), (0, -56)], 1, "#c9505f")
    p.ellipse(0, -84, 8, 5.6, "#2b2226")
    p.ellipse(-2, -86, 2.4, 1.4, clear("#ffffff", 0.7))
    p.arc(-8, -72, 8, 6, (0, 120), 1.8, "#3a2a2a")
    p.arc(8, -72, 8, 6, (60, 180), 1.8, "#3a2a2a")
    for x in (-13, 13):
        eye(p, x, -95, 4.4)
    p.curve([(-22, -62), (0, -54), (22, -62)], 5, k.pick("#d62839", "#2a7f9e", "#f2a61f"))
    p.circle(0, -51, 4.4, "#e8c15a")
    p.circle(-58, -10, 10, "#cfe33a")
    p.arc(-67, -10, 9, 10, (-50, 50), 1.6, "#ffffff")


def aquarium(p: Pen, k: Look) -> None:
    """A planted tank with fish, stones and bubbles."""
    p.rect(-86, -4, 172, 8, "#6b4a35", 2)
    p.grad(p.box(-80, -104, 160, 100), "#8fe0e6", "#1f7f95")
    p.poly([(-80, -16), (-40, -24), (10, -14), (50, -22), (80, -16), (80, -4), (-80, -4)], "#e3c48f")
    for x, r in ((-34.0, 17), (-14.0, 12), (52.0, 19)):
        p.blob(
            [(x - r, -12), (x - r * 0.6, -12 - r), (x + r * 0.4, -12 - r * 1.2), (x + r, -12)],
            k.pick("#7d7f86", "#6a5f5a", "#8f8a80"),
        )
    p.curve([(-30, -14), (-4, -50), (34, -66)], 6, "#6b4630")
    p.curve([(2, -48), (6, -66), (-8, -80)], 4, "#6b4630")
    for _ in range(22):
        x = k.between(-76, 76)
        tall = k.between(18, 58)
        sway = k.between(-8, 8)
        p.curve(
            [(x, -12), (x + sway, -12 - tall * 0.5), (x - sway, -12 - tall)],
            3,
            k.pick("#3f9a4f", "#6fc05a", "#2f7f4f", "#b5484f"),
        )
    for _ in range(6):
        x, y, tone = (
            k.between(-60, 60),
            k.between(-92, -40),
            k.pick("#ff7a2f", "#ffd23f", "#4f7fff", "#f2f2f2", "#ff4f6f"),
        )
        q = p.at(x, y, k.between(0.8, 1.25), mirror=k.chance(0.5))
        q.poly([(-8, 0), (-17, -7), (-15, 0), (-17, 7)], dark(tone, 0.15))
        q.ellipse(0, 0, 11, 6.4, tone)
        q.poly([(-3, -6), (2, -11), (6, -5)], dark(tone, 0.15))
        q.circle(6, -1.4, 1.6, "#1a1a1f")
    for _ in range(12):
        p.circle(k.between(-70, -56), k.between(-96, -30), k.between(0.9, 2.4), clear("#ffffff", 0.7))
    p.rect(-80, -104, 160, 5, clear("#ffffff", 0.6))
    p.poly([(-76, -20), (-52, -98), (-40, -98), (-68, -14)], clear("#ffffff", 0.2))
    p.rect(-84, -112, 168, 9, "#2b2f36", 3)
    p.rect(-50, -116, 100, 5, "#dff6ff", 2)


def rabbit(p: Pen, k: Look) -> None:
    """A rabbit with tall ears and a carrot."""
    tone = k.pick("#f7f2ea", "#b9a08a", "#8f8a8c", "#e0c4a0", "#5b4f50")
    p.shadow(0, 0, 50, 6)
    p.circle(40, -20, 12, light(tone, 0.6))
    p.blob([(-32, -2), (-34, -30), (-14, -58), (20, -56), (42, -28), (38, -2)], tone)
    p.ellipse(22, -14, 19, 15, dark(tone, 0.08))
    for x in (-24, 16):
        p.ellipse(x, -4, 16, 6, light(tone, 0.35))
    for x, tilt in ((-16, -10), (4, 12)):
        q = p.at(x, -92, tilt=tilt)
        q.ellipse(0, -20, 9.4, 29, tone)
        q.ellipse(0, -18, 5, 21, "#f2b5b0")
    p.blob([(-34, -74), (-26, -98), (-6, -104), (14, -98), (22, -74), (10, -54), (-6, -50), (-22, -54)], tone)
    for x in (-20, 8):
        eye(p, x, -80, 5)
    p.ellipse(-6, -64, 12, 8, light(tone, 0.6))
    p.poly([(-10, -70), (-2, -70), (-6, -66)], "#e58a94")
    p.line([(-6, -66), (-6, -61)], 1.2, "#8f5f60")
    p.rect(-9, -61, 6, 5, "#ffffff", 1)
    for side in (-1, 1):
        for dy in (-2, 3):
            p.line([(-6 + side * 9, -64 + dy), (-6 + side * 32, -66 + dy * 2)], 0.8, clear("#6a5a55", 0.6))
    q = p.at(-56, -8, tilt=-64)
    q.poly([*arc_points(0, -8, 8, 7, 180, 360), (1, 34)], "#f2812f")
    for y in (-4, 4, 12):
        q.line([(-5, y), (0, y + 1)], 1.1, "#c9601f")
    for t in (-26, 0, 26):
        q.leaf(0, -13, 20, 5, t, "#5fa84a")


def hamster(p: Pen, k: Look) -> None:
    """A hamster holding a seed, its wheel behind."""
    p.arc(26, -58, 54, 54, (0, 360), 4, k.pick("#6fb5d9", "#f2a61f", "#d98aa0"))
    p.arc(26, -58, 47, 47, (0, 360), 1.6, "#d9dde2")
    for i in range(16):
        a = math.radians(22.5 * i)
        p.line(
            [(26 + 47 * math.cos(a), -58 + 47 * math.sin(a)), (26 + 54 * math.cos(a), -58 + 54 * math.sin(a))],
            1.4,
            "#d9dde2",
        )
    p.line([(26, -58), (60, 0)], 4, "#8a8f96")
    for _ in range(40):
        p.ellipse(
            k.between(-84, 84), k.between(-3, 5), 4, 1.4, k.pick("#e8d0a0", "#d9b98a", "#f3e3c0"), k.between(0, 180)
        )
    tone = k.pick("#e0a25a", "#c9a88a", "#b5aeb0", "#f0d9b5")
    p.blob([(-52, -4), (-56, -34), (-44, -64), (-14, -72), (16, -64), (28, -34), (24, -4), (-14, 0)], tone)
    p.blob([(-36, -6), (-38, -28), (-14, -42), (10, -28), (8, -6), (-14, -2)], "#fff8ec")
    for x in (-42, 14):
        p.circle(x, -66, 10, dark(tone, 0.1))
        p.circle(x, -65, 6, "#f2a6a0")
    for x in (-36, 8):
        p.ellipse(x, -38, 15, 12, light(tone, 0.65))
    for x in (-30, 2):
        eye(p, x, -52, 5.4)
    p.poly([(-18, -45), (-10, -45), (-14, -41)], "#e58a94")
    p.arc(-14, -38, 4, 3, (0, 180), 1.3, "#6b4a45")
    p.blob([(-14, -30), (-20, -20), (-14, -12), (-8, -20)], "#3a3335")
    p.line([(-14, -28), (-14, -15)], 1.6, "#f7f2e0")
    for x in (-24, -4):
        p.ellipse(x, -20, 6.4, 5, "#f2b5b0")
        p.ellipse(x, -2, 11, 4.4, "#f2b5b0")


def parrot(p: Pen, k: Look) -> None:
    """A parrot on a perch."""
    a, b, c = k.pick(
        "#d9302f #2f6fd0 #ffd23f", "#3fa84a #f2c23f #e4572e", "#2f8fd9 #ffd23f #2f8fd9", "#f7f7f2 #ffe066 #f7f7f2"
    ).split()
    p.line([(-76, -22), (76, -22)], 7, "#8a5a3c")
    p.line([(66, -22), (66, 4)], 5, "#6b4430")
    p.line([(-66, -22), (-66, 4)], 5, "#6b4430")
    for dx, tone in ((-4, b), (4, a), (12, c)):
        p.poly([(8 + dx, -34), (20 + dx, -34), (30 + dx, 20), (22 + dx, 22)], tone)
    p.blob([(-20, -80), (-26, -54), (-12, -28), (10, -22), (26, -40), (22, -78), (4, -96)], a)
    p.blob([(4, -78), (28, -70), (32, -40), (24, -16), (10, -34)], b)
    for i in range(4):
        p.curve([(12, -66 + i * 11), (20, -60 + i * 11), (29, -62 + i * 11)], 1.8, light(b, 0.3))
    p.blob([(8, -78), (24, -74), (26, -60), (14, -60)], c)
    p.circle(-8, -100, 23, a)
    p.ellipse(-16, -100, 11, 12, "#fffaf0")
    eye(p, -15, -102, 4.2)
    p.blob([(-27, -112), (-42, -106), (-42, -88), (-34, -80), (-28, -90)], "#3a3538" if a != "#f7f7f2" else "#6a6668")
    p.blob([(-30, -90), (-34, -84), (-28, -80), (-24, -88)], "#5b5558")
    for t in (-14, 8, 30):
        p.leaf(0, -118, 19, 5, t, c)
    for x in (-8, 6):
        for dx in (-3, 1):
            p.line([(x + dx, -27), (x + dx, -18)], 3, "#8f8a88")


def turtle(p: Pen, k: Look) -> None:
    """A tortoise with a patterned shell and a lettuce leaf."""
    skin = k.pick("#8fae5a", "#b5a55a", "#7f9a6a")
    shell = k.pick("#7a5a35", "#5f6b3a", "#8f6a3f")
    p.shadow(0, 0, 66, 6)
    p.poly([(-60, -18), (-78, -8), (-58, -10)], skin)
    for x in (-40, 30):
        p.blob([(x - 12, -22), (x + 12, -22), (x + 14, -2), (x - 14, -2)], dark(skin, 0.1))
        for dx in (-7, 0, 7):
            p.ellipse(x + dx, -2, 3, 2.4, "#f3ead0")
    p.blob([(40, -26), (60, -36), (66, -62), (86, -68), (98, -54), (92, -38), (74, -34), (62, -14)], skin)
    eye(p, 85, -56, 4.2)
    p.curve([(78, -42), (88, -43), (95, -47)], 1.5, dark(skin, 0.5))
    p.grad([*arc_points(-6, -20, 62, 62, 180, 360)], light(shell, 0.15), dark(shell, 0.2))
    p.rect(-70, -24, 128, 10, dark(shell, 0.3), 5)
    tone = light(shell, 0.4)
    for x, y, r in (
        (-6, -56, 15),
        (-36, -42, 12),
        (24, -42, 12),
        (-52, -29, 7),
        (40, -29, 7),
        (-21, -31, 8),
        (9, -31, 8),
    ):
        p.poly(
            [(x + r * math.cos(math.radians(60 * i)), y + r * 0.85 * math.sin(math.radians(60 * i))) for i in range(6)],
            tone,
        )
        p.poly(
            [
                (x + r * 0.6 * math.cos(math.radians(60 * i)), y + r * 0.5 * math.sin(math.radians(60 * i)))
                for i in range(6)
            ],
            shell,
        )
    for t in (-50, -20, 15):
        p.leaf(96, 2, 24, 10, t, k.pick("#8fcf5a", "#a5d96a"))


MOTIFS = {
    "cat": cat,
    "dog": dog,
    "aquarium": aquarium,
    "rabbit": rabbit,
    "hamster": hamster,
    "parrot": parrot,
    "turtle": turtle,
}
