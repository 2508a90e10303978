"""The loss of one view of a batch: which rows take part, against whom, whole or in chunks."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from training.batches.graph import PairGraph, Places
from training.losses.chunks import in_chunks
from training.losses.contrastive import contrastive, partners
from training.losses.listwise import listwise_losses
from training.objectives.candidates import Candidates
from training.recipes.config import BatchConfig, LossConfig


class ViewLoss(nn.Module):
    """GCL, or the listwise loss, of unit rows [2B, D], row i being the partner of row i ± B.

    Zero rows are left out, and with them their partners: over the pairs whose two sides have something (NoteLLM-2,
    arXiv 2405.16789, section 4). Listwise targets are the graph's weights, to the power the recipe says, among the
    notes that are left. A known positive is then no false negative but a target.
    """

    def __init__(self, loss: LossConfig, batch: BatchConfig, graph: PairGraph, candidates: Candidates) -> None:
        super().__init__()
        self._listwise, self._power, self._chunk = loss.kind == "listwise", loss.power, batch.chunk
        self._graph, self._candidates = graph, candidates

    def forward(self, rows: Tensor, notes: Tensor, tau: Tensor) -> Tensor:
        """Return the mean loss of rows [2B, D] of notes int64 [2B], a scalar; 0 where no pair is left."""
        there = rows.detach().any(dim=1)
        both = (there & there.roll(len(rows) // 2)).nonzero()[:, 0]
        rows, notes = rows[both], notes[both]
        if not len(rows):
            return rows.sum()
        # How likely a note was to come follows from the pairs of the batch, whatever this view has of it.
        pairs = len(there) // 2
        loss = (self._listwise_of if self._listwise else self._gcl_of)(rows, notes, tau, pairs)
        return in_chunks(loss, len(rows), self._chunk) if self._chunk else loss(slice(0, len(rows)))

    def _gcl_of(self, rows: Tensor, notes: Tensor, tau: Tensor, pairs: int) -> Callable[[slice], Tensor]:
        right = partners(len(rows) // 2, rows.device)

        def loss(part: slice) -> Tensor:
            return contrastive(
                rows[part],
                rows,
                right[part],
                tau,
                allowed=self._candidates.allowed(rows, notes, part, right[part]),
                corrections=self._candidates.corrections(notes, right[part], pairs),
            )

        return loss

    def _listwise_of(self, rows: Tensor, notes: Tensor, tau: Tensor, pairs: int) -> Callable[[slice], Tensor]:
        places = notes.cpu().numpy()

        def loss(part: slice) -> Tensor:
            targets = self._targets(places[part], places).to(rows.device)
            losses, _ = listwise_losses(
                rows[part],
                rows,
                targets,
                tau,
                allowed=self._candidates.allowed(rows, notes, part, targets > 0),
                corrections=self._candidates.corrections(notes, targets > 0, pairs),
            )
            # Every row has its partner's weight, so that the mean over all is that over those with weight.
            return losses.mean()

        return loss

    def _targets(self, queries: Places, among: Places) -> Tensor:
        """Return the weights of some notes among others to the power, float32 [M, N]; a note's greatest is 1."""
        at, column, weights = self._graph.edges(queries, among)
        greatest = np.zeros(len(queries), np.float32)
        np.maximum.at(greatest, at, weights)
        targets = torch.zeros(len(queries), len(among))
        # Over the greatest first: powers of small scores alone could round to nothing.
        values = (weights / greatest[at]) ** np.float32(self._power)
        targets[torch.from_numpy(at), torch.from_numpy(column)] = torch.from_numpy(values)
        return targets
