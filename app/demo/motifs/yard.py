"""Motifs of animals kept in the yard."""

import math

from app.demo.draw import Look, Pen, clear, dark, light
from app.demo.motifs.pets import eye


def hen(p: Pen, k: Look) -> None:
    """A hen with two chicks and eggs in straw."""
    tone = k.pick("#c9602f", "#f7f0e2", "#8a4f2f", "#d9a04a", "#4a4348")
    p.shadow(0, 0, 60, 6)
    for x in (-6.0, 14.0):
        p.line([(x, -16), (x, -1)], 3, "#f2a61f")
        p.line([(x - 7, 0), (x + 8, 0)], 3, "#f2a61f")
    for t in (-62, -44, -26):
        p.leaf(-28, -38, 44, 13, t, dark(tone, 0.25))
    p.blob([(-44, -52), (-40, -24), (-14, -10), (24, -12), (42, -34), (40, -62), (20, -60), (-10, -44)], tone)
    p.blob([(14, -50), (20, -82), (36, -94), (50, -82), (48, -50), (34, -32)], tone)
    p.blob([(-26, -44), (6, -44), (14, -28), (-8, -18), (-24, -26)], dark(tone, 0.18))
    for x in (-14.0, -4.0, 6.0):
        p.arc(x, -30, 6, 6, (20, 160), 1.4, light(tone, 0.4))
    for x, y, r in ((28.0, -97, 6), (37.0, -101, 7), (46.0, -96, 6)):
        p.circle(x, y, r, "#d9262f")
    p.poly([(49, -84), (64, -78), (49, -73)], "#f2a61f")
    p.ellipse(50, -66, 4, 7, "#d9262f")
    eye(p, 42, -82, 3.6)
    for x, s in ((-66, 1.0), (70, 0.85)):
        q = p.at(x, 0, s)
        q.ellipse(0, -13, 15, 13, "#ffd84f")
        q.circle(8, -27, 9.4, "#ffe070")
        q.poly([(16, -29), (23, -26), (16, -24)], "#f2812f")
        eye(q, 10, -29, 1.9)
        q.line([(-2, -1), (-2, 1)], 2, "#f2812f")
        q.line([(5, -1), (5, 1)], 2, "#f2812f")
    for _ in range(24):
        x = k.between(-50, 60)
        p.line([(x, k.between(0, 6)), (x + k.between(-12, 12), k.between(0, 6))], 1.2, k.pick("#e8c96a", "#d9b04f"))
    p.ellipse(36, 0, 8, 6, "#f7e3cc")
    p.ellipse(48, 2, 8, 6, "#e8c0a0")


def hedgehog(p: Pen, k: Look) -> None:
    """A hedgehog among leaves with an apple."""
    spine = k.pick("#6b4f3f", "#8a6a55", "#5b4f50")
    p.shadow(0, 0, 62, 6)
    for row, length in ((0, 70), (1, 60), (2, 50)):
        for i in range(23):
            a = math.radians(165 + i * 8.6)
            c, s = math.cos(a), math.sin(a)
            n = math.radians(4)
            base = length - 15
            tone = light(spine, 0.12 * row) if i % 2 else dark(spine, 0.15)
            p.poly(
                [
                    (-8 + base * math.cos(a - n), -20 + base * 0.85 * math.sin(a - n)),
                    (-8 + length * c, -20 + length * 0.85 * s),
                    (-8 + base * math.cos(a + n), -20 + base * 0.85 * math.sin(a + n)),
                ],
                tone,
            )
        p.ellipse(-8, -20, length - 13, (length - 13) * 0.84, spine)
    face = "#f0d9b8"
    p.blob([(10, -48), (36, -46), (62, -26), (74, -16), (62, -6), (30, 0), (-40, 0), (-50, -12), (0, -16)], face)
    p.circle(74, -17, 5.4, "#2b2226")
    eye(p, 46, -30, 4.6)
    p.circle(18, -44, 8, dark(face, 0.15))
    p.curve([(52, -12), (60, -10), (66, -12)], 1.4, "#7a5a45")
    for x in (-30, 28):
        p.ellipse(x, -1, 9, 4, dark(face, 0.2))
    p.circle(-20, -78, 13, "#d9302f")
    p.circle(-24, -82, 3.4, clear("#ffffff", 0.6))
    p.line([(-20, -89), (-17, -97)], 1.8, "#5b3a26")
    p.leaf(-18, -93, 12, 5, 60, "#6aa84f")
    for x, t in ((-84, 70), (-70, 110), (84, -60), (72, -100)):
        p.leaf(x, 2, 24, 9, t, k.pick("#d9822f", "#c9502f", "#e0b03f"))


def beehive(p: Pen, k: Look) -> None:
    """A painted hive with bees around it and a honey jar."""
    p.shadow(-10, 0, 56, 6)
    a, b = k.pick("#f7f3e6 #9ac6c2", "#ffe0a0 #e8b04a", "#dfe8d0 #8fae7a").split()
    for x in (-46, 16):
        p.rect(x, -12, 8, 13, "#6b4a35")
    for i, tone in enumerate((a, b, a)):
        p.grad(p.box(-56, -38 - i * 27, 88, 27, 2), light(tone, 0.1), dark(tone, 0.1))
        p.rect(-26, -29 - i * 27, 28, 6, dark(tone, 0.3), 3)
    p.rect(-62, -102, 100, 10, "#8f949c", 2)
    p.rect(-40, -15, 56, 4, "#2b2226", 1)
    p.rect(-60, -11, 96, 5, "#a8743f")
    p.rect(48, -44, 36, 44, "#f2a61f", 7)
    p.rect(48, -34, 36, 16, "#fff6df")
    p.poly(
        [(66 + 6 * math.cos(math.radians(60 * i)), -26 + 6 * math.sin(math.radians(60 * i))) for i in range(6)],
        "#e8961f",
    )
    p.rect(46, -52, 40, 9, "#f7f3e6", 3)
    for _ in range(7):
        q = p.at(k.between(-84, 84), k.between(-128, -58), k.between(0.9, 1.4), tilt=k.between(-25, 25))
        q.ellipse(-3, -6, 5, 3.4, clear("#ffffff", 0.85), 40)
        q.ellipse(4, -6, 5, 3.4, clear("#ffffff", 0.85), -40)
        q.ellipse(0, 0, 8, 5.2, "#ffc42e")
        for x in (-3, 1, 5):
            q.line([(x, -4), (x, 4)], 1.7, "#2b2226")
        q.circle(8, -0.5, 3, "#2b2226")


MOTIFS = {
    "hen": hen,
    "hedgehog": hedgehog,
    "beehive": beehive,
}
