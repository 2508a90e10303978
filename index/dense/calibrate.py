"""The search width that reaches a target recall, found by measuring at build time.

Some stored vectors are asked for their neighbours, themselves left out, and the answers held against exact
search. A neighbour counts as found when its score is as good as the true k-th, so duplicates do no harm.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from index.base import JSON, Keys, Vectors
from index.dense.lists import Grouped, Lists
from index.dense.search import Found, Searcher, Width, score_nearest

_QUERIES = 256
_FEW = 32
"""Queries where each costs much: for 1,000 neighbours, and under filters."""
_LISTS_SLACK, _GRAPH_SLACK = 0.3, 0.9
"""Of what the target leaves to miss, the share to do better by."""
_WORK = 30_000_000
"""Scores a filtered ground truth may cost; of a million rows that leaves 30 queries."""
_SAME = 2e-6
_SCANNED, _RANKED_AGAIN = 0.035, 0.4
"""Nanoseconds a dimension: passing over a row of an inverted list, scoring a candidate again."""
_FACTORS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128)
_STEPS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024, 1536, 2048, 4096, 8192)
_REACHES = (-0.3, -0.25, -0.2, -0.15, -0.1, -0.05, 0.0, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.6, 1.0, 2.0)
_SHARES = (0.2, 0.03)
"""Of the rows, in the random filters that the filtered width is measured on; a third filter keeps to one region."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """What was measured: widths for the 10, 100 and 1,000 nearest, and how far to look under a filter."""

    target: float = 1.0
    recall: float = 1.0
    """recall@10 measured at `ten`."""
    ten: Width = Width()
    hundred: Width = Width()
    thousand: Width = Width()
    reach: float = 2.0
    """Under a filter: how much further than the worst of the rows found a list's centroid may be, as a score."""
    filtered_recall: float = 1.0
    """The least recall@10 measured under a filter."""
    queries: int = 0

    def width(self, k: int) -> Width:
        """The width for k neighbours: measured up to 10, 100 and 1,000, in proportion beyond."""
        if k <= 10:  # measured with eleven candidates times the factor, whatever k is
            return Width(self.ten.probes, self.ten.factor * 11 / (k + 1))
        if k <= 100:
            return self.hundred
        return Width(round(self.thousand.probes * max(1.0, k / 1000)), self.thousand.factor)

    def as_json(self) -> dict[str, JSON]:
        """Return the calibration as JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: Any) -> Self:
        """Read what as_json() gave. Raises TypeError, KeyError for anything else."""
        widths = {
            name: Width(int(value[name]["probes"]), float(value[name]["factor"]))
            for name in ("ten", "hundred", "thousand")
        }
        return cls(**{**value, **widths})


def calibrate(searcher: Searcher, lists: Lists | None, target: float, seed: int) -> Calibration:
    """Measure a base that has more than its storage; without lists a filter's rows are all scored."""
    size = len(searcher)
    rng = np.random.default_rng(seed)
    own = np.sort(rng.choice(size, min(_QUERIES, size), replace=False)).astype(np.int64)
    queries = np.ascontiguousarray(searcher.vectors(own))
    # Queries from outside find less than rows that the lists, and all the more the graph, were made of.
    goal = target + (_GRAPH_SLACK if searcher.is_graph else _LISTS_SLACK) * (1 - target)

    def narrowest(exam: _Exam, k: int, steps: tuple[int, ...], factors: tuple[float, ...]) -> Width:
        asked = queries[: len(exam)]
        return _narrowest(
            lambda width: exam.recall(k, searcher.approximate(asked, min(k + 1, size), width)),
            goal,
            steps,
            factors,
            searcher,
        )

    if searcher.is_graph:
        factors: tuple[float, ...] = _FACTORS if searcher.is_reduced else (1.0,)
        steps = tuple(step for step in _STEPS if step >= 12)  # FAISS keeps at least as many as it is asked for
    else:
        factors, steps = _FACTORS, (*(step for step in _STEPS if step < searcher.lists), max(1, searcher.lists))
    many = _Exam(own, searcher.score_all(queries, min(101, size)))
    few = _Exam(own[:_FEW], searcher.score_all(queries[:_FEW], min(1001, size)))
    ten = narrowest(many, 10, steps, factors)
    hundred = narrowest(many, 100, tuple(step for step in steps if step >= ten.probes), (ten.factor,))
    thousand = narrowest(few, 1000, tuple(step for step in steps if step >= hundred.probes), (ten.factor,))
    reached = many.recall(10, searcher.approximate(queries, min(11, size), ten))
    found = Calibration(target, reached, ten, hundred, thousand, queries=len(own))
    if lists is None:
        return found
    return _under_filters(found, searcher, lists, queries, own, goal, rng)


