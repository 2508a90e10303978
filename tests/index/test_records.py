"""What is kept, in which order it comes back, and what is refused with nothing stored."""

from __future__ import annotations

import numpy as np
import pytest

from index import IndexClosed, InvalidQuery, InvalidRecord, Record

DIM = 8
UNICODE_IDS = [
    *("plain", "with space", " ", "quote'\"`;--", "%_[]*?", "上海美食探店", "مرحبا بالعالم", "👩‍👩‍👧‍👦🏳️‍🌈"),
    *("nul\x00inside", "nul\x00other", "\x00", "line\nbreak\t\r", "\u202eright-to-left", "\U0010ffff", "CASE", "case"),
    *("e\u0301", "\u00e9"),  # they look alike, and are two
    *("\ufffe", "\ufeff", "\u2028", "0", "-1", "NULL", "x" * 500, "长" * 500, "y" * 5000),
]


def test_ids_of_any_unicode(backend, unit, record):
    index = backend.create(DIM)
    vectors = unit(len(UNICODE_IDS), DIM, 1)
    rows = [record(name, v, {"own": name}) for name, v in zip(UNICODE_IDS, vectors, strict=True)]
    index.upsert(rows[:14])
    backend.fold(index)
    index.upsert(rows[14:])
    index = backend.reopen(index)
    assert [row.id for row in index.scan()] == UNICODE_IDS
    assert [row.payload["own"] for row in index.get(UNICODE_IDS)] == UNICODE_IDS
    assert [ids[0] for ids in index.search(vectors, 1).ids] == UNICODE_IDS
    assert index.delete(["nul\x00inside", "nul", "case", "\ud800"]) == 2
    left = [name for name in UNICODE_IDS if name not in ("nul\x00inside", "case")]
    assert [row.id for row in index.scan()] == left
    index.compact()
    assert sorted(index.search(vectors[:1], 99).ids[0]) == sorted(left)


def test_payloads_come_back_as_they_went_in(implementation, unit, record):
    payloads = [
        {},
        {"": ""},
        {"nul": "a\x00b\x00", "emoji": "🍜", "rtl": "שלום", "quote": "'\";--", "cjk": "探店"},
        {"deep": {"list": [1, -2.5, 1e300, True, False, None, [], {}]}, "big": 2**80, "tiny": 5e-324},
        {"k" * 1000: "v"},
        {"category": ["not", "a text"], "tags": "not a list", "created_at": "soon", "pinned": 1, "shop": None},
    ]
    index = implementation.create(DIM)
    index.upsert(
        record(f"{i}", v, payload, "探店\x00hash")
        for i, (v, payload) in enumerate(zip(unit(len(payloads), DIM, 2), payloads, strict=True))
    )
    index = implementation.reopen(index)
    assert [row.payload for row in index.scan()] == payloads
    assert {row.content_hash for row in index.get("0123")} == {"探店\x00hash"}


def test_a_payload_of_100_000_characters(pair, unit, record):
    both = pair(DIM)
    words = " ".join(f"word{i}" for i in range(15_000))[:100_000]
    a, b = unit(2, DIM, 2)
    both.upsert([record("a", a, {"body": "长" * 100_000, "category": "c" * 100_000}), record("b", b, {"body": words})])
    both.fold()
    both.reopen()
    assert both.check_rows() == ["a", "b"]
    assert len(both.index.get(["a"])[0].payload["body"]) == 100_000
    if both.index.capabilities.lexical:
        assert both.index.keyword("word7", 5).ids == [["b"]]


def test_what_the_caller_changes_afterwards_changes_nothing(backend, unit, record):
    index = backend.create(DIM)
    vector, payload = unit(1, DIM, 3)[0], {"tags": ["a"]}
    before = vector.copy()
    index.upsert([record("a", vector, payload)])
    vector[:] = 0
    payload["tags"].append("b")
    kept = index.get(["a"])[0]
    kept.payload["tags"].append("c")
    kept.vector[:] = 0
    again = index.get(["a"])[0]
    assert again.payload == {"tags": ["a"]}
    np.testing.assert_array_equal(again.vector, before)
    found = index.search(before[None], 1)
    found.scores[0][:] = 7
    found.ids[0].clear()
    assert index.search(before[None], 1).ids == [["a"]]


