"""What the two towers of a note encoder offer to training."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from torch import Tensor, nn

from encoders.base import Pixels
from encoders.note import Note

if TYPE_CHECKING:
    from PIL.Image import Image

    from training.recipes.config import LoraConfig

# What a text part reads of a note; empty where the note has no text.
Tokens = Any


class TextPart(Protocol):
    """A text tower with gradients, float32 weights."""

    dim: int
    module: nn.Module

    def begin(self, train: bool, lora: "LoraConfig | None" = None) -> None:
        """Train all weights, low-rank changes of them, or none. Raises TrainingError."""

    def read(self, note: Note, fields: Sequence[str]) -> Tokens:
        """Read a note's fields as `TextTower.read` does, on to token ids where it can; thread-safe."""

    def cost(self, tokens: Tokens) -> int:
        """Tokens that count in a micro-batch; 0 for an empty text."""

    def embed(self, texts: Sequence[Tokens]) -> Tensor:
        """Embed N texts, none empty, to rows [N, dim], float32, not yet of unit length; those of `TextTower.encode`."""

    def save(self, folder: Path) -> None:
        """Write the files that the tower's configuration, `saved_as` that folder, reads."""


@runtime_checkable
class WritingPart(TextPart, Protocol):
    """A text tower that also writes hashtags and categories, and is trained to."""

    def embed_and_generate(self, texts: Sequence[Tokens]) -> tuple[Tensor, Tensor, Tensor]:
        """Embed N texts as `embed`, and return with them losses [N] of what each writes and weights [N], 0 or 1."""


class ImagePart(Protocol):
    """An image tower with gradients, float32 weights."""

    dim: int
    module: nn.Module
    shrink_to: int
    cost: int

    def preprocess(self, image: "Image") -> Pixels:
        """Bring one RGB picture into the form `embed` takes, as the tower's; thread-safe."""

    def embed(self, pictures: Sequence[Pixels]) -> Tensor:
        """Embed N ≥ 1 pictures to rows [N, dim], float32, not yet of unit length; those of `ImageTower.encode`."""

    def save(self, folder: Path) -> None:
        """Write the files that the tower's configuration, `saved_as` that folder, reads."""
