"""Notes to unit vectors: a text tower and an image tower side by side."""

import hashlib
import json
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from encoders.ahead import encode_ahead
from encoders.base import Prepared
from encoders.blocks import Blocks, Vectors, join, unit_rows
from encoders.card import Card
from encoders.config import TowersConfig
from encoders.device import Precision
from encoders.errors import EncoderError, NoteRejected, Reason, WeightsError
from encoders.images import ImageLimits, decode
from encoders.note import Note
from encoders.suggestion import Suggestion
from encoders.towers import Suggester, image_tower, text_tower
from encoders.vision.pooling import pool_images

if TYPE_CHECKING:
    from encoders.heads.heads import Heads
    from encoders.projection.projection import Projection

POOLING_FILE = "image_pooling.safetensors"


class NoteEncoder:
    """The vectors of a text tower and an image tower joined to one unit vector.

    Joined by blocks (see encoders.blocks) or, where both are of one space, added. Several images of a note are
    pooled. A note must have text or an image that is read, or NoteRejected is raised.
    """

    def __init__(
        self,
        config: TowersConfig = TowersConfig(),
        precision: Precision = "auto",
        limits: ImageLimits = ImageLimits(),
    ) -> None:
        self.config = config
        self.limits = limits
        if config.text.tower == "notellm" and config.text_fields != TowersConfig().text_fields:
            raise EncoderError("text_fields is for towers of plain text; a notellm tower reads by its own template")
        self.text = text_tower(config.text, precision)
        self.image = image_tower(config.image, precision)
        self.projection = _projection(config, self.text.dim, self.image.dim if self.image else 0)
        text, image = self.text.dim, self.image.dim if self.image else 0
        if self.projection is not None:
            text, image = self.projection.text_dim, self.projection.image_dim
        self.full_blocks = _layout(config, text, image)
        self.blocks = self.full_blocks.cut(config.dim)
        self.dim = self.blocks.dim
        self.image_query = _image_query(config, self.image.dim if self.image else 0)

    @property
    def fingerprint(self) -> str:
        """Hex digest of what decides the vectors; the same on every machine, whatever its precision."""
        identity: dict[str, object] = {
            "encoder": "note-blocks-1",
            "text": self.text.identity(),
            "image": self.image.identity() if self.image else None,
            "dim": self.dim,
        }
        if self.image:
            identity["image_share"] = self.config.image_share
        if self.config.text.tower != "notellm":  # which reads by its own template
            identity["text_fields"] = self.config.text_fields
        if self.config.join != "blocks":
            identity["join"] = self.config.join
        if self.projection is not None:
            identity["projection"] = self.projection.digest()
        if self.image_query is not None:
            identity["image_pooling"] = hashlib.sha256(self.image_query.tobytes()).hexdigest()
        return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:32]

    def prepare(self, note: Note) -> Prepared:
        """Render the text, decode and preprocess the images; thread-safe; raises NoteRejected."""
        text = self.text.read(note, self.config.text_fields)
        if not text and not note.images:
            raise NoteRejected(Reason.EMPTY_NOTE, "the note has no title, body, tags or image")
        if not text and self.image is None:
            raise NoteRejected(Reason.EMPTY_NOTE, "the note has only pictures, which this encoder does not read")
        if self.image is None:
            return Prepared(text, ())
        pictures = (decode(image, self.limits, self.image.shrink_to) for image in note.images)
        return Prepared(text, tuple(self.image.preprocess(picture) for picture in pictures))

    def embed(self, prepared: Sequence[Prepared]) -> Vectors:
        """Encode N prepared notes to unit rows, float32 [N, dim]."""
        return self.full_blocks.truncate(self._embed_whole(prepared), self.blocks)

    def _embed_whole(self, prepared: Sequence[Prepared]) -> Vectors:
        texts = self.text.encode([one.text for one in prepared])
        if self.projection is not None:
            texts = self.projection.of_text(texts)
        if self.image is None:
            return texts
        owners = np.repeat(np.arange(len(prepared)), [len(one.images) for one in prepared])
        pictures = self.image.encode([image for one in prepared for image in one.images])
        images = pool_images(pictures, owners, len(prepared), self.image_query)
        if self.projection is not None:
            images = self.projection.of_images(images)
        share = self.config.image_share
        if self.config.join == "shared":
            mixed: Vectors = np.sqrt(1 - share) * texts + np.sqrt(share) * images
            return unit_rows(mixed)
        return join(texts, images, share)

    def encode(self, notes: Sequence[Note]) -> Vectors:
        """Encode N notes to unit rows, float32 [N, dim]; raises NoteRejected for a bad image or an empty note."""
        return encode_ahead(self, notes)

    @cached_property
    def heads(self) -> "Heads | None":
        """The heads that suggest tags and categories, if the encoder has any."""
        if self.config.heads is None:
            return None
        from encoders.heads.heads import Heads

        return Heads(self.config.heads, self.text.dim)

    def suggest_tags(
        self, notes: Sequence[Note], max_tags: int = 5, categories: Sequence[str] | None = None
    ) -> list[Suggestion]:
        """Suggest hashtags and a category for N notes, by the text tower itself or by the heads on it.

        Raises EncoderError where the encoder has neither.
        """
        if isinstance(self.text, Suggester):
            return self.text.suggest_tags(notes, max_tags, categories)
        if self.heads is None:
            raise EncoderError(
                "this encoder has nothing to suggest tags with: train one whose tags and category head are "
                "trained too, or take a notellm encoder"
            )
        # The category and the tags are what is asked for, so they are not read.
        texts = [self.text.read(note, ("title", "body")) for note in notes]
        return self.heads.suggest(self.text.encode(texts), max_tags, categories)

    def as_json(self) -> dict[str, Any]:
        """Return the configuration from which the same encoder can be made again."""
        return self.config.model_dump(mode="json")

    def save(self, folder: Path) -> TowersConfig:
        """Write weights and the like into an empty folder; returns the configuration that reads them from there."""
        parts: dict[str, Any] = {"text": self.config.text.saved_as("text"), "projection": None}
        self.text.save(folder / "text")
        if self.image is not None:
            parts["image"] = self.config.image.saved_as("image")
            self.image.save(folder / "image")
        if self.projection is not None and self.config.projection is not None:
            parts["projection"] = self.config.projection.saved_as("projection")
            self.projection.save(folder / "projection")
        if self.heads is not None and self.config.heads is not None:
            parts["heads"] = self.config.heads.saved_as("heads")
            self.heads.save(folder / "heads")
        if self.image_query is not None:
            parts["image_query"] = POOLING_FILE
            _save_query(self.image_query, folder / POOLING_FILE)
        return self.config.model_copy(update=parts)

    def save_pretrained(self, folder: Path | str, card: Card = Card()) -> None:
        """Write config, weights, model card and checksums; the folder opens on any machine."""
        from encoders.folder import save_encoder

        save_encoder(self, folder, card)

    @classmethod
    def from_pretrained(cls, folder: Path | str, precision: Precision = "auto") -> "NoteEncoder":
        """Open a folder that `save_pretrained` wrote; raises EncoderError where a file is missing or changed."""
        from encoders.load import from_pretrained

        encoder = from_pretrained(folder, precision)
        if not isinstance(encoder, cls):
            raise EncoderError(f"{folder} holds a {type(encoder).__name__}: open it with encoders.from_pretrained")
        return encoder


