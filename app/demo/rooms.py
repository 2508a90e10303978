"""Indoor backgrounds: table tops, rooms, walls and seen-from-above surfaces (see `app.demo.scenes`)."""

from app.demo.draw import Look, Pen, clear, dark, light, mix
from app.demo.scenes import OUTSIDE, SKIES, Scene, vault

WOODS = ("#b98254", "#d3a87a", "#8a5a3c", "#c79667")


def boards(pen: Pen, look: Look, y: float, wood: str) -> None:
    """A wooden table top from `y` down."""
    pen.grad(pen.box(0, y, 100, 101 - y), light(wood, 0.12), dark(wood, 0.2))
    pen.rect(0, y, 100, 1.2, light(wood, 0.35))
    for _ in range(7):
        row, x = look.between(y + 3, 99), look.between(-10, 80)
        pen.line([(x, row), (x + look.between(12, 40), row)], 0.4, clear(dark(wood, 0.5), 0.35))


def window(pen: Pen, look: Look, x: float, y: float, width: float, height: float) -> None:
    """A window with light outside and a sill."""
    hour = look.pick("day", "morning", "gold", "dusk")
    top, low, far, _ = SKIES[hour]
    pen.rect(x - 2, y - 2, width + 4, height + 4, "#f7f1e6", 1)
    pen.grad(pen.box(x, y, width, height), top, low)
    pen.blob(
        [
            (x, y + height),
            (x + width * 0.2, y + height * 0.7),
            (x + width * 0.6, y + height * 0.78),
            (x + width, y + height),
        ],
        far,
    )
    pen.rect(x + width / 2 - 0.7, y, 1.4, height, "#f7f1e6")
    pen.rect(x, y + height * 0.45, width, 1.4, "#f7f1e6")
    pen.rect(x - 4, y + height + 2, width + 8, 2.4, "#e9dfcf", 1)


def props(pen: Pen, look: Look) -> None:
    """Something on the wall: a window, a shelf, frames, a lamp, or nothing."""
    kind = look.pick("window", "window", "shelf", "frames", "lamp", "none")
    if kind == "window":
        window(pen, look, look.pick_x(), 10, 28, 34)
    elif kind == "shelf":
        x = look.pick_x()
        pen.rect(x, 34, 34, 2, look.pick(*WOODS))
        for i in range(5):
            tall = look.between(6, 13)
            pen.rect(
                x + 3 + 6 * i,
                34 - tall,
                4.4,
                tall,
                mix(look.main, look.pick("#c8553d", "#588b8b", "#f2d492"), 0.6),
                0.6,
            )
    elif kind == "frames":
        x = look.pick_x()
        for dx, wide, tall in ((0, 14, 18), (17, 11, 13)):
            pen.rect(x + dx, 14, wide, tall, "#f9f4ea")
            pen.rect(x + dx + 1.5, 15.5, wide - 3, tall - 3, light(look.second, 0.2))
            pen.circle(x + dx + wide / 2, 14 + tall * 0.5, wide * 0.2, look.accent)
    elif kind == "lamp":
        x = look.pick_x() + 12
        pen.line([(x, 0), (x, 16)], 0.6, "#4a4040")
        pen.glow(x, 24, 26, "#ffe9b0", 0.45)
        pen.poly([(x - 9, 24), (x - 4, 15), (x + 4, 15), (x + 9, 24)], look.accent)


def wall(pen: Pen, look: Look, y: float) -> None:
    """A softly lit wall down to `y`."""
    pen.grad(pen.box(0, 0, 100, y + 1), light(look.main, 0.22), dark(look.main, 0.06))
    if look.chance(0.3):
        slant = look.between(-10, 30)
        for i in range(2):
            x = slant + 24 * i
            pen.poly([(x, y), (x + 18, 0), (x + 36, 0), (x + 18, y)], clear("#fff8dc", 0.22))


def table(pen: Pen, look: Look) -> float:
    """A wooden table before a wall."""
    wall(pen, look, 66)
    props(pen, look)
    boards(pen, look, 66, look.pick(*WOODS))
    return 86


