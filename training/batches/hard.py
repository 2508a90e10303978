"""Hard negatives by who stands in a batch: notes alike by the encoder as it is come together.

Every note of a batch is a candidate of every other, so a hard negative needs no rows of its own: it is enough that it
is in the batch, with a positive, which makes it an anchor as well.
"""

from collections.abc import Callable

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor, nn

from training.batches.graph import PairGraph, Places
from training.errors import TrainingError
from training.losses.hard_negatives import Band, hardest
from training.losses.precision import dot, unit
from training.recipes.config import HardConfig

CHUNK = 512  # notes compared with the pool at a time


class HardNotes(nn.Module):
    """The notes that are hardest for each note of a graph, mined again every so many steps.

    Each time a pool is drawn, and the hard notes of its notes are looked for in it; other notes keep those they had.
    encode: rows [R, D] of R notes by the encoder as it is, of any length. The band is taken against a note's
    best-scored positive. What was mined is a buffer, so that it can be in a checkpoint: a run that is resumed between
    two minings then sees the same batches.
    """

    table: Tensor

    def __init__(self, graph: PairGraph, config: HardConfig, encode: Callable[[Places], Tensor], seed: int) -> None:
        super().__init__()
        self._graph, self._encode, self._seed = graph, encode, seed
        self.count, self._every, self._pool = config.count, config.every, config.pool
        self._band = Band(reach=config.reach, share=config.share)
        self.register_buffer("table", torch.full((len(graph), config.count), -1, dtype=torch.int64))

    def of(self, notes: Places) -> Places:
        """Return the hard notes of some notes, each once, hardest of each note first."""
        near = self.table[torch.from_numpy(notes).to(self.table.device)].T.flatten().cpu().numpy()
        near = near[near >= 0]
        return near[np.sort(np.unique(near, return_index=True)[1])]

    def begin_step(self, step: int) -> None:
        """Mine again where it is time. Raises TrainingError for rows that are no numbers."""
        if step % self._every == 0:
            self.mine(step)

    def mine(self, step: int) -> None:
        """Find the hardest notes of a pool that is drawn for this step, within it."""
        graph, rng = self._graph, np.random.default_rng([self._seed, 2, step])
        pool = np.sort(rng.permutation(len(graph))[: self._pool])
        best = _best_positive(graph)[pool]
        read = np.union1d(pool, best)
        rows = self._rows(read)
        device = rows.device
        candidates = rows[torch.from_numpy(np.searchsorted(read, pool)).to(device)]
        positives = rows[torch.from_numpy(np.searchsorted(read, best)).to(device)]
        for start in range(0, len(pool), CHUNK):
            part = slice(start, min(start + CHUNK, len(pool)))
            similarities = dot(candidates[part], candidates.T)
            eligible = self._band.holds(similarities, (candidates[part] * positives[part]).sum(dim=1))
            eligible &= torch.from_numpy(graph.rows(pool[part], pool) == 0).to(device)
            eligible[torch.arange(part.stop - start), torch.arange(start, part.stop)] = False
            chosen = hardest(similarities, eligible, self.count).cpu().numpy()
            found = torch.from_numpy(np.where(chosen >= 0, pool[chosen], -1)).to(self.table.device)
            self.table[torch.from_numpy(pool[part]).to(self.table.device)] = found
        if dist.is_available() and dist.is_initialized():
            # Processes may round differently, but must see the same batches.
            dist.broadcast(self.table, 0)

    def _rows(self, notes: Places) -> Tensor:
        with torch.no_grad():
            rows = torch.cat([self._encode(notes[i : i + CHUNK]) for i in range(0, len(notes), CHUNK)])
        if not bool(rows.isfinite().all()):
            raise TrainingError("the encoder gives rows that are no numbers, so no hard notes can be mined")
        return unit(rows)


def _best_positive(graph: PairGraph) -> Places:
    """Return each note's neighbour of the greatest weight, the first of equal ones, int64 [N]."""
    owners = np.repeat(np.arange(len(graph)), np.diff(graph.starts))
    order = np.lexsort((-graph.weights, owners))
    return graph.others[order[graph.starts[:-1]]]
