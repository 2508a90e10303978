"""Which pairs a step sees: a function of seed and step, so nothing of it need be saved."""

import numpy as np

from training.batches.batch import Batch
from training.batches.graph import PairGraph, Places
from training.batches.hard import HardNotes
from training.batches.plan import deal, disjoint, top_up
from training.errors import TrainingError
from training.recipes.config import BatchConfig

FEWEST = 2  # pairs, without which nothing is a negative


class Sampler:
    """Deals an epoch's pairs out to batches of different notes.

    An epoch goes through every pair of the graph, or through every note with a positive drawn in proportion to its
    score, at most once each; pairs that clash with the batch being filled come in a later one. All epochs have as many
    steps as the first; where chance leaves too few pairs for the last of them, these get pairs of the epoch once more.
    Batches fall short of `config.pairs` where no further pair of the epoch is free of notes in the batch; see `remark`.
    hard: notes alike by the encoder as it is. Then a part of a batch, its seeds, goes through the epoch as said, and
    each seed brings a pair of every hard note of its two; what room is left is filled by chance. So the batches of a
    step depend on `hard` too.
    Raises TrainingError where no two pairs are of four different notes.
    """

    def __init__(self, graph: PairGraph, config: BatchConfig, seed: int, hard: HardNotes | None = None) -> None:
        self._graph, self._anchors, self._seed, self._hard = graph, config.anchors, seed, hard
        self._spare = disjoint(graph.pairs)
        if len(self._spare) < FEWEST:
            raise TrainingError(
                f"no two of the {len(graph.pairs):,} pairs are of four different notes, so none could be a negative of "
                "another: mine more pairs (a smaller min_users or at_least, a wider window)"
            )
        self.pairs = min(config.pairs, len(self._spare))
        self._asked = config.pairs
        seeds = self.pairs if hard is None else self.pairs // (1 + hard.count)
        self._seeds = max(seeds, FEWEST)
        self._least = max((self._seeds + 1) // 2, FEWEST)
        self._epoch, self._batches = 0, self._plan(0)
        self._first, self.steps_per_epoch = self._batches, len(self._batches)

    @property
    def remark(self) -> str | None:
        """Say that batches are smaller than was asked for; None where they are not."""
        found = len(self._first[0]) if self._hard is None else self.pairs
        if found == self._asked:
            return None
        return f"batches have about {found:,} pairs, not {self._asked:,}: there are no more without a common note"

    def batch(self, step: int) -> Batch:
        """Return the batch of a step, from 0; any step at any time, quickest within one epoch."""
        epoch, within = divmod(step, self.steps_per_epoch)
        if epoch != self._epoch:
            self._epoch, self._batches = epoch, self._first if epoch == 0 else self._plan(epoch)
        chosen = self._batches[within]
        if self._hard is not None:
            chosen = self._with_hard(chosen, self._hard, np.random.default_rng([self._seed, 1, step]))
        return Batch(step, epoch, np.ascontiguousarray(chosen.T).ravel())

    def _plan(self, epoch: int) -> list[Places]:
        """Return the pairs [B, 2] of every step of an epoch."""
        rng = np.random.default_rng([self._seed, 0, epoch])
        pairs = self._graph.pairs if self._anchors == "pairs" else self._drawn(np.arange(len(self._graph)), rng)
        order = rng.permutation(len(pairs))
        dealt = deal(pairs, order, self._seeds, self._least)
        if epoch == 0:
            dealt = [batch for batch in dealt if len(batch) >= self._least] or [[]]
        steps = len(dealt) if epoch == 0 else self.steps_per_epoch
        whole = []
        for batch in (dealt + [[]] * steps)[:steps]:
            filled = batch
            if len(batch) < self._least:
                filled = top_up(pairs, batch, rng.permutation(order).tolist(), self._seeds)
            # So few pairs that chance may take the one which all others meet.
            whole.append(pairs[filled] if len(filled) >= FEWEST else self._graph.pairs[self._spare[: self._seeds]])
        return whole

    def _drawn(self, anchors: Places, rng: np.random.Generator) -> Places:
        """Draw each of some notes a positive, in proportion to the scores, int64 [A, 2]."""
        graph = self._graph
        below = np.concatenate([[0.0], np.cumsum(graph.weights, dtype=np.float64)])
        first, stop = graph.starts[anchors], graph.starts[anchors + 1]
        points = below[first] + rng.random(len(anchors)) * (below[stop] - below[first])
        # Rounding may bring a point to the end of its run.
        edges = np.clip(np.searchsorted(below, points, side="right") - 1, first, stop - 1)
        return np.stack([anchors, graph.others[edges]], axis=1)

    def _with_hard(self, seeds: Places, hard: HardNotes, rng: np.random.Generator) -> Places:
        """Add pairs of the notes that are hard for the seeds [S, 2], then others by chance, up to B pairs."""
        near = hard.of(seeds.ravel())
        more = self._graph.pairs[rng.integers(len(self._graph.pairs), size=4 * self.pairs)]
        pool = np.concatenate([seeds, self._drawn(near, rng), more])
        return pool[top_up(pool, [], range(len(pool)), self.pairs)]
