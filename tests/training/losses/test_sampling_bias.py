"""logQ against exact fractions, drawn batches, and the correction's effect on a softmax."""

import math
from fractions import Fraction

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from training.losses.contrastive import contrastive
from training.losses.errors import LossError
from training.losses.sampling_bias import log_inclusion, log_q_correction, negatives_only


@given(st.integers(1, 40), st.data())
@settings(deadline=None, max_examples=60)
def test_the_chance_of_being_in_a_batch_is_hypergeometric(pairs: int, data: st.DataObject) -> None:
    batch, count = data.draw(st.integers(1, pairs)), data.draw(st.integers(1, pairs))
    chance = 1 - Fraction(math.comb(pairs - count, batch), math.comb(pairs, batch))
    assert log_inclusion(torch.tensor([count]), pairs, batch).item() == pytest.approx(
        math.log(chance), rel=1e-6, abs=1e-7
    )


def test_millions_of_pairs_lose_no_digits() -> None:
    counts = torch.tensor([1, 50, 100_000])
    found = log_inclusion(counts, 80_000_000, 64)
    assert found.dtype == torch.float32
    # Of one pair it is 64 / 80,000,000; of fifty, fifty times that but for 2·10⁻⁵ of it.
    assert found[0].item() == pytest.approx(math.log(8e-7), rel=1e-6)
    assert found[1].item() == pytest.approx(math.log(50 * 8e-7), abs=5e-5)
    assert found[2].item() == pytest.approx(math.log(1 - math.exp(-100_000 * 64 / (8e7 - 50_000))), abs=1e-5)


def test_drawn_batches_agree() -> None:
    members = torch.tensor([[0, 1], [0, 2], [0, 3], [4, 5], [4, 6], [7, 8]])
    counts = torch.bincount(members.flatten())
    draw, seen, batches = torch.Generator().manual_seed(0), torch.zeros(9), 4000
    for _ in range(batches):
        drawn = members[torch.randperm(6, generator=draw)[:2]]
        seen[drawn.unique()] += 1
    expected = log_inclusion(counts, 6, 2).exp()
    assert (seen / batches - expected).abs().max() < 4 * (0.5 / batches**0.5)


def test_what_has_no_probability() -> None:
    for counts, pairs, batch, named in (
        ([0, 3], 5, 2, "0 to 3"),
        ([6], 5, 2, "6 to 6"),
        ([1], 5, 6, "6 of 5"),
        ([1], 5, 0, "0 of 5"),
    ):
        with pytest.raises(LossError, match=named):
            log_inclusion(torch.tensor(counts), pairs, batch)
    assert log_inclusion(torch.tensor([], dtype=torch.int64), 5, 2).shape == (0,)


def test_a_common_note_weighs_less_among_the_negatives() -> None:
    """By hand: all cosines are 0, so the denominator is Σ 1/p; the positive spared, it is 1 and Σ 1/p of the others."""
    queries, candidates = torch.eye(4)[:1], torch.eye(4)[1:]
    corrections = log_q_correction(torch.tensor([1, 2, 4]), 8, 1)
    torch.testing.assert_close(corrections, torch.tensor([8.0, 4.0, 2.0]).log())
    one, tau = torch.tensor([1]), torch.tensor(3.0)
    everywhere = contrastive(queries, candidates, one, tau, corrections=corrections)
    assert everywhere.item() == pytest.approx(-math.log(4 / (8 + 4 + 2)))
    spared = contrastive(queries, candidates, one, tau, corrections=negatives_only(corrections, one))
    assert spared.item() == pytest.approx(-math.log(1 / (8 + 1 + 2)))


def test_a_common_factor_cancels() -> None:
    notes, tau = (
        torch.nn.functional.normalize(torch.randn(5, 4, generator=torch.Generator().manual_seed(1))),
        torch.tensor(2.0),
    )
    corrections = log_q_correction(torch.tensor([1, 2, 3, 4, 5]), 100, 8)
    plain = contrastive(notes, notes, torch.arange(5), tau, corrections=corrections)
    torch.testing.assert_close(plain, contrastive(notes, notes, torch.arange(5), tau, corrections=corrections + 7))


def test_corrected_sampled_gradients_are_unbiased() -> None:
    """Importance sampling: over all draws, Σ over drawn of exp(s)/p is on average Σ over all of exp(s)."""
    scores, counts = torch.tensor([0.3, -0.2, 0.9]), torch.tensor([1, 2, 4])
    weights = (scores + log_q_correction(counts, 7, 1)).exp()
    chance = counts / 7  # one pair of seven, each with one of the three
    assert (chance * weights).sum().item() == pytest.approx(scores.exp().sum().item(), rel=1e-6)
