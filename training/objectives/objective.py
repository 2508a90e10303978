"""What a stage minimises: the losses of all views of a batch, and what else its rows are to do."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from training.batches.batch import Batch
from training.batches.graph import PairGraph
from training.batches.hard import HardNotes
from training.errors import TrainingError
from training.losses.alignment import cosine_alignment
from training.losses.generation import with_generation
from training.losses.matryoshka import matryoshka, prefix
from training.losses.precision import unit, widened
from training.objectives.candidates import Candidates
from training.objectives.view_loss import ViewLoss
from training.recipes.config import BatchConfig, LossConfig
from training.trainees.base import View

GENERATION = "generation"


class Objective(nn.Module):
    """The loss of a batch's rows [2B, W], as a recipe says.

    L_cl = Σ_v w_v L_v / Σ_v w_v over the weighted views, NoteLLM-2's balance (arXiv 2405.16789, section 4) for any
    number of them; of the first view, L_v is the sum over its whole length and `dims` (Matryoshka). With CSFT then
    (L_cl + α L_gen) / (1 + α), L_gen the mean over the rows that write, by their weights. Alignment is added to that.
    Its parameters are τ, where it is learnt, and the linear map into the space of `collaborative`.

    views: the trainee's; `generation` among them has 2 columns, a row's loss and its weight. cuts: how rows of the
    first view are cut to a length, {dim: cut}; plain prefixes unless given. reference, collaborative: float32 [N, R]
    and [N, K] by place in the graph, of an encoder that is not trained (for masks.duplicates) and of a model of the
    interactions (for alignment); zero rows for notes they do not know. hard: has hard notes mined at its time.
    Raises TrainingError for views the trainee lacks, lengths its rows do not have, and vectors that are missing.
    """

    _collaborative: Tensor

    def __init__(
        self,
        loss: LossConfig,
        batch: BatchConfig,
        views: Sequence[View],
        graph: PairGraph,
        *,
        seed: int = 0,
        cuts: Mapping[int, Callable[[Tensor], Tensor]] | None = None,
        reference: NDArray[np.float32] | None = None,
        collaborative: NDArray[np.float32] | None = None,
        hard: HardNotes | None = None,
    ) -> None:
        super().__init__()
        self._config, self._views = loss, {view.name: view for view in views}
        self._first = views[0]
        self._check(len(graph), collaborative, hard)
        tau = torch.tensor(float(loss.tau))
        self.tau = nn.Parameter(tau) if loss.learn_tau else nn.Buffer(tau)
        self._loss = ViewLoss(loss, batch, graph, Candidates(graph, loss, batch, reference))
        self._cuts = [unit, *((cuts or {}).get(dim, prefix(dim)) for dim in loss.dims)]
        self.hard = hard
        if collaborative is not None and loss.alignment:
            self.register_buffer("_collaborative", torch.as_tensor(collaborative), persistent=False)
            width = self._first.stop - self._first.start
            projection = torch.empty(collaborative.shape[1], width)
            nn.init.xavier_uniform_(projection, generator=torch.Generator().manual_seed(seed))
            self.projection = nn.Parameter(projection)
        self._figures = dict[str, Tensor]()

    def forward(self, rows: Tensor, batch: Batch) -> Tensor:
        """Return the loss of rows [2B, W] in the order of batch.notes, a scalar, float32 (float64 as rows are).

        Rows that are zero in a view are left out of that view's loss. A view that no row has adds 0.
        """
        notes = torch.from_numpy(batch.notes).to(rows.device)
        losses = {name: self._of_view(name, rows, notes) for name in self._config.views}
        weights = self._config.views
        total = torch.stack([weights[name] * loss for name, loss in losses.items()]).sum() / sum(weights.values())
        if self._config.generation:
            losses[GENERATION] = _generation(self._views[GENERATION].of(rows))
            total = with_generation(total, losses[GENERATION], self._config.generation)
        if self._config.alignment:
            losses["alignment"] = self._alignment(self._first.of(rows), notes)
            total = total + self._config.alignment * losses["alignment"]
        self._figures = {f"loss_{name}": loss.detach() for name, loss in losses.items()}
        return total

    def begin_step(self, step: int) -> None:
        """Have hard notes mined where it is time; batches made from then on hold them."""
        if self.hard is not None:
            self.hard.begin_step(step)

    def figures(self) -> dict[str, float]:
        """Return τ, and the parts of the last loss, `loss_` and the view's name, `generation` or `alignment`."""
        return {"tau": float(self.tau.detach()), **{name: float(value) for name, value in self._figures.items()}}

    def _of_view(self, name: str, rows: Tensor, notes: Tensor) -> Tensor:
        own = self._views[name].of(rows)
        if name != self._first.name:
            alone: Tensor = self._loss(unit(own), notes, self.tau)
            return alone
        return matryoshka(own, lambda cut: self._loss(cut, notes, self.tau), self._cuts, [1.0] * len(self._cuts))

    def _alignment(self, rows: Tensor, notes: Tensor) -> Tensor:
        vectors = self._collaborative[notes]
        warm = vectors.any(dim=1) & rows.detach().any(dim=1)
        return cosine_alignment(rows[warm], vectors[warm], self.projection)

    def _check(self, notes: int, collaborative: NDArray[np.float32] | None, hard: HardNotes | None) -> None:
        config = self._config
        check_views(config, tuple(self._views.values()))
        if config.alignment and (collaborative is None or len(collaborative) != notes):
            got = "none" if collaborative is None else f"{len(collaborative):,}"
            raise TrainingError(f"loss.alignment needs a collaborative vector of each of {notes:,} notes, got {got}")
        if config.hard is not None and hard is None:
            raise TrainingError("loss.hard is set, but the batches hold no hard notes: hand over Batches.hard")


def check_views(loss: LossConfig, views: Sequence[View]) -> None:
    """Raise TrainingError for a loss over views that a trainee lacks, or lengths that its first one does not have."""
    names, width = [view.name for view in views], views[0].stop - views[0].start
    for name in loss.views:
        if name not in names or name == GENERATION:
            raise TrainingError(f"loss.views names {name}: what is trained has the views {', '.join(names)}")
    if loss.generation and GENERATION not in names:
        raise TrainingError(f"loss.generation is {loss.generation:g}, but what is trained writes nothing: set 0")
    if bad := [dim for dim in loss.dims if not 1 <= dim < width]:
        raise TrainingError(f"loss.dims names {bad[0]}: rows have {width} numbers, give 1 to {width - 1}")


def _generation(columns: Tensor) -> Tensor:
    """Return Σ loss · weight / Σ weight of columns [2B, 2], a scalar, 0 where no row writes."""
    losses, weights = widened(columns).unbind(dim=1)
    weights = weights.detach()
    # Not a product alone: a row that writes nothing may have no number for a loss.
    total = torch.where(weights > 0, losses * weights, 0).sum()
    return total / torch.where(weights.sum() > 0, weights.sum(), 1)
