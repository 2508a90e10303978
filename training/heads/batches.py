"""Epochs of batches for the heads: every note once, its hashtags in an order drawn anew."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from encoders.blocks import Vectors
from encoders.heads.words import IGNORED
from training.heads.vocabulary import Pieces, TagVocabulary

# Notes of so many batches are sorted by length, so that rows of a batch need little padding.
POOL = 8


@dataclass(frozen=True, slots=True)
class Taught:
    """N notes as the heads learn from them: unit rows float32 [N, dim], hashtags as tokens, categories or IGNORED.

    enough: as `enough_tags` says of all notes.
    """

    vectors: Vectors
    tags: tuple[tuple[Pieces, ...], ...]
    category: tuple[int, ...]
    enough: int

    def __len__(self) -> int:
        return len(self.vectors)


@dataclass(frozen=True, slots=True)
class HeadsBatch:
    """B notes: vectors float32 [B, dim], inputs and targets of the decoder int64 [B, T], categories int64 [B]."""

    vectors: Tensor
    inputs: Tensor
    targets: Tensor
    category: Tensor


def enough_tags(tags: Sequence[tuple[Pieces, ...]]) -> int:
    """Return how many hashtags a note must have for its end to be learnt: their mean, rounded up, over those with any.

    Where a note with few of them ends says less of the note than of its author, and who asks for five hashtags is
    better off with the next likely ones; but behind the last of many nothing sensible could follow.
    """
    some = [len(each) for each in tags if each]
    return math.ceil(sum(some) / len(some)) if some else 1


def written(
    tags: tuple[Pieces, ...], vocabulary: TagVocabulary, most: int, enough: int, rng: np.random.Generator
) -> list[int]:
    """Write a note's hashtags in a drawn order, those that fit whole into `most` tokens, a comma behind each.

    Every order is as good, so the decoder learns how likely each hashtag is to be among the note's, whatever stands
    there already: greedily it writes the surest first.
    Behind the last one stands the end instead, where all were written and are `enough`.
    """
    ids: list[int] = []
    fitted = 0
    for i in rng.permutation(len(tags)):
        pieces = tags[i]
        if len(ids) + len(pieces) + 1 <= most:
            ids += [*pieces, vocabulary.comma]
            fitted += 1
    if fitted == len(tags) >= max(1, enough):
        ids[-1] = vocabulary.end
    return ids


def epoch(
    taught: Taught, vocabulary: TagVocabulary, batch: int, most: int, rng: np.random.Generator
) -> Iterator[HeadsBatch]:
    """Yield all notes once, in batches of about `batch` of similar length and in random order.

    most: tokens of a note, as the decoder's max_tokens.
    """
    rows = [written(tags, vocabulary, most, taught.enough, rng) for tags in taught.tags]
    order = rng.permutation(len(taught))
    groups: list[list[int]] = []
    for start in range(0, len(order), POOL * batch):
        near = sorted(order[start : start + POOL * batch].tolist(), key=lambda i: len(rows[i]))
        groups += [near[at : at + batch] for at in range(0, len(near), batch)]
    for which in rng.permutation(len(groups)):
        members = groups[which]
        yield _collated(taught, members, [rows[i] for i in members], vocabulary.start)


def batches_of(taught: Taught, batch: int) -> int:
    """How many batches an epoch has."""
    whole, rest = divmod(len(taught), POOL * batch)
    return whole * POOL + -(-rest // batch)


def _collated(taught: Taught, members: list[int], rows: list[list[int]], start: int) -> HeadsBatch:
    length = max(1, *map(len, rows))
    # Padding is any token: nothing looks at it, for what stands behind it is no target.
    inputs = torch.full((len(rows), length), start, dtype=torch.int64)
    targets = torch.full((len(rows), length), IGNORED, dtype=torch.int64)
    for i, row in enumerate(rows):
        inputs[i, 1 : len(row)] = torch.tensor(row[:-1], dtype=torch.int64)
        targets[i, : len(row)] = torch.tensor(row, dtype=torch.int64)
    return HeadsBatch(
        torch.from_numpy(taught.vectors[members]),
        inputs,
        targets,
        torch.tensor([taught.category[i] for i in members], dtype=torch.int64),
    )
