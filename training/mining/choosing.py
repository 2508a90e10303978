"""From sums to positives: bounds, normalisation, the best of each note."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.mining.config import Bounds
from training.mining.met import UNIT, Masses
from training.mining.report import MiningReport
from training.mining.sums import PairSums


@dataclass(frozen=True, slots=True)
class Catalogue:
    """What choosing knows of N notes by code: place int32 [N] among all ids, sorted; known bool [N], in the corpus.

    masses: None where scores are not normalised.
    """

    place: NDArray[np.int32]
    known: NDArray[np.bool_]
    masses: Masses | None


@dataclass(frozen=True, slots=True)
class Chosen:
    """P pairs: note, positive int32 [P] codes; rank int32 [P], from 0 in a note; score float64 [P]; users int32 [P]."""

    note: NDArray[np.int32]
    positive: NDArray[np.int32]
    rank: NDArray[np.int32]
    score: NDArray[np.float64]
    users: NDArray[np.int32]


def choose(pairs: PairSums, catalogue: Catalogue, bounds: Bounds, report: MiningReport) -> Chosen:
    """Keep what the bounds allow; pairs of the same note must come together. Counts go into the report."""
    removed = report.removed
    report.candidates += len(pairs)
    pairs, removed.not_in_corpus = _kept(
        pairs, catalogue.known[pairs.note] & catalogue.known[pairs.positive], removed.not_in_corpus
    )
    pairs, removed.min_users = _kept(pairs, pairs.users >= bounds.min_users, removed.min_users)
    # Each of the users' shares was rounded to half a unit: a score that meets a bound but for that meets it.
    slack = pairs.users / 2
    pairs, removed.at_least = _kept(pairs, pairs.total + slack >= bounds.at_least * UNIT, removed.at_least)
    slack = pairs.users / 2
    pairs, removed.at_most = _kept(pairs, pairs.total - slack <= bounds.at_most * UNIT, removed.at_most)
    score = pairs.total / UNIT
    if bounds.normalize:
        mass = catalogue.masses
        assert mass is not None, "normalising needs the masses"
        score = score / np.sqrt((mass.view[pairs.note] / UNIT) * (mass.click[pairs.positive] / UNIT))
    likely = _likely(pairs.note, score, bounds.top)
    pairs, score, left = pairs.take(likely), score[likely], len(pairs)
    order = np.lexsort((catalogue.place[pairs.positive], -score, pairs.note))
    pairs, score = pairs.take(order), score[order]
    begins = np.flatnonzero(np.diff(pairs.note, prepend=-1))
    rank = np.arange(len(pairs)) - np.repeat(begins, np.diff(np.append(begins, len(pairs))))
    best = rank < bounds.top
    pairs = pairs.take(best)
    removed.top += left - len(pairs)
    report.pairs += len(pairs)
    report.notes_with_pairs += len(begins)
    return Chosen(pairs.note, pairs.positive, rank[best].astype(np.int32), score[best], pairs.users)


def _kept(pairs: PairSums, mask: NDArray[np.bool_], count: int) -> tuple[PairSums, int]:
    """The pairs under a mask, and the count with the others added."""
    return pairs.take(mask), count + len(pairs) - int(mask.sum())


def _likely(note: NDArray[np.int32], score: NDArray[np.float64], top: int) -> NDArray[np.bool_]:
    """A mask of those at least as good as the top-th of their note, so that few are left to sort."""
    likely = np.ones(len(note), dtype=np.bool_)
    begins = np.flatnonzero(np.diff(note, prepend=-1))
    ends = np.append(begins[1:], len(note))
    for i in np.flatnonzero(ends - begins > top):
        part = slice(begins[i], ends[i])
        likely[part] = score[part] >= -np.partition(-score[part], top - 1)[top - 1]
    return likely
