"""A small causal decoder that writes hashtags from an embedding."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

# States the embedding is turned into, which every written token attends to.
PREFIX = 4
# Keys and values of one layer: [B, heads, length, width / heads] each.
Cache = list[tuple[Tensor, Tensor]]


class _Layer(nn.Module):
    """A pre-norm transformer layer (Xiong et al. 2020, arXiv 2002.04745, figure 1b)."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm_attention, self.norm_feed = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attend, self.mix = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.widen, self.narrow = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, hidden: Tensor, past: tuple[Tensor, Tensor] | None) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        # [B, L, 3 W] -> three of [B, heads, L, W / heads]
        parts = self.attend(self.norm_attention(hidden)).chunk(3, dim=-1)
        query, key, value = (part.unflatten(-1, (self.heads, -1)).transpose(1, 2) for part in parts)
        if past is not None:
            key, value = torch.cat((past[0], key), dim=2), torch.cat((past[1], value), dim=2)
        # With a past there is one new token, which may see all of it.
        mixed = F.scaled_dot_product_attention(query, key, value, is_causal=past is None)
        hidden = hidden + self.mix(mixed.transpose(1, 2).flatten(2))
        hidden = hidden + self.narrow(F.gelu(self.widen(self.norm_feed(hidden))))
        return hidden, (key, value)


class TagDecoder(nn.Module):
    """Token ids of hashtags given an embedding: the prefix, then the tokens so far, to the next token.

    dim: length of an embedding. vocabulary: the tokenizer's. tokens: the most that are written. Input and output
    embeddings are one matrix, so apart from it there are 12·width² weights a layer and PREFIX·dim·width.
    """

    def __init__(self, dim: int, vocabulary: int, width: int, layers: int, heads: int, tokens: int) -> None:
        super().__init__()
        self.dim = dim
        self.words = nn.Embedding(vocabulary, width)
        self.positions = nn.Parameter(torch.empty(PREFIX + tokens, width))
        self.prefix = nn.Linear(dim, PREFIX * width)
        self.layers = nn.ModuleList(_Layer(width, heads) for _ in range(layers))
        self.norm = nn.LayerNorm(width)

    def forward(self, vectors: Tensor, ids: Tensor) -> Tensor:
        """Map embeddings [B, dim] and ids [B, T], the start token first, to logits of what follows each [B, T, V]."""
        states = torch.cat((self._prefix(vectors), self._embed(ids, 0)), dim=1)  # [B, PREFIX + T, W]
        hidden, _ = self._run(states, None)
        return self._logits(hidden[:, PREFIX:])

    @torch.no_grad()
    def generate(self, vectors: Tensor, start: int, end: int, refused: Tensor, cached: bool = True) -> list[list[int]]:
        """Write greedily from embeddings [B, dim]; the ids of B texts, `end` last where it was reached.

        refused [V] bool: tokens never written. cached: keep keys and values, instead of running all again a step.
        """
        batch, steps = len(vectors), len(self.positions) - PREFIX
        ids = torch.full((batch, 1), start, dtype=torch.int64, device=vectors.device)
        ended = torch.zeros(batch, dtype=torch.bool, device=vectors.device)
        cache: Cache | None = None
        for step in range(steps):
            if cached:
                newest = self._embed(ids[:, -1:], step)
                states = torch.cat((self._prefix(vectors), newest), dim=1) if cache is None else newest
                hidden, cache = self._run(states, cache)
                logits = self._logits(hidden[:, -1:])
            else:
                logits = self(vectors, ids)
            best = logits[:, -1].masked_fill(refused, -torch.inf).argmax(dim=-1)
            ids = torch.cat((ids, best[:, None]), dim=1)
            ended |= best == end
            if bool(ended.all()):
                break
        rows: list[list[int]] = ids[:, 1:].tolist()
        return [row[: row.index(end) + 1] if end in row else row for row in rows]

    def _prefix(self, vectors: Tensor) -> Tensor:
        # Unit rows have numbers of about dim**-.5; the layers learn fastest from numbers of about one.
        states: Tensor = self.prefix(vectors * self.dim**0.5).unflatten(-1, (PREFIX, -1))
        return states + self.positions[:PREFIX]

    def _embed(self, ids: Tensor, first: int) -> Tensor:
        at = PREFIX + first
        embedded: Tensor = self.words(ids) + self.positions[at : at + ids.shape[1]]
        return embedded

    def _run(self, hidden: Tensor, cache: Cache | None) -> tuple[Tensor, Cache]:
        grown: Cache = []
        for i, layer in enumerate(self.layers):
            hidden, pair = layer(hidden, cache[i] if cache else None)
            grown.append(pair)
        return hidden, grown

    def _logits(self, hidden: Tensor) -> Tensor:
        return F.linear(self.norm(hidden), self.words.weight)
