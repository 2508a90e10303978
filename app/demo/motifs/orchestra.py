"""Motifs of the orchestra: violin, trumpet and harp."""

import math

from app.demo.draw import Look, Pen, clear, dark, light
from app.demo.motifs.music import notes


def violin(p: Pen, k: Look) -> None:
    """A violin with its bow."""
    tone = k.pick("#a8481f", "#8a3a1f", "#c9702f", "#6b2f1f")
    p.shadow(0, 0, 34, 5)
    q = p.at(-8, -2, tilt=-10)
    half = [(0, 0), (22, -4), (31, -20), (27, -36), (17, -44), (16, -52), (22, -62), (22, -76), (10, -86), (0, -87)]
    outline = [*half, *[(-x, y) for x, y in reversed(half[1:-1])]]
    q.blob([(x * 1.06, y * 1.02 + 1) for x, y in outline], dark(tone, 0.5))
    q.blob(outline, tone)
    q.blob([(x * 0.7, y * 0.8 - 9) for x, y in outline], clear(light(tone, 0.35), 0.35))
    for side in (-1, 1):
        q.curve([(side * 13, -54), (side * 9, -48), (side * 13, -40), (side * 10, -33)], 1.8, "#1f120e")
        q.circle(side * 12, -55, 1.7, "#1f120e")
        q.circle(side * 10.6, -32, 1.7, "#1f120e")
    q.poly([(-5, -24), (5, -24), (8, -4), (-8, -4)], "#1f1a1c")
    q.rect(-10, -39, 20, 4, "#e3c08a", 1)
    q.poly([(-4, -136), (4, -136), (6, -54), (-6, -54)], "#1f1a1c")
    q.rect(-4.4, -150, 8.8, 16, dark(tone, 0.2), 2)
    q.circle(0, -153, 6.4, dark(tone, 0.2))
    q.circle(0, -153, 2.6, light(tone, 0.3))
    for i in range(2):
        q.line([(-10, -141 - i * 6), (10, -141 - i * 6)], 2, "#1f1a1c")
    for i in range(4):
        q.line([(-3 + i * 2, -20), (-2.4 + i * 1.6, -136)], 0.5, "#f7f3ea")
    p.line([(52, 0), (74, -132)], 2.6, "#6b3a22")
    p.line([(46, -2), (68, -130)], 1.2, "#fff8e6")
    p.rect(44, -12, 10, 8, "#1f1a1c", 1)
    notes(p, k, -80, -84)


def trumpet(p: Pen, k: Look) -> None:
    """A brass trumpet on a small stand."""
    gold = k.pick("#e8b53f", "#d99a2b", "#d9dde2")
    p.shadow(0, 0, 44, 5)
    p.line([(4, -46), (4, 0)], 3.4, "#3a3538")
    for x in (-22, 4, 28):
        p.line([(4, -12), (x, 0)], 3.4, "#3a3538")
    q = p.at(0, -58, tilt=-12)
    q.line([(-94, -6), (50, -6)], 6, gold)
    q.rect(-104, -11, 13, 10, dark(gold, 0.15), 3)
    q.line([(-52, 16), (38, 16)], 6, dark(gold, 0.1))
    q.arc(38, 5, 12, 11, (-90, 90), 6, gold)
    q.arc(-52, 5, 13, 11, (90, 270), 6, gold)
    bell = [(46, -9), (66, -12), (84, -22), (96, -38), (96, 26), (84, 10), (66, 0), (46, -3)]
    q.grad(bell, light(gold, 0.4), dark(gold, 0.2))
    q.ellipse(96, -6, 9, 32, light(gold, 0.3))
    q.ellipse(97, -6, 6, 26, dark(gold, 0.5))
    for x in (-24, -8, 8):
        q.grad(q.box(x - 6, -24, 12, 48, 3), light(gold, 0.45), dark(gold, 0.15), across=True)
        q.rect(x - 2, -33, 4, 10, "#c9ccd2")
        q.ellipse(x, -34, 5.4, 2.6, "#fffaf0")
    q.line([(-88, -8), (40, -8)], 1.4, clear("#ffffff", 0.7))
    notes(p, k, 66, -112)


def harp(p: Pen, k: Look) -> None:
    """A gilded harp."""
    gold = k.pick("#d9a63f", "#b5763f", "#e8d5a8", "#8a4f2f")
    p.shadow(0, 0, 48, 6)
    for i in range(13):
        x = -26 + i * 5.2
        top = -122 + 24 * math.sin(i / 12 * math.pi) * 0.9 - (6 - i) * 0.6
        low = -14 - (12 - i) * 6.4
        p.line([(x, top), (x, low)], 0.9, "#fffaf0" if i % 7 else "#e4576a")
    p.poly([(40, -2), (52, -10), (-26, -104), (-38, -96)], dark(gold, 0.2))
    p.poly([(46, -6), (52, -10), (-26, -104), (-31, -100)], gold)
    p.curve([(-36, -102), (-22, -120), (2, -98), (26, -104), (46, -130)], 9, gold)
    p.curve([(-34, -105), (-20, -122), (2, -101), (26, -107), (44, -130)], 2.2, light(gold, 0.5))
    p.line([(46, -130), (48, -6)], 8, gold)
    p.line([(44.6, -126), (46.4, -12)], 2, light(gold, 0.5))
    p.circle(46, -133, 8, light(gold, 0.2))
    p.circle(-36, -100, 7, light(gold, 0.2))
    p.rect(22, -12, 42, 13, dark(gold, 0.35), 4)
    notes(p, k, -70, -46)


MOTIFS = {
    "violin": violin,
    "trumpet": trumpet,
    "harp": harp,
}
