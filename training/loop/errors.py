"""Errors of the loop.

TrainingError
└── Interrupted   somebody asked the training to stop, and it saved where it stands
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from safetensors import SafetensorError

from index.files import is_full
from training.errors import TrainingError


class Interrupted(TrainingError):
    """A signal ended the training between two steps, after a checkpoint; the message says how to go on."""


@contextmanager
def writing(path: Path, last: Path | None) -> Iterator[None]:
    """Turn a failed write of `path` into TrainingError; last: the newest whole checkpoint, which stays as it is."""
    try:
        yield
    except (OSError, SafetensorError) as error:
        good = f"the last good checkpoint is {last}" if last else "no checkpoint was written before"
        if is_full(error):
            raise TrainingError(
                f"the disk is full: {path} could not be written; {good}: free some space, then go on with --resume"
            ) from error
        raise TrainingError(f"{path} could not be written: {error}; {good}") from error
