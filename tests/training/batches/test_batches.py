"""Sampler, reading and micro-batches together, as the loop asks for them."""

import threading
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from encoders.config import EncoderConfig
from encoders.note import Note
from training.batches.batches import Batches
from training.batches.graph import PairGraph
from training.batches.micro import MicroBatches
from training.batches.reading import Reader
from training.errors import TrainingError
from training.losses.multimodal import DropRates
from training.pairs import Pairs
from training.recipes.config import BatchConfig, DropConfig, HardConfig, LossConfig
from training.trainees.base import View

NOTES = 24


class Toy:
    """A note is its title's number on a circle; it costs as many tokens as its body says."""

    def __init__(self) -> None:
        self.module = nn.Sequential(nn.Linear(2, 2, bias=False), nn.Dropout(0.5))
        self.module[0].weight.data = torch.eye(2)
        self.parts = {"model": self.module}
        self.views = (View("note", 0, 2),)

    def begin(self, train, lora=None) -> None: ...

    def read(self, note: Note) -> tuple[int, int]:
        return int(note.title), len(note.body)

    def cost(self, item: tuple[int, int]) -> int:
        return item[1]

    def light(self, item: tuple[int, int]) -> bool:
        return True

    def embed(self, items) -> Tensor:
        angles = torch.tensor([2 * np.pi * number / NOTES for number, _ in items])
        return self.module(torch.stack([angles.cos(), angles.sin()], dim=1).float() * 3)

    def save(self, folder: Path) -> EncoderConfig:
        raise NotImplementedError


def notes(count: int = NOTES) -> list[Note]:
    return [Note(id=f"{i:02}", title=str(i), body="x" * (1 + i % 5)) for i in range(count)]


def graph() -> PairGraph:
    """Opposite notes belong together."""
    pairs = [(f"{i:02}", f"{(i + NOTES // 2) % NOTES:02}") for i in range(NOTES)]
    return PairGraph.of(Pairs(pairs, None), [f"{i:02}" for i in range(NOTES)])


def batches(loss: LossConfig | None = None, trainee: Toy | None = None, **config) -> Batches:
    trainee, loss = trainee or Toy(), loss or LossConfig()
    return Batches(graph(), notes(), trainee, loss, BatchConfig(**config), DropConfig(), 0)


@pytest.mark.parametrize("world", [1, 2, 3, 5])
def test_processes_share_a_batch_in_order(world: int) -> None:
    made = batches(pairs=7, tokens=6)
    batch = made.batch(1)
    parts = [made.micro_batches(batch, rank, world) for rank in range(world)]
    items = [[number for micro in part for number, _ in micro] for part in parts]
    assert [number for own in items for number in own] == batch.notes.tolist()
    assert max(map(len, items)) - min(map(len, items)) <= 1
    assert [[list(micro) for micro in part] for part in parts] == [[list(micro) for micro in part] for part in parts]


@pytest.mark.parametrize("tokens", [1, 4, 5, 9, 1000])
def test_micro_batches_are_as_full_as_they_may_be(tokens: int) -> None:
    made = batches(pairs=8, tokens=tokens)
    batch = made.batch(0)
    naive: list[list[int]] = []
    for place in batch.notes.tolist():
        if naive and sum(1 + other % 5 for other in [*naive[-1], place]) <= tokens:
            naive[-1].append(place)
        else:
            naive.append([place])
    assert [[number for number, _ in micro] for micro in made.micro_batches(batch, 0, 1)] == naive


def test_no_more_is_read_than_a_micro_batch_ahead() -> None:
    """Lists of four notes: while the first is held, the second is made, and one item looked at beyond it."""
    threads, started = 2, []

    class Watched(Reader):
        def start(self, place, step, pool):
            started.append(place)
            return super().start(place, step, pool)

    many = [Note(id=str(i), title=str(i), body="x") for i in range(100)]
    reader = Watched(many, Toy().read, DropRates(), 0)
    micro = iter(MicroBatches(np.arange(100), 0, reader, Toy(), 4, threads))
    next(micro)
    limit = 2 * 4 + 1 + threads + 1
    deadline = time.monotonic() + 5
    while len(started) < 2 * 4 + 1 and time.monotonic() < deadline:
        threading.Event().wait(0.001)
    assert 2 * 4 + 1 <= len(started) <= limit
    micro.close()
    assert len(started) <= limit


def test_a_note_that_cannot_be_read_ends_the_micro_batches() -> None:
    class Refusing(Toy):
        def read(self, note: Note):
            from encoders.errors import NoteRejected, Reason

            raise NoteRejected(Reason.EMPTY_NOTE, "nothing in it")

    made = batches(trainee=Refusing(), pairs=4)
    with pytest.raises(TrainingError, match=r"the note \d\d cannot be read: nothing in it"):
        list(made.micro_batches(made.batch(0)))


def test_one_note_a_place() -> None:
    with pytest.raises(TrainingError, match="23 notes for a graph of 24"):
        Batches(graph(), notes(23), Toy(), LossConfig(), BatchConfig(), DropConfig(), 0)


