"""One text for all systems: what of a note's words an evaluation lets them read.

Encoders write notes down in ways of their own, which is part of what they are; where only the models are to be
compared, a template such as `{title} {hashtags:10} {body:400}` makes one text of each note for all of them.
"""

from dataclasses import dataclass
from string import Formatter

from encoders.note import Note
from retrieval.evaluation.errors import EvaluationError

FIELDS = ("title", "body", "tags", "hashtags", "category")


@dataclass(frozen=True, slots=True)
class TextView:
    """A template of the fields title, body, tags, hashtags, category; `:n` takes n characters, or n tags."""

    template: str

    def __post_init__(self) -> None:
        try:
            parts = [
                (field, spec, bang) for _, field, spec, bang in Formatter().parse(self.template) if field is not None
            ]
        except ValueError as error:
            raise EvaluationError(f"text template {self.template!r} cannot be read: {error}") from error
        bad = [field for field, spec, bang in parts if field not in FIELDS or bang or (spec and not spec.isdecimal())]
        if bad or not parts:
            raise EvaluationError(
                f"text template {self.template!r} must name fields of {', '.join(FIELDS)}, as {{title}} or {{body:400}}"
            )

    def text(self, note: Note) -> str:
        """What is read of a note, runs of white space made one space."""
        written = []
        for literal, field, spec, _ in Formatter().parse(self.template):
            written.append(literal)
            if field is not None:
                written.append(_field(note, field, int(spec) if spec else None))
        return " ".join("".join(written).split())

    def note(self, note: Note) -> Note:
        """The note with that text for its body and no other words; its pictures stay."""
        body = self.text(note)
        return note.model_copy(update={"title": "", "body": body, "tags": (), "category": None})


def whole_text(note: Note) -> str:
    """Title, tags and body: what a search by words reads of a note where nothing else is asked for."""
    return " ".join(part for part in (note.title, " ".join(note.tags), note.body) if part)


def _field(note: Note, field: str, most: int | None) -> str:
    if field == "tags":
        return " ".join(note.tags[:most])
    if field == "hashtags":
        return " ".join("#" + "".join(tag.split()) for tag in note.tags[:most])  # as people write them, in one word
    return (getattr(note, field) or "")[:most]
