"""So that neither modality is neglected: NoteLLM-2's balanced loss, and dropout of fields and modalities."""

from dataclasses import dataclass, fields

import torch
from torch import Tensor

from encoders.note import Note
from training.losses.errors import LossError


@dataclass(frozen=True, slots=True)
class ModalityWeights:
    """w_t of the loss on n_m, which saw text and pictures, and w_v of that on n_v, pictures alone: 9 : 1 as published.

    Raises LossError for a negative weight or two zeros.
    """

    text: float = 9.0
    visual: float = 1.0

    def __post_init__(self) -> None:
        if min(self.text, self.visual) < 0 or self.text + self.visual == 0:
            raise LossError(f"the weights are {self.text} and {self.visual}: give two of at least 0, one of them above")


def modality_balanced(whole: Tensor, visual: Tensor, weights: ModalityWeights = ModalityWeights()) -> Tensor:
    """Return (w_t · L_m + w_v · L_v) / (w_t + w_v) of two losses, scalars (NoteLLM-2, arXiv 2405.16789, section 4).

    whole: L_m, of n_m. visual: L_v, the same loss of n_v; over the pairs whose two sides have pictures, as n_v is zeros
    elsewhere (of no pairs `gcl` is 0).
    """
    return (weights.text * whole + weights.visual * visual) / (weights.text + weights.visual)


@dataclass(frozen=True, slots=True)
class DropRates:
    """How often, 0 … 1, each field of a note is left out, and each modality whole (SAIL-Embedding, arXiv 2510.12709).

    title, tags, body, category: that field alone. text: all four of them; images: all pictures. Raises LossError for a
    rate outside 0 … 1.
    """

    title: float = 0.0
    body: float = 0.0
    tags: float = 0.0
    category: float = 0.0
    text: float = 0.0
    images: float = 0.0

    def __post_init__(self) -> None:
        for one in fields(self):
            rate = getattr(self, one.name)
            if not 0 <= rate <= 1:
                raise LossError(f"the rate of {one.name} is {rate}: give a number from 0 to 1")


_EMPTY: dict[str, object] = {"title": "", "body": "", "tags": (), "category": None, "images": ()}
# What an encoder reads; a category is none of it (a label is no text).
_READABLE = ("title", "body", "tags", "images")


def drop_fields(note: Note, rates: DropRates, generator: torch.Generator) -> Note:
    """Return the note without the fields that chance takes, itself where it takes none.

    Where nothing readable (title, body, tags, images) would be left, one readable field, each as likely as another,
    stays. So a readable note stays readable; one that has nothing readable is returned as it is. Each call draws seven
    numbers, whatever the note, so the notes after it are dropped from alike.
    """
    title, body, tags, category, text, images, spared = torch.rand(7, generator=generator, dtype=torch.float64).tolist()
    without_text = text < rates.text
    dropped = {
        "title": without_text or title < rates.title,
        "body": without_text or body < rates.body,
        "tags": without_text or tags < rates.tags,
        "category": without_text or category < rates.category,
        "images": images < rates.images,
    }
    readable = [name for name in _READABLE if _present(note, name)]
    if not readable:
        return note
    if all(dropped[name] for name in readable):
        dropped[readable[int(spared * len(readable))]] = False
    update = {name: _EMPTY[name] for name, gone in dropped.items() if gone and getattr(note, name) != _EMPTY[name]}
    return note.model_copy(update=update) if update else note


def _present(note: Note, name: str) -> bool:
    value = getattr(note, name)
    return bool(value.strip() if isinstance(value, str) else value)
