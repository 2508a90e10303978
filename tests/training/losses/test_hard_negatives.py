"""The band by hand, choices against loops, and thresholds against every cut."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from training.losses.contrastive import contrastive
from training.losses.errors import LossError
from training.losses.hard_negatives import Band, best_threshold, hardest, sample, taken

SIMILARITIES = torch.tensor([[0.1, 0.3, 0.5, 0.7, 0.9], [-0.4, -0.3, -0.2, 0.0, 0.6]])
POSITIVE = torch.tensor([0.7, -0.2])


@pytest.mark.parametrize(
    ("band", "expected"),
    [
        (Band(), [[1, 1, 1, 1, 0], [1, 1, 1, 0, 0]]),
        (Band(floor=0.2), [[0, 1, 1, 1, 0], [0, 0, 0, 0, 0]]),
        (Band(reach=0.3, margin=0.05), [[0, 0, 1, 0, 0], [1, 1, 0, 0, 0]]),
        (Band(reach=0.3, floor=-0.35), [[0, 0, 1, 1, 0], [0, 1, 1, 0, 0]]),
        (Band(share=0.5), [[1, 1, 0, 0, 0], [1, 1, 1, 0, 0]]),
        (Band(share=0.95, margin=0.25), [[1, 1, 0, 0, 0], [0, 0, 0, 0, 0]]),
        (Band(below=-0.3), [[0, 0, 0, 0, 0], [1, 1, 0, 0, 0]]),
    ],
)
def test_the_band_by_hand(band: Band, expected: list[list[int]]) -> None:
    assert band.holds(SIMILARITIES, POSITIVE).int().tolist() == expected


@pytest.mark.parametrize("wrong", [{"share": 0.0}, {"share": 1.1}, {"margin": -0.1}])
def test_bands_above_the_positive(wrong: dict[str, float]) -> None:
    with pytest.raises(LossError, match=str(next(iter(wrong.values())))):
        Band(**wrong)


def test_the_hardest_by_hand() -> None:
    eligible = torch.tensor([[1, 1, 0, 1, 0], [1, 0, 0, 0, 0]]).bool()
    assert hardest(SIMILARITIES, eligible, 2).tolist() == [[3, 1], [0, -1]]
    assert hardest(SIMILARITIES, eligible, 7).tolist() == [[3, 1, 0, -1, -1, -1, -1], [0, -1, -1, -1, -1, -1, -1]]
    assert hardest(torch.zeros(1, 300), torch.ones(1, 300).bool(), 3).tolist() == [[0, 1, 2]]
    assert hardest(SIMILARITIES, eligible, 0).shape == (2, 0)


@given(st.integers(0, 10**6), st.integers(1, 8))
@settings(deadline=None, max_examples=30)
def test_samples_are_eligible_distinct_and_as_many_as_there_are(seed: int, count: int) -> None:
    eligible = torch.rand(5, 7, generator=torch.Generator().manual_seed(seed)) < 0.5
    chosen = sample(eligible, count, torch.Generator().manual_seed(seed))
    assert chosen.shape == (5, count)
    for row, wanted in zip(chosen.tolist(), eligible, strict=True):
        found = [one for one in row if one >= 0]
        assert row == found + [-1] * (count - len(found))
        assert len(set(found)) == len(found) == min(count, int(wanted.sum()))
        assert all(wanted[one] for one in found)
    assert chosen.equal(sample(eligible, count, torch.Generator().manual_seed(seed)))


def test_every_eligible_candidate_is_as_likely() -> None:
    eligible = torch.tensor([[1, 0, 1, 1, 1]]).bool().expand(8000, 5)
    counts = torch.bincount(sample(eligible, 2, torch.Generator().manual_seed(0)).flatten(), minlength=5)
    assert counts[1] == 0
    assert (counts[[0, 2, 3, 4]] - 4000).abs().max() < 4 * (8000 * 0.25) ** 0.5


def test_what_was_chosen_goes_into_the_loss() -> None:
    embeddings = torch.eye(4)
    negatives, allowed = taken(embeddings, torch.tensor([[2, -1], [0, 1]]))
    assert negatives.equal(embeddings[torch.tensor([[2, 0], [0, 1]])])
    assert allowed.tolist() == [[True, False], [True, True]]
    queries, tau = torch.eye(4)[[2, 1]], torch.tensor(0.0)
    got = contrastive(
        queries, embeddings[3:], torch.tensor([0, 0]), tau, negatives=negatives, negatives_allowed=allowed
    )
    one, two = torch.tensor([0.0, 1.0]).logsumexp(0), torch.tensor([0.0, 0.0, 1.0]).logsumexp(0)
    torch.testing.assert_close(got, (one + two) / 2)


@given(st.lists(st.integers(0, 6), min_size=1, max_size=12), st.lists(st.integers(0, 6), max_size=12))
@settings(deadline=None, max_examples=60)
def test_the_threshold_is_the_best_of_all(positives: list[int], negatives: list[int]) -> None:
    def f1(threshold: float) -> float:
        found = sum(s >= threshold for s in positives)
        return 2 * found / (found + sum(s >= threshold for s in negatives) + len(positives))

    best = max({*positives, *negatives}, key=lambda threshold: (f1(threshold), threshold))
    assert best_threshold(torch.tensor(positives), torch.tensor(negatives, dtype=torch.float32)) == best
    with pytest.raises(LossError, match="at least one"):
        best_threshold(torch.zeros(0), torch.tensor([0.1]))
