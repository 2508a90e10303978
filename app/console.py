"""What every command prints with: results to stdout, progress, logs and errors to stderr."""

import json
import logging
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.text import Text

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

stderr = Console(stderr=True, highlight=False)


def stdout() -> Console:
    """Return a console on stdout; 100 columns where that is no terminal, so that piped tables stay readable."""
    return Console(highlight=False, width=None if sys.stdout.isatty() else 100)


def print_json(value: Any) -> None:
    """Print one JSON object a line, in UTF-8 whatever the locale."""
    sys.stdout.buffer.write(json.dumps(value, ensure_ascii=False).encode() + b"\n")
    sys.stdout.buffer.flush()


def print_error(message: str) -> None:
    """Print an error as text: nothing in it is taken for markup."""
    stderr.print(Text.assemble(("error: ", "bold red"), message), soft_wrap=True)


def print_note(message: str) -> None:
    """Print a remark that is no result."""
    stderr.print(Text(message), soft_wrap=True)


def log_to_stderr() -> None:
    """Send the warnings of all rooms to stderr."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))
    root = logging.getLogger("notelens")
    root.handlers = [handler]
    root.setLevel(logging.WARNING)


class Bar:
    """A progress bar that can be told of steps, or of where it stands."""

    def __init__(self, progress: "Progress", task: "TaskID") -> None:
        self._progress, self._task = progress, task

    def advance(self, count: int) -> None:
        """Count this many more as done."""
        self._progress.update(self._task, advance=count)

    def restart(self, title: str, total: int) -> None:
        """Begin again under another title."""
        self._progress.reset(self._task, description=title, total=total, figures="")

    def reach(self, done: int, total: int) -> None:
        """Set what is done, of how many."""
        self._progress.update(self._task, completed=done, total=total)

    def show(self, figures: Mapping[str, float]) -> None:
        """Show figures behind the bar, until it begins again."""
        shown = "  ".join(f"{name} {value:,.4g}" for name, value in figures.items())
        self._progress.update(self._task, figures=shown)


@contextmanager
def progress(title: str, total: int | None = None) -> Iterator[Bar]:
    """Show a bar on stderr with counts, elapsed time and time left."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
    from rich.progress import TimeRemainingColumn as Remaining

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), Remaining())
    with Progress(*columns, TextColumn("{task.fields[figures]}"), console=stderr) as shown:
        yield Bar(shown, shown.add_task(title, total=total, figures=""))
