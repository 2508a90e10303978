"""The compiled filter finds on both servers what the oracle finds, whatever the strings."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from index.base import Record
from index.errors import InvalidFilter
from index.exact import ExactIndex
from index.filters.bind import bind
from index.filters.milvus import LONGEST_TEXT, escaped, expression, field_name, stored, unescaped
from index.filters.tree import And, Contains, ContainsAny, Eq, Exists, Filter, In, Not, Or, Range
from index.milvus import MilvusIndex
from index.schema import Attribute, AttributeType, IndexSchema

NASTY = [
    "", "a", "A", "b", '"', "'", "\\", '\\"', '"] or seq >= 0 or a_category in ["', "\x00", "a\x00", "\n", "\r\n", "\t",
    " ", "!", "!20", "[", "[0", "]", "^", "~", "\x7f", "\x85", "\u2028", "\ufeff", "\ufffd", "\ufffe", "\ue000",
    "上海", "上", "é", "e\u0301", "😀", "\U0010ffff", "%", "_", "{x}", "$meta", "null", "=a", "\\u0041", "\\x41",
]  # fmt: skip
TEXTS = st.sampled_from(NASTY) | st.text(st.characters(exclude_categories=("Cs",)), max_size=6)
NUMBERS = st.sampled_from([0.0, -0.0, 1.0, -1.0, 0.1, 1e308, -1e308, 5e-324, 2.0**53, 2.0**53 + 2]) | st.floats(
    allow_nan=False, allow_infinity=False
)
TIMES = st.datetimes(timezones=st.just(UTC))
PAYLOADS = st.fixed_dictionaries(
    {},
    optional={
        "category": TEXTS,
        "price": NUMBERS,
        "created_at": TIMES.map(datetime.isoformat),
        "public": st.booleans(),
        "tags": st.lists(TEXTS, max_size=3),
    },
)


def _ranges(field: str, values: st.SearchStrategy[Any]) -> st.SearchStrategy[Filter]:
    bounds = st.fixed_dictionaries({}, optional=dict.fromkeys(("gt", "ge", "lt", "le"), values))
    return bounds.filter(bool).map(lambda given: Range(field, **given))


def _scalars(field: str, values: st.SearchStrategy[Any]) -> st.SearchStrategy[Filter]:
    several = st.lists(values, max_size=3).map(tuple)
    return st.builds(Eq, st.just(field), values) | st.builds(In, st.just(field), several)


LEAVES = st.one_of(
    _scalars("category", TEXTS) | _ranges("category", TEXTS),
    _scalars("like", NUMBERS) | _ranges("like", NUMBERS),
    _scalars("created_at", TIMES) | _ranges("created_at", TIMES),
    _scalars("public", st.booleans()),
    st.builds(Contains, st.just("tags"), TEXTS),
    st.builds(ContainsAny, st.just("tags"), st.lists(TEXTS, max_size=3).map(tuple)),
    st.sampled_from(["category", "like", "created_at", "public", "tags"]).map(Exists),
)
FILTERS = st.recursive(
    LEAVES,
    lambda parts: st.one_of(
        st.lists(parts, max_size=3).map(lambda some: And(tuple(some))),
        st.lists(parts, max_size=3).map(lambda some: Or(tuple(some))),
        parts.map(Not),
    ),
    max_leaves=5,
)


@pytest.fixture(scope="module")
def pair(
    milvus: Any, oracle: Callable[..., ExactIndex], units: Callable[..., Any]
) -> Iterator[tuple[MilvusIndex, ExactIndex]]:
    index = milvus.create()
    yield index, oracle()
    index.close()


@given(payloads=st.lists(PAYLOADS, min_size=1, max_size=8), filters=st.lists(FILTERS, min_size=1, max_size=4))
@example(
    payloads=[{"category": text, "tags": [text, "x"]} for text in NASTY],
    filters=[Eq("category", text) for text in NASTY],
)
@example(payloads=[{"category": text} for text in NASTY], filters=[Range("category", ge=text) for text in NASTY])
@example(payloads=[{"tags": [text]} for text in NASTY], filters=[Contains("tags", text) for text in NASTY])
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
def test_it_matches_what_the_oracle_matches(
    pair: tuple[MilvusIndex, ExactIndex], payloads: list[dict[str, Any]], filters: list[Filter]
) -> None:
    index, exact = pair
    vector = np.eye(8, dtype=np.float32)[0]
    stored_ids = [record.id for record in exact.scan()]
    for each in (index, exact):
        each.delete(stored_ids)
        each.upsert(Record(f"n{number}", vector, payload, "h") for number, payload in enumerate(payloads))
    for where in filters:
        assert index.search(vector[None, :], 100, where).ids == exact.search(vector[None, :], 100, where).ids, where


def test_it_matches_in_sealed_segments_too(
    pair: tuple[MilvusIndex, ExactIndex], notes: Callable[..., list[Record]]
) -> None:
    index, exact = pair
    names = [record.id for record in exact.scan()]
    for each in (index, exact):
        each.delete(names)
        each.upsert(notes(120, seed=3))
    index.compact()
    for where in (
        Eq("category", ""),
        Not(Eq("category", "food")),
        Range("category", lt="上海"),
        Range("like", le=0.0),
        Not(Range("like", ge=7.1)),
        In("created_at", ("2024-01-11T02:00:00.000003Z",)),
        Eq("public", False),
        Contains("tags", ""),
        ContainsAny("tags", ("'", "line\nbreak")),
        Not(Exists("tags")),
        And((Exists("tags"), Or((Exists("public"), Eq("category", "😀"))))),
    ):
        wanted = [record.id for record in exact.scan(where=where)]
        assert [record.id for record in index.scan(where=where)] == wanted, where
        assert index.count(where) == len(wanted)


def test_texts_longer_than_a_field_still_compare(pair: tuple[MilvusIndex, ExactIndex]) -> None:
    index, exact = pair
    names = [record.id for record in exact.scan()]
    vector = np.eye(8, dtype=np.float32)[1]
    long = ["上" * 40_000, "上" * 40_000 + "a", "[" * 9_000, "a" * LONGEST_TEXT, "a" * (LONGEST_TEXT + 1), "a" * 70_000]
    for each in (index, exact):
        each.delete(names)
        each.upsert(
            Record(f"n{number}", vector, {"category": text, "tags": [text, "x"]}, "h")
            for number, text in enumerate(long)
        )
    filters: list[Filter] = [Eq("category", text) for text in long]
    filters += [Contains("tags", text) for text in long]
    filters += [Range("category", gt="a"), Range("category", gt="上" * 100), Range("category", le="a" * LONGEST_TEXT)]
    for where in filters:
        assert index.count(where) == exact.count(where)
    assert [record.payload["category"] for record in index.scan()] == long
    with pytest.raises(InvalidFilter, match="70,000 characters for category"):
        index.count(Range("category", gt="a" * 70_000))


def test_deep_trees_are_folded_and_the_server_reads_them(pair: tuple[MilvusIndex, ExactIndex]) -> None:
    index, exact = pair
    deep: Filter = Eq("public", True)
    for _ in range(200):
        deep = Not(deep)
    assert expression(bind(deep, index.schema), index.schema) == "a_public == 1"
    alternating: Filter = Exists("public")
    for number in range(50):
        kind = And if number % 2 else Or
        alternating = kind((alternating, Not(Eq("category", str(number)))))
    assert index.count(alternating) == exact.count(alternating)
    for number in range(50):
        alternating = (And if number % 2 else Or)((alternating, Eq("category", str(number))))
    with pytest.raises(InvalidFilter, match="more than 60 levels"):
        index.count(alternating)


@given(first=TEXTS, second=TEXTS)
def test_escaping_keeps_the_order_and_comes_back(first: str, second: str) -> None:
    assert (escaped(first) < escaped(second)) == (first < second)
    assert unescaped(escaped(first)) == first
    assert not set(escaped(first)) & set('"\\\x00\n\r\t ')


@given(first=NUMBERS, second=NUMBERS)
def test_numbers_keep_their_order(first: float, second: float) -> None:
    attribute = Attribute("price", AttributeType.NUMBER)
    low, high = stored(attribute, first), stored(attribute, second)
    assert isinstance(low, int)
    assert isinstance(high, int)
    assert (low < high, low == high) == (first < second, first == second)


def test_literals_cannot_end_early() -> None:
    schema = IndexSchema((Attribute("category", AttributeType.TEXT),))
    written = expression(Eq("category", '" or seq >= 0 or "'), schema)
    assert written == 'a_category == "=!22!20or!20seq!20>=!200!20or!20!22"'
    assert field_name("in") == "a_in"
    with pytest.raises(InvalidFilter, match="no attribute 'seq >= 0 or a_category'"):
        expression(Exists("seq >= 0 or a_category"), schema)
    assert json.loads(f'"{escaped("plain-ascii_42")}"') == "plain-ascii_42"
