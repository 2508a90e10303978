"""Motifs of the oven and the bar: breads, cakes, cups and glasses."""

import math

from app.demo.draw import Look, Pen, arc_points, clear, dark, light


def loaf(p: Pen, k: Look) -> None:
    """A round scored loaf on a board."""
    p.shadow(0, 0, 62, 5)
    p.rect(-62, -8, 124, 8, "#a8743f", 3)
    crust = k.pick("#b9702f", "#a65f28", "#c98544")
    dome = [(-50, -10), (-48, -34), (-26, -56), (4, -61), (34, -52), (50, -30), (50, -10)]
    p.blob(dome, dark(crust, 0.3))
    p.blob([(x * 0.95, y * 0.97) for x, y in dome], crust)
    p.blob([(-34, -34), (-16, -52), (8, -56), (26, -47), (2, -44)], clear(light(crust, 0.45), 0.6))
    p.curve([(-34, -24), (-14, -44), (14, -50), (36, -38)], 6, "#f3d9a8")
    p.curve([(-33, -22), (-12, -41), (14, -46), (37, -35)], 2, dark(crust, 0.35))
    for i in range(4):
        x = -22 + i * 14
        for side in (-1, 1):
            p.line([(x, -20), (x + side * 5, -26)], 1.5, "#f0d6a6")
        p.line([(x, -14), (x, -29)], 1.3, "#f0d6a6")
    for _ in range(24):
        p.circle(k.between(-40, 40), k.between(-50, -14), 0.8, clear("#fff6e0", 0.8))
    p.line([(54, -10), (74, -50)], 1.6, "#c9a24b")
    for i in range(5):
        p.leaf(60 + i * 3.2, -24 - i * 6.4, 8, 2.6, 50, "#e2bc5e")
        p.leaf(60 + i * 3.2, -24 - i * 6.4, 8, 2.6, -10, "#d4a945")


def croissant(p: Pen, k: Look) -> None:
    """A layered crescent on a plate."""
    p.shadow(0, 0, 60, 6)
    p.ellipse(0, -8, 62, 13, "#d8dcdf")
    p.ellipse(0, -10, 62, 13, "#fdfcf9")
    p.ellipse(0, -10, 46, 8.5, "#e9ebec")
    crust = k.pick("#d08a3c", "#c47c30", "#dd9a48")
    for i in (0, 6, 1, 5, 2, 4, 3):
        a = math.radians(200 + i * 23.4)
        x, y = 40 * math.cos(a), -12 + 36 * math.sin(a)
        size = 17 - abs(i - 3) * 3
        p.ellipse(x, y, size * 0.72, size * 1.25, dark(crust, 0.3), (i - 3) * 24)
        p.ellipse(x - 0.6, y - 1.4, size * 0.62, size * 1.12, crust, (i - 3) * 24)
        p.ellipse(x - 1.4, y - size * 0.35, size * 0.28, size * 0.6, light(crust, 0.4), (i - 3) * 24)
    for _ in range(9):
        p.ellipse(k.between(-44, 44), k.between(-9, -4), 1.8, 0.8, "#d9a257", k.between(0, 180))


