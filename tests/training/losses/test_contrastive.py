"""The contrastive loss against double loops in float64, cross-entropy, sentence-transformers, and hand figures."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional as F

from training.losses.chunks import in_chunks
from training.losses.contrastive import TAU_START, contrastive, gcl, partners
from training.losses.errors import LossError


def rows(seed: int, *shape: int, dtype: torch.dtype = torch.float64) -> Tensor:
    return F.normalize(torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype), dim=-1)


def mask(seed: int, *shape: int) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed)) < 0.6


def naive_gcl(left: Tensor, right: Tensor, tau: float) -> float:
    notes = [*left.tolist(), *right.tolist()]
    pairs, total = len(left), 0.0
    for i, note in enumerate(notes):
        logits = [sum(a * b for a, b in zip(note, other, strict=True)) * math.exp(tau) for other in notes]
        below = sum(math.exp(logit) for j, logit in enumerate(logits) if j != i)
        total += math.log(math.exp(logits[(i + pairs) % (2 * pairs)]) / below)
    return -total / (2 * pairs)


def naive(queries, candidates, positives, tau, negatives=None, allowed=None, negatives_allowed=None, corrections=None):
    """Sets of positives, every option, one number at a time."""
    total = 0.0
    for m, query in enumerate(queries.tolist()):
        logits, right, kept = [], [], []
        for n, candidate in enumerate(candidates.tolist()):
            logit = sum(a * b for a, b in zip(query, candidate, strict=True)) * math.exp(tau)
            if corrections is not None:
                logit += float(corrections[n] if corrections.ndim == 1 else corrections[m, n])
            logits.append(logit)
            right.append(n in positives[m])
            kept.append(n in positives[m] or allowed is None or bool(allowed[m, n]))
        others = [] if negatives is None else (negatives if negatives.ndim == 2 else negatives[m]).tolist()
        for h, candidate in enumerate(others):
            logits.append(sum(a * b for a, b in zip(query, candidate, strict=True)) * math.exp(tau))
            right.append(False)
            kept.append(negatives_allowed is None or bool(negatives_allowed[m, h]))
        below = sum(math.exp(logit) for logit, keep in zip(logits, kept, strict=True) if keep)
        terms = [-math.log(math.exp(logit) / below) for logit, one in zip(logits, right, strict=True) if one]
        total += sum(terms) / len(terms) if terms else 0
    return total / len(queries)


@pytest.mark.parametrize("pairs", [1, 2, 5])
@pytest.mark.parametrize("tau", [0.0, TAU_START, 5.0])
def test_gcl_is_the_double_loop(pairs: int, tau: float) -> None:
    left, right = rows(1, pairs, 6), rows(2, pairs, 6)
    assert gcl(left, right, torch.tensor(tau)).item() == pytest.approx(naive_gcl(left, right, tau), rel=1e-6, abs=1e-6)


def test_one_pair_has_no_negative() -> None:
    left, right = rows(1, 1, 4).requires_grad_(), rows(2, 1, 4)
    loss = gcl(left, right, torch.tensor(3.0))
    loss.backward()
    assert loss.item() == 0
    assert left.grad is not None
    assert not left.grad.any()


@pytest.mark.parametrize("pairs", [2, 8, 300])
def test_equal_embeddings_are_a_guess_among_all_others(pairs: int) -> None:
    same = rows(1, 1, 4).expand(pairs, 4).float()
    assert gcl(same, same, torch.tensor(3.0)).item() == pytest.approx(math.log(2 * pairs - 1), rel=1e-5)


def test_two_pairs_by_hand() -> None:
    """Pairs along two axes: each note has its partner at 1 and two others at 0."""
    axes = torch.eye(2, dtype=torch.float64)
    assert gcl(axes, axes, torch.tensor(0.0)).item() == pytest.approx(-math.log(math.e / (math.e + 2)), rel=1e-6)
    assert gcl(axes, axes, torch.tensor(3.0)).item() == pytest.approx(math.log1p(2 * math.exp(-math.exp(3))), rel=1e-6)


@given(st.integers(1, 7), st.integers(0, 10**6))
@settings(deadline=None, max_examples=20)
def test_neither_the_order_of_pairs_nor_their_sides_matter(pairs: int, seed: int) -> None:
    left, right, tau = rows(seed, pairs, 5), rows(seed + 1, pairs, 5), torch.tensor(3.0)
    order = torch.randperm(pairs, generator=torch.Generator().manual_seed(seed))
    swap = mask(seed, pairs)[:, None]
    value = gcl(left, right, tau).item()
    assert gcl(left[order], right[order], tau).item() == pytest.approx(value, rel=1e-9, abs=1e-12)
    swapped = gcl(torch.where(swap, right, left), torch.where(swap, left, right), tau).item()
    assert swapped == pytest.approx(value, rel=1e-9, abs=1e-12)


def test_options_of_gcl_leave_the_note_itself_out() -> None:
    left, right, tau = rows(1, 3, 4), rows(2, 3, 4), torch.tensor(2.0)
    assert gcl(left, right, tau, allowed=torch.ones(6, 6, dtype=torch.bool)).item() == gcl(left, right, tau).item()
    notes, allowed = torch.cat([left, right]), mask(3, 6, 6)
    options = {"negatives": rows(4, 6, 2, 4), "negatives_allowed": mask(5, 6, 2), "corrections": rows(6, 6)}
    expected = naive(
        notes,
        notes,
        [{(i + 3) % 6} for i in range(6)],
        2.0,
        allowed=allowed & ~torch.eye(6, dtype=torch.bool),
        **options,
    )
    assert gcl(left, right, tau, allowed=allowed, **options).item() == pytest.approx(expected, rel=1e-6)


def test_partners() -> None:
    assert partners(3).tolist() == [3, 4, 5, 0, 1, 2]


def test_sides_of_different_shapes() -> None:
    for right in (rows(2, 2, 4), rows(2, 3, 5), rows(2, 3, 4)[0]):
        with pytest.raises(LossError, match=r"\(3, 4\)"):
            gcl(rows(1, 3, 4), right, torch.tensor(3.0))


def test_gradcheck_also_of_tau() -> None:
    left, right, tau = rows(1, 3, 4), rows(2, 3, 4), torch.tensor(1.5, dtype=torch.float64)
    negatives, own = rows(3, 2, 4), rows(4, 6, 2, 4)
    for tensor in (left, right, tau, negatives, own):
        tensor.requires_grad_()
    assert torch.autograd.gradcheck(gcl, (left, right, tau))
    options = {"allowed": mask(5, 6, 6), "corrections": rows(6, 6)}
    shared = {**options, "negatives_allowed": mask(7, 6, 2)}
    assert torch.autograd.gradcheck(
        lambda *x: gcl(*x[:3], negatives=x[3], **shared), (left, right, tau, negatives), fast_mode=True
    )
    assert torch.autograd.gradcheck(
        lambda *x: gcl(*x[:3], negatives=x[3], **options), (left, right, tau, own), fast_mode=True
    )


@given(seed=st.integers(0, 10**6), several=st.booleans(), negatives=st.sampled_from(["none", "shared", "own"]))
@settings(deadline=None, max_examples=40)
def test_the_general_form_is_the_double_loop(seed: int, several: bool, negatives: str) -> None:
    draw = torch.Generator().manual_seed(seed)
    queries, candidates = rows(seed, 4, 5), rows(seed + 1, 6, 5)
    if several:
        positives = mask(seed + 2, 4, 6)
        positives[0] = False
        sets = [set(torch.nonzero(one)[:, 0].tolist()) for one in positives]
    else:
        positives = torch.randint(6, (4,), generator=draw)
        sets = [{int(one)} for one in positives]
    options = {
        "negatives": {"none": None, "shared": rows(seed, 3, 5), "own": rows(seed, 4, 3, 5)}[negatives],
        "allowed": mask(seed + 3, 4, 6) if seed % 2 else None,
        "negatives_allowed": mask(seed + 4, 4, 3) if seed % 3 and negatives != "none" else None,
        "corrections": [None, rows(seed, 6), rows(seed, 4, 6)][seed % 5 % 3],
    }
    got = contrastive(queries, candidates, positives, torch.tensor(2.0), **options)
    assert got.item() == pytest.approx(naive(queries, candidates, sets, 2.0, **options), rel=1e-6, abs=1e-7)


def test_cross_entropy_where_nothing_is_special() -> None:
    queries, candidates = rows(1, 5, 8, dtype=torch.float32), rows(2, 9, 8, dtype=torch.float32)
    positives = torch.tensor([3, 3, 0, 8, 1])
    expected = F.cross_entropy(queries @ candidates.T * 20, positives)
    torch.testing.assert_close(contrastive(queries, candidates, positives, torch.tensor(20.0).log()), expected)


def test_a_mask_of_one_positive_is_its_index() -> None:
    queries, candidates, positives = rows(1, 5, 8), rows(2, 9, 8), torch.tensor([3, 3, 0, 8, 1])
    allowed = mask(3, 5, 9)
    by_index = contrastive(queries, candidates, positives, torch.tensor(3.0), allowed=allowed)
    by_mask = contrastive(queries, candidates, F.one_hot(positives, 9).bool(), torch.tensor(3.0), allowed=allowed)
    assert by_index.item() == by_mask.item()


def test_all_but_the_positive_masked_is_nothing_to_learn() -> None:
    for dtype in (torch.float32, torch.bfloat16):
        queries, candidates = (rows(i, 4, 8).to(dtype).requires_grad_() for i in (1, 2))
        tau = torch.tensor(5.0, requires_grad=True)
        none = torch.zeros(4, 4, dtype=torch.bool)
        extra = {"negatives": rows(3, 2, 8).to(dtype), "negatives_allowed": none[:, :2]}
        loss = contrastive(queries, candidates, torch.arange(4), tau, allowed=none, **extra)
        loss.backward()
        assert loss.item() == 0
        assert all(one.grad is not None and not one.grad.any() for one in (queries, candidates, tau))


def test_a_query_without_positives_or_candidates_adds_nothing() -> None:
    queries, candidates = rows(1, 2, 4).requires_grad_(), rows(2, 3, 4)
    positives = torch.tensor([[False, True, False], [False, False, False]])
    tau = torch.tensor(3.0)
    nobody = torch.tensor([[True] * 3, [False] * 3])
    loss = contrastive(queries, candidates, positives, tau, allowed=nobody)
    loss.backward()
    assert loss.item() == pytest.approx(contrastive(queries[:1], candidates, torch.tensor([1]), tau).item() / 2)
    assert queries.grad is not None
    assert bool(queries.grad.isfinite().all())
    assert not queries.grad[1].any()


def test_no_pairs_at_all() -> None:
    empty = torch.zeros(0, 4, requires_grad=True)
    loss = gcl(empty, empty, torch.tensor(3.0))
    loss.backward()
    assert loss.item() == 0


def test_bfloat16_and_autocast_compute_in_float32() -> None:
    """A product in bfloat16 would round cosines of 0.9 to 1/256, which e⁵ makes 0.6 of a logit."""
    left = F.normalize(rows(1, 1, 64).float() + 0.3 * rows(2, 16, 64).float(), dim=1)
    right = F.normalize(left + 0.05 * rows(3, 16, 64).float(), dim=1)
    tau = torch.tensor(5.0)
    exact = naive_gcl(left, right, 5.0)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        cast = gcl(left, right, tau)
        own = contrastive(left, right, torch.arange(16), tau, negatives=left[:, None].expand(16, 2, 64))
    assert cast.dtype == torch.float32
    assert cast.item() == pytest.approx(exact, rel=1e-5)
    assert (
        own.item() == contrastive(left, right, torch.arange(16), tau, negatives=left[:, None].expand(-1, 2, 64)).item()
    )
    half_left, half_right = left.bfloat16(), right.bfloat16()
    half = gcl(half_left, half_right, tau.bfloat16())
    assert half.item() == pytest.approx(naive_gcl(half_left.double(), half_right.double(), 5.0), abs=1e-6)


@pytest.mark.parametrize("size", [1, 3, 5, 99])
def test_chunks_give_the_whole(size: int) -> None:
    notes, tau = rows(1, 8, 4).requires_grad_(), torch.tensor(2.0, dtype=torch.float64, requires_grad=True)
    others = ~torch.eye(8, dtype=torch.bool)

    def part(rows: slice) -> Tensor:
        return contrastive(notes[rows], notes, partners(4)[rows], tau, allowed=others[rows])

    whole = torch.autograd.grad(gcl(notes[:4], notes[4:], tau), (notes, tau))
    chunked = in_chunks(part, 8, size)
    assert chunked.item() == pytest.approx(naive_gcl(notes[:4], notes[4:], 2.0))
    for got, expected in zip(torch.autograd.grad(chunked, (notes, tau)), whole, strict=True):
        torch.testing.assert_close(got, expected)


def test_chunks_hold_one_matrix_at_a_time() -> None:
    """What autograd saves is the inputs, not a row of similarities."""
    notes = rows(1, 512, 4, dtype=torch.float32).requires_grad_()
    saved: list[int] = []

    def pack(tensor: Tensor) -> Tensor:
        saved.append(tensor.numel())
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        in_chunks(lambda rows: contrastive(notes[rows], notes, partners(256)[rows], torch.tensor(3.0)), 512, 64)
    assert max(saved, default=0) <= 512 * 4
    for queries, size in ((0, 4), (4, 0)):
        with pytest.raises(LossError, match=f"{queries} queries in chunks of {size}"):
            in_chunks(lambda rows: notes.sum(), queries, size)


@pytest.fixture(scope="module")
def peer():
    """sentence-transformers' loss over embeddings; its scale is e^τ."""
    losses = pytest.importorskip("sentence_transformers.sentence_transformer.losses")

    def compute(embeddings: list[Tensor], **options) -> Tensor:
        model = torch.nn.Identity()
        return losses.MultipleNegativesRankingLoss(model, scale=math.exp(3), **options).compute_loss_from_embeddings(
            embeddings, torch.empty(0)
        )

    return compute


def test_as_sentence_transformers_with_hard_negatives(peer) -> None:
    queries, right, hard = (rows(i, 7, 6, dtype=torch.float32) for i in (1, 2, 3))
    ours = contrastive(queries, right, torch.arange(7), torch.tensor(3.0), negatives=hard)
    torch.testing.assert_close(ours, peer([queries, right, hard]))


def test_gcl_is_both_directions_of_sentence_transformers(peer) -> None:
    """Its joint form over all four directions has the anchor's row of the 2B × 2B matrix, but for the self entries."""
    left, right = rows(1, 7, 6, dtype=torch.float32), rows(2, 7, 6, dtype=torch.float32)
    one_way = {"directions": ("query_to_doc", "query_to_query"), "partition_mode": "joint"}
    expected = (peer([left, right], **one_way) + peer([right, left], **one_way)) / 2
    torch.testing.assert_close(gcl(left, right, torch.tensor(3.0)), expected)
