"""kill -9 in the middle of a build: the next one encodes only the rest, and ends where an unbroken one does."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from index import FaissIndex, open_index

ROOT = Path(__file__).parents[2]
NOTES = 1500
# A build with an encoder whose work shows: one line a note encoded, at a pace that leaves time to be killed.
CHILD = """
import hashlib, sys, time
import numpy as np
import retrieval.build
from encoders import Corpus
from encoders.base import Prepared
from encoders.blocks import unit_rows
from index import open_index

retrieval.build.CHUNK = 100
corpus, folder, pace = sys.argv[1], sys.argv[2], float(sys.argv[3])


class Slow:
    def prepare(self, note):
        return Prepared(note.title, ())

    def embed(self, prepared):
        time.sleep(pace)
        print("\\n".join(one.text for one in prepared), flush=True)
        seeds = [int.from_bytes(hashlib.sha256(one.text.encode()).digest()[:8], "big") for one in prepared]
        return unit_rows(np.stack([np.random.default_rng(s).standard_normal(32) for s in seeds]).astype("f4"))


with open_index(folder) as index:
    print("ready", flush=True)
    report = retrieval.build.build(Corpus(corpus), Slow(), index, retrieval.build.Path(folder) / "rejected.jsonl")
    print("report", report.encoded, report.unchanged, sum(report.rejected.values()), flush=True)
"""


def start(corpus, folder, pace):
    command = [sys.executable, "-c", CHILD, str(corpus), str(folder), str(pace)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)


def finish(corpus, folder):
    """Build to the end; returns the titles it encoded, and its report."""
    process = start(corpus, folder, 0)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    first, *encoded, report = out.splitlines()
    assert first == "ready"
    return encoded, report


def contents(folder):
    with open_index(folder) as index:
        return {record.id: (record.vector.tobytes(), record.payload, record.content_hash) for record in index.scan()}


def create(folder):
    FaissIndex.create(folder, dim=32, fingerprint="slow-1", meta={}).close()
    return folder


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    folder = tmp_path_factory.mktemp("killed") / "corpus"
    folder.mkdir()
    rows = [{"id": f"n{i}", "title": f"title {i}", "author": f"author {i % 7}"} for i in range(NOTES)]
    rows[700] = {"id": "n1", "title": "a duplicate"}
    (folder / "notes.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


@pytest.fixture(scope="module")
def unbroken(corpus, tmp_path_factory):
    folder = create(tmp_path_factory.mktemp("unbroken") / "index")
    encoded, report = finish(corpus, folder)
    assert (len(encoded), report) == (NOTES - 1, f"report {NOTES - 1} 0 1")
    return contents(folder)


def kill_in_the_middle(corpus, folder, seed):
    """Build at 60 ms a chunk, and kill it at some moment behind the 2nd to the 6th of its 15 chunks."""
    moment = random.Random(seed)
    process = start(corpus, folder, 0.06)
    try:
        assert process.stdout.readline() == "ready\n"
        for _ in range(100 * moment.randint(2, 6)):
            process.stdout.readline()
        time.sleep(moment.uniform(0, 0.1))
        process.send_signal(signal.SIGKILL)
        assert process.wait(30) == -signal.SIGKILL
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


@pytest.mark.parametrize("seed", range(4))
def test_a_killed_build_goes_on_where_it_was(corpus, unbroken, tmp_path, seed):
    folder = create(tmp_path / "index")
    kill_in_the_middle(corpus, folder, seed)
    kept = contents(folder)
    assert 100 <= len(kept) < NOTES - 1
    assert len(kept) % 100 in (0, 99)  # whole chunks: one of them has the duplicate
    assert {name: unbroken[name] for name in kept} == kept
    encoded, report = finish(corpus, folder)
    assert sorted(encoded) == sorted(value[1]["title"] for name, value in unbroken.items() if name not in kept)
    assert report == f"report {NOTES - 1 - len(kept)} {len(kept)} 1"
    assert contents(folder) == unbroken
    assert list(contents(folder)) == list(unbroken)
    rejections = (folder / "rejected.jsonl").read_text().splitlines()
    assert [json.loads(line)["line"] for line in rejections] == [701]


def test_two_kills_in_a_row(corpus, unbroken, tmp_path):
    folder = create(tmp_path / "index")
    kill_in_the_middle(corpus, folder, 11)
    once = len(contents(folder))
    kill_in_the_middle(corpus, folder, 12)
    assert 0 < once < len(contents(folder))
    finish(corpus, folder)
    assert contents(folder) == unbroken
