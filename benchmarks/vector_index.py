"""The index beside raw faiss and other embedded vector stores, on the same rows, in one run.

    python benchmarks/vector_index.py [--rows 100000] [--peers raw,notelens,…|all] [--target 0.95] [--repeats 3]

(Not index.py: beside that name no benchmark could import the package `index`.)

Every phase of every system is a process of its own; repetitions go round the systems. Prints the tables and writes all
figures as JSON. A peer that is not installed, or fails, is named with the reason. The peers:

    pip install hnswlib usearch lancedb milvus-lite pymilvus qdrant-edge-py zvec chromadb faiss-cpu numpy

best into an environment of their own, whose interpreter is given as --peer-python; raw faiss and notelens always run in
this one. Rows, indexes and logs go to --work, or a temporary folder that is removed.
"""

import argparse
import json
import os
import platform
import random
import signal
import sys
import tempfile
from pathlib import Path
from typing import Any

from index_peers.base import SYSTEMS, chosen
from index_peers.data import corpus
from index_peers.report import show
from index_peers.spawn import Jobs
from rich.console import Console

_NEAR = 0.002
"""By how much less recall raw faiss may be tuned to than notelens reached: a fifth of a neighbour in ten queries."""


def measure(jobs: Jobs, names: list[str], args: argparse.Namespace, console: Console, figures: dict[str, Any]) -> None:
    """Run every phase over the systems; `figures` fills as it goes, and is written after every step."""
    systems: dict[str, dict[str, Any]] = figures["systems"]

    def alive() -> list[str]:
        return [name for name in names if name not in jobs.failed]

    def keep(name: str, phase: str, found: dict[str, Any] | None) -> None:
        if found is None:
            console.print(f"{name}: {jobs.failed[name]}", style="yellow", markup=False, highlight=False)
        else:
            systems.setdefault(name, {}).setdefault(phase, []).append(found)
        figures["failed"] = jobs.failed
        args.out.parent.mkdir(parents=True, exist_ok=True)
        args.out.write_text(json.dumps(figures, indent=1))

    for number in range(args.builds):
        for name in alive():
            console.print(f"build {number + 1}/{args.builds}: {name}", style="dim", highlight=False)
            keep(name, "build", jobs.run(name, "build", 2))
    for name in sorted(alive(), key=lambda name: not SYSTEMS[name].pair):  # notelens first: raw is tuned to its recall
        console.print(f"tune: {name}", style="dim", highlight=False)
        targets = {"target": args.target}
        for ours in alive():
            if SYSTEMS[ours].pair == name and "tune" in systems[ours]:
                targets["paired"] = systems[ours]["tune"]["widths"]["target"]["recall"] - _NEAR
        found = jobs.run(name, "tune", 1, targets=targets)
        keep(name, "tune", found)
        if found is not None:
            systems[name]["tune"] = found
    for number in range(args.repeats):
        for name in alive():
            console.print(f"measure {number + 1}/{args.repeats}: {name}", style="dim", highlight=False)
            widths, filtered = systems[name]["tune"]["widths"], systems[name]["tune"]["filtered"]
            for phase, threads in (("single", 1), ("batch", 2)):
                if name in alive():
                    keep(name, phase, jobs.run(name, phase, threads, widths=widths, filtered=filtered))
            if name in alive():
                with jobs.copied(name) as copy:
                    keep(name, "write", jobs.run(name, "write", 2, widths=widths, folder=str(copy)))
    dice = random.Random(args.seed)
    for number in range(args.kills):
        for name in alive():
            console.print(f"kill {number + 1}/{args.kills}: {name}", style="dim", highlight=False)
            keep(name, "kill", jobs.killed(name, dice))


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--peers", default="all", help=f"of {', '.join(['raw', 'notelens', 'all', *SYSTEMS])}")
    parser.add_argument("--target", type=float, default=0.95, help="recall@10 that every system is tuned to")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--builds", type=int, default=1)
    parser.add_argument("--kills", type=int, default=3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--timeout", type=float, default=1800, help="seconds a phase may take")
    parser.add_argument("--peer-python", default=sys.executable, help="interpreter of the environment the peers are in")
    parser.add_argument("--work", type=Path, help="folder that is kept, with rows, indexes and logs")
    parser.add_argument("--out", type=Path, default=Path("benchmarks/out/index.json"))
    parser.add_argument("--show", type=Path, help="print the tables of figures already written, and measure nothing")
    args = parser.parse_args()
    console = Console(width=None if sys.stdout.isatty() else 220)
    if args.show:
        show(console, json.loads(args.show.read_text()))
        return
    try:
        names = chosen(args.peers)
    except ValueError as error:
        parser.error(str(error))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that no child is left running
    with tempfile.TemporaryDirectory() as folder:
        work = (args.work or Path(folder)).resolve()
        console.print(f"{args.rows:,} rows under {work}", style="dim", highlight=False)
        data = work / f"rows-{args.rows}-{args.seed}"
        corpus(data, args.rows, args.seed)
        work = work / f"run-{args.rows}-{args.target}"
        jobs = Jobs(work, data, args.rows, args.target, args.peer_python, args.timeout)
        figures: dict[str, Any] = {
            "command": sys.argv,
            "machine": f"{platform.machine()}, {os.cpu_count()} processors, Python {platform.python_version()}",
            **{name: getattr(args, name) for name in ("rows", "target", "repeats", "seed")},
            "systems": {},
            "failed": {},
        }
        measure(jobs, names, args, console, figures)
    show(console, figures)


if __name__ == "__main__":
    main()
