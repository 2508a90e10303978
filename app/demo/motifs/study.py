"""Motifs of quiet hours: books, pens, chess and a lamp."""

from app.demo.draw import Look, Pen, arc_points, clear, dark, light


def books(p: Pen, k: Look) -> None:
    """A leaning stack of books with a mug or glasses on top."""
    p.shadow(0, 0, 60, 6)
    y = 0.0
    for i in range(6):
        tone = k.pick("#b5402f", "#2f5d73", "#d9a441", "#4f7a5a", "#7a4f8a", "#e8dcc4", "#33415c")
        wide, tall, x = k.between(82, 108), k.between(11, 17), k.between(-7, 7)
        p.rect(x - wide / 2, y - tall, wide, tall, tone, 2)
        p.rect(x - wide / 2 + 6, y - tall + 2.4, wide - 6, tall - 4.8, "#f7efdc")
        for j in range(2):
            p.line([(x - wide / 2 + 8, y - tall + 5 + j * 3), (x + wide / 2, y - tall + 5 + j * 3)], 0.6, "#cdbf9f")
        p.rect(x - wide / 2, y - tall, 13, tall, dark(tone, 0.15), 2)
        p.line([(x - wide / 2 + 4, y - tall + 2), (x - wide / 2 + 4, y - 2)], 1.4, "#e8c96a")
        if i == 3:
            p.poly([(x + 20, y - 3), (x + 26, y - 3), (x + 26, y + 13), (x + 23, y + 9), (x + 20, y + 13)], "#d62839")
        y -= tall
    if k.chance(0.5):
        p.grad(p.box(-18, y - 27, 34, 27, 4), light(k.accent, 0.3), k.accent)
        p.arc(16, y - 14, 9, 8, (-90, 90), 4, k.accent)
        p.ellipse(-1, y - 27, 17, 3.4, "#5b3018")
        p.steam(0, y - 31, 22, k)
    else:
        for x in (-17, 17):
            p.arc(x, y - 11, 13, 10, (0, 360), 2.8, "#3a2a26")
            p.ellipse(x, y - 11, 12, 9, clear("#cfe8f2", 0.5))
        p.arc(0, y - 13, 5, 4, (200, 340), 2.8, "#3a2a26")


def journal(p: Pen, k: Look) -> None:
    """An open notebook with a grid, stickers and a fountain pen."""
    cover = k.pick("#8a4f2f", "#3f5f5a", "#b5533f", "#4b5a75")
    p.shadow(0, 2, 84, 6)
    p.poly([(-86, -2), (-78, -88), (78, -88), (86, -2)], cover)
    p.poly([(-82, -5), (-75, -88), (-4, -86), (0, -2)], "#fffaf0")
    p.poly([(82, -5), (75, -88), (4, -86), (0, -2)], "#fdf5e6")
    p.poly([(-9, -4), (-6, -87), (6, -87), (9, -4), (0, -2)], clear("#8a7a60", 0.3))
    for i in range(7):
        for j in range(6):
            p.circle(-70 + i * 9.6, -78 + j * 13, 0.9, "#c9bda8")
    p.rect(-64, -80, 38, 8, clear(k.accent, 0.7), 2)
    for i in range(4):
        p.rect(-66, -62 + i * 13, 7, 7, "#fffaf0")
        p.arc(-62.5, -58.5 + i * 13, 4, 4, (0, 360), 1.3, "#5b5048")
        p.line([(-54, -58 + i * 13), (-54 + k.between(18, 40), -58 + i * 13)], 2, "#6a5f58")
    p.line([(-65, -59), (-62, -56), (-57, -63)], 1.8, "#3f9a5a")
    p.rect(16, -78, 26, 22, light(k.second, 0.2), 1)
    p.circle(62, -68, 8, "#f2c14e")
    for t in (-30, 0, 30):
        p.leaf(62, -24, 18, 5, t, "#7fae6a")
    for i in range(5):
        p.line([(14, -48 + i * 9), (14 + k.between(24, 44), -48 + i * 9)], 1.6, "#6a5f58")
    q = p.at(24, -6, tilt=58)
    q.grad(q.box(-4.6, -76, 9.2, 52, 4), "#3a4f7a", "#1f2a44", across=True)
    q.rect(-5, -36, 10, 4, "#d9b35a")
    q.rect(-4, -32, 8, 14, "#26282d")
    q.poly([(-3.4, -18), (3.4, -18), (0, -2)], "#d9b35a")
    q.line([(0, -15), (0, -4)], 0.7, "#5b4a2a")


