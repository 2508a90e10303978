"""Motifs of the home: furniture, light and storage."""

from app.demo.draw import Look, Pen, arc_points, clear, dark, light


def sofa(p: Pen, k: Look) -> None:
    """A sofa with cushions under a floor lamp."""
    tone = k.pick("#3f6f6a", "#c98a5a", "#6f7fa5", "#b5533f", "#8f9a6b", "#d9c4a5")
    p.line([(70, 0), (70, -106)], 2.6, "#4a4040")
    p.glow(70, -104, 34, "#ffe9b0", 0.5)
    p.poly([(52, -98), (60, -124), (80, -124), (88, -98)], "#f6e3b8")
    p.shadow(-8, 0, 74, 6)
    for x in (-66, 46):
        p.rect(x, -8, 6, 9, "#5b4030")
    p.grad(p.box(-66, -64, 120, 48, 12), light(tone, 0.1), dark(tone, 0.12))
    p.rect(-58, -32, 52, 20, light(tone, 0.2), 6)
    p.rect(-6, -32, 52, 20, light(tone, 0.14), 6)
    p.rect(-78, -46, 20, 40, dark(tone, 0.12), 9)
    p.rect(46, -46, 20, 40, dark(tone, 0.12), 9)
    p.rect(-66, -16, 120, 10, dark(tone, 0.25), 3)
    for x, tilt, fill in ((-42, -12, k.accent), (30, 10, k.second), (14, -6, "#f7efe0")):
        q = p.at(x, -40, tilt=tilt)
        q.blob([(-15, -13), (0, -11), (15, -13), (14, 0), (15, 13), (0, 11), (-15, 13), (-14, 0)], fill)
        q.line([(-9, -6), (9, 6)], 1, clear("#ffffff", 0.5))
    p.poly([(-78, -40), (-58, -44), (-56, -12), (-76, -10)], clear(light(k.accent, 0.4), 0.9))


def candle(p: Pen, k: Look) -> None:
    """Three lit candles of different heights."""
    p.shadow(0, 0, 60, 6)
    p.ellipse(0, -2, 64, 7, "#c9a87a")
    p.ellipse(0, -4, 64, 7, "#e2c89c")
    for x, tall, wide in ((-34, 46, 17), (2, 74, 18), (38, 34, 19)):
        wax = k.pick("#fbf3e2", "#f2c9b5", "#d9e0c9", "#c98f86", "#e8d5a8")
        p.grad(p.box(x - wide, -tall - 4, 2 * wide, tall, 4), light(wax, 0.3), dark(wax, 0.16), across=True)
        p.ellipse(x, -tall - 3, wide, 5, light(wax, 0.45))
        p.blob(
            [(x - wide, -tall - 2), (x - wide + 5, -tall), (x - wide + 4, -tall + 16), (x - wide, -tall + 18)],
            light(wax, 0.35),
        )
        p.glow(x, -tall - 18, 30, "#ffcf6b", 0.5)
        p.line([(x, -tall - 3), (x, -tall - 9)], 1.4, "#3a2a2a")
        p.blob(
            [(x, -tall - 6), (x - 5, -tall - 13), (x + k.between(-1, 1), -tall - 29), (x + 5, -tall - 13)], "#ffb02e"
        )
        p.blob([(x, -tall - 7), (x - 2.4, -tall - 12), (x, -tall - 20), (x + 2.4, -tall - 12)], "#fff6cf")


def bed(p: Pen, k: Look) -> None:
    """A made bed with pillows and a folded throw."""
    sheet = k.pick("#f7f2e8", "#e3ebf0", "#f3e0d6", "#dfe5d5")
    wood = k.pick("#a9744a", "#6b4a35", "#d3a87a")
    p.shadow(0, 0, 84, 6)
    p.grad(p.box(-72, -92, 144, 60, 10), light(wood, 0.15), dark(wood, 0.15))
    for x in (-48, -24, 0, 24, 48):
        p.line([(x, -88), (x, -40)], 1.2, clear(dark(wood, 0.4), 0.5))
    for x in (-34, 34):
        p.blob([(x - 30, -62), (x, -66), (x + 30, -62), (x + 31, -40), (x, -37), (x - 31, -40)], "#ffffff")
        p.blob([(x - 26, -54), (x, -60), (x + 20, -56), (x, -50)], clear("#d9d9df", 0.5))
    p.blob([(-18, -56), (0, -58), (18, -56), (19, -38), (0, -36), (-19, -38)], k.accent)
    p.grad([(-70, -44), (70, -44), (84, -8), (-84, -8)], light(sheet, 0.4), dark(sheet, 0.08))
    p.poly([(-70, -44), (70, -44), (73, -36), (-73, -36)], "#ffffff")
    p.grad([(-77, -26), (77, -26), (84, -8), (-84, -8)], light(k.second, 0.2), k.second)
    for i in range(11):
        p.line([(-72 + i * 14.4, -26), (-79 + i * 15.8, -8)], 1, clear("#ffffff", 0.4))
    p.rect(-86, -10, 172, 7, dark(wood, 0.15), 2)
    for x in (-80, 74):
        p.rect(x, -4, 7, 6, dark(wood, 0.4))


