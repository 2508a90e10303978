"""GradCache: gradients are those of one batch, with dropout, autocast and a learnable scale; what it holds at once."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from training.losses.cached import cached_backward
from training.losses.chunks import in_chunks
from training.losses.contrastive import contrastive, gcl, partners
from training.losses.errors import LossError


def network(dropout: float = 0.0, dtype: torch.dtype = torch.float32) -> nn.Sequential:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return nn.Sequential(nn.Linear(6, 16), nn.GELU(), nn.Dropout(dropout), nn.Linear(16, 8)).to(dtype)


def notes(rows: int = 24, dtype: torch.dtype = torch.float32) -> Tensor:
    return torch.randn(rows, 6, generator=torch.Generator().manual_seed(1)).to(dtype)


class Trained:
    """A network, τ and another weight of the loss, and what one step left in their gradients."""

    def __init__(self, dropout: float = 0.0, dtype: torch.dtype = torch.float32) -> None:
        self.network = network(dropout, dtype)
        self.tau = nn.Parameter(torch.tensor(3.0, dtype=dtype))
        self.project = nn.Parameter(torch.eye(8, dtype=dtype))

    def encode(self, batch: Tensor) -> Tensor:
        return F.normalize(self.network(batch), dim=-1)

    def loss(self, rows: Tensor) -> Tensor:
        rows = F.normalize(rows @ self.project, dim=-1)
        half = len(rows) // 2
        return gcl(rows[:half], rows[half:], self.tau)

    def gradients(self) -> list[Tensor]:
        grads = [one.grad for one in (*self.network.parameters(), self.tau, self.project)]
        assert all(one is not None for one in grads)
        return [one for one in grads if one is not None]


def close(cached: Trained, plain: Trained, atol: float = 1e-5, rtol: float = 0.0) -> None:
    for got, expected in zip(cached.gradients(), plain.gradients(), strict=True):
        torch.testing.assert_close(got, expected, atol=atol, rtol=rtol)
        assert expected.any()


@pytest.mark.parametrize("sizes", [(24,), (8, 8, 8), (1, 3, 5, 7, 8), (1,) * 24])
def test_gradients_of_micro_batches_are_those_of_the_batch(sizes: tuple[int, ...]) -> None:
    cached, plain = Trained(), Trained()
    expected = plain.loss(plain.encode(notes()))
    expected.backward()
    got = cached_backward(notes().split(sizes), cached.encode, cached.loss)
    assert got.item() == pytest.approx(expected.item(), abs=1e-6)
    assert not got.requires_grad
    close(cached, plain)


def test_in_float64_they_are_equal_to_the_last_digits() -> None:
    cached, plain = Trained(dtype=torch.float64), Trained(dtype=torch.float64)
    whole = notes(dtype=torch.float64)
    plain.loss(plain.encode(whole)).backward()
    cached_backward(whole.split(5), cached.encode, cached.loss)
    close(cached, plain, atol=1e-14)


def test_gradients_are_added_to_those_there_are() -> None:
    cached, plain = Trained(), Trained()
    for start in (0, 12):
        plain.loss(plain.encode(notes()[start : start + 12])).backward()
        cached_backward(notes()[start : start + 12].split(5), cached.encode, cached.loss)
    close(cached, plain)


def test_dropout_is_the_same_in_both_passes_and_random_numbers_go_on_as_after_one() -> None:
    cached, plain = Trained(0.5), Trained(0.5)
    parts = notes().split(7)
    torch.manual_seed(5)
    plain.loss(torch.cat([plain.encode(part) for part in parts])).backward()
    after = torch.rand(3)
    torch.manual_seed(5)
    cached_backward(parts, cached.encode, cached.loss)
    assert torch.rand(3).equal(after)
    close(cached, plain)


def test_an_error_in_the_second_pass_leaves_the_random_state_of_one() -> None:
    trained, calls = Trained(0.5), []

    def encode(batch: Tensor) -> Tensor:
        calls.append(len(batch))
        return trained.encode(batch if len(calls) < 5 else batch[1:])

    torch.manual_seed(5)
    with pytest.raises(LossError, match=r"micro-batch 1 gave \(8, 8\) in the first pass, then \(7, 8\)"):
        cached_backward(notes().split(8), encode, trained.loss)
    after = torch.rand(3)
    torch.manual_seed(5)
    [trained.encode(part) for part in notes().split(8)]
    assert torch.rand(3).equal(after)


def test_under_autocast() -> None:
    """Weights rounded in the first pass, which has no gradient, must not be used in the second."""
    cached, plain = Trained(), Trained()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        expected = plain.loss(torch.cat([plain.encode(part) for part in notes().split(8)]))
    expected.backward()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        got = cached_backward(notes().split(8), cached.encode, cached.loss)
    assert got.item() == pytest.approx(expected.item(), abs=1e-5)
    largest = max(float(one.abs().max()) for one in plain.gradients())
    close(cached, plain, atol=0.01 * largest)


def test_embeddings_in_bfloat16_meet_the_loss_in_float32() -> None:
    trained, seen = Trained(), []
    trained.network.bfloat16()

    def loss(rows: Tensor) -> Tensor:
        seen.append(rows.dtype)
        return gcl(rows[:12], rows[12:], trained.tau)

    cached_backward(notes().bfloat16().split(8), trained.encode, loss)
    assert seen == [torch.float32]
    assert trained.tau.grad is not None
    assert all(weight.grad is not None and weight.grad.any() for weight in trained.network.parameters())


def test_several_vectors_and_a_loss_of_each_row() -> None:
    """n_m, n_v and a summed generation loss ride in one tensor, [n, 8 + 8 + 1]."""
    cached, plain = Trained(), Trained()

    def encode(trained: Trained) -> Callable[[Tensor], Tensor]:
        def stacked(batch: Tensor) -> Tensor:
            whole, visual = trained.encode(batch), trained.encode(batch.flip(1))
            return torch.cat([whole, visual, trained.network(batch).square().sum(1, keepdim=True)], dim=1)

        return stacked

    def loss(trained: Trained) -> Callable[[Tensor], Tensor]:
        def total(rows: Tensor) -> Tensor:
            whole, visual, written = rows.split([8, 8, 1], dim=1)
            return 0.9 * trained.loss(whole) + 0.1 * trained.loss(visual) + 0.01 * written.mean()

        return total

    loss(plain)(encode(plain)(notes())).backward()
    cached_backward(notes().split(5), encode(cached), loss(cached))
    close(cached, plain)


def test_with_chunks() -> None:
    cached, plain = Trained(), Trained()

    def loss(rows: Tensor) -> Tensor:
        rows = F.normalize(rows @ cached.project, dim=-1)
        others = ~torch.eye(24, dtype=torch.bool)
        return in_chunks(
            lambda own: contrastive(rows[own], rows, partners(12)[own], cached.tau, allowed=others[own]), 24, 7
        )

    plain.loss(plain.encode(notes())).backward()
    cached_backward(notes().split(5), cached.encode, loss)
    close(cached, plain)


def test_a_frozen_encoder_still_trains_the_loss() -> None:
    trained = Trained()
    trained.network.requires_grad_(False)
    cached_backward(notes().split(5), trained.encode, trained.loss)
    assert trained.tau.grad is not None
    assert all(weight.grad is None for weight in trained.network.parameters())


def test_gradients_are_taken_where_they_are_switched_off() -> None:
    trained, plain = Trained(), Trained()
    plain.loss(plain.encode(notes())).backward()
    with torch.no_grad():
        cached_backward(notes().split(5), trained.encode, trained.loss)
    close(trained, plain)


def test_one_graph_at_a_time() -> None:
    """A micro-batch's activations are let go before the next: what autograd saves at once is one micro-batch's."""
    trained, alive, most = Trained(), 0, []

    class Held:
        def __init__(self, tensor: Tensor) -> None:
            nonlocal alive
            self.tensor = tensor
            alive += self.counts()
            most.append(alive)

        def __del__(self) -> None:
            nonlocal alive
            alive -= self.counts()

        def counts(self) -> bool:
            return self.tensor.ndim > 0 and len(self.tensor) == 4

    with torch.autograd.graph.saved_tensors_hooks(Held, lambda held: held.tensor):
        trained.encode(notes(4)).sum().backward()
        one = max(most)
        most.clear()
        cached_backward(notes(96).split(4), trained.encode, trained.loss)
    assert one > 0
    assert max(most) <= one


def test_processes_are_in_step_only_at_the_last() -> None:
    trained, order = Trained(), []

    def encode(batch: Tensor) -> Tensor:
        order.append(len(batch))
        return trained.encode(batch)

    @contextmanager
    def unsynced() -> Iterator[None]:
        order.append("in")
        yield
        order.append("out")

    cached_backward(notes().split((9, 8, 7)), encode, trained.loss, unsynced)
    assert order == [9, 8, 7, "in", 9, "out", "in", 8, "out", 7]


def test_lazy_micro_batches_but_no_iterator() -> None:
    class Lazy:
        def __iter__(self) -> Iterator[Tensor]:
            return iter(notes().split(5))

    cached, plain = Trained(), Trained()
    plain.loss(plain.encode(notes())).backward()
    cached_backward(Lazy(), cached.encode, cached.loss)
    close(cached, plain)
    with pytest.raises(LossError, match="iterator"):
        cached_backward(iter(notes().split(5)), cached.encode, cached.loss)
    with pytest.raises(LossError, match="no micro-batch"):
        cached_backward([], cached.encode, cached.loss)


@pytest.mark.parametrize(("second", "named"), [(2, "then 2"), (4, "then more")])
def test_passes_of_different_numbers(second: int, named: str) -> None:
    class Changing:
        passes = 0

        def __iter__(self) -> Iterator[Tensor]:
            self.passes += 1
            return iter(notes(4 * (3 if self.passes == 1 else second)).split(4))

    trained = Trained()
    with pytest.raises(LossError, match=f"3 micro-batches in the first pass, {named}"):
        cached_backward(Changing(), trained.encode, trained.loss)


def test_as_the_peers_cached_loss() -> None:
    """sentence-transformers' GradCache over the same notes: the same loss, and the same gradients of the network."""
    losses = pytest.importorskip("sentence_transformers.sentence_transformer.losses")

    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.network = network()

        def forward(self, features: dict[str, Tensor]) -> dict[str, Tensor]:
            return {"sentence_embedding": F.normalize(self.network(features["input_ids"]), dim=-1)}

        def __getitem__(self, place: int) -> nn.Module:
            return self.network[place]

    model, trained = Model(), Trained()
    left, right = notes().split(12)
    peer = losses.CachedMultipleNegativesRankingLoss(model, scale=20.0, mini_batch_size=5)
    expected = peer([{"input_ids": left}, {"input_ids": right}], torch.empty(0))
    expected.backward()
    tau = torch.tensor(20.0).log()
    got = cached_backward(
        notes().split(5), trained.encode, lambda rows: contrastive(rows[:12], rows[12:], torch.arange(12), tau)
    )
    assert got.item() == pytest.approx(expected.item(), abs=1e-5)
    for ours, theirs in zip(trained.network.parameters(), model.network.parameters(), strict=True):
        torch.testing.assert_close(ours.grad, theirs.grad, atol=1e-5, rtol=0)