def cake(p: Pen, k: Look) -> None:
    """A tiered cake with dripping icing and candles, one slice out."""
    p.shadow(0, 0, 56, 6)
    p.rect(-8, -12, 16, 12, "#e2e2e6")
    p.ellipse(0, -12, 56, 9, "#f2f2f5")
    cream = k.pick("#fbe3e8", "#fff4e0", "#e4f0f5")
    icing = k.pick("#e8839b", "#7a4a35", "#f2a65a", "#9b7fc4")
    p.grad(
        [*arc_points(0, -14, 46, 8, 0, 180), (-46, -44), (46, -44)], dark(cream, 0.12), light(cream, 0.1), across=True
    )
    p.rect(-46, -30, 92, 4, icing)
    p.ellipse(0, -46, 46, 9, light(icing, 0.2))
    for i in range(8):
        x = -40 + i * 11.4
        p.rect(x - 4, -46, 8, k.between(8, 18), icing, 4)
    p.ellipse(0, -47, 46, 8, icing)
    p.rect(-28, -70, 56, 22, cream)
    p.ellipse(0, -48, 28, 5, dark(cream, 0.08))
    p.ellipse(0, -70, 28, 6, light(cream, 0.3))
    for i in range(7):
        p.circle(-38 + i * 12.6, -49 + abs(i - 3) * -0.8 + 2, 3.6, "#fffaf2")
    for x in (-18, -6, 6, 18):
        p.rect(x - 1.4, -88, 2.8, 18, k.pick("#6ec1e4", "#f5a3c7", "#8fd694", "#ffd166"))
        p.ellipse(x, -92, 2, 4.4, "#ffb52e")
        p.ellipse(x, -91, 1, 2.4, "#fff2b8")
    for x in (-12, 0, 12):
        p.circle(x, -71, 4.4, "#d62839")
        p.circle(x - 1.3, -72.4, 1.1, "#ff9aa2")


def cookies(p: Pen, k: Look) -> None:
    """Chocolate chip cookies with a glass of milk."""
    p.shadow(10, 0, 66, 6)
    p.grad([(-54, -62), (-18, -62), (-23, 0), (-49, 0)], "#eef4f6", "#ffffff")
    p.grad([(-52.6, -48), (-19.4, -48), (-23.4, -2), (-48.6, -2)], "#ffffff", "#f0ece2")
    p.ellipse(-36, -62, 18, 4, "#dfe9ee")
    p.ellipse(-36, -48, 16.4, 3.4, "#fffdf8")

    def one(x: float, y: float, r: float) -> None:
        p.circle(x, y, r, "#a9702f")
        p.circle(x - 0.6, y - 0.9, r * 0.95, "#d59a55")
        for _ in range(8):
            a, d = k.between(0, 6.28), k.between(0, r * 0.75)
            p.ellipse(x + d * math.cos(a), y + d * math.sin(a), r * 0.14, r * 0.11, "#4a2a1a", k.between(0, 180))

    one(46, -22, 22)
    one(4, -22, 22)
    one(25, -54, 23)
    p.poly([*arc_points(66, -6, 14, 14, 180, 360)], "#d59a55")
    p.circle(62, -12, 2, "#4a2a1a")


def dripper(p: Pen, k: Look) -> None:
    """A pour-over cone on a glass server, with a stream from a kettle spout."""
    p.shadow(0, 0, 40, 6)
    p.blob([(-30, -2), (-34, -22), (-20, -44), (20, -44), (34, -22), (30, -2)], "#dfeaee")
    p.blob([(-28, -4), (-31, -17), (-24, -25), (24, -25), (31, -17), (28, -4)], "#5a3018")
    p.ellipse(0, -25, 27, 4, "#7d4a28")
    p.line([(-24, -32), (-28, -14)], 2, clear("#ffffff", 0.8))
    p.arc(36, -26, 12, 12, (-80, 80), 4, "#a9764a")
    p.line([(0, -44), (0, -28)], 1.4, "#6a3a1d")
    cone = k.pick("#ffffff", "#c8553d", "#3a3f47", "#f1c27d")
    p.rect(-24, -50, 48, 5, dark(cone, 0.15), 2)
    p.grad([(-36, -82), (36, -82), (11, -50), (-11, -50)], light(cone, 0.2), dark(cone, 0.12))
    for i in range(5):
        p.line([(-24 + i * 12, -79), (-8 + i * 4, -52)], 0.9, clear("#000000", 0.12))
    p.ellipse(0, -82, 36, 8, light(cone, 0.4))
    p.poly([*arc_points(0, -82, 32, 6.4, 0, 180), (-32, -87), (32, -87)], "#f6ead2")
    p.ellipse(0, -84, 31, 6.6, "#4a2814")
    p.ellipse(-3, -84.6, 16, 3.4, "#9a6b40")
    p.curve([(76, -112), (58, -114), (44, -124), (26, -116), (20, -106)], 4, "#4d4f57")
    p.line([(20, -105), (9, -85)], 1.3, clear("#cfe8f2", 0.9))
    p.steam(-10, -90, 26, k)


