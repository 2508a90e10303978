"""Prefixes and blocks against the encoders' own cut, and the weighted sum by hand and against sentence-transformers."""

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from encoders.blocks import Blocks, join, unit_rows
from encoders.errors import EncoderError
from training.losses.contrastive import contrastive, gcl
from training.losses.errors import LossError
from training.losses.matryoshka import block_prefix, matryoshka, prefix

BLOCKS = Blocks((("text", 12), ("image", 6)), absent=2)


def joined() -> np.ndarray:
    """Rows with both modalities, without a picture, without text, and with a text whose first numbers are zero."""
    draw = np.random.default_rng(0)
    text, image = (unit_rows(draw.normal(size=(4, size)).astype(np.float32)) for size in (12, 6))
    image[1] = text[2] = 0
    text[3, :10] = 0
    return join(text, unit_rows(image), 0.1)


@pytest.mark.parametrize("dim", [4, 7, 11, 19, 20])
def test_blocks_are_cut_as_encoders_cut_them(dim: int) -> None:
    vectors = joined()
    got = block_prefix(BLOCKS, dim)(torch.from_numpy(vectors))
    expected = BLOCKS.truncate(vectors, BLOCKS.cut(dim))
    torch.testing.assert_close(got, torch.from_numpy(expected))
    assert got.shape == (4, dim)


def test_a_single_block_is_a_prefix() -> None:
    vectors = F.normalize(torch.randn(5, 8, generator=torch.Generator().manual_seed(0)), dim=1)
    torch.testing.assert_close(block_prefix(Blocks((("note", 8),)), 3)(vectors), prefix(3)(vectors))
    assert prefix(2)(torch.tensor([[3.0, 4.0, 12.0]])).tolist() == [pytest.approx([0.6, 0.8])]


def test_gradients_of_cuts_are_finite_where_a_block_is_missing() -> None:
    rows = torch.from_numpy(joined()).double().requires_grad_()
    (block_prefix(BLOCKS, 7)(rows) ** 3).sum().backward()
    assert rows.grad is not None
    assert bool(rows.grad.isfinite().all())
    zero = torch.zeros(2, 4, requires_grad=True)
    prefix(2)(zero).sum().backward()
    assert zero.grad is not None
    assert bool((zero.grad.abs() <= 1).all())
    whole = torch.from_numpy(joined()[:1]).double().requires_grad_()
    assert torch.autograd.gradcheck(block_prefix(BLOCKS, 7), whole)


def test_the_sum_by_hand() -> None:
    vectors = torch.tensor([[0.6, 0.8], [1.0, 0.0]])
    weights = (2.0, 0.5)
    total = matryoshka(vectors, lambda rows: rows.sum(), (prefix(2), prefix(1)), weights)
    assert total.item() == pytest.approx(2 * (0.6 + 0.8 + 1.0) + 0.5 * (1.0 + 1.0))


def test_one_full_length_is_the_loss_itself() -> None:
    notes, tau = F.normalize(torch.randn(6, 8, generator=torch.Generator().manual_seed(0)), dim=1), torch.tensor(3.0)

    def loss(rows: Tensor) -> Tensor:
        return gcl(rows[:3], rows[3:], tau)

    torch.testing.assert_close(matryoshka(notes, loss, (prefix(8),), (1.0,)), loss(notes))


def test_as_sentence_transformers() -> None:
    losses = pytest.importorskip("sentence_transformers.sentence_transformer.losses")
    left, right = (F.normalize(torch.randn(5, 8, generator=torch.Generator().manual_seed(i)), dim=1) for i in (1, 2))
    peer = losses.MultipleNegativesRankingLoss(torch.nn.Identity(), scale=20.0)
    dims, weights, own, expected = (8, 4, 2), (1.0, 0.7, 0.2), torch.arange(5), torch.zeros(())
    for dim, weight in zip(dims, weights, strict=True):
        expected = expected + weight * peer.compute_loss_from_embeddings(
            [left[:, :dim], right[:, :dim]], torch.empty(0)
        )
    got = matryoshka(
        torch.cat([left, right]),
        lambda rows: contrastive(rows[:5], rows[5:], own, torch.tensor(20.0).log()),
        [prefix(dim) for dim in dims],
        weights,
    )
    torch.testing.assert_close(got, expected)


def test_what_cannot_be_cut() -> None:
    rows = torch.ones(2, 4)
    for dim in (0, 5):
        with pytest.raises(LossError, match=f"{dim} numbers was asked of 4"):
            prefix(dim)(rows)
    with pytest.raises(EncoderError, match="dim 3"):
        block_prefix(BLOCKS, 3)
    with pytest.raises(LossError, match="rows have 4 numbers, the layout 20"):
        block_prefix(BLOCKS, 7)(rows)
    for cuts, weights in (((), ()), ((prefix(2),), (1.0, 1.0))):
        with pytest.raises(LossError, match=f"{len(cuts)} lengths and {len(weights)} weights"):
            matryoshka(rows, torch.sum, cuts, weights)
