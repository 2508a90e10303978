"""Why a stage ends, what it leaves, and what it says meanwhile."""

import json
import math
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from training.errors import TrainingError
from training.loop import stage as stage_module
from training.loop.judge import judged
from training.loop.metrics import MetricsLog, losses, read
from training.loop.result import Limits
from training.loop.state import State


def equal(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return all(one[name].equal(other[name]) for name in one)


def test_the_best_weights_are_put_back(toy: ModuleType, tmp_path: Path) -> None:
    """0.4 is the best, after step 4; those after step 12 are not what the trainee has in the end."""
    trainee, evaluator = toy.Toy(dropout=0.2), toy.Scripted(0.3, 0.4, 0.2, 0.4, 0.1, math.nan)
    about = toy.stage(evaluate=2)
    modes = [module.training for module in trainee.parts["text"].modules()]
    result = toy.train(tmp_path, trainee=trainee, stage=about, evaluator=evaluator, limits=Limits())
    assert (result.steps, result.ended, result.best, result.weights) == (12, "steps", (4, 0.4), "best")
    assert result.evaluation == {"nDCG@10": 0.4, "R@10": 0.5}
    assert equal(trainee.weights(), evaluator.weights[1])
    assert not equal(trainee.weights(), evaluator.weights[-1])
    assert [module.training for module in trainee.parts["text"].modules()] == modes
    assert {path.name for path in (tmp_path / "checkpoints").iterdir()} == {"step-00000004", "step-00000012"}
    lines = [line for line in read(tmp_path / "metrics.jsonl") if "evaluation" in line]
    assert [line["step"] for line in lines] == [2, 4, 6, 8, 10, 12]
    assert [line["evaluation"]["nDCG@10"] for line in lines] == [0.3, 0.4, 0.2, 0.4, 0.1, None]
    # A finished stage is neither trained nor measured again; the weights are there all the same.
    again, measured = toy.Toy(dropout=0.2), toy.Scripted()
    second = toy.train(tmp_path, trainee=again, stage=about, evaluator=measured, limits=Limits())
    assert equal(again.weights(), trainee.weights())
    assert (second.losses, second.best, second.weights) == (result.losses, result.best, "best")
    assert second.evaluation == result.evaluation


def test_the_last_weights_may_be_the_best(toy: ModuleType, tmp_path: Path) -> None:
    """Without steps between evaluations there is one at the end."""
    trainee, evaluator = toy.Toy(), toy.Scripted(0.1)
    result = toy.train(tmp_path, trainee=trainee, evaluator=evaluator)
    assert (result.best, result.weights, result.evaluation["nDCG@10"]) == ((12, 0.1), "last", 0.1)
    assert equal(trainee.weights(), evaluator.weights[0])


def test_patience(toy: ModuleType, tmp_path: Path) -> None:
    """Two evaluations in a row that are no better: after steps 6 and 8. Evaluation changes nothing in what follows."""
    evaluator = toy.Scripted(0.1, 0.2, 0.2, 0.15)
    result = toy.train(tmp_path / "a", stage=toy.stage(evaluate=2, patience=2), evaluator=evaluator)
    assert (result.steps, result.ended, result.best) == (8, "patience", (4, 0.2))
    assert result.losses == toy.train(tmp_path / "b").losses[:8]


def test_patience_counts_on_after_a_break(toy: ModuleType, tmp_path: Path) -> None:
    def stop(step: int) -> None:
        if step == 6:
            raise OSError("the machine went away")

    about = toy.stage(evaluate=2, patience=2)
    with pytest.raises(OSError, match="went away"):
        toy.train(
            tmp_path,
            stage=about,
            evaluator=toy.Scripted(0.1, 0.2, 0.2),
            batches=toy.Batches(before=stop),
            limits=Limits(checkpoint_steps=1),
        )
    result = toy.train(tmp_path, stage=about, evaluator=toy.Scripted(0.2), limits=Limits(checkpoint_steps=1))
    assert (result.steps, result.ended, result.best) == (8, "patience", (4, 0.2))


def test_an_evaluation_without_its_metric(toy: ModuleType, tmp_path: Path) -> None:
    evaluator = toy.Scripted(0.1)
    evaluator.metric = "MRR"
    evaluator.__class__ = type("Odd", (toy.Scripted,), {"__call__": lambda self, trainee: {"R@10": 0.5}})
    with pytest.raises(TrainingError, match=r"gave R@10, but MRR decides"):
        toy.train(tmp_path, evaluator=evaluator)


def test_judged() -> None:
    state = judged(State(step=5), math.nan)
    assert (state.best, state.stale, state.evaluated) == (None, 1, 5)
    state = judged(state, 0.3)
    assert state.best
    assert (state.best.value, state.stale) == (0.3, 0)
    assert judged(state, 0.3).stale == 1
    assert judged(state, math.inf).stale == 1


def test_a_deadline(toy: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten seconds a step, 35 seconds: four steps, with the schedule of 0, 10, 20 and 30 of 35 seconds."""
    now = 100.0

    def tick(step: int) -> None:
        nonlocal now
        now += 10

    clock = SimpleNamespace(monotonic=lambda: now, perf_counter=lambda: now)
    monkeypatch.setattr(stage_module, "time", clock)
    shown = Shown()
    result = toy.train(
        tmp_path,
        batches=toy.Batches(before=tick),
        stage=toy.stage(steps=1000, optimiser={"lr": 0.01, "warmup": 0.0, "floor": 0.1}),
        limits=Limits(deadline=35),
        progress=shown,
    )
    assert (result.steps, result.ended, result.elapsed) == (4, "time", 40)
    assert result.pairs_per_second == pytest.approx(6 / 10)
    done = [0.5 / 1000, 10 / 35, 20 / 35, 30 / 35]
    expected = [0.01 * (0.1 + 0.9 * (1 + math.cos(math.pi * part)) / 2) for part in done]
    assert [line["lr"] for line in read(tmp_path / "metrics.jsonl")] == pytest.approx(expected)
    # One of 1 + 2.5, two of 2 + 1.5, ... steps there will likely be.
    assert shown.reached == [(0, 1000), (1, 3), (2, 3), (3, 3), (4, 4)]
    assert shown.titles == [("tune", 1000)]
    smooth = result.losses[0]
    for loss in result.losses[1:]:
        smooth = 0.9 * smooth + 0.1 * loss
    assert shown.figures[-1] == pytest.approx({"loss": smooth, "pairs/s": 0.6})


def test_time_counts_on_after_a_break(toy: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Four steps of ten seconds in 35 seconds; in 65 seconds three more."""
    now = 0.0

    def tick(step: int) -> None:
        nonlocal now
        now += 10

    monkeypatch.setattr(stage_module, "time", SimpleNamespace(monotonic=lambda: now, perf_counter=lambda: now))
    for deadline, steps, elapsed in ((35, 4, 40), (65, 7, 70), (65, 7, 70)):
        result = toy.train(tmp_path, batches=toy.Batches(before=tick), limits=Limits(deadline=deadline))
        assert (result.ended, result.steps, result.elapsed) == ("time", steps, elapsed)


class Shown:
    """A progress bar that remembers."""

    def __init__(self) -> None:
        self.titles: list[tuple[str, int]] = []
        self.reached: list[tuple[int, int]] = []
        self.figures: list[dict[str, float]] = []

    def restart(self, title: str, total: int) -> None:
        self.titles.append((title, total))

    def reach(self, done: int, total: int) -> None:
        self.reached.append((done, total))

    def show(self, figures: dict[str, float]) -> None:
        self.figures.append(figures)


def test_checkpoints_by_the_clock(toy: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every 25 seconds at ten a step: after steps 3 and 6, and at the end."""
    now, saved = 0.0, []

    def tick(step: int) -> None:
        nonlocal now
        now += 10
        saved.append(sorted(path.name[-2:] for path in (tmp_path / "checkpoints").glob("step-*")))

    monkeypatch.setattr(stage_module, "time", SimpleNamespace(monotonic=lambda: now, perf_counter=lambda: now))
    toy.train(tmp_path, batches=toy.Batches(before=tick), stage=toy.stage(steps=7), limits=Limits(None, None, 25))
    assert saved == [[], [], [], ["03"], ["03"], ["03"], ["03", "06"]]
    assert sorted(path.name[-2:] for path in (tmp_path / "checkpoints").iterdir()) == ["06", "07"]


def test_epochs(toy: ModuleType, tmp_path: Path) -> None:
    """40 notes, 12 a batch: three steps an epoch, so 1.5 epochs are 4 or 5; round(4.5) is 4."""
    result = toy.train(tmp_path, stage=toy.stage(steps=None, epochs=1.5))
    assert result.steps == 4
    lines = read(tmp_path / "metrics.jsonl")
    assert [line["epoch"] for line in lines] == [0, 0, 0, 1]
    assert set(lines[0]) == {"step", "epoch", "loss", "lr", "grad_norm", "pairs_per_second", "tau", "elapsed"}
    assert stage_module.steps_of(toy.stage(steps=None, epochs=0.01), toy.Batches()) == 1


def test_what_tensorboard_reads(toy: ModuleType, tmp_path: Path) -> None:
    result = toy.train(tmp_path, stage=toy.stage(steps=4, evaluate=2), evaluator=toy.Scripted(0.1, 0.2))
    events = EventAccumulator(str(tmp_path / "tensorboard"))
    events.Reload()
    assert [(event.step, event.value) for event in events.Scalars("train/loss")] == [
        (step + 1, pytest.approx(loss)) for step, loss in enumerate(result.losses)
    ]
    found = [(event.step, event.value) for event in events.Scalars("validation/nDCG@10")]
    assert found == [(2, pytest.approx(0.1)), (4, pytest.approx(0.2))]


def test_without_tensorboard(toy: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    (remark,) = toy.train(tmp_path).remarks
    assert "tensorboard is not installed" in remark


def test_a_log_goes_on_where_the_checkpoint_is(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    log = MetricsLog(path)
    for step in (1, 2, 3):
        log.add({"step": step, "loss": step / 4, "名": "调"})
    log.add({"step": 3, "evaluation": {"nDCG@10": math.inf}})
    log.close()
    whole = path.read_text(encoding="utf-8")
    path.write_text(whole + '{"step": 4, "lo', encoding="utf-8")
    MetricsLog(path, 3).close()
    assert path.read_text(encoding="utf-8") == whole
    assert json.loads(whole.splitlines()[-1]) == {"step": 3, "evaluation": {"nDCG@10": None}}
    log = MetricsLog(path, 2)
    log.add({"step": 3, "loss": math.nan})
    log.close()
    assert losses(path)[:2] == (0.25, 0.5)
    assert math.isnan(losses(path)[2])
    assert len(losses(path)) == 3


@pytest.mark.parametrize("where", ["loss", "gradient"])
def test_not_finite(toy: ModuleType, tmp_path: Path, where: str) -> None:
    """In step 5 of 12: nothing is learnt from it, and what is known of it is written down."""
    trainee, batches = toy.Toy(), toy.Batches()
    bad = batches.batch(4).notes[7]
    kept: dict[str, torch.Tensor] = {}

    def spoil(step: int) -> None:
        if step != 4:
            return
        kept.update(trainee.weights())
        if where == "loss":
            batches.vectors[bad] = math.nan
        else:
            trainee.module.head.weight.register_hook(lambda gradient: gradient * math.inf)

    batches._before = spoil
    ids = [f"笔记 {i}" for i in range(40)]
    what = "the loss is nan" if where == "loss" else "the norm of the gradient is (nan|inf)"
    with pytest.raises(
        TrainingError, match=rf"step 5: {what}.*not-finite-00000005\.json.*checkpoint is .*step-00000003"
    ):
        toy.train(tmp_path, trainee=trainee, batches=batches, ids=ids)
    assert equal(trainee.weights(), kept)
    found = json.loads((tmp_path / "not-finite-00000005.json").read_text(encoding="utf-8"))
    assert (found["step"], found["epoch"]) == (4, 1)
    assert found["notes"] == batches.batch(4).notes.tolist()
    assert found["ids"] == [ids[place] for place in found["notes"]]
    assert found["weights"] == []
    assert "trainee.head.weight" in found["gradients"]
    assert (found["rows"], found["bad_ids"]) == (([7], [ids[bad]]) if where == "loss" else ([], []))
    assert [line["step"] for line in read(tmp_path / "metrics.jsonl")] == [1, 2, 3, 4]
    assert np.isfinite(losses(tmp_path / "metrics.jsonl")).all()


def test_weights_that_overflow_are_not_saved(toy: ModuleType, tmp_path: Path) -> None:
    """3e38 is near the end of float32: AdamW's first step changes each weight by about its learning rate."""
    about = toy.stage(optimiser={"lr": 1e38, "warmup": 0.0, "scale": {"text": 5.0}})
    with pytest.raises(TrainingError, match=r"step 1: the step made weights that are not finite \(trainee\.text"):
        toy.train(tmp_path, stage=about, limits=Limits(checkpoint_steps=1))
    assert not list((tmp_path / "checkpoints").glob("step-*"))
    found = json.loads((tmp_path / "not-finite-00000001.json").read_text())
    assert (found["loss"], found["notes"], found["checkpoint"]) == (None, [], None)
    assert "trainee.head.weight" in found["weights"]


def test_a_loss_that_is_not_finite_with_gradients_that_are(toy: ModuleType, tmp_path: Path) -> None:
    class Odd(toy.Objective):
        def forward(self, rows: torch.Tensor, batch: object) -> torch.Tensor:
            return super().forward(rows, batch) + math.inf

    with pytest.raises(TrainingError, match=r"step 1: the loss is inf.*there is no checkpoint yet"):
        toy.train(tmp_path, objective=Odd())
    found = json.loads((tmp_path / "not-finite-00000001.json").read_text())
    assert (found["loss"], found["gradients"], found["rows"]) == ("inf", [], [])
