"""A note as the sentence-like text that encoders of plain texts read."""

from collections.abc import Sequence

from encoders.errors import NoteRejected, Reason
from encoders.note import Note


def render(note: Note, fields: Sequence[str]) -> str:
    """Write the note's fields in this order; a missing field leaves no trace. Raises NoteRejected.

    A category alone is a label, not text: a note needs a title, tags or a body to have any.
    """
    if not note.has_text:
        return ""
    values = {"title": note.title, "category": note.category, "tags": ", ".join(note.tags), "body": note.body}
    parts = [(values[field] or "").strip() for field in fields]
    return checked(". ".join(part for part in parts if part))


def checked(text: str) -> str:
    """Return the text; raises NoteRejected for a lone surrogate: a copy of a note may hold what a note refuses."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise NoteRejected(Reason.INVALID_UTF8, "text holds a lone surrogate, which no UTF-8 has") from error
    return text
