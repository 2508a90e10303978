"""Motifs of the kitchen: pans, bowls, plates and what lies in them."""

import math

from app.demo.draw import Look, Pen, arc_points, clear, dark, light


def egg(p: Pen, x: float, y: float, r: float) -> None:
    """A fried egg."""
    ring = [
        (x + r * (1 + 0.14 * math.sin(3 * a + x)) * math.cos(a), y + r * 0.62 * math.sin(a))
        for a in (i * 0.7 for i in range(9))
    ]
    p.blob(ring, "#fffaf0")
    p.ellipse(x, y - r * 0.08, r * 0.42, r * 0.3, "#f7b32b")
    p.ellipse(x - r * 0.12, y - r * 0.16, r * 0.14, r * 0.08, "#fde29a")


def pan(p: Pen, k: Look) -> None:
    """A black skillet with eggs over flames."""
    for i in range(7):
        x = -30 + 10 * i
        tall = k.between(12, 20)
        p.blob([(x - 5, 0), (x - 3, -tall * 0.6), (x, -tall), (x + 4, -tall * 0.5), (x + 5, 0)], "#f2762e")
        p.blob([(x - 2.5, 0), (x, -tall * 0.6), (x + 2.5, 0)], "#ffd166")
    p.line([(40, -26), (82, -38)], 8, "#26262b")
    p.circle(80, -37.4, 1.6, "#8a8a90")
    p.grad(
        [*arc_points(0, -26, 46, 16, 0, 180), (-46, -26), (-40, -12), (40, -12), (46, -26)],
        "#3a3a41",
        "#1b1b1f",
    )
    p.ellipse(0, -26, 46, 16, "#44444c")
    p.ellipse(0, -25, 42, 13.5, "#222228")
    egg(p, -13, -27, 17)
    if k.chance(0.6):
        egg(p, 17, -24, 15)
    else:
        for i in range(5):
            p.ellipse(12 + i * 5, -25 + (i % 2) * 4, 4.5, 2.8, k.pick("#c4472f", "#d96a4a", "#9b3a26"))
    for _ in range(5):
        p.leaf(k.between(-30, 30), k.between(-31, -20), 6, 2, k.between(0, 360), "#5d9b4a")
    p.steam(0, -38, 30, k)


def bowl_shape(p: Pen, fill: str, inside: str) -> None:
    """A deep bowl with a band, its content level at y = −46."""
    p.shadow(0, 0, 44, 6)
    p.rect(-20, -6, 40, 7, dark(fill, 0.25), 2)
    p.grad([*arc_points(0, -46, 54, 44, 0, 180)], light(fill, 0.18), dark(fill, 0.25))
    p.arc(0, -46, 50, 32, (20, 160), 2.4, clear("#ffffff", 0.5))
    p.ellipse(0, -46, 54, 17, light(fill, 0.35))
    p.ellipse(0, -45, 50, 14.5, inside)


def ramen(p: Pen, k: Look) -> None:
    """A bowl of noodle soup with egg halves, leek, seaweed and chopsticks."""
    fill = k.pick("#c0392b", "#2f4b6e", "#3d3a3a", "#e7dccb")
    bowl_shape(p, fill, k.pick("#c98942", "#d9a35a", "#b5652f"))
    p.poly([(22, -52), (30, -84), (48, -78), (42, -48)], "#1f3a2d")
    for i in range(7):
        p.arc(-8 + i * 3, -46, 26 - i, 8, (170 + i * 4, 330 - i * 8), 2, k.pick("#f6dc8e", "#f0cd74"))
        p.arc(-12 + i * 2, -42, 22, 6 + i * 0.5, (20, 190), 2, "#f4d684")
    for x, y in ((-26, -50), (-8, -53)):
        p.ellipse(x, y, 11, 8, "#fffaf0")
        p.ellipse(x, y, 6, 4.4, "#f08a24")
    p.ellipse(19, -42, 12, 6, "#d98b73")
    p.arc(19, -42, 7, 3, (0, 300), 1.6, "#f3c9b8")
    for _ in range(11):
        p.circle(k.between(-36, 36), k.between(-50, -37), 1.8, k.pick("#6dbf59", "#9bd67d"))
    p.line([(-2, -50), (52, -96)], 2.6, "#7c4a2d")
    p.line([(4, -48), (60, -90)], 2.6, "#8c5836")
    p.steam(-10, -60, 34, k)


