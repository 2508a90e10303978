"""Pictures as data inside the page."""

import base64
import io
from collections.abc import Sequence

from encoders.errors import NoteRejected
from encoders.images import NoteImage, decode

QUALITY = 72


def data_uri(images: Sequence[NoteImage], side: int) -> str:
    """Return the first picture that can be read as a JPEG of at most so many pixels a side; "" where there is none."""
    for image in images:
        try:
            picture = decode(image, shrink_to=side)
        except NoteRejected:  # the page shows a placeholder: a report must not fail for a broken picture
            continue
        picture.thumbnail((side, side))
        written = io.BytesIO()
        picture.save(written, format="JPEG", quality=QUALITY, optimize=True)
        return "data:image/jpeg;base64," + base64.b64encode(written.getvalue()).decode("ascii")
    return ""
