"""The cheapest settings that reach a recall, found by sweeping a system's ladders."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .base import Found, Ladders, Peer, Where, Width
from .data import FILTERS, Corpus, K, recall

_ENOUGH = 300
"""Queries that a sweep of a slow system asks, and that time two settings against each other."""
_SLOW = 0.002
"""Seconds a query beyond which a system counts as slow."""


def tuned(peer: Peer, corpus: Corpus, targets: dict[str, float]) -> dict[str, Any]:
    """{"widths": {target: {"single", "batch", "recall"}}, "filtered": {filter: {"width", "recall", "untuned"}}}.

    `untuned` is the recall under the filter at the unfiltered setting: what is lost without a word.
    """
    widths: dict[str, Any] = {}
    for name, goal in targets.items():
        sweep = _Sweep(peer, corpus, "")
        reached = sweep.candidates(goal, peer.ladders)
        one = sweep.fastest(reached, sweep.one_by_one)
        many = sweep.fastest(reached, sweep.at_once)
        widths[name] = {"single": one, "batch": many, "recall": sweep.recall(one)}
    filtered: dict[str, Any] = {}
    goal = targets["target"]
    for name in FILTERS:
        sweep = _Sweep(peer, corpus, name)
        untuned = sweep.recall(widths["target"]["single"])
        width = sweep.fastest(sweep.candidates(goal, peer.filtered_ladders or peer.ladders), sweep.one_by_one)
        filtered[name] = {"width": width, "recall": sweep.recall(width), "untuned": untuned}
    return {"widths": widths, "filtered": filtered}


class _Sweep:
    """Recall and time of settings, unfiltered or under one filter of FILTERS."""

    def __init__(self, peer: Peer, corpus: Corpus, name: str) -> None:
        self._peer, self._corpus, self._name = peer, corpus, name
        column, values = FILTERS[name] if name else ("", [])
        self._wheres: list[Where | None] = [Where(column, value) for value in values] or [None]
        self._known: dict[tuple[tuple[str, int], ...], float] = {}
        started = time.perf_counter()
        self.at_once(peer.ladders[0][0], queries=20)
        slow = (time.perf_counter() - started) / 20 > _SLOW
        self._queries = _ENOUGH if slow else len(corpus.queries)

    def recall(self, width: Width) -> float:
        """Recall@K over the sweep's queries."""
        key = tuple(width.items())
        if key not in self._known:
            found: list[Any] = [()] * self._queries
            for number, where in enumerate(self._wheres):
                places = range(number, self._queries, len(self._wheres))
                answers = self._search(self._corpus.queries[places.start : places.stop : places.step], where, width)
                for place, answer in zip(places, answers, strict=True):
                    found[place] = answer
            self._known[key] = recall(found, self._corpus.truth(self._name)[: self._queries])
        return self._known[key]

    def candidates(self, goal: float, ladders: Ladders) -> list[Width]:
        """The first step of each ladder that reaches the goal; the widest there is where none does."""
        reached: list[Width] = []
        low = 0
        for ladder in reversed(ladders):
            high, stride = low, 1
            while high < len(ladder) and self.recall(ladder[high]) < goal:  # cheap ones first, in growing strides
                low, high, stride = high + 1, high + stride, 2 * stride
            high = min(high, len(ladder))
            if high == len(ladder) and (low >= high or self.recall(ladder[-1]) < goal):
                break  # and no earlier ladder reaches it
            while low < high:
                middle = (low + high) // 2
                if self.recall(ladder[middle]) >= goal:
                    high = middle
                else:
                    low = middle + 1
            reached.append(ladder[low])
        return reached or [ladders[-1][-1]]

    def fastest(self, widths: list[Width], clock: Callable[[Width], float]) -> Width:
        """The setting that takes the least time, best of three rounds in turn."""
        if len(widths) == 1:
            return widths[0]
        best = {number: float("inf") for number in range(len(widths))}
        for _ in range(3):
            for number, width in enumerate(widths):
                best[number] = min(best[number], clock(width))
        return widths[min(best, key=best.__getitem__)]

    def one_by_one(self, width: Width) -> float:
        """Seconds for queries asked singly."""
        started = time.perf_counter()
        for number in range(_ENOUGH):
            where = self._wheres[number % len(self._wheres)]
            self._peer.search(self._corpus.queries[number : number + 1], K, where, width)
        return time.perf_counter() - started

    def at_once(self, width: Width, queries: int | None = None) -> float:
        """Seconds for all queries in one call."""
        started = time.perf_counter()
        self._search(self._corpus.queries[:queries], self._wheres[0], width)
        return time.perf_counter() - started

    def _search(self, queries: NDArray[np.float32], where: Where | None, width: Width) -> Found:
        return self._peer.search(np.ascontiguousarray(queries), K, where, width)
