"""Motifs of sport: shoes, weights, balls, boards and people moving."""

import math

from app.demo.draw import Look, Pen, arc_points, clear, dark, light

SKINS = ("#f0c9a4", "#d9a27a", "#a86f4a", "#7d5138")


def shoe(p: Pen, k: Look) -> None:
    """A running shoe in profile."""
    tone = k.pick("#ff5a4f", "#2f7fd9", "#34b38a", "#8f5fd9", "#f2a61f")
    p.shadow(0, 0, 66, 6)
    p.blob([(-64, -12), (-40, -10), (20, -10), (66, -14), (64, -2), (20, 0), (-40, 0), (-66, -2)], "#ffffff")
    p.line([(-58, -3), (58, -3)], 3, dark(tone, 0.2))
    body = [
        (-60, -14),
        (-60, -44),
        (-50, -58),
        (-28, -50),
        (-14, -58),
        (2, -50),
        (26, -30),
        (58, -24),
        (64, -12),
        (0, -11),
    ]
    p.blob(body, tone)
    p.blob([(-60, -14), (-60, -40), (-46, -38), (-38, -14)], dark(tone, 0.22))
    p.blob([(30, -14), (34, -26), (58, -24), (64, -13)], dark(tone, 0.2))
    p.blob([(-52, -54), (-28, -48), (-14, -56), (-22, -46), (-44, -44)], "#2b2b33")
    for i in range(5):
        x, y = -11 + i * 8, -53 + i * 6
        p.line([(x - 4, y + 9), (x + 5, y)], 2.4, "#ffffff")
    p.curve([(-36, -16), (-14, -22), (4, -30), (18, -24)], 5, "#ffffff")
    p.curve([(-20, -14), (0, -18), (20, -20)], 3, light(tone, 0.6))
    for i in range(3):
        p.line([(-104 + i * 8, -18 - i * 15), (-76 + i * 2, -18 - i * 15)], 2, clear("#ffffff", 0.7))


def yoga(p: Pen, k: Look) -> None:
    """A person cross-legged on a mat, palms together overhead."""
    skin, wear = k.pick(*SKINS), k.pick("#5f4b8b", "#2a9d8f", "#e07a5f", "#3d5a80")
    p.poly([(-78, 6), (-62, -8), (62, -8), (78, 6)], k.pick("#8fcfc0", "#d9a5c9", "#f2c078"))
    p.poly([(-78, 6), (78, 6), (78, 9), (-78, 9)], "#6d8f8a")
    p.blob([(-48, -6), (-40, -16), (-14, -20), (14, -20), (40, -16), (48, -6), (20, 0), (-20, 0)], dark(wear, 0.2))
    p.curve([(-38, -8), (-6, -12), (26, -4)], 3, dark(wear, 0.45))
    p.ellipse(30, -4, 9, 4, skin)
    p.poly([(-17, -18), (-19, -52), (19, -52), (17, -18)], wear)
    p.rect(-6, -60, 12, 10, skin)
    for side in (-1, 1):
        p.curve([(side * 17, -50), (side * 27, -74), (side * 17, -96), (side * 2, -112)], 7, skin)
    p.circle(0, -70, 13, skin)
    hair = k.pick("#2b1d18", "#6b4226", "#c9964f")
    p.poly([*arc_points(0, -72, 13.6, 13, 180, 360)], hair)
    p.circle(0, -87, 5.4, hair)
    for x in (-5, 5):
        p.arc(x, -69, 2.6, 2, (0, 180), 1, "#3a2a2a")


def dumbbell(p: Pen, k: Look) -> None:
    """Two hex dumbbells and a kettlebell."""
    p.shadow(0, 0, 70, 6)
    tone = k.pick("#d62839", "#f2a61f", "#2f7fd9", "#34b38a")
    p.arc(-48, -52, 17, 18, (165, 375), 7, "#3a3d45")
    p.circle(-48, -24, 25, "#2f3239")
    p.circle(-54, -32, 9, clear("#ffffff", 0.16))
    p.rect(-58, -30, 20, 12, tone, 3)
    for x, y, tilt in ((34, -13, 0), (30, -42, -14)):
        q = p.at(x, y, tilt=tilt)
        q.rect(-22, -4, 44, 8, "#b9bdc4", 2)
        for side in (-1, 1):
            cx = side * 32
            q.poly(
                [
                    (cx - 11, -8),
                    (cx - 7, -16),
                    (cx + 7, -16),
                    (cx + 11, -8),
                    (cx + 11, 8),
                    (cx + 7, 15),
                    (cx - 7, 15),
                    (cx - 11, 8),
                ],
                "#2f3239",
            )
            q.rect(cx - 11, -3, 22, 6, tone)
            q.line([(cx - 6, -12), (cx + 6, -12)], 1.6, clear("#ffffff", 0.3))


