"""The NumPy oracle on tables that can be read at a glance."""

from __future__ import annotations

import numpy as np
import pytest

from index.errors import InvalidFilter
from index.filters.arrays import mask
from index.filters.tree import And, Contains, ContainsAny, Eq, Exists, In, Not, Or, Range

ROWS = [
    {"name": "a", "price": 1.0, "at": 10, "ok": True, "tags": ("x", "y")},
    {"name": "b", "price": 2.0, "at": 20, "ok": False, "tags": ("y",)},
    {"name": "a\0", "price": 0.5, "at": -5},
    {},
]


@pytest.mark.parametrize(
    ("bound", "expected"),
    [
        (Eq("name", "a"), "1000"),
        (Eq("name", "a\0"), "0010"),
        (Not(Eq("name", "a")), "0111"),
        (And((Exists("name"), Not(Eq("name", "a")))), "0110"),
        (In("name", ("a", "b", "c")), "1100"),
        (In("name", ()), "0000"),
        (Range("name", gt="a"), "0110"),
        (Range("name", ge="a", lt="b"), "1010"),
        (Range("name", lt="a\0"), "1000"),
        (Eq("price", 2.0), "0100"),
        (Range("price", le=1.0), "1010"),
        (Range("at", gt=-5, lt=20), "1000"),
        (In("at", (20, -5)), "0110"),
        (Eq("ok", False), "0100"),
        (In("ok", (True, False)), "1100"),
        (Contains("tags", "y"), "1100"),
        (Contains("tags", "x"), "1000"),
        (ContainsAny("tags", ("x", "z")), "1000"),
        (ContainsAny("tags", ()), "0000"),
        (Exists("tags"), "1100"),
        (Exists("nowhere"), "0000"),
        (Eq("nowhere", 1.0), "0000"),
        (Range("nowhere", lt="a"), "0000"),
        (And(()), "1111"),
        (Or(()), "0000"),
        (Not(Or(())), "1111"),
        (Or((Eq("name", "b"), Contains("tags", "x"))), "1100"),
    ],
)
def test_which_rows(bound, expected):
    found = mask(bound, ROWS)
    assert found.dtype == np.bool_
    assert "".join(map(str, found.astype(int))) == expected
    assert mask(bound, []).shape == (0,)


def test_what_was_not_bound_is_refused():
    with pytest.raises(InvalidFilter, match=r"Pass it through bind\(\)"):
        mask("name", ROWS)
