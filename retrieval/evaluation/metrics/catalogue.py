"""What the top of all lists together shows of the catalogue: how much of it, how evenly, and how far into its tail."""

import numpy as np
from numpy.typing import NDArray

from retrieval.evaluation.facts import Positions
from retrieval.evaluation.metrics.lists import top
from retrieval.evaluation.systems.base import Ranking

_HEAD = (4, 5)
"""The share of all training interactions that the head holds, as a fraction, so that the boundary is exact."""


def catalogue(ranking: Ranking, popularity: Positions, k: int) -> dict[str, float]:
    """Figures of the first k places of all lists, by name ("coverage@10", "Gini@10", "long tail@10").

    popularity: int64 [N], training users who looked at each candidate. Coverage is the share of the candidates that
    stand in any list (catalogue coverage: Ge, Delgado-Battenfeld and Jannach, RecSys 2010). Gini: `gini` of how often
    each candidate is shown, those never shown included. Long tail: the share of the filled places that show a note of
    the `tail`. NaN where no place is filled, and for the tail where nothing has interactions. Raises EvaluationError
    where the ranking is not k deep.
    """
    places = top(ranking, k)
    shown = np.bincount(places[places >= 0], minlength=len(popularity))
    total = int(shown.sum())
    in_tail = float(shown[tail(popularity)].sum()) if popularity.any() else float("nan")
    return {
        f"coverage@{k}": float(np.count_nonzero(shown)) / len(popularity) if total else float("nan"),
        f"Gini@{k}": gini(shown),
        f"long tail@{k}": in_tail / total if total else float("nan"),
    }


def gini(amounts: Positions) -> float:
    """Gini coefficient of N amounts, int64 [N]: 0 where all are equal, 1 - 1/N where one has all; NaN if all are 0.

    Twice the area between the Lorenz curve and equality, sum((2i - N - 1) x_i) / (N sum(x)) over ascending x, i from
    1: of sales in Fleder and Hosanagar (Management Science 2009); Adomavicius and Kwon (IEEE TKDE 2012) turn it round,
    1 - Gini, as a measure of aggregate diversity.
    """
    total = int(amounts.sum())
    if not total:
        return float("nan")
    number = len(amounts)
    # Integers: exact, for counts and numbers of notes far beyond any that fit in memory.
    weights = 2 * np.arange(1, number + 1, dtype=np.int64) - number - 1
    return int(weights @ np.sort(amounts).astype(np.int64)) / (number * total)


def tail(popularity: Positions) -> NDArray[np.bool_]:
    """Which notes are in the long tail, bool [N]: those looked at by fewer users than every note of the head.

    The head is the fewest most popular notes that together hold 80 % of the interactions, and all notes as popular as
    the last of those, so that the boundary never parts equals. (Cremonesi, Koren and Turrin, RecSys 2010, part
    by a share of the interactions too, at 33 %.) Notes nobody looked at are tail; where that is all, there is no head.
    """
    descending = np.sort(popularity)[::-1]
    held = np.cumsum(descending)
    if not held.size or not held[-1]:
        return np.ones(len(popularity), dtype=np.bool_)
    last = int(np.searchsorted(_HEAD[1] * held, _HEAD[0] * held[-1]))
    return np.asarray(popularity < descending[last])
