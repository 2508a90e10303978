"""A bound filter as a Milvus expression, and the form in which attributes are stored for it.

Milvus 2.3 has no missing values, its string literals know few escapes (milvus-lite fewer still), and a float
literal is read by another parser than wrote it. So stored values and literals are written alike:

- text: "=" and the text with control characters, blank, `!`, `"`, `[` and backslash escaped, so that neither parser
  meets one and the order stays that of the code points; "" where it is missing. A text of more than 16,000
  such characters keeps that many and a digest: still exact for =, in, and a range with a shorter bound;
- number: the float64's bits as an int64 of the same order; time: microseconds;
- bool: 0 or 1, -1 where it is missing;
- texts: an array of such texts, led by a mark where there is any; empty where it is missing.

Names come from the schema alone.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable
from hashlib import sha256
from typing import Final, TypeAlias

from index.errors import InvalidFilter
from index.filters.tree import And, Contains, ContainsAny, Eq, Exists, Filter, In, Leaf, Not, Or, Range
from index.schema import Attribute, AttributeType, IndexSchema, Value

SEQUENCE: Final = "seq"
"""The int64 field, never negative, that every record has."""
EVERYTHING: Final = f"{SEQUENCE} >= 0"
NOTHING: Final = f"{SEQUENCE} < 0"
LONGEST_TEXT: Final = 16_000  # escaped characters: with the digest at most 64,066 of the 65,535 bytes of a VARCHAR
LOWEST: Final = -(2**63 - 1)  # below the bits of minus infinity; -2**63 itself is no literal the server reads
MARK: Final = ""
_DEEPEST: Final = 60  # the parser of milvus-lite is recursive and meets Python's limit near 100

_ESCAPED: Final = re.compile('[\x00-"\\[\\\\]')
_WRITTEN: Final = re.compile(r"!([0-9a-f]{2})|\[([01])")
Stored: TypeAlias = "str | int | list[str]"


def field_name(attribute: str) -> str:
    """The collection's field for an attribute: never one of the words of Milvus' grammar."""
    return f"a_{attribute}"


def escaped(text: str) -> str:
    """The text without what breaks a literal; compares as the text does, by code point."""
    return _ESCAPED.sub(lambda found: _escape(found.group()), text)


def unescaped(text: str) -> str:
    """What escaped() was given."""
    return _WRITTEN.sub(lambda found: chr(int(found[1], 16)) if found[1] else "[\\"[int(found[2])], text)


def stored(attribute: Attribute, value: Value | None) -> Stored:
    """An attribute's value (None where it is missing) as its field holds it."""
    if attribute.type is AttributeType.TEXTS:
        return [MARK, *map(_text, value)] if isinstance(value, tuple) else []
    return _missing(attribute) if value is None else _scalar(attribute, value)


def expression(bound: Filter, schema: IndexSchema) -> str:
    """The bound filter as an expression that both milvus-lite and a server from 2.3 on read.

    Raises InvalidFilter for an attribute the schema has not, a range bound that is too long, and a tree that is
    nested too deeply once double negations and parts of the same kind are folded.
    """
    attributes = {attribute.name: attribute for attribute in schema.attributes}
    return _written(_folded(bound, False), attributes, 1)


def any_of(field: str, texts: Iterable[str]) -> str:
    """A membership test over a text field; the texts are escaped already."""
    return f"{field} in [{','.join(map(_quoted, texts))}]"


def _folded(filter: Filter, negated: bool) -> Filter:
    """The same filter with Not only at leaves, and no And in an And nor Or in an Or: shallower, not larger."""
    while isinstance(filter, Not) or (isinstance(filter, And | Or) and len(filter.parts) == 1):
        negated, filter = (not negated, filter.part) if isinstance(filter, Not) else (negated, filter.parts[0])
    if not isinstance(filter, And | Or):
        return Not(filter) if negated else filter
    kind: type[And] | type[Or] = And if isinstance(filter, And) != negated else Or
    parts: list[Filter] = []
    for part in filter.parts:
        folded = _folded(part, negated)
        parts.extend(folded.parts if isinstance(folded, And | Or) and isinstance(folded, kind) else [folded])
    return kind(tuple(parts))


