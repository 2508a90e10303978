"""The last layer's feed-forward network for the tapped tokens alone: nobody reads the others' states.

That network is nearly nine tenths of a layer, so of 24 layers it spares a twenty-seventh. Its output is added to a
residual of all tokens; for one token a row that addition broadcasts, and is right at the token's place.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import torch
from torch import Tensor

# Architectures whose layers end with residual + mlp(norm(residual)); others may reshape in between.
KNOWN = ("llama", "mistral", "qwen2", "qwen3")

# The token of each row [B] that is read in the pass that this thread runs; None: all of them.
_wanted: ContextVar[Tensor | None] = ContextVar("wanted", default=None)


def narrow_last_layer(causal: Any) -> bool:
    """Make a model's last layer heed `only`; whether it is of an architecture where that is right."""
    if causal.config.model_type not in KNOWN:
        return False
    causal.base_model.layers[-1].mlp.register_forward_pre_hook(_narrow)
    return True


@contextmanager
def only(columns: Tensor) -> Iterator[None]:
    """Within, the states behind the last layer are right at one column of each row, int64 [B], and nowhere else."""
    token = _wanted.set(columns)
    try:
        yield
    finally:
        _wanted.reset(token)


def _narrow(_: torch.nn.Module, args: tuple[Tensor, ...]) -> tuple[Tensor, ...] | None:
    columns = _wanted.get()
    if columns is None:
        return None
    hidden = args[0]  # [B, L, H]
    return (hidden[torch.arange(len(hidden), device=hidden.device), columns][:, None],)
