"""Several processes and several threads over one index directory, and folders that may not be written."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from index import FaissIndex, IndexLocked

DIM = 8
ROOT = Path(__file__).parents[2]
WRITER = """
import sys
import numpy as np
from index import FaissIndex, Record
index = FaissIndex.open(sys.argv[1])
eye = np.eye(8, dtype=np.float32)
for line in sys.stdin:
    command, _, name = line.strip().partition(" ")
    if command == "put":
        index.upsert([Record(name, eye[int(name)], {}, "")])
    elif command == "del":
        index.delete([name])
    else:
        index.snapshot()
    print("done", flush=True)
index.close()
"""
READ_ONLY = """
import os, sys
import numpy as np
from index import FaissIndex, IndexReadOnly, Record
import faiss, index.faiss_index
if os.getuid() == 0:
    os.setuid(65534)
index = FaissIndex.open(sys.argv[1], lock_timeout=0.2)
eye = np.eye(8, dtype=np.float32)
print(index.search(eye[3:4], 1).ids[0], index.count(), [row.id for row in index.scan()])
try:
    index.upsert([Record("new", eye[0], {}, "")])
except IndexReadOnly as error:
    print("refused", "may not be written" in str(error))
"""


@pytest.fixture
def folder(durable, record):
    index = durable.create(DIM)
    eye = np.eye(DIM, dtype=np.float32)
    index.upsert(record(f"{i}", eye[i]) for i in range(4))
    index.close()
    return durable.folder / "index"


class Child:
    def __init__(self, folder):
        self.process = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )

    def do(self, command):
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline() == "done\n"

    def end(self):
        self.process.stdin.close()
        assert self.process.wait(30) == 0


@pytest.fixture
def child(folder):
    child = Child(folder)
    yield child
    child.process.kill()
    child.process.wait()
    child.process.stdout.close()


def test_a_reader_sees_anothers_writes_without_opening_again(folder, child):
    eye = np.eye(DIM, dtype=np.float32)
    with FaissIndex.open(folder) as reader:
        assert reader.search(eye[5:6], 1).scores[0][0] == 0.0
        child.do("put 5")
        assert reader.search(eye[5:6], 1).ids == [["5"]]
        assert (reader.count(), reader.get(["5"])[0].id) == (5, "5")
        child.do("put 5")  # replaced: found once, not twice
        assert reader.search(eye[5:6], 8).ids[0].count("5") == 1
        child.do("del 3")
        assert "3" not in reader.search(eye[3:4], 8).ids[0]
        child.do("snapshot")
        child.do("put 3")
        assert reader.search(eye[3:4], 1).ids == [["3"]]


def test_a_second_writer_is_told_and_may_write_when_the_first_ends(folder, child, record):
    child.do("put 5")
    row = record("7", np.eye(DIM, dtype=np.float32)[7])
    with FaissIndex.open(folder, lock_timeout=0.3) as second:
        started = time.monotonic()
        for write in (lambda: second.upsert([row]), lambda: second.delete(["1"]), second.snapshot):
            with pytest.raises(IndexLocked, match=r"another process is writing; waited 0\.3 s"):
                write()
        assert 0.9 <= time.monotonic() - started < 5
        assert (second.count(), second.get(["7"])) == (5, [None])
        child.end()
        second.upsert([row])
        assert second.count() == 6


def test_two_objects_of_one_process_are_two_writers(folder, record):
    row = record("7", np.eye(DIM, dtype=np.float32)[7])
    with FaissIndex.open(folder) as first, FaissIndex.open(folder, lock_timeout=0.1) as second:
        first.upsert([row])
        with pytest.raises(IndexLocked):
            second.upsert([row])
        first.close()
        second.upsert([row])
        assert second.count() == 5


def test_searching_while_another_thread_writes(durable, unit, record):
    """Row i carries its own number, and every answer must be one the index could have given."""
    vectors = unit(400, DIM, 1)
    index = durable.create(DIM)
    index.upsert(record(f"{i}", vectors[i], {"i": i}) for i in range(100))
    faults: list[str] = []
    stop = threading.Event()

    def reader(seed: int) -> None:
        rng = np.random.default_rng(seed)
        while not stop.is_set():
            i = int(rng.integers(0, 100))  # the first hundred always stand, though they are replaced
            found = index.search(vectors[i][None], 5)
            ids, scores = found.ids[0], found.scores[0]
            exact = [float(vectors[int(name)].astype(float) @ vectors[i].astype(float)) for name in ids]
            if ids[0] != f"{i}" or len(set(ids)) != 5 or not np.allclose(scores, exact, atol=1e-6):
                faults.append(f"{i}: {ids} {scores}")
            row = index.get([f"{i}"])[0]
            if row is None or row.payload["i"] != i:
                faults.append(f"{i}: {row}")

    def guarded(seed: int) -> None:
        try:
            reader(seed)
        except BaseException as error:
            faults.append(repr(error))
            raise

    threads = [threading.Thread(target=guarded, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for start in range(100, 400, 10):
        index.upsert(record(f"{i}", vectors[i], {"i": i}) for i in range(start, start + 10))
        index.upsert(record(f"{i}", vectors[i], {"i": i}) for i in range(start % 100, start % 100 + 10))
        index.delete([f"{start}"])
    stop.set()
    for thread in threads:
        thread.join(30)
    assert faults == []
    assert index.count() == 370


@pytest.fixture
def open_to_all():
    """A folder that any user can reach, unlike pytest's own."""
    path = Path(tempfile.mkdtemp())
    path.chmod(0o755)
    yield path
    path.chmod(0o755)
    shutil.rmtree(path)


def test_a_folder_that_may_not_be_written_can_be_read(folder, open_to_all):
    copy = Path(shutil.copytree(folder, open_to_all / "index"))
    for path in (copy, *copy.rglob("*")):
        path.chmod(0o555 if path.is_dir() else 0o444)
    try:
        result = subprocess.run(
            [sys.executable, "-c", READ_ONLY, str(copy)], cwd=ROOT, capture_output=True, text=True, check=False
        )
    finally:
        for path in (copy, *copy.rglob("*")):
            path.chmod(0o755)
    assert result.stdout.splitlines() == ["['3'] 4 ['0', '1', '2', '3']", "refused True"], result.stderr
    assert sorted(path.name for path in copy.iterdir()) == sorted(path.name for path in folder.iterdir())
