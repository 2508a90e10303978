"""The model card of an encoder folder: what it is, what made it, how good it was found to be, how to use it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from encoders.base import Encoder


@dataclass(frozen=True, slots=True)
class Card:
    """What only the one who saves an encoder knows; all of it optional.

    evaluation: one row a system or slice, {name: {metric: value}}.
    """

    license: str = "apache-2.0"
    data: str = ""
    evaluation: Mapping[str, Mapping[str, float]] = field(default_factory=dict)


def write_card(encoder: "Encoder", folder: Path, card: Card) -> None:
    """Write README.md into the encoder folder."""
    (folder / "README.md").write_text(f"# A notelens encoder\n\n`{encoder.fingerprint}`, {card.license}\n")
