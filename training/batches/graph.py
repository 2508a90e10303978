"""Which notes belong together: the pairs of training, numbered by the notes that occur in them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from training.errors import TrainingError
from training.mining.report import MiningReport
from training.pairs import Pairs

Places = NDArray[np.int64]
Scores = NDArray[np.float32]
NAMED = 3  # so many dropped notes are named


@dataclass(frozen=True, slots=True)
class Dropped:
    """Pairs of a file that were not taken: those of notes the corpus lacks, and of a note with itself.

    examples: some of the notes that the corpus lacks.
    """

    unknown: int = 0
    alone: int = 0
    examples: tuple[str, ...] = ()

    def remark(self) -> str | None:
        """Say what was dropped; None where nothing was."""
        parts = []
        if self.unknown:
            parts.append(
                f"{self.unknown:,} of notes that the corpus does not have (such as {', '.join(self.examples)})"
            )
        if self.alone:
            parts.append(f"{self.alone:,} of a note with itself")
        return f"pairs left out: {'; '.join(parts)}" if parts else None


@dataclass(frozen=True, slots=True)
class PairGraph:
    """N notes that occur in P pairs; a note's place is its number 0 … N − 1, in the order of the corpus.

    ids: [N]. pairs: int64 [P, 2] places, as the file has them: A with B and B with A are two pairs. scores: float32
    [P], all above 0, 1 where the file has none. Neighbours whichever was the anchor, with the greater of the two
    scores: note i has others[starts[i] : starts[i + 1]], in ascending order, and weights alike; int64 [N + 1] and [E],
    float32 [E].
    """

    ids: tuple[str, ...]
    pairs: Places
    scores: Scores
    starts: Places
    others: Places
    weights: Scores
    dropped: Dropped = Dropped()

    def __len__(self) -> int:
        return len(self.ids)

    @classmethod
    def of(cls, found: Pairs, corpus: Sequence[str], report: MiningReport | None = None) -> "PairGraph":
        """Number the notes of some pairs. A pair that stands twice counts once, with the greater score.

        corpus: ids of the notes that may be trained on. report: what mining removed, to be said where no pair is left.
        Raises TrainingError then, and for a score that is not a number above 0.
        """
        place = {note_id: i for i, note_id in enumerate(corpus)}
        sides = np.array([[place.get(a, -1), place.get(b, -1)] for a, b in found.pairs], np.int64).reshape(-1, 2)
        known, alone = (sides[:, 0] >= 0) & (sides[:, 1] >= 0), sides[:, 0] == sides[:, 1]
        lacking = {
            name: None for pair, here in zip(found.pairs, known.tolist(), strict=True) if not here for name in pair
        }
        examples = [name for name in lacking if name not in place][:NAMED]
        dropped = Dropped(int((~known).sum()), int((known & alone).sum()), tuple(examples))
        kept = np.flatnonzero(known & ~alone)
        if not len(kept):
            raise TrainingError(_nothing(found, dropped, report))
        scores = np.ones(len(found), np.float32) if found.scores is None else found.scores
        bad = kept[~(np.isfinite(scores[kept]) & (scores[kept] > 0))]
        if len(bad):
            a, b = found.pairs[bad[0]]
            raise TrainingError(
                f"the pair of {a} with {b} has score {scores[bad[0]]}: scores must be numbers above 0; leave out such "
                f"pairs ({len(bad):,} of {len(found):,}), or the column"
            )
        occur, inverse = np.unique(sides[kept], return_inverse=True)
        pairs, best = _strongest(inverse.reshape(-1, 2).astype(np.int64), scores[kept], len(occur))
        both, weights = _strongest(np.concatenate([pairs, pairs[:, ::-1]]), np.concatenate([best, best]), len(occur))
        starts = np.concatenate([[0], np.cumsum(np.bincount(both[:, 0], minlength=len(occur)))]).astype(np.int64)
        return cls(tuple(corpus[i] for i in occur), pairs, best, starts, both[:, 1].copy(), weights, dropped)

    def edges(self, notes: Places, among: Places) -> tuple[Places, Places, Scores]:
        """Find the neighbours of R notes among N different ones: where they stand in either, int64 [E], and weights.

        Time grows with the neighbours of the R notes, not with R · N.
        """
        column = np.full(len(self), -1, np.int64)
        column[among] = np.arange(len(among))
        first, counts = self.starts[notes], self.starts[notes + 1] - self.starts[notes]
        rows = np.repeat(np.arange(len(notes)), counts)
        within = np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts, counts)
        edges = first[rows] + within
        columns = column[self.others[edges]]
        here = columns >= 0
        return rows[here], columns[here], self.weights[edges[here]]

    def rows(self, notes: Places, among: Places) -> Scores:
        """Return the weights between R notes and N different ones, float32 [R, N]; 0 where there is none."""
        rows, columns, weights = self.edges(notes, among)
        dense = np.zeros((len(notes), len(among)), np.float32)
        dense[rows, columns] = weights
        return dense

    def frequencies(self, anchors: Literal["pairs", "notes"]) -> tuple[Places, int]:
        """In how many pairs of an epoch each note is, int64 [N], and how many pairs those are.

        anchors: as in BatchConfig. Of `notes` it is the expected number, rounded: one as anchor, and as positive what
        its neighbours draw.
        """
        if anchors == "pairs":
            return np.bincount(self.pairs.ravel(), minlength=len(self)).astype(np.int64), len(self.pairs)
        sums = np.add.reduceat(self.weights.astype(np.float64), self.starts[:-1])
        share = self.weights / np.repeat(sums, np.diff(self.starts))
        drawn = 1 + np.bincount(self.others, weights=share, minlength=len(self))
        return np.clip(np.rint(drawn), 1, len(self)).astype(np.int64), len(self)


def _strongest(pairs: Places, scores: Scores, notes: int) -> tuple[Places, Scores]:
    """Keep each pair once, with its greatest score, by place of the first note, then of the second."""
    keys = pairs[:, 0] * notes + pairs[:, 1]
    order = np.lexsort((-scores, keys))
    first = np.concatenate([[True], np.diff(keys[order]) > 0])
    return pairs[order[first]], scores[order[first]].astype(np.float32)


def _nothing(found: Pairs, dropped: Dropped, report: MiningReport | None) -> str:
    """Say why no pair is left."""
    if not len(found):
        return "there are no pairs to train on" if report is None else report.why_nothing()
    message = f"no pair of {len(found):,} is left to train on: {dropped.remark()}; are these the corpus' ids?"
    if report is None:
        return message
    names = {"not_in_corpus": "notes not in the corpus", "min_users": "min_users", "at_least": "at_least",
             "at_most": "at_most", "top": "top"}  # fmt: skip
    bounds = ", ".join(f"{getattr(report.removed, key):,} by {name}" for key, name in names.items())
    return f"{message} Mining had removed of {report.candidates:,} pairs {bounds}"
