"""The figures of a stage for TensorBoard."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any


class Board:
    """Writes scalars into a folder; without the package `tensorboard`, or space on the disk, only a remark.

    step: steps done before; later ones that a killed run wrote are not shown.
    """

    def __init__(self, folder: Path, step: int = 0) -> None:
        self.remarks: list[str] = []
        self._writer: Any = None
        try:
            from torch.utils.tensorboard import SummaryWriter

            self._writer = SummaryWriter(str(folder), purge_step=step + 1)
        except ImportError:
            self.remarks.append("tensorboard is not installed, so nothing is written for it: pip install tensorboard")
        except OSError as error:
            self._give_up(folder, error)
        self._folder = folder

    def add(self, prefix: str, figures: Mapping[str, float], step: int) -> None:
        """Write figures after so many steps, each as `prefix/name`."""
        if self._writer is None:
            return
        try:
            for name, value in figures.items():
                self._writer.add_scalar(f"{prefix}/{name}", value, step)
        except OSError as error:
            self._give_up(self._folder, error)

    def close(self) -> None:
        """Write what is left."""
        if self._writer is None:
            return
        try:
            self._writer.close()
        except OSError as error:
            self._give_up(self._folder, error)

    def _give_up(self, folder: Path, error: OSError) -> None:
        self._writer = None
        self.remarks.append(f"{folder}: nothing more is written for TensorBoard: {error}")
