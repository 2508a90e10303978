"""Motifs of music: instruments and what records or plays them."""

import math

from app.demo.draw import Look, Pen, arc_points, clear, dark, light


def notes(p: Pen, k: Look, x: float, y: float) -> None:
    """Two floating notes."""
    for dx, dy in ((0, 0), (20, -18)):
        tone = k.pick(k.accent, k.second, "#ffffff")
        p.ellipse(x + dx, y + dy, 6, 4.4, tone, -20)
        p.line([(x + dx + 5, y + dy), (x + dx + 5, y + dy - 22)], 2, tone)
        p.curve([(x + dx + 5, y + dy - 22), (x + dx + 13, y + dy - 17), (x + dx + 12, y + dy - 9)], 2, tone)


def guitar(p: Pen, k: Look) -> None:
    """An acoustic guitar, leaning."""
    p.shadow(0, 0, 44, 6)
    tone = k.pick("#d9923f", "#b5602f", "#e3b56a", "#7a3f26", "#2f4b5e")
    q = p.at(-10, -2, tilt=16)
    outline = [
        (0, 0),
        (-30, -6),
        (-40, -28),
        (-30, -50),
        (-24, -62),
        (-26, -78),
        (-12, -90),
        (12, -90),
        (26, -78),
        (24, -62),
        (30, -50),
        (40, -28),
        (30, -6),
    ]
    q.blob([(x * 1.05, y * 1.02 + 1) for x, y in outline], dark(tone, 0.45))
    q.blob(outline, tone)
    q.blob([(x * 0.72, y * 0.86 - 7) for x, y in outline], clear(light(tone, 0.3), 0.4))
    q.circle(0, -56, 14, light(tone, 0.5))
    q.circle(0, -56, 12, "#2b1a14")
    q.poly([(9, -46), (26, -54), (24, -34), (12, -30)], dark(tone, 0.4))
    q.rect(-19, -24, 38, 7, "#3a2218", 3)
    q.rect(-5.4, -146, 10.8, 88, "#5b3a26")
    for i in range(9):
        q.line([(-5, -136 + i * 9), (5, -136 + i * 9)], 0.9, "#e8d9b5")
    q.poly([(-6, -144), (6, -144), (9, -168), (-9, -168)], dark(tone, 0.3))
    for i in range(3):
        for side in (-1, 1):
            q.circle(side * 11, -150 - i * 7, 2.4, "#f3ead8")
    for i in range(-2, 3):
        q.line([(i * 2, -20), (i * 1.7, -150)], 0.5, "#fff8e6")
    notes(p, k, -70, -70)


def piano(p: Pen, k: Look) -> None:
    """An upright piano with a score and a stool."""
    tone = k.pick("#3a2a2a", "#7a4a32", "#f3efe6", "#2f3f4f")
    p.shadow(0, 0, 76, 6)
    p.grad(p.box(-72, -112, 144, 112, 3), light(tone, 0.12), dark(tone, 0.15))
    p.rect(-78, -118, 156, 8, light(tone, 0.2), 2)
    p.rect(-60, -102, 48, 34, clear("#ffffff", 0.08), 2)
    p.rect(12, -102, 48, 34, clear("#ffffff", 0.08), 2)
    for x in (-17, 1):
        p.rect(x, -100, 17, 34, "#fffdf4")
        for i in range(4):
            p.line([(x + 2, -94 + i * 7), (x + 15, -94 + i * 7)], 0.7, "#8a8480")
            p.circle(x + 4 + (i * 5) % 11, -95 + i * 7, 1.5, "#2b2b30")
    p.rect(-80, -64, 160, 8, light(tone, 0.25), 2)
    p.rect(-74, -58, 148, 15, "#fffdf6")
    for i in range(22):
        p.line([(-74 + i * 6.75, -58), (-74 + i * 6.75, -43)], 0.7, "#b5b0a8")
        if i % 7 not in (2, 6):
            p.rect(-74 + i * 6.75 + 4.6, -58, 4.2, 9, "#1f1a1c")
    p.rect(-80, -44, 160, 7, dark(tone, 0.2), 2)
    for x in (-74, 66):
        p.rect(x, -38, 8, 38, dark(tone, 0.3))
    for x in (-8, 0, 8):
        p.rect(x - 2, -8, 4, 8, "#d9b35a", 1)
    p.rect(-30, -24, 60, 9, k.accent, 4)
    for x in (-24, 20):
        p.rect(x, -16, 5, 20, "#5b3a26")


