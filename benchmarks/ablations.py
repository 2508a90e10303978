"""What each ingredient of a recipe is worth: the recipe whole, then with one field changed at a time.

    python benchmarks/ablations.py CORPUS --interactions FILE [--recipe fusion] [--set FIELD=VALUE ...]
        --variant "name: FIELD=VALUE FIELD=VALUE" ... [--seeds 2] [--jobs 1] [--out FILE.json]

Every run is `notelens train` on a split's training notes and people, measured on its validation notes; the test notes
are not read. --set changes all runs, --variant makes one more. Prints means over the seeds and, beside the recipe
itself, the difference of nDCG@10 by seed. FILE.json is written after each run, and a run that stands there is not made
again: the same command goes on where it was stopped, and one more --variant or seed costs its own runs alone.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

METRICS = ("nDCG@10", "R@10", "R@100")
WHOLE = "the recipe"


def main() -> None:
    """Run all, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--interactions", type=Path, required=True)
    parser.add_argument("--recipe", default="fusion")
    parser.add_argument("--split", default="items+users")
    parser.add_argument("--set", dest="changes", action="append", default=[])
    parser.add_argument("--variant", dest="variants", action="append", default=[])
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--jobs", type=int, default=1, help="runs at once, which share the cores")
    parser.add_argument("--work", type=Path, default=Path("benchmarks/out/ablations"))
    parser.add_argument("--out", type=Path, default=Path("benchmarks/out/ablations.json"))
    args = parser.parse_args()
    variants: dict[str, list[str]] = {WHOLE: []}
    for variant in args.variants:
        name, _, changes = variant.partition(":")
        variants[name.strip()] = changes.split()
    done = Done(args)
    wanted = [(name, seed) for seed in range(args.seeds) for name in variants]
    with ThreadPoolExecutor(args.jobs) as pool:
        missing = [job for job in wanted if done.run(*job, variants[job[0]]) is None]
        for run in pool.map(lambda job: trained(args, job[0], variants[job[0]], job[1]), missing):
            done.add(run)
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in variants}
    for name, seed in wanted:
        found[name].append(done.run(name, seed, variants[name]) or {"failed": True})
    show(found)


class Done:
    """The runs of FILE.json, of which one that failed is made again."""

    def __init__(self, args: argparse.Namespace) -> None:
        self._path: Path = args.out
        self._same = {
            name: str(getattr(args, name)) for name in ("corpus", "interactions", "recipe", "split", "changes")
        }
        self._runs: list[dict[str, Any]] = []
        if self._path.is_file():
            found = json.loads(self._path.read_text())
            if found["settings"] != self._same:
                sys.exit(f"{self._path} has runs of other settings: name another --out, or delete it")
            self._runs = found["runs"]

    def run(self, name: str, seed: int, changes: list[str]) -> dict[str, Any] | None:
        """One run of that name, seed and changes, None where there is none."""
        key = {"variant": name, "seed": seed, "changes": changes}
        return next((run for run in self._runs if key.items() <= run.items()), None)

    def add(self, run: dict[str, Any] | None) -> None:
        """Keep a run, unless it failed."""
        if run is None:
            return
        self._runs.append(run)
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._path.write_text(json.dumps({"settings": self._same, "runs": self._runs}, indent=2))


def trained(args: argparse.Namespace, name: str, changes: list[str], seed: int) -> dict[str, Any] | None:
    """One run; what its training.json says of it, None where it failed, which is said."""
    folder = args.work / f"{name.replace(' ', '_').replace('/', '_')}-{seed}"
    for old in (folder, folder.with_name(folder.name + ".training")):
        shutil.rmtree(old, ignore_errors=True)
    folder.parent.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "app.cli", "train", str(args.corpus), "--interactions", str(args.interactions)]
    command += ["--recipe", args.recipe, "--split", args.split, "--seed", str(seed), "--out", str(folder)]
    command += [part for change in [*args.changes, *changes] for part in ("--set", change)]
    threads = {"OMP_NUM_THREADS": str(max(1, (os.cpu_count() or 1) // args.jobs))} if args.jobs > 1 else {}
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ | threads)
    if done.returncode:
        print(f"{name}, seed {seed}: {done.stderr.strip().splitlines()[-1]}", file=sys.stderr)
        return None
    record = json.loads((folder / "training.json").read_text())
    seconds = sum(stage["seconds"] for stage in record["stages"])
    run = {"variant": name, "seed": seed, "changes": changes, "before": record["evaluation"]["zero-shot"]}
    run |= {**record["evaluation"]["trained"], "seconds": seconds}
    print(f"{name}, seed {seed}: nDCG@10 {run['nDCG@10']:.4f}, R@100 {run['R@100']:.4f}", file=sys.stderr)
    return run


def show(found: dict[str, list[dict[str, Any]]]) -> None:
    """Print a row a variant."""
    table = Table("variant", *METRICS, "nDCG@10 - the recipe's, by seed", "s", box=None)
    for name, runs in found.items():
        if any("failed" in run for run in runs):
            table.add_row(name, "failed")
            continue
        means = [f"{np.mean([run[metric] for run in runs]):.4f}" for metric in METRICS]
        beside = found[WHOLE] if name != WHOLE and not any("failed" in run for run in found[WHOLE]) else []
        pairs = zip(runs, beside, strict=False)
        apart = ", ".join(f"{run['nDCG@10'] - whole['nDCG@10']:+.4f}" for run, whole in pairs)
        table.add_row(name, *means, apart, f"{np.mean([run['seconds'] for run in runs]):,.0f}")
    before = next((run["before"] for runs in found.values() for run in runs if "failed" not in run), None)
    if before:
        table.add_row("untrained", *(f"{before[metric]:.4f}" for metric in METRICS))
    Console().print(table)


if __name__ == "__main__":
    main()
