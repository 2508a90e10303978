"""The BERT encoder as it runs fastest on a CPU: the tokens of many texts in one matrix, without padding.

Linear layers see one row a token and do not care whose it is; attention goes text by text, over all texts of one
length at once, so nothing is padded and no mask is needed. Made from a `Bert`, whose parameters it reads and does
not change; a test holds both forms together.
"""

from collections.abc import Callable, Sequence
from itertools import chain, groupby
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from encoders.text.bert import Bert

# Rows [T, in] to rows [T, out]; the result is the caller's to write to.
Dense = Callable[[Tensor], Tensor]
# Makes the Dense of a layer, named as in `encoders.text.int8.Int8Maker`, from weight [out, in] and bias [out], float32.
DenseMaker = Callable[[str, Tensor, Tensor], Dense]
# Above this length the scores of a head no longer fit a core's cache, and the tiled kernel wins.
_TILED_FROM = 384


class _Group(NamedTuple):
    """Texts of one length that stand one after another in the packed matrix."""

    start: int
    texts: int
    length: int


class _Layer(NamedTuple):
    qkv: Dense
    mix: Dense
    norm: tuple[Tensor, Tensor]
    up: Dense
    down: Dense
    norm_out: tuple[Tensor, Tensor]


class PackedBert:
    """Token ids to one mean vector a text, as `Bert` computes them, for inference alone; thread-safe.

    dtype: of what runs between the linear layers; make: makes those; attention: the dtype of attention, by
    default the same.
    """

    def __init__(self, bert: Bert, dtype: torch.dtype, make: DenseMaker | None = None) -> None:
        make = make or _plain(dtype)
        self.shape = bert.shape
        self.dtype = dtype
        state = {name: tensor.detach().float() for name, tensor in bert.state_dict().items()}
        self.words = state["embeddings.word_embeddings.weight"].to(dtype)
        # Every token is of type 0, so its place and its type are one addend.
        places = state["embeddings.position_embeddings.weight"] + state["embeddings.token_type_embeddings.weight"][0]
        self.places = places.to(dtype)
        self.norm = self._norm_of(state, "embeddings.LayerNorm")
        self.layers = [self._layer(state, f"encoder.layer.{i}.", make) for i in range(self.shape.layers)]

    def means(self, texts: Sequence[Sequence[int]]) -> Tensor:
        """Map N texts as token ids, none empty, to the means of their last hidden states, float32 [N, hidden].

        Texts of one length should stand together: only neighbours share an attention call.
        """
        groups, start = [], 0
        for length, members in groupby(map(len, texts)):
            count = sum(1 for _ in members)
            groups.append(_Group(start, count, length))
            start += count * length
        places = [self.places[:length].expand(count, -1, -1).flatten(0, 1) for _, count, length in groups]
        tokens = torch.tensor(list(chain.from_iterable(texts)))
        hidden = self._normed(F.embedding(tokens, self.words) + torch.cat(places), self.norm)  # [T, H]
        for layer in self.layers:
            mixed = self._attend(layer.qkv(hidden), groups)
            hidden = self._normed(layer.mix(mixed).add_(hidden), layer.norm)
            hidden = self._normed(layer.down(F.gelu(layer.up(hidden))).add_(hidden), layer.norm_out)
        # Summed in float32: a bfloat16 sum over 256 tokens would lose a digit.
        hidden = hidden.float()
        return torch.cat([_texts_of(hidden, group).mean(dim=1) for group in groups])

    def _attend(self, qkv: Tensor, groups: Sequence[_Group]) -> Tensor:
        mixed = qkv.new_empty(qkv.shape[0], self.shape.hidden)
        for group in groups:
            # [n L, 3 H] -> three of [n, heads, L, H / heads]; the query comes scaled
            parts = _texts_of(qkv, group).view(group.texts, group.length, 3, self.shape.heads, -1)
            query, key, value = parts.permute(2, 0, 3, 1, 4)
            if group.length < _TILED_FROM:
                # Plain products beat the fused kernel by a third on short texts, which most are.
                out = torch.matmul(torch.matmul(query, key.transpose(-1, -2)).softmax(dim=-1), value)
            else:
                out = F.scaled_dot_product_attention(query, key, value, scale=1.0)
            _texts_of(mixed, group).view(group.texts, group.length, self.shape.heads, -1).copy_(out.transpose(1, 2))
        return mixed

    def _normed(self, hidden: Tensor, norm: tuple[Tensor, Tensor]) -> Tensor:
        return F.layer_norm(hidden, (self.shape.hidden,), *norm, self.shape.epsilon)

    def _norm_of(self, state: dict[str, Tensor], name: str) -> tuple[Tensor, Tensor]:
        return state[f"{name}.weight"].to(self.dtype), state[f"{name}.bias"].to(self.dtype)

    def _layer(self, state: dict[str, Tensor], prefix: str, make: DenseMaker) -> _Layer:
        def pair(name: str) -> tuple[Tensor, Tensor]:
            return state[f"{prefix}{name}.weight"], state[f"{prefix}{name}.bias"]

        def dense(name: str) -> Dense:
            return make(prefix + name, *pair(name))

        query, key, value = (pair(f"attention.self.{name}") for name in ("query", "key", "value"))
        # The scale of attention, 1 / sqrt(width of a head), goes into the query's weights once.
        scale = (self.shape.hidden // self.shape.heads) ** -0.5
        weight = torch.cat([query[0] * scale, key[0], value[0]])
        bias = torch.cat([query[1] * scale, key[1], value[1]])
        return _Layer(
            qkv=make(f"{prefix}attention.self", weight, bias),
            mix=dense("attention.output.dense"),
            norm=self._norm_of(state, f"{prefix}attention.output.LayerNorm"),
            up=dense("intermediate.dense"),
            down=dense("output.dense"),
            norm_out=self._norm_of(state, f"{prefix}output.LayerNorm"),
        )


def _texts_of(rows: Tensor, group: _Group) -> Tensor:
    """View the rows of a group, out of [T, width], text by text: [n, L, width]."""
    start, texts, length = group
    return rows[start : start + texts * length].view(texts, length, rows.shape[1])


def _plain(dtype: torch.dtype) -> DenseMaker:
    def make(_name: str, weight: Tensor, bias: Tensor) -> Dense:
        weight, bias = weight.to(dtype), bias.to(dtype)
        return lambda rows: F.linear(rows, weight, bias)

    return make
