"""Vectors are made in evaluation mode, whatever mode training has left a module in."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import numpy as np
import pytest
import torch
from torch import nn

from encoders.evaluating import evaluating
from encoders.notellm.config import NoteLLMConfig
from encoders.notellm.tower import NoteLLM


def modes(module):
    return [part.training for part in module.modules()]


@pytest.fixture
def mixed():
    """A module in training mode with one part that is not."""
    module = nn.Sequential(nn.Linear(2, 2), nn.Dropout(0.5), nn.Sequential(nn.Dropout(0.5)))
    module[2].eval()
    return module


def test_every_part_gets_its_own_mode_back(mixed):
    before = modes(mixed)
    with evaluating(mixed):
        assert not any(modes(mixed))
        with evaluating(mixed):
            assert not any(modes(mixed))
        assert not any(modes(mixed))
    assert modes(mixed) == before == [True, True, True, False, False]


def test_an_error_brings_it_back_too(mixed):
    before = modes(mixed)
    with pytest.raises(KeyError), evaluating(mixed):
        raise KeyError
    assert modes(mixed) == before


def test_the_last_thread_brings_it_back(mixed):
    before = modes(mixed)
    entered, left = Barrier(2), Barrier(2)

    def first():
        with evaluating(mixed):
            entered.wait()
        left.wait()

    def second():
        with evaluating(mixed):
            entered.wait()
            left.wait()  # the first has left by now
            return any(modes(mixed))

    with ThreadPoolExecutor(2) as pool:
        done, trained = pool.submit(first), pool.submit(second)
        done.result(30)
        assert trained.result(30) is False
    assert modes(mixed) == before


@pytest.fixture(params=["adapter", "train()"])
def training(request):
    """A tower in training mode, with a dropout that changes what its adapter adds."""
    tower = NoteLLM(NoteLLMConfig(model="tiny"), "float32")
    tower.add_lora(rank=4, alpha=8, dropout=0.5)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for name, weight in tower.module.named_parameters():
            if "lora_B" in name:
                weight.copy_(torch.randn(weight.shape, generator=generator) * 0.2)
    if request.param == "train()":
        tower.module.train()
    assert any(modes(tower.module))
    return tower


def test_the_same_note_gives_the_same_vector(training, notes):
    before = modes(training.module)
    texts = [training.read(note) for note in notes]
    one, same = training.encode(texts), training.encode(texts)
    np.testing.assert_array_equal(one, same)
    assert modes(training.module) == before
    # In that mode a forward pass is random, so this could have failed.
    inputs = [torch.tensor(text) for text in texts]
    with torch.no_grad():
        first, second = (training.module(inputs) for _ in range(2))
    assert not torch.equal(first, second)
    training.module.eval()
    np.testing.assert_array_equal(training.encode(texts), one)


def test_an_instruction_read_while_training_is_read_without_dropout(training):
    prefix = training.prefix("category")
    assert training.prefix("category") is prefix
    training._prefixes.clear()
    training.module.eval()
    for mine, expected in zip(prefix.layers, training.prefix("category").layers, strict=True):
        assert torch.equal(mine[0], expected[0])
        assert torch.equal(mine[1], expected[1])


def test_suggestions_do_not_change(training, notes):
    before = modes(training.module)
    known = [f"kind {i}" for i in range(40)]
    found = [training.suggest_tags(notes[:4], 3, known) for _ in range(3)]
    assert modes(training.module) == before
    training.module.eval()
    assert [training.suggest_tags(notes[:4], 3, known)] * 3 == found
