"""Whether categories are served alike: how well their queries fare, and how much of the places their notes get."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retrieval.evaluation.metrics.lists import top
from retrieval.evaluation.relevance import Relevance
from retrieval.evaluation.systems.base import Ranking


@dataclass(frozen=True, slots=True)
class CategoryParity:
    """A metric's means by category of the query, C of them: the lowest, the highest, and how far they lie apart.

    gap: highest - lowest. deviation: standard deviation between the categories' means, each category counting once.
    means: by category, in the order of the names. Of equal means the first category's stands.
    """

    worst: str
    best: str
    lowest: float
    highest: float
    gap: float
    deviation: float
    means: dict[str, float]


@dataclass(frozen=True, slots=True)
class ExposureParity:
    """How the shown places are spread over C categories against how the relevant notes are; both sum to 1.

    names: the categories. shown, relevant: shares of the places and of the relevant notes, float64 [C].
    """

    names: tuple[str, ...]
    shown: NDArray[np.float64]
    relevant: NDArray[np.float64]

    @property
    def distance(self) -> float:
        """Total variation between the two: the share of places that would have to change category, 0 to 1; or NaN."""
        return float(np.abs(self.shown - self.relevant).sum() / 2) if self.names else float("nan")


def category_parity(
    values: NDArray[np.float64], categories: NDArray[np.int32], names: Sequence[str], minimum: int
) -> CategoryParity | None:
    """Compare a metric between categories that have at least `minimum` queries; None where fewer than two have.

    values: float64 [Q], NaN is not counted. categories: int32 [Q], each query's as a place in names, -1 for none (left
    out). The gap is what fairness of accuracy between groups looks at (Ekstrand et al., FAT* 2018); small categories
    are left out because their means scatter, and the worst and best of many would be those.
    """
    counted = ~np.isnan(values) & (categories >= 0)
    number = np.bincount(categories[counted], minlength=len(names))
    total = np.bincount(categories[counted], weights=values[counted], minlength=len(names))
    large = np.flatnonzero(number >= max(1, minimum))
    if len(large) < 2:
        return None
    means = {names[int(i)]: float(total[i] / number[i]) for i in large}
    worst, best = min(means, key=means.__getitem__), max(means, key=means.__getitem__)
    return CategoryParity(
        worst=worst,
        best=best,
        lowest=means[worst],
        highest=means[best],
        gap=means[best] - means[worst],
        deviation=float(np.std(list(means.values()))),
        means=means,
    )


def exposure_parity(
    ranking: Ranking, relevance: Relevance, categories: NDArray[np.int32], names: Sequence[str], k: int
) -> ExposureParity:
    """Compare where the first k places go with where the relevant notes are (exposure against merit by group).

    After Singh and Joachims (KDD 2018), all k places weighing the same. Every filled place and every relevant note of a
    query counts once, whatever its grade; queries without relevant notes, and notes without a category, count on
    neither side. categories: int32 [N], of the candidates. Shares are NaN where nothing counts. Raises
    EvaluationError where the ranking is not k deep.
    """
    places = top(ranking, k)[relevance.counts > 0]
    return ExposureParity(
        names=tuple(names),
        shown=_shares(categories[places[places >= 0]], len(names)),
        relevant=_shares(categories[relevance.positions], len(names)),
    )


def _shares(codes: NDArray[np.int32], number: int) -> NDArray[np.float64]:
    counts = np.bincount(codes[codes >= 0], minlength=number)
    total = counts.sum()
    return counts / total if total else np.full(number, np.nan)
