"""Texts: the default tower in each precision beside sentence-transformers, on the same weights, texts and threads."""

from __future__ import annotations

import gc
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

PEER = "sentence-transformers"
ROOT = Path(__file__).parents[2]
# Short, as people type them; shorter than any note.
QUERIES = [
    "a heist in Las Vegas",
    "ramen in Kyoto",
    "how to mend an engine",
    "sunset trail",
    "films like Alien",
    "jazz",
]
STARTS = {
    PEER: "from sentence_transformers import SentenceTransformer as S; from encoders.text.stock import find_minilm; "
    "S(str(find_minilm()), device='cpu').encode(['a heist in Las Vegas'])",
    **{
        f"notelens {precision}": "from encoders.text.minilm import MiniLM; "
        f"MiniLM(precision={precision!r}).encode(['a heist in Las Vegas'])"
        for precision in ("bfloat16", "int8")
    },
}
Rows = NDArray[Any]


def run(corpus: Path | None, limit: int, repeats: int) -> dict[str, Any]:
    """Measure every system in turn, `repeats` times; ratios are of one turn, so a busy moment counts for both.

    corpus: a corpus folder; None: texts made up of the queries' words. Threads are as many as torch takes by itself.
    """
    import torch
    from sentence_transformers import SentenceTransformer

    from encoders.device import Precision
    from encoders.text.minilm import TOKEN_BUDGET, MiniLM
    from encoders.text.stock import find_minilm

    texts = _texts(corpus, limit)
    precisions: tuple[Precision, ...] = ("float32", "bfloat16", "int8")
    towers = {f"notelens {precision}": MiniLM(precision=precision) for precision in precisions}
    peer = SentenceTransformer(str(find_minilm()), device="cpu", local_files_only=True)
    systems: dict[str, Callable[[Sequence[str]], Rows]] = {PEER: lambda texts: np.asarray(peer.encode(list(texts)))}
    systems |= {name: tower.encode for name, tower in towers.items()}
    lengths = [len(row.ids) for row in towers["notelens float32"].tokenizer.encode_batch(texts)]
    vectors, seconds, cpu = _passes(systems, texts, repeats)
    singles = _singles(systems, 50 * repeats)
    starts = {name: [_start(code) for _ in range(repeats)] for name, code in STARTS.items()}
    found = {}
    for name in systems:
        cosines = _cosines(vectors[name], vectors[PEER])
        ratios = [other / own for other, own in zip(seconds[PEER], seconds[name], strict=True)]
        found[name] = {
            "texts_per_s": len(texts) / statistics.median(seconds[name]),
            "tokens_per_s": sum(lengths) / statistics.median(seconds[name]),
            "ratio": {"median": statistics.median(ratios), "min": min(ratios), "max": max(ratios)},
            # The same in processor time: what other work on the machine changes less.
            "cpu_ratio": statistics.median(a / b for a, b in zip(cpu[PEER], cpu[name], strict=True)),
            "mean_cosine": float(cosines.mean()),
            "min_cosine": float(cosines.min()),
            "padding": _padding(lengths, 32) if name == PEER else 0.0,
            "single_ms": {
                "p50": float(np.percentile(singles[name], 50)),
                "p99": float(np.percentile(singles[name], 99)),
            },
            "start_s": statistics.median(starts[name]) if name in starts else None,
            "seconds": seconds[name],
        }
    return {
        "texts": len(texts),
        "tokens": sum(lengths),
        "threads": torch.get_num_threads(),
        "token_budget": TOKEN_BUDGET,
        "repeats": repeats,
        "systems": found,
    }


def table(figures: dict[str, Any]) -> tuple[str, list[list[str]]]:
    """Return title and rows, the header first, of what `run` found."""
    header = ["system", "texts/s", "tokens/s", "× peer (min–max)", "× by CPU time", "mean cosine", "min cosine"]
    rows = [[*header, "padding", "one query p50 / p99 ms", "import + first vector s"]]
    for name, of in figures["systems"].items():
        ratio, single = of["ratio"], of["single_ms"]
        rows.append(
            [
                name,
                f"{of['texts_per_s']:,.0f}",
                f"{of['tokens_per_s']:,.0f}",
                f"{ratio['median']:.2f} ({ratio['min']:.2f}–{ratio['max']:.2f})",
                f"{of['cpu_ratio']:.2f}",
                f"{of['mean_cosine']:.5f}",
                f"{of['min_cosine']:.5f}",
                f"{of['padding']:.1%}",
                f"{single['p50']:.1f} / {single['p99']:.1f}",
                "" if of["start_s"] is None else f"{of['start_s']:.2f}",
            ]
        )
    what = f"{figures['texts']:,} texts, {figures['tokens']:,} tokens, {figures['threads']} threads"
    return f"Texts: {what}, {figures['repeats']} interleaved repeats", rows


def _texts(corpus: Path | None, limit: int) -> list[str]:
    dice = np.random.default_rng(0)
    if corpus is None:
        words = " ".join(QUERIES).split()
        return [" ".join(dice.choice(words, size)) for size in dice.integers(2, 150, limit)]
    from encoders.config import TowersConfig
    from encoders.corpus import Corpus, Placed
    from encoders.text.render import render

    fields = TowersConfig().text_fields
    placed = (entry for entry in Corpus(corpus) if isinstance(entry, Placed))
    texts = [text for entry in placed if (text := render(entry.note, fields))]
    return [texts[i] for i in dice.permutation(len(texts))[:limit]]


def _passes(
    systems: dict[str, Callable[[Sequence[str]], Rows]], texts: list[str], repeats: int
) -> tuple[dict[str, Rows], dict[str, list[float]], dict[str, list[float]]]:
    vectors: dict[str, Rows] = {}
    seconds: dict[str, list[float]] = {name: [] for name in systems}
    cpu: dict[str, list[float]] = {name: [] for name in systems}
    for encode in systems.values():
        encode(texts[:32])
    for _ in range(repeats):
        for name, encode in systems.items():
            gc.collect()
            started, used = time.perf_counter(), time.process_time()
            vectors[name] = encode(texts)
            seconds[name].append(time.perf_counter() - started)
            cpu[name].append(time.process_time() - used)
    return vectors, seconds, cpu


def _singles(systems: dict[str, Callable[[Sequence[str]], Rows]], count: int) -> dict[str, list[float]]:
    took: dict[str, list[float]] = {name: [] for name in systems}
    for i in range(count):
        for name, encode in systems.items():
            started = time.perf_counter()
            encode([QUERIES[i % len(QUERIES)]])
            took[name].append((time.perf_counter() - started) * 1000)
    return took


def _start(code: str) -> float:
    """Return the seconds a fresh process takes to import, load, and encode one text."""
    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, cwd=ROOT, env=dict(os.environ))
    return time.perf_counter() - started


def _padding(lengths: list[int], batch: int) -> float:
    """Return the share of padding where texts, sorted by length, go `batch` at a time."""
    ordered = sorted(lengths, reverse=True)
    padded = sum(ordered[i] * len(ordered[i : i + batch]) for i in range(0, len(ordered), batch))
    return 1 - sum(lengths) / padded


def _cosines(a: Rows, b: Rows) -> Rows:
    cosines: Rows = (a * b).sum(axis=1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)
    return cosines