def climber(p: Pen, k: Look) -> None:
    """A climber reaching across a wall of coloured holds."""
    wall = k.pick("#d9c9ae", "#b9c4cc", "#cdb8a2")
    p.grad([(-84, 14), (-84, -134), (60, -134), (84, -60), (84, 14)], light(wall, 0.15), dark(wall, 0.15))
    p.poly([(84, 14), (84, -60), (60, -134), (84, -134), (130, -134), (130, 14)], dark(wall, 0.3))
    holds = ("#e63946", "#2a9d8f", "#f4a261", "#457b9d", "#ffd166", "#8f5fd9")
    for i in range(26):
        x, y, r = k.between(-78, 74), k.between(-128, 6), k.between(3.5, 7)
        p.blob([(x - r, y), (x - r * 0.4, y - r * 0.8), (x + r, y - r * 0.2), (x + r * 0.5, y + r * 0.7)], holds[i % 6])
    for x, y in ((-22, -116), (40, -104), (-30, -24), (30, -16)):
        p.ellipse(x, y, 9, 6, "#e63946")
    skin, wear = k.pick(*SKINS), k.pick("#f2f2f2", "#3d5a80", "#f2c14e", "#2f3e46")
    p.line([(4, -74), (-14, -92), (-22, -114)], 7, skin)
    p.line([(12, -76), (32, -84), (39, -102)], 7, skin)
    p.line([(2, -50), (-28, -48), (-29, -27)], 9, "#3a4150")
    p.line([(8, -50), (26, -40), (29, -20)], 9, "#3a4150")
    p.blob([(-8, -76), (8, -82), (20, -76), (15, -48), (-4, -48)], wear)
    p.circle(8, -92, 10, skin)
    p.poly([*arc_points(8, -93, 10.6, 10, 150, 350)], k.pick("#2b1d18", "#6b4226", "#d9a441"))
    p.ellipse(5, -48, 9, 7, "#f7f3e8")


