"""A set of ids that may outgrow memory."""

import sqlite3
from types import TracebackType
from typing import Self


class IdSet:
    """Ids with a remark each, in an SQLite table of its own that spills to a temporary file."""

    def __init__(self) -> None:
        # An empty name is SQLite's private on-disk database; any thread may use it, one at a time.
        self._table = sqlite3.connect("", check_same_thread=False)
        self._table.execute("CREATE TABLE ids (id TEXT PRIMARY KEY, remark TEXT) WITHOUT ROWID")

    def add(self, note_id: str, remark: str = "") -> str | None:
        """Add an id; returns None, or the remark it was first added with where it is in already."""
        if self._table.execute("INSERT OR IGNORE INTO ids VALUES (?, ?)", (note_id, remark)).rowcount:
            return None
        (first,) = self._table.execute("SELECT remark FROM ids WHERE id = ?", (note_id,)).fetchone()
        return str(first)

    def __contains__(self, note_id: str) -> bool:
        return self._table.execute("SELECT 1 FROM ids WHERE id = ?", (note_id,)).fetchone() is not None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._table.close()
