"""Small random models of every kind, notes to train on, and what every part and trainee is held to."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn.functional import normalize

from encoders.note import Note
from training.losses.contrastive import gcl

ENCODERS = Path(__file__).parents[2] / "encoders"


@pytest.fixture(autouse=True)
def seeded():
    """Global random numbers that no other test depends on."""
    with torch.random.fork_rng():
        torch.manual_seed(5)
        yield


@pytest.fixture(scope="session")
def st_models():
    """The functions that make small models of sentence-transformers."""
    spec = importlib.util.spec_from_file_location("st_models", ENCODERS / "sentence_transformer" / "conftest.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def stock(st_models):
    """The stock tokenizer of a model folder."""
    return st_models.tokenizer


@pytest.fixture(scope="session")
def texts() -> list[Note]:
    """Notes with text, of every length, in several scripts."""
    return [
        Note(title="Ramen in Kyoto 🍜", body="Broth, noodles, an egg.", tags=("ramen", "京都"), category="food"),
        Note(title="上海美食探店", tags=("美食", "上海"), category="美食"),
        Note(body="no title here " * 40, category="food"),
        Note(title="x", tags=("one", "two", "three")),
        Note(title="A small red door by the water", body="Nobody knew where it led."),
        Note(tags=("only", "tags"), category="other"),
    ]


class Held:
    """What parts and trainees are held to; rows: the rows of everything at once, saved: of what was saved."""

    @staticmethod
    def unit(rows) -> np.ndarray:
        return normalize(rows.detach(), dim=1).numpy()

    @staticmethod
    def gradients_reach(module, rows) -> None:
        """Gradients of a random weighting reach every trained weight, and only those.

        After a step: what starts at zero (the last norm of a residual branch) hides what stands before it.
        """
        module.zero_grad()
        (rows * torch.randn(rows.shape)).sum().backward()
        for name, weight in module.named_parameters():
            if weight.requires_grad:
                assert weight.grad is not None, name
                assert weight.grad.isfinite().all(), name
                # What a softmax subtracts (a bias of keys) has none but rounding.
                assert weight.grad.abs().sum() > 0 or "bias" in name, name
            else:
                assert weight.grad is None, name

    @staticmethod
    def learns(module, embed, steps: int = 4, lr: float = 0.02) -> tuple[float, float]:
        """The contrastive loss before and after a few steps of SGD; rows i and i + B are partners."""
        weights = [weight for weight in module.parameters() if weight.requires_grad]
        optimiser = torch.optim.SGD(weights, lr=lr)
        seen = []
        for _ in range(steps + 1):
            rows = normalize(embed(), dim=1)
            loss = gcl(rows[: len(rows) // 2], rows[len(rows) // 2 :], torch.tensor(1.0))
            seen.append(float(loss.detach()))
            optimiser.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(weights, 1.0)
            optimiser.step()
        return seen[0], seen[-1]


@pytest.fixture(scope="session")
def held() -> type[Held]:
    return Held


@pytest.fixture(scope="session")
def drawings(picture) -> list:
    """Six pictures of several sizes."""
    return [picture(seed, (60 + 8 * seed, 48)) for seed in range(6)]
