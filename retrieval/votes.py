"""Hashtags and a category for a note, voted by the notes nearest to it."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from encoders.suggestion import Suggestion

# How many notes vote, and the power their cosines are raised to: a note of .8 counts 16 times as much as one of .4. On
# two corpora's validation notes 20 neighbours were better than 5 or 80, and the fourth power better than the first.
NEIGHBOURS, POWER = 20, 4


@dataclass(frozen=True, slots=True)
class Voter:
    """A note near to the one that is asked for: its own hashtags and category, and its cosine with that one."""

    tags: Sequence[str]
    category: str | None
    score: float


def vote(voters: Sequence[Voter], max_tags: int, categories: Collection[str] | None = None) -> Suggestion:
    """Suggest what the voters have, each hashtag and category weighing Σ score⁴ over the voters that have it.

    Voters of a score of 0 or less do not vote. Hashtags are the same without regard to case, as the first voter that
    has it writes it; equal weights stand in the voters' order. categories: those to choose from; None: all.
    """
    weights: dict[str, float] = {}
    spelt: dict[str, str] = {}
    named: dict[str, float] = {}
    for voter in voters:
        if voter.score <= 0:
            continue
        weight = voter.score**POWER
        for folded, tag in _once(voter.tags).items():
            spelt.setdefault(folded, tag)
            weights[folded] = weights.get(folded, 0.0) + weight
        if voter.category and (categories is None or voter.category in categories):
            named[voter.category] = named.get(voter.category, 0.0) + weight
    ranked = sorted(weights, key=lambda tag: -weights[tag])
    category = max(named, key=lambda name: named[name], default=None)
    return Suggestion(tuple(spelt[tag] for tag in ranked[:max_tags]), category)


def _once(tags: Sequence[str]) -> dict[str, str]:
    """A note's hashtags by their folded form, in its order; of equal ones the first."""
    found: dict[str, str] = {}
    for tag in tags:
        found.setdefault(tag.casefold(), tag)
    return found
