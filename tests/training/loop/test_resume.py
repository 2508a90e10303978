"""However a run ends, what comes after it is what would have come."""

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

import pytest
import torch

from training.errors import TrainingError
from training.loop.errors import Interrupted
from training.loop.metrics import read
from training.loop.result import Limits


@pytest.fixture(scope="module")
def whole(toy: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    """The losses, lines and weights of a run that nobody disturbed."""
    torch.set_num_threads(1)
    folder, trainee = tmp_path_factory.mktemp("whole"), toy.Toy(dropout=0.2)
    losses = toy.train(folder, trainee=trainee).losses
    assert len(losses) == 12
    return {"losses": losses, "weights": trainee.weights(), "seen": int(trainee.module.seen), "lines": steady(folder)}


def steady(folder: Path) -> list[dict[str, object]]:
    """The log, but for what a clock says."""
    clocks = ("elapsed", "pairs_per_second")
    return [{key: value for key, value in line.items() if key not in clocks} for line in read(folder / "metrics.jsonl")]


def goes_on(toy: ModuleType, folder: Path, whole: dict[str, object]) -> None:
    """Resume; everything is as without the break, bit for bit."""
    trainee = toy.Toy(dropout=0.2)
    result = toy.train(folder, trainee=trainee)
    assert result.losses == whole["losses"]
    assert steady(folder) == whole["lines"]
    assert trainee.module.seen == whole["seen"]
    assert all(trainee.weights()[name].equal(weight) for name, weight in whole["weights"].items())
    kept = sorted(path.name for path in (folder / "checkpoints").iterdir())
    assert len(kept) == 2
    assert kept[-1] == "step-00000012"


def test_killed(toy: ModuleType, whole: dict[str, object], tmp_path: Path) -> None:
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(Path(__file__).parents[3])}
    done = subprocess.run(
        [sys.executable, toy.__file__, "kill", tmp_path], env=environment, capture_output=True, text=True, timeout=200
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"killed_in_step": -signal.SIGKILL, "killed_while_saving": -signal.SIGKILL}
    in_step, while_saving = tmp_path / "killed_in_step", tmp_path / "killed_while_saving"
    # Steps 0 … 6 were logged, the last checkpoint is of step 6: the seventh line must not stand twice.
    assert [line["step"] for line in read(in_step / "metrics.jsonl")] == [1, 2, 3, 4, 5, 6, 7]
    assert (while_saving / "checkpoints" / "step-00000006.tmp" / "optimiser.safetensors").exists()
    for folder in (in_step, while_saving):
        goes_on(toy, folder, whole)


