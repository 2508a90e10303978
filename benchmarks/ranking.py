"""Speed and memory of exact ranking, beside the matrix product and top-k it cannot do without.

    python -m benchmarks.ranking [--candidates 1000000] [--queries 10000] [--dim 128] [--depth 100] [--rounds 3]

Unit rows of Gaussian numbers; queries are the first candidates. Raw: the same chunks of queries and candidates through
faiss.knn, or through torch's product and topk, nothing merged, checked or excluded. All three take turns in one
process; a ratio is of one round, to the quicker raw form of that round. Peak memory is that of another process, which
makes the same rows and ranks once; inputs and libraries count. Prints a table and writes JSON.
"""

import argparse
import json
import multiprocessing
import os
import resource
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track
from rich.table import Table

from retrieval.evaluation.ranking import nearest

Vectors = NDArray[np.float32]
QUERIES, CHUNK = 2048, 1 << 24  # as in retrieval/evaluation/ranking.py


def rows(count: int, dim: int, seed: int) -> Vectors:
    vectors = np.random.default_rng(seed).standard_normal((count, dim), dtype=np.float32)
    for start in range(0, count, 65536):  # no second copy
        part = vectors[start : start + 65536]
        part /= np.linalg.norm(part, axis=1, keepdims=True)
    return vectors


def raw_faiss(queries: Vectors, candidates: Vectors, depth: int) -> None:
    import faiss

    step = CHUNK // candidates.shape[1]
    for first in range(0, len(queries), QUERIES):
        for start in range(0, len(candidates), step):
            chunk = candidates[start : start + step]
            faiss.knn(
                queries[first : first + QUERIES], chunk, min(depth, len(chunk)), metric=faiss.METRIC_INNER_PRODUCT
            )


def raw_torch(queries: Vectors, candidates: Vectors, depth: int) -> None:
    import torch

    asked, rows = torch.from_numpy(queries), torch.from_numpy(candidates)
    for first in range(0, len(queries), 256):  # products of a whole chunk would take 2 GiB
        for chunk in rows.split(CHUNK // candidates.shape[1]):
            (asked[first : first + 256] @ chunk.T).topk(min(depth, len(chunk)))


def ours(queries: Vectors, candidates: Vectors, depth: int) -> None:
    nearest(queries, candidates, np.arange(len(queries)), depth)


SYSTEMS: dict[str, Callable[[Vectors, Vectors, int], None]] = {
    "raw faiss": raw_faiss,
    "raw torch": raw_torch,
    "notelens": ours,
}


def peak_mib(args: argparse.Namespace, answer: "multiprocessing.Queue[float]") -> None:
    candidates = rows(args.candidates, args.dim, args.seed)
    ours(candidates[: args.queries].copy(), candidates, args.depth)
    answer.put(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def measure(args: argparse.Namespace) -> dict[str, Any]:
    context = multiprocessing.get_context("spawn")  # a fork would count this process's memory
    answer: multiprocessing.Queue[float] = context.Queue()
    child = context.Process(target=peak_mib, args=(args, answer))
    child.start()
    peak = answer.get()
    child.join()
    candidates = rows(args.candidates, args.dim, args.seed)
    queries = candidates[: args.queries].copy()
    for system in SYSTEMS.values():
        system(queries[:64], candidates[:4096], args.depth)  # imports, thread pools
    seconds: dict[str, list[float]] = {name: [] for name in SYSTEMS if args.torch or name != "raw torch"}
    for number in track(range(args.rounds), "ranking", console=Console(stderr=True)):
        names = list(seconds)
        for name in names[number % len(names) :] + names[: number % len(names)]:
            started = time.perf_counter()
            SYSTEMS[name](queries, candidates, args.depth)
            seconds[name].append(time.perf_counter() - started)
    quickest = [min(each) for each in zip(*(took for name, took in seconds.items() if name != "notelens"), strict=True)]
    ratios = [mine / raw for mine, raw in zip(seconds["notelens"], quickest, strict=True)]
    return {"seconds": seconds, "ratios": ratios, "ratio, median": statistics.median(ratios), "peak RSS, MiB": peak}


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--candidates", type=int, default=1_000_000)
    parser.add_argument("--queries", type=int, default=10_000)
    parser.add_argument("--dim", type=int, default=128)
    parser.add_argument("--depth", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--torch", action=argparse.BooleanOptionalAction, default=True, help="torch's raw form as well")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/out/ranking.json"))
    args = parser.parse_args()
    args.queries = min(args.queries, args.candidates)
    figures = measure(args)
    title = f"{args.candidates:,} candidates × {args.queries:,} queries × {args.dim}, best {args.depth}"
    shown = Table("system", "median s", "all rounds, s", box=None, title=title, title_justify="left")
    for name, took in figures["seconds"].items():
        shown.add_row(name, f"{statistics.median(took):.2f}", ", ".join(f"{each:.2f}" for each in took))
    console = Console()
    console.print(shown)
    each = ", ".join(f"{ratio:.2f}" for ratio in figures["ratios"])
    console.print(f"ratio to the quicker raw form: {figures['ratio, median']:.2f} ({each})", highlight=False)
    console.print(f"peak memory with inputs: {figures['peak RSS, MiB']:,.0f} MiB", highlight=False)
    about = {"candidates": args.candidates, "queries": args.queries, "dim": args.dim, "depth": args.depth}
    about |= {"seed": args.seed, "threads": os.environ.get("OMP_NUM_THREADS", f"all of {os.cpu_count()}")}
    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.write_text(json.dumps(about | figures, indent=2))


if __name__ == "__main__":
    main()
