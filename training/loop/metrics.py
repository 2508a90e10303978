"""One line of figures for every step and evaluation, in a file that a resumed run continues without a gap."""

import json
import math
from collections.abc import Mapping
from io import FileIO
from pathlib import Path

from index.files import write_atomically
from training.loop.errors import writing

Figures = Mapping[str, object]


class MetricsLog:
    """A JSON Lines file; each line has `step`, how many steps were done. What is not finite is written as null."""

    def __init__(self, path: Path, step: int = 0, checkpoint: Path | None = None) -> None:
        """Open a file after `step` steps: lines of later ones, and a torn one, are removed.

        checkpoint: what an error should name as the newest. Raises TrainingError where it cannot be written.
        """
        self._path, self.checkpoint = path, checkpoint
        with writing(path, checkpoint):
            path.parent.mkdir(parents=True, exist_ok=True)
            kept = [line for line in read(path) if _step(line) <= step]
            text = "".join(_line(line) for line in kept)
            write_atomically(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))
            # Unbuffered: on a full disk closing must not write again what could not be written.
            self._file: FileIO = path.open("ab", buffering=0)

    def add(self, figures: Figures) -> None:
        """Write one line. Raises TrainingError where it cannot be written."""
        with writing(self._path, self.checkpoint):
            left = memoryview(_line(figures).encode())
            while left:
                left = left[self._file.write(left) :]

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def read(path: Path) -> list[dict[str, object]]:
    """Read the lines of a log; one that a crash tore is left out, and there are none where there is no file."""
    if not path.exists():
        return []
    found = []
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            value = json.loads(line)
        except ValueError:
            continue
        if isinstance(value, dict) and isinstance(value.get("step"), int):
            found.append(value)
    return found


def losses(path: Path) -> tuple[float, ...]:
    """The loss of every step in a log, in order."""
    values = (line["loss"] for line in read(path) if "loss" in line)
    return tuple(value if isinstance(value, float) else math.nan for value in values)


def _step(line: Figures) -> int:
    step = line["step"]
    assert isinstance(step, int)
    return step


def _line(figures: Figures) -> str:
    return json.dumps(_finite(figures), ensure_ascii=False, allow_nan=False) + "\n"


def _finite(value: object) -> object:
    if isinstance(value, Mapping):
        return {key: _finite(inner) for key, inner in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value
