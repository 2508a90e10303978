"""Rows of any table to interactions."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any

from app.importers.base import Interaction
from app.importers.values import as_milliseconds, as_text
from encoders.corpus import Rejection
from encoders.errors import NoteRejected, Reason

Key = int | str


@dataclass(frozen=True, slots=True)
class Roles:
    """Where in a row the parts of an interaction stand: positions in a list, or names in a mapping."""

    user: Key
    note: Key
    timestamp: Key | None = None
    event: Key | None = None
    rating: Key | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that the interactions have beside user and note."""
        return tuple(name for name in ("timestamp", "event", "rating") if getattr(self, name) is not None)


def read_interactions(
    file: str, rows: Iterable[tuple[int, Sequence[Any] | Mapping[str, Any] | NoteRejected]], roles: Roles
) -> Iterator[Interaction | Rejection]:
    """Turn rows into interactions; those without user, note or, where there is such a column, a time are rejected."""
    for line, row in rows:
        if isinstance(row, NoteRejected):
            yield Rejection(file, line, None, row.reason, row.detail)
            continue
        try:
            yield read_one(row, roles)
        except NoteRejected as error:
            yield Rejection(file, line, None, error.reason, error.detail)


def read_one(row: Any, roles: Roles) -> Interaction:
    """Turn one row into an interaction; raises NoteRejected."""
    # JSON leaves out what is missing; a list that is too short is broken.
    part = row.get if isinstance(row, dict) else row.__getitem__
    try:
        user, note = as_text(part(roles.user)), as_text(part(roles.note))
        if not user or not note:
            raise NoteRejected(Reason.MISSING_ID, f"the row names no {'note' if user else 'user'}")
        timestamp = None if roles.timestamp is None else as_milliseconds(part(roles.timestamp))
        event = None if roles.event is None else as_text(part(roles.event)) or None
        rating = None if roles.rating is None else _rating(part(roles.rating))
        if not (user.isascii() and note.isascii() and (event is None or event.isascii())):
            f"{user}{note}{event}".encode()
        return Interaction(user, note, timestamp, event, rating)
    except UnicodeEncodeError as error:
        raise NoteRejected(Reason.INVALID_UTF8, "the row holds a lone surrogate, which no UTF-8 has") from error
    except IndexError as error:
        raise NoteRejected(Reason.BROKEN_ROW, f"the row has {len(row)} cells, which are too few") from error


def _rating(value: object) -> float | None:
    """A rating, None for an empty cell; raises NoteRejected for anything else that is no number."""
    try:
        rating = float(value)  # type: ignore[arg-type]  # whatever is no number raises
    except (TypeError, ValueError):
        if value is None or (isinstance(value, str) and not value.strip()):
            return None
    else:
        if isfinite(rating) and not isinstance(value, bool):
            return rating
    raise NoteRejected(Reason.BAD_VALUE, f"rating {str(value)[:80]!r} is no number")
