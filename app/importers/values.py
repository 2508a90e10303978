"""Values of cells: text without markup, lists however they are written, ids, times."""

import ast
import html
import json
import math
import re
from collections.abc import Iterable
from contextlib import suppress
from html.parser import HTMLParser
from typing import Any

from pydantic import ValidationError

from encoders.columns import parse_time
from encoders.errors import NoteRejected, Reason
from encoders.note import Note

LAST_MILLISECOND = 253_402_300_799_999  # of the year 9999, where Python's datetime ends
FIRST_MILLISECOND = -62_135_596_800_000  # of the year 1


class _Text(HTMLParser):
    """Gathers what is no tag; tags that end a line of text leave a space."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002 (the base's)
        self._hidden += tag in ("script", "style")
        self.parts.append(" " if tag not in _INLINE else "")

    def handle_endtag(self, tag: str) -> None:
        if tag in ("script", "style"):
            self._hidden = max(0, self._hidden - 1)
        self.parts.append(" " if tag not in _INLINE else "")

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.parts.append(data)


_INLINE = frozenset(("a", "b", "em", "font", "i", "s", "small", "span", "strong", "sub", "sup", "u"))
_TAG = re.compile(r"</?[A-Za-z][^<>]*>|<!--")


def clean(value: object) -> str:
    """Text without HTML tags and character references, each run of white space one space; what is no text is empty.

    References are resolved twice, for dumps often escape what was escaped already (`&amp;#10;`).
    """
    if not isinstance(value, str):
        return ""
    text = value
    # Only where there is a tag: Python's versions differ in what they make of a `</3` in plain text.
    if "<" in text and _TAG.search(text):
        parser = _Text()
        try:
            parser.feed(text)
            parser.close()
            text = "".join(parser.parts)
        except AssertionError:  # how the library's parser says that a declaration (`<![x`) is malformed
            text = _TAG.sub(" ", text)
    if "&" in text:
        text = html.unescape(html.unescape(text))
    return " ".join(text.split())


def as_list(value: object, separators: str = r"[|;,]") -> list[str]:
    """Read a list of strings: a list, a JSON or Python list in a string, or a separated string; blanks left out."""
    if isinstance(value, str) and value.lstrip().startswith("["):
        text = value.strip()
        with suppress(ValueError, SyntaxError, RecursionError, MemoryError):
            value = json.loads(text) if '"' in text and "'" not in text else ast.literal_eval(text)
    if isinstance(value, str):
        value = re.split(separators, value)
    if not isinstance(value, list | tuple):
        return []
    return [text for part in value if (text := as_text(part))]


def as_text(value: object) -> str:
    """A scalar as stripped text, whole floats as integers (a column of ids with gaps comes as floats); else empty."""
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, bool) or value is None:
        return ""
    if isinstance(value, float):
        return (str(int(value)) if value.is_integer() else str(value)) if math.isfinite(value) else ""
    return str(value) if isinstance(value, int) else ""


def unique(values: Iterable[str], but: Iterable[str | None] = ()) -> tuple[str, ...]:
    """Values once each in whatever case, in order, without some of them."""
    left_out = {value.casefold() for value in but if value}
    found: dict[str, str] = {}
    for value in values:
        if (key := value.casefold()) and key not in left_out:
            found.setdefault(key, value)
    return tuple(found.values())


def as_number(value: object) -> int | float | None:
    """A number, or None where a cell has none."""
    with suppress(TypeError, ValueError):
        number = float(value)  # type: ignore[arg-type]  # whatever is no number raises
        if math.isfinite(number) and not isinstance(value, bool):
            return int(number) if number.is_integer() else number
    return None


def as_milliseconds(value: object) -> int:
    """A time as milliseconds since 1970 in UTC: Unix seconds, milliseconds from 1e11 on, or ISO 8601.

    Raises NoteRejected.
    """
    try:
        number = float(value)  # type: ignore[arg-type]  # whatever is no number is read as a date below
        milliseconds = int(number if abs(number) >= 1e11 else round(number * 1000))
    except (TypeError, ValueError, OverflowError):
        parsed = parse_time(value if not isinstance(value, str) else value.strip())
        if parsed is None:
            raise NoteRejected(Reason.BAD_DATE, "the row has no time") from None
        milliseconds = round(parsed.timestamp() * 1000)
    if not FIRST_MILLISECOND <= milliseconds <= LAST_MILLISECOND:
        raise NoteRejected(Reason.BAD_DATE, f"time {str(value)[:80]!r} is in no year from 1 to 9999")
    return milliseconds


def make_note(fields: dict[str, Any]) -> Note:
    """Make a Note of its fields; raises NoteRejected where it has no id or a value that no note may have."""
    if not fields.get("id"):
        raise NoteRejected(Reason.MISSING_ID, "the row has no id")
    try:
        return Note(**fields)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise NoteRejected(Reason.BAD_VALUE, f"{where}: {first['msg']}") from error
