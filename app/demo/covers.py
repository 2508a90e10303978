"""The cover of a note: its topic's motif before one of the topic's scenes, never twice the same."""

import io
import zlib
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.random import Generator
from PIL import Image, ImageChops

from app.demo.draw import Look, Pen, mix
from app.demo.motifs import MOTIFS
from app.demo.rooms import SCENES

SIDE = 256  # pixels of a finished cover; drawn at twice that
QUALITY = 88

# Main, second and accent colour. A topic keeps to four of them, so that its notes look akin.
PALETTES = (
    ("#e9b7a0", "#7fb0a8", "#d9793f"),
    ("#a9c3d6", "#e2b565", "#c2554b"),
    ("#c9cfa8", "#d48a6a", "#55798c"),
    ("#e8cfa4", "#8a9a5b", "#b5523b"),
    ("#d7b8c9", "#7d8fb5", "#c7567a"),
    ("#b7d3c6", "#e7c27d", "#4f8577"),
    ("#f0c8b4", "#a37a74", "#5f8fa3"),
    ("#c3bfe0", "#f2b8a2", "#6d5fa8"),
    ("#f2dfb8", "#e08e79", "#3d7a80"),
    ("#9fb8ad", "#e0e2c8", "#c4703f"),
    ("#d9c6b0", "#94a8a0", "#8c4a3a"),
    ("#b9d6e8", "#f4d9a8", "#3f6fa3"),
    ("#e6b8b0", "#c9d6a8", "#9a4f6b"),
    ("#ccd9b0", "#f0b87a", "#4c6b4f"),
    ("#d3dbe2", "#e5b7a1", "#45607a"),
    ("#e3c7d8", "#a7c8c0", "#b0603f"),
)
PALETTES_A_TOPIC = 4

# Scenes that know a time of day, and which ones they know.
HOURS = {
    **dict.fromkeys(("meadow", "mountains", "sea", "lake", "beach"), ("day", "morning", "gold", "dusk")),
    "forest": ("day", "morning", "gold"),
    "snow": ("day", "morning", "dusk"),
    "air": ("day", "morning", "gold", "dusk"),
    "park": ("day", "morning", "gold"),
    "street": ("day", "gold", "dusk", "night"),
}
AFTER_DARK = {"telescope", "lanterns", "campfire"}  # motifs mostly seen by night
NIGHT_SCENES = ("meadow", "mountains", "forest", "lake", "beach", "street", "air", "sea", "snow")
ONE_WAY = {"calligraphy", "monitor", "piano", "journal", "watch", "bento"}  # motifs that look wrong in a mirror

_RULED = 320  # pixels of the sheet a motif is measured on


@dataclass(frozen=True, slots=True)
class CoverSpec:
    """All that decides a cover: what is shown, the note's own stream, and which of its pictures it is.

    The pictures of one note share scene, hour, colours and the motif's details; `view` moves the camera.
    """

    motif: str
    scenes: tuple[str, ...]
    seed: tuple[int, ...]
    view: int = 0


def draw_cover(spec: CoverSpec) -> Image.Image:
    """Draw a cover, RGB, SIDE × SIDE."""
    rng = np.random.default_rng(spec.seed)
    scene = spec.scenes[int(rng.integers(len(spec.scenes)))]
    hour = _hour(scene, spec.motif, rng)
    main, second, accent = _colors(spec.motif, rng)
    streams = rng.spawn(2)
    camera = Look(np.random.default_rng((*spec.seed, spec.view)), main, second, accent)

    image = Image.new("RGB", (2 * SIDE, 2 * SIDE), main)
    unit = 2 * SIDE / 100
    whole = Pen(image, (unit, 0, 0, 0, unit, 0))
    # A tilt of t degrees bares no corner where the zoom is at least cos t + sin t.
    tilt = camera.between(-2, 2)
    pen = whole.at(camera.between(49, 51), camera.between(49.5, 50.5), camera.between(1.06, 1.16), tilt=tilt)
    pen = pen.at(-50, -50)
    foot = SCENES[scene](pen, Look(streams[0], main, second, accent, hour))
    x, y, scale = _placed(spec.motif, foot, camera)
    mirror = spec.motif not in ONE_WAY and camera.chance(0.5)
    MOTIFS[spec.motif](pen.at(x, y, scale, mirror=mirror), Look(streams[1], main, second, accent))
    return _graded(image.reduce(2), camera)


