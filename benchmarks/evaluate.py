"""Time and memory of a whole evaluation, as a command.

    python benchmarks/evaluate.py CORPUS VECTORS.npz [--interactions FILE] [--runs 3] [--out FILE.json]

Five systems (random, popularity, BM25, co-occurrence, the vectors), all metrics and slices, 1,000 bootstrap rounds, the
report written. Prints wall-clock time and peak memory of each run, and what each system took.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter

from rich.console import Console
from rich.table import Table

BASELINES = ("random", "popularity", "bm25", "cooccurrence")
# A child that runs the command and says what its memory came to; measured from outside, runs would hide each other.
CHILD = """
import resource, sys
from app.cli import main
try:
    main()
finally:
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, file=sys.stderr)
"""


def main() -> None:
    """Run, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("vectors", type=Path)
    parser.add_argument("--interactions", type=Path)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/out/evaluate.json"))
    args = parser.parse_args()
    command = ["evaluate", str(args.vectors), "--corpus", str(args.corpus), "--json"]
    command += [part for name in BASELINES for part in ("--baseline", name)]
    command += ["--interactions", str(args.interactions)] if args.interactions else []
    runs, found = [], {}
    for _ in range(args.runs):
        with tempfile.TemporaryDirectory() as folder:
            started = perf_counter()
            done = subprocess.run(
                [sys.executable, "-c", CHILD, *command, "--out", folder], check=True, capture_output=True, text=True
            )
            wall = perf_counter() - started
        found = json.loads(done.stdout)
        runs.append({"seconds": wall, "peak MiB": float(done.stderr.split()[-1])})

    shown = Table("figure", "median", "min", "max", box=None, title=f"{found['pool']}", title_justify="left")
    for name in runs[0]:
        values = [run[name] for run in runs]
        shown.add_row(name, *(f"{figure:,.1f}" for figure in (statistics.median(values), min(values), max(values))))
    for system in found["systems"]:
        shown.add_row(f"{system['name']}, s (last run)", f"{system['seconds']:.2f}", "", "")
    Console().print(shown)
    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.write_text(json.dumps({"runs": runs, "pool": found["pool"]}, indent=2))


if __name__ == "__main__":
    main()