def latte(p: Pen, k: Look) -> None:
    """A cup from above with a milk rosette, on a saucer with a spoon."""
    cup = k.pick("#ffffff", "#31506b", "#c9684a", "#7d9471")
    p.circle(3, -45, 57, clear("#1a1020", 0.16))
    p.circle(0, -50, 56, light(cup, 0.1))
    p.circle(0, -50, 52, dark(light(cup, 0.25), 0.05))
    p.rect(30, -58, 34, 15, dark(cup, 0.1), 7)
    p.circle(0, -50, 40, dark(cup, 0.06))
    p.circle(0, -50, 38, light(cup, 0.4))
    p.circle(0, -50, 35, "#7a4522")
    p.circle(0, -50, 33, "#b9783f")
    for i in range(4):
        y, w = -68 + i * 9.5, 20 - abs(i - 1.2) * 4
        p.blob([(0, y + 8), (-w, y - 3), (-w * 0.6, y - 9), (0, y - 3), (w * 0.6, y - 9), (w, y - 3)], "#fdf1dc")
        p.curve([(-w * 0.8, y - 1), (0, y + 5), (w * 0.8, y - 1)], 1.3, "#b9783f")
    p.line([(0, -72), (0, -26)], 1.8, "#fdf1dc")
    p.line([(-62, -20), (-40, -76)], 3, "#b8bcc2")
    p.ellipse(-38, -82, 5, 9, "#c9cdd2", 21)


def matcha(p: Pen, k: Look) -> None:
    """A bowl of green tea with a bamboo whisk."""
    fill = k.pick("#3c3f45", "#d9c8ae", "#7d5a4a", "#5f7a86")
    p.shadow(0, 0, 62, 6)
    p.grad([*arc_points(-10, -40, 46, 38, 0, 180)], light(fill, 0.2), dark(fill, 0.2))
    p.rect(-28, -5, 36, 6, dark(fill, 0.3), 2)
    p.ellipse(-10, -40, 46, 13, light(fill, 0.3))
    p.ellipse(-10, -39, 42, 11, "#7fae3e")
    p.ellipse(-12, -40, 32, 7, "#a9cd63")
    for _ in range(18):
        p.circle(k.between(-40, 18), k.between(-44, -34), k.between(0.7, 1.6), clear("#e3f2b5", 0.9))
    for i in range(11):
        p.line([(56 + (i - 5) * 0.9, -34), (56 + (i - 5) * 3.2, 0)], 1.3, "#e0bd79")
    p.line([(47, -18), (65, -18)], 1.4, "#4a3a2a")
    p.rect(51, -62, 10, 30, "#d3a85f", 3)
    p.rect(51, -36, 10, 3, "#8a6633")
    for _ in range(12):
        p.circle(k.between(-76, -56), k.between(-3, 2), 1, "#86b53f")
    p.steam(-10, -48, 26, k)


