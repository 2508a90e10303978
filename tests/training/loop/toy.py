"""A trainee over vectors, with all a stage needs; as a script, what must happen in a process of its own."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from training.batches.batch import Batch
from training.loop import checkpoint
from training.loop.result import Limits, Setting, StageResult
from training.loop.stage import train_stage
from training.loop.workplace import Workplace
from training.losses.contrastive import gcl
from training.recipes.config import Stage
from training.trainees.base import View

NOTES, WIDTH = 40, 6


def notes() -> Tensor:
    """Vectors [NOTES, WIDTH]; those of a third are `rare`: only they use the part `extra`."""
    return torch.randn(NOTES, WIDTH, generator=torch.Generator().manual_seed(5))


class Network(nn.Module):
    """base (frozen) → text, and extra for notes whose first number is above 0.4."""

    def __init__(self, dropout: float = 0.0, width: int = 8, seed: int = 0) -> None:
        super().__init__()
        torch.manual_seed(seed)
        self.base = nn.Linear(WIDTH, WIDTH)
        self.text = nn.Sequential(nn.Linear(WIDTH, 16), nn.LayerNorm(16), nn.GELU(), nn.Dropout(dropout))
        self.head = nn.Linear(16, width)
        self.extra = nn.Linear(WIDTH, width, bias=False)
        self.register_buffer("seen", torch.zeros((), dtype=torch.int64))

    def forward(self, items: Sequence[Tensor]) -> Tensor:
        vectors = torch.stack(list(items))
        rare = vectors[:, 0] > 0.4
        rows = self.head(self.text(self.base(vectors)))
        if rare.any():
            rows = torch.index_add(rows, 0, rare.nonzero().flatten(), self.extra(vectors[rare]))
        self.seen += self.text.training
        return rows


class Toy:
    """A trainee. train: the parts that have gradients."""

    def __init__(self, train: Sequence[str] = ("text", "extra"), dropout: float = 0.0, width: int = 8, seed: int = 0):
        self.module = Network(dropout, width, seed)
        self.parts = {
            "base": self.module.base,
            "text": nn.ModuleList([self.module.text, self.module.head]),
            "extra": self.module.extra,
        }
        self.views = (View("note", 0, width),)
        self.begin(train)

    def begin(self, train: Sequence[str], lora: object = None) -> None:
        self.module.requires_grad_(False)
        for part in train:
            self.parts[part].requires_grad_(True)

    def cost(self, item: Tensor) -> int:
        return 1

    def embed(self, items: Sequence[Tensor]) -> Tensor:
        rows: Tensor = self.module(items)
        return rows

    def weights(self) -> dict[str, Tensor]:
        return {name: weight.detach().clone() for name, weight in self.module.named_parameters()}


class Batches:
    """Pairs of a permutation of the notes; each process' rows in micro-batches of its own size."""

    def __init__(self, pairs: int = 6, sizes: Sequence[int] = (4,), before: Callable[[int], None] | None = None):
        self.pairs, self._sizes, self._before = pairs, sizes, before
        self.vectors = notes()
        self.steps_per_epoch = NOTES // (2 * pairs)

    def batch(self, step: int) -> Batch:
        if self._before:
            self._before(step)
        epoch, place = divmod(step, self.steps_per_epoch)
        order = np.random.default_rng((3, epoch)).permutation(NOTES)
        return Batch(step, epoch, order[place * 2 * self.pairs : (place + 1) * 2 * self.pairs].astype(np.int64))

    def micro_batches(self, batch: Batch, rank: int, world: int) -> list[list[Tensor]]:
        bounds = [len(batch.notes) * i // world for i in range(world + 1)]
        own = self.vectors[torch.from_numpy(batch.notes[bounds[rank] : bounds[rank + 1]])]
        return [list(part) for part in own.split(self._sizes[rank % len(self._sizes)])]


class Objective(nn.Module):
    """GCL; `ratio` of the similarities is dropped, by numbers of torch's own."""

    def __init__(self, ratio: float = 0.0) -> None:
        super().__init__()
        self.tau = nn.Parameter(torch.tensor(1.0))
        self._ratio = ratio

    def forward(self, rows: Tensor, batch: Batch) -> Tensor:
        unit = F.normalize(F.dropout(rows, self._ratio), dim=-1)
        return gcl(*unit.chunk(2), self.tau)

    def figures(self) -> dict[str, float]:
        return {"tau": self.tau.item()}


class Scripted:
    """An evaluator that gives values in turn, and looks at what it is given."""

    metric = "nDCG@10"

    def __init__(self, *values: float) -> None:
        self._values: Iterator[float] = iter(values)
        self.weights: list[dict[str, Tensor]] = []

    def __call__(self, trainee: Toy) -> dict[str, float]:
        assert not torch.is_grad_enabled()
        assert not any(module.training for module in trainee.module.modules())
        self.weights.append(trainee.weights())
        return {self.metric: next(self._values), "R@10": 0.5}


def stage(**changes: object) -> Stage:
    """Twelve steps of the text part and the extra one."""
    about: dict[str, object] = {"name": "tune", "train": ("text", "extra"), "steps": 12}
    about["optimiser"] = {"lr": 0.01, "scale": {"objective": 10.0}}
    return Stage.model_validate(about | changes)


def train(folder: Path, limits: Limits | None = None, dropout: float = 0.2, **given: object) -> StageResult:
    """A stage with checkpoints every three steps; given: other arguments of train_stage, or of Setting."""
    setting = Setting(folder, limits=limits or Limits(checkpoint_steps=3))
    of_setting = {key: given.pop(key) for key in ("workplace", "seed", "identity") if key in given}
    about: dict[str, object] = {"trainee": Toy(dropout=dropout), "batches": Batches(), "objective": Objective()}
    about |= {"stage": stage(), "setting": replace(setting, **of_setting)}
    return train_stage(**(about | given))


def killed_in_step(folder: Path) -> None:
    """Train, and die without a word in step 7 (from 0)."""
    train(folder, batches=Batches(before=lambda step: os.kill(os.getpid(), signal.SIGKILL) if step == 7 else None))


def killed_while_saving(folder: Path) -> None:
    """Train, and die without a word halfway through the second checkpoint."""
    saved = 0
    whole = checkpoint.save_file

    def save_file(tensors: dict[str, Tensor], path: Path) -> None:
        nonlocal saved
        saved += 1
        if saved == 4:
            path.write_bytes(b"half of")
            os.kill(os.getpid(), signal.SIGKILL)
        whole(tensors, path)

    checkpoint.save_file = save_file
    train(folder)


def kill(folder: Path) -> None:
    """Have each of the two happen in a child; prints how they ended."""
    torch.set_num_threads(1)
    ends = {}
    for way in (killed_in_step, killed_while_saving):
        child = os.fork()
        if not child:
            way(folder / way.__name__)
            os._exit(0)
        ends[way.__name__] = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    print(json.dumps(ends))


# name: pairs, sizes of the micro-batches of each process, parts in training, deciding values
PROCESSES: dict[str, tuple[int, tuple[int, ...], tuple[str, ...], tuple[float, ...]]] = {
    "even": (6, (4, 4), ("text", "extra"), ()),
    "uneven": (3, (3, 1), ("text", "extra"), ()),
    "odd": (5, (2, 5), ("text", "extra"), (0.3, 0.2)),
    "rarely": (2, (1, 1), ("extra",), ()),
}


def several(workplace: Workplace, folder: Path) -> None:
    """Two steps of each of PROCESSES; writes the weights afterwards."""
    for name, (pairs, sizes, parts, values) in PROCESSES.items():
        trainee, objective = Toy(parts, seed=workplace.rank), Objective(0.3)
        about = stage(train=parts, steps=2, evaluate=1 if values else 0)
        evaluator = Scripted(*values) if values else None
        result = train(
            folder / name,
            trainee=trainee,
            batches=Batches(pairs, sizes),
            objective=objective,
            stage=about,
            evaluator=evaluator,
            workplace=workplace,
        )
        found = trainee.weights() | {"tau": objective.tau.detach(), "losses": torch.tensor(result.losses)}
        torch.save(found, folder / f"{name}-{workplace.world}-{workplace.rank}.pt")


def processes(folder: Path) -> None:
    """One of several processes."""
    torch.set_num_threads(1)
    workplace = Workplace.join("float32", "cpu")
    several(workplace, folder)
    workplace.leave()


if __name__ == "__main__":
    sys.modules["torch.utils.tensorboard"] = None  # type: ignore[assignment]  # as if absent: it takes a second
    {"kill": kill, "processes": processes}[sys.argv[1]](Path(sys.argv[2]))
