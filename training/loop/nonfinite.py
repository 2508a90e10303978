"""What is written down when a loss, a gradient or a weight is not finite."""

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor

from index.files import write_atomically
from training.batches.batch import Batch
from training.errors import TrainingError
from training.loop.errors import writing
from training.loop.learner import Learner

NAMED = 3  # so many weights are named in the message


class NotFinite(Exception):
    """A step that must not be taken; what is known of it stands in `found`."""

    def __init__(self, found: "Found") -> None:
        super().__init__()
        self.found = found


@dataclass(frozen=True, slots=True)
class Found:
    """A step that went wrong.

    step: from 0. loss, grad_norm: None where they were finite and the step has been taken. notes: places of the batch.
    rows: which of them have an embedding that is not finite. gradients, weights: names of those that are not finite.
    """

    step: int
    epoch: int
    loss: float | None
    grad_norm: float | None
    notes: list[int]
    rows: list[int]
    gradients: list[str]
    weights: list[str]

    @classmethod
    def of(cls, batch: Batch, loss: float, grad_norm: float, rows: Tensor | None, learner: Learner) -> "Found":
        """Look at a step; rows: its embeddings [2B, W], where there are any."""
        bad = [] if rows is None else torch.nonzero(~torch.isfinite(rows).all(dim=1)).flatten().tolist()
        gradients, weights = learner.bad_gradients(), learner.bad_weights()
        return cls(batch.step, batch.epoch, loss, grad_norm, batch.notes.tolist(), bad, gradients, weights)

    @classmethod
    def after(cls, step: int, epoch: int, weights: list[str]) -> "Found":
        """Weights that are not finite after a step that itself was."""
        return cls(step, epoch, None, None, [], [], [], weights)

    @property
    def what(self) -> str:
        """What is not finite, in words."""
        if self.loss is not None and not math.isfinite(self.loss):
            return f"the loss is {self.loss}"
        if self.grad_norm is not None:
            return f"the norm of the gradient is {self.grad_norm}"
        return f"the step made weights that are not finite ({', '.join(self.weights[:NAMED])})"


def report(found: Found, folder: Path, ids: Sequence[str] | None, last: Path | None, write: bool) -> TrainingError:
    """Write a step that went wrong as JSON into a folder, where `write`; returns the error that names the file.

    ids: of the notes by place, where known. last: the newest checkpoint.
    """
    path = folder / f"not-finite-{found.step + 1:08d}.json"
    content = {**asdict(found), "loss": _words(found.loss), "grad_norm": _words(found.grad_norm)}
    content["ids"] = None if ids is None else [ids[place] for place in found.notes]
    content["bad_ids"] = None if ids is None else [ids[found.notes[row]] for row in found.rows]
    content["checkpoint"] = None if last is None else str(last)
    if write:
        with writing(path, last):
            folder.mkdir(parents=True, exist_ok=True)
            text = json.dumps(content, ensure_ascii=False, indent=1)
            write_atomically(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))
    good = f"the last good checkpoint is {last}" if last else "there is no checkpoint yet"
    return TrainingError(
        f"step {found.step + 1}: {found.what}, wanted finite numbers; the batch and what is not finite stand in "
        f"{path}; {good}. Train anew with a smaller optimiser.lr or in float32, or mend the notes that the file names"
    )


def _words(value: float | None) -> str | None:
    """JSON has no numbers that are not finite."""
    return None if value is None else str(value)