def cocktail(p: Pen, k: Look) -> None:
    """A stemmed glass with a bright drink and a citrus wheel."""
    drink = k.pick("#f25f5c", "#ff9f45", "#f7c948", "#4fb3bf", "#b05fc0")
    p.shadow(0, 0, 26, 4)
    p.ellipse(0, -2, 24, 4, "#d5e6ec")
    p.line([(0, -3), (0, -44)], 3, "#cfe2e9")
    p.poly([(-44, -94), (44, -94), (0, -42)], clear("#e9f6fa", 0.75))
    p.grad([(-37, -86), (37, -86), (0, -44)], light(drink, 0.25), dark(drink, 0.05))
    p.ellipse(0, -86, 37, 5, light(drink, 0.4))
    p.arc(0, -94, 44, 6, (0, 360), 1.2, "#ffffff")
    p.line([(-30, -90), (-8, -60)], 1.6, clear("#ffffff", 0.6))
    rind, flesh = k.pick("#f28c28 #ffc46b", "#7cb342 #dcedb0", "#f4c430 #fff0a8").split()
    p.circle(36, -98, 17, rind)
    p.circle(36, -98, 14.5, "#fff8e2")
    for i in range(8):
        a = i * 45
        p.poly([(36, -98), *arc_points(36, -98, 13, 13, a + 4, a + 41)], flesh)
    p.line([(-8, -60), (-26, -112)], 2.4, k.pick("#d62839", "#2f6f8f", "#f5f0e6"))
    p.circle(10, -80, 5, "#c1121f")


def boba(p: Pen, k: Look) -> None:
    """A tall cup of milk tea with pearls and a fat straw."""
    tea = k.pick("#d2a06d", "#c9b0d8", "#a7c88a", "#f0b6a8")
    p.shadow(0, 0, 32, 5)
    p.line([(8, -60), (22, -128)], 8, k.pick("#e4572e", "#2a9d8f", "#6a4c93"))
    p.poly([(-36, -96), (36, -96), (27, 0), (-27, 0)], "#eaf2f3")
    p.grad([(-33, -84), (33, -84), (25.5, -3), (-25.5, -3)], light(tea, 0.55), tea)
    for _ in range(6):
        x, y = k.between(-24, 14), k.between(-80, -60)
        p.rect(x, y, 11, 10, clear("#ffffff", 0.55), 2)
    for i in range(4):
        for j in range(6 - i % 2):
            p.circle(-20 + j * 8 + (i % 2) * 4, -7 - i * 7.4, 4.1, "#2e1a16")
            p.circle(-21.4 + j * 8 + (i % 2) * 4, -8.4 - i * 7.4, 1.1, "#8d6a60")
    p.poly([*arc_points(0, -96, 36, 22, 180, 360)], clear("#f4fbfd", 0.7))
    p.rect(-40, -99, 80, 6, "#f7f7f5", 3)
    p.line([(-27, -86), (-21, -12)], 2.6, clear("#ffffff", 0.7))


def pie(p: Pen, k: Look) -> None:
    """A lattice pie in a tin, fruit showing through."""
    fruit = k.pick("#a8123e", "#4a3a8c", "#e08a1e")
    p.shadow(0, 0, 62, 6)
    p.grad([(-60, -34), (60, -34), (48, -2), (-48, -2)], "#d5d9dd", "#8f959b")
    p.ellipse(0, -36, 62, 24, "#c98a43")
    p.ellipse(0, -37, 58, 21, "#e8b871")
    p.ellipse(0, -37, 50, 17, fruit)
    for _ in range(22):
        a, d = k.between(0, 6.28), k.between(0, 1)
        p.circle(46 * d * math.cos(a), -37 + 14 * d * math.sin(a), 4, light(fruit, k.between(0.05, 0.3)))
    for i in range(-2, 3):
        half = 50 * math.sqrt(1 - (i / 3.1) ** 2)
        p.line([(i * 17 - 8, -37 - 17 * half / 50), (i * 17 + 8, -37 + 17 * half / 50)], 5, "#dda75c")
        p.line([(-half, -37 + i * 6), (half, -37 + i * 6)], 4, "#f0c583")
    for i in range(26):
        a = i / 26 * 6.283
        p.circle(57 * math.cos(a), -37 + 20.5 * math.sin(a), 4.2, "#edc07c" if i % 2 else "#dba659")
    p.steam(0, -52, 30, k)


MOTIFS = {
    "loaf": loaf,
    "croissant": croissant,
    "cake": cake,
    "cookies": cookies,
    "dripper": dripper,
    "latte": latte,
    "matcha": matcha,
    "cocktail": cocktail,
    "boba": boba,
    "pie": pie,
}
