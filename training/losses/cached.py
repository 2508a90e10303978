"""GradCache: a contrastive batch of any size in the memory of one micro-batch (Gao et al. 2021, arXiv 2101.06983)."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from itertools import islice
from typing import TypeVar

import torch
from torch import Tensor

from training.losses.errors import LossError
from training.losses.precision import widened

Batch = TypeVar("Batch")


def cached_backward(
    batches: Iterable[Batch],
    encode: Callable[[Batch], Tensor],
    loss: Callable[[Tensor], Tensor],
    unsynced: Callable[[], AbstractContextManager[object]] = nullcontext,
) -> Tensor:
    """Add to .grad what loss(cat(encode(batch) …)).backward() would; returns the loss, a scalar without graph.

    Section 3 of the paper: encode all without gradient, take the loss and its gradient at the embeddings, then encode
    each micro-batch again and pass its part of that gradient on. One micro-batch's graph and all embeddings are held.

    batches: gone through twice, in the same order; may load lazily. encode: to [n, ...] with n free; of several vectors
    a note (n_v and n_m, or a generation loss of each row) stack them into one tensor, and `loss` takes them apart.
    loss: of the embeddings of all micro-batches [N, ...], float32 (float64 as it is), in order; parameters of its own,
    such as τ, get their gradients too. Use `in_chunks` where its matrices are large.
    unsynced: entered for all but the last micro-batch; `DistributedDataParallel.no_sync`, so that processes
    exchange gradients once, and need not have equally many micro-batches.
    torch's random numbers, on the CPU and on CUDA, are in the second pass what they were in the first, so dropout is
    the same, and go on afterwards as if encoded once. Those of NumPy or a generator of the caller's are not rewound.
    A single micro-batch is encoded once: its graph would be held anyway. Works inside torch.autocast. Raises LossError
    for an iterator, which could be gone through only once, for no micro-batch, and for embeddings whose shape, or
    micro-batches whose number, changes between the passes.
    """
    if isinstance(batches, Iterator):
        raise LossError(
            "the micro-batches are an iterator, which ends after one pass: give a list, or make it a sequence"
        )
    passing = iter(batches)
    ahead = list(islice(passing, 2))
    if len(ahead) == 1:
        with torch.enable_grad():
            total = loss(widened(encode(ahead[0])))
        if total.requires_grad:
            total.backward()  # type: ignore[no-untyped-call]  # torch ships it without annotations
        return total.detach()
    first, states = _embed(_through(ahead, passing), encode)
    leaves = widened(torch.cat(first)).requires_grad_()
    with torch.enable_grad():
        total = loss(leaves)
    total.backward()  # type: ignore[no-untyped-call]  # torch ships it without annotations
    if leaves.grad is not None:
        gradients = torch.split(leaves.grad, [len(part) for part in first])
        _again(batches, encode, gradients, states, unsynced)
    return total.detach()


@dataclass(frozen=True, slots=True)
class _RandomState:
    """Where torch's random numbers stood: of the CPU and of every CUDA device, where CUDA is in use."""

    cpu: Tensor
    cuda: tuple[Tensor, ...]

    @classmethod
    def now(cls) -> "_RandomState":
        in_use = torch.cuda.is_initialized()  # type: ignore[no-untyped-call]  # torch ships it without annotations
        return cls(torch.get_rng_state(), tuple(torch.cuda.get_rng_state_all()) if in_use else ())

    def restore(self) -> None:
        torch.set_rng_state(self.cpu)
        if self.cuda:
            torch.cuda.set_rng_state_all(self.cuda)


def _through(ahead: list[Batch], passing: Iterator[Batch]) -> Iterator[Batch]:
    """Yield what was taken ahead, letting go of it, then the rest."""
    while ahead:
        yield ahead.pop(0)
    yield from passing


def _embed(batches: Iterable[Batch], encode: Callable[[Batch], Tensor]) -> tuple[list[Tensor], list[_RandomState]]:
    """Encode all without gradient: embeddings, and the random state before each micro-batch."""
    parts, states = [], []
    for batch in batches:
        states.append(_RandomState.now())
        with torch.no_grad():
            parts.append(encode(batch).detach())
    if not parts:
        raise LossError("there is no micro-batch: give at least one")
    # Versions of torch differ in whether weights that autocast rounded here, without gradient, serve the second pass.
    torch.clear_autocast_cache()
    return parts, states


def _again(
    batches: Iterable[Batch],
    encode: Callable[[Batch], Tensor],
    gradients: tuple[Tensor, ...],
    states: list[_RandomState],
    unsynced: Callable[[], AbstractContextManager[object]],
) -> None:
    """Encode each micro-batch with gradient, and pass on what the loss said of its embeddings."""
    after = _RandomState.now()
    seen = 0
    try:
        for i, batch in enumerate(batches):
            seen = i + 1
            if seen > len(gradients):
                break
            states[i].restore()
            with torch.enable_grad(), nullcontext() if seen == len(gradients) else unsynced():
                embeddings = encode(batch)
                if embeddings.shape != gradients[i].shape:
                    raise LossError(
                        f"micro-batch {i} gave {tuple(gradients[i].shape)} in the first pass, then "
                        f"{tuple(embeddings.shape)}: both passes must see the same notes"
                    )
                if embeddings.requires_grad:
                    embeddings.backward(gradients[i].to(embeddings.dtype))  # type: ignore[no-untyped-call]  # as above
    finally:
        after.restore()
    if seen != len(gradients):
        number = "more" if seen > len(gradients) else str(seen)
        raise LossError(
            f"there were {len(gradients)} micro-batches in the first pass, then {number}: both passes must see the same"
        )
