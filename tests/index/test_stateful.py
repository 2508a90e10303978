"""Random walks of writes, reopenings, snapshots and searches against a plain dict."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import numpy as np
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from index import FaissConfig, FaissIndex, Record

DIM = 4
# Corners tie with one another all the time; the others are in general position.
CORNERS = np.concatenate([np.eye(DIM), -np.eye(DIM)])
LOOSE = np.random.default_rng(0).standard_normal((40, DIM))
POOL = np.concatenate([CORNERS, LOOSE / np.linalg.norm(LOOSE, axis=1, keepdims=True)]).astype(np.float32)
ROWS = st.lists(st.tuples(st.integers(0, 59), st.integers(0, len(POOL) - 1)), min_size=1, max_size=40)


class Walk(RuleBasedStateMachine):
    """FAISS flat: equal to the model in every respect."""

    kind = "flat"

    @initialize()
    def start(self):
        self.folder = Path(tempfile.mkdtemp())
        config = FaissConfig(m=8, ef_search=4, max_dead_share=0.3, snapshot_after=25)
        self.index = FaissIndex.create(self.folder / "i", dim=DIM, fingerprint="f", kind=self.kind, config=config)
        self.model: dict[str, tuple[int, int]] = {}
        self.writes = 0

    @rule(rows=ROWS)
    def upsert(self, rows):
        self.writes += 1
        names = [(f"id{number:02d}", vector) for number, vector in rows]
        self.index.upsert(Record(n, POOL[v], {"v": v, "w": self.writes}, f"{v}") for n, v in names)
        for name, vector in names:
            self.model.pop(name, None)
            self.model[name] = (vector, self.writes)

    @rule(numbers=st.sets(st.integers(0, 69), max_size=20))
    def delete(self, numbers):
        names = [f"id{number:02d}" for number in numbers]
        expected = sum(self.model.pop(name, None) is not None for name in names)
        assert self.index.delete(names) == expected

    @rule()
    def snapshot(self):
        self.index.snapshot()

    @rule()
    def reopen(self):
        self.index.close()
        self.index = FaissIndex.open(self.folder / "i", fingerprint="f")

    @rule(query=st.integers(0, len(POOL) - 1), k=st.integers(1, 12))
    def search(self, query, k):
        found = self.index.search(POOL[query][None], k)
        self.check(found.ids[0], found.scores[0], self.expected(query), k)

    @rule(query=st.integers(0, len(POOL) - 1), k=st.integers(1, 12), parity=st.integers(0, 1))
    def search_where(self, query, k, parity):
        class Parity:
            def matches(self, payload):
                return payload["v"] % 2 == parity

        found = self.index.search(POOL[query][None], k, where=Parity())
        expected = [row for row in self.expected(query) if self.model[row[1]][0] % 2 == parity]
        self.check_exact(found.ids[0], found.scores[0], expected, k)

    @invariant()
    def holds_what_the_model_holds(self):
        if not hasattr(self, "index"):
            return
        assert self.index.count() == len(self.model)
        rows = list(self.index.scan(batch_size=7))
        assert [row.id for row in rows] == list(self.model)
        for row in rows:
            vector, write = self.model[row.id]
            assert row.payload == {"v": vector, "w": write}
            np.testing.assert_array_equal(row.vector, POOL[vector])

    def teardown(self):
        if hasattr(self, "index"):
            self.index.close()
            shutil.rmtree(self.folder)

    def expected(self, query):
        wide = POOL.astype(np.float64) @ POOL[query].astype(np.float64)
        return sorted((-round(float(wide[v]), 6), name) for name, (v, _) in self.model.items())

    def check_exact(self, ids, scores, expected, k):
        assert ids == [name for _, name in expected[:k]]
        np.testing.assert_allclose(scores, [-score for score, _ in expected[:k]], atol=2e-6)

    check = check_exact


class GraphWalk(Walk):
    """FAISS HNSW: it may miss a row, but never returns a wrong one, a wrong score or a wrong order."""

    kind = "hnsw"

    def check(self, ids, scores, expected, k):
        assert len(ids) == min(k, len(self.model))
        truth = {name: score for score, name in expected}
        assert ids == sorted(set(ids), key=lambda name: (truth[name], name))
        np.testing.assert_allclose(scores, [-truth[name] for name in ids], atol=2e-6)
        if len(self.model) <= k:
            assert ids == [name for _, name in expected]


LIMITS = settings(max_examples=25, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck))
TestFlat = Walk.TestCase
TestFlat.settings = LIMITS
TestHnsw = GraphWalk.TestCase
TestHnsw.settings = LIMITS