def test_vectors_come_back_bit_for_bit_or_empty(implementation, unit, record):
    index = implementation.create(DIM)
    vectors = unit(5, DIM, 4)
    index.upsert(record(f"{i}", v, {"i": i}) for i, v in enumerate(vectors))
    for row in (*index.get(["3"]), list(index.scan())[3]):
        assert row.vector.dtype == np.float32
        np.testing.assert_array_equal(row.vector, vectors[3])
    for row in (*index.get(["3"], with_vectors=False), list(index.scan(with_vectors=False))[3]):
        assert row.vector.shape == (0,)
        assert row.payload == {"i": 3}
        with pytest.raises(InvalidRecord, match=r"shape \[0\]"):
            index.upsert([row])


def test_get_keeps_the_order_asked(implementation, unit, record):
    index = implementation.create(DIM)
    index.upsert(record(name, v) for name, v in zip("abcde", unit(5, DIM, 5), strict=True))
    found = index.get(["d", "nope", "a", "d", "", "\ud800", "e"])
    assert [row and row.id for row in found] == ["d", None, "a", "d", None, None, "e"]


def test_scan_is_complete_and_in_insertion_order(backend, unit, record):
    index = backend.create(DIM)
    vectors = unit(50, DIM, 6)
    index.upsert(record(f"n{i}", vectors[i]) for i in range(30))
    backend.fold(index)
    index.upsert(record(f"n{i}", vectors[i]) for i in range(29, 50))
    index.upsert([record("n3", vectors[3])])  # replaced: moves to the end
    index.delete(["n7"])
    expected = [f"n{i}" for i in range(50) if i not in (3, 7)] + ["n3"]
    for batch_size in (1, 7, 1024):
        assert [row.id for row in index.scan(batch_size)] == expected
    assert [row.id for row in backend.reopen(index).scan()] == expected


def test_scan_sees_one_moment(implementation, unit, record):
    index = implementation.create(DIM)
    vectors = unit(20, DIM, 7)
    index.upsert(record(f"n{i:02d}", vectors[i], {"v": 1}) for i in range(10))
    rows = index.scan(batch_size=2)
    first = next(rows)
    index.delete(["n05"])
    index.upsert(record(f"n{i:02d}", vectors[i], {"v": 2}) for i in range(8, 20))
    index.compact()
    seen = [first, *rows]
    assert [row.id for row in seen] == [f"n{i:02d}" for i in range(10)]
    assert {row.payload["v"] for row in seen} == {1}
    assert index.count() == 19


def test_a_scan_refuses_an_empty_batch(implementation):
    index = implementation.create(DIM)
    with pytest.raises(InvalidQuery, match="batch_size is 0"):
        index.scan(batch_size=0)


def good(dim: int = DIM) -> np.ndarray:
    return np.eye(dim, dtype=np.float32)[0]


CYCLE: dict = {}
CYCLE["self"] = CYCLE
DEEP: dict = {}
for _ in range(100_000):
    DEEP = {"d": DEEP}
BAD = {
    "long": (Record("bad", good(DIM + 1), {}, ""), r"shape \[9\], expected \[8\]"),
    "short": (Record("bad", good(DIM - 1), {}, ""), r"shape \[7\]"),
    "empty": (Record("bad", np.empty(0, np.float32), {}, ""), r"shape \[0\]"),
    "matrix": (Record("bad", good()[None], {}, ""), r"shape \[1, 8\]"),
    "text": (Record("bad", np.array(["a"] * DIM), {}, ""), "no array of numbers"),
    "nan": (Record("bad", good() * np.float32("nan"), {}, ""), "NaN or Inf"),
    "one nan": (Record("bad", np.array([1, *[0] * (DIM - 2), np.nan], np.float32), {}, ""), "NaN or Inf"),
    "inf": (Record("bad", np.where(good() > 0, np.inf, 0).astype(np.float32), {}, ""), "NaN or Inf"),
    "zero": (Record("bad", good() * 0, {}, ""), "norm is 0"),
    "double": (Record("bad", good() * 2, {}, ""), "norm is 2, expected 1"),
    "just off": (Record("bad", good() * np.float32(1.002), {}, ""), "norm is 1.002"),
    "huge": (Record("bad", good() * np.float32(3e38), {}, ""), "norm is 3e"),
    "no id": (Record("", good(), {}, ""), "not empty"),
    "number id": (Record(7, good(), {}, ""), "got 7"),
    "surrogate id": (Record("a\ud83d", good(), {}, ""), "lone surrogate"),
    "surrogate hash": (Record("bad", good(), {}, "\udc00"), "content_hash"),
    "surrogate payload": (Record("bad", good(), {"t": "\ud83d"}, ""), "not JSON"),
    "surrogate key": (Record("bad", good(), {"\ud83d": 1}, ""), "not JSON"),
    "surrogates in pairs": (Record("bad", good(), {"t": "\ud83d\ude00"}, ""), "not JSON"),
    "nan payload": (Record("bad", good(), {"t": float("nan")}, ""), "not JSON"),
    "number key": (Record("bad", good(), {1: "a"}, ""), "not JSON"),
    "tuple": (Record("bad", good(), {"t": (1, 2)}, ""), "not JSON"),
    "bytes": (Record("bad", good(), {"t": b"x"}, ""), "not JSON"),
    "array": (Record("bad", good(), {"t": np.zeros(2)}, ""), "not JSON"),
    "list payload": (Record("bad", good(), [], ""), "not JSON"),
    "no payload": (Record("bad", good(), None, ""), "not JSON"),
    "cycle": (Record("bad", good(), CYCLE, ""), "not JSON"),
    "too deep": (Record("bad", good(), DEEP, ""), "not JSON"),
}


