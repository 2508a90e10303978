"""The truth by itself: rows, attributes and tombstones in step; numbers that never go back."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import numpy as np
import pytest

from index import Contains, Eq, Exists, Not, Range
from index.checks import checked_rows
from index.errors import CorruptIndex, UnsupportedFormat
from index.filters.bind import bind
from index.schema import Attribute, AttributeType, IndexSchema
from index.store.database import create_database
from index.store.store import Store

DIM = 4
SCHEMA = IndexSchema(
    (
        Attribute("category", AttributeType.TEXT),
        Attribute("tags", AttributeType.TEXTS),
        Attribute("price", AttributeType.NUMBER),
        Attribute("pinned", AttributeType.BOOL),
        Attribute("created_at", AttributeType.TIME),
    )
)


@pytest.fixture
def path(tmp_path):
    create_database(tmp_path / "notes.sqlite")
    return tmp_path / "notes.sqlite"


@pytest.fixture
def store(path):
    store = Store(path, DIM, SCHEMA)
    yield store
    store.close()


@pytest.fixture
def put(store, unit, record):
    """put({id: payload}, seed): store these in one call."""

    def write(payloads, seed=0):
        vectors = unit(len(payloads), DIM, seed)
        records = [record(name, v, payloads[name]) for name, v in zip(payloads, vectors, strict=True)]
        store.upsert(checked_rows(records, DIM, SCHEMA))

    return write


def rows(path, query):
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(query).fetchall()


def test_what_lies_in_the_tables(path, put, store):
    put(
        {
            "a": {"category": "food", "tags": ["x", "y", "x"], "price": 2, "pinned": True},
            "b": {"created_at": "1970-01-02T00:00:00Z", "tags": [], "price": None},
        }
    )
    assert rows(path, "SELECT key, id, length(vector) FROM records") == [(1, "a", 16), (2, "b", 16)]
    found = rows(path, "SELECT field, value, typeof(value), key FROM attributes ORDER BY field, value")
    assert found == [
        (0, "food", "text", 1),
        (1, "x", "text", 1),
        (1, "y", "text", 1),
        (2, 2.0, "real", 1),
        (3, 1, "integer", 1),
        (4, 86_400_000_000, "integer", 2),
    ]
    assert (store.sequence(), store.pruned(), store.count()) == (2, 0, 2)


def test_numbers_count_inserts_and_removals_and_never_go_back(put, store):
    put({"a": {}, "b": {}, "c": {}})
    assert store.sequence() == 3
    put({"b": {}, "d": {}})  # b's removal is 4, the inserts 5 and 6
    assert store.sequence() == 6
    assert store.removed_after(3).tolist() == [2]
    assert store.removed_after(4).tolist() == []
    assert store.delete(["a", "nobody", "a", "\ud800"]) == 1
    assert store.sequence() == 7
    assert store.removed_after(3).tolist() == [2, 1]
    assert store.removed_after(6).tolist() == [1]
    assert store.delete(["a"]) == 0
    assert store.sequence() == 7
    store.prune(7)
    assert (store.sequence(), store.pruned()) == (7, 7)
    store.prune(3)
    assert store.pruned() == 7
    put({"a": {}})
    assert store.sequence() == 8
    added = [
        (key, name) for batch in store.added_after(0) for key, name in zip(batch.keys.tolist(), batch.ids, strict=True)
    ]
    assert added == [(3, "c"), (5, "b"), (6, "d"), (8, "a")]


def test_a_removal_after_a_number_names_only_rows_that_were_there(put, store):
    """Whoever read up to 2 never saw the row of key 3, so need not be told that it went."""
    put({"a": {}, "b": {}})
    put({"c": {}})
    store.delete(["c", "a"])
    assert store.removed_after(2).tolist() == [1]
    assert sorted(store.removed_after(3).tolist()) == [1, 3]


def count(store, where):
    return store.count(bind(where, SCHEMA))


def test_attributes_of_replaced_and_removed_records_do_not_count(path, put, store):
    put({f"n{i}": {"category": "food", "tags": ["x"], "price": i} for i in range(10)})
    assert [count(store, where) for where in (Eq("category", "food"), Contains("tags", "x"))] == [10, 10]
    put({f"n{i}": {"category": "travel"} for i in range(4)})
    store.delete(["n4", "n5"])
    for _ in range(2):  # before the pruning, and after it
        assert count(store, Eq("category", "food")) == 4
        assert count(store, Eq("category", "travel")) == 4
        assert count(store, Contains("tags", "x")) == 4
        assert count(store, Not(Exists("price"))) == 4
        assert count(store, Range("price", lt=8)) == 2
        assert [row.id for row in store.scan(3, False, bind(Eq("category", "food"), SCHEMA))] == [
            "n6",
            "n7",
            "n8",
            "n9",
        ]
        store.prune(store.sequence())
    left = rows(path, "SELECT DISTINCT key FROM attributes EXCEPT SELECT key FROM records")
    assert left == []
    assert rows(path, "SELECT COUNT(*) FROM tombstones") == [(0,)]
    assert rows(path, "SELECT COUNT(*) FROM attributes") == [(4 * 3 + 4,)]


def test_pruning_part_of_the_way_keeps_the_later_removals(put, store):
    put({"a": {}, "b": {}, "c": {}})
    store.delete(["a"])
    store.delete(["b"])
    store.prune(4)
    assert store.removed_after(4).tolist() == [2]
    assert store.pruned() == 4


def test_keys_of_a_leaf(put, store):
    put({f"n{i}": {"price": i, "tags": ["x"] * (i % 2)} for i in range(6)})
    leaf = bind(Range("price", ge=2), SCHEMA)
    assert sorted(store.keys_of(leaf).tolist()) == [3, 4, 5, 6]
    assert sorted(store.keys_of(leaf, after=4).tolist()) == [5, 6]
    assert sorted(store.keys_of(bind(Contains("tags", "x"), SCHEMA)).tolist()) == [2, 4, 6]
    assert store.keys_of(leaf).dtype == np.int64


def test_a_call_that_fails_leaves_nothing(path, put, store, unit, record):
    put({"a": {"category": "food"}})
    good = checked_rows([record("b", unit(1, DIM, 1)[0], {"category": "food"})], DIM, SCHEMA)
    with pytest.raises(CorruptIndex, match="UNIQUE"):
        store.upsert([*good, *good])
    assert (store.sequence(), store.count(), count(store, Exists("category"))) == (1, 1, 1)
    assert rows(path, "SELECT COUNT(*) FROM attributes") == [(1,)]
    put({"b": {}})
    assert [row.id for row in store.scan(10, True)] == ["a", "b"]


def test_a_view_is_of_one_moment_and_may_nest(path, put, store):
    put({"a": {}})
    other = Store(path, DIM, SCHEMA)
    with other.reading():
        assert (other.sequence(), other.count()) == (1, 1)
        put({"b": {}})
        with other.reading():
            assert (other.sequence(), other.count(), other.get(["b"], True)) == (1, 1, [None])
        assert other.count() == 1
    assert (other.sequence(), other.count()) == (2, 2)
    other.close()


def test_batches_are_complete_and_in_order(put, store):
    put({f"n{i:02d}": {"i": i} for i in range(25)})
    store.delete(["n03", "n24"])
    expected = [i for i in range(25) if i not in (3, 24)]
    batches = list(store.added_after(10, batch_size=4))
    assert [len(batch.ids) for batch in batches] == [4, 4, 4, 2]
    assert [name for batch in batches for name in batch.ids] == [f"n{i:02d}" for i in expected if i >= 10]
    texts = [text for batch in store.payloads_after(0, batch_size=7) for _, text in batch]
    assert texts == [f'{{"i":{i}}}' for i in expected]
    assert store.count_up_to(10) == 9
    assert store.ids_of(np.array([2, 4, 99, 1])) == ["n01", None, None, "n00"]
    assert [key for key, _ in store.vectors_by_key(np.array([1, 4, 5]))] == [1, 5]


def pragma(path, statement):
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(statement)
        connection.commit()


@pytest.mark.parametrize(
    ("statement", "error", "message"),
    [
        ("PRAGMA user_version = 99", UnsupportedFormat, "format 99.*Upgrade notelens"),
        ("PRAGMA user_version = 1", UnsupportedFormat, "format 1.*rebuild the index"),
        ("PRAGMA application_id = 5", UnsupportedFormat, "another program"),
    ],
)
def test_formats_that_are_refused(path, statement, error, message):
    pragma(path, statement)
    with pytest.raises(error, match=message):
        Store(path, DIM, SCHEMA)


def test_what_is_no_database_is_refused(path, tmp_path):
    with pytest.raises(CorruptIndex, match="missing"):
        Store(tmp_path / "nothing.sqlite", DIM, SCHEMA)
    path.write_bytes(b"this is no database" * 1000)
    with pytest.raises(CorruptIndex, match="damaged"):
        Store(path, DIM, SCHEMA)


def test_vectors_of_another_length_are_told(path, put):
    put({"a": {}})
    other = Store(path, DIM + 1, SCHEMA)
    with pytest.raises(CorruptIndex, match=r"not of 20 bytes.*another manifest"):
        other.get(["a"], True)
    other.close()
