"""Masks of false negatives by hand and against loops; the positive itself is never among them."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional as F

from training.losses.contrastive import gcl, partners
from training.losses.errors import LossError
from training.losses.false_negatives import KnownPairs, above_positive, known_positives, near_duplicates, same_note

COLUMNS = torch.arange(6)


def marked(mask: Tensor) -> list[set[int]]:
    assert mask.dtype == torch.bool
    return [set(torch.nonzero(row)[:, 0].tolist()) for row in mask]


def test_the_same_note_by_hand() -> None:
    """Query 5 with positive 7: its own columns and the second 7 go; query 7 with positive 5 has them the other way."""
    candidates = torch.tensor([5, 7, 9, 7, 5, 8])
    assert marked(same_note(torch.tensor([5, 7, 1]), candidates, torch.tensor([1, 0, 2]))) == [
        {0, 3, 4},
        {1, 3, 4},
        set(),
    ]
    several = torch.zeros(1, 6, dtype=torch.bool)
    several[0, [1, 2]] = True
    assert marked(same_note(torch.tensor([1]), candidates, several)) == [{3}]


def test_a_batch_without_repetition_masks_itself_alone() -> None:
    ids = torch.arange(6)
    assert same_note(ids, ids, partners(3)).equal(torch.eye(6, dtype=torch.bool))


@given(st.data())
@settings(deadline=None, max_examples=40)
def test_masks_of_notes_are_the_loops(data: st.DataObject) -> None:
    notes = 8
    ids = st.integers(0, notes - 1)
    queries = data.draw(st.lists(ids, min_size=1, max_size=6))
    candidates = data.draw(st.lists(ids, min_size=1, max_size=8))
    pairs = data.draw(st.lists(st.tuples(ids, ids), max_size=12))
    positives = [data.draw(st.integers(0, len(candidates) - 1)) for _ in queries]
    known = KnownPairs.of(torch.tensor(pairs, dtype=torch.int64).reshape(-1, 2), notes)
    together = {*pairs, *((b, a) for a, b in pairs)}
    same, belongs = [], []
    for query, positive in zip(queries, positives, strict=True):
        columns = [(n, note) for n, note in enumerate(candidates) if n != positive]
        same.append({n for n, note in columns if note in (query, candidates[positive])})
        belongs.append({n for n, note in columns if (query, note) in together})
    tensors = (torch.tensor(queries), torch.tensor(candidates), torch.tensor(positives))
    assert marked(same_note(*tensors)) == same
    assert marked(known_positives(*tensors, known)) == belongs


def test_known_positives_by_hand() -> None:
    known = KnownPairs.of(torch.tensor([[0, 1], [2, 0], [3, 4]]), 6)
    found = known_positives(torch.tensor([0, 1, 4, 5, -1]), COLUMNS, torch.tensor([1, 2, 5, 0, 0]), known)
    assert marked(found) == [{2}, {0}, {3}, set(), set()]
    assert marked(known_positives(torch.tensor([0]), torch.tensor([-1, -1, 2]), torch.tensor([1]), known)) == [{2}]


def test_pairs_of_unknown_notes() -> None:
    for pairs in ([[0, 6]], [[-1, 2]]):
        with pytest.raises(LossError, match="0 to 5"):
            KnownPairs.of(torch.tensor(pairs), 6)


def test_near_duplicates_by_hand() -> None:
    """Cosines of 1, 0.8, 0.6, 0 and none to the first axis, whatever the lengths."""
    candidates = torch.tensor([[2.0, 0.0], [4.0, 3.0], [0.3, 0.4], [0.0, 1.0], [0.0, 0.0]])
    query = torch.tensor([[0.5, 0.0], [0.0, 0.0]])
    positives = torch.tensor([3, 0])
    assert marked(near_duplicates(query, candidates, positives, 0.8)) == [{0, 1}, set()]
    assert marked(near_duplicates(query, candidates, positives, 0.81)) == [{0}, set()]
    assert marked(near_duplicates(query, candidates, torch.tensor([0, 0]), 0.5)) == [{1, 2}, set()]


def test_copies_are_near_duplicates_at_a_threshold_of_one() -> None:
    vectors = torch.randn(50, 96, generator=torch.Generator().manual_seed(0))
    copies = torch.cat([vectors, 3 * vectors])
    found = near_duplicates(copies, copies, torch.arange(100).roll(1), 1.0)
    expected = torch.eye(50, dtype=torch.bool).repeat(2, 2)
    assert found.equal(expected)
    for threshold in (0.0, 1.01, -1.0):
        with pytest.raises(LossError, match="threshold"):
            near_duplicates(vectors, vectors, torch.arange(50), threshold)


def test_above_the_positive_by_hand() -> None:
    similarities = torch.tensor(
        [[0.5, 0.59, 0.61, 0.9], [0.9, 0.5, 0.2, 0.95], [0.1, 0.2, 0.3, 0.9]], requires_grad=True
    )
    positives = torch.tensor([0, 2, 3])
    assert marked(above_positive(similarities, positives)) == [{2, 3}, {0, 1, 3}, set()]
    assert marked(above_positive(similarities, positives, 0.0)) == [{1, 2, 3}, {0, 1, 3}, set()]
    assert marked(above_positive(similarities, positives, -0.5)) == [{1, 2, 3}, {0, 1, 3}, set()]
    several = torch.zeros(3, 4, dtype=torch.bool)
    several[0, [0, 1]] = several[1, [1, 2]] = True
    assert marked(above_positive(similarities, several)) == [{3}, {0, 3}, set()]
    assert not above_positive(similarities, positives).requires_grad


def test_copies_of_a_pair_are_one_pair() -> None:
    """Three times the same pair, and nothing else: without its copies there is no negative to learn from."""
    left, right = (F.normalize(torch.randn(1, 8, generator=torch.Generator().manual_seed(i)), dim=1) for i in (1, 2))
    ids = torch.tensor([4, 4, 4, 9, 9, 9])
    pairs = left.expand(3, 8), right.expand(3, 8), torch.tensor(3.0)
    assert gcl(*pairs).item() > math.log(2)
    assert gcl(*pairs, allowed=~same_note(ids, ids, partners(3))).item() == 0