def test_bad_records_are_refused_and_nothing_of_their_call_is_stored(backend, record):
    index = backend.create(DIM)
    index.upsert([record("before", good(), {"v": 1})])
    backend.fold(index)
    for name, (bad, message) in BAD.items():
        with pytest.raises(InvalidRecord, match=message):
            index.upsert([record("new", good()), record("before", good(), {"v": 2}), bad, record("after", good())])
        assert [(row.id, row.payload) for row in index.scan()] == [("before", {"v": 1})], name
    index = backend.reopen(index)
    assert [(row.id, row.payload) for row in index.scan()] == [("before", {"v": 1})]
    assert index.search(good()[None], 5).ids == [["before"]]


def test_a_bad_record_after_thousands_of_good_ones_stores_none(implementation, unit, record):
    index = implementation.create(DIM)
    rows = [record(f"{i}", v) for i, v in enumerate(unit(4200, DIM, 8))]
    for at in (0, 4095, 4096, 4199):
        bad = record(f"{at}", rows[at].vector * np.float32(1.5))
        with pytest.raises(InvalidRecord, match=rf"record '{at}'.*norm is 1\.5"):
            index.upsert([*rows[:at], bad, *rows[at + 1 :]])
        assert index.count() == 0


def test_a_source_that_fails_half_way_stores_nothing(implementation, record):
    index = implementation.create(DIM)

    def source():
        yield record("a", good())
        raise OSError("the disk went away")

    with pytest.raises(OSError, match="went away"):
        index.upsert(source())
    assert (index.count(), index.get(["a"])) == (0, [None])


def test_norms_within_the_tolerance_are_kept(backend, record):
    index = backend.create(DIM)
    index.upsert([record("a", good() * np.float32(1.0009)), record("b", good() * np.float32(0.9991))])
    backend.fold(index)
    found = index.search(good()[None], 2)
    assert found.ids == [["a", "b"]]
    np.testing.assert_allclose(found.scores[0], [1.0009, 0.9991], atol=1e-6)


def test_a_bare_string_is_not_a_list_of_ids(implementation, record):
    index = implementation.create(DIM)
    index.upsert([record("a", good()), record("b", good())])
    with pytest.raises(TypeError, match="Wrap it in a list"):
        index.delete("ab")
    assert index.count() == 2


def test_empty_writes_change_nothing(backend, record):
    index = backend.create(DIM)
    index.upsert([record("a", good())])
    backend.fold(index)
    index.upsert([])
    assert index.delete([]) == 0
    assert index.delete(["a", "a"]) == 1
    assert index.delete(["a"]) == 0
    assert index.count() == 0


def test_after_close_every_call_says_so(implementation, record):
    index = implementation.create(DIM)
    index.upsert([record("a", good())])
    index.close()
    index.close()
    for call in (
        index.count,
        index.snapshot,
        index.compact,
        index.info,
        lambda: index.search(good()[None], 1),
        lambda: index.keyword("word", 1),
        lambda: index.get(["a"]),
        lambda: list(index.scan()),
        lambda: index.upsert([record("b", good())]),
        lambda: index.delete(["a"]),
    ):
        with pytest.raises(IndexClosed, match="closed"):
            call()
