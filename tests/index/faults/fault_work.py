"""Records, seeded operations and their truth, as both the tests and the processes they kill know them.

Every record follows from its name and its mark alone, so a test that knows which calls were acknowledged knows
each vector, payload and word that must be there.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path

import numpy as np

from index import ExactIndex, FaissConfig, FaissIndex
from index.base import Record
from index.filters.tree import Contains, Eq, Filter, Not, Range
from index.schema import Attribute, AttributeType, IndexSchema

DIM = 8
PRINT = "print-1"
NAMES = 120
SCHEMA = IndexSchema(
    (
        Attribute("part", AttributeType.NUMBER),
        Attribute("tags", AttributeType.TEXTS),
        Attribute("kind", AttributeType.TEXT),
    ),
    ("title",),
)
FLAT = FaissConfig(kind="flat", snapshot_after=20)
LISTS = FaissConfig(kind="ivf_sq8", snapshot_after=20, nlist=4)
WHERES: tuple[Filter | None, ...] = (
    None,
    Eq("kind", "odd"),
    Contains("tags", "t3"),
    Not(Eq("kind", "odd")),
    Range("part", ge=2, lt=5),
)

Truth = dict[str, int]
"""The mark of each id, in insertion order."""
Operation = tuple[str, int, tuple[str, ...]]
"""What is called, the mark that its records carry, and their names."""


@cache
def record(name: str, mark: int) -> Record:
    """The one record of this name and mark."""
    number = zlib.crc32(f"{name}:{mark}".encode())
    vector = np.random.default_rng(number).standard_normal(DIM)
    vector /= np.linalg.norm(vector)
    payload = {
        "title": f"red word{number % 20} {name.replace('-', '')}",
        "part": number % 7,
        "tags": [f"t{number % 5}", "all"],
        "kind": "odd" if number % 2 else "even",
        "pad": "x" * 200,
    }
    return Record(name, vector.astype(np.float32), payload, f"{mark}")


def records(truth: Mapping[str, int]) -> list[Record]:
    """The records of a truth, in order."""
    return [record(name, mark) for name, mark in truth.items()]


def operation(seed: int, number: int) -> Operation:
    """The number-th call of a seeded sequence of upserts (mostly replacing), deletes, compactions and searches."""
    rng = np.random.default_rng([seed, number])
    what = str(
        rng.choice(["upsert", "delete", "compact", "snapshot", "search", "keyword"], p=[0.5, 0.2, 0.1, 0.05, 0.05, 0.1])
    )
    size = int(rng.integers(1, 25 if what == "upsert" else 8)) if what in ("upsert", "delete") else 0
    return what, number, tuple(f"n-{i}" for i in rng.choice(NAMES, size, replace=False))


def build(seed: int, number: int) -> Operation:
    """The number-th call of a bulk build: chunks of new rows, then a snapshot, over and over."""
    if number % 4 == 3:
        return "snapshot", number, ()
    return "upsert", number, tuple(f"b-{number}-{i}" for i in range(20 + (seed + number) % 7))


def perform(index: FaissIndex, call: Operation) -> None:
    """Make the call."""
    what, mark, names = call
    if what == "upsert":
        index.upsert(record(name, mark) for name in names)
    elif what == "delete":
        index.delete(names)
    elif what == "search":
        index.search(record("query", mark).vector[None], 5)
    elif what == "keyword":
        index.keyword("red word3", 5)
    else:
        getattr(index, what)()


def after(truth: Truth, call: Operation) -> Truth:
    """The truth once the call was made."""
    what, mark, names = call
    left = {name: old for name, old in truth.items() if what not in ("upsert", "delete") or name not in names}
    return left | dict.fromkeys(names, mark) if what == "upsert" else left


def truth_of(index: FaissIndex) -> Truth:
    """What stands in the index; fails where a record is not wholly the one of its name and mark."""
    found: Truth = {}
    for row in index.scan():
        mark = int(row.content_hash)
        expected = record(row.id, mark)
        assert row.payload == expected.payload, f"{row.id}: half a record"
        np.testing.assert_array_equal(row.vector, expected.vector)
        assert row.id not in found, f"{row.id} stands twice"
        found[row.id] = mark
    return found


def oracle(truth: Mapping[str, int]) -> ExactIndex:
    """The same records in memory."""
    exact = ExactIndex(DIM, PRINT, schema=SCHEMA)
    exact.upsert(records(truth))
    return exact


def check(index: FaissIndex, truth: Mapping[str, int], seed: int = 1) -> None:
    """Everything of the truth, and nothing else, is counted, got, found by vector and found by word."""
    exact = oracle(truth)
    assert list(truth_of(index).items()) == list(truth.items())
    query = record("query", seed).vector[None]
    for where in WHERES:
        everything, expected = index.search(query, 10_000, where), exact.search(query, 10_000, where)
        assert index.count(where) == len(expected.ids[0])
        assert everything.ids == expected.ids
        np.testing.assert_allclose(everything.scores[0], expected.scores[0], rtol=0, atol=1e-6)
        if index.capabilities.exact:
            assert index.search(query, 7, where).ids == [expected.ids[0][:7]]
        for text in ("red", "word3", "word3 word11"):
            check_words(index, truth, text, set(expected.ids[0]), where)
    own = records(truth)[-40:]
    if own:
        assert [ids[0] for ids in index.search(np.stack([row.vector for row in own]), 1).ids] == [row.id for row in own]


def check_words(
    index: FaissIndex, truth: Mapping[str, int], text: str, matching: set[str], where: Filter | None = None
) -> None:
    """The records that hold one of the words, and match, are found once each; a short answer is as long as can be.

    Scores are left out: removed texts stay in the statistics until segments are merged.
    """
    ids = index.keyword(text, 10_000, where).ids[0]
    assert len(ids) == len(set(ids)), f"{text}: found twice"
    wanted = set(text.split())
    right = {name for name in matching if wanted & set(record(name, truth[name]).payload["title"].split())}
    assert set(ids) == right, text
    short = index.keyword(text, 3, where).ids[0]
    assert len(set(short)) == min(3, len(right)), f"{text}: {short}"


def create(folder: Path, truth: Iterable[str] = (), config: FaissConfig = FLAT) -> Truth:
    """A closed index with these names (mark 0), their base and their words; returns its truth."""
    marks = dict.fromkeys(truth, 0)
    with FaissIndex.create(folder, dim=DIM, fingerprint=PRINT, schema=SCHEMA, config=config) as index:
        index.upsert(records(marks))
        index.compact()
        index.keyword("red", 1)
    return marks


def strays(folder: Path) -> list[str]:
    """What a killed writer left behind and nobody needs: temporary names, more than one base or word generation."""
    found = [str(path.relative_to(folder)) for path in folder.rglob("*") if path.name.endswith(".tmp")]
    for version in folder.glob("v*"):
        for pattern in ("base-*", "lexical/g*"):
            there = sorted(str(path.relative_to(folder)) for path in version.glob(pattern))
            found += there if len(there) > 1 else []
    return sorted(found)
