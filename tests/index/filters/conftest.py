"""Random schemas, payloads and filters with nasty values, and what a filter means, written down a second time.

Every compiler's test draws from here through the fixture `cases`, which holds strategies and the plain reading.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import strategies as st

from index.filters.tree import And, Contains, ContainsAny, Eq, Exists, Filter, In, Not, Or, Range
from index.schema import Attribute, AttributeType, IndexSchema, Value

# A small pool, so that what is stored and what is asked for meet; each string has broken some quoting somewhere.
NASTY = [
    *("", " ", "a", "A", "a ", "ab", "b", "food", "ramen", "0", "null", "true", "NaN"),
    *('"', '""', "'", "''", "' OR 1=1 --", '" or category != "', "\\", "\\\\", '\\"', "\\'", "\\n", "\\u0000"),
    *("%", "_", "%a%", "a_b", "*", "?", "?1", ":a", "$a", "[a]", "{a}", "(", ")", ",", ";", "--", "/*", "`", "$[0]"),
    *("\0", "a\0", "a\0b", "\0a", "\t", "\n", "\r\n", "\x01", "\x1f", "\x7f", "\x80", "\u2028", "\ufeff", "\ufffe"),
    *(
        "美食",
        "美",
        "食",
        "上海美食探店",
        "ラーメン",
        "é",
        "e\u0301",
        "ß",
        "İ",
        "ı",
        "Σ",
        "ς",
        "𠮷",
        "\uffff",
        "\uff21",
    ),
    *("😀", "👩\u200d🍳", "🇨🇳", "\u202e", "\u200b", "x" * 300, "美" * 200, "\0" * 70, "\U0010ffff"),
]
NUMBERS = [
    *(0.0, -0.0, 1.0, -1.0, 0.1, 0.1 + 0.2, 0.3, 1 / 3, 5e-324, -5e-324, 2.5e-310, 2.2250738585072014e-308),
    *(1.7976931348623157e308, -1.7976931348623157e308, 9007199254740993.0, 1e22, 1e23, 8.41e21, 123456789.123456789),
    *(0, 1, -1, 7, 2**53, 2**53 + 1, -(2**53) - 1, 2**63, -(2**63), 10**20, 10**300),
]
ZONES = [None, UTC, timezone(timedelta(hours=8)), timezone(-timedelta(hours=9, minutes=30))]
MOMENTS = [
    datetime(2024, 1, 1),
    datetime(2024, 1, 1, 8),
    datetime(2023, 12, 31, 16, 0, 0, 1),
    datetime(1969, 12, 31, 23, 59, 59, 999_999),
    datetime(1970, 1, 1),
    datetime(1, 1, 3, 0, 0, 1),
    datetime(9999, 12, 29, 23, 59, 59, 999_999),
]

texts = st.sampled_from(NASTY) | st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
numbers = st.sampled_from(NUMBERS) | st.floats(allow_nan=False, allow_infinity=False) | st.integers(-3, 3)
times = st.builds(lambda moment, zone: moment.replace(tzinfo=zone), st.sampled_from(MOMENTS), st.sampled_from(ZONES))
LITERALS: dict[AttributeType, st.SearchStrategy[Any]] = {
    AttributeType.TEXT: texts,
    AttributeType.NUMBER: numbers,
    AttributeType.TIME: times | times.map(datetime.isoformat),
    AttributeType.BOOL: st.booleans(),
    AttributeType.TEXTS: texts,
}
STORED: dict[AttributeType, st.SearchStrategy[Any]] = {
    **LITERALS,
    AttributeType.TIME: times.map(datetime.isoformat),
    AttributeType.TEXTS: st.lists(texts | st.sampled_from([None, 1]), max_size=4),
}
TYPES: dict[AttributeType, Any] = {AttributeType.NUMBER: (int, float), AttributeType.BOOL: bool}
TYPES |= dict.fromkeys((AttributeType.TEXT, AttributeType.TIME, AttributeType.TEXTS), str)
# What a payload may hold where a value of the declared type was expected; all of it counts as missing.
MISFITS = st.sampled_from([None, "soon", 3, True, [], {}, ["a"], {"a": "b"}, 10**400])


@st.composite
def schemas(draw: Callable[..., Any]) -> IndexSchema:
    """One to six attributes; names from keywords to 64 letters, some of them nested in the payload."""
    names = st.sampled_from(["category", "tags", "created_at", "price", "ok", "any", "Not", "key", "value", "x" * 64])
    attributes = []
    for name in draw(st.lists(names, min_size=1, max_size=6, unique=True)):
        path = draw(st.sampled_from([(), (name,), ("inner", name), ("odd key '\"\0", "美", name)]))
        attributes.append(Attribute(name, draw(st.sampled_from(AttributeType)), path))
    return IndexSchema(tuple(attributes))


@st.composite
def payloads(draw: Callable[..., Any], schema: IndexSchema) -> dict[str, Any]:
    """A payload in which each attribute is there, missing, or of another type."""
    payload: dict[str, Any] = {}
    for attribute in schema.attributes:
        if not draw(st.integers(0, 4)):
            continue
        *outer, last = attribute.path or (attribute.name,)
        inner = payload
        for key in outer:
            inner = inner.setdefault(key, {})
        inner[last] = draw(MISFITS if not draw(st.integers(0, 9)) else STORED[attribute.type])
    return payload


def leaves(schema: IndexSchema, payloads: Sequence[Mapping[str, Any]] = ()) -> st.SearchStrategy[Filter]:
    """Every leaf that fits the schema, every other literal one that a payload holds; lists of none to forty values."""
    each: list[st.SearchStrategy[Filter]] = []
    for attribute in schema.attributes:
        name, literals = st.just(attribute.name), LITERALS[attribute.type]
        held = list(literals_held(attribute, payloads))
        literals = literals if not held else st.sampled_from(held) | literals
        many = (st.lists(literals, max_size=3) | st.lists(literals, min_size=17, max_size=40)).map(tuple)
        each.append(st.builds(Exists, name))
        if attribute.type is AttributeType.TEXTS:
            each += [st.builds(Contains, name, literals), st.builds(ContainsAny, name, many)]
            continue
        each += [st.builds(Eq, name, literals), st.builds(In, name, many)]
        if attribute.type is not AttributeType.BOOL:
            bounds = [st.none() | literals for _ in range(4)]
            each.append(st.builds(Range, name, *bounds).filter(lambda leaf: leaf != Range(leaf.field)))
    return st.one_of(each)


def literals_held(attribute: Attribute, payloads: Sequence[Mapping[str, Any]]) -> Iterator[Any]:
    """What payloads hold of the attribute, as far as it may stand in a filter."""
    for payload in payloads:
        found: Any = payload
        for key in attribute.path or (attribute.name,):
            found = found.get(key) if isinstance(found, dict) else None
        listed = attribute.type is AttributeType.TEXTS and isinstance(found, list)
        for value in found if listed else [found]:
            if (
                isinstance(value, TYPES[attribute.type])
                and isinstance(value, bool) == (attribute.type is AttributeType.BOOL)
                and value not in ([10**400, "soon"])
            ):
                yield value


def trees(schema: IndexSchema, payloads: Sequence[Mapping[str, Any]] = ()) -> st.SearchStrategy[Filter]:
    """Trees of such leaves, with And and Or of no part, one and several."""
    return st.recursive(
        leaves(schema, payloads),
        lambda parts: (
            st.builds(Not, parts)
            | st.builds(And, st.lists(parts, max_size=4).map(tuple))
            | st.builds(Or, st.lists(parts, max_size=4).map(tuple))
        ),
        max_leaves=12,
    )


def moment(value: datetime | str) -> datetime:
    """A time as an aware datetime, which Python compares by itself."""
    read = datetime.fromisoformat(value) if isinstance(value, str) else value
    return read if read.tzinfo else read.replace(tzinfo=UTC)


def matches(filter: Filter, schema: IndexSchema, payload: Mapping[str, Any]) -> bool:
    """Whether a payload satisfies an unbound filter: tree.py's docstrings in plain Python, sharing no code with it."""
    if isinstance(filter, And):
        return all(matches(part, schema, payload) for part in filter.parts)
    if isinstance(filter, Or):
        return any(matches(part, schema, payload) for part in filter.parts)
    if isinstance(filter, Not):
        return not matches(filter.part, schema, payload)
    [attribute] = [each for each in schema.attributes if each.name == filter.field]
    kind, found = attribute.type, payload
    for key in attribute.path or (attribute.name,):
        found = found.get(key) if isinstance(found, dict) else None
    if kind is AttributeType.TEXTS:
        held = {each for each in found if isinstance(each, str)} if isinstance(found, list) else set()
        if isinstance(filter, Exists):
            return bool(held)
        return bool(held & ({filter.value} if isinstance(filter, Contains) else set(filter.values)))
    wanted: Callable[[Any], Any] = {AttributeType.NUMBER: float, AttributeType.TIME: moment}.get(kind, lambda x: x)
    if not isinstance(found, TYPES[kind]) or (isinstance(found, bool) and kind is not AttributeType.BOOL):
        return False
    try:
        value = wanted(found)
    except (ValueError, OverflowError):
        return False
    if isinstance(filter, Exists):
        return True
    if isinstance(filter, Eq):
        return value == wanted(filter.value)
    if isinstance(filter, In):
        return value in [wanted(each) for each in filter.values]
    return (
        (filter.gt is None or value > wanted(filter.gt))
        and (filter.ge is None or value >= wanted(filter.ge))
        and (filter.lt is None or value < wanted(filter.lt))
        and (filter.le is None or value <= wanted(filter.le))
    )


