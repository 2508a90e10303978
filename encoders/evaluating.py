"""Evaluation mode for as long as vectors are made: dropout and its like would make them random."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from weakref import WeakKeyDictionary

from torch import nn

_lock = Lock()
# Of a module in use: by how many, and which of its parts go back to training mode after the last of them.
_used: WeakKeyDictionary[nn.Module, tuple[int, list[nn.Module]]] = WeakKeyDictionary()


@contextmanager
def evaluating(module: nn.Module) -> Iterator[None]:
    """Put a module, all its parts with it, in evaluation mode, and each part back in its own mode afterwards.

    May be nested, and shared by threads: the mode returns with the last that leaves. A forward pass for training must
    not run in another thread meanwhile.
    """
    with _lock:
        users, training = _used.get(module, (0, []))
        if not users:
            # Not module.eval() and train(): a part that was frozen in evaluation mode must stay there.
            training = [part for part in module.modules() if part.training]
            for part in training:
                part.training = False
        _used[module] = (users + 1, training)
    try:
        yield
    finally:
        with _lock:
            users, training = _used.pop(module)
            if users > 1:
                _used[module] = (users - 1, training)
            else:
                for part in training:
                    part.training = True