def turntable(p: Pen, k: Look) -> None:
    """A record player from above."""
    body = k.pick("#b5764a", "#2b2b30", "#e8e0d2", "#7a9a9a")
    p.rect(-69, -102, 144, 104, clear("#1a1020", 0.2), 6)
    p.rect(-72, -106, 144, 104, body, 6)
    p.rect(-68, -102, 136, 96, light(body, 0.12), 4)
    p.circle(-18, -54, 46, "#8f949c")
    p.circle(-18, -54, 43.5, "#151518")
    for i in range(6):
        p.arc(-18, -54, 40 - i * 4, 40 - i * 4, (0, 360), 0.8, "#34343a")
    for a in (200, 20):
        p.poly([(-18, -54), *arc_points(-18, -54, 42, 42, a, a + 26)], clear("#ffffff", 0.14))
    tone = k.pick("#e63946", "#f2a61f", "#2a9d8f", "#d98aa0", "#3f7fd0")
    p.circle(-18, -54, 16, tone)
    p.circle(-18, -54, 11, light(tone, 0.4))
    p.circle(-18, -54, 2.4, "#f3f3f3")
    p.circle(50, -88, 11, "#8f949c")
    p.circle(50, -88, 7, "#c9ccd2")
    p.line([(50, -88), (48, -46), (22, -30)], 3.4, "#d9dde2")
    p.rect(13, -35, 14, 9, "#2b2b30", 2)
    for y in (-34, -18):
        p.circle(54, y, 6, "#2b2b30")
        p.line([(54, y), (57, y - 4)], 1.3, "#ffffff")


def drums(p: Pen, k: Look) -> None:
    """A drum kit with cymbals."""
    tone = k.pick("#c8262f", "#2f6fb5", "#f2a61f", "#2a9d8f", "#8f4fc0")
    p.shadow(0, 0, 80, 6)
    for x, top, tilt in ((-66, -108, -12), (68, -116, 14), (-82, -66, 0)):
        p.line([(x * 0.95, 0), (x, top)], 2.4, "#aab0b8")
        p.ellipse(x, top, 34, 6, "#e8b93f", tilt)
        p.ellipse(x, top - 1.4, 15, 2.4, "#fbe08a", tilt)
    for x in (-24, 24):
        p.grad(
            [(x - 23, -96), (x + 23, -96), (x + 21, -70), (x - 21, -70)], light(tone, 0.2), dark(tone, 0.2), across=True
        )
        p.ellipse(x, -96, 23, 7, "#f7f3ea")
        p.arc(x, -96, 23, 7, (0, 360), 1.8, "#aab0b8")
    for x, y, w, h in ((62, -52, 27, 40), (-58, -46, 24, 18)):
        p.grad(
            [(x - w, y), (x + w, y), (x + w * 0.92, y + h), (x - w * 0.92, y + h)],
            light(tone, 0.2),
            dark(tone, 0.2),
            across=True,
        )
        p.ellipse(x, y, w, 8, "#f7f3ea")
        p.arc(x, y, w, 8, (0, 360), 1.8, "#aab0b8")
        for dx in (-w * 0.6, w * 0.6):
            p.line([(x + dx, y + h), (x + dx * 1.3, 0)], 2.4, "#aab0b8")
    p.circle(0, -36, 38, "#aab0b8")
    p.circle(0, -36, 36, tone)
    p.circle(0, -36, 31, "#f7f3ea")
    p.circle(0, -36, 15, dark(tone, 0.1))
    p.poly(
        [(0, -46), (3, -39), (10, -39), (4, -34), (7, -27), (0, -31), (-7, -27), (-4, -34), (-10, -39), (-3, -39)],
        "#fff3d0",
    )
    for x0, x1 in ((-34, -4), (34, 6)):
        p.line([(x0, -128), (x1, -98)], 2.6, "#e3c08a")


