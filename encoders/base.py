"""The seam between notes and vectors: what every encoder offers."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from numpy.typing import NDArray

from encoders.blocks import Blocks, Vectors
from encoders.config_base import PartConfig
from encoders.note import Note
from encoders.suggestion import Suggestion

if TYPE_CHECKING:
    from encoders.card import Card

# What a text tower reads of a note: a text or token ids, as that tower takes them. Empty: the note has no text.
TextInput = Any
# A picture as an image tower takes it: features, or pixels.
Pixels = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Prepared:
    """A note made ready by the part of the work that runs in parallel: its text, and its decoded images."""

    text: TextInput
    images: tuple[Pixels, ...]


class Encoder(Protocol):
    """Maps notes, whole or partial, into one space of unit vectors.

    `encode` is `embed` of `prepare`; a pipeline calls the two apart to decode pictures while it encodes.
    """

    @property
    def config(self) -> PartConfig:
        """The configuration from which `encoders.load.load_encoder` makes this encoder again."""

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

    def suggest_tags(
        self, notes: Sequence[Note], max_tags: int = 5, categories: Sequence[str] | None = None
    ) -> list[Suggestion]:
        """Suggest hashtags and a category for N notes; categories narrows the known ones.

        Raises EncoderError where the encoder has nothing to suggest with.
        """

    def as_json(self) -> dict[str, Any]:
        """Return the configuration as JSON values."""

    def save(self, folder: Path) -> PartConfig:
        """Write weights and the like into an empty folder; returns the configuration that reads them from there."""

    def save_pretrained(self, folder: Path | str, card: "Card" = ...) -> None:
        """Write a folder, with model card and checksums, that `encoders.from_pretrained` reads on any machine."""
