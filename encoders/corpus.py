"""A corpus folder: `notes.jsonl|parquet|csv` with its pictures, read as a stream of notes and rejections."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from encoders.columns import ColumnMap
from encoders.errors import CorpusError, NoteRejected, Reason
from encoders.id_set import IdSet
from encoders.note import Note
from encoders.rows import SUFFIXES, count_rows, read_rows


@dataclass(frozen=True, slots=True)
class Rejection:
    """A row that did not become a note: where it stands, its id where it had one, and why."""

    file: str
    line: int
    id: str | None
    reason: Reason
    detail: str

    def as_json(self) -> dict[str, str | int | None]:
        """Return the line of `rejected.jsonl`."""
        return {
            "file": self.file,
            "line": self.line,
            "id": self.id,
            "reason": self.reason.value,
            "detail": self.detail,
        }


@dataclass(frozen=True, slots=True)
class Placed:
    """A note and where it stands, so that a fault found later (a broken picture) can still be located."""

    note: Note
    file: str
    line: int

    def rejected(self, error: NoteRejected) -> Rejection:
        """Turn this note into a rejection."""
        return Rejection(self.file, self.line, self.note.id, error.reason, error.detail)


class Corpus:
    """The notes under one folder; `path` is the folder, or the notes file itself.

    Raises CorpusError where there is no notes file or several formats compete.
    """

    def __init__(self, path: Path | str, mapping: Mapping[str, str] | None = None) -> None:
        path = Path(path)
        self.files = [path] if path.is_file() else _notes_files(path)
        self.root = (path.parent if path.is_file() else path).resolve()
        self.columns = ColumnMap(mapping)
        self._unseen = set(self.columns.explicit)

    def __iter__(self) -> Iterator[Placed | Rejection]:
        """Stream notes in file order, in constant memory; pictures are located, not decoded."""
        self._unseen = set(self.columns.explicit)
        with IdSet() as seen:
            for path in self.files:
                for line, row in read_rows(path):
                    if isinstance(row, NoteRejected):
                        yield Rejection(path.name, line, None, row.reason, row.detail)
                        continue
                    self._unseen.difference_update(row)
                    yield self._read(path, line, row, seen)

    def _read(self, path: Path, line: int, row: dict[str, object], seen: IdSet) -> Placed | Rejection:
        identity = row.get(self.columns.plan(tuple(row)).get("id", ""))
        known = str(identity)[:512] if isinstance(identity, str | int) else None
        try:
            note = self.columns.note(row, self.root)
            if note.id is None:
                raise NoteRejected(Reason.MISSING_ID, "the row has no id")
            if first := seen.add(note.id, f"{path.name}:{line}"):
                raise NoteRejected(
                    Reason.DUPLICATE_ID, f"id {note.id!r} stands already at {first}; the first one is kept"
                )
        except NoteRejected as error:
            return Rejection(path.name, line, known, error.reason, error.detail)
        return Placed(note, path.name, line)

    def count(self) -> int:
        """Estimate the number of rows, for progress bars."""
        return sum(count_rows(path) for path in self.files)

    @property
    def unseen_columns(self) -> list[str]:
        """Columns of the explicit mapping that no row read so far had."""
        return sorted(self._unseen)


def _notes_files(folder: Path) -> list[Path]:
    """Return the files named notes* of the one format the folder has, in order."""
    if not folder.is_dir():
        raise CorpusError(f"{folder} is not there; a corpus is a folder with notes.jsonl, .parquet or .csv")
    found = sorted(
        path for path in folder.iterdir() if path.name.startswith("notes") and path.suffix.lower() in SUFFIXES
    )
    if not found:
        raise CorpusError(f"{folder} has no notes file; wanted notes.jsonl, notes.parquet or notes.csv in it")
    if len({path.suffix.lower() for path in found}) > 1:
        names = ", ".join(path.name for path in found)
        raise CorpusError(f"{folder} has notes in several formats ({names}); name the one to read")
    return found
