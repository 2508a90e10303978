"""An epoch's pairs dealt out to batches in which no note stands twice."""

from collections import deque
from collections.abc import Sequence

import numpy as np

from training.batches.graph import Places

LOOK = 4  # pairs put off that a batch looks at before fresh ones, in batches


def disjoint(pairs: Places) -> Places:
    """Choose pairs [P, 2] of which no two share a note, int64 [M]; none could be added, and two wherever two exist.

    Those go first whose notes are in the fewest pairs. Were u–v taken first and met all others, u–x and v–y could not
    both be there: u–x came no earlier, so x is in no fewer pairs than v, all of which are with u or v; so there are
    more of u–x than of v–y, and for the same reason more of v–y than of u–x.
    """
    degrees = np.bincount(pairs.ravel())
    order = np.argsort(degrees[pairs].sum(axis=1), kind="stable")
    left, right = pairs[:, 0].tolist(), pairs[:, 1].tolist()
    return np.array(_fill(left, right, deque(order.tolist()), deque(), len(pairs)), np.int64)


def deal(pairs: Places, order: Places, size: int, least: int) -> list[list[int]]:
    """Deal pairs [P, 2], in some order of them, out to batches of up to `size`; a pair stands in one batch at most.

    A pair that shares a note with its batch is put off, and tried again before later ones. A batch falls short of
    `size` only where no pair that is left fits. The first with fewer than `least` ends the epoch; the pairs that are
    left are then those of a few notes that have most.
    """
    left, right = pairs[:, 0].tolist(), pairs[:, 1].tolist()
    fresh, waiting = deque(order.tolist()), deque[int]()
    batches = list[list[int]]()
    while (fresh or waiting) and (not batches or len(batches[-1]) >= least):
        batches.append(_fill(left, right, fresh, waiting, size))
    return batches


def top_up(pairs: Places, batch: Sequence[int], more: Sequence[int], size: int) -> list[int]:
    """Add pairs from `more` to a batch, in order, where they fit, up to `size`."""
    filled, inside = list(batch), set(pairs[list(batch)].ravel().tolist())
    for pair in more:
        if len(filled) == size:
            break
        a, b = pairs[pair].tolist()
        if a not in inside and b not in inside:
            filled.append(int(pair))
            inside.update((a, b))
    return filled


def _fill(left: list[int], right: list[int], fresh: deque[int], waiting: deque[int], size: int) -> list[int]:
    """Take a batch off what is left; what does not fit waits, behind what was not looked at."""
    batch, put_off, inside = list[int](), list[int](), set[int]()
    # Bounded, or an epoch with a note of most pairs would go through all of them again and again.
    look = min(len(waiting), LOOK * size)
    while len(batch) < size and (look or fresh or waiting):
        if look:
            pair = waiting.popleft()
            look -= 1
        else:
            pair = fresh.popleft() if fresh else waiting.popleft()
        a, b = left[pair], right[pair]
        if a in inside or b in inside:
            put_off.append(pair)
        else:
            batch.append(pair)
            inside.add(a)
            inside.add(b)
    waiting.extend(put_off)
    return batch
