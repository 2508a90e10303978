"""Evaluations made from arrays: real rankings and metrics by plain loops, invented intervals."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest

from encoders.images import NoteImage
from encoders.note import Note
from retrieval.evaluation.entries import CEILING
from retrieval.evaluation.facts import NoteFacts
from retrieval.evaluation.pool import Pool
from retrieval.evaluation.relevance import Relevance
from retrieval.evaluation.results import (
    Comparison,
    Estimate,
    Evaluation,
    GenerationResult,
    IndexRecall,
    ScoreHistogram,
    SliceRow,
    SystemResult,
)
from retrieval.evaluation.systems.base import Ranking

HOSTILE = "<script>window.ran = 1</script>"
TITLES = [
    HOSTILE,
    "地平线上的电影 & 茶",
    "مرحبا بالعالم (1)",
    "日" * 300,
    "Donaudampfschiff" * 25,
    "<img src=x onerror='window.ran = 1'>",
    "$x_1$ {{ 7 * 7 }}",
]


def estimate(values: np.ndarray, spread: float = 1.96) -> Estimate:
    """Mean with a normal interval, NaN values not counted."""
    counted = values[~np.isnan(values)]
    if len(counted) < 2:
        return Estimate(float(counted.mean()) if len(counted) else math.nan)
    mean, half = float(counted.mean()), spread * float(counted.std(ddof=1)) / math.sqrt(len(counted))
    return Estimate(mean, mean - half, mean + half)


def ranking_of(scores: np.ndarray, queries: np.ndarray, depth: int) -> Ranking:
    """The best notes of dense scores [Q, N]."""
    scores = scores.astype(np.float32)
    scores[np.arange(len(queries)), queries] = -np.inf
    order = np.argsort(-scores, axis=1, kind="stable")[:, :depth]
    return Ranking(order.astype(np.int64), np.take_along_axis(scores, order, axis=1))


def measured(ranking: Ranking, relevance: Relevance) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Metrics by query, and the recall curve."""
    found: dict[str, list[float]] = {name: [] for name in ("R@10", "R@50", "R@100", "nDCG@10", "RR@10")}
    curve = np.zeros(ranking.depth)
    for query in range(len(relevance)):
        relevant = relevance.of(query)
        hits = np.isin(ranking.positions[query], relevant)
        for k in (10, 50, 100):
            found[f"R@{k}"].append(hits[:k].sum() / len(relevant))
        gains = 1 / np.log2(np.arange(2, 12))
        found["nDCG@10"].append((hits[:10] * gains[: len(hits[:10])]).sum() / gains[: len(relevant)].sum())
        found["RR@10"].append(1 / (1 + hits[:10].argmax()) if hits[:10].any() else 0.0)
        curve += np.cumsum(hits) / len(relevant)
    return {name: np.array(values) for name, values in found.items()}, curve / len(relevance)


def system_result(
    name: str,
    reads: str,
    scores: np.ndarray,
    pool: Pool,
    groups: Mapping[str, Mapping[str, np.ndarray]],
    depth: int = 100,
    kind: str = "vectors",
    remark: str = "",
    histogram: bool = True,
) -> SystemResult:
    """Everything of one system; groups: masks over queries by group and slice."""
    ranking = ranking_of(scores, pool.queries, depth)
    per_query, curve = measured(ranking, pool.relevance)
    top = ranking.positions[:, :10].ravel()
    counts = np.sort(np.bincount(top, minlength=len(pool)))
    place = np.arange(1, len(pool) + 1)
    popularity = pool.popularity
    tail = popularity <= np.quantile(popularity, 0.8)
    novelty = -np.log2((popularity[ranking.positions[:, :10]] + 1) / (pool.training.shape[0] + 2)).mean(axis=1)
    rows = [
        SliceRow(group, part, int(mask.sum()), {m: estimate(v[mask]) for m, v in per_query.items()})
        for group, parts in groups.items()
        for part, mask in parts.items()
    ]
    shown = None
    if histogram:
        own = np.concatenate([scores[q, pool.relevance.of(q)] for q in range(len(pool.queries))])
        other = np.random.default_rng(0).choice(scores[np.isfinite(scores)].ravel(), 20_000)
        edges = np.histogram_bin_edges(np.concatenate([own, other]), 40)
        relevant, random = (np.histogram(each, edges)[0] / len(each) for each in (own, other))
        shown = ScoreHistogram(edges, relevant, random)
    metrics = {name: estimate(values) for name, values in per_query.items()} | {"novelty@10": estimate(novelty)}
    return SystemResult(
        name=name,
        kind=kind,
        reads=reads,
        remark=remark,
        metrics=metrics,
        per_query=per_query | {"novelty@10": novelty},
        lists={
            "coverage@10": len(np.unique(top)) / len(pool),
            "Gini@10": float(((2 * place - len(pool) - 1) * counts).sum() / (len(pool) * counts.sum())),
            "long-tail share@10": float(tail[top].mean()),
        },
        slices=tuple(rows),
        curve=curve,
        histogram=shown,
        ranking=ranking,
        seconds=1.25,
        family=name.split(" (")[0],
    )


