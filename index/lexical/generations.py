"""Who may write to a lexical index, and which of its generations stand."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from index.errors import IndexLocked
from index.lexical.state import DamagedLexicalIndex, read_state


@contextmanager
def applying(root: Path, timeout: float) -> Iterator[None]:
    """Be the only one, over all processes and threads, that applies or builds; raises IndexLocked after `timeout` s."""
    lock = FileLock(root / "apply.lock", timeout=timeout)
    try:
        lock.acquire()
    except Timeout as error:
        raise IndexLocked(f"{root}: another process applies changes to it. Try again when it has finished.") from error
    try:
        yield
    finally:
        lock.release()


def next_generation(root: Path) -> int:
    """The number of a new generation, after those of interrupted builds were dropped; call with the lock held."""
    try:
        standing = read_state(root).generation
    except DamagedLexicalIndex:
        standing = 0
    numbers = [_number(path) for path in root.glob("g*")]
    remove_generations(root, keep=standing)
    return 1 + max([standing, *numbers])


def remove_generations(root: Path, keep: int) -> None:
    """Drop all generations but one; readers of the others keep their open files. Call with the lock held."""
    for path in root.glob("g*"):
        if _number(path) and _number(path) != keep:
            shutil.rmtree(path, ignore_errors=True)


def _number(path: Path) -> int:
    return int(path.name[1:]) if path.name[1:].isdecimal() else 0
