"""What the tests of NoteLLM share."""

from __future__ import annotations

import pytest

from encoders.note import Note
from encoders.notellm.config import NoteLLMConfig
from encoders.notellm.tower import NoteLLM

WORDS = ["the", "old", "garden", "by", "water", "had", "small", "red", "door", "and", "nobody", "knew", "where", "led"]


@pytest.fixture(scope="session")
def notes() -> list[Note]:
    """Notes of every length, with and without each field, in several scripts."""
    mixed = [
        Note(title="Ramen in Kyoto 🍜", body="Broth, noodles, an egg.", tags=("ramen", "京都")),
        Note(title="مرحبا بالعالم", body="שלום " * 30),
        Note(body="no title here"),
        Note(tags=("only", "tags")),
        Note(title="x", body="A long one. " * 9000),
        Note(title="[EMB] [MASK] [SEP]", body='he said "stop" \\'),
    ]
    return mixed + [Note(title=" ".join(WORDS[: i % 7 + 1]), body=" ".join(WORDS[:i])) for i in range(1, 15)]


@pytest.fixture(scope="session")
def tiny() -> NoteLLM:
    """The tiny tower in float32; tests that change it make their own."""
    return NoteLLM(NoteLLMConfig(model="tiny"), "float32")
