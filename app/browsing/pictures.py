"""Small versions of the notes' pictures, made once and kept in memory."""

from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from encoders.errors import NoteRejected
from encoders.images import ImageLimits, NoteImage, decode

if TYPE_CHECKING:
    from PIL.Image import Image

COVER = (360, 480)  # pixels; one shape for all, so that the cards of a row are alike
LARGE = (900, 900)  # at most; keeps the picture's own shape


def cover(path: Path | None, limits: ImageLimits) -> bytes:
    """Return a picture cropped to COVER as JPEG, or the tile that says there is none, as PNG."""
    return (_shrunk(path, crop=True, limits=limits) if path else None) or no_picture()


def large(path: Path, limits: ImageLimits) -> bytes:
    """Return a whole picture within LARGE as JPEG, or the tile that says there is none, as PNG."""
    return _shrunk(path, crop=False, limits=limits) or no_picture()


def preview(image: NoteImage, limits: ImageLimits) -> bytes:
    """Return an uploaded picture as a small JPEG; raises NoteRejected for what is none."""
    return _jpeg(decode(image, limits, shrink_to=COVER[0]), crop=False)


def _shrunk(path: Path, crop: bool, limits: ImageLimits) -> bytes | None:
    try:
        changed = path.stat().st_mtime_ns
    except OSError:
        return None  # the corpus was moved, or the picture taken away
    return _cached((str(path), changed), crop, limits.max_bytes, limits.max_pixels)


@st.cache_data(show_spinner=False, max_entries=2000)
def _cached(stamp: tuple[str, int], crop: bool, max_bytes: int, max_pixels: int) -> bytes | None:
    """Decode and shrink a file, given with the time of its last change; None for one that does not decode."""
    path, _ = stamp
    side = min(COVER if crop else LARGE)
    try:
        return _jpeg(decode(NoteImage.from_file(path), ImageLimits(max_bytes, max_pixels), shrink_to=side), crop)
    except NoteRejected:
        return None


def _jpeg(image: "Image", crop: bool) -> bytes:
    from PIL import Image, ImageOps

    if crop:
        image = ImageOps.fit(image, COVER, Image.Resampling.LANCZOS)
    else:
        image.thumbnail(LARGE, Image.Resampling.LANCZOS, reducing_gap=2.0)
    return _encoded(image, "JPEG")


@st.cache_data(show_spinner=False)
def no_picture() -> bytes:
    """Draw the tile of a note without a picture: translucent grey, for light and dark pages alike."""
    from PIL import Image, ImageDraw, ImageFont

    width, height = COVER
    tile = Image.new("RGBA", COVER, (128, 128, 128, 32))
    draw = ImageDraw.Draw(tile)
    grey = (128, 128, 128, 170)
    middle = height // 2 - 24
    draw.rounded_rectangle((width // 2 - 60, middle - 45, width // 2 + 60, middle + 45), 12, outline=grey, width=5)
    draw.ellipse((width // 2 - 40, middle - 28, width // 2 - 18, middle - 6), fill=grey)
    hills = [(-46, 32), (-14, -2), (6, 16), (22, -8), (46, 32)]
    draw.polygon([(width // 2 + x, middle + y) for x, y in hills], fill=grey)
    font = ImageFont.load_default(24)
    draw.text((width // 2, middle + 84), "no picture", fill=grey, font=font, anchor="mm")
    return _encoded(tile, "PNG")


def _encoded(image: "Image", kind: str) -> bytes:
    buffer = BytesIO()
    image.save(buffer, kind, quality=85)
    return buffer.getvalue()
