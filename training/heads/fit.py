"""The loop: AdamW over epochs, the notes kept aside after each, the best weights of each head kept."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import monotonic

import numpy as np
import torch
from torch import Tensor, nn

from encoders.evaluating import evaluating
from encoders.heads.decoder import PREFIX
from encoders.heads.heads import HeadsModule
from encoders.heads.words import IGNORED
from training.errors import TrainingError
from training.heads.batches import HeadsBatch, Taught, batches_of, epoch
from training.heads.vocabulary import Pieces, TagVocabulary
from training.losses.generation import category, next_token
from training.recipes.config import HeadsStage

# The share of the steps over which the learning rate rises, and the largest norm of a gradient.
WARMUP, CLIP = 0.1, 1.0
# Notes aside are read in batches of this many.
ASIDE_BATCH = 256
# Hashtags that a suggestion is judged by.
TAGS = 5


@dataclass(frozen=True, slots=True)
class Fitted:
    """How a training went: epochs begun, and the losses of the notes kept aside at the weights that were kept.

    tags: mean 1 − F1@5 a note, category: share of wrong ones; None where no note aside has any. remarks: what the user
    must know.
    """

    epochs: int
    tags: float | None
    category: float | None
    remarks: tuple[str, ...] = ()


class _Best:
    """The weights of one head at its lowest loss."""

    def __init__(self, part: nn.Module) -> None:
        self.part = part
        self.loss: float | None = None
        self.waited = 0
        self._state: dict[str, Tensor] = {}

    def see(self, loss: float | None) -> None:
        """Keep the weights if this loss is the lowest; None: there is nothing to judge by."""
        if loss is None:
            return
        self.waited += 1
        if self.loss is None or loss < self.loss:
            self.loss, self.waited = loss, 0
            self._state = {name: tensor.detach().clone() for name, tensor in self.part.state_dict().items()}

    def restore(self) -> None:
        """Put the kept weights back."""
        if self._state:
            self.part.load_state_dict(self._state)


def fit(
    module: HeadsModule,
    taught: Taught,
    aside: Taught,
    vocabulary: TagVocabulary,
    stage: HeadsStage,
    seed: int,
    on_batch: Callable[[int], None] | None = None,
    max_seconds: float | None = None,
) -> Fitted:
    """Train a module of the vocabulary's size, in place, and leave each head at its best on the notes aside.

    The heads share no weight, so each has its own best epoch; training ends early when neither was better for
    stage.patience epochs. max_seconds: the schedule is run through by then, whatever is left of the epochs. on_batch
    is told of notes done. Raises TrainingError for a loss that is no number.
    """
    rng = np.random.default_rng([seed, 0])
    chance = torch.Generator().manual_seed(seed)
    device = module.decoder.positions.device
    most = len(module.decoder.positions) - PREFIX
    optimiser = torch.optim.AdamW(module.parameters(), lr=stage.lr, weight_decay=stage.weight_decay)
    steps = max(1, math.ceil(stage.epochs * batches_of(taught, stage.batch)))
    bests = (_Best(module.decoder), _Best(module.category))
    started, step, epochs = monotonic(), 0, 0
    done = 0.0
    while done < 1 and not _waited(bests, stage.patience):
        epochs += 1
        for batch in epoch(taught, vocabulary, stage.batch, most, rng):
            for group in optimiser.param_groups:
                group["lr"] = stage.lr * _schedule(done, step / steps)
            vectors = _dropped(batch.vectors, stage.dropout, chance)
            loss = _loss(module, batch, vectors.to(device))
            if not bool(torch.isfinite(loss)):
                raise TrainingError(
                    f"the heads' loss is {loss.item()} at step {step}: take a smaller lr than {stage.lr:g}, and look "
                    "whether the encoder's vectors are numbers"
                )
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]  # torch ships it without annotations
            torch.nn.utils.clip_grad_norm_(module.parameters(), CLIP)
            optimiser.step()
            step += 1
            done = max(step / steps, (monotonic() - started) / max_seconds if max_seconds else 0.0)
            if on_batch:
                on_batch(len(batch.vectors))
            if done >= 1:
                break
        for best, value in zip(bests, judge(module, aside, vocabulary), strict=True):
            best.see(value)
    for best in bests:
        best.restore()
    cut = step < steps and done >= 1
    remarks = (f"the heads' training was cut short after {step:,} of {steps:,} steps",) if cut else ()
    return Fitted(epochs, bests[0].loss, bests[1].loss, remarks)


def judge(module: HeadsModule, aside: Taught, vocabulary: TagVocabulary) -> tuple[float | None, float | None]:
    """Return 1 − F1 of the first TAGS hashtags written, and the share of wrong categories; None where no note has any.

    Not their −log p, though it is trained on: what is suggested counts, not how surely.
    """
    device = module.decoder.positions.device
    misses: list[float] = []
    named, wrong = 0, 0
    refused = torch.zeros(vocabulary.size, dtype=torch.bool, device=device)
    refused[[vocabulary.start, vocabulary.size - 1]] = True
    with torch.inference_mode(), evaluating(module):
        for start in range(0, len(aside), ASIDE_BATCH):
            chosen = slice(start, start + ASIDE_BATCH)
            vectors = torch.from_numpy(aside.vectors[chosen]).to(device)
            tags, places = aside.tags[chosen], torch.tensor(aside.category[chosen])
            if any(tags):
                made = module.decoder.generate(vectors, vocabulary.start, vocabulary.end, refused)
                misses += [
                    1 - _f1(vocabulary.read(ids)[:TAGS], own) for ids, own in zip(made, tags, strict=True) if own
                ]
            if (has := places != IGNORED).any():
                named += int(has.sum())
                wrong += int((module.categorise(vectors[has]).argmax(dim=1).cpu() != places[has]).sum())
    return sum(misses) / len(misses) if misses else None, wrong / named if named else None


def _f1(suggested: Sequence[Pieces], own: Sequence[Pieces]) -> float:
    return 2 * len(set(suggested) & set(own)) / (len(suggested) + len(own))


def _loss(module: HeadsModule, batch: HeadsBatch, vectors: Tensor) -> Tensor:
    device = vectors.device
    of_category, of_tags = module(vectors, batch.inputs.to(device))
    loss = next_token(of_tags, batch.targets.to(device))
    if of_category.shape[1]:
        loss = loss + category(of_category, batch.category.to(device))
    return loss


def _dropped(vectors: Tensor, rate: float, chance: torch.Generator) -> Tensor:
    """Set numbers of the vectors to zero at a rate, and raise the others by as much (Srivastava et al. 2014)."""
    if not rate:
        return vectors
    kept = torch.rand(vectors.shape, generator=chance) >= rate
    return vectors * kept / (1 - rate)


def _schedule(done: float, by_steps: float) -> float:
    """Return the factor of the learning rate: rises over WARMUP of the steps, then falls as a cosine to 0."""
    rise = min(1.0, (by_steps + 1e-3) / WARMUP)
    return rise * 0.5 * (1 + math.cos(math.pi * min(1.0, done)))


def _waited(bests: tuple[_Best, _Best], patience: int | None) -> bool:
    judged = [best for best in bests if best.loss is not None]
    return patience is not None and bool(judged) and all(best.waited >= patience for best in judged)
