"""What notes may be filtered by, and which of their words keyword search reads."""

from collections.abc import Iterable

from index import Attribute, AttributeType, IndexSchema

NOTE_ATTRIBUTES = (
    Attribute("category", AttributeType.TEXT),
    Attribute("tags", AttributeType.TEXTS),
    Attribute("author", AttributeType.TEXT),
    Attribute("lang", AttributeType.TEXT),
    Attribute("created_at", AttributeType.TIME),
)
TEXT_FIELDS = ("title", "body", "tags")


def note_schema(extra: Iterable[Attribute] = ()) -> IndexSchema:
    """The schema of an index of notes, with attributes of the corpus' own beside those that every note has.

    Raises NoteIndexError for a name that is none, or that stands twice.
    """
    return IndexSchema((*NOTE_ATTRIBUTES, *extra), TEXT_FIELDS)


def extra_attribute(name: str, kind: AttributeType) -> Attribute:
    """An attribute in a column that notelens has no field for; it is kept in the note's `extra`."""
    return Attribute(name, kind, ("extra", name))
