"""What the demo's training is worth on notes that nobody had clicked: several demo corpora, their queries together.

    python benchmarks/demo_training.py [--seeds 7 0 1 2 3 4] [--recipe fusion] [--stage test] [--work FOLDER]
                                       [--out FILE.json]

One demo corpus has some hundred queries, too few to tell anything at the top of a list. Each seed draws another corpus,
as `make demo` does (its own is 7), trains on what was looked at before the stage and evaluates on what came out
after; then queries of all are put together and paired. A corpus whose evaluation is in FOLDER is not made again.
"""

import argparse
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from app.demo.corpus import make_demo_corpus
from retrieval.evaluation.bootstrap import Bootstrap

METRICS = ("nDCG@10", "R@10", "R@50", "R@100")
ROUNDS = 2000


def main() -> None:
    """Run all, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[7, 0, 1, 2, 3, 4])
    parser.add_argument("--recipe", default="fusion")
    parser.add_argument("--stage", choices=("validation", "test"), default="test")
    parser.add_argument("--work", type=Path, default=Path("benchmarks/out/demo_training"))
    parser.add_argument("--out", type=Path, default=Path("benchmarks/out/demo_training.json"))
    args = parser.parse_args()
    found = [evaluated(seed, args) for seed in args.seeds]
    zero, trained = (np.concatenate([values[name] for values in found]) for name in ("zero", "trained"))
    pooled = Bootstrap(len(zero), ROUNDS).compares(trained, zero)
    table = Table("corpus", "queries", *(f"{name}, zero-shot / trained" for name in METRICS), box=None)
    rows = [(f"seed {seed}", each["zero"], each["trained"]) for seed, each in zip(args.seeds, found, strict=True)]
    for title, before, after in [*rows, ("all", zero, trained)]:
        means = zip(before.mean(axis=0), after.mean(axis=0), strict=True)
        table.add_row(title, str(len(before)), *(f"{mean:.4f} / {other:.4f}" for mean, other in means))
    apart = [each for each, _, _ in pooled]
    shown = (f"{each.value:+.4f} ({each.low:+.4f} to {each.high:+.4f})" for each in apart)
    table.add_row("trained less zero-shot", "", *shown)
    Console(width=160).print(table)
    systems = [
        {name: dict(zip(METRICS, rows.mean(axis=0), strict=True)) for name, rows in each.items()} for each in found
    ]
    intervals = {name: [each.value, each.low, each.high] for name, each in zip(METRICS, apart, strict=True)}
    said = {
        "recipe": args.recipe,
        "stage": args.stage,
        "seeds": args.seeds,
        "queries": [len(each["zero"]) for each in found],
    }
    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.write_text(json.dumps(said | {"by seed": systems, "trained less zero-shot": intervals}, indent=2))


def evaluated(seed: int, args: argparse.Namespace) -> dict[str, NDArray[np.float64]]:
    """Metrics of one corpus by system, [queries, metrics], trained on and evaluated, or as a run before left them."""
    folder = args.work / f"{args.recipe}-{args.stage}-{seed}"
    values = folder / "evaluation" / "per_query.parquet"
    if not values.is_file():
        shutil.rmtree(folder, ignore_errors=True)
        corpus, encoder = folder / "corpus", folder / "encoder"
        make_demo_corpus(corpus, seed=seed)
        run("train", corpus, "--recipe", args.recipe, "--stage", args.stage, "--out", encoder)
        names = (f"trained={encoder}", "zero=minilm")
        split = ("--split", encoder / "split.json", "--stage", args.stage)
        run("evaluate", *names, "--corpus", corpus, *split, "--out", folder / "evaluation")
    rows = pq.read_table(values).sort_by("query")
    systems = ("zero", "trained", "random", "co-occurrence")
    chosen = {name: rows.filter(pc.field("system") == name) for name in systems}
    assert all(each["query"].equals(chosen["zero"]["query"]) for each in chosen.values())
    return {name: np.stack([each[metric].to_numpy() for metric in METRICS], axis=1) for name, each in chosen.items()}


def run(*command: object) -> None:
    """Run a command of notelens; its progress and mistakes are seen."""
    subprocess.run([sys.executable, "-m", "app.cli", *map(str, command)], check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    main()
