"""Jobs for benchmarks/index_peers/worker.py: written, run as processes, read back; and one that is killed."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
_OURS = ("raw-", "notelens-")
"""Systems that run in the project's own environment, so that a pair has one and the same faiss."""
_FIRST_WRITE = 120.0


@dataclass
class Jobs:
    """Where jobs run, and with which interpreter."""

    work: Path
    data: Path
    rows: int
    target: float
    peer_python: str
    timeout: float
    failed: dict[str, str] = field(default_factory=dict)
    """Why a system is left out from some phase on."""

    def folder(self, system: str) -> Path:
        """Where the system's built index stands."""
        return self.work / "systems" / system

    def run(self, system: str, phase: str, threads: int, **extra: Any) -> dict[str, Any] | None:
        """Run one phase; None where it failed, and then `failed` says why."""
        job = self._written(system, phase, threads, extra)
        process = self._started(system, job, threads)
        try:
            process.wait(self.timeout)
        except subprocess.TimeoutExpired:
            return self._fail(system, phase, f"not done after {self.timeout:.0f} s")
        finally:
            self._end(process)  # an interrupt must leave none behind either
        out = job.with_suffix(".out")
        if not out.exists():
            log = job.with_suffix(".log").read_text(errors="replace").strip().splitlines()
            return self._fail(system, phase, f"exit code {process.returncode}: {' / '.join(log[-3:])}")
        result: dict[str, Any] = json.loads(out.read_text())
        if "missing" in result:
            return self._fail(system, "", f"not installed: {result['missing']}")
        return self._fail(system, phase, result["error"]) if "error" in result else result

    @contextmanager
    def copied(self, system: str) -> Iterator[Path]:
        """A copy of the built index that may be written to, removed afterwards."""
        copy = self.work / "copies" / system
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(self.folder(system), copy)
        try:
            yield copy
        finally:
            shutil.rmtree(copy, ignore_errors=True)

    def killed(self, system: str, dice: random.Random, **extra: Any) -> dict[str, Any] | None:
        """Kill a writer at a random moment after its first acknowledgement, open again, count what is gone."""
        with self.copied(system) as copy:
            acks = self.work / "jobs" / f"{system}.acks"
            acks.unlink(missing_ok=True)
            job = self._written(system, "writer", 2, {**extra, "folder": str(copy), "acks": str(acks)})
            process = self._started(system, job, 2)
            started = time.monotonic()
            while process.poll() is None and not (acks.exists() and acks.stat().st_size):
                if time.monotonic() - started > _FIRST_WRITE:
                    break
                time.sleep(0.002)
            time.sleep(dice.uniform(0.0, 0.6))
            over = process.poll() is not None
            self._end(process)
            if over or not acks.exists():
                out = job.with_suffix(".out")
                why = json.loads(out.read_text()).get("error", "it ended") if out.exists() else "it ended"
                return self._fail(system, "writer", why)
            written = [int(line) for line in acks.read_bytes().split(b"\n")[:-1]]
            acknowledged = written[-1] if written else self.rows
            before = dict(self.failed)
            found = self.run(system, "check", 2, **extra, folder=str(copy), acknowledged=acknowledged)
            count = acknowledged - self.rows
            if found is None:  # it does not open any more: that is a result, not a failure of the benchmark
                why = self.failed.get(system, "")
                self.failed = before
                return {"acknowledged": count, "lost": count, "lost_all": True, "why": why}
            lost_all = found["lost_of_build"] > 0
            return {"acknowledged": count, "lost": found["lost"], "lost_all": lost_all}

    def _written(self, system: str, phase: str, threads: int, extra: dict[str, Any]) -> Path:
        job = self.work / "jobs" / f"{system}-{phase}.json"
        job.parent.mkdir(parents=True, exist_ok=True)
        for suffix in (".out", ".part", ".log"):
            job.with_suffix(suffix).unlink(missing_ok=True)
        common = {"system": system, "phase": phase, "threads": threads, "target": self.target}
        where = {"folder": str(self.folder(system)), "data": str(self.data), "rows": self.rows}
        job.write_text(json.dumps({**common, **where, **extra}))
        return job

    def _started(self, system: str, job: Path, threads: int) -> subprocess.Popen[bytes]:
        python = sys.executable if system.startswith(_OURS) else self.peer_python
        count = str(threads)
        limits = {"OMP_NUM_THREADS": count, "OPENBLAS_NUM_THREADS": count, "RAYON_NUM_THREADS": count}
        with job.with_suffix(".log").open("wb") as log:
            return subprocess.Popen(
                [python, "-m", "benchmarks.index_peers.worker", str(job)],
                cwd=ROOT,
                env={**os.environ, **limits},
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def _end(self, process: subprocess.Popen[bytes]) -> None:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def _fail(self, system: str, phase: str, why: str) -> dict[str, Any] | None:
        self.failed[system] = f"{phase}: {why}" if phase else why
        return None
