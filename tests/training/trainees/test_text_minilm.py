"""MiniLM with gradients against the tower it trains, and against the plain network's gradients."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from encoders.note import Note
from encoders.text.config import MiniLMConfig
from encoders.text.minilm import MiniLM
from training.recipes.config import LoraConfig
from training.trainees.text_minilm import MiniLMPart, packed_means

FIELDS = ("title", "tags", "body")


@pytest.fixture(scope="module")
def tower() -> MiniLM:
    return MiniLM(max_tokens=64, precision="float32")


@pytest.fixture
def part() -> MiniLMPart:
    return MiniLMPart(MiniLMConfig(max_tokens=64))


def test_it_embeds_what_the_tower_encodes_in_the_order_given(part, tower, texts, held):
    items = [part.read(note, FIELDS) for note in texts]
    assert [part.cost(item) for item in items] == [len(item) for item in items]
    assert max(map(len, items)) == 64
    wanted = tower.encode([tower.read(note, FIELDS) for note in texts])
    np.testing.assert_allclose(held.unit(part.embed(items)), wanted, atol=1e-5)
    assert part.read(Note(title=" "), FIELDS) == []


def test_gradients_are_those_of_the_plain_network_also_where_lengths_share_a_bucket(part):
    generator = torch.Generator().manual_seed(0)
    # Buckets of one length, of several, and of one text.
    lengths = [3, 3, 5, 9, 16, 16, 17, 40]
    rows = [torch.randint(1000, 2000, (length,), generator=generator).tolist() for length in lengths]
    weights = torch.randn(len(rows), 384, generator=generator)
    padded = torch.zeros(len(rows), max(lengths), dtype=torch.int64)
    for i, row in enumerate(rows):
        padded[i, : len(row)] = torch.tensor(row)
    found = []
    for embed in (lambda: packed_means(part.bert, rows), lambda: part.bert(padded, torch.tensor(lengths))):
        part.bert.zero_grad()
        means = embed()
        (means * weights).sum().backward()
        found.append((means.detach(), {name: weight.grad.clone() for name, weight in part.bert.named_parameters()}))
    (packed, ours), (plain, theirs) = found
    torch.testing.assert_close(packed, plain, atol=1e-5, rtol=1e-4)
    for name, gradient in theirs.items():
        torch.testing.assert_close(ours[name], gradient, atol=1e-4, rtol=1e-3, msg=name)


@pytest.mark.parametrize("lora", [None, LoraConfig(rank=4)], ids=["full", "lora"])
def test_it_learns_and_is_saved_as_the_tower_reads_it(part, lora, texts, held, tmp_path):
    items = [part.read(note, FIELDS) for note in texts]
    before = held.unit(part.embed(items))
    part.begin(True, lora)
    np.testing.assert_allclose(held.unit(part.embed(items)), before, atol=1e-6)
    trained = [name for name, weight in part.module.named_parameters() if weight.requires_grad]
    assert all("lora_" in name for name in trained) == (lora is not None)
    part.module.train()
    first, last = held.learns(part.module, lambda: part.embed(items))
    assert last < first - 0.01
    held.gradients_reach(part.module, part.embed(items))
    part.module.eval()
    after = held.unit(part.embed(items))
    part.save(tmp_path / "text")
    saved = MiniLM(tmp_path / "text", 64, "float32")
    np.testing.assert_allclose(saved.encode([saved.read(note, FIELDS) for note in texts]), after, atol=1e-5)
    part.begin(False)
    assert not part.embed(items).requires_grad
