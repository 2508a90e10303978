"""Several processes: readers meet every commit at their next search, and appliers take turns."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from index.lexical.bm25 import Changes, LexicalIndex

ROOT = Path(__file__).parents[3]
READER = """
import sys
from index.lexical.bm25 import LexicalIndex
index = LexicalIndex.open(sys.argv[1])
print("ready", flush=True)
for line in sys.stdin:
    keys, _ = index.search("red", 10_000)
    print(index.seq, len(keys), len(set(keys.tolist())), flush=True)
"""
APPLIER = """
import sys
from index.lexical.bm25 import Changes, LexicalIndex
index = LexicalIndex.open(sys.argv[1])
for _ in range(12):
    # The truth: seq n is the row with the key n.
    index.apply(lambda seq: Changes([(seq + 1, f"red number{seq + 1}")], [], seq + 1))
"""


def start(code, folder):
    return subprocess.Popen(
        [sys.executable, "-c", code, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )


def test_a_reader_in_another_process_sees_each_commit_at_its_next_search(build, tmp_path):
    index = build({1: "red"})
    reader = start(READER, tmp_path / "lexical")
    try:
        assert reader.stdout.readline() == "ready\n"
        for seq in range(2, 32):
            if seq % 10 == 0:  # the reader follows into a new generation too
                index.compact(lambda _, seq=seq: Changes([(key, "red again") for key in range(1, seq + 1)], [], seq))
            else:
                index.apply(lambda _, seq=seq: Changes([(seq, f"red {seq}")], [], seq))
            reader.stdin.write("\n")
            reader.stdin.flush()
            assert reader.stdout.readline().split() == [str(seq)] * 3
    finally:
        _, errors = reader.communicate(timeout=30)
    assert (reader.returncode, errors) == (0, "")


def test_three_processes_that_apply_at_once_take_turns(build, tmp_path):
    index = build({}, seq=0)
    appliers = [start(APPLIER, tmp_path / "lexical") for _ in range(3)]
    seen = 0
    while any(applier.poll() is None for applier in appliers):
        found = len(index.search("red", 1000)[0])
        assert found >= seen
        seen = found
    assert [applier.communicate(timeout=60)[1] for applier in appliers] == ["", "", ""]
    assert index.seq == 36
    assert index.search("red", 1000)[0].tolist() == list(range(1, 37))


def test_opening_with_checksums_while_another_process_applies(build, tmp_path):
    index = build({}, seq=0)
    applier = start(APPLIER, tmp_path / "lexical")
    while applier.poll() is None:
        LexicalIndex.open(tmp_path / "lexical", verify=True).close()
    assert (applier.communicate(timeout=60)[1], applier.returncode) == ("", 0)
    assert index.seq == 12
