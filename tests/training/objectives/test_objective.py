"""The objective against loops over single numbers, in every combination of its ingredients."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from training.batches.batch import Batch
from training.batches.graph import PairGraph
from training.losses.cached import cached_backward
from training.objectives.objective import Objective
from training.pairs import Pairs
from training.recipes.config import BatchConfig, LossConfig, MaskConfig
from training.trainees.base import View

VIEWS = (View("note", 0, 4), View("image", 4, 7), View("generation", 7, 9))
PAIRS = 4


def graph() -> PairGraph:
    """Twelve notes; 0–4, 1–5, 2–6, 3–7 are a batch, and 0–1, 2–7 are known besides."""
    edges = [(0, 4, 5.0), (1, 5, 2.0), (6, 2, 3.0), (3, 7, 1.0), (0, 1, 2.0), (7, 2, 4.0), (8, 0, 1.0), (8, 9, 1.0)]
    edges += [(10, 11, 1.0), (8, 10, 1.0)]
    pairs = [(f"{a:02}", f"{b:02}") for a, b, _ in edges]
    return PairGraph.of(
        Pairs(pairs, None, np.array([w for *_, w in edges], np.float32)), [f"{i:02}" for i in range(12)]
    )


BATCH = Batch(3, 0, np.array([0, 1, 2, 3, 4, 5, 6, 7]))


def rows(seed: int = 0, dtype: torch.dtype = torch.float64) -> Tensor:
    draw = torch.Generator().manual_seed(seed)
    made = torch.randn(8, 9, generator=draw, dtype=torch.float64)
    made[:, 7] = made[:, 7].abs()
    made[:, 8] = torch.tensor([1, 0, 1, 1, 0, 1, 1, 1])
    return made.to(dtype)


REFERENCE = np.random.default_rng(3).normal(size=(12, 3)).astype(np.float32)
REFERENCE[6] = REFERENCE[0] * 2  # notes 0 and 6 are duplicates
COLLABORATIVE = np.random.default_rng(4).normal(size=(12, 5)).astype(np.float32)
COLLABORATIVE[[1, 6]] = 0  # cold notes


def objective(batch: BatchConfig | None = None, **loss) -> Objective:
    return Objective(
        LossConfig(**loss), batch or BatchConfig(), VIEWS, graph(), reference=REFERENCE, collaborative=COLLABORATIVE
    )


def cosine(a, b) -> float:
    lengths = math.sqrt(sum(x * x for x in a)) * math.sqrt(sum(x * x for x in b))
    return sum(x * y for x, y in zip(a, b, strict=True)) / lengths if lengths else 0.0


WEIGHTS = {(0, 4): 5, (1, 5): 2, (2, 6): 3, (3, 7): 1, (0, 1): 2, (2, 7): 4}
# Of ten pairs, how many each of notes 0 … 7 is in.
COUNTS = [3, 2, 2, 1, 1, 1, 1, 2]


def weight(a: int, b: int) -> float:
    return WEIGHTS.get((min(a, b), max(a, b)), 0)


def naive_view(made: list[list[float]], config: LossConfig) -> float:
    """One view: every query, every candidate, one number at a time."""
    there = [any(made[i]) and any(made[(i + 4) % 8]) for i in range(8)]
    losses = []
    for i in range(8):
        if not there[i]:
            continue
        partner = (i + 4) % 8
        listwise = config.kind == "listwise"
        target = {j: weight(i, j) ** config.power if listwise else float(j == partner) for j in range(8) if there[j]}
        best = max(cosine(made[i], made[j]) for j in target if target[j])
        logits = {}
        for j in target:
            if j == i:
                continue
            if not target[j]:
                if config.masks.known and weight(i, j):
                    continue
                if config.masks.margin is not None and cosine(made[i], made[j]) > best + config.masks.margin:
                    continue
                limit = config.masks.duplicates
                if limit is not None and cosine(REFERENCE[i], REFERENCE[j]) >= limit - 1e-6:
                    continue
            logits[j] = cosine(made[i], made[j]) * math.exp(config.tau)
            if config.logq and not target[j]:
                # Not in the batch: none of its c pairs is among the 4 of 10 that are drawn.
                logits[j] -= math.log(1 - math.comb(10 - COUNTS[j], 4) / math.comb(10, 4))
        below = sum(math.exp(logit) for logit in logits.values())
        total = sum(target.values())
        losses.append(-sum(target[j] / total * math.log(math.exp(logits[j]) / below) for j in logits if target[j]))
    return sum(losses) / len(losses) if losses else 0.0


def naive(made: Tensor, config: LossConfig, projection: Tensor | None = None) -> float:
    parts = {name: made[:, 0:4] if name == "note" else made[:, 4:7] for name in config.views}
    total = 0.0
    for name, part in parts.items():
        loss = naive_view(part.tolist(), config)
        if name == "note":
            loss += sum(naive_view(part[:, :dim].tolist(), config) for dim in config.dims)
        total += config.views[name] * loss
    total /= sum(config.views.values())
    if config.generation:
        writing = [i for i in range(8) if made[i, 8]]
        generation = sum(float(made[i, 7] * made[i, 8]) for i in writing) / sum(float(made[i, 8]) for i in writing)
        total = (total + config.generation * generation) / (1 + config.generation)
    if config.alignment:
        assert projection is not None
        warm = [i for i in range(8) if i not in (1, 6)]
        mapped = made[:, :4] @ projection.detach().double().T
        away = [1 - cosine(mapped[i].tolist(), COLLABORATIVE[i].tolist()) for i in warm]
        total += config.alignment * sum(away) / len(away)
    return total


ALL_MASKS = MaskConfig(known=True, margin=0.2, duplicates=0.99)
NO_MASKS = MaskConfig(known=False)
CASES = {
    "plain": {"masks": NO_MASKS},
    "known": {},
    "margin": {"masks": MaskConfig(known=False, margin=0.1)},
    "duplicates": {"masks": MaskConfig(known=False, duplicates=0.99)},
    "logq": {"masks": NO_MASKS, "logq": True},
    "views": {"views": {"note": 9.0, "image": 1.0}},
    "image alone": {"views": {"image": 2.0}},
    "dims": {"dims": (1, 3)},
    "generation": {"generation": 0.3},
    "alignment": {"alignment": 0.7},
    "all": {
        "masks": ALL_MASKS, "logq": True, "views": {"note": 9.0, "image": 1.0}, "dims": (2,), "generation": 0.01,
        "alignment": 0.5,
    },
}  # fmt: skip


@pytest.mark.parametrize("kind", ["gcl", "listwise"])
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("chunk", [None, 3])
def test_the_loops(kind: str, case: str, chunk: int | None) -> None:
    made = objective(BatchConfig(chunk=chunk), kind=kind, tau=2.0, **CASES[case])
    config = LossConfig(kind=kind, tau=2.0, **CASES[case])
    for seed in range(3):
        inputs = rows(seed)
        inputs[[1, 7], 4:7] = 0  # a picture on one side of a pair is none
        projection = made.projection if config.alignment else None
        assert made(inputs, BATCH).item() == pytest.approx(naive(inputs, config, projection), rel=1e-5)


@pytest.mark.parametrize("kind", ["gcl", "listwise"])
def test_chunks_have_the_gradients_of_the_whole(kind: str) -> None:
    found = []
    for chunk in (None, 1, 3, 8, 99):
        made = objective(BatchConfig(chunk=chunk), kind=kind, **CASES["all"])
        inputs = rows().requires_grad_()
        made(inputs, BATCH).backward()
        found.append([inputs.grad, *(parameter.grad for parameter in made.parameters())])
    assert len(found[0]) == 3
    for other in found[1:]:
        for got, expected in zip(other, found[0], strict=True):
            assert expected is not None
            assert expected.any()
            torch.testing.assert_close(got, expected, rtol=1e-4, atol=1e-8)


@pytest.mark.parametrize("kind", ["gcl", "listwise"])
def test_gradcheck(kind: str) -> None:
    made = objective(kind=kind, tau=0.5, **CASES["all"]).double()
    weights = rows()[:, 8:]  # those of rows that write are given, no gradient reaches them

    def loss(inputs: Tensor) -> Tensor:
        return made(torch.cat([inputs, weights], dim=1), BATCH)

    assert torch.autograd.gradcheck(loss, (rows()[:, :8].requires_grad_(),), fast_mode=True)


def test_each_mask_and_correction_says_something() -> None:
    """Or the loops above would agree on nothing."""
    values = {case: objective(tau=2.0, **CASES[case])(rows(), BATCH).item() for case in CASES}
    assert len({round(value, 6) for value in values.values()}) == len(values)


def test_logq_of_notes_as_anchors() -> None:
    """An epoch draws as many pairs as there are notes."""
    inputs = rows()
    counts, total = graph().frequencies("notes")
    assert total == 12
    made = objective(BatchConfig(anchors="notes"), masks=NO_MASKS, logq=True, tau=1.0)
    expected = 0.0
    for i in range(8):
        logits = {}
        for j in range(8):
            if j != i:
                logits[j] = cosine(inputs[i, :4].tolist(), inputs[j, :4].tolist()) * math.e
            if j not in (i, (i + 4) % 8):
                logits[j] -= math.log(1 - math.comb(12 - int(counts[j]), 4) / math.comb(12, 4))
        expected -= logits[(i + 4) % 8] - math.log(sum(math.exp(one) for one in logits.values()))
    assert made(inputs, BATCH).item() == pytest.approx(expected / 8, rel=1e-6)


def test_cuts_that_are_handed_over() -> None:
    made = Objective(LossConfig(dims=(2,)), BatchConfig(), VIEWS, graph(), cuts={2: lambda rows: rows[:, :2] * 0 + 1})
    plain = Objective(LossConfig(), BatchConfig(), VIEWS, graph())
    # Equal rows: every candidate that is left is as likely as another.
    left = [7 - sum(bool(weight(i, j)) for j in range(8) if j != (i + 4) % 8) for i in range(8)]
    same = sum(math.log(number) for number in left) / 8
    expected = plain(rows(), BATCH).item() + same
    scaled = made(rows(), BATCH).item()
    assert scaled == pytest.approx(expected, rel=1e-6)


def test_a_view_that_nobody_has() -> None:
    inputs = rows()
    inputs[:, 4:7] = 0
    config = {"views": {"note": 9.0, "image": 1.0}}
    for chunk in (None, 2):
        for kind in ("gcl", "listwise"):
            both = objective(BatchConfig(chunk=chunk), kind=kind, **config)(inputs, BATCH)
            note = objective(kind=kind)(inputs, BATCH)
            assert both.item() == pytest.approx(0.9 * note.item(), rel=1e-6)
    empty = inputs.clone().fill_(0).requires_grad_()
    loss = objective(**config, generation=0.5, alignment=0.5)(empty, BATCH)
    loss.backward()
    assert loss.item() == 0
    assert empty.grad is not None
    assert not empty.grad.any()


def test_rows_that_write_nothing_may_have_no_loss() -> None:
    inputs = rows()
    inputs[1, 7] = torch.nan
    inputs.requires_grad_()
    made = objective(generation=1.0)
    loss = made(inputs, BATCH)
    loss.backward()
    assert inputs.grad is not None
    assert bool(inputs.grad.isfinite().all())
    assert loss.item() == pytest.approx(naive(rows(), LossConfig(generation=1.0)), rel=1e-6)


def test_figures_and_parameters() -> None:
    made = objective(**CASES["all"])
    loss = made(rows(), BATCH).item()
    figures = made.figures()
    assert set(figures) == {"tau", "loss_note", "loss_image", "loss_generation", "loss_alignment"}
    assert figures["tau"] == 3.0
    contrastive = (9 * figures["loss_note"] + figures["loss_image"]) / 10
    whole = (contrastive + 0.01 * figures["loss_generation"]) / 1.01 + 0.5 * figures["loss_alignment"]
    assert loss == pytest.approx(whole, rel=1e-6)
    assert {name for name, _ in made.named_parameters()} == {"tau", "projection"}
    assert {name for name, _ in objective(learn_tau=False).named_parameters()} == set()
    assert objective(learn_tau=False, tau=2.5).figures() == {"tau": 2.5}
    assert set(made.state_dict()) == {"tau", "projection"}
    twice = [objective(alignment=1.0).projection for _ in range(2)]
    assert twice[0].equal(twice[1])


def test_a_small_listwise_score_counts_by_its_share() -> None:
    """1e-30² is no float32, but half of all is half of all."""
    found = graph()
    small = PairGraph(found.ids, found.pairs, found.scores, found.starts, found.others,
                      (found.weights * 1e-30).astype(np.float32))  # fmt: skip
    losses = [
        Objective(LossConfig(kind="listwise"), BatchConfig(), VIEWS, one)(rows(), BATCH) for one in (found, small)
    ]
    torch.testing.assert_close(losses[0], losses[1])


def test_inside_gradcache_under_autocast() -> None:
    """Micro-batches through the cache give the loss and gradients of the whole batch at once."""
    layer = torch.nn.Linear(5, 9)
    inputs = torch.randn(8, 5, generator=torch.Generator().manual_seed(1))
    made = objective(BatchConfig(chunk=3), masks=ALL_MASKS, logq=True)
    made(layer(inputs), BATCH).backward()
    expected = [parameter.grad for parameter in (*layer.parameters(), made.tau)]
    for parameter in (*layer.parameters(), made.tau):
        parameter.grad = None
    cached_backward(list(inputs.split(3)), layer, lambda leaves: made(leaves, BATCH))
    for parameter, gradient in zip((*layer.parameters(), made.tau), expected, strict=True):
        torch.testing.assert_close(parameter.grad, gradient, rtol=1e-5, atol=1e-7)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        cast = made(rows(dtype=torch.float32), BATCH)
    assert cast.dtype == torch.float32
    assert cast.item() == pytest.approx(made(rows(dtype=torch.float32), BATCH).item(), rel=1e-6)