def compared(a: SystemResult, b: SystemResult, metric: str = "nDCG@10") -> Comparison:
    """One comparison with a normal interval."""
    difference = estimate(a.per_query[metric] - b.per_query[metric])
    base = b.metrics[metric].value
    ratio = Estimate(
        *(None if x is None else 1 + x / base for x in (difference.value, difference.low, difference.high))
    )
    z = abs(difference.value) / ((difference.high - difference.low) / 3.92 or 1)
    return Comparison(a.name, b.name, metric, difference, ratio, max(math.erfc(z / math.sqrt(2)), 1 / 1001))


def small_pool(notes: int = 160, queries: int = 60, seed: int = 0) -> Pool:
    """A pool of invented notes with hostile names."""
    from scipy.sparse import random as sparse

    rng = np.random.default_rng(seed)
    ids = [f"n{i}" for i in range(notes)]
    ids[1], ids[2] = "电影/1", HOSTILE
    facts = NoteFacts(
        ids=ids,
        has_text=np.ones(notes, bool),
        has_image=rng.random(notes) < 0.8,
        text_length=rng.integers(1, 900, notes).astype(np.int32),
        category=rng.integers(0, 4, notes).astype(np.int32),
        language=np.full(notes, -1, np.int32),
        tags=np.zeros(0, np.int32),
        tag_offsets=np.zeros(notes + 1, np.int64),
        created_at=np.full(notes, math.nan),
        categories=("drama", "电影", "<b>bold</b>", "comedy"),
        languages=(),
    )
    counts = rng.integers(1, 9, queries)
    positions = np.concatenate([notes // 2 + rng.permutation(notes // 2)[:count] for count in counts])
    relevance = Relevance(
        np.concatenate([[0], np.cumsum(counts)]), positions.astype(np.int64), np.ones(len(positions), np.int32)
    )
    training = (sparse(50, notes, 0.1, format="csr", random_state=seed) > 0).astype(np.float32)
    return Pool(
        notes=facts,
        order=rng.permutation(notes),
        queries=np.arange(queries, dtype=np.int64),
        relevance=relevance,
        cold=np.arange(notes) < queries,
        training=training,
        exposure=rng.integers(0, 100, notes),
    )


def small_evaluation(seed: int = 0) -> Evaluation:
    """Seven systems over a small pool, with every part that an evaluation can have."""
    pool = small_pool(seed=seed)
    rng = np.random.default_rng(seed + 1)
    queries = len(pool.queries)
    truth = np.zeros((queries, len(pool)))
    for query in range(queries):
        truth[query, pool.relevance.of(query)] = 1
    category = pool.notes.category[pool.queries]
    groups = {
        "category": {name: category == code for code, name in enumerate(pool.notes.categories)},
        "exposure": {"low": pool.exposure[:queries] < 50, "high": pool.exposure[:queries] >= 50},
    }

    def scores(signal: float) -> np.ndarray:
        return signal * truth + rng.random(truth.shape)

    systems = (
        system_result("tower (text)", "text", scores(0.3), pool, groups),
        system_result("tower (image)", "image", scores(0.1), pool, groups),
        system_result("tower (both)", "both", scores(0.4), pool, groups),
        system_result(f"{HOSTILE} 模型", "both", scores(0.2), pool, groups),
        system_result("random", "", scores(0), pool, {}, kind="baseline", histogram=False),
        system_result("BM25", "", scores(0.25), pool, groups, kind="baseline"),
        system_result("co-occurrence", "", scores(2), pool, groups, kind="ceiling", remark=CEILING),
    )
    return Evaluation(
        protocol={"split": "items by hash, one in five cold", "seed": 7, "hashes": {"notes": "a1b2", "path": HOSTILE}},
        pool=pool,
        systems=systems,
        comparisons=(
            compared(systems[0], systems[5]),
            compared(systems[1], systems[2]),
            compared(systems[0], systems[0]),
        ),
        index_recall=(
            IndexRecall(
                "tower", "faiss ivf", 160, 60, {10: 0.9731, 100: 0.9912}, {"nDCG@10": (0.31, 0.3125)}, 0.412, 1.93
            ),
        ),
        generation=(
            GenerationResult(
                "heads", 140, {"category accuracy": Estimate(0.6123, 0.58, 0.64), "BLEU": Estimate(12.345)}
            ),
        ),
        seconds=83.2,
        warnings=(f"3 notes were rejected {HOSTILE}",),
    )


@pytest.fixture(scope="session")
def evaluation() -> Evaluation:
    return small_evaluation()


@pytest.fixture(scope="session")
def notes_of(tmp_path_factory: pytest.TempPathFactory, picture) -> Callable[[Sequence[str]], Mapping[str, Note]]:
    """Notes with hostile texts; every third has a picture, every ninth a broken one, some are not there at all."""
    folder: Path = tmp_path_factory.mktemp("pictures")
    picture(3, (400, 600)).save(folder / "good.jpg")
    (folder / "broken.jpg").write_bytes(b"no picture")

    def fetch(ids: Sequence[str]) -> Mapping[str, Note]:
        found = {}
        for place, note_id in enumerate(ids):
            if place % 11 == 10:
                continue
            name = "broken.jpg" if place % 9 == 0 else "good.jpg"
            found[note_id] = Note(
                id=note_id,
                title=TITLES[place % len(TITLES)],
                body="body of many words " * 260,
                tags=("tag", HOSTILE, "标签"),
                category="<i>category</i>",
                images=(NoteImage(name, folder / name),) if place % 3 == 0 else (),
            )
        return found

    return fetch
