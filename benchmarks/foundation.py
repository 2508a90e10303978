"""Time and memory of build, query and start-up, each as a whole command.

    python benchmarks/foundation.py CORPUS [--runs 5] [--out FILE.json]

Prints the median (and minimum) of each figure and writes JSON. The build runs once from nothing and once more
with nothing to do; the start-up figures are whole processes; the in-process query is the Retriever's alone.
"""

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

NOTELENS = [sys.executable, "-m", "app.cli"]


def seconds(arguments: list[str]) -> float:
    """Run notelens as a process, output discarded; returns its wall-clock time."""
    started = time.perf_counter()
    subprocess.run([*NOTELENS, *arguments], check=True, capture_output=True)
    return time.perf_counter() - started


def query_ms(index: Path, ids: list[str]) -> list[float]:
    """Time queries by id in this process, in milliseconds each."""
    from retrieval import Retriever

    took = []
    with Retriever.open(index) as retriever:
        retriever.similar([ids[0]])
        for note_id in ids:
            started = time.perf_counter()
            retriever.similar([note_id], k=10)
            took.append((time.perf_counter() - started) * 1000)
    return took


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/out/foundation.json"))
    args = parser.parse_args()
    figures: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        index = Path(folder) / "index"
        figures["build, s"] = [seconds(["build", str(args.corpus), "--out", str(index)])]
        # The high-water mark over all children so far: the build is the only one, and the largest.
        figures["build, peak MiB"] = [resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024]
        figures["build again, nothing changed, s"] = [seconds(["build", str(args.corpus), "--out", str(index)])]
        from index import open_index

        with open_index(index) as opened:
            ids = [record.id for record, _ in zip(opened.scan(with_vectors=False), range(500), strict=False)]
            figures["notes"] = [opened.count()]
        commands = {
            "query --id, s": ["query", str(index), "--id", ids[0]],
            "show, s": ["show", str(index), ids[0]],
            "info, s": ["info", str(index)],
            "--help, s": ["--help"],
            "query --text, s": ["query", str(index), "--text", "a heist in Las Vegas"],
        }
        for _ in range(args.runs):  # interleaved, so that a busy moment does not fall on one command alone
            for name, command in commands.items():
                figures.setdefault(name, []).append(seconds(command))
        figures["query by id in process, ms"] = query_ms(index, ids)

    shown = Table("figure", "median", "min", "runs", box=None, title=str(args.corpus), title_justify="left")
    for name, values in figures.items():
        shown.add_row(name, f"{statistics.median(values):,.2f}", f"{min(values):,.2f}", str(len(values)))
    Console().print(shown)
    medians = {name: statistics.median(values) for name, values in figures.items()}
    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.write_text(json.dumps({"corpus": str(args.corpus), "median": medians, "all": figures}, indent=2))


if __name__ == "__main__":
    main()
