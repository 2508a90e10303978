"""Intervals and significance: queries are drawn again with replacement, the same draws for everything (paired)."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from retrieval.evaluation.errors import EvaluationError
from retrieval.evaluation.results import Estimate, PerQuery

_PERCENTILES = (2.5, 97.5)
_CHUNK = 1 << 21
"""Counts made at a time: some 50 MiB with all that making them takes."""
_KEPT = 1 << 25
"""Counts that are kept, 64 MiB; where there are more they are made again, from the seed, each time."""

Counts = NDArray[np.uint16]
"""How often each query was drawn, by rounds and queries."""


@dataclass(frozen=True, slots=True)
class Bootstrap:
    """Draws Q queries out of Q with replacement, `rounds` times; the draws are a function of the three numbers.

    Every system, metric and part of the queries sees the same draws, so their difference does not carry the noise that
    they share (Efron and Tibshirani 1993, chapters 6 and 13; over topics of retrieval: Sakai, SIGIR 2006). Values are
    float64 [Q]; NaN, not counted, stays away from the mean of every round. A part of the queries (mask) is of another
    size in each round, as it would be in another sample. Memory: under 100 MB beside the values and a copy of them.
    """

    queries: int
    rounds: int = 1000
    seed: int = 0
    _kept: list[Counts] = field(default_factory=list, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.queries < 0 or self.rounds < 1 or self.seed < 0:
            raise EvaluationError(
                f"a bootstrap of {self.queries} queries, {self.rounds} rounds and seed {self.seed} was asked for; "
                "wanted at least 0 queries, 1 round and seed 0"
            )

    def estimate(self, values: PerQuery, mask: NDArray[np.bool_] | None = None) -> Estimate:
        """The mean over the counted queries with its percentile interval; see `estimates`."""
        return self.estimates(values[:, None], mask)[0]

    def estimates(self, values: PerQuery, mask: NDArray[np.bool_] | None = None) -> list[Estimate]:
        """M means with 95 % percentile intervals, of float64 [Q, M], in one go: far quicker than one by one.

        Percentiles 2.5 and 97.5 of the rounds' means. No interval where fewer than two queries count, and NaN where
        none does; rounds that drew none of the counted queries have no mean and are left out.
        """
        counted = ~np.isnan(values)
        if mask is not None:
            counted &= mask[:, None]
        # The sets of counted queries are few, most often one: no need to add each up for every column.
        patterns: dict[bytes, int] = {}
        pattern = [patterns.setdefault(np.packbits(column).tobytes(), len(patterns)) for column in counted.T]
        first = [pattern.index(number) for number in range(len(patterns))]
        width = values.shape[1]
        columns = np.zeros((len(values), width + len(first)))
        np.copyto(columns[:, :width], values, where=counted)
        columns[:, width:] = counted[:, first]
        sums = self._sums(columns)
        drawn = sums[:, width:][:, pattern]
        means = np.divide(sums[:, :width], drawn, out=np.full(drawn.shape, np.nan), where=drawn > 0)
        return [
            _estimate(float(columns[:, i].sum() / n) if n else float("nan"), means[:, i] if n > 1 else None)
            for i, n in enumerate(counted.sum(axis=0))
        ]

    def compare(
        self, a: PerQuery, b: PerQuery, mask: NDArray[np.bool_] | None = None
    ) -> tuple[Estimate, Estimate, float]:
        """Compare a with b, float64 [Q] each; see `compares`."""
        return self.compares(a[:, None], b[:, None], mask)[0]

    def compares(
        self, a: PerQuery, b: PerQuery, mask: NDArray[np.bool_] | None = None
    ) -> list[tuple[Estimate, Estimate, float]]:
        """Compare M columns of a with those of b, float64 [Q, M] each, in one go: a mean less b's, over b's, and p.

        Only queries that both have count. p is twice the share of rounds, the one seen among them, whose difference
        lies on the other side of 0 or at it, at most 1 (Efron and Tibshirani 1993, 15.4 and 16): from 2 / (rounds + 1)
        up, never 0, and under 0.05 where the interval leaves 0 out (to within one round). With fewer than two queries
        p is 1. The ratio is NaN where mean(b) is 0, and has no interval where that is so in some round.
        """
        counted = ~np.isnan(a) & ~np.isnan(b)
        if mask is not None:
            counted &= mask[:, None]
        apart, base = np.where(counted, a - b, 0.0), np.where(counted, b, 0.0)
        columns = a.shape[1]
        sums = self._sums(np.concatenate([apart, base, counted], axis=1))
        found = []
        for i, number in enumerate(counted.sum(axis=0).tolist()):
            rounds = sums[:, [i, columns + i, 2 * columns + i]]
            found.append(_comparison(apart[:, i], base[:, i], number, rounds[rounds[:, 2] > 0]))
        return found

    def _sums(self, values: PerQuery) -> PerQuery:
        """Sums over each round's queries, float64 [rounds, M], of values [Q, M]."""
        if len(values) != self.queries:
            raise EvaluationError(f"values of {len(values)} queries were given to a bootstrap of {self.queries}")
        parts = [counts.astype(np.float64) @ values for counts in self._counts()]
        return np.concatenate(parts) if parts else np.zeros((self.rounds, values.shape[1]))

    def _counts(self) -> Iterator[Counts]:
        """How often each query was drawn, uint16 [rounds, Q], some rounds at a time, always the same."""
        if self._kept:
            yield from self._kept
            return
        if not self.queries:
            return
        keep = self.rounds * self.queries <= _KEPT
        generator = np.random.default_rng(self.seed)
        step = max(1, _CHUNK // self.queries)
        made: list[Counts] = []
        for start in range(0, self.rounds, step):
            rounds = min(step, self.rounds - start)
            drawn = generator.integers(0, self.queries, size=(rounds, self.queries))
            drawn += np.arange(rounds)[:, None] * self.queries
            flat = np.bincount(drawn.ravel(), minlength=rounds * self.queries)
            counts = flat.reshape(rounds, self.queries).astype(np.uint16)
            if keep:
                made.append(counts)
            yield counts
        # Only now: whoever stops half way must not leave half the rounds behind.
        self._kept.extend(made)


def _comparison(apart: PerQuery, base: PerQuery, number: int, rounds: PerQuery) -> tuple[Estimate, Estimate, float]:
    """From differences and base values [Q] of so many counted queries, and their sums and number by round [B, 3]."""
    if not number:
        return Estimate(float("nan")), Estimate(float("nan")), 1.0
    difference = float(apart.sum() / number)
    # By way of the difference, so that equal values give 1 exactly, however sums are rounded.
    ratio = 1 + float(apart.sum() / base.sum()) if base.any() else float("nan")
    if number < 2:
        return Estimate(difference), Estimate(ratio), 1.0
    differences = rounds[:, 0] / rounds[:, 2]
    ratios = 1 + rounds[:, 0] / rounds[:, 1] if len(rounds) and rounds[:, 1].all() else None
    beyond = 1 + min(np.count_nonzero(differences <= 0), np.count_nonzero(differences >= 0))
    p_value = min(1.0, float(2 * beyond / (len(differences) + 1)))
    return _estimate(difference, differences), _estimate(ratio, ratios), p_value


def _estimate(value: float, rounds: PerQuery | None) -> Estimate:
    """A value with the percentile interval of its rounds [rounds]; without one where there are none."""
    if rounds is None or np.isnan(value):
        return Estimate(value)
    rounds = rounds[~np.isnan(rounds)]
    if not rounds.size:
        return Estimate(value)
    low, high = np.percentile(rounds, _PERCENTILES)
    return Estimate(value, float(low), float(high))
