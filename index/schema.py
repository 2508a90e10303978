"""What of a payload may be filtered by, and what of it keyword search reads; fixed when an index is created."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Self, TypeAlias

from index.errors import NoteIndexError

Value: TypeAlias = "str | float | int | bool | tuple[str, ...]"
"""An attribute as it is compared: text, number as float, time as int microseconds since 1970 UTC, bool, or texts."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LONGEST_NAME = 64


class AttributeType(StrEnum):
    """How an attribute's values compare."""

    TEXT = "text"
    """By Unicode code point."""
    NUMBER = "number"
    """As float64, whole numbers too."""
    TIME = "time"
    """ISO 8601 in the payload; one without an offset is UTC."""
    BOOL = "bool"
    TEXTS = "texts"
    """A list of strings; an empty one counts as missing."""


@dataclass(frozen=True, slots=True)
class Attribute:
    """One filterable attribute: its name in filters, its type, and where in the payload it stands."""

    name: str
    type: AttributeType
    path: tuple[str, ...] = ()
    """Keys from the payload's root to the value; empty stands for (name,)."""

    def value(self, payload: Mapping[str, object]) -> Value | None:
        """The value in a form that compares; None where it is missing or of another type."""
        found: object = payload.get(self.name) if not self.path else _at(payload, self.path)
        return None if found is None else _COMPARABLE[self.type](found)


@dataclass(frozen=True, slots=True)
class IndexSchema:
    """The attributes, and the payload fields (strings or lists of strings) that keyword search reads.

    Raises NoteIndexError for a name that is no identifier (letters, digits, `_`; not starting with a digit),
    is longer than 64 characters, or stands twice.
    """

    attributes: tuple[Attribute, ...] = ()
    text: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        names = [attribute.name for attribute in self.attributes]
        for name in names:
            if not (name.isascii() and name.isidentifier() and len(name) <= _LONGEST_NAME) or names.count(name) > 1:
                raise NoteIndexError(
                    f"attribute {name!r}: expected an ASCII identifier of at most {_LONGEST_NAME} characters, each "
                    "name once. Rename it, and give the payload's own key as its path."
                )

    def values(self, payload: Mapping[str, object]) -> dict[str, Value]:
        """The attributes a payload has, by name; missing ones are left out."""
        found: dict[str, Value] = {}
        for attribute in self.attributes:
            value = attribute.value(payload)
            if value is not None:
                found[attribute.name] = value
        return found

    def texts(self, payload: Mapping[str, object]) -> list[str]:
        """The strings keyword search reads, in the order of `text`."""
        texts: list[str] = []
        for name in self.text:
            value = payload.get(name)
            if isinstance(value, str):
                texts.append(value)
            elif isinstance(value, list):
                texts.extend(part for part in value if isinstance(part, str))
        return texts

    def attribute(self, name: str) -> Attribute | None:
        """The attribute of this name."""
        return next((attribute for attribute in self.attributes if attribute.name == name), None)

    def as_json(self) -> dict[str, object]:
        """Return the schema as JSON values."""
        attributes = [
            {"name": attribute.name, "type": attribute.type.value, "path": list(attribute.path)}
            for attribute in self.attributes
        ]
        return {"attributes": attributes, "text": list(self.text)}

    @classmethod
    def from_json(cls, value: Mapping[str, object]) -> Self:
        """Read what as_json() gave. Raises ValueError for anything else."""
        attributes, text = value.get("attributes"), value.get("text")
        if not isinstance(attributes, list) or not isinstance(text, list):
            raise ValueError(f"no schema: {value!r}")
        try:
            read = tuple(
                Attribute(each["name"], AttributeType(each["type"]), tuple(each["path"])) for each in attributes
            )
        except (KeyError, TypeError) as error:
            raise ValueError(f"no schema: {value!r}") from error
        return cls(read, tuple(map(str, text)))


def microseconds(moment: datetime) -> int:
    """The time as whole microseconds since 1970 in UTC; one without an offset is UTC."""
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    since = aware - EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def _at(payload: Mapping[str, object], path: tuple[str, ...]) -> object:
    found: object = payload
    for key in path:
        if not isinstance(found, Mapping):
            return None
        found = found.get(key)
    return found


def _text(value: object) -> Value | None:
    return value if isinstance(value, str) else None


def _bool(value: object) -> Value | None:
    return value if isinstance(value, bool) else None


def _number(value: object) -> Value | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value)
    except OverflowError:
        return None


def _time(value: object) -> Value | None:
    try:
        return microseconds(datetime.fromisoformat(value)) if isinstance(value, str) else None
    except ValueError:
        return None


def _texts(value: object) -> Value | None:
    if not isinstance(value, list):
        return None
    return tuple(dict.fromkeys(part for part in value if isinstance(part, str))) or None


_COMPARABLE = {
    AttributeType.TEXT: _text,
    AttributeType.NUMBER: _number,
    AttributeType.TIME: _time,
    AttributeType.BOOL: _bool,
    AttributeType.TEXTS: _texts,
}
"""How a payload's value is read for each type; None where it is of another one."""
