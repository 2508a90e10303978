"""Motifs of being away: vehicles, landmarks, luggage."""

from app.demo.draw import Look, Pen, arc_points, clear, dark, light, mix


def palm(p: Pen, k: Look) -> None:
    """A leaning palm with coconuts, and a beach umbrella under it."""
    p.shadow(6, 0, 36, 5)
    p.poly([(-22, 0), (-12, 0), (2, -40), (22, -84), (16, -88), (-6, -44)], "#9a6b43")
    for i in range(8):
        p.line([(-18 + i * 4.6, -8 - i * 10), (-10 + i * 4.3, -9 - i * 10)], 1.2, "#7a5232")
    for tilt in (-115, -75, -40, 0, 40, 75, 110):
        p.leaf(19, -86, 48, 12, tilt, k.pick("#2f8f4e", "#3fa35c", "#27794a"))
    for dx in (-4, 4, 0):
        p.circle(19 + dx, -81 + abs(dx) * 0.4, 4.4, "#6b4426")
    p.line([(-52, 0), (-46, -52)], 2.4, "#f3ead8")
    tone = k.pick("#e4572e", "#2a9d8f", "#f2b134")
    for i in range(6):
        a = 180 + i * 30
        pen = p.at(-46, -44, tilt=7)
        pen.poly([(0, -4), *arc_points(0, 0, 34, 26, a, a + 30)], tone if i % 2 else "#fff8ec")
    p.rect(-66, -4, 34, 4, k.pick("#f4a6a6", "#9ad1d4"), 2)


