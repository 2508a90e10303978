"""Any text model of sentence-transformers as a text tower."""

from collections.abc import Sequence
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np

from encoders.base import TextInput
from encoders.blocks import Vectors, unit_rows
from encoders.device import Precision
from encoders.errors import EncoderError
from encoders.note import Note
from encoders.sentence_transformer import models
from encoders.sentence_transformer.config import SentenceTransformerTextConfig
from encoders.sentence_transformer.inputs import TextMarks, as_text
from encoders.text.render import render

if TYPE_CHECKING:
    import torch


class SentenceTransformerTower:
    """The words of notes through `SentenceTransformer.encode`, in the library's own batches.

    A note is a document on both sides of a search, so the model's prompt for documents is put before it, or else
    its default prompt. Raises WeightsError and EncoderError.
    """

    def __init__(self, config: SentenceTransformerTextConfig, precision: Precision = "auto") -> None:
        self.config = config
        self.loaded = models.load(config.model, config.revision, config.max_tokens, precision)
        self.model = self.loaded.model
        if not self.model.supports("text"):
            raise EncoderError(f"{config.model} reads {', '.join(map(str, self.model.modalities))}, but no text")
        self.marks = TextMarks(self.model)
        # The library's tokenizers keep padding and cutting as state: one call at a time.
        self._lock = Lock()
        self.dim = self.model.get_embedding_dimension() or self._encode(["a"]).shape[1]

    def identity(self) -> dict[str, object]:
        """Return what decides the vectors up to rounding: for the fingerprint."""
        return {"tower": "sentence_transformer", **self.loaded.identity}

    def read(self, note: Note, fields: Sequence[str]) -> str:
        """Write the note's fields as one text; raises NoteRejected."""
        return render(note, fields)

    def encode(self, texts: Sequence[TextInput]) -> Vectors:
        """Encode N texts to unit rows, float32 [N, dim]; a blank text is a zero row."""
        vectors = np.zeros((len(texts), self.dim), dtype=np.float32)
        present = [i for i, text in enumerate(texts) if text.strip()]
        if present:
            vectors[present] = self._encode([texts[i] for i in present])
        return unit_rows(vectors)

    def save(self, folder: Path, trained: bool = False) -> None:
        """Write the model as sentence-transformers saves it.

        trained: the weights are those in memory, not those it was loaded from.
        """
        with self._lock:
            models.save(self.config.model, self.config.revision, self.loaded, folder, trained)

    def forward(self, texts: Sequence[str]) -> "torch.Tensor":
        """Run N texts, none blank, with gradients and in the mode the model is in: float32 [N, dim], not unit."""
        with self._lock:
            return models.forward(self.loaded, self._inputs(texts))

    def _encode(self, texts: Sequence[str]) -> Vectors:
        with self._lock:
            return models.encode(self.loaded, self._inputs(texts))

    def _inputs(self, texts: Sequence[str]) -> list[Any]:
        return [as_text(self.model, self.marks.cleared(text)) for text in texts]
