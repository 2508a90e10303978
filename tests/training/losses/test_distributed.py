"""Two processes with part of the batch each give the gradients of one process with all of it."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.parallel import DistributedDataParallel

from training.losses.cached import cached_backward
from training.losses.contrastive import contrastive, gcl, partners
from training.losses.distributed import average_gradients, first_row, gather

PAIRS, WORLD = 9, 2


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(6, 16), nn.GELU(), nn.Linear(16, 8))


def sides(rank: int | None, shares: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """The pairs of one process, or of all; two tensors [b, 6]."""
    pairs = torch.randn(2, PAIRS, 6, generator=torch.Generator().manual_seed(1))
    own = slice(0, None) if rank is None else slice(rank * shares[0], rank * shares[0] + shares[rank])
    return pairs[0, own], pairs[1, own]


def encode(model: nn.Module) -> Callable[[Tensor], Tensor]:
    return lambda batch: F.normalize(model(batch), dim=-1)


def whole_loss(left: Tensor, right: Tensor, tau: Tensor) -> Tensor:
    """Every process takes the loss over all pairs."""
    return gcl(gather(left), gather(right), tau)


def own_loss(left: Tensor, right: Tensor, tau: Tensor) -> Tensor:
    """Every process takes its own notes against all, weighted by how many of all they are."""
    notes = torch.cat([left, right])
    everyone = torch.cat([gather(left), gather(right)])
    pairs = len(everyone) // 2
    first = first_row(len(left), left.device)
    own = torch.cat([torch.arange(first, first + len(left)), torch.arange(first, first + len(left)) + pairs])
    others = own[:, None] != torch.arange(2 * pairs)
    share = WORLD * len(notes) / len(everyone)
    return share * contrastive(notes, everyone, partners(pairs)[own], tau, allowed=others)


def step(model: nn.Module, tau: Tensor, how: str, left: Tensor, right: Tensor) -> float:
    loss = own_loss if how == "own" else whole_loss
    if how != "cached":
        total = loss(encode(model)(left), encode(model)(right), tau)
        total.backward()
        return total.item()
    # One process has more micro-batches than the other.
    batches = torch.cat([left, right]).split(2)
    unsynced = model.no_sync
    assert callable(unsynced)
    return cached_backward(batches, encode(model), lambda rows: loss(*rows.chunk(2), tau), unsynced).item()


def one_process(rank: int, folder: str) -> None:
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=WORLD)
    found = {}
    for name, how, shares, wrapped in (
        ("whole", "whole", (6, 3), False),
        ("own", "own", (6, 3), False),
        ("wrapped", "own", (5, 4), True),
        ("cached", "cached", (7, 2), True),
    ):
        model, tau = network(), nn.Parameter(torch.tensor(3.0))
        left, right = sides(rank, shares)
        loss = step(DistributedDataParallel(model) if wrapped else model, tau, how, left, right)
        average_gradients([tau] if wrapped else [*model.parameters(), tau])
        found[name] = {"loss": torch.tensor(loss), "tau": tau.grad}
        found[name] |= {key: weight.grad for key, weight in model.named_parameters()}
    uneven = torch.arange(3.0 * (rank + 1)).reshape(-1, 3).double() + 10 * rank
    found["gathered"] = {"rows": gather(uneven), "first": torch.tensor(first_row(len(uneven), uneven.device))}
    unused = nn.Parameter(torch.ones(2))
    if rank == 0:
        unused.grad = torch.tensor([2.0, 4.0])
    average_gradients([unused])
    found["gathered"]["unused"] = unused.grad
    torch.save(found, f"{folder}/{rank}.pt")
    dist.destroy_process_group()


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, dict[str, Tensor]]]:
    folder = tmp_path_factory.mktemp("processes")
    mp.spawn(one_process, (str(folder),), nprocs=WORLD)
    return [torch.load(Path(folder) / f"{rank}.pt", weights_only=True) for rank in range(WORLD)]


@pytest.mark.parametrize("how", ["whole", "own", "wrapped", "cached"])
def test_two_processes_are_one(found: list[dict[str, dict[str, Tensor]]], how: str) -> None:
    model, tau = network(), nn.Parameter(torch.tensor(3.0))
    left, right = sides(None, (PAIRS, 0))
    loss = gcl(encode(model)(left), encode(model)(right), tau)
    loss.backward()
    expected = {"tau": tau.grad, **{key: weight.grad for key, weight in model.named_parameters()}}
    for one in found:
        for key, gradient in expected.items():
            assert gradient is not None
            torch.testing.assert_close(one[how][key], gradient, atol=1e-6, rtol=1e-5)
    losses = torch.stack([one[how]["loss"] for one in found])
    torch.testing.assert_close(losses.mean(), loss.detach())


def test_rows_come_in_the_order_of_ranks(found: list[dict[str, dict[str, Tensor]]]) -> None:
    expected = torch.tensor([[0, 1, 2], [10, 11, 12], [13, 14, 15]], dtype=torch.float64)
    for rank, one in enumerate(found):
        assert one["gathered"]["rows"].equal(expected)
        assert one["gathered"]["first"].item() == (0, 1)[rank]
        assert one["gathered"]["unused"].tolist() == [1.0, 2.0]


def test_without_processes_nothing_happens() -> None:
    rows = torch.ones(2, 3, requires_grad=True)
    assert gather(rows) is rows
    assert first_row(2, rows.device) == 0
    rows.sum().backward()
    average_gradients([rows])
    assert rows.grad is not None
    assert rows.grad.equal(torch.ones(2, 3))
