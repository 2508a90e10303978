"""What a tower offers, and which one a configuration names."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from encoders.base import Pixels, TextInput
from encoders.blocks import Vectors
from encoders.config import ImageConfig, TextConfig
from encoders.device import Precision
from encoders.note import Note
from encoders.suggestion import Suggestion

if TYPE_CHECKING:
    from PIL.Image import Image


class TextTower(Protocol):
    """Words of notes to unit rows, in two steps: `read` runs in threads, `encode` in batches."""

    dim: int

    def identity(self) -> dict[str, object]:
        """Return what decides the vectors up to rounding: for the fingerprint."""

    def read(self, note: Note, fields: Sequence[str]) -> TextInput:
        """Return what `encode` takes of a note; empty where the note has no text. fields: for plain texts, in order."""

    def encode(self, texts: Sequence[TextInput]) -> Vectors:
        """Encode N texts to unit rows, float32 [N, dim]; an empty text is a zero row."""

    def save(self, folder: Path) -> None:
        """Write the files from which the tower's configuration, `saved_as` that folder, makes it again."""


@runtime_checkable
class Suggester(Protocol):
    """A text tower that suggests hashtags and categories with its own weights."""

    def suggest_tags(
        self, notes: Sequence[Note], max_tags: int = 5, categories: Sequence[str] | None = None
    ) -> list[Suggestion]:
        """Suggest for N notes; categories narrows the known ones. Raises EncoderError."""


class ImageTower(Protocol):
    """Pictures to unit rows, in two steps: `preprocess` runs in threads, `encode` in batches."""

    dim: int
    shrink_to: int

    def identity(self) -> dict[str, object]:
        """Return what decides the vectors up to rounding: for the fingerprint."""

    def preprocess(self, image: "Image") -> Pixels:
        """Bring one RGB picture into the form `encode` takes."""

    def encode(self, features: Sequence[Pixels]) -> Vectors:
        """Encode N preprocessed pictures to unit rows, float32 [N, dim]."""

    def save(self, folder: Path) -> None:
        """Write the files from which the tower's configuration, `saved_as` that folder, makes it again."""


def text_tower(config: TextConfig, precision: Precision) -> TextTower:
    """Make the text tower a configuration names; only its own module is imported."""
    match config.tower:
        case "minilm":
            from encoders.text.minilm import MiniLM

            return MiniLM(config.folder, config.max_tokens, precision)
        case "transformer":
            from encoders.text.transformer import TransformerTower

            return TransformerTower(config, precision)
        case "sentence_transformer":
            from encoders.sentence_transformer.text_tower import SentenceTransformerTower

            return SentenceTransformerTower(config, precision)
        case "notellm":
            from encoders.notellm.tower import NoteLLM

            return NoteLLM(config, precision)
        case "open_clip":
            from encoders.text.open_clip_text import OpenClipText

            return OpenClipText(config, precision)


def image_tower(config: ImageConfig, precision: Precision) -> ImageTower | None:
    """Make the image tower a configuration names; None where pictures are not read."""
    match config.tower:
        case "descriptor":
            from encoders.vision.descriptor import Descriptor

            return Descriptor()
        case "open_clip":
            from encoders.vision.open_clip_tower import OpenClipTower

            return OpenClipTower(config, precision)
        case "timm":
            from encoders.vision.timm_tower import TimmTower

            return TimmTower(config, precision)
        case "none":
            return None