def _layout(config: TowersConfig, text: int, image: int) -> Blocks:
    """Lay out a whole vector of towers of so many numbers; image 0 means that pictures are not read."""
    if config.join == "blocks":
        return Blocks((("text", text), ("image", image)), absent=2) if image else Blocks((("text", text),))
    if text != image:
        raise EncoderError(
            f"join 'shared' wants two towers of one space, these have {text} and {image} numbers: take join 'blocks'"
        )
    return Blocks((("note", text),))


def _projection(config: TowersConfig, text: int, image: int) -> "Projection | None":
    """The learnt maps of towers of so many numbers, if there are any."""
    if config.projection is None:
        return None
    from encoders.projection.projection import Projection

    made = Projection(config.projection, text, image)
    return made if made.text or made.image else None


def _image_query(config: TowersConfig, dim: int) -> Vectors | None:
    """The learned query that pictures are pooled with; zeros, which is the mean, until it is trained."""
    if config.image_pooling == "mean" or not dim:
        return None
    if config.image_query is None:
        return np.zeros(dim, dtype=np.float32)
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        query: Vectors = load_file(config.image_query)["query"]
    except (OSError, SafetensorError, KeyError) as error:
        raise WeightsError(
            f"{config.image_query} holds no query to pool pictures with ({type(error).__name__}: {error}): name the "
            f"{POOLING_FILE} of an encoder folder, or none"
        ) from error
    if query.shape != (dim,):
        raise EncoderError(f"{config.image_query} holds a query of shape {query.shape}, the image tower wants ({dim},)")
    return query


def _save_query(query: Vectors, path: Path) -> None:
    from safetensors.numpy import save_file

    save_file({"query": query}, path)
