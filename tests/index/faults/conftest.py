"""Processes to kill, and what they have in common with the tests."""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
PATIENCE = 120.0


class Server:
    """The process that forks the others; it runs no threads, so a fork of it is sound."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._number = 0
        one_thread = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
        self._process = subprocess.Popen(
            [sys.executable, str(HERE / "fault_server.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | one_thread | {"PYTHONPATH": str(ROOT)},
        )

    def ask(self, question: dict[str, object]) -> int:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())

    def start(self, job: str, **arguments: object) -> Child:
        """A child that runs this job of fault_jobs.py."""
        self._number += 1
        out = self._folder / f"{self._number}-{job}.txt"
        plain = {name: str(value) if isinstance(value, Path) else value for name, value in arguments.items()}
        return Child(self, self.ask({"job": job, "out": str(out), "arguments": plain}), out)

    def run(self, job: str, **arguments: object) -> Child:
        """The same, ended; it must not have failed."""
        child = self.start(job, **arguments)
        code = child.wait()
        assert code == 0, child.text
        return child

    def end(self) -> None:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.close()
        self._process.wait(30)
        self._process.stdout.close()


@dataclass
class Child:
    server: Server
    pid: int
    out: Path
    code: int | None = None

    @property
    def text(self) -> str:
        return self.out.read_text() if self.out.exists() else ""

    @property
    def said(self) -> list[str]:
        """The whole lines it wrote."""
        return self.text.rpartition("\n")[0].splitlines()

    def hear(self, lines: int) -> list[str]:
        """Wait until it has said so many lines."""
        until = time.monotonic() + PATIENCE
        while len(self.said) < lines:
            assert time.monotonic() < until, f"silent after: {self.text}"
            assert "Traceback" not in self.text, self.text
            time.sleep(0.001)
        return self.said

    def kill(self) -> None:
        """kill -9, and see that it died of that."""
        os.kill(self.pid, signal.SIGKILL)
        assert self.wait() == -signal.SIGKILL, self.text

    def wait(self) -> int:
        if self.code is None:
            self.code = self.server.ask({"wait": self.pid})
        return self.code


@pytest.fixture(scope="session")
def children(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("children"))
    yield server
    server.end()


@pytest.fixture(scope="session")
def work() -> ModuleType:
    """fault_work.py, as the children know it."""
    spec = importlib.util.spec_from_file_location("fault_work", HERE / "fault_work.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def made(tmp_path: Path, work: ModuleType) -> Callable[..., Path]:
    """Makes a closed index of so many records n-0, n-1, … with their base and words; returns its folder."""

    def make(rows: int = 60, name: str = "index", **options: object) -> Path:
        work.create(tmp_path / name, [f"n-{i}" for i in range(rows)], **options)
        return tmp_path / name

    return make
