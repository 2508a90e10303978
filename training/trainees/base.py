"""The seam between an encoder and the training loop."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from torch import Tensor, nn

from encoders.config import EncoderConfig
from encoders.note import Note

if TYPE_CHECKING:
    from training.recipes.config import LoraConfig

# What a trainee takes of a note: token ids, pixels, features. Made by `read`, handed to `embed`.
Item = Any


@dataclass(frozen=True, slots=True)
class View:
    """Columns start … stop of the rows that `embed` gives: one embedding of a note, not yet of unit length.

    `note` is what the encoder will serve; others are named after what they read (`text`, `image`). A row of zeros says
    that the note has nothing of it.
    """

    name: str
    start: int
    stop: int

    def of(self, rows: Tensor) -> Tensor:
        """Take this view out of rows [N, W]."""
        return rows[:, self.start : self.stop]


class Trainee(Protocol):
    """An encoder with gradients.

    `read` runs in threads, `embed` in micro-batches, twice a step (GradCache), so it draws random numbers from
    torch's global generator alone.
    """

    @property
    def module(self) -> nn.Module:
        """All weights, float32; those that require gradients are trained. Its state_dict is what a checkpoint holds.

        `module(items)` is `embed(items)`, so that DistributedDataParallel can stand around it.
        """

    @property
    def parts(self) -> Mapping[str, nn.Module]:
        """What a stage may train, by name; together all that `module` holds."""

    @property
    def views(self) -> tuple[View, ...]:
        """What a row holds, `note` first."""

    def begin(self, train: Sequence[str], lora: "LoraConfig | None" = None) -> None:
        """Set which parts are trained from now on, and freeze the others. Raises TrainingError for an unknown part."""

    def read(self, note: Note) -> Item:
        """Bring one note into the form `embed` takes; thread-safe; raises NoteRejected."""

    def cost(self, item: Item) -> int:
        """Tokens that an item counts for in a micro-batch, at least 1."""

    def light(self, item: Item) -> bool:
        """Whether an item may be kept for later steps: it holds no pixels."""

    def embed(self, items: Sequence[Item]) -> Tensor:
        """Embed N ≥ 1 items to rows [N, W], float32, on the module's device."""

    def save(self, folder: Path) -> EncoderConfig:
        """Write the weights as they are now into an empty folder; returns the configuration that reads them from there.

        As `Encoder.save` does: `load_encoder(config.located_in(folder))` is the encoder that was trained. Low-rank
        changes are merged into what is written, training may go on afterwards.
        """