def steamer(p: Pen, k: Look) -> None:
    """Bamboo baskets full of dumplings."""
    p.shadow(0, 0, 54, 7)
    for y in (0, -22):
        p.grad(
            [*arc_points(0, y - 8, 52, 12, 0, 180), *arc_points(0, y - 24, 52, 12, 180, 360)],
            "#dcae6c",
            "#b9834a",
        )
        p.arc(0, y - 10, 52, 12, (0, 180), 1.6, "#8d5f33")
        p.arc(0, y - 18, 52, 12, (0, 180), 1.2, "#f2d19c")
    p.ellipse(0, -46, 52, 14, "#e9c48a")
    p.ellipse(0, -46, 46, 11.5, "#f4ead2")
    for x, y in ((-28, -50), (0, -54), (28, -50), (-15, -44), (16, -43)):
        p.blob([(x - 13, y + 3), (x - 8, y - 7), (x, y - 12), (x + 8, y - 7), (x + 13, y + 3)], "#fdf6ea")
        p.ellipse(x, y + 1, 13, 4.5, "#f3e6d2")
        for dx in (-5, 0, 5):
            p.line([(x + dx, y - 3), (x, y - 11)], 0.9, "#d8c2a2")
    p.steam(0, -68, 34, k)


def sushi(p: Pen, k: Look) -> None:
    """Nigiri and rolls on a wooden board."""
    p.shadow(0, 0, 60, 5)
    p.rect(-60, -14, 120, 10, "#a9713f", 2)
    p.rect(-44, -5, 10, 6, "#7d5230")
    p.rect(34, -5, 10, 6, "#7d5230")
    p.rect(-60, -16, 120, 4, "#c98f5a", 2)
    toppings = ("#f58a5b", "#e5484d", "#ffb380", "#f7d9c4")
    for i in range(3):
        x = -42 + i * 33
        fish = k.pick(*toppings)
        p.rect(x - 14, -30, 28, 15, "#fffdf6", 7)
        p.grad(
            [(x - 17, -26), (x - 12, -38), (x + 12, -40), (x + 18, -28), (x + 10, -30)],
            light(fish, 0.2),
            fish,
        )
        for dx in (-8, 0, 8):
            p.line([(x + dx - 3, -28), (x + dx + 3, -38)], 1.3, light(fish, 0.55))
    for i in range(2):
        x = 44 - i * 6 - (0 if i else -8)
        p.ellipse(x, -26 - i * 18, 14, 13, "#1e2d2a")
        p.ellipse(x, -27 - i * 18, 11.5, 10.5, "#fffdf6")
        p.ellipse(x - 2, -27 - i * 18, 4.5, 4.5, "#f5824a")
        p.ellipse(x + 3, -25 - i * 18, 3, 4, "#7fb95b")
    p.blob([(-62, -18), (-58, -26), (-50, -26), (-48, -16)], "#9cc45a")
    p.line([(-70, -50), (30, -62)], 2.2, "#5c3a26")
    p.line([(-70, -45), (30, -58)], 2.2, "#6f482f")


def pizza(p: Pen, k: Look) -> None:
    """A round pizza from above with one slice pulled out."""
    p.circle(2, -46, 56, clear("#1a1020", 0.15))
    p.circle(0, -50, 56, "#c9954f")
    p.circle(0, -50, 53, "#e3b36a")
    p.circle(0, -50, 46, "#d1452b")
    p.circle(0, -50, 44, "#f7d070")
    for _ in range(12):
        a, r = k.between(0, 6.28), k.between(4, 38)
        p.ellipse(r * math.cos(a), -50 + r * math.sin(a), 6, 5, clear("#fff0c4", 0.9))
    turn = k.between(0, 1)
    for i in range(9):
        a, r = i * 0.78 + turn, 32 if i % 2 else 17
        x, y = r * math.cos(a), -50 + r * math.sin(a)
        p.circle(x, y, 7.2, "#a92a1f")
        p.circle(x, y, 6, "#c8402f")
        p.circle(x - 2, y - 1.6, 1.5, "#e47b66")
    for _ in range(6):
        p.leaf(k.between(-28, 28), k.between(-76, -26), 13, 5, k.between(0, 360), "#3f8f3f")
    for i in range(4):
        a = math.pi / 4 * i + turn
        c, s = 55 * math.cos(a), 55 * math.sin(a)
        p.line([(c, -50 + s), (-c, -50 - s)], 1.1, "#a86a35")


