"""A batch in parts that fit memory, read while the part before is embedded."""

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from training.batches.reading import Reader
from training.trainees.base import Item

THREADS = 4


class Costs(Protocol):
    """The part of a trainee that says what an item counts for."""

    def cost(self, item: Item) -> int:
        """Tokens, at least 1."""


class MicroBatches:
    """The items of some notes, in order, in lists of up to `tokens` by the trainee's cost; may be gone through again.

    An item that costs more stands alone. Order is kept, so that rows come in that of the notes; a trainee that pads may
    sort within a list. Two lists are in memory, that being embedded and the one being read, and as many notes besides
    as there are threads. Boundaries depend on the notes alone, so they are the same each time.
    """

    def __init__(
        self,
        notes: NDArray[np.int64],
        step: int | None,
        reader: Reader,
        trainee: Costs,
        tokens: int,
        threads: int = THREADS,
    ) -> None:
        self._notes, self._step, self._reader = notes.tolist(), step, reader
        self._trainee, self._tokens, self._threads = trainee, tokens, threads

    def __iter__(self) -> Iterator[Sequence[Item]]:
        """Yield lists of items; raises TrainingError for a note that cannot be read."""
        with ThreadPoolExecutor(self._threads) as pool, ThreadPoolExecutor(1) as ahead:
            lists = self._lists(pool)
            upcoming = ahead.submit(next, lists, None)
            try:
                while (now := upcoming.result()) is not None:
                    upcoming = ahead.submit(next, lists, None)
                    yield now
                    del now
            finally:
                # Whoever stops in the middle need not wait for pictures that nobody will see.
                pool.shutdown(wait=False, cancel_futures=True)

    def _lists(self, pool: ThreadPoolExecutor) -> Iterator[list[Item]]:
        collected, spent = list[Item](), 0
        for item in self._items(pool):
            cost = self._trainee.cost(item)
            if collected and spent + cost > self._tokens:
                yield collected
                collected, spent = [], 0
            collected.append(item)
            spent += cost
        if collected:
            yield collected

    def _items(self, pool: ThreadPoolExecutor) -> Iterator[Item]:
        reading = deque[Future[Item]]()
        for place in self._notes:
            reading.append(self._reader.start(place, self._step, pool))
            if len(reading) > self._threads:
                yield reading.popleft().result()
        while reading:
            yield reading.popleft().result()
