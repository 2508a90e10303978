"""kill -9 at any moment of applying and compacting: the folder opens, and nothing is lost or doubled."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from index.lexical.bm25 import Changes, LexicalIndex

ROOT = Path(__file__).parents[3]
# Seq n adds the keys 5n to 5n+4 and removes 5n-5 and 5n-3, so the truth at any seq is known without a file.
RULE = """
def read_until(last):
    def read(seq):
        since = range(seq + 1, last + 1)
        keys = (5 * n + i for n in since for i in range(5) if i not in (0, 2) or n == last)
        added = ((key, f"red note part{key}") for key in keys)
        removed = (key for n in since for key in (5 * n - 5, 5 * n - 3))
        return Changes(added, removed, last)
    return read
"""
CHILD = f"""
import sys
from index.lexical.bm25 import Changes, LexicalIndex
{RULE}
index = LexicalIndex.open(sys.argv[1])
print("ready", flush=True)
for n in range(index.seq + 1, 10_000):
    index.apply(read_until(n))
    print(n, flush=True)
    if n % 6 == 0:
        index.compact(read_until(n))
"""
namespace: dict[str, object] = {"Changes": Changes}
exec(RULE, namespace)
read_until = namespace["read_until"]


def keys_at(seq):
    return sorted(5 * n + i for n in range(1, seq + 1) for i in range(5) if i not in (0, 2) or n == seq)


def killed_after(folder, acknowledged, seconds):
    """Let a child apply, kill it that long after so many acknowledgements; returns the last seq it acknowledged."""
    process = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(folder)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT
    )
    try:
        lines = [process.stdout.readline() for _ in range(1 + acknowledged)]
        time.sleep(seconds)
        process.send_signal(signal.SIGKILL)
        out, errors = process.communicate(timeout=30)
        assert (lines[0], errors) == ("ready\n", "")
    finally:
        process.kill()
        process.wait()
    numbers = [int(line) for line in [*lines[1:], *out.splitlines()]]
    return numbers[-1] if numbers else None


@pytest.mark.slow
def test_twenty_four_deaths_lose_and_double_nothing(tmp_path):
    folder = tmp_path / "lexical"
    LexicalIndex.build(folder, read_until(0)).close()
    known = 0
    rng = np.random.default_rng(20261121)
    counts = rng.integers(0, 6, 24).tolist()
    for acknowledged, seconds in zip(counts, rng.uniform(0.0, 0.03, 24).tolist(), strict=True):
        last = killed_after(folder, acknowledged, seconds)
        known = known if last is None else last
        with LexicalIndex.open(folder) as index:
            # What was acknowledged, and at most the one seq whose acknowledgement was not heard.
            assert known <= index.seq <= known + 1
            found = sorted(index.search("red", 100_000)[0].tolist())
            # A commit may be in that its writer could not note; it is whole, and the next one replaces it.
            assert found in (keys_at(index.seq), keys_at(index.seq + 1))
            known = index.seq + 2
            index.apply(read_until(known))
            assert sorted(index.search("red", 100_000)[0].tolist()) == keys_at(known)
            assert index.info()["texts"] == len(keys_at(known))
    assert [path.name for path in folder.glob("g*")] == [f"g{max(int(p.name[1:]) for p in folder.glob('g*'))}"]
    assert known >= sum(counts) + 2 * len(counts)


def test_a_full_disk_is_said_and_what_was_applied_stands(tmp_path, build):
    rows = {key: f"red note{key}" for key in range(50)}
    index = build(rows)
    code = """
import resource, sys
from index.errors import OutOfSpace
from index.lexical.bm25 import Changes, LexicalIndex
index = LexicalIndex.open(sys.argv[1])
resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, 40_000))
try:
    index.apply(lambda seq: Changes(((key, f"red word{key} other{key * 7}") for key in range(50, 30_000)), [], 2))
except OutOfSpace as error:
    print("said", "make room" in str(error))
print(index.seq, len(index.search("red", 100)[0]))
"""
    run = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "lexical")], capture_output=True, text=True, cwd=ROOT, timeout=60
    )
    assert run.stdout.split() == ["said", "True", "1", "50"], run.stderr
    assert index.search("red", 100)[0].tolist() == list(rows)
    index.apply(lambda seq: Changes([(60, "red")], [], 2))
    assert len(index.search("red", 100)[0]) == 51
