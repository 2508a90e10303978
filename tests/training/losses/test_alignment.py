"""Alignment to proxies by hand, against loops, and where gradients go."""

import math

import pytest
import torch
from torch.nn import functional as F

from training.losses.alignment import contrastive_alignment, cosine_alignment


def rows(seed: int, *shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_cosine_by_hand() -> None:
    """Cosines of 1, 0.6, −1 and of a zero proxy, whatever the lengths."""
    content = torch.tensor([[2.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    proxies = torch.tensor([[0.5, 0.0], [3.0, 4.0], [0.0, -9.0], [0.0, 0.0]])
    got = cosine_alignment(content, proxies, torch.eye(2))
    assert got.item() == pytest.approx((0 + 0.4 + 2 + 1) / 4)


def test_the_map_goes_first() -> None:
    turn = torch.tensor([[0.0, 1.0], [1.0, 0.0], [0.0, 0.0]])
    assert cosine_alignment(torch.eye(2), torch.eye(3)[[1, 0]], turn).item() == pytest.approx(0)


def test_on_unit_rows_it_is_half_the_squared_distance() -> None:
    content, proxies, projection = rows(1, 5, 4), rows(2, 5, 3), rows(3, 3, 4)
    mapped = F.normalize(content @ projection.T, dim=1)
    squared = ((mapped - F.normalize(proxies, dim=1)) ** 2).sum(dim=1).mean()
    torch.testing.assert_close(cosine_alignment(content, proxies, projection), squared / 2)


def test_contrastive_is_the_double_loop() -> None:
    content, proxies, projection = rows(1, 5, 4), rows(2, 5, 3), rows(3, 3, 4)
    allowed = torch.rand(5, 5, generator=torch.Generator().manual_seed(4)) < 0.5
    total = 0.0
    for i in range(5):
        mapped = projection @ content[i]
        logits = [F.cosine_similarity(mapped, proxies[j], dim=0).item() * math.exp(1.5) for j in range(5)]
        below = sum(math.exp(logits[j]) for j in range(5) if j == i or allowed[i, j])
        total -= math.log(math.exp(logits[i]) / below)
    got = contrastive_alignment(content, proxies, projection, torch.tensor(1.5, dtype=torch.float64), allowed=allowed)
    assert got.item() == pytest.approx(total / 5)


def test_gradients_reach_content_map_and_scale_but_no_proxy() -> None:
    content, projection = rows(1, 3, 4).requires_grad_(), rows(3, 3, 4).requires_grad_()
    proxies, tau = rows(2, 3, 3).requires_grad_(), torch.tensor(1.5, dtype=torch.float64, requires_grad=True)
    (
        cosine_alignment(content, proxies, projection) + contrastive_alignment(content, proxies, projection, tau)
    ).backward()
    assert proxies.grad is None
    assert all(one.grad is not None and one.grad.any() for one in (content, projection, tau))
    fixed = proxies.detach()
    assert torch.autograd.gradcheck(lambda c, w: cosine_alignment(c, fixed, w), (content, projection))
    assert torch.autograd.gradcheck(lambda c, w, t: contrastive_alignment(c, fixed, w, t), (content, projection, tau))


def test_no_warm_notes_and_notes_without_content() -> None:
    assert cosine_alignment(torch.zeros(0, 4), torch.zeros(0, 3), torch.ones(3, 4)).item() == 0
    empty = torch.zeros(2, 4, requires_grad=True)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = cosine_alignment(empty, torch.ones(2, 3), torch.ones(3, 4))
    loss.backward()
    assert loss.item() == 1
    assert loss.dtype == torch.float32
    assert empty.grad is not None
    assert bool(empty.grad.isfinite().all())