def _written(filter: Filter, attributes: dict[str, Attribute], depth: int) -> str:
    if isinstance(filter, Not):
        return f"not ({_written(filter.part, attributes, depth)})"
    if isinstance(filter, And | Or):
        if depth > _DEEPEST:
            raise InvalidFilter(f"filter: `and` and `or` alternate more than {_DEEPEST} levels deep. Flatten it.")
        if not filter.parts:
            return EVERYTHING if isinstance(filter, And) else NOTHING
        word = " and " if isinstance(filter, And) else " or "
        return word.join(f"({_written(part, attributes, depth + 1)})" for part in filter.parts)
    attribute = attributes.get(filter.field)
    if attribute is None:
        raise InvalidFilter(f"filter: no attribute {filter.field!r}; expected one of {', '.join(attributes)}.")
    return _leaf(filter, attribute)


def _leaf(leaf: Leaf, attribute: Attribute) -> str:
    field = field_name(attribute.name)
    if isinstance(leaf, Exists):
        if attribute.type is AttributeType.TEXTS:
            return f"array_contains({field}, {_quoted(MARK)})"
        return f"{field} > {_literal(_missing(attribute))}"
    if isinstance(leaf, Contains):
        return f"array_contains({field}, {_quoted(_text(leaf.value))})"
    if isinstance(leaf, ContainsAny):
        wanted = ", ".join(_quoted(_text(value)) for value in leaf.values)
        return f"array_contains_any({field}, [{wanted}])" if leaf.values else NOTHING
    if isinstance(leaf, Eq):
        return f"{field} == {_literal(_scalar(attribute, leaf.value))}"
    if isinstance(leaf, In):
        wanted = ", ".join(_literal(_scalar(attribute, value)) for value in leaf.values)
        return f"{field} in [{wanted}]" if leaf.values else NOTHING
    return _between(leaf, attribute, field)


def _between(leaf: Range, attribute: Attribute, field: str) -> str:
    parts = [
        f"{field} {sign} {_literal(_bound(attribute, value))}"
        for sign, value in ((">", leaf.gt), (">=", leaf.ge), ("<", leaf.lt), ("<=", leaf.le))
        if value is not None
    ]
    if leaf.gt is None and leaf.ge is None:  # what is missing is stored below every value
        parts.append(f"{field} > {_literal(_missing(attribute))}")
    return " and ".join(parts)


def _bound(attribute: Attribute, value: object) -> str | int:
    if isinstance(value, str) and len(escaped(value)) > LONGEST_TEXT:
        raise InvalidFilter(
            f"filter: a bound of {len(value):,} characters for {attribute.name}; in Milvus a range over text takes at "
            f"most {LONGEST_TEXT:,}, escapes counted. Shorten it."
        )
    return _scalar(attribute, value)


def _missing(attribute: Attribute) -> str | int:
    if attribute.type is AttributeType.TEXT:
        return ""
    return -1 if attribute.type is AttributeType.BOOL else LOWEST


def _scalar(attribute: Attribute, value: object) -> str | int:
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, float):
        return _ordered_bits(value)
    if isinstance(value, int):  # a time, or a bool
        return int(value)
    raise InvalidFilter(f"filter: {value!r} for {attribute.name} is in no comparable form. Bind the filter first.")


def _ordered_bits(number: float) -> int:
    """The float64's bits as an int64 that orders as the number does; both zeros are 0."""
    bits: int = struct.unpack("<q", struct.pack("<d", number))[0]
    return bits if bits >= 0 else -(bits & 0x7FFF_FFFF_FFFF_FFFF)


def _text(text: str) -> str:
    written = escaped(text)
    if len(written) > LONGEST_TEXT:
        written = f"{written[:LONGEST_TEXT]}~{sha256(written.encode()).hexdigest()}"
    return f"={written}"


def _escape(character: str) -> str:
    # Both codes sort where the character did: before "#", and between "Z" and "]".
    return f"[{character != '[':d}" if character in "[\\" else f"!{ord(character):02x}"


def _literal(value: str | int) -> str:
    return _quoted(value) if isinstance(value, str) else str(value)


def _quoted(text: str) -> str:
    return f'"{text}"'
