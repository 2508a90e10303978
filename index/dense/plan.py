"""How many rows to score under a filter: all that match, or those in the lists nearest to the query.

Costs are in nanoseconds, measured on one core over 100,000 and 1,000,000 rows (EXPERIMENTS.md). Only their ratio
matters: where the estimates meet, both ways take about as long.
"""

from __future__ import annotations

_ROW = 0.2
"""Scoring a row that is fetched by its number, a dimension."""
_CENTROID = 0.05
"""Scoring a list's centroid, a dimension."""
_CHOOSING = 40_000.0
"""Putting lists in order and their rows together."""


def cost_of_all(rows: int, dim: int) -> float:
    """Scoring so many rows by their numbers."""
    return rows * dim * _ROW


def cost_of_nearest(rows: int, lists: int, dim: int) -> float:
    """Scoring so many rows from the nearest lists."""
    return rows * dim * _ROW + lists * dim * _CENTROID + _CHOOSING


def rows_to_score(matches: int, passed: float, share: float, k: int) -> int:
    """Matching rows to score for k neighbours.

    matches: what calibration found enough for ten under filters that let few rows through. passed: rows that a
    search without a filter passes; a filter that lets a share of all through needs that share of them.
    """
    return int(max(matches, passed * share) * max(1.0, k / 10))
