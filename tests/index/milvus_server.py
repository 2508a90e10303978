"""A real Milvus server that the tests start and stop: one for all that need it.

It is the PyPI package `milvus` in a virtual environment of its own: NOTELENS_MILVUS_SERVER names its
`milvus-server`, else .milvus/venv/bin/milvus-server in the repository's root is taken.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from index.errors import BackendUnavailable
from index.milvus import MilvusAccess, MilvusConfig
from index.milvus.connection import Connection

ROOT = Path(__file__).parents[2]
TOKEN = "root:Milvus"
PORTS = (
    "proxy",
    "proxy-internal",
    "root-coord",
    "query-coord",
    "query-node",
    "index-coord",
    "index-node",
    "data-coord",
    "data-node",
)


@pytest.fixture(scope="session")
def milvus_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, MilvusAccess]]:
    """A server with users switched on: its address, and what lets one in.

    Started once, and killed at the end with all it started.
    """
    program = Path(os.environ.get("NOTELENS_MILVUS_SERVER") or ROOT / ".milvus" / "venv" / "bin" / "milvus-server")
    if not program.is_file():  # under CI the hook in tests/conftest.py makes this a failure
        pytest.skip(f"no milvus-server at {program}; NOTELENS_MILVUS_SERVER names another place")
    folder = tmp_path_factory.mktemp("milvus")
    *ports, etcd, peers = _free_ports(len(PORTS) + 2)
    # The etcd inside would always listen on 2379 and 2380, and a second server on this machine never come up.
    (folder / "etcd.yaml").write_text(
        f"name: default\nlisten-client-urls: http://127.0.0.1:{etcd}\nadvertise-client-urls: http://127.0.0.1:{etcd}\n"
        f"listen-peer-urls: http://127.0.0.1:{peers}\ninitial-advertise-peer-urls: http://127.0.0.1:{peers}\n"
        f"initial-cluster: default=http://127.0.0.1:{peers}\n"
    )
    # It looks every 10 s, unless told otherwise, whether a compaction is done.
    environment = os.environ | {
        "ETCD_CONFIG_PATH": str(folder / "etcd.yaml"),
        "DATACOORD_COMPACTION_CHECK_INTERVAL": "1",
    }
    # Ticks of 20 ms where the default is 200: every consistent read waits for one.
    quick = ["proxy.timeTickInterval=20", "queryCoord.checkInterval=50", "queryCoord.distPullInterval=50"]
    command = [str(program), "--data", str(folder / "data"), "--authorization-enabled", "true"]
    command += [part for name, port in zip(PORTS, ports, strict=True) for part in (f"--{name}-port", str(port))]
    command += [part for setting in quick for part in ("--extra-config", setting)]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder, env=environment, start_new_session=True)
    try:
        address = f"http://127.0.0.1:{ports[0]}"
        _wait_until_ready(address, process, folder)
        yield address, MilvusAccess(TOKEN)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # the program starts the server as a child in its group
        process.wait()
        shutil.rmtree(folder, ignore_errors=True)


def _free_ports(wanted: int) -> list[int]:
    """Ports free on every address: the program itself looks at 127.0.0.1 alone, and listens on others too."""
    with ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(wanted)]
        for each in sockets:
            each.bind(("", 0))
        return [each.getsockname()[1] for each in sockets]


def _wait_until_ready(address: str, process: subprocess.Popen[bytes], folder: Path) -> None:
    until = time.monotonic() + 60
    once = MilvusConfig(attempts=1, timeout=2.0)
    while True:
        try:
            Connection(address, MilvusAccess(TOKEN), once, make=False).close()
            return
        except BackendUnavailable:
            assert process.poll() is None, (folder / "log").read_text()
            assert time.monotonic() < until, (folder / "log").read_text()
            time.sleep(0.2)
