"""The SQL: exact for lists of any length, within SQLite's limits for any tree, and on the primary key."""

from __future__ import annotations

import math
import random
import struct

import pytest

from index.errors import InvalidFilter
from index.filters.bind import bind
from index.filters.sql import condition, leaf_keys
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


def selected(tables, filter):
    sql = condition(bind(filter, SCHEMA), SCHEMA)
    assert sql.text.count("?") == len(sql.parameters) <= 32_766
    return tables.keys(f"SELECT key FROM records WHERE {sql.text}", sql.parameters)


@pytest.mark.parametrize(
    ("leaf", "kept"),
    [
        (Eq("category", "food"), "(field=? AND value=?)"),
        (Eq("price", 3), "(field=? AND value=?)"),
        (Eq("created_at", "2024-01-01"), "(field=? AND value=?)"),
        (Eq("public", True), "(field=? AND value=?)"),
        (Contains("tags", "ramen"), "(field=? AND value=?)"),
        (In("category", ("a", "b")), "(field=? AND value=?)"),
        (In("category", tuple(map(str, range(99)))), "(field=? AND value=?)"),
        (In("price", tuple(range(99))), "(field=? AND value=?)"),
        (In("created_at", tuple(f"20{year}-01-01" for year in range(10, 99))), "(field=? AND value=?)"),
        (ContainsAny("tags", tuple(map(str, range(99)))), "(field=? AND value=?)"),
        (Range("price", gt=1), "(field=? AND value>?)"),
        (Range("created_at", ge="2024-01-01", lt="2025-01-01"), "(field=? AND value>? AND value<?)"),
        (Exists("category"), "(field=?)"),
    ],
)
def test_a_leaf_is_a_range_of_the_primary_key(tables, leaf, kept):
    sql = leaf_keys(bind(leaf, SCHEMA), SCHEMA)
    plan = tables.plan(sql.text, sql.parameters)
    assert plan[0] == f"SEARCH attributes USING PRIMARY KEY {kept}"
    assert not any("SCAN attributes" in step for step in plan)
    inside = condition(And((bind(leaf, SCHEMA), bind(Exists("price"), SCHEMA))), SCHEMA)
    plan = tables.plan(f"SELECT key FROM records WHERE {inside.text}", inside.parameters)
    assert f"SEARCH attributes USING PRIMARY KEY {kept}" in plan
    assert "SEARCH records USING INTEGER PRIMARY KEY (rowid=?)" in plan


def test_no_value_stands_in_the_text(cases):
    for text in cases.nasty:
        many = tuple(f"{text}{number}" for number in range(40))
        filter = bind(And((Eq("category", text), In("category", many), ContainsAny("tags", (text,)))), SCHEMA)
        plain = And(
            (Eq("category", "v"), In("category", tuple(f"v{i}" for i in range(40))), ContainsAny("tags", ("v",)))
        )
        assert condition(filter, SCHEMA).text == condition(bind(plain, SCHEMA), SCHEMA).text


def test_lists_of_a_hundred_thousand_values(tables, cases):
    texts = [f"{text}{number}" for number in range(1500) for text in cases.nasty if len(text) < 50]
    numbers = [number / 7 for number in range(100_000)]
    rows = [{"category": text, "price": float(place), "tags": (text, "x")} for place, text in enumerate(texts[:200])]
    rows += [{"category": text + "!", "price": numbers[place]} for place, text in enumerate(texts[:200])]
    tables.fill(SCHEMA, rows)
    assert len(texts) >= 90_000
    assert selected(tables, In("category", tuple(texts))) == list(range(200))
    assert selected(tables, ContainsAny("tags", tuple(texts))) == list(range(200))
    assert selected(tables, Not(In("category", tuple(texts)))) == list(range(200, 400))
    assert selected(tables, In("price", tuple(numbers))) == [*range(200), *range(200, 400)]
    assert selected(tables, In("price", tuple(number + 1e-9 for number in numbers))) == []


def test_a_list_of_numbers_is_exact_to_the_last_bit(tables):
    """Every number finds itself and no neighbour: random bit patterns of float64, subnormal ones and the ends too."""
    rng = random.Random(5)
    patterns = [rng.getrandbits(64) for _ in range(5000)] + [
        rng.getrandbits(52) | rng.getrandbits(1) << 63 for _ in range(500)
    ]
    numbers = [struct.unpack("<d", struct.pack("<Q", pattern))[0] for pattern in patterns]
    numbers = [number for number in numbers if math.isfinite(number)]
    numbers += [0.0, 5e-324, -5e-324, 2.2250738585072014e-308, 1.7976931348623157e308, 0.1, 1 / 3, 2.0**53, 1e22, 1e23]
    numbers = list(dict.fromkeys(numbers))
    beside = {math.nextafter(number, math.inf) for number in numbers} - {math.inf, *numbers}
    tables.fill(SCHEMA, [{"price": number} for number in [*numbers, *beside]])
    assert selected(tables, In("price", tuple(numbers))) == list(range(len(numbers)))


