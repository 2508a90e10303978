"""What the loop asks for: how long an epoch is, which notes a step sees, and their items in parts."""

from collections.abc import Iterable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from encoders.evaluating import evaluating
from encoders.note import Note
from training.batches.batch import Batch
from training.batches.graph import PairGraph
from training.batches.hard import HardNotes
from training.batches.micro import MicroBatches
from training.batches.reading import Reader
from training.batches.sampler import Sampler
from training.errors import TrainingError
from training.losses.multimodal import DropRates
from training.recipes.config import BatchConfig, DropConfig, LossConfig
from training.trainees.base import Item, Trainee


class Batches:
    """The batches of one stage.

    notes: by place in the graph, as many. hard: the notes alike that batches are made of, where the loss asks for them;
    give it to the objective too, which has it mined at its time. reader: has, in `broken`, whose pictures were set
    aside. Raises TrainingError where notes are missing, or too few pairs are disjoint.
    """

    def __init__(
        self,
        graph: PairGraph,
        notes: Sequence[Note],
        trainee: Trainee,
        loss: LossConfig,
        config: BatchConfig,
        drop: DropConfig,
        seed: int,
    ) -> None:
        if len(notes) != len(graph):
            raise TrainingError(
                f"got {len(notes):,} notes for a graph of {len(graph):,}: give one a place, in the order of graph.ids"
            )
        self._trainee, self._tokens = trainee, config.tokens
        self.reader = Reader(notes, trainee.read, DropRates(**drop.model_dump()), seed, light=trainee.light)
        self.hard = None if loss.hard is None else HardNotes(graph, loss.hard, self._served, seed)
        self._sampler = Sampler(graph, config, seed, self.hard)
        self.steps_per_epoch = self._sampler.steps_per_epoch

    @property
    def remark(self) -> str | None:
        """Say that batches are smaller than was asked for; None where they are not."""
        return self._sampler.remark

    def batch(self, step: int) -> Batch:
        """Return the batch of a step, from 0; a function of seed and step (and of hard notes, where there are)."""
        return self._sampler.batch(step)

    def micro_batches(self, batch: Batch, rank: int = 0, world: int = 1) -> Iterable[Sequence[Item]]:
        """Return the items of process `rank` of `world`, in order of batch.notes; to be gone through again.

        Processes have consecutive parts of the batch, which differ by one note at most.
        """
        own = slice(len(batch.notes) * rank // world, len(batch.notes) * (rank + 1) // world)
        return MicroBatches(batch.notes[own], batch.step, self.reader, self._trainee, self._tokens)

    def _served(self, places: NDArray[np.int64]) -> Tensor:
        """Embed whole notes without gradient, in evaluation mode, to the view `note`: what the encoder would serve."""
        with evaluating(self._trainee.module), torch.no_grad():
            parts = MicroBatches(places, None, self.reader, self._trainee, self._tokens)
            return self._trainee.views[0].of(torch.cat([self._trainee.embed(items) for items in parts]))
