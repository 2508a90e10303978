"""Motifs of clothes and the dressing table."""

import math

from app.demo.draw import Look, Pen, arc_points, clear, dark, light

CLOTHS = ("#e9dcc9", "#b5533f", "#4b5a75", "#7d8f69", "#d9a5a0", "#33363d", "#c9a24b", "#f4f1ea")


def rack(p: Pen, k: Look) -> None:
    """A clothes rail with coats, shirts and boots below."""
    p.shadow(0, 0, 66, 5)
    for x in (-62, 62):
        p.line([(x, 0), (x, -116)], 3.4, "#3a3330")
        p.line([(x - 12, 0), (x + 12, 0)], 3.4, "#3a3330")
    p.line([(-68, -116), (68, -116)], 3.4, "#3a3330")
    for i in range(6):
        x, tone, long = -48 + i * 19, k.pick(*CLOTHS), k.between(44, 74)
        p.arc(x, -114, 4, 5, (180, 400), 1.4, "#8a8f96")
        p.poly(
            [
                (x - 3, -108),
                (x + 3, -108),
                (x + 12, -100),
                (x + 14, -100 + long),
                (x - 14, -100 + long),
                (x - 12, -100),
            ],
            dark(tone, 0.22),
        )
        p.poly(
            [(x - 3, -108), (x + 2, -108), (x + 9, -100), (x + 10, -100 + long), (x - 13, -100 + long), (x - 12, -100)],
            tone,
        )
        p.line([(x - 2, -106), (x - 2, -102 + long)], 0.9, dark(tone, 0.35))
        p.poly([(x - 5, -108), (x, -98), (x + 4, -108)], light(tone, 0.4))
    for x in (-22, 4):
        p.poly(
            [(x - 7, -22), (x + 4, -22), (x + 5, -10), (x + 14, -6), (x + 14, 0), (x - 7, 0)],
            k.pick("#6b4426", "#2b2b30"),
        )
        p.line([(x - 7, -1), (x + 14, -1)], 2.4, "#1f1a18")


def jeans(p: Pen, k: Look) -> None:
    """Blue jeans with stitching, hung from a belt line."""
    denim = k.pick("#3f5f8f", "#5f82b0", "#2b3f66", "#7f9cc0")
    p.poly([(-36, -118), (36, -118), (46, -4), (8, -2), (1, -70), (-7, -2), (-46, -4)], denim)
    p.poly([(0, -118), (36, -118), (46, -4), (8, -2), (1, -70)], clear(dark(denim, 0.5), 0.2))
    p.blob([(-30, -60), (-24, -84), (-16, -60), (-22, -34)], clear(light(denim, 0.6), 0.4))
    p.blob([(17, -60), (24, -84), (31, -60), (26, -34)], clear(light(denim, 0.6), 0.35))
    p.rect(-36, -120, 72, 9, dark(denim, 0.25), 2)
    for x in (-26, -10, 10, 26):
        p.rect(x - 2, -122, 4, 13, denim)
    p.circle(0, -115.5, 3, "#d9a441")
    p.curve([(0, -110), (2, -92), (0, -78)], 1.2, "#e0a95a")
    for side in (-1, 1):
        p.curve([(side * 35, -98), (side * 22, -100), (side * 16, -110)], 1.2, "#e0a95a")
        p.line([(side * 42, -8), (side * 9, -7)], 4, light(denim, 0.3))
        p.line([(side * 33, -104), (side * 43, -10)], 0.9, "#e0a95a")


def dress(p: Pen, k: Look) -> None:
    """A flared dress with dots on a dressmaker's stand."""
    tone = k.pick("#c8352b", "#2f6f6a", "#e8b04a", "#8f5f9a", "#3f5f8f")
    p.shadow(0, 0, 24, 4)
    p.line([(0, 0), (0, -40)], 3.4, "#6b4a35")
    p.line([(-16, 0), (16, 0)], 4, "#6b4a35")
    p.ellipse(0, -122, 6, 5, "#6b4a35")
    p.poly([(-5, -120), (5, -120), (7, -108), (-7, -108)], "#e9d9c0")
    skirt = [
        (-13, -70),
        (13, -70),
        (32, -44),
        (50, -22),
        (30, -17),
        (10, -20),
        (-10, -17),
        (-30, -20),
        (-50, -22),
        (-32, -44),
    ]
    p.blob(skirt, tone)
    p.poly(
        [(-22, -108), (-12, -112), (0, -98), (12, -112), (22, -108), (18, -88), (13, -68), (-13, -68), (-18, -88)], tone
    )
    for _ in range(30):
        x, y = k.between(-36, 36), k.between(-102, -24)
        if abs(x) < (14 if y < -66 else 12 + (y + 70) * 0.6):
            p.circle(x, y, 1.9, "#fff8ec")
    for x in (-24, -6, 12, 28):
        p.curve([(x * 0.4, -64), (x * 0.8, -40), (x * 1.2, -20)], 1.2, clear(dark(tone, 0.5), 0.4))
    p.rect(-14, -73, 28, 6, dark(tone, 0.4), 2)
    p.circle(0, -70, 3, "#e0b15a")


