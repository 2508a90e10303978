"""The plain reading, NumPy and SQL select the same records, and a filter survives its own text."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import HealthCheck, given, reject, settings
from hypothesis import strategies as st

from index.errors import InvalidFilter
from index.filters.arrays import mask
from index.filters.bind import bind
from index.filters.sql import condition, leaf_keys
from index.filters.text import format_filter, parse_filter
from index.filters.tree import And, Eq, In, Not, Or, Range
from index.schema import Attribute, AttributeType, IndexSchema

SETTINGS = settings(deadline=None, max_examples=200, suppress_health_check=[HealthCheck.too_slow])


@SETTINGS
@given(data=st.data())
def test_every_compiler_selects_the_records_of_the_plain_reading(cases, tables, data):
    schema = data.draw(cases.schemas())
    payloads = data.draw(st.lists(cases.payloads(schema), max_size=12))
    rows = [schema.values(payload) for payload in payloads]
    tables.fill(schema, rows)
    for filter in data.draw(st.lists(cases.trees(schema, payloads), min_size=1, max_size=4)):
        bound = bind(filter, schema)
        expected = [place for place, payload in enumerate(payloads) if cases.matches(filter, schema, payload)]
        assert np.flatnonzero(mask(bound, rows)).tolist() == expected
        sql = condition(bound, schema)
        assert tables.keys(f"SELECT key FROM records WHERE {sql.text}", sql.parameters) == expected
        assert sql.text.isascii()


@SETTINGS
@given(data=st.data())
def test_the_keys_of_a_leaf_are_its_records_each_once(cases, tables, data):
    schema = data.draw(cases.schemas())
    payloads = data.draw(st.lists(cases.payloads(schema), max_size=12))
    tables.fill(schema, [schema.values(payload) for payload in payloads])
    for leaf in data.draw(st.lists(cases.leaves(schema, payloads), min_size=1, max_size=4)):
        sql = leaf_keys(bind(leaf, schema), schema)
        expected = [place for place, payload in enumerate(payloads) if cases.matches(leaf, schema, payload)]
        assert tables.keys(sql.text, sql.parameters) == expected


def reads_back_as(filter):
    """What format_filter's docstring says the text of a filter reads back as."""
    if isinstance(filter, Not):
        return Not(reads_back_as(filter.part))
    if isinstance(filter, And | Or):
        parts = tuple(map(reads_back_as, filter.parts))
        return parts[0] if len(parts) == 1 else type(filter)(parts)
    if isinstance(filter, Range):
        bounds = {name: aware(getattr(filter, name)) for name in ("gt", "ge", "lt", "le")}
        parts = tuple(Range(filter.field, **{name: bound}) for name, bound in bounds.items() if bound is not None)
        return parts[0] if len(parts) == 1 else And(parts)
    if isinstance(filter, Eq):
        return Eq(filter.field, aware(filter.value))
    if isinstance(filter, In):
        return In(filter.field, tuple(map(aware, filter.values)))
    return filter


def aware(value):
    if not isinstance(value, datetime):
        return value
    return (value if value.tzinfo else value.replace(tzinfo=UTC)).astimezone(UTC)


@SETTINGS
@given(data=st.data())
def test_a_filter_survives_its_text(cases, data):
    schema = data.draw(cases.schemas())
    filter = data.draw(cases.trees(schema))
    try:
        text = format_filter(filter)
    except InvalidFilter:
        reject()  # longer than may be read; what is refused has tests of its own
    read = parse_filter(text)
    assert read == reads_back_as(filter)
    assert repr(read) == repr(reads_back_as(filter))  # 1, 1.0 and True are equal, their texts are not
    assert format_filter(read) == text
    payloads = data.draw(st.lists(cases.payloads(schema), max_size=6))
    rows = [schema.values(payload) for payload in payloads]
    assert mask(bind(read, schema), rows).tolist() == mask(bind(filter, schema), rows).tolist()


PIECES = [
    "a ",
    '"b"',
    "(",
    ")",
    ",",
    "= ",
    "!",
    "`",
    "\\\\",
    "\n",
    "美",
    " and ",
    " not ",
    " in ",
    "1e",
    "2024-01-01",
    "has ",
]


@settings(deadline=None, max_examples=500)
@given(text=st.text(max_size=60) | st.lists(st.sampled_from(PIECES)).map("".join))
def test_any_text_is_read_or_refused_with_a_place(text):
    message = refusal(text)
    assert message is None or re.search(r"column \d+: .*\n  .*\n *\^$", message)


def refusal(text):
    try:
        parse_filter(text)
    except InvalidFilter as error:
        return str(error)
    return None


@pytest.mark.parametrize("swapped", [False, True])
@pytest.mark.parametrize("place", range(3))
def test_where_the_compilers_would_differ_if_values_were_compared_loosely(tables, place, swapped):
    """Pairs that some comparison takes for equal: trailing NUL or blank, case, normal form, rounding."""
    pairs = [("a", "a\0"), ("a", "a "), ("a", "A"), ("é", "e\u0301"), ("", "\0"), ("\uffff", "\U0001f600")]
    schema = IndexSchema((Attribute("t", AttributeType.TEXT),))
    for left, right in pairs:
        left, right = (right, left) if swapped else (left, right)
        rows = [{"t": left}, {"t": right}]
        tables.fill(schema, rows)
        filter = [Eq("t", left), In("t", (left,)), Range("t", lt=max(left, right))][place]
        expected = [True, False] if place < 2 or left < right else [False, True]
        bound = bind(filter, schema)
        assert mask(bound, rows).tolist() == expected
        sql = condition(bound, schema)
        assert (
            tables.keys(f"SELECT key FROM records WHERE {sql.text}", sql.parameters)
            == np.flatnonzero(expected).tolist()
        )