@pytest.mark.parametrize("which", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_after_the_step(
    toy: ModuleType, whole: dict[str, object], tmp_path: Path, which: signal.Signals
) -> None:
    before = signal.getsignal(which)
    batches = toy.Batches(before=lambda step: os.kill(os.getpid(), which) if step == 4 else None)
    with pytest.raises(Interrupted, match=rf"{which.name} stopped stage tune after step 5 of 12.*00000005.*--resume"):
        toy.train(tmp_path, batches=batches)
    assert signal.getsignal(which) is before
    goes_on(toy, tmp_path, whole)


def test_a_second_signal_is_not_held_back(toy: ModuleType, tmp_path: Path) -> None:
    def twice(step: int) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        toy.train(tmp_path, batches=toy.Batches(before=twice))


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """Let no file grow beyond `size` bytes, as on a disk that is full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("size", [4_000, 700], ids=["checkpoint", "metrics"])
def test_a_full_disk(toy: ModuleType, whole: dict[str, object], tmp_path: Path, size: int) -> None:
    stop = toy.Batches(before=lambda step: signal.raise_signal(signal.SIGINT) if step == 2 else None)
    with pytest.raises(Interrupted):
        toy.train(tmp_path, batches=stop)
    good = tmp_path / "checkpoints" / "step-00000003"
    content = {path.name: path.read_bytes() for path in good.iterdir()}
    assert len(content["optimiser.safetensors"]) > 4_000
    assert (tmp_path / "metrics.jsonl").stat().st_size < 700
    shutil.rmtree(tmp_path / "tensorboard")
    with largest_file(size), pytest.raises(TrainingError, match=r"disk is full: .*step-00000003.*free some space"):
        toy.train(tmp_path)
    assert [path.name for path in (tmp_path / "checkpoints").iterdir()] == ["step-00000003"]
    assert {path.name: path.read_bytes() for path in good.iterdir()} == content
    goes_on(toy, tmp_path, whole)


def begun(toy: ModuleType, folder: Path) -> None:
    toy.train(folder, stage=toy.stage(steps=4), identity={"pairs": "a1"})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"stage": {"steps": 4, "optimiser": {"lr": 0.02}}}, r"stage\.optimiser\.lr was 0\.01 and is now 0\.02"),
        ({"stage": {"steps": 5}}, r"stage\.steps was 4 and is now 5"),
        ({"seed": 1}, "seed was 0 and is now 1"),
        ({"identity": {"pairs": "b2"}}, 'pairs was "a1" and is now "b2"'),
        ({"identity": {}}, "pairs is only in the checkpoint"),
        ({"trainee": {"width": 9}}, r"extra\.weight has shape \(8, 6\) in the checkpoint and \(9, 6\) here"),
        ({"trainee": {"seed": 1}}, "those that stand still have digest"),
    ],
)
def test_a_checkpoint_of_another_training(
    toy: ModuleType, tmp_path: Path, changes: dict[str, object], message: str
) -> None:
    begun(toy, tmp_path)
    trainee = toy.Toy(**changes.get("trainee", {}))
    before = trainee.weights()
    about = {"identity": {"pairs": "a1"}} | {
        key: value for key, value in changes.items() if key in ("seed", "identity")
    }
    with pytest.raises(TrainingError, match=message):
        toy.train(tmp_path, trainee=trainee, stage=toy.stage(**changes.get("stage", {"steps": 4})), **about)
    assert all(trainee.weights()[name].equal(weight) for name, weight in before.items())
    assert len(read(tmp_path / "metrics.jsonl")) == 4


@pytest.mark.parametrize("file", ["weights.safetensors", "optimiser.safetensors", "state.json"])
def test_a_damaged_checkpoint(toy: ModuleType, tmp_path: Path, file: str) -> None:
    begun(toy, tmp_path)
    path = tmp_path / "checkpoints" / "step-00000004" / file
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(TrainingError, match=r"step-00000004 cannot be read \(remove that folder"):
        begun(toy, tmp_path)
    shutil.rmtree(path.parent)
    begun(toy, tmp_path)


def test_other_versions_are_a_remark(toy: ModuleType, tmp_path: Path) -> None:
    begun(toy, tmp_path)
    path = tmp_path / "checkpoints" / "step-00000004" / "state.json"
    saved = json.loads(path.read_text())
    path.write_text(json.dumps(saved | {"versions": saved["versions"] | {"torch": "1.0"}}))
    (remark,) = toy.train(tmp_path, stage=toy.stage(steps=4), identity={"pairs": "a1"}).remarks
    assert "written under torch 1.0" in remark


def test_what_an_objective_found_is_kept(toy: ModuleType, tmp_path: Path) -> None:
    """Hard negatives, say, that are looked for every few steps with the encoder as it then is."""

    class Finding(toy.Objective):
        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("found", torch.zeros(()))

        def begin_step(self, step: int) -> None:
            if step % 4 == 0:
                self.found = torch.rand(())

        def forward(self, rows: torch.Tensor, batch: object) -> torch.Tensor:
            return super().forward(rows, batch) * (1 + self.found)

    stop = toy.Batches(before=lambda step: signal.raise_signal(signal.SIGINT) if step == 5 else None)
    expected = toy.train(tmp_path / "whole", objective=Finding()).losses
    with pytest.raises(Interrupted):
        toy.train(tmp_path / "broken", objective=Finding(), batches=stop)
    assert toy.train(tmp_path / "broken", objective=Finding()).losses == expected


def test_more_time_goes_on(toy: ModuleType, tmp_path: Path) -> None:
    first = toy.train(tmp_path, limits=Limits(deadline=1e-6))
    assert (first.ended, first.steps) == ("time", 1)
    assert toy.train(tmp_path, limits=Limits(deadline=1e-6)).steps == 1
    assert toy.train(tmp_path, limits=Limits(deadline=1e6)).steps == 12
