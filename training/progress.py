"""How a training tells what it is doing."""

from collections.abc import Mapping
from typing import Protocol


class Progress(Protocol):
    """Is told how far a training is: one bar that begins again and again, each time under another title."""

    def restart(self, title: str, total: int) -> None:
        """Begin a stretch of so many steps."""

    def advance(self, count: int) -> None:
        """Count this many more as done."""

    def reach(self, done: int, total: int) -> None:
        """Set what is done, of how many."""

    def show(self, figures: Mapping[str, float]) -> None:
        """Figures to stand beside the bar."""


class Silent:
    """Tells nobody."""

    def restart(self, title: str, total: int) -> None:
        """See Progress."""

    def advance(self, count: int) -> None:
        """See Progress."""

    def reach(self, done: int, total: int) -> None:
        """See Progress."""

    def show(self, figures: Mapping[str, float]) -> None:
        """See Progress."""