class _Exam:
    """Queries whose true neighbours are known; each query is a row itself, and left out."""

    def __init__(self, own: Keys, truth: Found) -> None:
        self._own = own
        self._best = self._others(truth)

    def __len__(self) -> int:
        return len(self._own)

    def recall(self, k: int, found: Found) -> float:
        """The share of the k nearest that were found."""
        k = min(k, self._best.shape[1] - 1)
        if k < 1:
            return 1.0
        worst = self._best[:, k - 1 : k] - _SAME
        there = np.isfinite(worst)
        hits = (self._others(found)[:, :k] >= worst) & there
        return float(hits.sum() / max(1, k * there.sum()))

    def _others(self, found: Found) -> Vectors:
        scores, rows = found
        without = np.where((rows == self._own[:, None]) | (rows < 0), -np.inf, scores)
        return -np.sort(-without, axis=1)


def _narrowest(
    recall: Callable[[Width], float],
    goal: float,
    steps: tuple[int, ...],
    factors: tuple[float, ...],
    searcher: Searcher,
) -> Width:
    """The cheapest width that reaches the goal; the widest where none does."""

    def fewest(factor: float) -> Width | None:
        widths = (Width(step, factor) for step in steps)
        return next((width for width in widths if recall(width) >= goal), None)

    if len(factors) > 1:  # how far to re-rank shows among many lists; an eighth of them is nearly always enough
        for probes in dict.fromkeys((next(step for step in steps if step >= searcher.lists / 8), steps[-1])):
            enough = next((place for place, each in enumerate(factors) if recall(Width(probes, each)) >= goal), None)
            if enough is not None:
                factors = factors[enough : enough + 2]  # a wider re-ranking may spare more probes than it costs
                break
        else:
            return Width(steps[-1], factors[-1])
    choices = [width for factor in factors if (width := fewest(factor))]
    return min(choices or [Width(steps[-1], factors[0])], key=lambda width: _cost(width, searcher))


def _cost(width: Width, searcher: Searcher) -> float:
    if not searcher.lists:
        return float(width.probes)
    passed = width.probes * len(searcher) / searcher.lists
    return passed * _SCANNED + width.factor * 10 * _RANKED_AGAIN


def _under_filters(
    found: Calibration,
    searcher: Searcher,
    lists: Lists,
    queries: Vectors,
    own: Keys,
    goal: float,
    rng: np.random.Generator,
) -> Calibration:
    """Measure how far to look under a filter, on random ones and on one that keeps to a region."""
    size = len(searcher)
    few = slice(0, max(8, min(_FEW, _WORK // size)))
    near = lists.scores(queries[few])
    trials = []
    for mask in _masks(size, lists, near[0], rng):
        truth = searcher.score_rows(queries[few], min(11, size), np.flatnonzero(mask))
        trials.append((_Exam(own[few], truth), Grouped(lists, mask)))
    for reach in _REACHES:
        reached = min(
            exam.recall(10, score_nearest(searcher, queries[few], near, grouped, reach, 11)) for exam, grouped in trials
        )
        if reached >= goal:
            break
    return replace(found, reach=reach, filtered_recall=reached)


def _masks(size: int, lists: Lists, near: Vectors, rng: np.random.Generator) -> Iterator[NDArray[np.bool_]]:
    for share in _SHARES:
        yield rng.random(size) < share
    # The tenth of the lists around one vector: most queries lie outside of that region.
    mask = np.zeros(size, dtype=bool)
    for number in np.argsort(-near)[: max(1, len(lists) // 10)].tolist():
        mask[lists.rows[lists.ends[number - 1] if number else 0 : lists.ends[number]]] = True
    yield mask