@dataclass(frozen=True, repr=False)
class Cases:
    """Strategies, and the plain reading: matches(filter, schema, payload)."""

    schemas: Callable[[], st.SearchStrategy[IndexSchema]] = schemas
    payloads: Callable[[IndexSchema], st.SearchStrategy[dict[str, Any]]] = payloads
    leaves: Callable[..., st.SearchStrategy[Filter]] = leaves
    trees: Callable[..., st.SearchStrategy[Filter]] = trees
    texts: st.SearchStrategy[str] = texts
    numbers: st.SearchStrategy[float] = numbers
    nasty: tuple[str, ...] = tuple(NASTY)
    matches: Callable[[Filter, IndexSchema, Mapping[str, Any]], bool] = matches


@pytest.fixture(scope="session")
def cases() -> Cases:
    return Cases()


class Tables:
    """The two tables a condition is over, in a file of their own; the key of a row is its place."""

    def __init__(self, path: Path) -> None:
        self.connection = sqlite3.connect(path)
        self.connection.executescript(
            "PRAGMA journal_mode = MEMORY; PRAGMA synchronous = OFF;"
            "CREATE TABLE attributes(field INTEGER NOT NULL, value NOT NULL, key INTEGER NOT NULL,"
            " PRIMARY KEY (field, value, key)) WITHOUT ROWID;"
            "CREATE TABLE records(key INTEGER PRIMARY KEY, id TEXT UNIQUE)"
        )

    def fill(self, schema: IndexSchema, rows: Sequence[Mapping[str, Value]]) -> None:
        places = {attribute.name: place for place, attribute in enumerate(schema.attributes)}
        with self.connection as connection:
            connection.execute("DELETE FROM attributes")
            connection.execute("DELETE FROM records")
            connection.executemany("INSERT INTO records VALUES (?, ?)", [(key, str(key)) for key in range(len(rows))])
            connection.executemany(
                "INSERT INTO attributes VALUES (?, ?, ?)",
                [
                    (places[name], each, key)
                    for key, row in enumerate(rows)
                    for name, value in row.items()
                    for each in (value if isinstance(value, tuple) else (value,))
                ],
            )

    def keys(self, text: str, parameters: Sequence[Any]) -> list[int]:
        return sorted(key for (key,) in self.connection.execute(text, parameters))

    def plan(self, text: str, parameters: Sequence[Any]) -> list[str]:
        return [row[3] for row in self.connection.execute(f"EXPLAIN QUERY PLAN {text}", parameters)]


@pytest.fixture(scope="session")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tables]:
    tables = Tables(tmp_path_factory.mktemp("filters") / "tables.sqlite")
    yield tables
    tables.connection.close()
