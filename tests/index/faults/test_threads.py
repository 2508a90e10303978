"""One thread writes while four of the same process read: every answer is one that the index could have given."""

from __future__ import annotations

import threading

import numpy as np

from index import FaissIndex

READERS = 4


def test_searching_while_another_thread_writes_and_compacts(made, work):
    folder = made(60)
    faults: list[str] = []
    stop = threading.Event()
    index = FaissIndex.open(folder)

    def read(seed: int) -> None:
        rng = np.random.default_rng(seed)
        while not stop.is_set():
            row = work.record(f"n-{rng.integers(20)}", 0)  # these twenty are stored again and again, always alike
            found = index.search(row.vector[None], 5)
            word = row.id.replace("-", "")
            if found.ids[0][0] != row.id or len(set(found.ids[0])) != 5 or index.keyword(word, 1).ids != [[row.id]]:
                faults.append(f"{row.id}: {found.ids} {index.keyword(word, 1).ids}")

    def guarded(seed: int) -> None:
        try:
            read(seed)
        except BaseException as error:
            faults.append(repr(error))
            raise

    threads = [threading.Thread(target=guarded, args=(seed,)) for seed in range(READERS)]
    for thread in threads:
        thread.start()
    truth = work.truth_of(index)
    for number in range(30):
        calls = (
            ("upsert", 0, tuple(f"n-{i}" for i in range(number % 20, 20))),
            ("upsert", number, tuple(f"other-{number}-{i}" for i in range(5))),
            ("delete", 0, (f"other-{number}-1",)),
            *([("compact", 0, ())] if number % 10 == 9 else []),
        )
        for call in calls:
            work.perform(index, call)
            truth = work.after(truth, call)
    stop.set()
    for thread in threads:
        thread.join(60)
    assert faults == []
    work.check(index, truth)
    index.close()
