"""MiniLM as a text part: tokens of many texts in one matrix, as it runs fastest with gradients too.

Linear layers see one row a token, so nothing is padded there. Attention goes over texts of about one length at once,
padded to the longest of them; its scores are plain products, whose gradients a CPU has in half the time of the fused
kernel's.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain, groupby
from pathlib import Path
from shutil import copyfile
from typing import TYPE_CHECKING, Any

import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional as F

from encoders.note import Note
from encoders.text.bert import Bert
from encoders.text.config import MiniLMConfig
from encoders.text.minilm import MiniLM, load_bert
from training.trainees.lora import add_lora, merged_lora, merged_weight
from training.trainees.rows import gradients

if TYPE_CHECKING:
    from training.recipes.config import LoraConfig

# Texts share an attention call whose lengths are the same in units of so many tokens.
BUCKET = 16
# The packed matrix is filled up to a multiple of so many rows.
ROWS = 512


class MiniLMPart:
    """all-MiniLM-L6-v2 with gradients, float32 weights; without dropout, as its vectors are served."""

    def __init__(self, config: MiniLMConfig) -> None:
        self.tower = MiniLM(config.folder, config.max_tokens, "float32")
        self.dim = self.tower.dim
        self.bert = load_bert(self.tower.folder / "model.safetensors")
        self.module: nn.Module = self.bert
        self.module.requires_grad_(True)

    def begin(self, train: bool, lora: "LoraConfig | None" = None) -> None:
        """Train all weights, low-rank changes of them, or none."""
        self.module.requires_grad_(train)
        if train and lora is not None:
            add_lora(self.module, lora)

    def read(self, note: Note, fields: Sequence[str]) -> list[int]:
        """Return the token ids of a note's fields as one text, none without words; thread-safe; raises NoteRejected."""
        text = self.tower.read(note, fields)
        return list(self.tower.tokenizer.encode(text).ids) if text.strip() else []

    def cost(self, tokens: Sequence[int]) -> int:
        """Return the number of tokens."""
        return len(tokens)

    def embed(self, texts: Sequence[Sequence[int]]) -> Tensor:
        """Embed N texts as token ids, none empty, to their means [N, 384], float32, not of unit length."""
        order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
        with gradients(self.module):
            means = packed_means(self.bert, [texts[i] for i in order])
        back = torch.empty(len(order), dtype=torch.int64)
        back[torch.tensor(order)] = torch.arange(len(order))
        return means[back.to(means.device)]

    def save(self, folder: Path) -> None:
        """Write model.safetensors and tokenizer.json into a folder."""
        folder.mkdir(parents=True, exist_ok=True)
        with merged_lora(self.bert):
            state = {name: tensor.detach().cpu().contiguous() for name, tensor in self.bert.state_dict().items()}
        save_file(state, folder / "model.safetensors", {"format": "pt"})
        copyfile(self.tower.folder / "tokenizer.json", folder / "tokenizer.json")


@dataclass(frozen=True, slots=True)
class _Bucket:
    """Texts first … stop of the packed ones, padded to `length` for attention.

    rows: their tokens. places int64 [tokens]: where each of these rows stands among n · length. mask bool
    [n, 1, 1, length]: True at padding. Both are None where nothing is padded.
    """

    rows: slice
    texts: int
    length: int
    places: Tensor | None = None
    mask: Tensor | None = None


class _Gathered(torch.autograd.Function):
    """Rows [n, W] at different places int64 [m], to [m, W].

    The gradient is a copy, as no row is taken twice; that of indexing adds up, which takes longer.
    """

    @staticmethod
    def forward(ctx: Any, rows: Tensor, places: Tensor) -> Tensor:
        ctx.save_for_backward(places)
        ctx.rows = len(rows)
        return rows.index_select(0, places)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        (places,) = ctx.saved_tensors
        return gradient.new_zeros(ctx.rows, gradient.shape[1]).index_copy_(0, places, gradient), None


