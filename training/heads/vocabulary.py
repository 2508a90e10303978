"""Hashtags as the tokens that are in use, so that a step costs thousands of logits a token, not the vocabulary's."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from encoders.heads.words import TagWords

WORDS, POSITIONS = "decoder.words.weight", "decoder.positions"
Pieces = tuple[int, ...]


class TagVocabulary:
    """The U tokens that some hashtags are written with, numbered from 0, and token U for all others.

    The others share one embedding, which training sees as one token that is never right. It has every one of the
    others' logits when the heads write, so what no hashtag is written with is not written either.
    """

    def __init__(self, words: TagWords, tags: Iterable[str], most: int) -> None:
        comma = words.tokenizer.token_to_id(",")
        assert comma is not None  # TagWords refuses a tokenizer without one
        written = {tag: words.ids((tag,), most)[:-1] for tag in tags}
        used = sorted({words.start, words.end, comma, *(token for ids in written.values() for token in ids)})
        number = {token: i for i, token in enumerate(used)}
        self.start, self.end, self.comma = number[words.start], number[words.end], number[comma]
        self._pieces = {tag: tuple(number[token] for token in ids) for tag, ids in written.items()}
        self._used = torch.tensor(used)
        self._others = torch.from_numpy(np.setdiff1d(np.arange(words.size), used))

    @property
    def size(self) -> int:
        """U + 1."""
        return len(self._used) + 1

    def pieces(self, tags: Sequence[str]) -> tuple[Pieces, ...]:
        """Return the tokens of each hashtag, equal ones once; those that are too long for the decoder are left out."""
        found = dict.fromkeys(self._pieces[tag] for tag in tags)
        return tuple(pieces for pieces in found if pieces)

    def read(self, ids: Sequence[int]) -> list[Pieces]:
        """Return the hashtags in what a decoder of this vocabulary wrote, equal ones once, in its order."""
        found: dict[Pieces, None] = {}
        pieces: list[int] = []
        for token in ids:
            if token in (self.comma, self.end):
                found.setdefault(tuple(pieces))
                pieces = []
            else:
                pieces.append(token)
        found.pop((), None)
        return list(found)

    def compact(self, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Take the U + 1 rows [U + 1, W] out of the heads' embeddings of all tokens [V, W]; the rest is copied.

        Embeddings and positions are widened from the standard deviation they have to W^-½, as logits of about one
        want: with small ones many hundred steps pass before the decoder minds what it wrote before.
        """
        words = state[WORDS]
        # One of the others stands for all.
        rows = torch.cat((self._used, self._others[:1])).to(words.device)
        kept = {name: tensor.detach().clone() for name, tensor in state.items()}
        factor = words.shape[1] ** -0.5 / float(words.std())
        return kept | {WORDS: words.detach()[rows] * factor, POSITIONS: kept[POSITIONS] * factor}

    def expand(self, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Put U + 1 rows back among all: every other token gets the embedding that stood for it."""
        words = state[WORDS].detach().cpu()
        full = words.new_empty((len(self._used) + len(self._others), words.shape[1]))
        full[self._used], full[self._others] = words[:-1], words[-1]
        return {name: tensor.detach().cpu().clone() for name, tensor in state.items()} | {WORDS: full}
