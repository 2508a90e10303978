"""From the patches of a picture to tokens a language model reads: a Q-Former-style resampler and an MLP.

NoteLLM-2 (arXiv 2405.16789, section 4.1) takes the connector of BLIP-2 (arXiv 2301.12597, section 3.1): learned
queries attend to one another and to the patches. Here in pre-norm form, which trains without a warm start.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

HEAD_WIDTH = 64
# Mean square of GELU over a standard normal: E[GELU(x)²].
GELU_POWER = 0.425


def head_count(width: int) -> int:
    """Return how many heads share a width: heads of 64 numbers, or the next larger size that divides it."""
    return next(heads for heads in range(max(1, width // HEAD_WIDTH), 0, -1) if width % heads == 0)


class Attention(nn.Module):
    """Multi-head attention of queries [N, Q, W] to a context [N, C, V], V being W unless `context` says otherwise."""

    def __init__(self, width: int, heads: int, context: int | None = None) -> None:
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(width, width)
        self.key_value = nn.Linear(context or width, 2 * width)
        self.out = nn.Linear(width, width)

    def forward(self, queries: Tensor, context: Tensor) -> Tensor:
        """Return what each query gathers from the context, [N, Q, W]."""
        query = self._split(self.query(queries))
        key, value = (self._split(part) for part in self.key_value(context).chunk(2, dim=-1))
        gathered = scaled_dot_product_attention(query, key, value)  # [N, heads, Q, W / heads]
        joined: Tensor = self.out(gathered.transpose(1, 2).flatten(2))
        return joined

    def _split(self, states: Tensor) -> Tensor:
        """Cut [N, L, W] into heads, [N, heads, L, W / heads]."""
        count, length, width = states.shape
        return states.reshape(count, length, self.heads, width // self.heads).transpose(1, 2)


class Layer(nn.Module):
    """Self-attention over the queries, cross-attention to the patches, an MLP; each normed first and added."""

    def __init__(self, width: int, heads: int, patch_width: int) -> None:
        super().__init__()
        self.norm_self, self.attend_self = nn.LayerNorm(width), Attention(width, heads)
        self.norm_cross, self.attend_cross = nn.LayerNorm(width), Attention(width, heads, patch_width)
        self.norm_mlp = nn.LayerNorm(width)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, queries: Tensor, patches: Tensor) -> Tensor:
        """Return the queries [N, Q, W] after one round with the (normed) patches [N, P, V]."""
        normed = self.norm_self(queries)
        queries = queries + self.attend_self(normed, normed)
        queries = queries + self.attend_cross(self.norm_cross(queries), patches)
        mixed: Tensor = queries + self.mlp(self.norm_mlp(queries))
        return mixed


class Resampler(nn.Module):
    """Any number of patches [N, P, V] to a fixed number of tokens [N, tokens, W].

    patch_width: V; width: W, None for the same. Patches carry their position already (a ViT adds it, a convolution
    sees it at the borders), so none is added.
    """

    def __init__(self, patch_width: int, tokens: int, layers: int, width: int | None = None) -> None:
        super().__init__()
        width = width or patch_width
        self.width = width
        self.queries = nn.Parameter(torch.randn(tokens, width))
        # States of a frozen tower before its pooling may be of any size; one norm serves all layers.
        self.norm_patches = nn.LayerNorm(patch_width)
        self.layers = nn.ModuleList(Layer(width, head_count(width), patch_width) for _ in range(layers))
        self.norm = nn.LayerNorm(width)

    def forward(self, patches: Tensor) -> Tensor:
        """Return the tokens of N pictures, [N, tokens, W]."""
        patches = self.norm_patches(patches)
        queries = self.queries.expand(len(patches), -1, -1)
        for layer in self.layers:
            queries = layer(queries, patches)
        resampled: Tensor = self.norm(queries)
        return resampled


class Connector(nn.Module):
    """The resampler and a two-layer GELU MLP into the embedding space of the language model.

    embedding_rms: root mean square of the language model's token embeddings. The MLP starts so that visual tokens
    are as large as tokens of words, or the first layers would be flooded by them, or hear nothing of them.
    """

    def __init__(self, resampler: Resampler, hidden: int, embedding_rms: float = 1.0) -> None:
        super().__init__()
        self.resampler = resampler
        self.mlp = nn.Sequential(nn.Linear(resampler.width, hidden), nn.GELU(), nn.Linear(hidden, hidden))
        for linear, gain in ((self.mlp[0], 1.0), (self.mlp[2], embedding_rms / math.sqrt(GELU_POWER))):
            assert isinstance(linear, nn.Linear)
            nn.init.normal_(linear.weight, std=gain / math.sqrt(linear.in_features))
            nn.init.zeros_(linear.bias)

    def forward(self, patches: Tensor) -> Tensor:
        """Turn patches [N, P, V] into visual tokens [N, tokens, hidden]."""
        visual: Tensor = self.mlp(self.resampler(patches))
        return visual
