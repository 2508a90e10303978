"""What an evaluation found, as values that tables, JSON and the report are made from."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrieval.evaluation.pool import Pool
from retrieval.evaluation.systems.base import Ranking

PerQuery = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean over queries with its 95 % bootstrap interval; None where there is no interval."""

    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class SliceRow:
    """Metrics over a part of the queries, or over all queries with only a part of the relevant notes."""

    group: str
    name: str
    queries: int
    metrics: Mapping[str, Estimate]


@dataclass(frozen=True, slots=True)
class ScoreHistogram:
    """How a system scores relevant pairs and random ones: edges float64 [B + 1], shares of the pairs float64 [B]."""

    edges: PerQuery
    relevant: PerQuery
    random: PerQuery


@dataclass(frozen=True, slots=True)
class SystemResult:
    """One system: what it reads of a note (both, text, image; "" for baselines), and how it ranked.

    name: unlike any other's. family: what its readings have in common, the encoder's name. kind: baseline, ceiling (it
    sees what nobody can, and competes with nobody), vectors, encoder or index.
    metrics: means over queries by name ("R@10", "nDCG@10", ...), per_query: the same before averaging, float64 [Q].
    lists: figures of all rankings together (coverage, Gini, ...). curve: recall by cutoff, float64 [depth].
    remark: what the reader must know to compare fairly, as that it can rank warm notes only.
    """

    name: str
    kind: str
    reads: str
    remark: str
    metrics: Mapping[str, Estimate]
    per_query: Mapping[str, PerQuery]
    lists: Mapping[str, float]
    slices: tuple[SliceRow, ...]
    curve: PerQuery
    histogram: ScoreHistogram | None
    ranking: Ranking
    seconds: float
    family: str = ""


@dataclass(frozen=True, slots=True)
class Comparison:
    """System a against system b on one metric, paired by query: mean(a) - mean(b), mean(a) / mean(b), two-sided p.

    queries: so many that both were compared on; None: all.
    """

    a: str
    b: str
    metric: str
    difference: Estimate
    ratio: Estimate
    p_value: float
    queries: int | None = None


@dataclass(frozen=True, slots=True)
class IndexRecall:
    """A served index against exact search over the same vectors, and what the difference costs in the end.

    recall: share of the exact k nearest that the index returns, by k. metrics: end to end, {metric: (served, exact)}.
    Milliseconds are of one query alone.
    """

    system: str
    kind: str
    notes: int
    queries: int
    recall: Mapping[int, float]
    metrics: Mapping[str, tuple[float, float]]
    p50_ms: float
    p99_ms: float


@dataclass(frozen=True, slots=True)
class Evaluation:
    """All of one run: what was evaluated on (protocol: facts by name), and every system in the order given."""

    protocol: Mapping[str, Any]
    pool: Pool
    systems: tuple[SystemResult, ...]
    comparisons: tuple[Comparison, ...] = ()
    index_recall: tuple[IndexRecall, ...] = ()
    generation: tuple["GenerationResult", ...] = ()
    seconds: float = 0.0
    warnings: tuple[str, ...] = field(default_factory=tuple)


@dataclass(frozen=True, slots=True)
class GenerationResult:
    """Suggested tags and categories of one system against what the notes' authors wrote, {metric: Estimate}.

    bleu: how BLEU was computed, as its tool states it.
    """

    name: str
    notes: int
    metrics: Mapping[str, Estimate]
    bleu: str = ""
