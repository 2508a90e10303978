"""A DuckDB file that spills beside itself: the few ways in which mining talks to it."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from index.files import is_full
from training.mining.errors import MiningError

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


@dataclass(frozen=True, slots=True)
class Resources:
    """What a run may use. memory: of the database, GiB; arrays come on top, under 1 GiB. threads: 0 for all cores."""

    memory: float = 4.0
    threads: int = 0


class Database:
    """An open database; results are read to their end before the next statement."""

    def __init__(self, connection: "DuckDBPyConnection") -> None:
        self._connection = connection

    def run(self, statement: str, values: Sequence[object] = ()) -> None:
        """Run a statement that returns nothing of interest."""
        self._connection.execute(statement, list(values)).fetchall()

    def one(self, query: str, values: Sequence[object] = ()) -> tuple[Any, ...]:
        """The only row of a query."""
        (row,) = self._connection.execute(query, list(values)).fetchall()
        return tuple(row)

    def columns(self, query: str) -> dict[str, NDArray[Any]]:
        """All rows of a query, by column; none may be null."""
        return {name: np.asarray(column) for name, column in self._connection.sql(query).fetchnumpy().items()}

    def table(self, query: str) -> Any:
        """All rows of a query, an Arrow table."""
        return self._connection.sql(query).to_arrow_table()

    def batches(self, query: str, rows: int) -> Iterator[Any]:
        """Yield the rows of a query as Arrow batches of about so many; nothing else may run until they are read."""
        reader: Any = self._connection.sql(query).to_arrow_reader(rows)
        try:
            yield from reader
        finally:
            reader.close()

    @contextmanager
    def lent(self, name: str, table: Any) -> Iterator[None]:
        """Let statements read an Arrow table by a name."""
        self._connection.register(name, table)
        try:
            yield
        finally:
            self._connection.unregister(name)


@contextmanager
def opened(file: Path, spill: Path, resources: Resources) -> Iterator[Database]:
    """Open a file, or make it; what is not committed in the end is lost.

    Raises MiningError for whatever goes wrong in it: no memory, no disk, another process at it, damage.
    """
    import duckdb

    try:
        connection = duckdb.connect(str(file), config=_settings(spill, resources))
        try:
            connection.execute("SET enable_progress_bar = false").fetchall()  # it would write to stdout
            yield Database(connection)
        finally:
            connection.close()
    except duckdb.OutOfMemoryException as error:
        raise MiningError(
            f"{resources.memory:g} GiB of memory, or the disk under {spill.parent}, is not enough: give more --memory, "
            f"or put --out on a larger disk ({error})"
        ) from error
    except duckdb.Error as error:
        what = "the disk is full" if is_full(error) else "the database of the run failed"
        raise MiningError(f"{what} ({file}): {error}") from error


def _settings(spill: Path, resources: Resources) -> dict[str, str | bool | int | float | list[str]]:
    settings: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": f"{round(resources.memory * 1024)}MiB",
        "temp_directory": str(spill),
        "preserve_insertion_order": False,
        "python_enable_replacements": False,  # a table is never a variable that happens to have its name
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
    }
    return settings | ({"threads": resources.threads} if resources.threads else {})
