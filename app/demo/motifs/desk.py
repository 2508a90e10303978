"""Motifs of the desk: machines, games, books and pens."""

from app.demo.draw import Look, Pen, clear, dark, light


def keyboard(p: Pen, k: Look) -> None:
    """A compact keyboard with coloured caps and a coiled cable."""
    case = k.pick("#3a3f4a", "#f0ebe0", "#8fa5a8", "#d9a5a0", "#2b2b30")
    cap = k.pick("#f7f3ea", "#dfe6ea", "#4d5566", "#f3dfc0")
    accents = k.pick("#e4572e #3fa8a0", "#f2c14e #5f7fc9", "#e88fa5 #8fc9a8").split()
    for i in range(9):
        p.arc(-36 + i * 7, -88, 5.4, 9, (0, 360), 2, accents[0])
    p.line([(26, -86), (60, -104), (104, -108)], 2.4, accents[0])
    p.shadow(0, 0, 92, 5)
    p.poly([(-82, -74), (82, -74), (94, 2), (-94, 2)], dark(case, 0.3))
    p.poly([(-82, -78), (82, -78), (94, -3), (-94, -3)], case)
    for row in range(5):
        y = -73 + row * 14
        half = 77 + row * 2.6
        count = (14, 13, 12, 11, 7)[row]
        step = 2 * half / count
        for i in range(count):
            x, wide = -half + i * step, step
            if row == 4:
                edges = (0, 0.09, 0.18, 0.27, 0.7, 0.8, 0.9, 1)
                x, wide = -half + 2 * half * edges[i], 2 * half * (edges[i + 1] - edges[i])
            tone = cap
            if i in (0, count - 1):
                tone = accents[1]
            if (row, i) in ((0, 0), (2, count - 1), (4, 3)):
                tone = accents[0]
            p.rect(x + 0.9, y, wide - 1.8, 12.4, dark(tone, 0.28), 2)
            p.rect(x + 2, y, wide - 4, 9.4, light(tone, 0.15), 2)


def monitor(p: Pen, k: Look) -> None:
    """A wide screen with coloured code, speakers and a plant."""
    p.shadow(0, 0, 40, 5)
    p.poly([(-9, -30), (9, -30), (13, -3), (-13, -3)], "#8f949c")
    p.rect(-30, -5, 60, 5, "#aab0b8", 2)
    p.glow(0, -70, 80, k.pick("#9a6fff", "#ff7a9a", "#5fd9ff"), 0.35)
    p.rect(-78, -116, 156, 88, "#26282d", 4)
    p.grad(p.box(-74, -112, 148, 78), *k.pick("#1d2440 #2f3f6b", "#23202f #4a2f5f", "#14302f #1f4f4f").split())
    for i in range(9):
        x = -66.0 + 6 * (i % 4)
        for _ in range(3):
            wide = k.between(6, 22)
            p.rect(x, -106 + i * 7.6, wide, 3, k.pick("#7fe0a8", "#ffb86b", "#8fb5ff", "#ff8fb0", "#e8e8f0"), 1.5)
            x += wide + 4
    p.rect(22, -106, 46, 38, clear("#ffffff", 0.1), 3)
    p.curve([(26, -76), (36, -90), (46, -82), (56, -98), (64, -94)], 2, "#ffd166")
    for x in (-96, 96):
        p.rect(x - 10, -44, 20, 44, "#33363d", 3)
        p.circle(x, -32, 5, "#77797f")
        p.circle(x, -14, 7.4, "#77797f")
    p.rect(-44, 4, 76, 8, "#e8e6e0", 2)
    p.ellipse(48, 8, 8, 5, "#e8e6e0")


def standing_desk(p: Pen, k: Look) -> None:
    """A raised desk with a laptop, and somebody's stool pushed aside."""
    wood = k.pick("#c98f5a", "#e3c08a", "#7a5236")
    p.shadow(0, 0, 74, 5)
    for x in (-58, 50):
        p.rect(x, -66, 8, 66, "#4d5058")
        p.rect(x - 2, -36, 12, 36, "#33363d")
        p.rect(x - 12, -5, 32, 6, "#33363d", 2)
    p.rect(-78, -74, 156, 9, wood, 2)
    p.rect(-78, -74, 156, 2.4, light(wood, 0.35))
    p.rect(30, -65, 20, 5, "#26282d", 1)
    for side, y in ((-1, -50), (1, -34)):
        p.poly([(88, y), (96, y + side * 12), (104, y)], k.accent)
    p.rect(-22, -112, 58, 36, "#33363d", 3)
    p.grad(p.box(-19, -109, 52, 30), light(k.second, 0.3), k.second)
    p.poly([(-28, -76), (42, -76), (46, -73), (-32, -73)], "#c9ccd2")
    p.rect(-64, -96, 14, 22, "#fffaf0", 2)
    p.arc(-50, -85, 6, 6, (-80, 80), 2.6, "#fffaf0")
    p.line([(58, -74), (58, -98), (46, -112)], 2.6, "#33363d")
    p.poly([(50, -118), (34, -106), (46, -102)], k.accent)
    p.rect(-24, -30, 48, 8, k.main, 4)
    p.line([(0, -24), (0, -4)], 3.4, "#77797f")
    p.line([(-18, -1), (18, -1)], 3.4, "#77797f")


