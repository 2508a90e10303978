"""Systems on one pool: every figure of each, with intervals, and how they compare."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from retrieval.evaluation.bootstrap import Bootstrap
from retrieval.evaluation.encoding import Reading
from retrieval.evaluation.metrics.accuracy import DEFAULT_MEASURES, accuracy, recall_curve
from retrieval.evaluation.metrics.catalogue import catalogue
from retrieval.evaluation.metrics.diversity import diversity
from retrieval.evaluation.metrics.novelty import novelty
from retrieval.evaluation.metrics.parity import category_parity, exposure_parity
from retrieval.evaluation.pool import Pool
from retrieval.evaluation.results import Comparison, Estimate, Evaluation, ScoreHistogram, SliceRow, SystemResult
from retrieval.evaluation.slices import Slice, make_slices
from retrieval.evaluation.systems.base import OnProgress, Ranking, System

Kind = Literal["baseline", "ceiling", "vectors", "encoder", "index"]
OWN = ("vectors", "encoder", "index")
# Places of a list that coverage, novelty, diversity and parity are measured over: what a person sees.
LIST = 10
# A category of fewer queries says little of itself.
FEWEST = 20
BINS = 40
# Values by query and slice that intervals are made of at once: some 200 MiB with what making them takes.
COLUMNS = 1 << 23
# Random pairs that stand for all in a histogram of scores.
RANDOM_PAIRS = 20_000


@dataclass(frozen=True, slots=True)
class Entry:
    """A system as it stands in an evaluation: its kind, what of a note it reads, and what one must know of it.

    partial: it cannot answer every query, and is compared on those it answers.
    """

    system: System
    kind: Kind
    reads: Reading | Literal[""] = ""
    remark: str = ""
    partial: bool = False

    @property
    def label(self) -> str:
        """Its name, with what it reads where that is not all."""
        return f"{self.system.name} ({self.reads})" if self.reads in ("text", "image") else self.system.name


@dataclass(frozen=True, slots=True)
class EvaluationConfig:
    """What is measured: measures as ir-measures writes them, lists this deep, intervals from so many rounds."""

    measures: tuple[str, ...] = DEFAULT_MEASURES
    depth: int = 100
    rounds: int = 1000
    seed: int = 0


def evaluate(
    pool: Pool,
    entries: Sequence[Entry],
    config: EvaluationConfig = EvaluationConfig(),
    protocol: Mapping[str, Any] | None = None,
    on_system: Callable[[str, int], OnProgress] | None = None,
) -> Evaluation:
    """Rank and measure every system, and compare the first that is no baseline with all others. Raises EvaluationError.

    on_system is told of a system's label and the number of its queries, and returns what is told of queries done.
    """
    started = perf_counter()
    bootstrap = Bootstrap(len(pool.queries), config.rounds, config.seed)
    slices = make_slices(pool)
    results = []
    for entry in entries:
        on_progress = on_system(entry.label, len(pool.queries)) if on_system else None
        results.append(_measured(pool, entry, config, bootstrap, slices, on_progress))
    return Evaluation(
        protocol=dict(protocol or {}),
        pool=pool,
        systems=tuple(results),
        comparisons=tuple(_comparisons(entries, results, config, bootstrap)),
        seconds=perf_counter() - started,
    )


def _measured(
    pool: Pool,
    entry: Entry,
    config: EvaluationConfig,
    bootstrap: Bootstrap,
    slices: Sequence[Slice],
    on_progress: OnProgress | None,
) -> SystemResult:
    started = perf_counter()
    deepest = min(config.depth, len(pool) - 1)
    ranking = entry.system.rank(pool.queries, deepest, on_progress).padded(config.depth)
    per_query = accuracy(ranking, pool.relevance, config.measures)
    beyond = {
        f"novelty@{LIST}": novelty(ranking, pool.popularity, _users(pool), LIST),
        f"diversity@{LIST}": diversity(ranking, pool.notes, LIST),
    }
    metrics = _estimates(per_query | beyond, bootstrap)
    return SystemResult(
        name=entry.label,
        kind=entry.kind,
        reads=entry.reads,
        remark=entry.remark,
        metrics=metrics,
        per_query=per_query | beyond,
        lists=_lists(pool, ranking, per_query),
        slices=tuple(_sliced(pool, ranking, per_query, slices, bootstrap, config)),
        curve=recall_curve(ranking, pool.relevance),
        histogram=_histogram(pool, entry.system, config.seed),
        ranking=ranking,
        seconds=perf_counter() - started,
        family=entry.system.name,
    )


def _estimates(per_query: Mapping[str, NDArray[np.float64]], bootstrap: Bootstrap) -> dict[str, Estimate]:
    values = np.column_stack(list(per_query.values()))
    return dict(zip(per_query, bootstrap.estimates(values), strict=True))


def _users(pool: Pool) -> int:
    """How many people training may learn from."""
    return int((np.diff(pool.training.indptr) > 0).sum())


def _lists(pool: Pool, ranking: Ranking, per_query: Mapping[str, NDArray[np.float64]]) -> dict[str, float]:
    """Figures of all lists together; a category's parity is that of the first measure."""
    figures = catalogue(ranking, pool.popularity, LIST)
    notes = pool.notes
    exposure = exposure_parity(ranking, pool.relevance, notes.category, notes.categories, LIST)
    figures[f"category exposure distance@{LIST}"] = exposure.distance
    first = next(iter(per_query))
    parity = category_parity(per_query[first], notes.category[pool.queries], notes.categories, FEWEST)
    if parity:
        figures[f"category gap of {first}"] = parity.gap
        figures[f"category deviation of {first}"] = parity.deviation
    return figures


