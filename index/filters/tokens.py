"""The words of a filter's text form, and errors that point at the one that is wrong."""

from __future__ import annotations

import re
import sys
import unicodedata
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from json import JSONDecodeError, JSONDecoder

from index.errors import InvalidFilter
from index.filters.tree import Literal

KEYWORDS = frozenset({"and", "or", "not", "in", "has", "any", "exists", "true", "false"})
"""Words with a meaning of their own, in any case; an attribute of such a name stands in backticks."""
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

_SPACE = re.compile(r"[ \t\r\n]*")
_SYMBOL = re.compile(r"!=|<=|>=|[=<>(),]")
_BARE = re.compile(r"[-+.:A-Za-z0-9_]+")
_QUOTED_NAME = re.compile(rf"`({NAME.pattern})`")
_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?")
_TIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}([Tt][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?([Zz]|[-+][0-9]{2}:[0-9]{2})?)?"
)
_JSON = JSONDecoder()
_LONGEST_INTEGER = 400  # digits; float64 ends at 309
_LARGEST = sys.float_info.max
_SHOWN = 60  # characters of the text on either side of an error
_CURLY = "'‘’“”„«»「」"


class Kind(Enum):
    """What a token is."""

    NAME = "a name"
    KEYWORD = "a keyword"
    SYMBOL = "a symbol"
    LITERAL = "a value"
    END = "the end"


@dataclass(frozen=True, slots=True)
class Token:
    """One word of the text: its kind, its place [start, end) and what it stands for.

    value: the name, the keyword in lower case, the symbol, or the literal.
    """

    kind: Kind
    start: int
    end: int
    value: Literal


def tokens(text: str) -> list[Token]:
    """The tokens of the text, the last of them END. Raises InvalidFilter at the first that is none."""
    found: list[Token] = []
    place = _end(_SPACE, text, 0)
    while place < len(text):
        token = _token(text, place)
        found.append(token)
        place = _end(_SPACE, text, token.end)
    return [*found, Token(Kind.END, len(text), len(text), "")]


def fault(text: str, place: int, message: str) -> InvalidFilter:
    """The error that shows the line of `text` around `place` and a caret under it.

    Columns count characters from 1. The caret is moved for characters that fill two cells or none of a terminal.
    """
    start = text.rfind("\n", 0, place) + 1
    end = text.find("\n", place)
    line, column = text[start : len(text) if end < 0 else end], place - start
    first = max(0, column - _SHOWN) if column > _SHOWN + 1 else 0
    last = min(len(line), column + _SHOWN)
    before = ("…" if first else "") + line[first:column]
    shown = _printable(before + line[column:last] + ("…" if last < len(line) else ""))
    number = text.count("\n", 0, start)
    where = f"line {number + 1}, column {column + 1}" if "\n" in text else f"column {column + 1}"
    return InvalidFilter(f"filter, {where}: {message}\n  {shown}\n  {' ' * _width(_printable(before))}^")


def _token(text: str, place: int) -> Token:
    first = text[place]
    if first == '"':
        return _string(text, place)
    if first == "`":
        match = _QUOTED_NAME.match(text, place)
        if match is None:
            raise fault(text, place, "expected a name of ASCII letters, digits and _ between backticks, as in `any`.")
        return Token(Kind.NAME, place, match.end(), match[1])
    symbol = _SYMBOL.match(text, place)
    if symbol is not None:
        return Token(Kind.SYMBOL, place, symbol.end(), symbol[0])
    end = _end(_BARE, text, place)
    if end > place:
        return _bare(text, place, end)
    if first in _CURLY:
        raise fault(text, place, f'got {first}, but strings stand in straight double quotes: "…".')
    raise fault(
        text, place, f"got {first!r}, expected a name (ASCII), an operator or a value. Strings stand in double quotes."
    )


def _string(text: str, place: int) -> Token:
    try:
        value, end = _JSON.raw_decode(text, place)
    except JSONDecodeError as error:
        if error.msg.startswith("Unterminated"):
            raise fault(text, place, 'this string does not end. Close it with a double quote (") after it.') from error
        message = f'{error.msg.removesuffix(" at")}: strings are written as in JSON, with \\n, \\" and \\\\.'
        raise fault(text, error.pos, message) from error
    assert isinstance(value, str)  # nothing else starts with a double quote
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise fault(text, place, "this string holds half of a surrogate pair, which is not a character.") from error
    return Token(Kind.LITERAL, place, end, value)


def _bare(text: str, place: int, end: int) -> Token:
    word = text[place:end]
    if NAME.fullmatch(word):
        lower = word.lower()
        return Token(Kind.KEYWORD, place, end, lower) if lower in KEYWORDS else Token(Kind.NAME, place, end, word)
    if _TIME.fullmatch(word):
        return Token(Kind.LITERAL, place, end, _time(text, place, word))
    number = _NUMBER.fullmatch(word)
    if number is None:
        raise fault(
            text,
            place,
            f"{word[:40]} is no name, number or time. Numbers are written as in JSON (-1.5e3), times as 2024-01-31 or "
            '2024-01-31T10:00:00+08:00, strings in double quotes ("…").',
        )
    whole = number[2] is None and number[3] is None
    value = int(word) if whole and len(word) <= _LONGEST_INTEGER else float(word)
    if abs(value) > _LARGEST:
        raise fault(text, place, "this number is beyond float64, which ends at about 1.8e308.")
    return Token(Kind.LITERAL, place, end, value)


def _time(text: str, place: int, word: str) -> datetime:
    try:
        moment = datetime.fromisoformat(word.upper())
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise fault(text, place, f"{word} is no time: {error}.") from error


def _end(pattern: re.Pattern[str], text: str, place: int) -> int:
    match = pattern.match(text, place)
    return place if match is None else match.end()


def _printable(text: str) -> str:
    return "".join(each if each.isprintable() else " " if each in "\t\r" else "\ufffd" for each in text)


def _width(text: str) -> int:
    widths = (0 if unicodedata.category(each) in ("Mn", "Me") else _cells(each) for each in text)
    return sum(widths)


def _cells(character: str) -> int:
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
