"""What may be handed to `SentenceTransformer.encode` of an encoder folder, as notes.

    "words"                            the body of a note; never a path or an address, whatever it looks like
    a picture of Pillow                a note of that picture
    {"text": ..., "image": ...}        both; "image" may be a list
    {"title", "body", "tags", "category", "image" or "images", ...}   the fields of a note
    {"role", "content"}, or a list     chat messages: their texts and pictures as one note
    a Note

An image is a picture of Pillow, an array [height, width, 3] of uint8, the bytes of a file, or a path, which only
here is opened, because the caller said that it is an image. Nothing is fetched.
"""

from collections.abc import Mapping, Sequence
from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import ValidationError

from encoders.errors import EncoderError, NoteRejected, Reason
from encoders.images import NoteImage
from encoders.note import Note

if TYPE_CHECKING:
    from PIL.Image import Image

FIELDS = ("id", "title", "body", "category", "author", "created_at", "lang", "extra")


def as_note(value: Any, prompt: str | None = None) -> Note:
    """Return the note that an input is; raises EncoderError for another kind, NoteRejected for a bad image.

    prompt: put before the words, where there are any.
    """
    from PIL.Image import Image

    if isinstance(value, Note):
        note = value
    elif isinstance(value, str):
        note = _note({"body": value})
    elif isinstance(value, (Image, np.ndarray)):
        note = Note(images=(as_image(value),))
    elif isinstance(value, Mapping) and "role" in value:
        note = _of_messages([value])
    elif isinstance(value, Mapping):
        note = _of_fields(value)
    elif isinstance(value, (list, tuple)) and value and all(isinstance(part, Mapping) for part in value):
        note = _of_messages(value)
    else:
        raise EncoderError(
            f"a {type(value).__name__} is no note: give a string, a picture, a dict of note fields, or a Note"
        )
    if prompt and note.has_text:
        field = "title" if note.title.strip() else "body"
        note = note.model_copy(update={field: prompt + getattr(note, field)})
    return note


def as_image(value: Any) -> NoteImage:
    """Return an image of a note; raises NoteRejected for an address, EncoderError for what is no image."""
    from PIL import Image

    if isinstance(value, NoteImage):
        return value
    if isinstance(value, Image.Image):
        return NoteImage.from_bytes(_bytes(value), name="picture")
    if isinstance(value, np.ndarray):
        if value.dtype != np.uint8 or value.ndim != 3 or value.shape[2] != 3:
            raise EncoderError(f"an image array is uint8 [height, width, 3], not {value.dtype} {list(value.shape)}")
        return NoteImage.from_bytes(_bytes(Image.fromarray(value)), name="picture")
    if isinstance(value, bytes):
        return NoteImage.from_bytes(value, name="bytes")
    if isinstance(value, str) and ("://" in value or value.startswith(("//", "data:"))):
        raise NoteRejected(
            Reason.REMOTE_IMAGE, f"image {value[:200]!r} is an address; nothing is fetched: load it first"
        )
    if isinstance(value, str) or hasattr(value, "__fspath__"):
        return NoteImage.from_file(value)
    raise EncoderError(f"a {type(value).__name__} is no image: give a picture of Pillow, an array, bytes, or a path")


def _of_fields(value: Mapping[Any, Any]) -> Note:
    """Read the fields of a note; "text" is its body, "image" and "images" its pictures."""
    unknown = sorted(str(key) for key in value if key not in (*FIELDS, "tags", "text", "image", "images"))
    if unknown:
        raise EncoderError(
            f"a note has no field {', '.join(unknown)}; it has text or title, body, tags, category, and image or images"
        )
    if value.get("text") and value.get("body"):
        raise EncoderError("text and body are the same field of a note: give one")
    fields: dict[str, Any] = {key: value[key] for key in FIELDS if value.get(key) is not None}
    if value.get("text"):
        fields["body"] = value["text"]
    tags = value.get("tags") or ()
    fields["tags"] = tuple(tags.split() if isinstance(tags, str) else tags)
    pictures = [part for key in ("image", "images") for part in _listed(value.get(key))]
    return _note(fields | {"images": tuple(as_image(picture) for picture in pictures)})


def _of_messages(messages: Sequence[Mapping[str, Any]]) -> Note:
    """Read chat messages as one note: texts as its body, line by line, and pictures."""
    texts: list[str] = []
    pictures: list[Any] = []
    for message in messages:
        content = message.get("content")
        for part in [{"type": "text", "text": content}] if isinstance(content, str) else content or ():
            kind = part.get("type", "text")
            if kind not in ("text", "image") or kind not in part:
                raise EncoderError(f"a message holds texts and images, not {kind!r}")
            (texts if kind == "text" else pictures).append(part[kind])
    return _note({"body": "\n".join(texts), "images": tuple(as_image(picture) for picture in pictures)})


def _note(fields: dict[str, Any]) -> Note:
    try:
        return Note.model_validate(fields)
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        if "surrogate" in faults:
            raise NoteRejected(Reason.INVALID_UTF8, faults) from error
        raise EncoderError(f"not the fields of a note: {faults}") from error


def _listed(value: Any) -> Sequence[Any]:
    if value is None:
        return ()
    return value if isinstance(value, (list, tuple)) else (value,)


def _bytes(picture: "Image") -> bytes:
    """Write a decoded picture without loss, so that it goes through the same decoding and the same limits."""
    from PIL import ImageOps

    buffer = BytesIO()
    picture = ImageOps.exif_transpose(picture)  # as a file's would be; what is written has no EXIF any more
    kept = picture if picture.mode in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16") else picture.convert("RGB")
    kept.save(buffer, "PNG", compress_level=0)
    return buffer.getvalue()
