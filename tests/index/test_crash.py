"""kill -9 at any moment: what was acknowledged stands, and nothing stands in part."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from index import ExactIndex, FaissIndex

ROOT = Path(__file__).parents[2]
BATCH = 40
DIM = 16
CHILD = """
import sys
import numpy as np
from index import FaissIndex, Record
index = FaissIndex.open(sys.argv[1])
first = int(sys.argv[2])
print("ready", flush=True)
for batch in range(first, first + 10_000):
    x = np.random.default_rng(batch).standard_normal((40, 16))
    x = (x / np.linalg.norm(x, axis=1, keepdims=True)).astype(np.float32)
    # Every batch replaces the shared ids too, so that tombstones are written at the moment of death.
    names = [f"own-{batch}-{i}" for i in range(20)] + [f"shared-{i}" for i in range(20)]
    index.upsert(Record(n, v, {"batch": batch, "pad": "x" * 300}, "") for n, v in zip(names, x))
    print(batch, flush=True)
    if batch % 7 == 3:
        index.snapshot()
    if batch % 5 == 2:
        index.search(x[:1], 3)
"""


def vectors(batch):
    x = np.random.default_rng(batch).standard_normal((BATCH, DIM))
    return (x / np.linalg.norm(x, axis=1, keepdims=True)).astype(np.float32)


def killed_after(folder, first, seconds):
    """Start the writer, kill it that long after it is ready; returns the batches it acknowledged."""
    process = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(folder), str(first)], stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    try:
        assert process.stdout.readline() == "ready\n"
        time.sleep(seconds)
        process.send_signal(signal.SIGKILL)
        out = process.stdout.read()
        assert process.wait(30) == -signal.SIGKILL
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
    return [int(line) for line in out.split()]


def test_acknowledged_writes_survive_and_none_is_there_in_part(durable):
    index = durable.create(DIM)
    index.close()
    folder = durable.folder / "index"
    moments = np.random.default_rng(20261120).uniform(0.0, 0.35, 5)
    first = 0
    acknowledged: list[int] = []
    for seconds in moments:
        acknowledged += killed_after(folder, first, seconds)
        last_known = acknowledged[-1] if acknowledged else -1
        with FaissIndex.open(folder, lock_timeout=1) as index:
            rows = {row.id: row for row in index.scan()}
            stored = sorted({int(name.split("-")[1]) for name in rows if name.startswith("own")})
            # All that was acknowledged, and at most the one batch whose acknowledgement was not heard.
            assert stored in (acknowledged, [*acknowledged, last_known + 1])
            assert len(rows) == index.count() == 20 * len(stored) + (20 if stored else 0)
            for batch in stored:
                expected = vectors(batch)
                for i in range(20):
                    row = rows[f"own-{batch}-{i}"]
                    np.testing.assert_array_equal(row.vector, expected[i])
                    assert row.payload == {"batch": batch, "pad": "x" * 300}
            if not stored:
                continue
            for i in range(20):  # the shared ids are wholly of the last batch
                assert rows[f"shared-{i}"].payload["batch"] == stored[-1]
                np.testing.assert_array_equal(rows[f"shared-{i}"].vector, vectors(stored[-1])[20 + i])
            oracle = ExactIndex(DIM)
            oracle.upsert(rows.values())
            assert index.search(vectors(stored[-1]), 1).ids == oracle.search(vectors(stored[-1]), 1).ids
            everything = vectors(0)[:2]
            assert index.search(everything, 10**6).ids == oracle.search(everything, 10**6).ids
            acknowledged = stored
            first = stored[-1] + 1
    assert len(acknowledged) >= 5, "the writer was killed before it wrote: the test proved nothing"


@pytest.mark.parametrize("statements", [1, 3, 8])
def test_a_creation_cut_off_at_any_statement_can_be_done_again(tmp_path, statements):
    code = f"""
import os, signal, sys
import index.database as database
database._SCHEMA = (*database._SCHEMA[:{statements}], None)
from index import FaissIndex
try:
    FaissIndex.create(sys.argv[1], dim=4, fingerprint="f")
except TypeError:
    os.kill(os.getpid(), signal.SIGKILL)
"""
    folder = tmp_path / "i"
    done = subprocess.run([sys.executable, "-c", code, str(folder)], cwd=ROOT, check=False)
    assert done.returncode == -signal.SIGKILL
    assert (folder / "index.sqlite").exists()
    with FaissIndex.create(folder, dim=4, fingerprint="again", lock_timeout=1) as index:
        assert (index.fingerprint, index.count()) == ("again", 0)
