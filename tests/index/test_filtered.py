"""Filters over every back-end: each node, before and after writes, in search, scan and count."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import numpy as np
import pytest

from index import (
    And,
    Contains,
    ContainsAny,
    Eq,
    Exists,
    In,
    InvalidFilter,
    Not,
    Or,
    Range,
    parse_filter,
)

DIM = 16
N = 200
FILTERS = {
    "text": Eq("category", "food"),
    "text quoted": Eq("category", 'quo"te'),
    "text with NUL": Eq("category", "nul\x00"),
    "empty text": Eq("category", ""),
    "text nowhere": Eq("category", "nowhere"),
    "number": Eq("price", 4),
    "time": Range("created_at", ge=datetime(2016, 1, 1), lt=datetime(2022, 5, 1, tzinfo=UTC)),
    "time as text": Range("created_at", gt="2019-06-01"),
    "bool": Eq("pinned", True),
    "in": In("category", ("food", "美食", "nowhere")),
    "in numbers": In("price", (1, 1.5, 9)),
    "in nothing": In("category", ()),
    "range of numbers": Range("price", gt=2, le=6.5),
    "range of texts": Range("category", ge="food", lt="trave"),
    "contains": Contains("tags", "🍜"),
    "contains quoted": Contains("tags", "a'b"),
    "contains any": ContainsAny("tags", ("ramen", "上海")),
    "contains any of nothing": ContainsAny("tags", ()),
    "exists": Exists("category"),
    "exists texts": Exists("tags"),
    "and": And((Eq("pinned", False), Range("price", lt=5))),
    "and of nothing": And(()),
    "or": Or((Eq("category", "food"), Contains("tags", "tokyo"))),
    "or of nothing": Or(()),
    "not": Not(Eq("category", "food")),
    "not not": Not(Not(Exists("price"))),
    "all together": And(
        (
            Or((Contains("tags", "ramen"), Not(Exists("tags")), In("category", ("travel",)))),
            Not(And((Eq("pinned", True), Range("price", ge=5)))),
            Range("created_at", ge=datetime(2012, 1, 1)),
        )
    ),
}


@pytest.fixture
def filled(pair, notes):
    both = pair(DIM)
    both.upsert(notes(range(150), DIM))
    both.fold()
    both.upsert(notes(range(150, N), DIM))
    both.delete(f"n{i:03d}" for i in range(0, N, 9))
    return both


def check_all(both, unit, seed) -> Iterator[int]:
    """Every filter in every call; yields how many records each matches.

    Where calls are slow, only seed 1 takes all filters, the others a sixth each.
    """
    queries = unit(4, DIM, seed)
    part = slice(seed, None, 6) if both.backend.slow and seed > 1 else slice(None)
    for where in list(FILTERS.values())[part]:
        for k in (5, 1000) if both.backend.slow else (1, 5, 40, 1000):
            both.check(queries, k, where)
        yield len(both.check_rows(where))


def test_every_filter_in_every_call(filled, unit):
    matching = list(check_all(filled, unit, 1))
    assert sum(0 < count < filled.index.count() for count in matching) > 20  # or the test would prove nothing


def test_filters_keep_step_with_writes(filled, notes, unit):
    """Filters that were asked before are remembered: replaced, removed and new records must show in them."""
    for _ in check_all(filled, unit, 2):
        pass
    rng = np.random.default_rng(3)
    for seed in (2, 3):
        filled.upsert(notes(rng.integers(0, N + 50, 60).tolist(), DIM, seed))
        filled.delete(f"n{i:03d}" for i in rng.integers(0, N, 30))
        for _ in check_all(filled, unit, seed):
            pass
        filled.index.snapshot()
    filled.index.compact()
    for _ in check_all(filled, unit, 4):
        pass
    filled.reopen()
    for _ in check_all(filled, unit, 5):
        pass


def test_a_record_that_changes_sides(filled, unit, record):
    """The same id in and out of the filter's rows, in the base, upon it, and folded again."""
    where = Eq("category", "ours")
    vector = unit(1, DIM, 6)
    for round_, category in enumerate(["ours", "theirs", "ours", None, "ours"]):
        payload = {} if category is None else {"category": category}
        filled.upsert([record("n001", vector[0], payload)])
        for _ in range(2):
            assert filled.check(vector, 3, where).ids == [["n001"] if category == "ours" else []]
            assert filled.check_rows(where) == (["n001"] if category == "ours" else [])
            filled.check(vector, 3, Not(where))
            if round_ % 2:
                filled.fold()
    filled.delete(["n001"])
    assert filled.check(vector, 3, where).ids == [[]]


def test_more_filters_than_are_remembered(filled, notes, unit):
    queries = unit(2, DIM, 7)
    many = [Range("price", ge=i / 8, lt=i / 8 + 3) for i in range(0, 80, 9 if filled.backend.slow else 1)]
    for where in (*many, *many[:5]):
        filled.check(queries, 6, where)
    filled.upsert(notes(range(10, 60), DIM, 4))
    for where in many[::-9]:
        filled.check(queries, 6, where)


def test_ties_under_a_filter_go_by_id(pair, unit, record):
    both = pair(DIM)
    same = unit(1, DIM, 8)[0]
    rows = [record(f"t{i:02d}", same, {"pinned": i % 3 == 0}) for i in range(60)]
    both.upsert(rows[::2])
    both.fold()
    both.upsert(rows[1::2])
    for k in (1, 4, 19, 20, 21):
        found = both.check(same[None], k, Eq("pinned", True))
        assert found.ids[0] == [f"t{i:02d}" for i in range(0, 60, 3)][:k]


def test_a_written_filter_is_the_same_filter(filled, unit):
    where = parse_filter('category = "food" and price >= 2 and not tags has "ramen"')
    tree = And((Eq("category", "food"), Range("price", ge=2), Not(Contains("tags", "ramen"))))
    found = filled.check(unit(3, DIM, 9), 20, where)
    assert found.ids == filled.index.search(unit(3, DIM, 9), 20, tree).ids
    assert filled.index.count(where) == filled.oracle.count(tree) > 0


@pytest.mark.parametrize(
    ("where", "message"),
    [
        (Eq("colour", "red"), "colour.*category"),
        (Eq("pinned", "yes"), "pinned"),
        (Eq("price", "4"), "price"),
        (Contains("category", "food"), "category"),
        (Range("pinned", ge=False), "pinned"),
        (Range("price"), "price"),
        (Eq("created_at", "soon"), "created_at"),
        (Not(And((Exists("category"), Exists("nothing")))), "nothing"),
    ],
)
def test_a_filter_that_does_not_fit_is_refused_everywhere(implementation, notes, unit, where, message):
    index = implementation.create(DIM)
    index.upsert(notes(range(3), DIM))
    query = unit(1, DIM, 1)
    calls = (
        lambda: index.search(query, 1, where),
        lambda: index.keyword("noodle", 1, where),
        lambda: index.count(where),
        lambda: list(index.scan(where=where)),
    )
    for call in calls:
        with pytest.raises(InvalidFilter, match=message):
            call()
    assert index.count() == 3
