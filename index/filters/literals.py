"""A filter's literal in the form in which the attribute's stored values compare."""

from __future__ import annotations

import math
from datetime import datetime
from reprlib import Repr
from typing import Final

from index.errors import InvalidFilter
from index.schema import Attribute, AttributeType, microseconds

KINDS: Final = {
    AttributeType.TEXT: "text",
    AttributeType.NUMBER: "a number",
    AttributeType.TIME: "a time",
    AttributeType.BOOL: "a bool",
    AttributeType.TEXTS: "a list of texts",
}
"""What an attribute of each type is called in a sentence."""

_SHORT = Repr()
_SHORT.maxstring = _SHORT.maxother = _SHORT.maxlong = 60


def comparable(attribute: Attribute, value: object) -> str | int | float:
    """The literal for an attribute that is no list: str, float, int microseconds or bool. Raises InvalidFilter."""
    if attribute.type is AttributeType.TEXT:
        return comparable_text(attribute, value)
    if attribute.type is AttributeType.NUMBER:
        return _number(attribute, value)
    if attribute.type is AttributeType.TIME:
        return _time(attribute, value)
    if not isinstance(value, bool):
        raise _refusal(attribute, value, "true or false")
    return value


def comparable_text(attribute: Attribute, value: object) -> str:
    """The literal for a text, or for one of a list of texts. Raises InvalidFilter."""
    if not isinstance(value, str):
        raise _refusal(attribute, value, "a string")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise _refusal(attribute, value, "text without half of a surrogate pair, as every stored text is") from error
    return value


def short(value: object) -> str:
    """The value's repr, cut in the middle where it is long."""
    try:
        return _SHORT.repr(value)
    except ValueError:  # Python writes no integer of more than 4,300 digits
        return f"an {type(value).__name__} of thousands of digits"


def _number(attribute: Attribute, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _refusal(attribute, value, "a number without quotes")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise _refusal(attribute, value, "a finite number, at most 1.8e308")
    return number + 0.0  # -0.0 becomes 0.0


def _time(attribute: Attribute, value: object) -> int:
    expected = "a datetime or ISO 8601, such as 2024-01-31 or 2024-01-31T10:00:00+08:00"
    if isinstance(value, datetime):
        return microseconds(value)
    if not isinstance(value, str):
        raise _refusal(attribute, value, expected)
    try:
        return microseconds(datetime.fromisoformat(value))
    except ValueError as error:
        raise _refusal(attribute, value, expected) from error


def _refusal(attribute: Attribute, value: object, expected: str) -> InvalidFilter:
    got = short(value) if isinstance(value, str | int | float) else f"{type(value).__name__} {short(value)}"
    return InvalidFilter(f"filter: {attribute.name} is {KINDS[attribute.type]}: got {got}, expected {expected}.")
