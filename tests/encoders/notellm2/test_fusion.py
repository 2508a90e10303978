"""The gate by hand arithmetic."""

from __future__ import annotations

import math

import numpy as np
import torch

from encoders.notellm2.fusion import LateFusion


def sigmoid(x):
    return 1 / (1 + math.exp(-x))


def test_the_gate_by_hand():
    fusion = LateFusion(vision=2, hidden=2)
    with torch.no_grad():
        fusion.project_vision.weight.copy_(torch.tensor([[1.0, 2.0], [0.0, -1.0]]))
        fusion.gate.weight.copy_(torch.tensor([[0.5, 0.0, 1.0, 0.0], [0.0, 1.0, 0.0, -2.0]]))
        fused = fusion(torch.tensor([[3.0, 1.0]]), torch.tensor([[0.6, 0.8]]), torch.tensor([True]))
    # v = [0.6 + 1.6, -0.8]; z = σ([0.5 · 2.2 + 3, -0.8 - 2])
    first, second = sigmoid(1.1 + 3), sigmoid(-0.8 - 2)
    expected = [first * 2.2 + (1 - first) * 3, second * -0.8 + (1 - second) * 1]
    np.testing.assert_allclose(fused[0].numpy(), expected, rtol=1e-6)


def test_without_a_picture_the_state_stays():
    fusion = LateFusion(vision=3, hidden=4)
    states, pooled = torch.randn(3, 4), torch.randn(3, 3)
    with torch.no_grad():
        fused = fusion(states, pooled, torch.tensor([False, True, False]))
    assert torch.equal(fused[[0, 2]], states[[0, 2]])
    assert not torch.allclose(fused[1], states[1])


def test_each_note_is_fused_with_its_own_picture():
    fusion = LateFusion(vision=3, hidden=4)
    states, pooled, present = torch.randn(5, 4), torch.randn(5, 3), torch.ones(5, dtype=torch.bool)
    with torch.no_grad():
        together = fusion(states, pooled, present)
        apart = torch.cat([fusion(states[i : i + 1], pooled[i : i + 1], present[:1]) for i in range(5)])
    torch.testing.assert_close(together, apart)


def test_the_picture_is_as_large_as_a_state_to_begin_with():
    with torch.random.fork_rng():
        torch.manual_seed(3)
        fusion = LateFusion(vision=64, hidden=512)
        unit = torch.nn.functional.normalize(torch.randn(20, 64), dim=-1)
        assert abs(fusion.project_vision(unit).square().mean().item() - 1) < 0.1
