"""Binding: each literal in the form its attribute compares in, and every misfit refused with what would fit."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, timedelta, timezone

import numpy as np
import pytest

from index.errors import InvalidFilter
from index.filters.arrays import mask
from index.filters.bind import bind
from index.filters.sql import condition
from index.filters.text import parse_filter
from index.filters.tree import And, Contains, ContainsAny, Eq, Exists, In, Not, Or, Range
from index.schema import Attribute, AttributeType, IndexSchema

SCHEMA = IndexSchema(
    (
        Attribute("category", AttributeType.TEXT),
        Attribute("price", AttributeType.NUMBER),
        Attribute("created_at", AttributeType.TIME),
        Attribute("public", AttributeType.BOOL),
        Attribute("tags", AttributeType.TEXTS),
    )
)
DAY = 86_400_000_000
DAYS_TO_2024 = 54 * 365 + 13  # 1972, 1976, …, 2020 were leap years
Y2024 = DAYS_TO_2024 * DAY


@pytest.mark.parametrize(
    ("filter", "bound"),
    [
        (Eq("category", "food"), Eq("category", "food")),
        (Eq("category", "a\0美"), Eq("category", "a\0美")),
        (Eq("price", 3), Eq("price", 3.0)),
        (Eq("price", 2**53 + 1), Eq("price", float(2**53))),
        (Eq("price", -0.0), Eq("price", 0.0)),
        (Eq("price", np.float64(1.5)), Eq("price", 1.5)),
        (Eq("public", True), Eq("public", True)),
        (Eq("created_at", datetime(2024, 1, 1)), Eq("created_at", Y2024)),
        (Eq("created_at", datetime(2024, 1, 1, 8, tzinfo=timezone(timedelta(hours=8)))), Eq("created_at", Y2024)),
        (Eq("created_at", "2024-01-01"), Eq("created_at", Y2024)),
        (Eq("created_at", "2024-01-01T00:00:00.000001Z"), Eq("created_at", Y2024 + 1)),
        (Eq("created_at", datetime(1969, 12, 31, tzinfo=UTC)), Eq("created_at", -DAY)),
        (In("price", (1, 1.0, -0.0, 0, 2)), In("price", (1.0, 0.0, 2.0))),
        (In("category", ()), In("category", ())),
        (In("created_at", ("2024-01-01", datetime(2024, 1, 1))), In("created_at", (Y2024,))),
        (Range("price", gt=1), Range("price", gt=1.0)),
        (Range("price", gt=1, ge=1, lt=5, le=5), Range("price", gt=1.0, lt=5.0)),
        (Range("price", gt=1, ge=2, lt=5, le=4), Range("price", ge=2.0, le=4.0)),
        (Range("category", ge="a", lt="b"), Range("category", ge="a", lt="b")),
        (Range("created_at", ge="2024-01-01"), Range("created_at", ge=Y2024)),
        (Contains("tags", "ramen"), Contains("tags", "ramen")),
        (ContainsAny("tags", ("b", "a", "b")), ContainsAny("tags", ("b", "a"))),
        (Exists("tags"), Exists("tags")),
        (And((Or(()), Not(Eq("price", 1)))), And((Or(()), Not(Eq("price", 1.0))))),
    ],
)
def test_literals_take_the_form_that_is_stored(filter, bound):
    assert bind(filter, SCHEMA) == bound
    assert repr(bind(filter, SCHEMA)) == repr(bound)


@pytest.mark.parametrize(
    ("filter", "message"),
    [
        (
            Eq("categroy", "x"),
            r"no attribute 'categroy'. Did you mean category\? .*category \(text\), price \(number\)",
        ),
        (Eq("Category", "x"), r"Did you mean category\?"),
        (Exists("zzz"), r"no attribute 'zzz'. This index can be filtered by .*tags \(texts\)"),
        (Eq(3, "x"), "no attribute 3"),
        (Eq("x" * 1000, "x"), r"no attribute 'x+\.\.\.x+'"),
        (Eq("category", 1), "category is text: got 1, expected a string"),
        (Eq("category", None), "got NoneType None, expected a string"),
        (Eq("category", "\ud800"), "surrogate"),
        (Eq("category", "a" * 9999 + "\ud800"), r"got 'a+\.\.\.a+.*surrogate"),
        (Eq("price", "1"), "price is a number: got '1', expected a number without quotes"),
        (Eq("price", True), "got True, expected a number"),
        (Eq("price", math.nan), "got nan, expected a finite number"),
        (Eq("price", -math.inf), "got -inf, expected a finite number"),
        (Eq("price", 10**400), "expected a finite number"),
        (Eq("price", 10**10_000), "expected a finite number"),
        (Eq("price", datetime(2024, 1, 1)), "price is a number: got datetime"),
        (Eq("public", 1), "public is a bool: got 1, expected true or false"),
        (Eq("public", "true"), "got 'true', expected true or false"),
        (Eq("created_at", "soon"), "created_at is a time: got 'soon', expected a datetime or ISO 8601"),
        (Eq("created_at", 2024), "got 2024, expected a datetime or ISO 8601"),
        (Eq("created_at", date(2024, 1, 1)), "got date"),
        (Eq("tags", "x"), r'tags is a list of texts, to which = does not apply.*Write tags has "…"'),
        (In("tags", ("x",)), "to which in does not apply; expected has, has any and exists"),
        (Range("tags", ge="x"), "to which < <= > >= does not apply"),
        (Contains("category", "x"), "category is text, to which has does not apply; expected = != in"),
        (ContainsAny("price", ("x",)), "price is a number, to which has any does not apply"),
        (Range("public", ge=True), "public is a bool, to which < <= > >= does not apply; expected = != in, not in and"),
        (Contains("tags", 1), "got 1, expected a string"),
        (ContainsAny("tags", ("a", "\udfff")), "surrogate"),
        (ContainsAny("tags", "ramen"), "the values for tags are str, expected a tuple"),
        (In("category", ["a"]), "the values for category are list, expected a tuple"),
        (In("category", "food"), "are str, expected a tuple"),
        (In("price", (1, "2")), "got '2', expected a number"),
        (Range("price"), "the Range over price has no bound"),
        (Range("price", ge=1, lt="5"), "got '5', expected a number"),
        ('category = "food"', r"got str, expected a node.*parse_filter\(\)"),
        (None, "got NoneType, expected a node"),
        (And([Exists("tags")]), "the parts of And are list, expected a tuple"),
        (Or(Exists("tags")), "the parts of Or are Exists, expected a tuple"),
        (And((Exists("tags"), "x")), "got str, expected a node"),
        (Not(None), "got NoneType, expected a node"),
    ],
)
def test_what_does_not_fit_is_refused_with_what_would(filter, message):
    with pytest.raises(InvalidFilter, match=message) as caught:
        bind(filter, SCHEMA)
    assert len(str(caught.value)) < 400


def test_without_attributes_the_mend_is_to_declare_some():
    with pytest.raises(InvalidFilter, match="Declare attributes when the index is created"):
        bind(Exists("category"), IndexSchema())
    assert bind(And(()), IndexSchema()) == And(())


def nested(depth, wrap):
    filter = Exists("tags")
    for _ in range(depth):
        filter = wrap(filter)
    return filter


WRAPS = {
    "not": Not,
    "and": lambda part: And((part,)),
    "wide": lambda part: Or((Exists("price"), And((part, Exists("public"))))),
    "shared": lambda part: And((part, part)),
}


@pytest.mark.parametrize("wrap", WRAPS)
def test_no_tree_is_too_deep_or_too_large_to_be_refused(wrap):
    with pytest.raises(InvalidFilter, match="more than 250 levels or 10,000 nodes"):
        bind(nested(100_000, WRAPS[wrap]), SCHEMA)


def test_trees_up_to_the_limits_are_bound_and_compiled():
    rows = [{"tags": ("a",)}, {"price": 1.0}]
    for depth, wrap in [(249, "not"), (249, "and"), (124, "wide"), (12, "shared")]:
        bound = bind(nested(depth, WRAPS[wrap]), SCHEMA)
        assert mask(bound, rows).tolist() == {"not": [False, True], "wide": [False, True]}.get(wrap, [True, False])
        assert "field" in condition(bound, SCHEMA).text
    with pytest.raises(InvalidFilter, match="250 levels"):
        bind(nested(250, Not), SCHEMA)
    bind(Or(tuple(Eq("price", price) for price in range(9_999))), SCHEMA)
    with pytest.raises(InvalidFilter, match="10,000 nodes"):
        bind(Or(tuple(Eq("price", price) for price in range(10_000))), SCHEMA)


def test_every_text_that_is_read_is_shallow_enough_to_bind():
    text = 'category != "x"'
    for _ in range(100):
        text = f"(price = 1 or public = true and {text})"
    bound = bind(parse_filter(text), SCHEMA)
    assert mask(bound, [{"public": True, "category": "y"}, {"public": True}]).tolist() == [True, False]