def handbag(p: Pen, k: Look) -> None:
    """A structured handbag with a flap and a scarf on its handle."""
    tone = k.pick("#8a4f2f", "#c9483f", "#2f5d50", "#d9a86a", "#2b2b33", "#d98aa0")
    p.shadow(0, 0, 58, 6)
    p.arc(0, -64, 27, 38, (180, 360), 5, dark(tone, 0.25))
    p.grad([(-48, -66), (48, -66), (58, -6), (52, 0), (-52, 0), (-58, -6)], light(tone, 0.15), dark(tone, 0.15))
    p.blob([(-50, -68), (50, -68), (46, -44), (18, -30), (-18, -30), (-46, -44)], dark(tone, 0.15))
    p.curve([(-46, -46), (-18, -33), (18, -33), (46, -46)], 1.2, light(tone, 0.5))
    p.rect(-8, -40, 16, 14, "#e0b85a", 3)
    p.circle(0, -32, 2.6, "#8a6a2a")
    for side in (-1, 1):
        p.circle(side * 27, -64, 4.4, "#e0b85a")
        p.line([(side * 52, -8), (side * 44, -60)], 1, light(tone, 0.35))
    scarf = k.pick("#e4572e", "#2a7f9e", "#f2c14e")
    p.poly([(26, -74), (46, -62), (40, -34), (30, -44), (24, -32)], scarf)
    p.circle(27, -74, 6, light(scarf, 0.2))
    for y in (-60, -50, -42):
        p.circle(35, y, 1.6, "#fff8ec")


def sunglasses(p: Pen, k: Look) -> None:
    """Big sunglasses beside a straw hat."""
    p.shadow(0, 0, 70, 6)
    p.ellipse(0, -50, 76, 22, "#d9b878")
    p.ellipse(0, -53, 76, 21, "#eed39c")
    p.poly([*arc_points(0, -54, 40, 52, 180, 360), *arc_points(0, -54, 40, 9, 0, 180)], "#f3dfb0")
    p.poly([(-40, -66), (40, -66), *arc_points(0, -54, 40, 9, 0, 180)], k.pick("#b5402f", "#2f4b6e", "#3a3f47"))
    for i in range(4):
        p.arc(0, -53, 50 + i * 7, 12 + i * 2.4, (10, 170), 0.9, clear("#b58f4f", 0.6))
    frame = k.pick("#2b2b30", "#7a4526", "#d62839", "#f4f1ea")
    glass = k.pick("#3a4a5f", "#a8602f", "#5f3a6b", "#2f6f6a")
    for side in (-1, 1):
        q = p.at(side * 29, -20, mirror=side < 0)
        lens = [(-23, -15), (0, -18), (25, -15), (22, 6), (8, 16), (-12, 14), (-22, 2)]
        q.blob(lens, frame)
        q.grad([(x * 0.82, y * 0.8) for x, y in lens], light(glass, 0.05), light(glass, 0.5))
        q.poly([(-12, 8), (4, -12), (10, -12), (-5, 10)], clear("#ffffff", 0.4))
        q.line([(25, -13), (40, -16)], 4.4, frame)
    p.arc(0, -24, 8, 7, (200, 340), 4.4, frame)