def hotpot(p: Pen, k: Look) -> None:
    """A split pot, half red and half pale, with plates around it."""
    p.shadow(0, 0, 60, 7)
    p.grad(
        [(-56, -44), *arc_points(0, -12, 48, 11, 180, 0), (56, -44), (46, -2), (-46, -2)],
        "#d8dbe0",
        "#84898f",
    )
    p.line([(-56, -40), (-70, -40), (-70, -30), (-54, -28)], 4, "#9aa0a6")
    p.line([(56, -40), (70, -40), (70, -30), (54, -28)], 4, "#9aa0a6")
    p.ellipse(0, -46, 58, 21, "#eef0f2")
    p.poly([*arc_points(0, -46, 54, 18, 90, 270)], "#c9281c")
    p.poly([*arc_points(0, -46, 54, 18, 270, 450)], "#f1e0b8")
    p.curve([(0, -64), (-9, -54), (0, -46), (9, -38), (0, -28)], 2.6, "#d0d4d8")
    for _ in range(9):
        p.ellipse(
            k.between(-44, -12),
            k.between(-56, -37),
            3.4,
            1.8,
            k.pick("#7d120c", "#e8562f", "#4a0f0a"),
            k.between(0, 180),
        )
    for _ in range(6):
        p.ellipse(k.between(12, 44), k.between(-56, -37), 4, 3, k.pick("#fffaf0", "#f0a88e", "#9ac46c"))
    for _ in range(10):
        p.circle(k.between(-44, 44), k.between(-56, -36), 1.5, clear("#ffffff", 0.5))
    p.steam(0, -62, 38, k, 5)


def taco(p: Pen, k: Look) -> None:
    """Three filled tacos in a row."""
    p.shadow(0, 0, 62, 6)
    for i in range(3):
        x = -36 + i * 36
        for _ in range(11):
            a = k.between(200, 340)
            r = 29
            p.circle(
                x + r * math.cos(math.radians(a)) + 3,
                -6 + r * math.sin(math.radians(a)) - 2,
                k.between(3.4, 5.4),
                k.pick("#6fae3e", "#8fcb55", "#d5402b", "#7a4526", "#f5e9c8", "#b84fa0"),
            )
        p.grad([*arc_points(x, 0, 31, 32, 180, 360)], "#f4c95d", "#d99a35")
        for _ in range(7):
            p.circle(x + k.between(-20, 20), k.between(-18, -4), 1.3, clear("#a86a22", 0.6))
    p.poly([*arc_points(62, -2, 15, 15, 100, 280)], "#7cc04b")
    p.poly([*arc_points(62, -3, 11, 11, 100, 280)], "#d7ef9c")


