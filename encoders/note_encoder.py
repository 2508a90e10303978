"""Notes to unit vectors: a text tower and an image tower side by side."""

import hashlib
import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from encoders.base import Prepared
from encoders.blocks import Blocks, Vectors, join, unit_rows
from encoders.config import EncoderConfig, OpenClipConfig
from encoders.device import Precision
from encoders.errors import NoteRejected, Reason
from encoders.images import ImageLimits, decode
from encoders.minilm import MiniLM
from encoders.note import Note

if TYPE_CHECKING:
    from PIL.Image import Image


class ImageTower(Protocol):
    """Pictures to unit rows, in two steps: `preprocess` runs in threads, `encode` in batches."""

    dim: int
    shrink_to: int

    def identity(self) -> dict[str, object]:
        """Return what decides the vectors: for the fingerprint."""

    def preprocess(self, image: "Image") -> Vectors:
        """Bring one RGB picture into the form `encode` takes."""

    def encode(self, features: Sequence[Vectors]) -> Vectors:
        """Encode N preprocessed pictures to unit rows, float32 [N, dim]."""


class NoteEncoder:
    """Text and image blocks of one note joined to a unit vector (see encoders.blocks).

    Several images of a note are averaged. A note must have text or an image, or NoteRejected is raised.
    """

    def __init__(
        self,
        config: EncoderConfig = EncoderConfig(),
        precision: Precision = "auto",
        limits: ImageLimits = ImageLimits(),
    ) -> None:
        self.config = config
        self.limits = limits
        self.text = MiniLM(config.text.folder, config.text.max_tokens, precision)
        self.image = _image_tower(config, precision)
        self.blocks = Blocks((("text", self.text.dim), ("image", self.image.dim)), absent=2)
        self.dim = self.blocks.dim

    @cached_property
    def fingerprint(self) -> str:
        """Hex digest of what decides the vectors; the same on every machine, whatever its precision."""
        identity = {
            "encoder": "note-blocks-1",
            "text": self.text.identity(),
            "image": self.image.identity(),
            "image_share": self.config.image_share,
            "text_fields": self.config.text_fields,
            "dim": self.dim,
        }
        return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:32]

    def prepare(self, note: Note) -> Prepared:
        """Render the text, decode and preprocess the images; thread-safe; raises NoteRejected."""
        text = render(note, self.config)
        if not text and not note.images:
            raise NoteRejected(Reason.EMPTY_NOTE, "the note has no title, body, tags or image")
        try:
            text.encode()
        except UnicodeEncodeError as error:  # a copy of a note may hold what the note itself refuses
            raise NoteRejected(Reason.INVALID_UTF8, "text holds a lone surrogate, which no UTF-8 has") from error
        pictures = (decode(image, self.limits, self.image.shrink_to) for image in note.images)
        return Prepared(text, tuple(self.image.preprocess(picture) for picture in pictures))

    def embed(self, prepared: Sequence[Prepared]) -> Vectors:
        """Encode N prepared notes to unit rows, float32 [N, dim]."""
        texts = self.text.encode([one.text for one in prepared])
        pictures = self.image.encode([image for one in prepared for image in one.images])
        # Sum the pictures of each note: [P, I] -> [N, I]; a note without any stays zero, which means absent.
        owners = np.repeat(np.arange(len(prepared)), [len(one.images) for one in prepared])
        images = np.zeros((len(prepared), self.image.dim), dtype=np.float32)
        np.add.at(images, owners, pictures)
        return join(texts, unit_rows(images), self.config.image_share)

    def encode(self, notes: Sequence[Note]) -> Vectors:
        """Encode N notes to unit rows, float32 [N, dim]; raises NoteRejected for a bad image or an empty note."""
        with ThreadPoolExecutor() as pool:
            return self.embed(list(pool.map(self.prepare, notes)))

    def as_json(self) -> dict[str, Any]:
        """Return the configuration from which the same encoder can be made again."""
        return self.config.model_dump(mode="json")

    def save_pretrained(self, folder: Path) -> None:
        """Write config, weights, model card and checksums; the folder opens on any machine."""
        from encoders.folder import save_encoder

        save_encoder(self, folder)

    @classmethod
    def from_pretrained(cls, folder: Path | str, precision: Precision = "auto") -> "NoteEncoder":
        """Open a folder that `save_pretrained` wrote; raises EncoderError where a file is missing or changed."""
        from encoders.folder import read_config

        return cls(read_config(Path(folder)), precision)


def render(note: Note, config: EncoderConfig) -> str:
    """Write the note's fields as the sentence-like text the tower reads; a missing field leaves no trace.

    A category alone is a label, not text: a note needs a title, tags or a body to have any.
    """
    if not note.has_text:
        return ""
    values = {"title": note.title, "category": note.category, "tags": ", ".join(note.tags), "body": note.body}
    parts = [(values[field] or "").strip() for field in config.text_fields]
    return ". ".join(part for part in parts if part)


def _image_tower(config: EncoderConfig, precision: Precision) -> ImageTower:
    if isinstance(config.image, OpenClipConfig):
        from encoders.open_clip_tower import OpenClipTower

        return OpenClipTower(config.image, precision)
    from encoders.descriptor import Descriptor

    return Descriptor()
