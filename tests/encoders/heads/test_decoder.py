"""The tag decoder: causal, its cache changes nothing, and a forward pass by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from encoders.heads.decoder import PREFIX, TagDecoder

DIM, VOCABULARY, WIDTH, HEADS, TOKENS = 6, 50, 16, 2, 12
END = 3


@pytest.fixture(scope="module")
def decoder():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        module = TagDecoder(DIM, VOCABULARY, WIDTH, 2, HEADS, TOKENS)
        torch.nn.init.normal_(module.positions)
        torch.nn.init.normal_(module.prefix.weight)
        torch.nn.init.normal_(module.words.weight, std=0.3)
    return module.eval()


@pytest.fixture(scope="module")
def vectors():
    rows = np.random.default_rng(0).normal(size=(40, DIM)).astype(np.float32)
    return torch.from_numpy(rows / np.linalg.norm(rows, axis=1, keepdims=True))


def norm(x, weight, bias):
    return (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-5) * weight + bias


def softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def by_hand(w, vector, ids):
    """Logits [T, V] of one note in NumPy."""
    from math import erf

    gelu = np.vectorize(lambda x: x * (1 + erf(x / 2**0.5)) / 2)
    prefix = (w["prefix.weight"] @ (vector * DIM**0.5) + w["prefix.bias"]).reshape(PREFIX, WIDTH)
    hidden = np.concatenate([prefix, w["words.weight"][ids]]) + w["positions"][: PREFIX + len(ids)]
    length, size = len(hidden), WIDTH // HEADS
    for i in range(2):

        def linear(x, name, i=i):
            return x @ w[f"layers.{i}.{name}.weight"].T + w[f"layers.{i}.{name}.bias"]

        def normed(x, name, i=i):
            return norm(x, w[f"layers.{i}.{name}.weight"], w[f"layers.{i}.{name}.bias"])

        query, key, value = np.split(linear(normed(hidden, "norm_attention"), "attend"), 3, axis=-1)
        mixed = np.zeros_like(hidden)
        for head in range(HEADS):
            at = slice(head * size, (head + 1) * size)
            scores = query[:, at] @ key[:, at].T / size**0.5
            scores[np.triu_indices(length, 1)] = -np.inf
            mixed[:, at] = softmax(scores) @ value[:, at]
        hidden = hidden + linear(mixed, "mix")
        hidden = hidden + linear(gelu(linear(normed(hidden, "norm_feed"), "widen")), "narrow")
    return norm(hidden[PREFIX:], w["norm.weight"], w["norm.bias"]) @ w["words.weight"].T


@torch.inference_mode()
def test_logits_are_those_by_hand(decoder, vectors):
    ids = torch.tensor([[1, 7, 9, 20], [1, 30, 2, 2]])
    logits = decoder(vectors[:2], ids)
    assert logits.shape == (2, 4, VOCABULARY)
    weights = {name: tensor.double().numpy() for name, tensor in decoder.state_dict().items()}
    for row in range(2):
        expected = by_hand(weights, vectors[row].double().numpy(), ids[row].numpy())
        np.testing.assert_allclose(logits[row].numpy(), expected, atol=1e-4)


@torch.inference_mode()
def test_a_token_sees_nothing_that_follows(decoder, vectors):
    ids = torch.randint(0, VOCABULARY, (3, TOKENS), generator=torch.Generator().manual_seed(1))
    changed = ids.clone()
    changed[:, 5:] = 0
    before, after = decoder(vectors[:3], ids), decoder(vectors[:3], changed)
    torch.testing.assert_close(before[:, :5], after[:, :5])
    assert not torch.allclose(before[:, 5:], after[:, 5:], atol=1e-3)


def test_the_cache_changes_nothing(decoder, vectors):
    refused = torch.zeros(VOCABULARY, dtype=torch.bool)
    cached = decoder.generate(vectors, 1, END, refused)
    assert cached == decoder.generate(vectors, 1, END, refused, cached=False)
    assert len({tuple(row) for row in cached}) >= 3


@torch.inference_mode()
def test_it_writes_the_best_token_each_time(decoder, vectors):
    refused = torch.zeros(VOCABULARY, dtype=torch.bool)
    for row, written in enumerate(decoder.generate(vectors[:5], 1, END, refused)):
        ids = [1]
        while len(ids) <= TOKENS and ids[-1] != END:
            ids.append(int(decoder(vectors[row : row + 1], torch.tensor([ids]))[0, -1].argmax()))
        assert written == ids[1:]


def test_a_batch_writes_what_each_note_gets_alone(decoder, vectors):
    refused = torch.zeros(VOCABULARY, dtype=torch.bool)
    together = decoder.generate(vectors, 1, END, refused)
    assert [decoder.generate(vectors[i : i + 1], 1, END, refused)[0] for i in range(len(vectors))] == together


def test_it_stops_at_the_end_and_refuses_what_it_must_not_write(decoder, vectors):
    refused = torch.zeros(VOCABULARY, dtype=torch.bool)
    free = decoder.generate(vectors, 1, END, refused)
    assert max(map(len, free)) <= TOKENS
    often = max({i for row in free for i in row} - {END}, key=lambda i: sum(row.count(i) for row in free))
    refused[often] = True
    assert not any(often in row for row in decoder.generate(vectors, 1, END, refused))
    only_end = torch.ones(VOCABULARY, dtype=torch.bool)
    only_end[END] = False
    assert decoder.generate(vectors, 1, END, only_end) == [[END]] * len(vectors)
