"""What is measured of a system; each function is one process. All take the peer and the job, and return figures."""

from __future__ import annotations

import os
import shutil
import statistics
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from .base import Peer, Where, Width
from .data import FILTERS, QUERIES, Corpus, K, recall
from .tune import tuned

_SECONDS = 2.5
"""A series of single queries ends after so long; its percentiles are of the queries it reached."""
_FEWEST = 40
_BATCH_ROUNDS = 5
_KILL_ROWS = 100


def build(peer: Peer, job: dict[str, Any]) -> dict[str, Any]:
    """Seconds to everything on disk and searchable, bytes it takes there, and the process' high-water mark."""
    corpus, folder = _corpus(job), Path(job["folder"])
    shutil.rmtree(folder, ignore_errors=True)
    before = _status("VmHWM")
    started = time.perf_counter()
    peer.build(folder, corpus)
    took = time.perf_counter() - started
    files = [file for file in folder.rglob("*") if file.is_file()]
    return {
        "build_s": took,
        "disk_mb": sum(file.stat().st_blocks * 512 for file in files) / 1e6,
        "peak_mb": _status("VmHWM"),
        "before_mb": before,
        "versions": {name: _version(name) for name in peer.packages},
        "note": peer.note,
    }


def tune(peer: Peer, job: dict[str, Any]) -> dict[str, Any]:
    """The cheapest settings that reach each recall of job["targets"], also under each filter."""
    corpus = _corpus(job)
    peer.open(Path(job["folder"]), corpus)
    return {"details": peer.details(), **tuned(peer, corpus, job["targets"])}


def single(peer: Peer, job: dict[str, Any]) -> dict[str, Any]:
    """One query at a time: opening, unfiltered, then under each filter, its first use apart."""
    corpus, widths = _corpus(job), job["widths"]
    queries = corpus.queries
    started = time.perf_counter()
    peer.open(Path(job["folder"]), corpus)
    peer.search(queries[:1], K, None, widths["target"]["single"])
    figures: dict[str, Any] = {"open_ms": (time.perf_counter() - started) * 1000}
    figures["all"] = {name: _series(peer, corpus, width["single"]) for name, width in widths.items()}
    figures["serving_mb"] = _status("VmRSS")
    filtered: dict[str, Any] = {}
    for name, (column, values) in FILTERS.items():
        width = job["filtered"][name]["width"]
        firsts = []
        for number, value in enumerate(values):
            started = time.perf_counter()
            peer.search(queries[number : number + 1], K, Where(column, value), width)
            firsts.append((time.perf_counter() - started) * 1000)
        filtered[name] = {**_series(peer, corpus, width, name), "first_ms": firsts}
    figures["filtered"] = filtered
    return figures


def batch(peer: Peer, job: dict[str, Any]) -> dict[str, Any]:
    """All queries in one call, as often as the time allows: queries a second, median of the calls, and the recall."""
    corpus = _corpus(job)
    peer.open(Path(job["folder"]), corpus)
    figures: dict[str, Any] = {}
    for name, width in job["widths"].items():
        found = peer.search(corpus.queries, K, None, width["batch"])
        rates: list[float] = []
        deadline = time.perf_counter() + _SECONDS / 2
        while len(rates) < _BATCH_ROUNDS or time.perf_counter() < deadline:
            started = time.perf_counter()
            peer.search(corpus.queries, K, None, width["batch"])
            rates.append(QUERIES / (time.perf_counter() - started))
            if len(rates) >= 2 and time.perf_counter() > deadline + _SECONDS:
                break
        figures[name] = {"qps": statistics.median(rates), "recall": recall(found, corpus.truth())}
    return figures


def write(peer: Peer, job: dict[str, Any]) -> dict[str, Any]:
    """1,000 new rows in one call, on a copy: until acknowledged, until a query finds the last of them."""
    corpus, width = _corpus(job), job["widths"]["target"]["single"]
    peer.open(Path(job["folder"]), corpus)
    peer.search(corpus.queries[:1], K, None, width)
    rows = range(corpus.rows, corpus.rows + 1000)
    started = time.perf_counter()
    peer.upsert(rows, corpus)
    acknowledged = time.perf_counter()
    while rows[-1] not in map(int, peer.search(corpus.vectors[rows[-1] :][:1], K, None, width)[0]):
        if time.perf_counter() - acknowledged > 30:
            raise TimeoutError("the last of 1,000 new rows was not found by its own vector within 30 s")
    visible = time.perf_counter()
    own = peer.search(np.ascontiguousarray(corpus.vectors[rows]), 1, None, width)
    return {
        "ack_ms": (acknowledged - started) * 1000,
        "visible_ms": (visible - started) * 1000,
        "own": sum(int(found[0]) == row for found, row in zip(own, rows, strict=True)) / len(rows),
        "after": _series(peer, corpus, width, against=None),
    }


def writer(peer: Peer, job: dict[str, Any]) -> dict[str, Any]:
    """Write 100 rows at a time for ever, noting each acknowledgement in a file; made to be killed."""
    corpus = _corpus(job)
    peer.open(Path(job["folder"]), corpus)
    with Path(job["acks"]).open("ab", buffering=0) as acks:
        for start in range(corpus.rows, len(corpus.vectors), _KILL_ROWS):
            peer.upsert(range(start, start + _KILL_ROWS), corpus)
            acks.write(b"%d\n" % (start + _KILL_ROWS))
    time.sleep(60)
    return {}


def check(peer: Peer, job: dict[str, Any]) -> dict[str, Any]:
    """Rows acknowledged and no longer there, those of the build among them (every hundredth is asked for)."""
    corpus = _corpus(job)
    peer.open(Path(job["folder"]), corpus)
    acknowledged = range(corpus.rows, job["acknowledged"])
    sample = range(0, corpus.rows, 100)
    return {
        "lost": len(acknowledged) - peer.present(acknowledged) if acknowledged else 0,
        "lost_of_build": len(sample) - peer.present(sample),
    }


def _series(peer: Peer, corpus: Corpus, width: Width, name: str = "", against: str | None = "") -> dict[str, Any]:
    """Queries one by one, in order: p50, p99 in ms, recall of those asked; filter `name` takes its values in turn."""
    column, values = FILTERS[name] if name else ("", [])
    wheres: list[Where | None] = [Where(column, value) for value in values] or [None]
    queries = corpus.queries
    for number in range(10):
        peer.search(queries[number : number + 1], K, wheres[number % len(wheres)], width)
    took, found = [], []
    deadline = time.perf_counter() + _SECONDS
    for number in range(QUERIES):
        query, where = queries[number : number + 1], wheres[number % len(wheres)]
        started = time.perf_counter()
        answer = peer.search(query, K, where, width)
        took.append((time.perf_counter() - started) * 1000)
        found.append(answer[0])
        if number >= _FEWEST and time.perf_counter() > deadline:
            break
    figures = {"p50": float(np.percentile(took, 50)), "p99": float(np.percentile(took, 99)), "queries": len(took)}
    if against is not None:
        figures["recall"] = recall(found, corpus.truth(name)[: len(found)])
    return figures


def _corpus(job: dict[str, Any]) -> Corpus:
    return Corpus(Path(job["data"]), job["rows"])


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "?"


def _status(field: str) -> float:
    """A line of /proc/self/status in MB; NaN where there is none."""
    try:
        lines = Path(f"/proc/{os.getpid()}/status").read_text().splitlines()
    except OSError:
        return float("nan")
    return next((int(line.split()[1]) * 1024 / 1e6 for line in lines if line.startswith(f"{field}:")), float("nan"))
