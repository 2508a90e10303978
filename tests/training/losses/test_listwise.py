"""The listwise loss against a double loop, torch's cross-entropy and gradcheck."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional as F

from training.losses.chunks import in_chunks
from training.losses.contrastive import contrastive
from training.losses.listwise import listwise, listwise_losses


def rows(seed: int, *shape: int) -> Tensor:
    draw = torch.Generator().manual_seed(seed)
    return F.normalize(torch.randn(*shape, generator=draw, dtype=torch.float64), dim=-1)


def some(seed: int, *shape: int) -> Tensor:
    draw = torch.Generator().manual_seed(seed)
    return torch.rand(*shape, generator=draw) * (torch.rand(*shape, generator=draw) < 0.4)


def naive(queries, candidates, weights, tau, allowed, corrections) -> list[float]:
    losses = []
    for m, query in enumerate(queries.tolist()):
        kept = [n for n in range(len(candidates)) if allowed is None or allowed[m, n]]
        total = sum(float(weights[m, n]) for n in kept)
        if not total:
            continue
        logit = {}
        for n in kept:
            cosine = sum(a * b for a, b in zip(query, candidates[n].tolist(), strict=True))
            logit[n] = cosine * math.exp(tau)
            if corrections is not None:
                logit[n] += float(corrections[n] if corrections.ndim == 1 else corrections[m, n])
        below = sum(math.exp(one) for one in logit.values())
        losses.append(-sum(float(weights[m, n]) / total * math.log(math.exp(logit[n]) / below) for n in kept))
    return losses


@given(st.integers(0, 10**6))
@settings(deadline=None, max_examples=40)
def test_the_double_loop(seed: int) -> None:
    queries, candidates, weights = rows(seed, 5, 4), rows(seed + 1, 7, 4), some(seed + 2, 5, 7)
    options = {
        "allowed": some(seed + 3, 5, 7) == 0 if seed % 2 else None,
        "corrections": [None, rows(seed, 7), rows(seed, 5, 7)][seed % 3],
    }
    got = listwise(queries, candidates, weights, torch.tensor(2.0), **options).item()
    losses = naive(queries, candidates, weights, 2.0, options["allowed"], options["corrections"])
    assert got == pytest.approx(sum(losses) / max(len(losses), 1), rel=1e-6, abs=1e-9)


def test_torch_with_soft_targets() -> None:
    queries, candidates, weights = rows(1, 5, 4), rows(2, 7, 4), some(3, 5, 7).double() + 0.01
    expected = F.cross_entropy(queries @ candidates.T * 20, weights / weights.sum(dim=1, keepdim=True))
    torch.testing.assert_close(listwise(queries, candidates, weights, torch.tensor(20.0).log()), expected)


def test_one_weight_is_contrastive() -> None:
    queries, candidates, positives = rows(1, 5, 4), rows(2, 7, 4), torch.tensor([3, 3, 0, 6, 1])
    right = F.one_hot(positives, 7)
    for scale in (1, 0.01, 250):
        torch.testing.assert_close(
            listwise(queries, candidates, right * scale, torch.tensor(3.0)),
            contrastive(queries, candidates, positives, torch.tensor(3.0)),
        )


def test_gradcheck_with_rows_that_have_nothing() -> None:
    """One query has no weight, one only weight that is not allowed, one no candidate at all."""
    queries, candidates = rows(1, 5, 3).requires_grad_(), rows(2, 6, 3).requires_grad_()
    tau = torch.tensor(1.0, dtype=torch.float64, requires_grad=True)
    weights, allowed = some(3, 5, 6) + 0.1, torch.ones(5, 6, dtype=torch.bool)
    weights[0] = 0
    weights[1, 1:], allowed[1, 0] = 0, False
    allowed[2] = False

    def loss(*inputs: Tensor) -> Tensor:
        queries, candidates, tau = inputs
        return listwise(queries, candidates, weights, tau, allowed=allowed)

    assert torch.autograd.gradcheck(loss, (queries, candidates, tau))
    loss(queries, candidates, tau).backward()
    assert queries.grad is not None
    assert queries.grad.any(dim=1).tolist() == [False, False, False, True, True]
    losses, counted = listwise_losses(queries, candidates, weights, tau, allowed=allowed)
    assert counted.tolist() == [False, False, False, True, True]
    assert losses[:3].tolist() == [0, 0, 0]
    nothing = listwise(queries, candidates, torch.zeros(5, 6), tau)
    nothing.backward()
    assert nothing.item() == 0


def test_chunks_give_the_mean_over_all_that_have_weight() -> None:
    queries, candidates, weights, tau = rows(1, 7, 4), rows(2, 9, 4), some(3, 7, 9), torch.tensor(2.0)
    weights[3] = 0

    def part(rows: slice) -> Tensor:
        return listwise_losses(queries[rows], candidates, weights[rows], tau)[0].mean()

    whole = listwise(queries, candidates, weights, tau)
    share = 7 / int(weights.any(dim=1).sum())
    torch.testing.assert_close(in_chunks(part, 7, 3) * share, whole)


def test_float32_inside_autocast() -> None:
    queries, candidates, weights, tau = rows(1, 4, 64).float(), rows(2, 6, 64).float(), some(3, 4, 6), torch.tensor(5.0)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        got = listwise(queries, candidates, weights, tau)
    assert got.dtype == torch.float32
    assert got.item() == listwise(queries, candidates, weights, tau).item()