def skyline(p: Pen, k: Look) -> None:
    """Towers with lit windows and a spire over the water."""
    tones = ("#2b3358", "#3a4472", "#232a4a", "#4a4f83")
    x = -92.0
    while x < 92:
        wide, tall = k.between(13, 22), k.between(34, 92)
        tone = k.pick(*tones)
        p.grad(p.box(x, -tall, wide, tall), light(tone, 0.12), tone)
        if k.chance(0.3):
            p.line([(x + wide / 2, -tall), (x + wide / 2, -tall - 12)], 1.2, tone)
        for row in range(int(tall // 8)):
            for col in range(int(wide // 5)):
                if k.chance(0.6):
                    p.rect(x + 2 + col * 5, -tall + 4 + row * 8, 2.6, 4, k.pick("#ffd76e", "#fff1b8", "#ff9d5c"))
        x += wide + k.between(0, 2)
    p.poly([(-7, 0), (-2.4, -96), (0, -122), (2.4, -96), (7, 0)], "#161b38")
    p.ellipse(0, -88, 9, 5, "#e4572e")
    p.ellipse(0, -66, 6, 4, "#6fd3ff")
    p.circle(0, -122, 1.8, "#ff5d5d")


def pagoda(p: Pen, k: Look) -> None:
    """A tiered temple tower with curved roofs and blossom."""
    p.shadow(0, 0, 46, 5)
    p.rect(-44, -6, 88, 6, "#a39a8d")
    roof = k.pick("#3b4a57", "#4a3f3a", "#2f5d56")
    for i in range(4):
        y, half = -6 - i * 24, 27 - i * 4.6
        p.rect(-half, y - 16, 2 * half, 16, "#b5352a")
        for j in range(3):
            p.rect(-half * 0.8 + j * half * 0.6, y - 13, half * 0.36, 11, "#f5d9a0")
        eave = half + 17
        p.poly(
            [
                (-eave, y - 17),
                (-half - 4, y - 18),
                (-half * 0.7, y - 27),
                (half * 0.7, y - 27),
                (half + 4, y - 18),
                (eave, y - 17),
                (eave + 4, y - 23),
                (half, y - 23),
                (half * 0.6, y - 31),
                (-half * 0.6, y - 31),
                (-half, y - 23),
                (-eave - 4, y - 23),
            ],
            roof,
        )
        p.poly([(-eave, y - 17), (eave, y - 17), (half, y - 22), (-half, y - 22)], dark(roof, 0.25))
    p.line([(0, -108), (0, -128)], 2, "#c9a24b")
    p.circle(0, -116, 2.4, "#e0bb5c")
    p.curve([(-86, -128), (-70, -108), (-46, -102)], 3, "#5b4038")
    for _ in range(22):
        p.circle(k.between(-88, -46), k.between(-128, -94), k.between(3, 5), k.pick("#f7b8c8", "#fbd5de"))


def train(p: Pen, k: Look) -> None:
    """A locomotive and carriage on rails, windows lit."""
    tone = k.pick("#2f5d8a", "#b5402f", "#2f6f5a")
    p.rect(-100, -4, 200, 3, "#55504c")
    for i in range(17):
        p.rect(-98 + i * 12, -1, 6, 4, "#7a5a44")
    for x, wide in ((-98, 86), (-8, 92)):
        p.grad(p.box(x, -54, wide, 44, 8), light(tone, 0.2), dark(tone, 0.15))
        p.rect(x, -24, wide, 5, "#f4ead5")
        p.rect(x + 4, -58, wide - 8, 6, dark(tone, 0.4), 3)
        for i in range(4):
            p.rect(x + 8 + i * 19, -46, 13, 14, "#ffe9a8", 2)
        for i in range(4):
            p.circle(x + 14 + i * 20, -8, 6.5, "#2b2b30")
            p.circle(x + 14 + i * 20, -8, 2.6, "#b9b9be")
    p.poly([(76, -54), (92, -44), (100, -26), (100, -10), (76, -10)], tone)
    p.poly([(79, -48), (89, -42), (94, -30), (79, -30)], "#cfeaf5")
    p.circle(96, -18, 3.4, "#fff3c0")
    p.glow(102, -18, 14, "#fff3c0", 0.5)


def van(p: Pen, k: Look) -> None:
    """A rounded camper van with a roof load and an awning."""
    tone = k.pick("#4aa3a2", "#e07a4f", "#7d9b5a", "#f0b849", "#6f8fc9")
    p.shadow(0, 0, 72, 6)
    p.grad(p.box(-66, -62, 132, 52, 16), "#fdf8ee", "#f3e9d8")
    p.grad([(-66, -34), (66, -34), (66, -14), (60, -8), (-60, -8), (-66, -14)], tone, dark(tone, 0.12))
    for x, wide in ((-56, 26), (-26, 26), (4, 22)):
        p.rect(x, -55, wide, 17, "#a8d5e2", 4)
        p.poly([(x + 3, -40), (x + 10, -54), (x + 15, -54), (x + 8, -40)], clear("#ffffff", 0.5))
    p.poly([(32, -55), (50, -55), (62, -38), (32, -38)], "#a8d5e2")
    p.line([(30, -58), (30, -12)], 0.9, dark(tone, 0.35))
    p.circle(60, -26, 4.4, "#fff6d0")
    for x in (-38, 40):
        p.circle(x, -9, 12, "#2b2b30")
        p.circle(x, -9, 5.5, "#d9d9dd")
    p.rect(-46, -68, 70, 4, "#7a5a44", 2)
    p.rect(-42, -79, 26, 12, "#b5402f", 3)
    p.rect(-12, -76, 30, 9, "#4b6b4f", 4)
    p.rect(-62, -12, 124, 3, "#cfc7b8", 1)


def balloon(p: Pen, k: Look) -> None:
    """A striped hot-air balloon, a small one far off."""
    for x, y, size in ((0, 10, 1.0), (k.pick_x() - 60, -62, 0.3)):
        pen = p.at(x, y, size)
        a, b = k.pick("#e4572e #ffe3b0", "#2a7f9e #f7f3e3", "#8f4fa8 #f9c74f", "#d62839 #fdf0d5").split()
        outline = [
            (-9, -30),
            (-34, -62),
            (-42, -92),
            (-26, -120),
            (0, -130),
            (26, -120),
            (42, -92),
            (34, -62),
            (9, -30),
        ]
        pen.blob(outline, a)
        for share in (0.68, 0.24):
            pen.blob([(px * share, py) for px, py in outline], b if share > 0.5 else a)
        pen.blob([(-30, -70), (-38, -92), (-24, -116), (-27, -92)], clear("#ffffff", 0.25))
        pen.poly([(-11, -34), (11, -34), (9, -26), (-9, -26)], dark(a, 0.3))
        for side in (-1, 1):
            pen.line([(side * 9, -28), (side * 8, -12)], 1, "#5b4038")
        pen.rect(-9, -13, 18, 13, "#9a6b3f", 2)
        pen.rect(-10, -14, 20, 3, "#7a5230", 1)
        pen.circle(-3, -17, 2.6, "#3a2a2a")
        pen.circle(4, -16, 2.4, "#6a3b2a")


def sailboat(p: Pen, k: Look) -> None:
    """A small yacht with two sails."""
    sail = k.pick("#fffaf0", "#f4e3c1", "#f6c0a8")
    p.line([(0, -10), (0, -112)], 2.4, "#6b4a35")
    p.grad([(4, -108), (48, -22), (4, -22)], light(sail, 0.3), dark(sail, 0.08))
    p.grad([(-4, -100), (-34, -22), (-4, -22)], sail, dark(sail, 0.14))
    p.poly([(4, -60), (27, -60), (33, -50), (4, -50)], k.pick("#d62839", "#2f6f8f", "#f2b134"))
    hull = k.pick("#ffffff", "#8f3b2f", "#22496b")
    p.poly([(-48, -16), (54, -16), (40, 2), (-36, 2)], hull)
    p.poly([(-48, -16), (54, -16), (52, -13), (-46, -13)], dark(hull, 0.3))
    p.poly([(0, -112), (14, -108), (0, -103)], "#d62839")
    for i in range(4):
        y = 3 + i * 4
        p.line([(-44 + i * 5, y), (48 - i * 6, y)], 1.6, clear("#ffffff", 0.55 - 0.1 * i))


def lighthouse(p: Pen, k: Look) -> None:
    """A striped tower on a rock with its beam on."""
    p.poly([(0, -104), (130, -134), (130, -92)], clear("#fff3b0", 0.35))
    p.poly([(0, -104), (-130, -128), (-130, -96)], clear("#fff3b0", 0.22))
    p.blob([(-64, 8), (-46, -14), (-18, -22), (20, -20), (46, -10), (66, 8)], "#6a625e")
    p.blob([(-40, 4), (-26, -12), (0, -14), (-8, 2)], "#837a74")
    band = k.pick("#d0342c", "#23527c", "#333a45")
    for i in range(5):
        y = -18 - i * 15
        low, high = 19 - i * 1.9, 19 - (i + 1) * 1.9
        p.grad(
            [(-low, y), (low, y), (high, y - 15), (-high, y - 15)],
            "#fffdf6" if i % 2 else light(band, 0.1),
            "#dcd8cf" if i % 2 else dark(band, 0.25),
            across=True,
        )
    p.rect(-13, -97, 26, 4, "#3a3f47")
    p.rect(-7, -111, 14, 14, "#fff1a6")
    p.glow(0, -104, 18, "#fff1a6", 0.6)
    p.poly([(-10, -111), (0, -123), (10, -111)], band)
    p.rect(-5, -32, 10, 14, "#4a3a33", 5)
    for x in (-54, 40):
        p.blob([(x - 14, 8), (x, 2), (x + 14, 8), (x, 12)], clear("#ffffff", 0.8))


def suitcase(p: Pen, k: Look) -> None:
    """A ribbed trolley case with stickers, tag and hat."""
    tone = k.pick("#e8a33d", "#3f7f8c", "#c9604f", "#7d8aa5", "#6f9b72")
    p.shadow(0, 0, 42, 5)
    for x in (-14, 14):
        p.line([(x, -88), (x, -116)], 2.4, "#9aa0a6")
    p.rect(-19, -121, 38, 7, "#3a3f47", 3)
    p.grad(p.box(-38, -90, 76, 84, 9), light(tone, 0.2), dark(tone, 0.12), across=True)
    for i in range(6):
        p.line([(-30 + i * 12, -86), (-30 + i * 12, -10)], 1.4, clear(dark(tone, 0.5), 0.4))
    p.rect(-38, -52, 76, 4, dark(tone, 0.3))
    for x in (-24, 24):
        p.rect(x - 6, -6, 12, 6, "#3a3f47", 3)
        p.rect(x - 5, -57, 10, 13, "#d9d9dd", 2)
    p.circle(-16, -72, 9, "#fff3d6")
    p.poly([(-22, -69), (-16, -78), (-10, -69)], "#2a7f9e")
    p.rect(8, -34, 20, 14, mix(tone, "#ffffff", 0.75), 2)
    p.circle(18, -27, 4.4, "#d62839")
    p.ellipse(58, -4, 30, 6, "#e8cf9a")
    p.poly([*arc_points(58, -7, 16, 18, 180, 360)], "#f0dcae")
    p.rect(42, -12, 32, 5, k.pick("#b5402f", "#2f4b6e"))


def lanterns(p: Pen, k: Look) -> None:
    """A street food stall with a striped roof under strings of red lanterns."""
    for y, sag in ((-122, 12), (-104, 8)):
        p.curve([(-100, y), (0, y + sag), (100, y)], 1, "#4a2a2a")
        for i in range(6):
            x = -84 + i * 34
            top = y + sag * (1 - (x / 100) ** 2) + 2
            p.glow(x, top + 8, 13, "#ffb35c", 0.4)
            p.ellipse(x, top + 8, 9, 8, k.pick("#e23b2e", "#e23b2e", "#f08a24"))
            p.ellipse(x, top + 8, 4, 8, clear("#ffcf6e", 0.6))
            p.rect(x - 3, top - 1, 6, 2, "#c9a24b")
            p.line([(x, top + 16), (x, top + 21)], 1, "#f2c14e")
    p.shadow(0, 0, 62, 5)
    for x in (-52, 49):
        p.rect(x, -66, 3.4, 66, "#5b4038")
    p.rect(-54, -32, 108, 32, k.pick("#8f3b2f", "#2f4b5e", "#6b4a35"), 2)
    p.rect(-58, -36, 116, 6, "#caa06a", 2)
    tone = k.pick("#e4572e", "#2a7f9e", "#f2b134")
    for i in range(10):
        x = -60 + i * 12
        p.poly([(x + 3, -82), (x + 15 - 3, -82), (x + 12, -62), (x, -62)], tone if i % 2 else "#fff8ec")
        p.poly([*arc_points(x + 6, -62, 6, 6, 0, 180)], tone if i % 2 else "#fff8ec")
    for i in range(5):
        x = -38 + i * 18
        p.line([(x, -36), (x + 2, -56)], 1.2, "#e6cf9c")
        for j in range(3):
            p.circle(x + 0.7 + j * 0.5, -42 - j * 5, 3, k.pick("#a5522b", "#d9822b", "#7fae3e"))
    p.steam(30, -44, 22, k)


MOTIFS = {
    "palm": palm,
    "skyline": skyline,
    "pagoda": pagoda,
    "train": train,
    "van": van,
    "balloon": balloon,
    "sailboat": sailboat,
    "lighthouse": lighthouse,
    "suitcase": suitcase,
    "lanterns": lanterns,
}