def goggles(p: Pen, k: Look) -> None:
    """A swimmer in a pool lane between floating lines."""
    p.grad(p.box(-90, -128, 180, 150), "#5fc9e3", "#1f8fc0")
    for _ in range(24):
        x, y = k.between(-86, 60), k.between(-120, 16)
        p.curve([(x, y), (x + 8, y - 3), (x + 16, y), (x + 24, y - 3)], 1.4, clear("#ffffff", 0.35))
    for y in (-106, -4):
        for i in range(18):
            p.rect(-90 + i * 10, y, 9, 7, "#e63946" if (i // 3) % 2 else "#ffffff", 3)
    skin = k.pick(*SKINS)
    p.blob([(-84, -40), (-50, -58), (4, -62), (22, -54), (10, -40), (-40, -34)], clear(skin, 0.75))
    p.blob([(-60, -44), (-40, -56), (-22, -56), (-30, -40), (-50, -36)], k.pick("#2b2b55", "#d62839", "#1f4e4a"))
    p.line([(6, -54), (26, -86), (58, -66)], 10, skin)
    cap = k.pick("#ffd166", "#e63946", "#ffffff", "#8f5fd9")
    p.circle(26, -50, 17, skin)
    p.poly([*arc_points(26, -52, 18, 17, 160, 350), (40, -52)], cap)
    p.ellipse(36, -50, 8, 5.4, "#1f2f4a")
    p.ellipse(37, -51, 4, 2.4, "#8fe0ff")
    p.line([(28, -51), (10, -54)], 2.4, "#1f2f4a")
    for _ in range(26):
        p.circle(k.between(30, 78), k.between(-62, -24), k.between(1.5, 5), clear("#ffffff", 0.75))
    p.curve([(-86, -30), (-40, -24), (20, -28), (60, -30)], 4, clear("#ffffff", 0.7))


def bicycle(p: Pen, k: Look) -> None:
    """A road bicycle in profile."""
    tone = k.pick("#e63946", "#1d7874", "#f4a261", "#33415c", "#6fb3d9")
    p.shadow(0, 0, 84, 4)
    for x in (-50, 52):
        p.arc(x, -34, 33, 33, (0, 360), 4, "#26282d")
        p.arc(x, -34, 30, 30, (0, 360), 1.2, "#c9ccd2")
        for i in range(10):
            turn = math.radians(36 * i)
            p.line([(x, -34), (x + 30 * math.cos(turn), -34 + 30 * math.sin(turn))], 0.6, clear("#4a4d55", 0.8))
        p.circle(x, -34, 3.4, "#4a4d55")
    crank, seat, head = (-4, -30), (-18, -80), (40, -82)
    for a, b in (((-50, -34), crank), (crank, seat), (seat, head), (crank, (42, -74)), ((-50, -34), (-16, -72))):
        p.line([a, b], 4.4, tone)
    p.line([head, (52, -34)], 4, dark(tone, 0.3))
    p.line([seat, (-21, -92)], 3, "#3a3d45")
    p.blob([(-36, -96), (-22, -97), (-4, -93), (-20, -90)], "#26282d")
    p.line([head, (38, -92), (54, -93)], 3, "#3a3d45")
    p.arc(54, -84, 10, 9, (-90, 110), 4, "#26282d")
    p.circle(*crank, 9, "#4a4d55")
    p.line([crank, (6, -14)], 3, "#b9bdc4")
    p.line([(0, -13), (12, -13)], 3.4, "#26282d")
    p.line([(-50, -31), (-4, -22)], 1, "#4a4d55")
    p.line([(4, -56), (12, -38)], 7, k.pick("#ffffff", "#2a9d8f"))


def boxing(p: Pen, k: Look) -> None:
    """A pair of boxing gloves hung before a heavy bag."""
    tone = k.pick("#d62828", "#d62828", "#1d5fa8", "#2b2b30")
    p.rect(-50, -134, 44, 128, "#4a2f2a", 12)
    p.grad(p.box(-50, -120, 44, 110, 12), "#8a4a38", "#5b2f26", across=True)
    for y in (-104, -40):
        p.rect(-50, y, 44, 5, "#e0b15a")
    p.shadow(26, 0, 44, 5)
    for x, y, mirror in ((50, -4, False), (8, 0, True)):
        q = p.at(x, y, mirror=mirror, tilt=8 if mirror else -8)
        q.curve([(0, -36), (0, -80), (-20, -112)], 1.8, "#f3ead8")
        q.rect(-16, -32, 34, 30, "#f3ead8", 5)
        q.rect(-16, -22, 34, 7, dark(tone, 0.3))
        q.blob([(-22, -34), (-28, -60), (-18, -82), (6, -86), (26, -74), (27, -50), (18, -32)], tone)
        q.blob([(-20, -64), (-10, -80), (8, -80), (0, -68)], clear("#ffffff", 0.3))
        q.blob([(-24, -36), (-36, -52), (-32, -66), (-22, -64), (-16, -46)], dark(tone, 0.2))


def tennis(p: Pen, k: Look) -> None:
    """A racket, leaning, and balls on a court line."""
    p.poly([(-110, 4), (110, -4), (110, 0), (-110, 9)], clear("#ffffff", 0.9))
    p.shadow(10, 0, 50, 5)
    tone = k.pick("#e63946", "#1d7fc4", "#2b2b30", "#f2a61f")
    q = p.at(-16, -4, tilt=28)
    q.ellipse(0, -90, 33, 42, clear("#f4f8f2", 0.5))
    for i in range(-4, 5):
        q.line(
            [(i * 7, -90 - 40 * math.sqrt(1 - (i / 4.9) ** 2)), (i * 7, -90 + 40 * math.sqrt(1 - (i / 4.9) ** 2))],
            0.9,
            "#f7f7ef",
        )
        half = 32 * math.sqrt(1 - (i / 4.9) ** 2)
        q.line([(-half, -90 + i * 8.4), (half, -90 + i * 8.4)], 0.9, "#f7f7ef")
    q.arc(0, -90, 33, 42, (0, 360), 5, tone)
    q.line([(-14, -54), (0, -32)], 4, tone)
    q.line([(14, -54), (0, -32)], 4, tone)
    q.rect(-4.6, -36, 9.2, 40, "#2b2b30", 4)
    for i in range(5):
        q.line([(-4.6, -28 + i * 7), (4.6, -31 + i * 7)], 1, "#77777d")
    for x, y, r in ((-44, -16, 15), (66, -12, 13), (-12, -10, 11)):
        p.circle(x, y, r, "#cfe33a")
        p.arc(x - r * 0.9, y, r * 0.9, r, (-55, 55), 1.8, "#fbfde8")
        p.arc(x + r * 0.9, y, r * 0.9, r, (125, 235), 1.8, "#fbfde8")


def basketball(p: Pen, k: Look) -> None:
    """A hoop with a backboard and a ball about to drop in."""
    p.rect(34, -96, 8, 100, "#5b6470")
    p.poly([(20, -100), (38, -92), (38, -80), (20, -88)], "#5b6470")
    p.rect(-34, -134, 78, 54, "#f7f7f5", 3)
    p.rect(-16, -116, 42, 30, k.pick("#d62839", "#1d5fa8"), 1)
    p.rect(-13, -113, 36, 24, "#f7f7f5")
    p.ellipse(4, -78, 26, 6, "#e4572e")
    p.ellipse(4, -78, 22, 4, "#7a8490")
    for i in range(7):
        x0, x1 = -20 + i * 8, -11 + i * 5
        p.line([(x0, -75), (x1, -44)], 1.3, "#ffffff")
        p.line([(x0, -75), (-11 + (6 - i) * 5, -44)], 1.0, clear("#ffffff", 0.7))
    x, y, r = -46, -34, 32
    p.shadow(x, 0, 28, 4)
    p.circle(x, y, r, "#b5561f")
    p.circle(x - 1, y - 1.4, r * 0.95, "#e07a2f")
    p.circle(x - 10, y - 12, r * 0.4, clear("#ffffff", 0.14))
    for a, b in (((x - r, y), (x + r, y)), ((x, y - r), (x, y + r))):
        p.line([a, b], 1.8, "#3a2016")
    p.arc(x - r * 1.1, y, r * 0.8, r, (-60, 60), 1.8, "#3a2016")
    p.arc(x + r * 1.1, y, r * 0.8, r, (120, 240), 1.8, "#3a2016")


def skateboard(p: Pen, k: Look) -> None:
    """A board with graphics on a ramp, wheels showing."""
    p.poly([(-110, 14), (110, 14), (110, -20), (60, -8), (0, 0), (-110, 4)], "#a9abb2")
    p.line([(-110, 4), (0, 0), (60, -8), (110, -20)], 2.4, "#d9dadf")
    a, b = k.pick("#ef476f #ffd166", "#118ab2 #f7f7f5", "#2b2b30 #7fd858", "#f78c3a #3a2f6b").split()
    q = p.at(0, -18, tilt=-16)
    for x in (-42, 42):
        q.rect(x - 10, -8, 20, 7, "#b9bdc4", 2)
        for dx in (-9, 9):
            q.circle(x + dx, 2, 8.4, "#f4f1e6")
            q.circle(x + dx, 2, 3.4, "#8f949c")
    q.blob(
        [(-84, -38), (-78, -46), (-54, -34), (0, -32), (54, -34), (78, -46), (84, -38), (58, -10), (0, -7), (-58, -10)],
        dark(a, 0.35),
    )
    q.blob(
        [
            (-82, -40),
            (-76, -45),
            (-54, -34),
            (0, -32),
            (54, -34),
            (76, -45),
            (82, -40),
            (58, -14),
            (0, -11),
            (-58, -14),
        ],
        a,
    )
    for i in range(4):
        q.poly([(-40 + i * 24, -31), (-28 + i * 24, -31), (-18 + i * 24, -13), (-30 + i * 24, -13)], b)
    for i in range(3):
        p.line([(-112 + i * 8, -54 - i * 13), (-76 + i * 4, -60 - i * 13)], 2, clear("#ffffff", 0.6))


MOTIFS = {
    "shoe": shoe,
    "yoga": yoga,
    "dumbbell": dumbbell,
    "climber": climber,
    "goggles": goggles,
    "bicycle": bicycle,
    "boxing": boxing,
    "tennis": tennis,
    "basketball": basketball,
    "skateboard": skateboard,
}