def linen(pen: Pen, look: Look) -> float:
    """A table with a cloth before a wall."""
    wall(pen, look, 64)
    props(pen, look)
    cloth = light(look.second, 0.45)
    pen.grad(pen.box(0, 64, 100, 37), light(cloth, 0.3), dark(cloth, 0.1))
    for i in range(6):
        pen.line([(i * 21 - 6, 101), (20 + i * 12, 64)], 0.8, clear(look.second, 0.35))
    for i in range(4):
        pen.line([(0, 68 + i * 9), (100, 68 + i * 9)], 0.8, clear(look.second, 0.3))
    return 86


def counter(pen: Pen, look: Look) -> float:
    """A kitchen: tiles, a rail with tools, a worktop."""
    pen.grad(pen.box(0, 0, 100, 68), light(look.main, 0.5), light(look.main, 0.25))
    for i in range(1, 11):
        pen.line([(i * 10, 0), (i * 10, 68)], 0.5, clear("#ffffff", 0.6))
    for i in range(1, 7):
        pen.line([(0, i * 10), (100, i * 10)], 0.5, clear("#ffffff", 0.6))
    pen.line([(4, 12), (96, 12)], 0.9, "#6d665f")
    for i in range(4):
        x = look.between(8, 20) + 23 * i
        pen.line([(x, 12), (x, 24)], 0.9, "#6d665f")
        end = look.pick("ladle", "spatula", "whisk")
        if end == "ladle":
            pen.circle(x, 27, 3.4, "#86807a")
        elif end == "spatula":
            pen.rect(x - 2.4, 23, 4.8, 8, look.pick("#9a6b45", "#86807a"), 0.8)
        else:
            pen.ellipse(x, 28, 2.6, 5, clear("#86807a", 0.7))
    top = look.pick("#efe9e1", "#d9d2c8", "#b98254", "#5d5f66")
    pen.grad(pen.box(0, 68, 100, 33), light(top, 0.2), dark(top, 0.12))
    pen.rect(0, 68, 100, 1.4, light(top, 0.5))
    return 86


def room(pen: Pen, look: Look) -> float:
    """A living room: wall, skirting, floor and a rug."""
    wall(pen, look, 74)
    props(pen, look)
    boards(pen, look, 74, look.pick(*WOODS))
    pen.rect(0, 72, 100, 2.4, light(look.main, 0.6))
    pen.ellipse(50, 91, 44, 7.5, light(look.second, 0.25))
    pen.ellipse(50, 91, 39, 6, clear(look.accent, 0.35))
    return 91


def desk(pen: Pen, look: Look) -> float:
    """A desk before a wall with a pin board or shelf."""
    wall(pen, look, 70)
    if look.chance(0.4):
        pen.rect(12, 10, 30, 22, "#caa472", 1)
        for x, y, tone in ((16, 14, "#fff3b0"), (26, 15, "#f4a6a6"), (33, 21, "#b5d8f0"), (18, 22, "#cfe8b4")):
            pen.rect(x, y, 6, 6, tone)
    else:
        props(pen, look)
    boards(pen, look, 70, look.pick("#d9b48c", "#f0e6d8", "#9c6f4c", "#5a4a42"))
    return 86


def flat(pen: Pen, look: Look) -> float:
    """A plain surface seen from above, with a cloth across a corner."""
    ground = look.pick(light(look.main, 0.35), light(look.second, 0.4), "#efe7da")
    pen.grad(pen.box(0, 0, 100, 101), light(ground, 0.25), dark(ground, 0.08))
    for _ in range(40):
        pen.circle(look.between(0, 100), look.between(0, 100), look.between(0.2, 0.5), clear(dark(ground, 0.5), 0.25))
    if look.chance(0.6):
        cloth = clear(look.accent, 0.8)
        corner = look.pick("a", "b")
        pen.poly([(0, 62), (42, 101), (0, 101)] if corner == "a" else [(58, 0), (100, 0), (100, 42)], cloth)
    return 84


