"""An epoch: every note once, hashtags in a drawn order, targets one token on."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from encoders.heads.words import IGNORED
from training.heads.batches import Taught, batches_of, enough_tags, epoch, written

RNG = np.random.default_rng(7)


class Words:
    """Token 0 starts, 1 is the comma, 99 the end."""

    start, comma, end = 0, 1, 99


def taught(lengths):
    """Notes whose vector is their number, with so many hashtags of one or two tokens."""
    tags = tuple(tuple((2 + 2 * j,) if j % 2 else (2 + 2 * j, 3 + 2 * j) for j in range(count)) for count in lengths)
    vectors = np.arange(len(lengths), dtype=np.float32)[:, None]
    return Taught(vectors, tags, tuple(i % 3 - 1 if i % 3 else IGNORED for i in range(len(lengths))), 4)


def test_every_order_of_hashtags_is_drawn_alike():
    rng = np.random.default_rng(0)
    seen = Counter(tuple(written(((2, 3), (4,), (5,)), Words, 48, 9, rng)) for _ in range(3000))
    assert len(seen) == 6
    assert all(400 < count < 600 for count in seen.values())
    assert (2, 3, 1, 4, 1, 5, 1) in seen


def test_the_end_is_learnt_of_notes_with_enough():
    tags = [((2, 3),), ((2, 3), (4,), (5,)), (), ((4,),)]
    assert enough_tags(tags) == 2  # (1 + 3 + 1) / 3 = 1.67
    assert enough_tags([(), ()]) == 1
    assert written(tags[0], Words, 48, 2, RNG) == [2, 3, 1]
    assert written(tags[1], Words, 48, 2, RNG)[-1] == 99
    assert sorted(written(tags[1], Words, 48, 2, RNG)) == [1, 1, 2, 3, 4, 5, 99]
    assert written((), Words, 48, 1, RNG) == []


def test_what_does_not_fit_whole_is_left_out_and_then_nothing_ends():
    def rows(most):
        return {tuple(written(((2, 3), (4,)), Words, most, 1, RNG)) for _ in range(50)}

    assert rows(5) == {(2, 3, 1, 4, 99), (4, 1, 2, 3, 99)}
    assert rows(4) == rows(3) == {(2, 3, 1), (4, 1)}
    assert written(((2, 3, 4), (5,)), Words, 3, 1, RNG) == [5, 1]


@given(st.lists(st.integers(0, 6), min_size=1, max_size=70), st.integers(1, 5), st.integers(0, 9))
def test_an_epoch_shows_every_note_once(lengths, batch, seed):
    notes = taught(lengths)
    seen = []
    made = list(epoch(notes, Words, batch, 48, np.random.default_rng(seed)))
    assert len(made) == batches_of(notes, batch)
    for each in made:
        assert 1 <= len(each.vectors) <= batch
        assert each.inputs.shape == each.targets.shape
        for vector, inputs, targets, category in zip(
            each.vectors, each.inputs.tolist(), each.targets.tolist(), each.category.tolist(), strict=True
        ):
            number = int(vector)
            seen.append(number)
            assert category == notes.category[number]
            said = [token for token in targets if token != IGNORED]
            assert targets[: len(said)] == said
            assert inputs[: max(1, len(said))] == [Words.start, *said[:-1]]
            tokens = [token for token in said if token not in (1, 99)]
            assert Counter(tokens) == Counter(token for tag in notes.tags[number] for token in tag)
            assert (99 in said) == (len(notes.tags[number]) >= 4)
    assert sorted(seen) == list(range(len(lengths)))


def test_batches_are_of_similar_length_and_follow_the_generator():
    lengths = np.random.default_rng(1).integers(0, 7, 64).tolist()
    notes = taught(lengths)

    def drawn(seed):
        return [each.vectors[:, 0].tolist() for each in epoch(notes, Words, 8, 48, np.random.default_rng(seed))]

    assert drawn(3) == drawn(3) != drawn(4)
    spread = [max(lengths[int(i)] for i in rows) - min(lengths[int(i)] for i in rows) for rows in drawn(3)]
    assert np.mean(spread) < 2 < max(lengths) - min(lengths)


@pytest.mark.parametrize(("notes", "wanted"), [(1, 1), (8, 1), (9, 2), (64, 8), (65, 9), (130, 17)])
def test_how_many_batches(notes, wanted):
    assert batches_of(taught([1] * notes), 8) == wanted
