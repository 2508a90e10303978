"""Servers that are slow, away or die: what is tried again, what is said, what is kept."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from index.base import Record
from index.errors import BackendUnavailable, NoteIndexError
from index.milvus import MilvusConfig, MilvusIndex, versions
from index.milvus.connection import Connection

WRITER = """
import sys
import numpy as np
from index.base import Record
from index.milvus import MilvusConfig, MilvusIndex
index = MilvusIndex.create(sys.argv[1], "notes", 4, config=MilvusConfig(index_type="FLAT"))
for number in range(10_000):
    vectors = np.eye(4, dtype=np.float32)
    index.upsert([Record(f"{number}-{part}", vectors[part], {"n": number}, "h") for part in range(4)])
    if number % 7 == 6:
        index.delete([f"{number - 1}-0"])
    if number == 20:
        index.snapshot()
    print(number, flush=True)
"""


@pytest.mark.milvus_server
def test_what_may_pass_is_tried_again_and_nothing_else(server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from pymilvus import MilvusException

    connection = Connection(server.uri, server.access, MilvusConfig(attempts=4), make=False)
    tried: list[int] = []

    def ask(code: int, times: int) -> Callable[[Any], str]:
        tried.clear()

        def request(client: Any) -> str:
            tried.append(code)
            if len(tried) <= times:
                raise MilvusException(code=code, message="said root:Milvus")
            return "answered"

        return request

    assert connection.call(ask(2, 2), "answer") == "answered"
    assert len(tried) == 3
    with pytest.raises(BackendUnavailable, match=r"did not answer \(said \*\*\*\)"):
        connection.call(ask(2, 9), "answer")
    assert len(tried) == 4
    with pytest.raises(BackendUnavailable, match=r"refused to answer: said \*\*\*"):
        connection.call(ask(1100, 9), "answer")
    assert len(tried) == 1
    connection.close()


@pytest.mark.milvus_server
def test_a_server_that_stops_answering_is_named(server: Any, notes: Callable[..., list[Record]]) -> None:
    """The server's process is stopped, not killed: the others need it again."""
    name = server.create().info()["name"]
    quick = MilvusConfig(timeout=0.5, attempts=2, retry_seconds=1.0)
    index = MilvusIndex.open(server.uri, name, config=quick, access=server.access)
    pids = [int(pid) for pid in _listening(server.uri)]
    assert pids
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        with pytest.raises(BackendUnavailable, match="a slow server needs a longer timeout"):
            index.upsert(notes(1))
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)
    with MilvusIndex.open(server.uri, name, access=server.access) as again:
        again.upsert(notes(3))
        assert again.count() == 3
    index.close()


def _listening(uri: str) -> list[str]:
    """The processes that listen on the address's port."""
    port = f"{int(uri.rpartition(':')[2]):04X}"
    inodes = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in Path(table).read_text().splitlines()[1:]:
            parts = line.split()
            if parts[1].endswith(f":{port}") and parts[3] == "0A":
                inodes.add(f"socket:[{parts[9]}]")
    found = set()
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if any(str(handle.readlink()) in inodes for handle in (process / "fd").iterdir()):
                found.add(process.name)
        except OSError:  # gone, or not ours
            continue
    return sorted(found)


@pytest.mark.parametrize("lines", [3, 17, 30])
def test_what_was_acknowledged_survives_a_kill(tmp_path: Path, lines: int) -> None:
    folder = str(tmp_path / "notes.db")
    run = [sys.executable, "-c", WRITER, folder]
    with subprocess.Popen(run, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[3]) as writer:
        assert writer.stdout is not None
        told = [int(writer.stdout.readline()) for _ in range(lines)]
        writer.send_signal(signal.SIGKILL)
    last = told[-1]
    wanted = {f"{number}-{part}" for number in range(last + 1) for part in range(4)}
    wanted -= {f"{number - 1}-0" for number in range(6, last + 1, 7)}
    with MilvusIndex.open(folder, "notes") as index:
        records = list(index.scan())
        names = [record.id for record in records]
        assert wanted - set(names) <= {f"{last}-0"}  # removed right after, perhaps
        later = [name for name in names if int(name.split("-")[0]) > last]
        assert len(later) % 4 in (0, 3)  # a whole request or nothing of it
        assert sorted(names, key=lambda name: int(name.split("-")[0])) == names
        first = sorted(name for name in names if name.endswith("-0"))
        assert index.search(np.eye(4, dtype=np.float32)[:1], len(first)).ids == [first]


def test_nothing_is_left_of_an_index_that_could_not_be_made(lite: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise NoteIndexError("no index today")

    with monkeypatch.context() as patched:
        patched.setattr(versions, "indexes", fail)
        with pytest.raises(NoteIndexError, match="no index today"):
            lite.create("notes")
    with lite.create("notes") as index:
        assert index.info()["collection"] == "notes_v1"
