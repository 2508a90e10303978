"""Hashtags as few tokens: what is written, and the embeddings there and back."""

from __future__ import annotations

import pytest
import torch

from encoders.heads.config import HeadsConfig
from encoders.heads.heads import Heads
from training.heads.vocabulary import POSITIONS, WORDS, TagVocabulary

TAGS = ["ramen", "Kyoto", "京都", "trail run", "how-to", "🍜", "x" * 300]
MOST = 12


@pytest.fixture(scope="module")
def heads():
    config = HeadsConfig(seed=0, categories=("a", "b"), width=16, layers=1, heads=2, max_tokens=MOST)
    return Heads(config, 8)


@pytest.fixture(scope="module")
def vocabulary(heads):
    return TagVocabulary(heads.words, TAGS, MOST)


def test_pieces_are_what_the_heads_read_back(heads, vocabulary):
    rows = vocabulary._used
    for tag in TAGS[:-1]:
        (pieces,) = vocabulary.pieces([tag])
        assert heads.words.tags([*rows[list(pieces)].tolist(), heads.words.end], 5) == (tag.lower(),)
    assert vocabulary.pieces([TAGS[-1]]) == ()  # longer than a decoder writes
    assert vocabulary.pieces(["ramen", "Kyoto", "ramen"]) == vocabulary.pieces(["ramen", "Kyoto"])
    both = heads.words.ids(("ramen", "Kyoto"), MOST)[:-1]
    (ramen, kyoto) = vocabulary.pieces(["ramen", "Kyoto"])
    assert rows[[*ramen, vocabulary.comma, *kyoto]].tolist() == both
    assert int(rows[vocabulary.start]) == heads.words.start


def test_compact_and_back(heads, vocabulary):
    state = heads.module.state_dict()
    compact = vocabulary.compact(state)
    assert compact[WORDS].shape == (vocabulary.size, 16)
    assert float(compact[WORDS].std()) == pytest.approx(16**-0.5, rel=0.1)
    factor = compact[WORDS][0, 0] / state[WORDS][vocabulary._used][0, 0]
    torch.testing.assert_close(compact[WORDS][:-1], state[WORDS][vocabulary._used] * factor)
    torch.testing.assert_close(compact[POSITIONS], state[POSITIONS] * factor)
    full = vocabulary.expand(compact)
    assert full.keys() == state.keys()
    for name in state.keys() - {WORDS, POSITIONS}:
        assert torch.equal(full[name], state[name])
    assert torch.equal(full[WORDS][vocabulary._used], compact[WORDS][:-1])
    others = torch.ones(heads.words.size, dtype=torch.bool)
    others[vocabulary._used] = False
    assert bool((full[WORDS][others] == compact[WORDS][-1]).all())
    assert int(others.sum()) == heads.words.size - vocabulary.size + 1
