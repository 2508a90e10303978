"""How many rows to score under a filter: all that match, or those in the lists nearest to the query.

Costs are in nanoseconds, measured on one core over 100,000 and 1,000,000 rows (EXPERIMENTS.md). Only their ratio
matters: where the estimates meet, both ways take about as long.
"""

from __future__ import annotations

_ROW = 0.2
"""Scoring a row that is fetched by its number, a dimension."""
_CENTROID = 0.05
"""Scoring a list's centroid, a dimension."""
_CHOOSING = 80_000.0
"""Putting lists in order and their rows together."""


def cost_of_all(rows: int, dim: int) -> float:
    """Scoring so many rows by their numbers."""
    return rows * dim * _ROW


def cost_of_nearest(first: int, lists: int, dim: int) -> float:
    """Scoring so many rows from the nearest lists, and about as many from those that follow."""
    return 2 * first * dim * _ROW + lists * dim * _CENTROID + _CHOOSING