def _sliced(
    pool: Pool,
    ranking: Ranking,
    per_query: Mapping[str, NDArray[np.float64]],
    slices: Sequence[Slice],
    bootstrap: Bootstrap,
    config: EvaluationConfig,
) -> Iterator[SliceRow]:
    """Every measure on the parts of the queries; of parts of the right answers recall alone, which can be split so."""
    names = list(per_query)
    values = np.column_stack(list(per_query.values()))
    recalls = [name for name in config.measures if name.startswith("R@")]
    parts = [part for part in slices if part.answers is None]
    together = max(1, COLUMNS // max(1, values.size))
    for start in range(0, len(parts), together):  # at once, for each pass over the draws of many queries takes long
        some = parts[start : start + together]
        masked = np.concatenate([np.where(part.queries[:, None], values, np.nan) for part in some], axis=1)
        found = iter(bootstrap.estimates(masked))
        for part in some:
            yield SliceRow(part.group, part.name, int(part.queries.sum()), {name: next(found) for name in names})
    for part in slices:
        if part.answers is not None and recalls:
            relevance = pool.relevance.among(part.answers)
            of_part = accuracy(ranking, relevance, recalls)
            yield SliceRow(part.group, part.name, int((relevance.counts > 0).sum()), _estimates(of_part, bootstrap))


def _histogram(pool: Pool, system: System, seed: int) -> ScoreHistogram | None:
    """How relevant pairs and random ones are scored; None where the system gives no scores, or equal ones to all."""
    rng = np.random.default_rng(seed)
    asked = np.repeat(pool.queries, pool.relevance.counts)
    relevant = system.score_pairs(asked, pool.relevance.positions)
    some = pool.queries[rng.integers(0, len(pool.queries), RANDOM_PAIRS)]
    others = rng.integers(0, len(pool), RANDOM_PAIRS)
    apart = some != others
    random = system.score_pairs(some[apart], others[apart])
    if relevant is None or random is None:
        return None
    low, high = (float(bound(np.concatenate([relevant, random]))) for bound in (np.min, np.max))
    if not low < high:
        return None
    edges = np.linspace(low, high, BINS + 1)
    shares = [np.histogram(scores, edges)[0] / len(scores) for scores in (relevant, random)]
    return ScoreHistogram(edges, *shares)


def _comparisons(
    entries: Sequence[Entry], results: Sequence[SystemResult], config: EvaluationConfig, bootstrap: Bootstrap
) -> Iterator[Comparison]:
    """The first system that is no baseline against every other one that reads whole notes, on every measure.

    A baseline that cannot answer every query is compared on those it answers, if there are any.
    """
    whole = [(entry, result) for entry, result in zip(entries, results, strict=True) if result.reads in ("", "both")]
    main = next((result for _, result in whole if result.kind in OWN), None)
    if main is None:
        return
    for entry, other in whole:
        answered = other.ranking.positions[:, 0] >= 0 if entry.partial else np.ones(bootstrap.queries, dtype=np.bool_)
        if other is main or not answered.any():
            continue
        number = None if answered.all() else int(answered.sum())
        ours, theirs = (np.column_stack([one.per_query[name] for name in config.measures]) for one in (main, other))
        for metric, found in zip(config.measures, bootstrap.compares(ours, theirs, answered), strict=True):
            yield Comparison(main.name, other.name, metric, *found, queries=number)
