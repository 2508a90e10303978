"""A multimodal model of sentence-transformers as an encoder: text and pictures in its one space."""

import hashlib
import json
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np

from encoders.ahead import encode_ahead
from encoders.base import Prepared
from encoders.blocks import Blocks, Vectors, unit_rows
from encoders.card import Card
from encoders.device import Precision
from encoders.errors import EncoderError, NoteRejected, Reason
from encoders.images import ImageLimits, decode
from encoders.note import Note
from encoders.sentence_transformer import models
from encoders.sentence_transformer.config import SentenceTransformerConfig
from encoders.sentence_transformer.inputs import TextMarks, as_text, picture_size, shrunk
from encoders.suggestion import Suggestion
from encoders.text.render import render
from encoders.vision.pooling import pool_images

if TYPE_CHECKING:
    import torch

# An input of the model, and which note it belongs to.
Owned = tuple[int, Any]
FIELDS = ("title", "category", "tags", "body")


class SentenceTransformerEncoder:
    """Notes through one `SentenceTransformer`, which reads words and pictures.

    Where the model reads a text and a picture at once, a note that has both is read so, once a picture, and its
    vector is the unit mean of these. Where it reads them apart (CLIP), the vector is
    unit(√(1−s)·text + √s·mean of the pictures), s being `image_share`. A note without a text, or without a picture,
    is read as what it has. Raises WeightsError and EncoderError.
    """

    def __init__(
        self,
        config: SentenceTransformerConfig,
        precision: Precision = "auto",
        limits: ImageLimits = ImageLimits(),
    ) -> None:
        self.config = config
        self.limits = limits
        self.loaded = models.load(config.model, config.revision, None, precision)
        self.model = self.loaded.model
        for kind in ("text", "image"):
            if not self.model.supports(kind):
                raise EncoderError(
                    f"{config.model} reads {', '.join(map(str, self.model.modalities))}, but no {kind}: a model that "
                    f"reads text alone is a text tower (st:{config.model} takes it so)"
                )
        self.reads_both = bool(self.model.supports(("image", "text")))
        self.shrink_to = picture_size(self.model)
        self.marks = TextMarks(self.model)
        # The library's tokenizers keep padding and cutting as state: one call at a time.
        self._lock = Lock()
        full = self.model.get_embedding_dimension() or self._encode([as_text(self.model, "a")]).shape[1]
        if config.dim is not None and config.dim > full:
            raise EncoderError(
                f"dim {config.dim} is more than the {full} numbers of {config.model}; give at most {full}"
            )
        self.full_dim = int(full)
        self.dim = config.dim or self.full_dim
        self.blocks = Blocks((("note", self.dim),))

    @cached_property
    def fingerprint(self) -> str:
        """Hex digest of what decides the vectors; the same on every machine, whatever its precision."""
        identity = {
            "encoder": "sentence-transformer-1",
            "model": self.loaded.identity,
            "image_share": None if self.reads_both else self.config.image_share,
            "text_fields": FIELDS,
            "dim": self.dim,
        }
        return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:32]

    def prepare(self, note: Note) -> Prepared:
        """Render the text, decode the images to uint8 [H, W, 3]; thread-safe; raises NoteRejected."""
        text = render(note, FIELDS)
        if not text and not note.images:
            raise NoteRejected(Reason.EMPTY_NOTE, "the note has no title, body, tags or image")
        pictures = (decode(image, self.limits, self.shrink_to) for image in note.images)
        return Prepared(text, tuple(np.asarray(shrunk(picture, self.shrink_to)) for picture in pictures))

    def embed(self, prepared: Sequence[Prepared]) -> Vectors:
        """Encode N prepared notes to unit rows, float32 [N, dim]."""
        first, second = self.inputs(prepared)
        vectors = self._pooled(first, len(prepared))
        if not self.reads_both:
            images = self._pooled(second, len(prepared))
            share = self.config.image_share
            vectors = unit_rows(np.sqrt(1 - share) * vectors + np.sqrt(share) * images)
        return unit_rows(vectors[:, : self.dim])

    def inputs(self, prepared: Sequence[Prepared]) -> tuple[list[Owned], list[Owned]]:
        """Return the model's inputs for N notes, each with the note it belongs to, in the order of the notes.

        Where the model reads text and pictures at once: one a picture, or the text alone, and nothing else; where it
        reads them apart, the texts and the pictures.
        """
        from PIL import Image

        texts = [as_text(self.model, self.marks.cleared(one.text)) if one.text else None for one in prepared]
        pictures = [(i, Image.fromarray(pixels)) for i, one in enumerate(prepared) for pixels in one.images]
        if not self.reads_both:
            words = [(i, text) for i, text in enumerate(texts) if text is not None]
            return words, [(i, {"image": picture}) for i, picture in pictures]
        owned = [(i, _both(texts[i], picture)) for i, picture in pictures]
        owned += [(i, text) for i, text in enumerate(texts) if text is not None and not prepared[i].images]
        return sorted(owned, key=lambda one: one[0]), []

    def forward(self, owned: Sequence[Owned]) -> "torch.Tensor":
        """Run M ≥ 1 inputs with gradients and in the mode the model is in: float32 [M, full_dim], not unit."""
        import torch

        groups = by_kind(owned)
        with self._lock:
            rows = torch.cat([models.forward(self.loaded, [owned[k][1] for k in group]) for group in groups])
        places = torch.tensor([k for group in groups for k in group], device=rows.device)
        return rows[torch.argsort(places)]

    def encode(self, notes: Sequence[Note]) -> Vectors:
        """Encode N notes to unit rows, float32 [N, dim]; raises NoteRejected for a bad image or an empty note."""
        return encode_ahead(self, notes)

    def suggest_tags(
        self, notes: Sequence[Note], max_tags: int = 5, categories: Sequence[str] | None = None
    ) -> list[Suggestion]:
        """Raise EncoderError: these models have nothing to suggest with."""
        wanted = f"{max_tags} tags" + (f" and one of {len(categories)} categories" if categories else "")
        raise EncoderError(
            f"a model of sentence-transformers has nothing to suggest {wanted} for {len(notes)} notes with: take an "
            "encoder with heads, or a notellm encoder"
        )

    def as_json(self) -> dict[str, Any]:
        """Return the configuration from which the same encoder can be made again."""
        return self.config.model_dump(mode="json")

    def save(self, folder: Path, trained: bool = False) -> SentenceTransformerConfig:
        """Write the model as sentence-transformers saves it; returns the configuration that reads it from there.

        trained: the weights are those in memory, not those it was loaded from.
        """
        with self._lock:
            models.save(self.config.model, self.config.revision, self.loaded, folder / "model", trained)
        return self.config.saved_as("model")

    def save_pretrained(self, folder: Path | str, card: Card = Card()) -> None:
        """Write config, weights, model card and checksums; the folder opens on any machine."""
        from encoders.folder import save_encoder

        save_encoder(self, folder, card)

    def _pooled(self, owned: Sequence[Owned], notes: int) -> Vectors:
        """Encode inputs that belong to notes and pool them by note: unit rows [notes, full_dim], zero where none."""
        rows = np.zeros((len(owned), self.full_dim), dtype=np.float32)
        for members in by_kind(owned):
            rows[members] = self._encode([owned[k][1] for k in members])
        owners = np.array([owner for owner, _ in owned], dtype=np.int64)
        return pool_images(rows, owners, notes, None)

    def _encode(self, inputs: list[Any]) -> Vectors:
        with self._lock:
            return models.encode(self.loaded, inputs)


def by_kind(owned: Sequence[Owned]) -> list[list[int]]:
    """Group inputs by kind: the library turns a mixed batch into chat messages, which not every model reads."""
    kinds: dict[tuple[str, ...], list[int]] = {}
    for k, (_, value) in enumerate(owned):
        kinds.setdefault(tuple(value) if isinstance(value, dict) else ("text",), []).append(k)
    return list(kinds.values())


def _both(text: Any, picture: Any) -> dict[str, Any]:
    if text is None:
        return {"image": picture}
    # The picture first: where it is too much for the model, the end of the text is what is cut.
    return {"image": picture, **text}