def bathtub(p: Pen, k: Look) -> None:
    """A claw-foot tub brimming with foam."""
    tone = k.pick("#ffffff", "#3f6f7a", "#e0a6a0", "#7d9b8a")
    p.shadow(0, 0, 68, 6)
    for x in (-42.0, 42.0):
        p.blob([(x - 7, -14), (x + 7, -14), (x + 4, -4), (x + 8, 1), (x - 8, 1), (x - 4, -4)], "#d9b35a")
    p.blob([(-72, -54), (-66, -22), (-46, -9), (46, -9), (66, -22), (72, -54), (0, -50)], dark(tone, 0.08))
    p.blob([(-68, -50), (-60, -24), (-44, -14), (10, -13), (-20, -30)], light(tone, 0.35))
    p.rect(-80, -60, 160, 9, light(tone, 0.6), 4)
    p.line([(66, -60), (66, -94), (46, -94), (46, -84)], 4.4, "#c9ccd2")
    p.circle(66, -96, 4, "#aeb3ba")
    for i in range(20):
        x = -64 + i * 5.8
        p.circle(x, -62 - k.between(0, 12), k.between(6, 11), k.pick("#ffffff", "#f1f7fb", "#e6f0f7"))
    for _ in range(13):
        x, y, r = k.between(-70, 50), k.between(-126, -80), k.between(2, 5.5)
        p.circle(x, y, r, clear("#dff2fb", 0.65))
        p.circle(x - r * 0.3, y - r * 0.3, r * 0.3, "#ffffff")
    p.poly([(-80, -56), (-58, -56), (-60, -22), (-78, -24)], k.accent)
    for y in (-34, -29):
        p.line([(-78, y), (-60, y)], 1.4, clear("#ffffff", 0.7))


def jars(p: Pen, k: Look) -> None:
    """Pantry jars with beans, pasta and spice on a shelf."""
    p.rect(-84, -4, 168, 8, "#a8743f", 2)
    p.rect(-84, -66, 168, 7, "#a8743f", 2)
    fills = ("#c8553d", "#e3c16f", "#5b3a29", "#f3e6c8", "#8a9a5b", "#d98f3a")
    for row, y in enumerate((-4, -66)):
        for i in range(4):
            x, wide, tall = -60 + i * 40, 15.0, k.between(34, 46) - 4 * row
            tone = fills[int(k.rng.integers(6))]
            p.rect(x - wide, y - tall, 2 * wide, tall, "#e4eff0", 5)
            level = tall * k.between(0.5, 0.85)
            p.rect(x - wide + 2, y - level, 2 * wide - 4, level - 2, tone, 3)
            for _ in range(18):
                p.ellipse(
                    x + k.between(-11, 11),
                    y - k.between(4, level - 2),
                    2,
                    1.3,
                    clear(light(tone, 0.35), 0.8),
                    k.between(0, 180),
                )
            p.rect(x - wide - 1, y - tall - 6, 2 * wide + 2, 8, k.pick("#c9a06a", "#3a3f47", "#b5402f"), 2)
            p.rect(x - 8, y - level * 0.62, 16, 9, "#fffaf0", 1)
            p.line([(x - 5, y - level * 0.62 + 4.5), (x + 5, y - level * 0.62 + 4.5)], 1, "#7a6a5a")
            p.line([(x - wide + 4, y - tall + 4), (x - wide + 4, y - 8)], 1.6, clear("#ffffff", 0.7))


def fireplace(p: Pen, k: Look) -> None:
    """A brick fireplace burning, mantel dressed."""
    brick = k.pick("#a9553f", "#8f8a86", "#c9b8a5", "#7a4238")
    p.rect(-70, -92, 140, 94, brick)
    for row in range(10):
        for i in range(8):
            x = -74 + i * 20 + (row % 2) * 10
            p.rect(
                max(-70, x),
                -92 + row * 9.4,
                min(70, x + 18) - max(-70, x),
                7.8,
                clear(k.pick(light(brick, 0.15), dark(brick, 0.15)), 0.6),
            )
    p.poly([(-42, 2), (-42, -46), *arc_points(0, -46, 42, 22, 180, 360), (42, 2)], "#231a1a")
    p.glow(0, -18, 44, "#ff9a3c", 0.6)
    for a, b in (((-28, -4), (24, -10)), ((26, -4), (-22, -11))):
        p.line([a, b], 8, "#5b3a26")
    for tone, size in (("#e8501f", 1.0), ("#f79a2a", 0.7), ("#ffe07a", 0.4)):
        for x, h in ((-15, 36), (2, 50), (17, 32)):
            p.blob(
                [
                    (x - 10 * size, -8),
                    (x - 11 * size, -8 - h * 0.4 * size),
                    (x + k.between(-3, 3), -8 - h * size),
                    (x + 11 * size, -8 - h * 0.4 * size),
                    (x + 10 * size, -8),
                ],
                tone,
            )
    p.rect(-82, -102, 164, 12, "#6b4a35", 2)
    p.rect(-82, 0, 164, 6, "#77706b")
    for x in (-56, 52):
        p.rect(x - 4, -124, 8, 22, "#f6ead2", 2)
        p.ellipse(x, -129, 2.4, 5, "#ffb52e")
    p.rect(-22, -134, 44, 30, "#f4ead6")
    p.rect(-18, -130, 36, 22, k.second)
    p.poly([(-18, -108), (-6, -122), (4, -112), (10, -118), (18, -108)], k.accent)


MOTIFS = {
    "sofa": sofa,
    "candle": candle,
    "bed": bed,
    "bathtub": bathtub,
    "jars": jars,
    "fireplace": fireplace,
}