def cover_jpeg(spec: CoverSpec) -> bytes:
    """Draw a cover and encode it."""
    encoded = io.BytesIO()
    draw_cover(spec).save(encoded, "JPEG", quality=QUALITY)
    return encoded.getvalue()


@cache
def extent(motif: str) -> tuple[float, float, float, float]:
    """Left, top, right and bottom of a motif in its own units, measured on one drawing of it."""
    blank = Image.new("RGB", (_RULED, _RULED), "#7f7f7f")
    sheet = blank.copy()
    rng = np.random.default_rng(0)
    MOTIFS[motif](Pen(sheet, (1, 0, _RULED / 2, 0, 1, _RULED * 0.75)), Look(rng, *PALETTES[0]))
    changed = ImageChops.difference(blank, sheet).convert("L").point(lambda value: 255 * (value > 24))
    box = changed.getbbox()
    assert box is not None, f"the motif {motif} draws nothing"
    left, top, right, bottom = box
    return left - _RULED / 2, top - _RULED * 0.75, right - _RULED / 2, bottom - _RULED * 0.75


def _colors(motif: str, rng: Generator) -> tuple[str, str, str]:
    """Three colours: one of the motif's palettes, each moved a little."""
    start = zlib.crc32(motif.encode())
    palette = PALETTES[(start + 5 * int(rng.integers(PALETTES_A_TOPIC))) % len(PALETTES)]
    main, second, accent = (
        mix(color, f"#{int(rng.integers(1 << 24)):06x}", float(rng.uniform(0, 0.14))) for color in palette
    )
    return main, second, accent


def _hour(scene: str, motif: str, rng: Generator) -> str:
    """A time of day the scene knows; empty indoors."""
    if scene not in HOURS:
        return ""
    night = 0.85 if motif in AFTER_DARK else 0.05
    if scene in NIGHT_SCENES and rng.random() < night:
        return "night"
    hours = HOURS[scene]
    return hours[int(rng.integers(len(hours)))]


def _placed(motif: str, foot: float, camera: Look) -> tuple[float, float, float]:
    """Where the motif stands and its scale, in hundredths of the cover, so that it stays in the picture."""
    left, top, right, bottom = extent(motif)
    wide, tall = right - left, bottom - top
    reach = camera.rng.choice(("near", "middle", "far"), p=(0.17, 0.63, 0.2))
    share = {"near": (0.86, 0.96), "middle": (0.7, 0.86), "far": (0.54, 0.66)}[str(reach)]
    scale = 100 * camera.between(*share) / max(wide, tall * 1.08)
    room = max(0.0, (92 - wide * scale) / 2)
    middle = 50 - (left + right) / 2 * scale
    y = foot + camera.between(-2, 3) - max(0.0, bottom - 8) * scale
    y = max(y, 7 - top * scale)  # a tall motif keeps its head in the picture
    return middle + camera.between(-1, 1) * min(room, 16), min(y, 97 - min(bottom, 4) * scale), scale


def _graded(image: Image.Image, camera: Look) -> Image.Image:
    """The picture a little warmer or cooler, lighter or darker, as from another phone."""
    warmth, light, contrast = camera.between(-0.05, 0.06), camera.between(-10, 8), camera.between(0.92, 1.1)
    table: list[int] = []
    for gain in (1 + warmth, 1.0, 1 - warmth):
        table += [round(min(255, max(0, ((v - 128) * contrast + 128 + light) * gain))) for v in range(256)]
    return image.point(table)
