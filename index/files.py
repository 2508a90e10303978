"""Writing a file so that a reader, or a crash, sees the old one or the new one and nothing between."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path


def write_atomically(path: Path, write: Callable[[Path], object]) -> None:
    """Have `write` fill a temporary file beside `path`, make it durable and put it in place of `path`."""
    temporary = path.with_name(f"{path.name}.tmp")
    try:
        write(temporary)
        _sync(temporary)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    _sync(path.parent)  # the name itself must survive a power cut too


def bytes_under(folder: Path) -> int:
    """The size of all files in the folder, those that vanish meanwhile left out."""
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.stat().st_size if path.is_file() else 0
        except FileNotFoundError:
            continue
    return total


def is_full(error: BaseException) -> bool:
    """Whether a write failed for want of space, also where a library kept nothing but the system's words for it."""
    codes = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
    words = [os.strerror(code) for code in codes]
    return getattr(error, "errno", None) in codes or any(each in str(error) for each in words)


def sync_folder(folder: Path, files: bool = True) -> None:
    """Make the folder's names durable, and its files' contents unless told not to."""
    for path in folder.iterdir() if files else ():
        _sync(path)
    _sync(folder)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