def planks(pen: Pen, look: Look) -> float:
    """A wooden table seen from above."""
    wood = look.pick(*WOODS)
    for i in range(5):
        tone = mix(wood, look.pick("#3a2418", "#f5deb3"), look.between(0.02, 0.14))
        pen.rect(i * 20, 0, 20, 101, tone)
        pen.line([(i * 20, 0), (i * 20, 101)], 0.6, dark(wood, 0.45))
        x = i * 20 + look.between(5, 15)
        pen.curve([(x, 0), (x + 2, 35), (x - 1, 70), (x + 1, 101)], 0.4, clear(dark(wood, 0.5), 0.4))
    return 84


def marble(pen: Pen, look: Look) -> float:
    """A vanity: pale stone top, round mirror, soft wall."""
    pen.grad(pen.box(0, 0, 100, 72), light(look.main, 0.45), light(look.main, 0.12))
    if look.chance(0.6):
        x = look.between(25, 75)
        pen.circle(x, 36, 25, look.pick("#d9b26a", "#f5efe6", "#b48a78"))
        pen.circle(x, 36, 23, light(look.main, 0.7))
        pen.poly([(x - 12, 50), (x + 4, 20), (x + 10, 20), (x - 5, 52)], clear("#ffffff", 0.6))
    else:
        for i in range(3):
            vault(pen, 6 + 32 * i, 72, 24, 58, clear(light(look.main, 0.75), 0.5))
    pen.grad(pen.box(0, 72, 100, 29), "#fbf7f3", "#e3dbd6")
    for _ in range(4):
        x = look.between(0, 90)
        pen.curve([(x, 74), (x + 6, 83), (x + 2, 90), (x + 12, 100)], 0.5, clear("#9a8f8c", 0.45))
    return 87


def gym(pen: Pen, look: Look) -> float:
    """A training room: bright wall with a stripe, window band, matting."""
    pen.grad(pen.box(0, 0, 100, 72), light(look.main, 0.3), look.main)
    pen.rect(0, 44, 100, 8, clear(look.accent, 0.8))
    for i in range(4):
        pen.rect(4 + 25 * i, 8, 20, 18, clear("#eaf6ff", 0.7), 1)
    pen.grad(pen.box(0, 72, 100, 29), "#6d7480", "#474c57")
    for i in range(9):
        pen.line([(50 + (i - 4) * 12, 72), (50 + (i - 4) * 26, 101)], 0.5, clear("#ffffff", 0.25))
    return 89


def stage(pen: Pen, look: Look) -> float:
    """A dark stage with coloured light cones."""
    pen.grad(pen.box(0, 0, 100, 101), "#1c1633", dark(look.main, 0.55))
    for i in range(3):
        x, end = 18 + 32 * i, look.between(10, 90)
        tone = look.pick(look.main, look.second, look.accent, "#ffd27a")
        for grow in (8, 14, 20):
            pen.poly([(x - 1.5, 0), (x + 1.5, 0), (end + grow, 84), (end - grow, 84)], clear(tone, 0.16))
    pen.grad(pen.box(0, 80, 100, 21), "#4a3550", "#241a30")
    pen.ellipse(50, 89, 42, 7, clear("#ffe9c0", 0.18))
    return 89


def night_room(pen: Pen, look: Look) -> float:
    """A room after dark: deep wall, moonlit window, warm pool of light."""
    base = mix(look.main, "#1d2145", 0.78)
    pen.grad(pen.box(0, 0, 100, 72), base, light(base, 0.1))
    x = look.pick_x()
    pen.rect(x - 2, 8, 32, 36, light(base, 0.25), 1)
    pen.grad(pen.box(x, 10, 28, 32), "#16244d", "#3b5288")
    for _ in range(9):
        pen.circle(x + look.between(2, 26), look.between(12, 34), 0.5, "#ffffff")
    pen.circle(x + 20, 18, 3.6, "#f8efce")
    pen.rect(x + 13.3, 10, 1.4, 32, light(base, 0.25))
    boards(pen, look, 72, "#4d3a3c")
    pen.glow(50, 66, 46, "#ffcf87", 0.5)
    return 88


SCENES: dict[str, Scene] = {
    **OUTSIDE,
    "table": table,
    "linen": linen,
    "counter": counter,
    "room": room,
    "desk": desk,
    "flat": flat,
    "planks": planks,
    "marble": marble,
    "gym": gym,
    "stage": stage,
    "night_room": night_room,
}