def synth(p: Pen, k: Look) -> None:
    """A small synthesizer with knobs, faders and cables."""
    tone = k.pick("#2b2f3a", "#e8e2d6", "#e4572e", "#4f7f8a", "#6f4f9a")
    for i, shade in enumerate(("#e63946", "#f2c12e", "#3fa8d9")):
        p.curve([(-40 + i * 26, -66), (-60 + i * 40, -112), (-4 + i * 34, -118), (18 + i * 22, -66)], 2.8, shade)
    p.shadow(0, 0, 88, 5)
    p.poly([(-84, -66), (84, -66), (92, -2), (-92, -2)], dark(tone, 0.3))
    p.poly([(-84, -70), (84, -70), (92, -6), (-92, -6)], tone)
    p.rect(-24, -64, 40, 18, "#12241f", 2)
    p.curve([(-21, -55), (-15, -62), (-8, -48), (-1, -62), (6, -48), (13, -55)], 1.6, "#5fffa8")
    for i in range(4):
        for j in range(2):
            x, y = -74.0 + i * 13, -62.0 + j * 13
            p.circle(x, y, 4.6, "#151518" if tone != "#2b2f3a" else "#c9ccd2")
            p.line([(x, y), (x + k.between(-3, 3), y - 4)], 1.4, "#ff7a2f")
    for i in range(5):
        x, y = 26 + i * 11, k.between(-60, -50)
        p.line([(x, -65), (x, -45)], 1.6, "#151518")
        p.rect(x - 3.4, y, 6.8, 4.4, k.pick("#ff7a2f", "#ffffff", "#3fa8d9"), 1)
    p.rect(-84, -40, 168, 32, "#fffdf6", 1)
    for i in range(15):
        x = -84 + i * 11.2
        p.line([(x, -40), (x, -8)], 0.9, "#a5a09a")
        if i % 7 not in (2, 6):
            p.rect(x + 7.6, -40, 7.2, 19, "#1f1a1c", 1)
    notes(p, k, 62, -96)


def headphones(p: Pen, k: Look) -> None:
    """Big headphones over a cassette."""
    tone = k.pick("#2b2b33", "#e8e2d6", "#d9604f", "#3f7f8c", "#8f7fc9")
    p.shadow(0, 0, 60, 6)
    q = p.at(0, -2, tilt=-6)
    case = k.pick("#f2c14e", "#e8e2d6", "#6fb5b0", "#e88fa5")
    q.rect(-36, -46, 72, 46, case, 4)
    q.rect(-30, -40, 60, 24, "#fffaf0", 2)
    q.rect(-19, -33, 38, 13, "#3a3538", 6)
    for x in (-11, 11):
        q.circle(x, -26.5, 5, "#fffaf0")
        q.circle(x, -26.5, 2, "#3a3538")
    q.poly([(-22, 0), (-18, -10), (18, -10), (22, 0)], dark(case, 0.2))
    p.arc(0, -66, 56, 60, (180, 360), 9, tone)
    p.arc(0, -68, 50, 54, (200, 340), 3, light(tone, 0.3))
    for side in (-1, 1):
        p.line([(side * 56, -68), (side * 56, -50)], 6, "#aab0b8")
        p.ellipse(side * 48, -36, 13, 27, "#4a3f42")
        p.ellipse(side * 58, -36, 15, 30, tone)
        p.ellipse(side * 61, -36, 9, 20, light(tone, 0.18))
        p.circle(side * 61, -36, 4, "#d9b35a")
    notes(p, k, -12, -84)


def microphone(p: Pen, k: Look) -> None:
    """A stage microphone on a stand."""
    p.ellipse(0, -2, 34, 6, "#26262b")
    p.line([(0, -3), (0, -72)], 4, "#8f949c")
    p.line([(-3, -40), (3, -40)], 7, "#4d5058")
    p.line([(0, -72), (14, -84)], 5, "#4d5058")
    p.curve([(4, -64), (-26, -50), (-36, -16), (-66, 0)], 2, "#26262b")
    tone = k.pick("#2b2b30", "#c8262f", "#d9b35a", "#e8a0b5")
    q = p.at(10, -80, 1.15, tilt=-34)
    q.grad([(-9, 20), (9, 20), (14, -38), (-14, -38)], light(tone, 0.25), dark(tone, 0.3), across=True)
    q.rect(-4, -16, 8, 12, "#d9dde2", 2)
    q.rect(-17, -46, 34, 9, "#d9b35a", 3)
    q.circle(0, -62, 24, "#6a6e76")
    q.circle(-1.4, -63.4, 22, "#b9bec6")
    for i in range(-4, 5):
        half = 22 * math.sqrt(1 - (i / 4.8) ** 2)
        q.line([(-half, -62 + i * 4.8), (half, -62 + i * 4.8)], 0.9, "#6a6e76")
        q.line([(i * 4.8, -62 - half), (i * 4.8, -62 + half)], 0.9, "#6a6e76")
    q.ellipse(-8, -72, 7, 5, clear("#ffffff", 0.55), -30)
    for i in range(3):
        p.arc(-32, -132, 14 + i * 11, 14 + i * 11, (120, 200), 2, clear("#ffffff", 0.7 - 0.15 * i))
    notes(p, k, 48, -70)


MOTIFS = {
    "guitar": guitar,
    "piano": piano,
    "turntable": turntable,
    "drums": drums,
    "synth": synth,
    "headphones": headphones,
    "microphone": microphone,
}
