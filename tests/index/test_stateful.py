"""Random walks of writes, compactions, reopenings and searches, beside the oracle step by step."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import numpy as np
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from index import (
    And,
    Attribute,
    AttributeType,
    Contains,
    Eq,
    ExactIndex,
    Exists,
    FaissConfig,
    FaissIndex,
    IndexSchema,
    Not,
    Or,
    Range,
    Record,
)
from index.dense.config import Kind

DIM = 4
# Corners tie with one another all the time; the others are in general position.
CORNERS = np.concatenate([np.eye(DIM), -np.eye(DIM)])
LOOSE = np.random.default_rng(0).standard_normal((40, DIM))
POOL = np.concatenate([CORNERS, LOOSE / np.linalg.norm(LOOSE, axis=1, keepdims=True)]).astype(np.float32)
COLOURS = ["red", "blue", None]
WORDS = ["noodle", "soup", "拉面", "bridge"]
SCHEMA = IndexSchema(
    (
        Attribute("colour", AttributeType.TEXT),
        Attribute("size", AttributeType.NUMBER),
        Attribute("tags", AttributeType.TEXTS),
    ),
    ("title",),
)
ROW = st.tuples(st.integers(0, 79), st.integers(0, len(POOL) - 1), st.sampled_from(COLOURS), st.integers(0, 15))
LEAVES = (
    st.builds(Eq, st.just("colour"), st.sampled_from(["red", "blue", "green"]))
    | st.builds(lambda low: Range("size", ge=low, lt=low + 6), st.integers(0, 15))
    | st.builds(Contains, st.just("tags"), st.sampled_from(WORDS))
    | st.builds(Exists, st.sampled_from(["colour", "tags"]))
)
FILTERS = st.recursive(
    LEAVES,
    lambda part: (
        st.builds(Not, part)
        | st.builds(lambda parts: And(tuple(parts)), st.lists(part, max_size=3))
        | st.builds(lambda parts: Or(tuple(parts)), st.lists(part, max_size=3))
    ),
    max_leaves=4,
)
QUERIES = st.lists(st.integers(0, len(POOL) - 1), min_size=1, max_size=3)


def as_record(number, vector, colour, size):
    payload = {"size": size, "tags": [word for i, word in enumerate(WORDS) if size >> i & 1], "title": WORDS[size % 4]}
    if colour is not None:
        payload["colour"] = colour
    return Record(f"id{number:02d}", POOL[vector], payload, f"{vector}")


class Walk(RuleBasedStateMachine):
    """FAISS flat: equal to the oracle in every respect."""

    kind: Kind = "flat"

    @initialize(rows=st.lists(ROW, min_size=40, max_size=60), folded=st.booleans())
    def start(self, rows, folded):
        self.folder = Path(tempfile.mkdtemp())
        config = FaissConfig(kind=self.kind, nlist=4, max_dead_share=0.3, snapshot_after=25)
        self.index = FaissIndex.create(self.folder / "i", dim=DIM, fingerprint="f", schema=SCHEMA, config=config)
        self.oracle = ExactIndex(DIM, schema=SCHEMA)
        self.upsert(rows)
        if folded:
            self.compact()

    @rule(rows=st.lists(ROW, min_size=1, max_size=30))
    def upsert(self, rows):
        records = [as_record(*row) for row in rows]
        self.index.upsert(records)
        self.oracle.upsert(records)

    @rule(numbers=st.sets(st.integers(0, 89), max_size=20))
    def delete(self, numbers):
        names = [f"id{number:02d}" for number in numbers]
        assert self.index.delete(names) == self.oracle.delete(names)

    @rule()
    def snapshot(self):
        self.index.snapshot()

    @rule()
    def compact(self):
        self.index.compact()
        assert (self.index.info()["written"], self.index.info()["removed"]) == (0, 0)

    @rule()
    def reopen(self):
        self.index.close()
        self.index = FaissIndex.open(self.folder / "i", fingerprint="f")

    @rule(queries=QUERIES, k=st.integers(1, 12) | st.just(500))
    def search(self, queries, k):
        self.check(POOL[queries], k, None)

    @rule(queries=QUERIES, k=st.integers(1, 12) | st.just(500), where=FILTERS)
    def search_where(self, queries, k, where):
        self.check(POOL[queries], k, where)
        assert self.index.count(where) == self.oracle.count(where)

    @rule(text=st.sampled_from([*WORDS, "noodle 拉面"]), where=st.none() | FILTERS)
    def keyword(self, text, where):
        found = self.index.keyword(text, 500, where)
        assert sorted(found.ids[0]) == sorted(self.oracle.keyword(text, 500, where).ids[0])

    @invariant()
    def holds_what_the_oracle_holds(self):
        if not hasattr(self, "index"):
            return
        assert self.index.count() == self.oracle.count()
        for mine, theirs in zip(self.index.scan(batch_size=7), self.oracle.scan(), strict=True):
            assert (mine.id, mine.payload, mine.content_hash) == (theirs.id, theirs.payload, theirs.content_hash)
            np.testing.assert_array_equal(mine.vector, theirs.vector)

    def teardown(self):
        if hasattr(self, "index"):
            self.index.close()
            shutil.rmtree(self.folder)

    def check(self, queries, k, where):
        found, expected = self.index.search(queries, k, where), self.oracle.search(queries, k, where)
        assert found.ids == expected.ids
        for mine, theirs in zip(found.scores, expected.scores, strict=True):
            np.testing.assert_array_equal(mine, theirs)


class ApproximateWalk(Walk):
    """FAISS IVF with PQ: it may miss a row, but never returns a wrong one, a wrong score or a wrong order."""

    kind = "ivf_pq"

    def check(self, queries, k, where):
        matching = self.oracle.count(where)
        found, truth = self.index.search(queries, k, where), self.oracle.search(queries, matching + 1, where)
        for ids, scores, names, exact in zip(found.ids, found.scores, truth.ids, truth.scores, strict=True):
            assert len(ids) == min(k, matching)
            score_of = dict(zip(names, exact.tolist(), strict=True))
            assert ids == sorted(set(ids), key=lambda name: (-score_of[name], name))
            np.testing.assert_allclose(scores, [score_of[name] for name in ids], rtol=0, atol=2e-6)
            if k >= matching:
                assert ids == names


LIMITS = settings(max_examples=20, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck))
TestFlat = Walk.TestCase
TestFlat.settings = LIMITS
TestApproximate = ApproximateWalk.TestCase
TestApproximate.settings = LIMITS
