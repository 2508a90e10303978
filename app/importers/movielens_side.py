"""MovieLens' side tables: what users tagged films with, and what other sites call them."""

from collections import Counter, defaultdict
from collections.abc import Generator, Sequence
from pathlib import Path

from app.importers.base import OnRows
from app.importers.errors import ColumnsMissing
from app.importers.notes import good_rows
from app.importers.reading import counted, find_column, read_cells, read_header
from encoders.corpus import Rejection
from encoders.errors import NoteRejected


class Tags:
    """tags.csv, or none: how often each tag was given to each movie; tags that differ in case alone are one.

    Raises ColumnsMissing when made.
    """

    def __init__(self, path: Path | None) -> None:
        self.path = path
        if path is not None:
            self._columns = read_header(path)
            self._movie, self._tag = (column_at(path, self._columns, name) for name in ("movieId", "tag"))

    def read(self, on_rows: OnRows | None) -> Generator[Rejection, None, dict[str, Counter[str]]]:
        """Yield the bad rows and return {movie: {tag: count}}."""
        counts: dict[str, Counter[str]] = defaultdict(Counter)
        spelt: dict[str, str] = {}
        if self.path is None:
            return counts
        rows = read_cells(self.path, width=len(self._columns), skip=1)
        for line, cells in counted(rows, self.path.name, on_rows):
            if isinstance(cells, NoteRejected):
                yield Rejection(self.path.name, line, None, cells.reason, cells.detail)
            elif text := " ".join(cells[self._tag].replace("#", " ").split()):
                counts[cells[self._movie].strip()][spelt.setdefault(text.casefold(), text)] += 1
        return counts


class Links:
    """links.csv, or none: imdbId and tmdbId of each movie; raises ColumnsMissing when made."""

    def __init__(self, path: Path | None) -> None:
        self.path = path
        if path is not None:
            self._columns = read_header(path)
            self._movie = column_at(path, self._columns, "movieId")

    def read(self, on_rows: OnRows | None) -> Generator[Rejection, None, dict[str, dict[str, str]]]:
        """Yield the bad rows and return {movie: {site: id}}."""
        if self.path is None:
            return {}
        others = [(name, at) for at, name in enumerate(self._columns) if name in ("imdbId", "tmdbId")]
        rows = counted(read_cells(self.path, width=len(self._columns), skip=1), self.path.name, on_rows)
        good = yield from good_rows(self.path.name, rows)
        return {cells[self._movie].strip(): {name: cells[at].strip() for name, at in others} for cells in good}


def most_used(tags: dict[str, Counter[str]], movie: str) -> list[str]:
    """The tags of a movie, most used first, then those given earlier."""
    return [tag for tag, _ in tags[movie].most_common()] if movie in tags else []


def column_at(path: Path, columns: Sequence[str], name: str) -> int:
    """Where a column stands, in whatever case; raises ColumnsMissing."""
    found = find_column(columns, [name])
    if found is None:
        raise ColumnsMissing(path, columns, name, [name])
    return list(columns).index(found)
