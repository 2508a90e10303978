"""How much the notes of one list differ from each other."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from retrieval.evaluation.facts import NoteFacts, Positions
from retrieval.evaluation.metrics.lists import top
from retrieval.evaluation.systems.base import Ranking

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

_CHUNK = 1 << 16
"""Pairs compared in one go: some ten MiB at ten tags a note."""


def diversity(ranking: Ranking, facts: NoteFacts, k: int) -> NDArray[np.float64]:
    """Intra-list diversity of the first k notes of each list, float64 [Q], from 0 (all alike) to 1 (nothing in common).

    The mean over pairs of notes of 1 - |A & B| / |A | B|, where a note's set is its tags with its category as one more
    element: intra-list similarity (Ziegler et al., WWW 2005) turned into a mean distance (Vargas and Castells, RecSys
    2011) with Jaccard's measure, the same whatever the system reads. Notes with neither tags nor category are left
    out; NaN where fewer than two are left. Raises EvaluationError where the ranking is not k deep.
    """
    places = top(ranking, k)
    notes, rows = np.unique(places[places >= 0], return_inverse=True)
    sets = _sets(facts.take(notes))
    sizes = np.diff(sets.indptr)
    row = np.full(places.shape, -1, dtype=np.int64)
    row[places >= 0] = rows
    row[row >= 0] = np.where(sizes[row[row >= 0]] > 0, row[row >= 0], -1)
    total = np.zeros(len(places))
    pairs = np.zeros(len(places), dtype=np.int64)
    for first in range(k):
        for second in range(first + 1, k):
            both = np.flatnonzero((row[:, first] >= 0) & (row[:, second] >= 0))
            for start in range(0, len(both), _CHUNK):
                part = both[start : start + _CHUNK]
                one, other = row[part, first], row[part, second]
                common = np.asarray(sets[one].multiply(sets[other]).sum(axis=1)).ravel()
                total[part] += 1 - common / (sizes[one] + sizes[other] - common)
                pairs[part] += 1
    return np.where(pairs > 0, total / np.maximum(pairs, 1), np.nan)


def _sets(facts: NoteFacts) -> "csr_matrix":
    """Tags and category of N notes as rows of zeros and ones, float64 [N, elements], each element once."""
    from scipy.sparse import csr_matrix

    tags = int(facts.tags.max(initial=-1)) + 1
    labelled = np.flatnonzero(facts.category >= 0)
    owners: Positions = np.concatenate([np.repeat(np.arange(len(facts)), np.diff(facts.tag_offsets)), labelled])
    elements = np.concatenate([facts.tags, tags + facts.category[labelled]])
    shape = (len(facts), tags + len(facts.categories))
    sets = csr_matrix((np.ones(len(owners)), (owners, elements)), shape=shape)
    # Building adds up what stands twice; a note that names a tag twice has it once.
    sets.data[:] = 1
    return sets