def test_a_list_of_texts_is_exact_to_the_last_byte(tables, cases):
    texts = sorted({text + end for text in cases.nasty for end in ("", "\0", "a", " ")})
    rng = random.Random(6)
    asked = rng.sample(texts, len(texts) // 2)
    tables.fill(SCHEMA, [{"category": text} for text in texts])
    assert selected(tables, In("category", tuple(asked))) == sorted(texts.index(text) for text in asked)


@pytest.mark.parametrize("values", [(), ("",), ("a", ""), ("", "a"), ("\0",), ("\0", "")])
def test_short_lists_of_texts(tables, values):
    texts = ["", "a", "\0", "b", "."]
    tables.fill(SCHEMA, [{"category": text, "tags": (text, "z")} for text in texts])
    expected = [key for key, text in enumerate(texts) if text in values]
    assert selected(tables, In("category", values)) == selected(tables, ContainsAny("tags", values)) == expected
    assert selected(tables, Not(In("category", values))) == [key for key in range(5) if key not in expected]
    assert selected(tables, In("price", ())) == selected(tables, In("public", ())) == []


def test_times_and_bools_in_lists(tables):
    rows = [{"created_at": -(10**17) + number, "public": number % 2 == 0} for number in range(40)]
    tables.fill(SCHEMA, rows)
    bound = In("created_at", tuple(-(10**17) + number for number in range(0, 80, 2)))
    sql = leaf_keys(bound, SCHEMA)
    assert tables.keys(sql.text, sql.parameters) == list(range(0, 40, 2))
    assert selected(tables, In("public", (True,))) == list(range(0, 40, 2))


def alternating(depth, wide=1):
    """And and Or in turn; price ≥ depth decides at each level, so every level matters."""
    filter = Eq("category", "core")
    for level in range(depth):
        leaves = tuple(Eq("price", level + 1000 * place) for place in range(wide))
        filter = And((Not(Or(leaves)), filter)) if level % 2 else Or((*leaves, Not(Not(filter))))
    return filter


def meaning(depth, wide, price, is_core):
    held = is_core
    for level in range(depth):
        hit = price % 1000 == level and price // 1000 < wide
        held = (not hit and held) if level % 2 else (hit or held)
    return held


@pytest.mark.parametrize(("depth", "wide"), [(1, 1), (9, 1), (10, 1), (11, 1), (12, 2), (40, 3), (80, 1), (80, 100)])
def test_deep_trees_stay_within_what_sqlite_parses(tables, depth, wide):
    rows = [
        {"price": float(price), "category": "core" if is_core else "rind"}
        for price in [*range(0, 100, 3), *range(1000, 1100, 3), *range(99_000, 99_100, 3)]
        for is_core in (True, False)
    ]
    tables.fill(SCHEMA, rows)
    expected = [
        key for key, row in enumerate(rows) if meaning(depth, wide, int(row["price"]), row["category"] == "core")
    ]
    assert 0 < len(expected) < len(rows)
    assert selected(tables, alternating(depth, wide)) == expected


def test_a_tree_of_ten_thousand_nodes(tables):
    tables.fill(SCHEMA, [{"price": float(price), "category": "a"} for price in range(0, 20_000, 1000)])
    wide = Or(tuple(Range("price", ge=price, le=price) for price in range(9_000)))
    assert selected(tables, Not(wide)) == list(range(9, 20))

    def bushy(levels, first):
        if not levels:
            return Range("price", ge=first, lt=first + 1)
        half = 2 ** (levels - 1)
        return (And if levels % 2 else Or)((Not(bushy(levels - 1, first)), bushy(levels - 1, first + half)))

    def holds(levels, first, price):
        if not levels:
            return first <= price < first + 1
        half = 2 ** (levels - 1)
        both = (not holds(levels - 1, first, price), holds(levels - 1, first + half, price))
        return all(both) if levels % 2 else any(both)

    for levels in (5, 11):
        expected = [key for key in range(20) if holds(levels, 0, key * 1000)]
        assert selected(tables, bushy(levels, 0)) == expected


def test_more_parameters_than_sqlite_takes_are_refused():
    spread = tuple(2.0**exponent for exponent in range(-1074, 1024, 62))
    many = Or(tuple(In("price", (*spread, float(place))) for place in range(1000)))
    with pytest.raises(InvalidFilter, match=r"takes \d+,\d+ parameters of SQL, at most 32,766"):
        condition(bind(many, SCHEMA), SCHEMA)


def test_the_text_stands_beside_other_conditions(tables):
    tables.fill(SCHEMA, [{"category": name} for name in "abab"])
    sql = condition(bind(Or((Eq("category", "a"), Eq("category", "b"))), SCHEMA), SCHEMA)
    assert tables.keys(f"SELECT key FROM records WHERE {sql.text} AND key < ?", (*sql.parameters, 2)) == [0, 1]
    assert tables.keys(f"SELECT key FROM records WHERE NOT {sql.text}", sql.parameters) == []
    nothing, everything = condition(Or(()), SCHEMA), condition(And(()), SCHEMA)
    assert tables.keys(f"SELECT key FROM records WHERE {everything.text} AND NOT {nothing.text}", ()) == [0, 1, 2, 3]


@pytest.mark.parametrize("filter", [Eq("nowhere", 1.0), None, "category", Not(None)])
def test_what_was_not_bound_is_refused(filter):
    with pytest.raises(InvalidFilter, match=r"Pass it through bind\(\) first"):
        condition(filter, SCHEMA)


def test_only_the_position_of_the_field_is_written_out():
    sql = leaf_keys(bind(Eq("public", True), SCHEMA), SCHEMA)
    assert (sql.text, sql.parameters) == ("SELECT key FROM attributes WHERE field = 3 AND value = ?", (True,))
