"""Rows of any table to notes."""

from collections.abc import Callable, Generator, Iterable, Iterator
from typing import Any, TypeVar

from app.importers.pictures import Found
from app.importers.values import make_note
from encoders.corpus import Placed, Rejection
from encoders.errors import NoteRejected

T = TypeVar("T")
Draft = tuple[dict[str, Any], Found]
"""The fields of a note but its images, and what was found of those."""


def read_notes(
    file: str, rows: Iterable[tuple[int, T | NoteRejected]], draft: Callable[[T], Draft]
) -> Iterator[Placed | Rejection]:
    """Turn rows into notes; a name that leaves the folder of pictures is a rejection of its own before its note.

    Extras without a value are left out; addresses of pictures become the extra `image_urls`.
    """
    for line, row in rows:
        if isinstance(row, NoteRejected):
            yield Rejection(file, line, None, row.reason, row.detail)
            continue
        try:
            fields, found = draft(row)
            extra = {**fields.get("extra", {}), "image_urls": list(found.urls) or None}
            extra = {name: value for name, value in extra.items() if value not in (None, "")}
            note = make_note({**fields, "images": found.images, "extra": extra})
        except NoteRejected as error:
            yield Rejection(file, line, None, error.reason, error.detail)
            continue
        for unsafe in found.unsafe:
            yield Rejection(file, line, note.id, unsafe.reason, unsafe.detail)
        yield Placed(note, file, line)


def good_rows(file: str, rows: Iterable[tuple[int, T | NoteRejected]]) -> Generator[Rejection, None, list[T]]:
    """Read a side table into memory: yields its bad rows and returns the good ones."""
    good: list[T] = []
    for line, row in rows:
        if isinstance(row, NoteRejected):
            yield Rejection(file, line, None, row.reason, row.detail)
        else:
            good.append(row)
    return good