def watch(p: Pen, k: Look) -> None:
    """A wrist watch, face on."""
    strap = k.pick("#6b4426", "#2b2b30", "#8a8f96", "#2f5d50")
    metal = k.pick("#d9b35a", "#c9ccd2", "#b58070")
    face = k.pick("#fffdf6", "#1f3352", "#24352f", "#f0e6d4")
    p.grad([(-21, -132), (21, -132), (26, -78), (-26, -78)], light(strap, 0.1), dark(strap, 0.2))
    p.grad([(-26, -22), (26, -22), (21, 32), (-21, 32)], strap, dark(strap, 0.2))
    for y in (-122, -112, 8, 18):
        p.ellipse(0, y, 2.2, 2.6, dark(strap, 0.6))
    for x in (-17, 17):
        p.line([(x, -130), (x * 1.25, -82)], 0.9, light(strap, 0.5))
        p.line([(x * 1.25, -18), (x, 28)], 0.9, light(strap, 0.5))
    p.rect(40, -56, 9, 12, dark(metal, 0.2), 3)
    p.circle(0, -50, 43, dark(metal, 0.25))
    p.circle(-1, -51, 41, metal)
    p.circle(0, -50, 35, face)
    hand = "#2b2b30" if face in ("#fffdf6", "#f0e6d4") else "#f7f3e8"
    for i in range(12):
        a = math.radians(30 * i)
        c, s = math.cos(a), math.sin(a)
        p.line([(28 * c, -50 + 28 * s), (32 * c, -50 + 32 * s)], 2.2 if i % 3 == 0 else 1.1, hand)
    p.circle(0, -36, 7, clear(hand, 0.25))
    p.line([(0, -50), (-14, -60)], 3, hand)
    p.line([(0, -50), (15, -73)], 2, hand)
    p.line([(-4, -44), (20, -80)], 0.9, "#d62839")
    p.circle(0, -50, 2.6, metal)
    p.poly([(-28, -36), (-4, -82), (6, -83), (-22, -28)], clear("#ffffff", 0.2))


def lipstick(p: Pen, k: Look) -> None:
    """Lipstick tubes, one open, and a smear of colour."""
    red = k.pick("#c1121f", "#d6336c", "#a4343a", "#e8590c", "#8f2d56")
    gold = k.pick("#d9b35a", "#2b2b30", "#e8c4b8")
    p.shadow(0, 0, 56, 5)
    p.blob([(-74, 2), (-60, -7), (-30, -5), (-12, 2), (-40, 8)], clear(red, 0.85))
    p.grad(p.box(-17, -44, 34, 44, 2), light(gold, 0.35), dark(gold, 0.3), across=True)
    p.grad(p.box(-13, -68, 26, 26), light("#e9d9a5", 0.4), "#b5924a", across=True)
    p.poly([(-11, -66), (-11, -100), (-4, -112), (7, -120), (11, -112), (11, -66)], red)
    p.poly([(-11, -100), (-4, -112), (7, -120), (9, -116), (0, -104), (-7, -97)], light(red, 0.35))
    p.line([(-6, -94), (-6, -68)], 2.6, clear("#ffffff", 0.35))
    p.grad(p.box(34, -58, 32, 58, 3), light(gold, 0.35), dark(gold, 0.3), across=True)
    p.line([(41, -54), (41, -5)], 2.2, clear("#ffffff", 0.5))
    p.rect(34, -22, 32, 4, dark(gold, 0.35))
    q = p.at(-46, -8, tilt=-78)
    q.grad(q.box(-9, -4, 18, 34), light(gold, 0.3), dark(gold, 0.3), across=True)
    q.poly([(-7, -4), (-7, -20), (6, -30), (7, -4)], light(red, 0.2))


def skincare(p: Pen, k: Look) -> None:
    """A dropper bottle, a jar of cream and a tube."""
    glass = k.pick("#a8642f", "#3f6f5f", "#e3a6a0", "#6f93b5")
    p.shadow(0, 0, 66, 6)
    p.grad(p.box(-22, -66, 44, 66, 8), light(glass, 0.3), dark(glass, 0.25), across=True)
    p.poly([(-20, -64), (-9, -76), (9, -76), (20, -64)], glass)
    p.rect(-11, -88, 22, 14, "#2b2b30", 2)
    p.blob([(-7, -88), (-9, -102), (-5, -114), (5, -114), (9, -102), (7, -88)], "#3a3a40")
    p.rect(-16, -48, 32, 30, "#fbf5ea", 2)
    p.circle(0, -38, 5, light(glass, 0.3))
    for y in (-29, -24):
        p.line([(-10, y), (10, y)], 1.2, "#9a8f84")
    p.line([(-17, -60), (-17, -8)], 2, clear("#ffffff", 0.5))
    p.rect(32, -26, 48, 26, "#fdfaf5", 6)
    p.rect(29, -40, 54, 15, light(glass, 0.35), 4)
    p.rect(32, -14, 48, 4, clear(glass, 0.6))
    p.poly([(-76, -84), (-40, -84), (-46, -14), (-70, -14)], light(k.accent, 0.35))
    p.rect(-71, -14, 26, 14, "#f7f3ec", 3)
    p.line([(-76, -84), (-40, -84)], 4, dark(k.accent, 0.05))
    p.circle(-58, -52, 6, "#fffdf8")
    for t in (-40, -5, 30):
        p.leaf(96, 0, 40, 10, t, "#7fae8a")


