"""The BERT encoder (Devlin et al. 2019, section 3) with mean pooling, as sentence embedding models use it.

Written out because `transformers` takes seconds to import, which every text query from a shell would pay for.
Parameter names are those of the published checkpoints, so weights load and save unchanged; a test holds the
vectors against `transformers` and sentence-transformers.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F


@dataclass(frozen=True, slots=True)
class BertShape:
    """Sizes of the network; the defaults are those of MiniLM-L6-H384."""

    vocabulary: int = 30522
    hidden: int = 384
    layers: int = 6
    heads: int = 12
    intermediate: int = 1536
    positions: int = 512
    epsilon: float = 1e-12


class _SelfAttention(nn.Module):
    def __init__(self, shape: BertShape) -> None:
        super().__init__()
        self.heads = shape.heads
        self.self = nn.ModuleDict({name: nn.Linear(shape.hidden, shape.hidden) for name in ("query", "key", "value")})
        self.output = _AddNorm(shape.hidden, shape.hidden, shape.epsilon)

    def forward(self, hidden: Tensor, mask: Tensor | None) -> Tensor:
        # [B, L, H] -> [B, heads, L, H / heads]
        query, key, value = (
            self.self[name](hidden).unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for name in ("query", "key", "value")
        )
        mixed = F.scaled_dot_product_attention(query, key, value, attn_mask=mask)
        attended: Tensor = self.output(mixed.transpose(1, 2).flatten(2), hidden)
        return attended


class _AddNorm(nn.Module):
    def __init__(self, inputs: int, hidden: int, epsilon: float) -> None:
        super().__init__()
        self.dense = nn.Linear(inputs, hidden)
        self.LayerNorm = nn.LayerNorm(hidden, eps=epsilon)

    def forward(self, change: Tensor, hidden: Tensor) -> Tensor:
        normed: Tensor = self.LayerNorm(self.dense(change) + hidden)
        return normed


class _Layer(nn.Module):
    def __init__(self, shape: BertShape) -> None:
        super().__init__()
        self.attention = _SelfAttention(shape)
        self.intermediate = nn.ModuleDict({"dense": nn.Linear(shape.hidden, shape.intermediate)})
        self.output = _AddNorm(shape.intermediate, shape.hidden, shape.epsilon)

    def forward(self, hidden: Tensor, mask: Tensor | None) -> Tensor:
        hidden = self.attention(hidden, mask)
        out: Tensor = self.output(F.gelu(self.intermediate["dense"](hidden)), hidden)
        return out


class Bert(nn.Module):
    """Token ids to one vector a text: the mean over the last hidden states of the text's tokens."""

    def __init__(self, shape: BertShape) -> None:
        super().__init__()
        self.shape = shape
        self.embeddings = nn.ModuleDict(
            {
                "word_embeddings": nn.Embedding(shape.vocabulary, shape.hidden),
                "position_embeddings": nn.Embedding(shape.positions, shape.hidden),
                "token_type_embeddings": nn.Embedding(2, shape.hidden),
                "LayerNorm": nn.LayerNorm(shape.hidden, eps=shape.epsilon),
            }
        )
        self.encoder = nn.ModuleDict({"layer": nn.ModuleList(_Layer(shape) for _ in range(shape.layers))})

    def forward(self, tokens: Tensor, lengths: Tensor) -> Tensor:
        """Map tokens [B, L] (int64, padded at the right) of lengths [B] to means [B, hidden], float32."""
        positions = torch.arange(tokens.shape[1], device=tokens.device)
        real = positions < lengths[:, None]  # [B, L]
        hidden = self.embeddings["word_embeddings"](tokens)
        hidden = hidden + self.embeddings["position_embeddings"](positions)
        hidden = hidden + self.embeddings["token_type_embeddings"](torch.zeros_like(tokens))
        hidden = self.embeddings["LayerNorm"](hidden)
        # Without padding there is nothing to mask, and attention takes its fastest path.
        mask = None if bool(real.all()) else real[:, None, None, :]
        layers = self.encoder["layer"]
        assert isinstance(layers, nn.ModuleList)
        for layer in layers:
            hidden = layer(hidden, mask)
        # Summed in float32: a bfloat16 sum over 256 tokens would lose a digit.
        total = (hidden.float() * real[:, :, None]).sum(dim=1)
        means: Tensor = total / lengths[:, None].float()
        return means
