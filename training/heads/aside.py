"""The notes kept aside: how good the heads' suggestions for them are, beside what the nearest other notes vote for."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from encoders.heads.config import Outvoted
from encoders.heads.heads import Heads
from encoders.note import Note
from encoders.suggestion import Suggestion
from retrieval.evaluation.metrics.generation import generation_metrics
from retrieval.evaluation.neighbour_labels import Known, voted

# Hashtags that are judged.
TAGS = 5
# What says which of two suggests better.
_DECIDES: Mapping[Outvoted, str] = {"hashtags": "tag F1@5", "category": "category accuracy"}


def judged(notes: Sequence[Note], suggested: Sequence[Suggestion], categories: Sequence[str]) -> dict[str, float]:
    """Return the means over N notes of retrieval/evaluation/metrics/generation.py, by name.

    Those that no note counts for are left out.
    """
    if not notes:
        return {}
    found = generation_metrics(notes, suggested, categories, TAGS)
    means = {
        name: float(values[~np.isnan(values)].mean()) for name, values in found.per_note.items() if not _void(values)
    }
    return means | {name: value for name, value in found.corpus.items() if not np.isnan(value)}


def compared(
    heads: Heads, aside: Known, others: Known, categories: Sequence[str]
) -> tuple[dict[str, float], tuple[Outvoted, ...]]:
    """Measure the heads on the notes kept aside, and the votes of others; return the figures of both, and `outvoted`.

    The votes' figures are named as the heads' are, with "neighbours' " before it. categories: those the heads know.
    """
    by_heads = judged(aside.notes, heads.suggest(aside.vectors, TAGS), categories)
    by_votes = judged(aside.notes, voted(aside.vectors, others, TAGS), categories)
    named = {f"neighbours' {name}": value for name, value in by_votes.items()}
    return by_heads | named, outvoted(by_heads, by_votes)


def outvoted(heads: Mapping[str, float], neighbours: Mapping[str, float]) -> tuple[Outvoted, ...]:
    """Return what the neighbours suggested better than the heads, given the figures of both."""
    return tuple(part for part, name in _DECIDES.items() if neighbours.get(name, 0.0) > heads.get(name, 0.0))


def _void(values: NDArray[np.float64]) -> bool:
    return bool(np.isnan(values).all())
