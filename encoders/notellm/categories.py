"""Known answers as a tree of tokens, so that one pass of a language model scores them all."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class TokenTree:
    """C answers that share their beginnings; an answer may be the beginning of another but for its last token.

    tokens, parents, depths: int64 [M], of the nodes: every token that another follows. A parent is an earlier node, or
    -1 for the prompt itself; depths count from 0. lasts, stems: int64 [C], the last token of an answer and the node
    before it: a last token is scored, but never read.
    """

    tokens: Tensor
    parents: Tensor
    depths: Tensor
    lasts: Tensor
    stems: Tensor

    @classmethod
    def of(cls, answers: Sequence[Sequence[int]]) -> "TokenTree":
        """Make the tree of some answers, each at least one token."""
        nodes: dict[tuple[int, int], int] = {}
        depths: list[int] = []
        stems = []
        for answer in answers:
            parent = -1
            for depth, token in enumerate(answer[:-1]):
                if (parent, token) not in nodes:
                    nodes[parent, token] = len(depths)
                    depths.append(depth)
                parent = nodes[parent, token]
            stems.append(parent)
        return cls(
            tokens=torch.tensor([token for _, token in nodes], dtype=torch.int64),
            parents=torch.tensor([parent for parent, _ in nodes], dtype=torch.int64),
            depths=torch.tensor(depths, dtype=torch.int64),
            lasts=torch.tensor([answer[-1] for answer in answers], dtype=torch.int64),
            stems=torch.tensor(stems, dtype=torch.int64),
        )

    def ancestors(self) -> Tensor:
        """Return bool [M, M]: whether a node sees another, which is on its way from the prompt, or itself."""
        seen = torch.eye(len(self.tokens), dtype=torch.bool)
        for node, parent in enumerate(self.parents.tolist()):
            if parent >= 0:
                seen[node] |= seen[parent]
        return seen

    def stem(self, answer: int) -> Tensor:
        """Return the tokens of an answer but its last."""
        node = int(self.stems[answer])
        return self.tokens[self.ancestors()[node]] if node >= 0 else self.tokens[:0]


def trees(answers: Sequence[Sequence[int]], most: int) -> list[tuple[list[int], TokenTree]]:
    """Split answers into trees of at most `most` nodes, or one answer; with each, which answers it holds.

    Sorted by their tokens, so that answers of one beginning are in one tree.
    """
    order = sorted(range(len(answers)), key=lambda i: tuple(answers[i]))
    groups: list[list[int]] = []
    nodes: set[tuple[int, ...]] = set()
    for i in order:
        own = {tuple(answers[i][: depth + 1]) for depth in range(len(answers[i]) - 1)}
        if not groups or len(nodes | own) > most:
            groups.append([])
            nodes = set()
        groups[-1].append(i)
        nodes |= own
    return [(group, TokenTree.of([answers[i] for i in group])) for group in groups]