def nailpolish(p: Pen, k: Look) -> None:
    """A hand with painted nails between polish bottles."""
    skin = k.pick("#f0c9a4", "#d9a27a", "#a86f4a", "#8a5a3c")
    tone = k.pick("#d6336c", "#c1121f", "#5f3dc4", "#2a9d8f", "#f59f00", "#f4b6c2")
    p.shadow(0, 0, 76, 5)
    p.poly([(-30, 14), (-26, -36), (22, -36), (26, 14)], skin)
    p.blob([(-28, -20), (-26, -46), (24, -46), (24, -14), (-10, -8)], skin)
    for x, tall, tilt in ((-20, 56, -9), (-7, 66, -3), (7, 64, 3), (20, 52, 9)):
        q = p.at(x, -40, tilt=tilt)
        q.rect(-6.6, -tall, 13.2, tall + 8, skin, 6.6)
        q.line([(-3, -tall * 0.48), (3, -tall * 0.48)], 0.9, dark(skin, 0.25))
        q.rect(-4.8, -tall - 7, 9.6, 18, tone, 4.8)
        q.line([(-2, -tall - 2), (-2, -tall + 6)], 1.4, clear("#ffffff", 0.7))
    q = p.at(-24, -24, tilt=-46)
    q.rect(-7, -36, 14, 42, skin, 7)
    q.rect(-5, -43, 10, 17, tone, 5)
    for x, shade in ((60, tone), (84, light(tone, 0.45)), (-74, dark(tone, 0.2))):
        p.rect(x - 11, -26, 22, 26, shade, 5)
        p.poly([(x - 5, -26), (x - 4, -56), (x + 4, -56), (x + 5, -26)], "#2b2b30")
        p.line([(x - 7, -21), (x - 7, -5)], 2, clear("#ffffff", 0.6))


def perfume(p: Pen, k: Look) -> None:
    """A faceted scent bottle with a round stopper, spraying."""
    tone = k.pick("#f2b8a0", "#e8c95a", "#b59ad0", "#9ac6c2", "#e88fa5")
    p.shadow(0, 0, 50, 6)
    p.grad(
        [(-40, -66), (-28, -76), (28, -76), (40, -66), (40, -8), (32, 0), (-32, 0), (-40, -8)],
        light(tone, 0.65),
        light(tone, 0.3),
    )
    p.grad([(-34, -48), (34, -48), (34, -10), (28, -5), (-28, -5), (-34, -10)], tone, dark(tone, 0.15))
    p.poly([(-40, -66), (-28, -76), (-22, -4), (-32, 0), (-40, -8)], clear("#ffffff", 0.4))
    p.rect(-19, -46, 38, 26, "#fffaf2", 2)
    p.ellipse(0, -33, 11, 6, light(tone, 0.2))
    p.rect(-11, -90, 22, 15, "#d9b35a", 2)
    p.circle(0, -102, 15, light(tone, 0.35))
    p.circle(-5, -107, 5, clear("#ffffff", 0.75))
    for _ in range(34):
        r = k.between(0, 1)
        p.circle(26 + 62 * r, -88 - k.between(-1, 1) * 30 * r, 0.8 + 1.4 * r, clear("#ffffff", 0.8))
    p.rect(11, -89, 12, 7, "#d9b35a", 2)
    for x, t in ((-58, -20), (-50, 20)):
        p.leaf(x, 2, 26, 7, t, "#7fae7a")
    for i in range(6):
        p.ellipse(-54 + 8 * math.cos(i), -24 + 8 * math.sin(i), 6, 6, light(k.pick("#f28fa5", "#f7b8c8"), 0.1))
    p.circle(-54, -24, 4.4, "#f7d070")


MOTIFS = {
    "rack": rack,
    "jeans": jeans,
    "dress": dress,
    "handbag": handbag,
    "sunglasses": sunglasses,
    "watch": watch,
    "lipstick": lipstick,
    "skincare": skincare,
    "nailpolish": nailpolish,
    "perfume": perfume,
}