def printer(p: Pen, k: Look) -> None:
    """A 3D printer building a small vase."""
    p.shadow(0, 0, 66, 6)
    frame = k.pick("#2b2f36", "#e0702f", "#3f6f9a")
    p.rect(-62, -18, 124, 18, frame, 3)
    p.rect(-20, -14, 30, 10, "#8fe0ff", 1)
    p.circle(30, -9, 5, "#d9dde2")
    for x in (-60, 50):
        p.rect(x, -126, 10, 112, frame, 2)
    p.rect(-62, -132, 124, 10, frame, 3)
    p.circle(82, -106, 22, k.accent)
    p.circle(82, -106, 9, "#f0ebe0")
    p.circle(82, -106, 4, frame)
    p.curve([(70, -122), (40, -146), (10, -126), (4, -98)], 1.8, k.accent)
    p.rect(-50, -24, 100, 5, "#aab0b8", 1)
    tone = k.accent
    for i in range(13):
        w = 17 + 8 * [0.1, 0.5, 0.8, 1, 1.05, 1, 0.85, 0.65, 0.45, 0.3, 0.25, 0.3, 0.45][i]
        p.rect(-w + 4, -28 - i * 3.6, 2 * w, 3.4, light(tone, 0.12 if i % 2 else 0.3), 1.6)
    p.rect(-52, -92, 104, 6, "#c9ccd2", 2)
    p.rect(-10, -102, 28, 20, "#33363d", 3)
    p.circle(4, -93, 6, "#77797f")
    p.poly([(-2, -82), (10, -82), (5, -74), (3, -74)], "#d9b35a")


def gamepad(p: Pen, k: Look) -> None:
    """A hand-held console and a game pad."""
    tone = k.pick("#c9c4d9", "#f2c14e", "#6fb58f", "#e4576a", "#7f9fd9")
    p.shadow(0, 0, 76, 6)
    q = p.at(-36, -2, tilt=-7)
    q.rect(-34, -118, 68, 118, dark(tone, 0.2), 8)
    q.rect(-34, -120, 66, 118, tone, 8)
    q.rect(-27, -113, 52, 48, "#4a4d5f", 5)
    q.rect(-21, -107, 40, 36, "#a8c060", 1)
    for x, y in ((-18, -80), (-11, -80), (-4, -80), (-11, -87), (6, -80), (6, -87), (6, -94), (13, -80)):
        q.rect(x, y, 6, 6, "#44562f")
    q.rect(-25, -46, 22, 7, "#33363d", 1)
    q.rect(-17.5, -53.5, 7, 22, "#33363d", 1)
    q.circle(8, -38, 6, "#b5304f")
    q.circle(22, -45, 6, "#b5304f")
    for i in range(4):
        q.line([(6 + i * 6, -10), (10 + i * 6, -20)], 2, dark(tone, 0.3))
    pad = k.pick("#f4f1ea", "#33363d", "#e8793f")
    q = p.at(46, 0, tilt=9)
    q.blob(
        [
            (-38, -50),
            (0, -46),
            (38, -50),
            (50, -22),
            (46, 0),
            (32, 2),
            (22, -16),
            (-22, -16),
            (-32, 2),
            (-46, 0),
            (-50, -22),
        ],
        pad,
    )
    for x in (-15, 15):
        q.circle(x, -24, 8, "#55585f")
        q.circle(x, -25, 5.4, "#77797f")
    q.rect(-37, -39, 15, 5, "#55585f", 1)
    q.rect(-32, -44, 5, 15, "#55585f", 1)
    for dx, dy, shade in ((0, -6, "#f2c14e"), (6, 0, "#e63946"), (0, 6, "#6fbf5a"), (-6, 0, "#3f7fd0")):
        q.circle(30 + dx, -36 + dy, 3.4, shade)


def robot(p: Pen, k: Look) -> None:
    """A small home-made robot with a gripper and wheels."""
    tone = k.pick("#f2b134", "#6fb5c9", "#e4704f", "#d9dde2", "#8fbf7f")
    p.shadow(0, 0, 52, 6)
    for x in (-30, 30):
        p.circle(x, -15, 16, "#26282d")
        p.circle(x, -15, 8, "#aab0b8")
        p.circle(x, -15, 3, "#26282d")
    p.grad(p.box(-40, -66, 80, 50, 9), light(tone, 0.25), dark(tone, 0.15))
    p.rect(-22, -56, 44, 26, "#1f3a2f", 2)
    for x, y in ((-16, -50), (-4, -42), (10, -51), (14, -38)):
        p.rect(x, y, 7, 5, "#d9b35a", 1)
        p.line([(x, y + 2), (x - 6, y + 6)], 0.9, "#6fd99a")
    p.rect(-8, -76, 16, 11, "#77797f")
    p.grad(p.box(-32, -116, 64, 42, 12), light(tone, 0.35), tone)
    p.rect(-25, -108, 50, 26, "#1d2330", 9)
    glow = k.pick("#6ff0ff", "#ffd84f", "#8fff9a")
    for x in (-11, 11):
        p.circle(x, -96, 6, glow)
        p.circle(x - 1.6, -98, 2, "#ffffff")
    p.arc(0, -91, 6, 4, (10, 170), 1.6, glow)
    p.line([(0, -116), (0, -130)], 2.4, "#77797f")
    p.circle(0, -132, 4.4, "#e63946")
    p.line([(-40, -54), (-60, -40), (-58, -28)], 6, "#8f949c")
    p.line([(40, -54), (62, -70), (70, -88)], 6, "#8f949c")
    for x0, y0, s in ((-58, -26, 1), (71, -92, -1)):
        p.arc(x0, y0 + 4 * s, 8, 8, (0, 180) if s < 0 else (180, 360), 4, "#55585f")


MOTIFS = {
    "keyboard": keyboard,
    "monitor": monitor,
    "standing_desk": standing_desk,
    "printer": printer,
    "gamepad": gamepad,
    "robot": robot,
}
