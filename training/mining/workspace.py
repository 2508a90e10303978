"""The folder beside the output in which a run works: locked, emptied of what a killed run left, removed in the end."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from index.files import is_full
from training.mining.errors import MiningError


@contextmanager
def workspace(out: Path) -> Iterator[Path]:
    """Make the folder `<out>.mining`; removes it in the end.

    Raises MiningError where another run has it, or it cannot be written, then or later.
    """
    from filelock import FileLock, Timeout

    folder = out.with_name(f"{out.name}.mining")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / "lock", timeout=0)
        lock.acquire()
    except Timeout as error:
        raise MiningError(f"another run is mining into {out}: wait for it, or choose another --out") from error
    except OSError as error:
        raise MiningError(f"{folder} cannot be written: {error.strerror or error}") from error
    try:
        for old in folder.iterdir():
            if old.name != "lock":
                shutil.rmtree(old) if old.is_dir() else old.unlink()
        yield folder
    except OSError as error:
        why = "the disk is full" if is_full(error) else error.strerror or error
        raise MiningError(f"mining into {out} failed: {why}; it is as it was") from error
    finally:
        lock.release()
        shutil.rmtree(folder, ignore_errors=True)