def chess(p: Pen, k: Look) -> None:
    """A board with a knight, a king and pawns."""
    a, b = k.pick("#f0dcb8 #8a5a3c", "#e8ece6 #5f7f6a", "#f3e6d0 #4b5a75").split()
    p.shadow(0, 4, 92, 6)
    for row in range(4):
        for col in range(8):
            y0, y1 = -30 + row * 9, -21 + row * 9
            w0, w1 = 17 + row * 1.7, 18.7 + row * 1.7
            p.poly(
                [((col - 4) * w0, y0), ((col - 3) * w0, y0), ((col - 3) * w1, y1), ((col - 4) * w1, y1)],
                a if (row + col) % 2 else b,
            )
    p.poly([(-95, 6), (95, 6), (95, 12), (-95, 12)], dark(b, 0.3))

    def foot(q: Pen, tone: str) -> None:
        q.ellipse(0, -3, 20, 6, dark(tone, 0.2))
        q.rect(-19, -10, 38, 8, tone, 4)
        q.ellipse(0, -11, 15, 4, light(tone, 0.2))

    ivory, ebony = "#f7eeda", "#33292b"
    q = p.at(-58, -10, 0.72)
    foot(q, ivory)
    q.poly([(-10, -12), (10, -12), (5, -36), (-5, -36)], ivory)
    q.circle(0, -44, 12, light(ivory, 0.3))
    q = p.at(54, -10, 1.0)
    foot(q, ivory)
    q.grad([(-13, -12), (13, -12), (8, -58), (-8, -58)], ivory, dark(ivory, 0.15), across=True)
    q.ellipse(0, -58, 14, 4, ivory)
    q.poly([(-10, -60), (10, -60), (15, -82), (-15, -82)], ivory)
    q.ellipse(0, -82, 15, 4, light(ivory, 0.4))
    q.line([(0, -84), (0, -102)], 4, ivory)
    q.line([(-7, -95), (7, -95)], 4, ivory)
    q = p.at(-4, 0, 1.2)
    foot(q, ebony)
    q.blob(
        [
            (-16, -12),
            (-16, -34),
            (-8, -52),
            (-20, -48),
            (-30, -40),
            (-36, -48),
            (-30, -62),
            (-14, -78),
            (-8, -90),
            (2, -80),
            (18, -66),
            (22, -38),
            (16, -12),
        ],
        ebony,
    )
    q.curve([(6, -78), (16, -60), (18, -36), (14, -16)], 3, light(ebony, 0.3))
    q.circle(-12, -66, 2.6, "#f7eeda")
    q.circle(-31, -49, 1.6, "#f7eeda")


def study_lamp(p: Pen, k: Look) -> None:
    """A desk lamp over an open book at night."""
    tone = k.pick("#d62839", "#2f7f6f", "#f2a61f", "#3f6fb5")
    p.poly([(20, -104), (60, -88), (80, 0), (-56, 0)], clear("#ffe9a0", 0.4))
    p.shadow(-40, 0, 30, 5)
    p.ellipse(-52, -3, 26, 6, dark(tone, 0.2))
    p.line([(-52, -4), (-62, -64), (6, -118)], 4, dark(tone, 0.1))
    p.circle(-62, -64, 5.4, "#d9dde2")
    q = p.at(12, -116, tilt=-38)
    q.grad([(-11, -8), (11, -8), (30, 26), (-30, 26)], light(tone, 0.2), dark(tone, 0.15))
    q.ellipse(0, 26, 30, 6, "#fff6cf")
    p.poly([(-20, 2), (-14, -14), (34, -18), (36, 2)], "#fffaf0")
    p.poly([(92, 2), (84, -14), (34, -18), (36, 2)], "#f7ecd4")
    p.poly([(-22, 4), (36, 4), (94, 4), (94, 8), (-22, 8)], "#2f5d73")
    for i in range(3):
        p.line([(-8, -9 + i * 4), (27, -12 + i * 4.4)], 1, "#8a8075")
        p.line([(42, -12 + i * 4.4), (80, -9 + i * 4)], 1, "#8a8075")
    p.rect(-96, -30, 22, 32, k.second, 3)
    for x, t, shade in ((-92, -10, "#f2c14e"), (-86, 2, "#e4576a"), (-80, 12, "#3f9a8a")):
        q = p.at(x, -28, tilt=t)
        q.rect(-2.4, -26, 4.8, 28, shade)
        q.poly([(-2.4, -26), (2.4, -26), (0, -33)], "#f0d9b5")
    p.poly([*arc_points(62, -18, 6, 6, 180, 360)], clear("#ffffff", 0.01))


MOTIFS = {
    "books": books,
    "journal": journal,
    "chess": chess,
    "study_lamp": study_lamp,
}