def pasta(p: Pen, k: Look) -> None:
    """A plate of spaghetti with sauce, basil and a fork."""
    p.shadow(0, 0, 64, 6)
    p.ellipse(0, -14, 66, 17, "#ddd6cc")
    p.ellipse(0, -17, 66, 17, "#fbf8f2")
    p.ellipse(0, -17, 48, 11, "#ebe4da")
    p.blob([(-42, -17), (-30, -36), (0, -50), (30, -38), (42, -17), (0, -8)], "#eec35e")
    for i in range(16):
        y = -14 - i * 2.1
        w = 40 - i * 2
        p.arc(
            k.between(-3, 3),
            y,
            w,
            5 + i * 0.3,
            (k.between(0, 60), k.between(150, 220)),
            1.6,
            k.pick("#fbdc86", "#d9a63f", "#f6cf6c"),
        )
    sauce = k.pick("#c8321f", "#c8321f", "#5a8f3c")
    p.blob([(-22, -36), (-14, -52), (4, -58), (20, -48), (24, -34), (6, -30), (-10, -28)], sauce)
    p.blob([(-12, -42), (0, -53), (12, -44), (2, -38)], light(sauce, 0.2))
    for t in (-40, 10, 55):
        p.leaf(0, -52, 15, 6, t, "#3e9444")
    p.line([(70, -8), (84, -70)], 3, "#a9aeb4")
    for d in (-4, 0, 4):
        p.line([(84 + d, -70), (87 + d, -88)], 1.4, "#a9aeb4")


def bento(p: Pen, k: Look) -> None:
    """A lunch box from above: rice, egg rolls, fish, greens."""
    shell = k.pick("#2b2b30", "#b8423a", "#d8a76a", "#4b6c8f")
    p.rect(-58, -88, 120, 84, clear("#1a1020", 0.2), 12)
    p.rect(-60, -92, 120, 84, shell, 12)
    p.rect(-55, -87, 110, 74, light(shell, 0.12), 8)
    p.rect(-52, -84, 50, 68, "#fffdf7", 5)
    for _ in range(40):
        p.ellipse(k.between(-48, -6), k.between(-80, -20), 1.6, 0.8, clear("#d9d2c3", 0.8), k.between(0, 180))
    p.circle(-27, -50, 7, "#c22f3c")
    for _ in range(12):
        p.circle(k.between(-36, -18), k.between(-62, -38), 0.8, "#2b2b30")
    p.rect(2, -84, 50, 32, "#dfe8c4", 5)
    for i in range(3):
        p.rect(5 + i * 15, -80, 13, 24, "#f8cf4f", 4)
        p.arc(11.5 + i * 15, -68, 4, 7, (0, 300), 1.3, "#d99a2b")
    p.rect(2, -48, 24, 32, "#f0a07f", 5)
    for i in range(4):
        p.line([(4, -42 + i * 7), (24, -46 + i * 7)], 1.6, "#fbd3bf")
    p.rect(29, -48, 23, 32, "#f7efe0", 5)
    for x, y in ((35, -41), (44, -38), (38, -29), (46, -27)):
        p.circle(x, y, 5.5, k.pick("#4f9b46", "#67b356"))
    p.circle(41, -21, 5, "#e0442f")
    p.line([(-62, -2), (56, -6)], 2.4, "#6f4a2f")
    p.line([(-62, 3), (56, -1)], 2.4, "#825838")


def containers(p: Pen, k: Look) -> None:
    """A stack of glass meal boxes with coloured lids and food showing through."""
    p.shadow(0, 0, 62, 6)
    for i in range(3):
        x, y = (-29 if i % 2 else 29), (0 if i < 2 else -38)
        x = x if i < 2 else 0
        p.rect(x - 27, y - 28, 54, 28, "#dcebee", 6)
        tones = ("#e39a3b", "#7fb34d", "#b5543c", "#f3e3bd", "#d9583f")
        for j in range(3):
            p.rect(x - 24 + j * 16.4, y - 20, 15.4, 17, tones[(i * 2 + j) % 5], 3)
            for _ in range(4):
                p.circle(
                    x - 22 + j * 16.4 + k.between(1, 11),
                    y - k.between(6, 18),
                    2,
                    clear(light(tones[(i * 2 + j) % 5], 0.4), 0.8),
                )
        p.rect(x - 29, y - 35, 58, 9, k.main if i % 2 else k.accent, 4)
        p.line([(x - 22, y - 22), (x - 22, y - 6)], 1.6, clear("#ffffff", 0.7))


MOTIFS = {
    "pan": pan,
    "ramen": ramen,
    "steamer": steamer,
    "sushi": sushi,
    "pizza": pizza,
    "hotpot": hotpot,
    "taco": taco,
    "pasta": pasta,
    "bento": bento,
    "containers": containers,
}
