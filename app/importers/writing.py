"""A corpus folder being written: notes.jsonl, images/, interactions.parquet, rejected.jsonl."""

import filecmp
import json
import os
import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from app.importers.base import Interaction
from app.importers.errors import ImportFailed
from encoders.corpus import Rejection
from encoders.errors import NoteRejected, Reason
from encoders.id_set import IdSet
from encoders.images import NoteImage
from encoders.note import Note

ROWS_A_GROUP = 131_072
MOST_REMEMBERED = 1_000_000  # ids of notes that are remembered between row groups
MOST_REJECTIONS = 1000  # bad rows that are written out; all of them are counted
FIELDS = ("id", "title", "body", "tags", "category", "images", "author", "created_at", "lang")


@contextmanager
def made_at_once(folder: Path) -> Iterator[Path]:
    """Give a new folder beside the wanted one, which takes its place at the end and is removed on any error.

    Raises ImportFailed where the wanted one is there and not empty, or cannot be written.
    """
    try:
        folder = folder.resolve()  # `.` has no name to put a sibling's beside
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise ImportFailed(f"{folder} is there and not empty; name a new or empty folder for the corpus")
        folder.parent.mkdir(parents=True, exist_ok=True)
        making = folder.with_name(f".{folder.name}.{os.getpid()}.importing")
        making.mkdir()
        try:
            yield making
            if folder.exists():
                folder.rmdir()
            making.rename(folder)
        finally:
            if making.exists():
                shutil.rmtree(making)
    except OSError as error:
        raise ImportFailed(f"{folder} cannot be made: {error}") from error


class CorpusWriter:
    """Writes a corpus into an empty folder in constant memory, and counts what it is given.

    columns: which of timestamp, event and rating the interactions have; None where there are none at all.
    """

    def __init__(self, folder: Path, columns: tuple[str, ...] | None) -> None:
        self.folder = folder
        self.notes = self.pictures = self.without_picture = self.interactions = self.unknown = 0
        self.bad: Counter[str] = Counter()
        self._columns = columns
        self._open = ExitStack()
        self._ids = self._open.enter_context(IdSet())
        self._notes = self._text("notes.jsonl")
        self._rejected: IO[str] | None = None
        self._group: list[Interaction] = []
        self._known: dict[str, bool] = {}
        self._table: Any = None

    def _text(self, name: str) -> IO[str]:
        return self._open.enter_context((self.folder / name).open("w", encoding="utf-8", newline="\n"))

    def reject(self, row: Rejection) -> None:
        """Count a bad row; the first of them are written to rejected.jsonl."""
        self.bad[f"{row.file}: {row.reason.value}"] += 1
        if self.bad.total() <= MOST_REJECTIONS:
            self._rejected = self._rejected or self._text("rejected.jsonl")
            self._rejected.write(json.dumps(row.as_json()) + "\n")

    def add_note(self, note: Note) -> None:
        """Write a note and link its pictures; raises NoteRejected for a second of an id, or one of nothing."""
        if note.id is None:
            raise NoteRejected(Reason.MISSING_ID, "the row has no id")
        if not note.has_text and not note.images:
            raise NoteRejected(Reason.EMPTY_NOTE, "the note has no title, body, tags or image")
        payload = note.payload()
        extra = {f"source_{name}" if name in FIELDS else name: value for name, value in payload.pop("extra").items()}
        row = {"id": note.id, **payload, "images": [_name(image) for image in note.images], **extra}
        try:
            line = json.dumps(row, ensure_ascii=False)
            line.encode()
        except UnicodeEncodeError as error:
            raise NoteRejected(Reason.INVALID_UTF8, "text holds a lone surrogate, which no UTF-8 has") from error
        if self._ids.add(note.id) is not None:
            raise NoteRejected(Reason.DUPLICATE_ID, f"id {note.id!r} stands already above; the first one is kept")
        for image in note.images:
            self._link(image)
        self._notes.write(line + "\n")
        self.notes += 1
        self.without_picture += not note.images

    def _link(self, image: NoteImage) -> None:
        """Bring a picture in, as a hard link where the file system has them."""
        assert image.path is not None
        target = self.folder / _name(image)
        if target.exists():
            if not filecmp.cmp(image.path, target, shallow=False):
                raise ImportFailed(f"{image.path} and another picture would both be {_name(image)}; rename one of them")
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link(image.path, target)
        except OSError:
            shutil.copyfile(image.path, target)
        self.pictures += 1

    def add_interaction(self, interaction: Interaction) -> None:
        """Take an interaction, to be written with others of its group if the corpus has its note."""
        self._group.append(interaction)
        if len(self._group) >= ROWS_A_GROUP:
            self._flush()

    def _flush(self) -> None:
        import pyarrow

        columns = self._columns or ()
        group = [each for each in self._group if self._has(each.note)]
        self.unknown += len(self._group) - len(group)
        self.interactions += len(group)
        self._group = []
        kinds = {
            "user": pyarrow.string(),
            "note": pyarrow.string(),
            "timestamp": pyarrow.timestamp("ms", tz="UTC"),
            "event": pyarrow.string(),
            "rating": pyarrow.float32(),
        }
        schema = pyarrow.schema([(name, kinds[name]) for name in ("user", "note", *columns)])
        if self._table is None:
            import pyarrow.parquet

            path = self.folder / "interactions.parquet"
            self._table = self._open.enter_context(
                pyarrow.parquet.ParquetWriter(path, schema, compression="zstd", use_dictionary=True)
            )
        values = zip(*group, strict=True) if group else ([] for _ in Interaction._fields)
        by_name = dict(zip(Interaction._fields, values, strict=True))
        arrays = [pyarrow.array(by_name[name], type=schema.field(name).type) for name in schema.names]
        self._table.write_batch(pyarrow.record_batch(arrays, schema=schema))

    def _has(self, note_id: str) -> bool:
        known = self._known.get(note_id)
        if known is None:
            if len(self._known) >= MOST_REMEMBERED:
                self._known.clear()
            known = self._known[note_id] = note_id in self._ids
        return known

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._open:
            if error is None and self._columns is not None:
                self._flush()


def _name(image: NoteImage) -> str:
    """Where a picture goes in the corpus: its name in its own folder, under images/."""
    return "images/" + image.name.removeprefix("images/")
