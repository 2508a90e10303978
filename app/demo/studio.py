"""Draws the covers of a corpus on several processes."""

import multiprocessing
import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from pathlib import Path

from app.demo.covers import CoverSpec, cover_jpeg
from app.demo.errors import DemoError

BATCH = 24  # covers a task: small enough for a steady progress bar
MOST_PROCESSES = 8
WORTH_A_PROCESS = 150  # covers; for fewer, starting a process costs more than it saves

Job = tuple[str, CoverSpec]  # file name within the folder, and what to draw
OnProgress = Callable[[int, int], None]


def draw_all(folder: Path, jobs: Sequence[Job], *, processes: int | None, on_progress: OnProgress | None) -> None:
    """Draw every job into the folder; processes None takes what the machine has and the work is worth.

    The pictures do not depend on the number of processes. An exception from `on_progress` ends the drawing.
    Raises DemoError where the processes cannot live.
    """
    if processes is None:
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        processes = max(1, min(cores, MOST_PROCESSES, len(jobs) // WORTH_A_PROCESS))
    batches = [jobs[start : start + BATCH] for start in range(0, len(jobs), BATCH)]
    draw = partial(_draw_batch, folder)
    if on_progress:
        on_progress(0, len(jobs))
    if processes == 1:
        _report(map(draw, batches), len(jobs), on_progress)
        return
    # Spawned, not forked: the parent may hold threads (torch, Streamlit) that a fork would break.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, mp_context=context) as pool:
        try:
            _report(pool.map(draw, batches), len(jobs), on_progress)
        except BrokenProcessPool as error:
            raise DemoError(
                "a process that draws covers died; in a script, call this under `if __name__ == '__main__':`, "
                f"and where memory is short pass processes=1 ({error})"
            ) from error
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _report(drawn: Iterable[int], total: int, on_progress: OnProgress | None) -> None:
    done = 0
    for count in drawn:
        done += count
        if on_progress:
            on_progress(done, total)


def _draw_batch(folder: Path, jobs: Sequence[Job]) -> int:
    for name, spec in jobs:
        (folder / name).write_bytes(cover_jpeg(spec))
    return len(jobs)