def test_hard_notes_are_the_nearest_in_the_band() -> None:
    """On a circle whose neighbours are the pairs, those two places away are the nearest that are none."""
    trainee = Toy()
    made = Batches(
        PairGraph.of(
            Pairs([(f"{i:02}", f"{(i + 1) % NOTES:02}") for i in range(NOTES)], None), [n.id for n in notes()]
        ),
        notes(),
        trainee,
        LossConfig(hard=HardConfig(count=2, every=3, reach=0.3, share=0.95)),
        BatchConfig(pairs=6, tokens=9),
        DropConfig(),
        0,
    )
    assert made.hard is not None
    assert made.hard.of(np.arange(4)).tolist() == []
    trainee.module.train()
    made.hard.begin_step(0)
    assert trainee.module[1].training
    step = 2 * np.pi / NOTES
    for i in range(NOTES):
        # Neighbours on the circle are positives, above the ceiling .95 · cos(step); the next are below it.
        assert np.cos(2 * step) <= 0.95 * np.cos(step)
        assert sorted(made.hard.table[i].tolist()) == sorted([(i + 2) % NOTES, (i - 2) % NOTES])
    first = made.hard.table.clone()
    trainee.module[0].weight.data = torch.tensor([[1.0, 0.0], [0.0, 0.0]])
    made.hard.begin_step(2)
    assert made.hard.table.equal(first)
    made.hard.begin_step(3)
    assert not made.hard.table.equal(first)


def circle(gaps: dict[int, float], config: HardConfig, numbers: int = NOTES) -> Batches:
    """Every note belongs to those some places on, with a score; note i stands at place i % numbers."""
    edges = [(i, (i + gap) % NOTES, score) for i in range(NOTES) for gap, score in gaps.items()]
    pairs = Pairs([(f"{a:02}", f"{b:02}") for a, b, _ in edges], None, np.array([w for *_, w in edges], np.float32))
    placed = [Note(id=f"{i:02}", title=str(i % numbers), body="x") for i in range(NOTES)]
    found = PairGraph.of(pairs, [f"{i:02}" for i in range(NOTES)])
    return Batches(found, placed, Toy(), LossConfig(hard=config), BatchConfig(pairs=6), DropConfig(), 0)


def test_the_band_is_that_of_the_best_positive() -> None:
    """s⁺ = cos 45° of those three places on: .41 to .67 is in the band, cos 60° of those four places away alone."""
    hard = circle({1: 1.0, 3: 5.0}, HardConfig(count=4, reach=0.3, share=0.95)).hard
    assert hard is not None
    hard.mine(0)
    for i in range(NOTES):
        assert sorted(hard.table[i].tolist()) == [-1, -1, *sorted([(i + 4) % NOTES, (i - 4) % NOTES])]


def test_a_note_is_not_hard_for_itself_nor_outside_the_pool() -> None:
    """Partners stand at one place, s⁺ = 1, as far from a note as it is from itself."""
    hard = circle({12: 1.0}, HardConfig(count=2, share=1.0, pool=10), numbers=12).hard
    assert hard is not None
    hard.mine(0)
    mined = (hard.table >= 0).any(dim=1).nonzero()[:, 0].tolist()
    assert 2 <= len(mined) <= 10
    chosen = {int(one) for one in hard.table.flatten() if one >= 0}
    assert len(chosen | set(mined)) <= 10
    for i in range(NOTES):
        assert not {i, (i + 12) % NOTES} & set(hard.table[i].tolist())
    before = hard.table.clone()
    hard.mine(7)
    others = (hard.table != before).any(dim=1).sum()
    assert 1 <= int(others) <= 10  # another pool; the rest keep what they had


def test_no_hard_note_lies_outside_the_band() -> None:
    made = batches(LossConfig(hard=HardConfig(count=2, reach=0.3, share=0.95)), pairs=6)
    assert made.hard is not None
    made.hard.begin_step(0)  # opposite partners: s⁺ = −1, and all others are more similar
    assert (made.hard.table == -1).all()


def test_hard_notes_stand_in_the_batch() -> None:
    made = batches(LossConfig(hard=HardConfig(count=2)), pairs=6)
    assert made.hard is not None
    assert made.steps_per_epoch == NOTES // 2  # two seeds a batch
    before = made.batch(5).notes.tolist()
    assert len(set(before)) == 12
    made.hard.table[:] = torch.tensor([[(i + 1) % NOTES, (i + 5) % NOTES] for i in range(NOTES)])
    assert made.hard.of(np.array([3, 0, 7])).tolist() == [4, 1, 8, 5, 12]  # the hardest of each, then the second
    after = made.batch(5).notes
    assert after[[0, 1, 6, 7]].tolist() == [before[i] for i in (0, 1, 6, 7)]
    assert len(set(after.tolist())) == 12
    assert all((a + NOTES // 2) % NOTES == b for a, b in zip(after[:6].tolist(), after[6:].tolist(), strict=True))
    # A pair is one of twelve diameters; the four that are hard for the seeds, less those of the seeds themselves.
    seeds = {after[0] % 12, after[1] % 12}
    near = {(seed + gap) % 12 for seed in seeds for gap in (1, 5)} - seeds
    assert near <= {note % 12 for note in after[2:6].tolist()}
    assert made.batch(5).notes.tolist() == after.tolist()


def test_rows_that_are_no_numbers_are_refused() -> None:
    trainee = Toy()
    made = batches(LossConfig(hard=HardConfig()), trainee, pairs=6)
    trainee.module[0].weight.data[:] = torch.nan
    assert made.hard is not None
    with pytest.raises(TrainingError, match="no numbers"):
        made.hard.begin_step(0)
