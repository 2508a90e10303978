"""The resampler against loops over heads, queries and patches written out from the formulas."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.special import erf

from encoders.notellm2.resampler import GELU_POWER, Attention, Connector, Resampler, head_count


def linear(module, x):
    return x @ module.weight.detach().numpy().T + module.bias.detach().numpy()


def norm(module, x):
    scaled = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + module.eps)
    return scaled * module.weight.detach().numpy() + module.bias.detach().numpy()


def gelu(x):
    return x / 2 * (1 + erf(x / math.sqrt(2)))


def attention(module, queries, context):
    """One picture, one head and one query at a time."""
    width = queries.shape[1]  # of the context another, where the resampler is narrower than the patches
    size = width // module.heads
    q, kv = linear(module.query, queries), linear(module.key_value, context)
    gathered = np.zeros_like(queries)
    for head in range(module.heads):
        columns = slice(head * size, (head + 1) * size)
        key, value = kv[:, :width][:, columns], kv[:, width:][:, columns]
        for i in range(len(queries)):
            scores = np.array([q[i, columns] @ one / math.sqrt(size) for one in key])
            weights = np.exp(scores - scores.max())
            gathered[i, columns] = (weights / weights.sum()) @ value
    return linear(module.out, gathered)


def resample(module, patches):
    patches = norm(module.norm_patches, patches)
    queries = module.queries.detach().numpy()
    for layer in module.layers:
        normed = norm(layer.norm_self, queries)
        queries = queries + attention(layer.attend_self, normed, normed)
        queries = queries + attention(layer.attend_cross, norm(layer.norm_cross, queries), patches)
        queries = queries + linear(layer.mlp[2], gelu(linear(layer.mlp[0], norm(layer.norm_mlp, queries))))
    return norm(module.norm, queries)


def shaken(module, seed=0):
    """Give norms and biases values too, or a loop that forgot them would agree."""
    rng = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for tensor in module.parameters():
            tensor.add_(0.1 * torch.randn(tensor.shape, generator=rng))
    return module.double()


@pytest.fixture(scope="module")
def patches():
    return np.random.default_rng(4).normal(2, 5, (3, 7, 192))


def test_attention_is_the_loop(patches):
    module = shaken(Attention(192, 3))
    queries = np.random.default_rng(5).normal(size=(3, 4, 192))
    with torch.no_grad():
        ours = module(torch.from_numpy(queries), torch.from_numpy(patches)).numpy()
    for picture in range(3):
        np.testing.assert_allclose(ours[picture], attention(module, queries[picture], patches[picture]), atol=1e-10)


@pytest.mark.parametrize("width", [None, 48, 256])
def test_the_resampler_is_the_loop(patches, width):
    module = shaken(Resampler(192, tokens=5, layers=3, width=width))
    with torch.no_grad():
        ours = module(torch.from_numpy(patches)).numpy()
    assert ours.shape == (3, 5, width or 192)
    for picture in range(3):
        np.testing.assert_allclose(ours[picture], resample(module, patches[picture]), atol=1e-9)


def test_the_connector_ends_in_the_width_of_the_language_model(patches):
    module = shaken(Connector(Resampler(192, tokens=5, layers=1, width=96), hidden=24))
    with torch.no_grad():
        ours = module(torch.from_numpy(patches)).numpy()
    assert ours.shape == (3, 5, 24)
    for picture in range(3):
        resampled = resample(module.resampler, patches[picture])
        expected = linear(module.mlp[2], gelu(linear(module.mlp[0], resampled)))
        np.testing.assert_allclose(ours[picture], expected, atol=1e-9)


def test_a_fixed_number_of_tokens_whatever_the_patches():
    module = Resampler(64, tokens=16, layers=1)
    assert module(torch.randn(2, 1, 64)).shape == module(torch.randn(2, 50, 64)).shape == (2, 16, 64)
    assert module(torch.randn(0, 50, 64)).shape == (0, 16, 64)


def test_visual_tokens_start_as_large_as_those_of_words():
    normal = torch.randn(1_000_000, generator=torch.Generator().manual_seed(1))
    assert torch.nn.functional.gelu(normal).square().mean().item() == pytest.approx(GELU_POWER, abs=0.005)
    with torch.random.fork_rng():
        torch.manual_seed(2)
        module = Connector(Resampler(128, tokens=16, layers=2), hidden=256, embedding_rms=0.02)
        size = module(7 * torch.randn(8, 50, 128)).square().mean().sqrt().item()
    assert size == pytest.approx(0.02, rel=0.15)


@pytest.mark.parametrize(("width", "heads"), [(768, 12), (64, 1), (32, 1), (1280, 20), (320, 5), (100, 1), (1000, 10)])
def test_heads_divide_the_width(width, heads):
    assert head_count(width) == heads
    assert width % heads == 0