def packed_means(bert: Bert, texts: Sequence[Sequence[int]]) -> Tensor:
    """Map N texts as token ids, none empty, ascending in length, to `Bert`'s means [N, hidden], float32, with gradient.

    Runs in autocast's number format where there is one.
    """
    device = next(bert.parameters()).device
    lengths = torch.tensor([len(text) for text in texts])
    tokens = torch.tensor(list(chain.from_iterable(texts)), device=device)
    places = torch.cat([torch.arange(int(length)) for length in lengths]).to(device)
    # The matrix has one of few heights: what a matrix product prepares for a shape is kept, a new shape costs memory.
    filling = -len(tokens) % ROWS
    tokens, places = F.pad(tokens, (0, filling)), F.pad(places, (0, filling))
    buckets = [_moved(bucket, device) for bucket in _buckets(lengths.tolist())]
    embed = bert.embeddings
    hidden = embed["word_embeddings"](tokens) + embed["position_embeddings"](places)  # [T, H]
    hidden = embed["LayerNorm"](hidden + embed["token_type_embeddings"](torch.zeros_like(tokens[:1])))
    layers = bert.encoder["layer"]
    assert isinstance(layers, nn.ModuleList)
    for layer in layers:
        hidden = _layer(layer, hidden, buckets, bert.shape.heads)
    # Summed in float32: a bfloat16 sum over 256 tokens would lose a digit.
    owners = torch.repeat_interleave(torch.arange(len(texts)), lengths).to(device)
    totals = torch.zeros(len(texts), bert.shape.hidden, device=device)
    totals = totals.index_add(0, owners, hidden[: len(owners)].float())
    return totals / lengths.to(device)[:, None]


def _layer(layer: nn.Module, hidden: Tensor, buckets: Sequence[_Bucket], heads: int) -> Tensor:
    attention = layer.get_submodule("attention")
    parts = [attention.get_submodule(f"self.{name}") for name in ("query", "key", "value")]
    # The scale of attention goes into the query's weights: less to multiply than the queries of all tokens.
    scales = ((hidden.shape[1] // heads) ** -0.5, 1.0, 1.0)
    weight = torch.cat([merged_weight(part) * scale for part, scale in zip(parts, scales, strict=True)])
    bias = torch.cat([part.get_parameter("bias") * scale for part, scale in zip(parts, scales, strict=True)])
    qkv = F.linear(hidden, weight, bias)  # [T, 3 H]
    parts_mixed = [_attend(qkv[bucket.rows], bucket, heads) for bucket in buckets]
    filled = sum(len(part) for part in parts_mixed)
    mixed = torch.cat([*parts_mixed, hidden.new_zeros(len(hidden) - filled, hidden.shape[1], dtype=qkv.dtype)])
    hidden = attention.get_submodule("output")(mixed, hidden)
    out: Tensor = layer.get_submodule("output")(F.gelu(layer.get_submodule("intermediate.dense")(hidden)), hidden)
    return out


def _attend(qkv: Tensor, bucket: _Bucket, heads: int) -> Tensor:
    """Attention of the texts of a bucket over rows [tokens, 3 H] of theirs, queries scaled; [tokens, H]."""
    if bucket.places is not None:
        qkv = qkv.new_zeros(bucket.texts * bucket.length, qkv.shape[1]).index_copy(0, bucket.places, qkv)
    # [n L, 3 H] -> three of [n, heads, L, H / heads]
    query, key, value = qkv.view(bucket.texts, bucket.length, 3, heads, -1).permute(2, 0, 3, 1, 4)
    scores = torch.matmul(query, key.transpose(-1, -2))
    if bucket.mask is not None:
        scores.masked_fill_(bucket.mask, -torch.inf)
    mixed = torch.matmul(scores.softmax(dim=-1), value).transpose(1, 2).reshape(bucket.texts * bucket.length, -1)
    return mixed if bucket.places is None else _Gathered.apply(mixed, bucket.places)


def _buckets(lengths: Sequence[int]) -> list[_Bucket]:
    """Cut texts of ascending lengths into buckets."""
    found, row = [], 0
    for _, members in groupby(lengths, key=lambda length: -(-length // BUCKET)):
        own = torch.tensor(list(members))
        longest, total = int(own.max()), int(own.sum())
        rows = slice(row, row + total)
        row += total
        if bool((own == longest).all()):
            found.append(_Bucket(rows, len(own), longest))
            continue
        real = torch.arange(longest) < own[:, None]  # [n, L]
        (places,) = torch.nonzero(real.flatten(), as_tuple=True)
        found.append(_Bucket(rows, len(own), longest, places, ~real[:, None, None, :]))
    return found


def _moved(bucket: _Bucket, device: torch.device) -> _Bucket:
    if bucket.places is None or bucket.mask is None:
        return bucket
    return replace(bucket, places=bucket.places.to(device), mask=bucket.mask.to(device))
