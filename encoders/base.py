"""The seam between notes and vectors: what every encoder offers."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from encoders.blocks import Blocks, Vectors
from encoders.note import Note


@dataclass(frozen=True, slots=True)
class Prepared:
    """A note made ready by the part of the work that runs in parallel: its text, and its decoded images."""

    text: str
    images: tuple[Vectors, ...]


class Encoder(Protocol):
    """Maps notes, whole or partial, into one space of unit vectors.

    `encode` is `embed` of `prepare`; a pipeline calls the two apart to decode pictures while it encodes.
    """

    @property
    def dim(self) -> int:
        """Length of a vector."""

    @property
    def fingerprint(self) -> str:
        """Hex digest of what decides the vectors: architecture, weights, template, preprocessing, dim."""

    @property
    def blocks(self) -> Blocks:
        """How a vector is laid out."""

    def prepare(self, note: Note) -> Prepared:
        """Render the text, decode and preprocess the images; thread-safe; raises NoteRejected."""

    def embed(self, prepared: Sequence[Prepared]) -> Vectors:
        """Encode N prepared notes to unit rows, float32 [N, dim]."""

    def encode(self, notes: Sequence[Note]) -> Vectors:
        """Encode N notes to unit rows, float32 [N, dim]; raises NoteRejected for a bad image or an empty note."""

    def as_json(self) -> dict[str, Any]:
        """Return the configuration from which `encoders.load.load_encoder` makes this encoder again."""

    def save_pretrained(self, folder: Path) -> None:
        """Write a folder that `from_pretrained` reads on any machine."""
