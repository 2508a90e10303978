"""From the tree of a filter to its written form (index/filters/text.py)."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from datetime import UTC, datetime, time
from typing import TypeAlias

from index.errors import InvalidFilter
from index.filters.parser import BOUNDS, DEEPEST_TEXT, LONGEST_TEXT
from index.filters.tokens import KEYWORDS, NAME
from index.filters.tree import And, Contains, ContainsAny, Eq, Exists, Filter, In, Not, Or, Range

_Inside: TypeAlias = "type[And] | type[Or] | type[Not] | None"


class Writer:
    """Writes one filter, within the length and the nesting that can be read back."""

    def __init__(self) -> None:
        self._length = 0

    def written(self, filter: Filter, inside: _Inside = None, depth: int = 0) -> str:
        """The text of a filter that is a part of a node of type `inside`, within `depth` brackets and nots."""
        while isinstance(filter, And | Or) and isinstance(filter.parts, tuple) and len(filter.parts) == 1:
            filter = filter.parts[0]
        if depth > DEEPEST_TEXT:
            raise InvalidFilter(f"filter: nested deeper than {DEEPEST_TEXT}, more than its text may be. Flatten it.")
        if isinstance(filter, Not):
            return "not " + self.written(filter.part, Not, depth + 1)
        bounds = _bounds(filter) if isinstance(filter, Range) else []
        if len(bounds) > 1:
            return self._joined([self._counted(bound) for bound in bounds], And, inside)
        if not isinstance(filter, And | Or) or not _parts(filter) or _is_negated(filter):
            return self._counted(_comparison(filter))
        kind = type(filter)
        within = depth + _needs_brackets(kind, inside)
        texts = []
        for part in filter.parts:
            texts.append(self.written(part, kind, within))  # noqa: PERF401 - a comprehension is one more frame a level
        return self._joined(texts, kind, inside)

    def _joined(self, texts: Sequence[str], kind: type[And] | type[Or], inside: _Inside) -> str:
        word = " and " if kind is And else " or "
        return f"({word.join(texts)})" if _needs_brackets(kind, inside) else word.join(texts)

    def _counted(self, text: str) -> str:
        # Counted on the way, because a tree whose parts are shared may stand for a text of any length.
        self._length += len(text)
        if self._length > LONGEST_TEXT:
            raise InvalidFilter(
                f"filter: its text would be longer than the {LONGEST_TEXT:,} characters that can be read. "
                "Pass the tree itself."
            )
        return text


def _needs_brackets(kind: type[And] | type[Or], inside: _Inside) -> bool:
    # An And within an Or binds tighter by itself; one within its like is bracketed to keep the tree's shape.
    return inside is not None and not (kind is And and inside is Or)


def _is_negated(filter: And | Or) -> bool:
    """Whether this is what `!=` and `not in` stand for."""
    match filter:
        case And((Exists(name), Not(Eq(field) | In(field)))):
            return bool(name == field)
    return False


def _comparison(filter: Filter) -> str:
    match filter:
        case And(()):
            return "true"
        case Or(()):
            return "false"
        case And((Exists(), Not(Eq(name, value)))):
            return f"{_name(name)} != {_literal(value)}"
        case And((Exists(), Not(In(name, values)))):
            return f"{_name(name)} not in {_list(values)}"
        case Eq(name, value):
            return f"{_name(name)} = {_literal(value)}"
        case In(name, values):
            return f"{_name(name)} in {_list(values)}"
        case Range():
            return _bounds(filter)[0]
        case Contains(name, value):
            return f"{_name(name)} has {_string(value)}"
        case ContainsAny(name, values):
            return f"{_name(name)} has any {_list(values, strings=True)}"
        case Exists(name):
            return f"{_name(name)} exists"
    raise InvalidFilter(f"filter: {type(filter).__name__} is no node of a filter. See index/filters/tree.py.")


def _parts(filter: And | Or) -> tuple[Filter, ...]:
    if not isinstance(filter.parts, tuple):
        raise InvalidFilter(f"filter: the parts of {type(filter).__name__} are no tuple. Write And((a, b)).")
    return filter.parts


def _bounds(filter: Range) -> list[str]:
    bounds = [(sign, getattr(filter, name)) for sign, name in BOUNDS.items()]
    texts = [f"{_name(filter.field)} {sign} {_literal(bound)}" for sign, bound in bounds if bound is not None]
    if not texts:
        raise InvalidFilter(f"filter: the Range over {filter.field!r} has no bound. Give it gt, ge, lt or le.")
    return texts


def _name(name: object) -> str:
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise InvalidFilter(f"filter: {name!r} is no name: expected ASCII letters, digits and _, no digit first.")
    return f"`{name}`" if name.lower() in KEYWORDS else name


def _list(values: object, strings: bool = False) -> str:
    if not isinstance(values, tuple):
        raise InvalidFilter(f"filter: a list of values is a tuple, got {type(values).__name__}. Wrap it in tuple().")
    return f"({', '.join(map(_string if strings else _literal, values))})"


def _literal(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _string(value)
    if isinstance(value, datetime):
        return _time(value)
    try:
        if isinstance(value, int | float) and math.isfinite(float(value)):
            return int.__repr__(value) if isinstance(value, int) else float.__repr__(value)
    except OverflowError:
        pass
    raise InvalidFilter(
        f"filter: a {type(value).__name__} that cannot be written, expected a string, a finite number, a bool or a "
        "datetime."
    )


def _string(value: object) -> str:
    try:
        if isinstance(value, str) and value.encode():
            return json.dumps(value, ensure_ascii=False)
        if value == "":
            return '""'
    except UnicodeEncodeError as error:
        raise InvalidFilter(f"filter: {value!r} holds half of a surrogate pair, which is not a character.") from error
    raise InvalidFilter(f"filter: got {type(value).__name__}, expected a string.")


def _time(moment: datetime) -> str:
    try:
        utc = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC).replace(tzinfo=None)
    except OverflowError as error:
        raise InvalidFilter(f"filter: {moment.isoformat()} is before year 1 or after 9999 in UTC.") from error
    return utc.date().isoformat() if utc.time() == time.min else f"{utc.isoformat()}Z"
