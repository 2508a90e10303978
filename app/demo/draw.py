"""The drawing vocabulary: colours, and a pen that draws soft flat shapes in its own coordinates."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from numpy.random import Generator
from PIL import Image, ImageDraw

Point = tuple[float, float]
Points = Sequence[Point]

_CIRCLE = [(math.cos(2 * math.pi * i / 44), math.sin(2 * math.pi * i / 44)) for i in range(44)]
_RAMP = Image.linear_gradient("L")
_RAMP_ACROSS = _RAMP.transpose(Image.Transpose.ROTATE_90)


@lru_cache(maxsize=4096)
def channels(color: str) -> tuple[int, int, int, int]:
    """Red, green, blue and alpha (0–255) of "#rgb", "#rrggbb" or "#rrggbbaa"."""
    digits = color[1:]
    if len(digits) == 3:
        digits = "".join(2 * digit for digit in digits)
    if len(digits) == 6:
        digits += "ff"
    red, green, blue, alpha = (int(digits[i : i + 2], 16) for i in (0, 2, 4, 6))
    return red, green, blue, alpha


def mix(a: str, b: str, share: float) -> str:
    """The colour `share` of the way from `a` to `b`."""
    pairs = zip(channels(a), channels(b), strict=True)
    return "#" + "".join(f"{round(x + (y - x) * share):02x}" for x, y in pairs)


def light(color: str, share: float = 0.25) -> str:
    """The colour moved towards white."""
    return mix(color, "#fffdf5", share)


def dark(color: str, share: float = 0.25) -> str:
    """The colour moved towards a warm black."""
    return mix(color, "#1c1418", share)


def clear(color: str, opacity: float) -> str:
    """The colour with an opacity from 0 to 1."""
    red, green, blue, _ = channels(color)
    return f"#{red:02x}{green:02x}{blue:02x}{round(255 * opacity):02x}"


def bezier(a: Point, b: Point, c: Point, d: Point, steps: int = 16) -> list[Point]:
    """Points on the cubic curve from `a` to `d`."""
    found = []
    for i in range(steps + 1):
        t = i / steps
        u = 1 - t
        w = (u * u * u, 3 * u * u * t, 3 * u * t * t, t * t * t)
        found.append(
            (
                w[0] * a[0] + w[1] * b[0] + w[2] * c[0] + w[3] * d[0],
                w[0] * a[1] + w[1] * b[1] + w[2] * c[1] + w[3] * d[1],
            )
        )
    return found


def smooth(points: Points, *, closed: bool = True, steps: int = 8) -> list[Point]:
    """A Catmull–Rom curve through the points."""
    n = len(points)
    found: list[Point] = []
    for i in range(n if closed else n - 1):
        p0 = points[(i - 1) % n] if closed or i > 0 else points[0]
        p1, p2 = points[i], points[(i + 1) % n]
        p3 = points[(i + 2) % n] if closed or i + 2 < n else points[n - 1]
        b = (p1[0] + (p2[0] - p0[0]) / 6, p1[1] + (p2[1] - p0[1]) / 6)
        c = (p2[0] - (p3[0] - p1[0]) / 6, p2[1] - (p3[1] - p1[1]) / 6)
        found.extend(bezier(p1, b, c, p2, steps)[:-1])
    if not closed:
        found.append(points[-1])
    return found


def arc_points(cx: float, cy: float, rx: float, ry: float, start: float, stop: float) -> list[Point]:
    """Points on an elliptic arc; degrees, 0 to the right, growing clockwise on screen."""
    steps = max(6, int(abs(stop - start) / 9))
    angles = (math.radians(start + (stop - start) * i / steps) for i in range(steps + 1))
    return [(cx + rx * math.cos(a), cy + ry * math.sin(a)) for a in angles]


@dataclass(frozen=True)
class Look:
    """What varies from cover to cover: the note's random stream, its colours and the motif's variant."""

    rng: Generator
    main: str
    second: str
    accent: str
    variant: str = ""

    def pick(self, *choices: str) -> str:
        """One of the choices."""
        return choices[int(self.rng.integers(len(choices)))]

    def between(self, low: float, high: float) -> float:
        """A number drawn evenly from an interval."""
        return float(self.rng.uniform(low, high))

    def pick_x(self) -> float:
        """A left edge, near one side or the other, for something behind the motif."""
        return self.between(2, 12) if self.chance(0.5) else self.between(60, 68)

    def chance(self, share: float) -> bool:
        """True for this share of the calls."""
        return bool(self.rng.random() < share)


class Pen:
    """Draws on an image in local coordinates: x to the right, y downwards, origin at an object's foot.

    Every shape becomes a polygon, so scale, mirroring and tilt hold for all of them.
    """

    def __init__(self, image: Image.Image, matrix: tuple[float, float, float, float, float, float]) -> None:
        self.image = image
        self._matrix = matrix
        self._draw = ImageDraw.Draw(image, "RGBA")
        a, b, _, c, d, _ = matrix
        self._scale = math.sqrt(abs(a * d - b * c))

    def at(self, x: float, y: float, scale: float = 1, *, mirror: bool = False, tilt: float = 0) -> "Pen":
        """A pen with its origin at (x, y) of this one; tilt in degrees, clockwise."""
        a, b, e, c, d, f = self._matrix
        cos, sin = math.cos(math.radians(tilt)) * scale, math.sin(math.radians(tilt)) * scale
        side = -1 if mirror else 1
        turned = (cos * side, -sin, sin * side, cos)
        return Pen(
            self.image,
            (
                a * turned[0] + b * turned[2],
                a * turned[1] + b * turned[3],
                a * x + b * y + e,
                c * turned[0] + d * turned[2],
                c * turned[1] + d * turned[3],
                c * x + d * y + f,
            ),
        )

    def _map(self, points: Points) -> list[Point]:
        a, b, e, c, d, f = self._matrix
        return [(a * x + b * y + e, c * x + d * y + f) for x, y in points]

    def poly(self, points: Points, fill: str) -> None:
        """A filled polygon."""
        self._draw.polygon(self._map(points), fill=channels(fill))

    def blob(self, points: Points, fill: str) -> None:
        """A filled smooth closed shape through the points."""
        self.poly(smooth(points), fill)

    def ellipse(self, x: float, y: float, rx: float, ry: float, fill: str, tilt: float = 0) -> None:
        """A filled ellipse around (x, y); tilt in degrees."""
        self.poly(self._oval(x, y, rx, ry, tilt), fill)

    def circle(self, x: float, y: float, r: float, fill: str) -> None:
        """A filled circle around (x, y)."""
        self.poly([(x + r * c, y + r * s) for c, s in _CIRCLE], fill)

    @staticmethod
    def _oval(x: float, y: float, rx: float, ry: float, tilt: float = 0) -> list[Point]:
        if not tilt:
            return [(x + rx * c, y + ry * s) for c, s in _CIRCLE]
        cos, sin = math.cos(math.radians(tilt)), math.sin(math.radians(tilt))
        return [(x + rx * c * cos - ry * s * sin, y + rx * c * sin + ry * s * cos) for c, s in _CIRCLE]

    @staticmethod
    def box(x: float, y: float, width: float, height: float, r: float = 0) -> list[Point]:
        """The outline of a rectangle from its top left corner, with rounded corners."""
        if not r:
            return [(x, y), (x + width, y), (x + width, y + height), (x, y + height)]
        r = min(r, width / 2, height / 2)
        right, low = x + width - r, y + height - r
        return [
            *arc_points(x + r, y + r, r, r, 180, 270),
            *arc_points(right, y + r, r, r, 270, 360),
            *arc_points(right, low, r, r, 0, 90),
            *arc_points(x + r, low, r, r, 90, 180),
        ]

    def rect(self, x: float, y: float, width: float, height: float, fill: str, r: float = 0) -> None:
        """A filled rectangle from its top left corner, with rounded corners."""
        self.poly(self.box(x, y, width, height, r), fill)

    def line(self, points: Points, width: float, fill: str) -> None:
        """A line with round joints, and round ends where it is opaque."""
        mapped = self._map(points)
        pixels = max(1, round(width * self._scale))
        color = channels(fill)
        self._draw.line(mapped, fill=color, width=pixels, joint="curve")
        if color[3] == 255 and pixels > 3:
            r = pixels / 2
            for x, y in (mapped[0], mapped[-1]):
                self._draw.ellipse((x - r, y - r, x + r, y + r), fill=color)

    def curve(self, points: Points, width: float, fill: str) -> None:
        """A smooth open line through the points."""
        self.line(smooth(points, closed=False), width, fill)

    def arc(self, x: float, y: float, rx: float, ry: float, span: Point, width: float, fill: str) -> None:
        """An open elliptic arc; the span's degrees as in `arc_points`."""
        self.line(arc_points(x, y, rx, ry, *span), width, fill)

    def grad(self, points: Points, start: str, stop: str, *, across: bool = False) -> None:
        """A polygon filled with a gradient, downwards or across."""
        mapped = self._map(points)
        x0 = max(0, math.floor(min(x for x, _ in mapped)))
        y0 = max(0, math.floor(min(y for _, y in mapped)))
        x1 = min(self.image.width, math.ceil(max(x for x, _ in mapped)) + 1)
        y1 = min(self.image.height, math.ceil(max(y for _, y in mapped)) + 1)
        if x1 <= x0 or y1 <= y0:
            return
        size = (x1 - x0, y1 - y0)
        mask = Image.new("L", size)
        ImageDraw.Draw(mask).polygon([(x - x0, y - y0) for x, y in mapped], fill=255)
        ramp = (_RAMP_ACROSS if across else _RAMP).resize(size, Image.Resampling.BILINEAR)
        filled = Image.composite(
            Image.new("RGB", size, channels(stop)[:3]), Image.new("RGB", size, channels(start)[:3]), ramp
        )
        self.image.paste(filled, (x0, y0), mask)

    def shadow(self, x: float, y: float, rx: float, ry: float, strength: float = 0.3) -> None:
        """A soft dark ellipse on the ground."""
        for i in range(5):
            grow = 1.2 - 0.13 * i
            self.ellipse(x, y, rx * grow, ry * grow, clear("#1a1020", strength / 4))

    def glow(self, x: float, y: float, r: float, color: str, strength: float = 0.5) -> None:
        """A soft round light."""
        for i in range(7):
            self.circle(x, y, r * (1 - i / 7.5), clear(color, strength / 5))

    def steam(self, x: float, y: float, height: float, look: Look, wisps: int = 3) -> None:
        """Rising pale wisps."""
        for i in range(wisps):
            left = x + (i - (wisps - 1) / 2) * height * 0.26
            sway = look.between(0.07, 0.13) * height * (1 if i % 2 else -1)
            tall = height * look.between(0.75, 1.1)
            spine = [
                (left, y),
                (left + sway, y - tall * 0.3),
                (left - sway, y - tall * 0.65),
                (left + sway, y - tall),
            ]
            curve = smooth(spine, closed=False)
            for width, opacity in ((0.12, 0.18), (0.06, 0.4)):
                self.line(curve, height * width, clear("#ffffff", opacity))

    def leaf(self, x: float, y: float, length: float, width: float, tilt: float, fill: str) -> None:
        """A pointed leaf growing from (x, y); tilt in degrees, 0 upwards, clockwise."""
        pen = self.at(x, y, tilt=tilt)
        side = bezier((0, 0), (width, -length * 0.3), (width * 0.7, -length * 0.8), (0, -length), 10)
        pen.poly([*side, *[(-px, py) for px, py in reversed(side)]], fill)
        pen.poly([*side, (0, 0)], clear(dark(fill, 0.4), 0.25))
        pen.line([(0, 0), (0, -length * 0.85)], max(0.5, width * 0.1), light(fill, 0.25))
