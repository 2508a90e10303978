"""A town of people who look at notes of two topics each: small enough to train on in a second or two."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

TOPICS = ("ramen", "hiking", "cello", "猫", "chess")


@pytest.fixture(scope="session")
def write_town() -> Callable[..., Path]:
    """Write a corpus with interactions: write_town(folder, notes=60, users=300, seed=0, more rows of the corpus)."""

    def write(
        folder: Path, notes: int = 60, users: int = 300, seed: int = 0, change: Callable[[dict[str, Any]], Any] = dict
    ) -> Path:
        folder.mkdir(parents=True)
        rng = np.random.default_rng(seed)
        rows = []
        for i in range(notes):
            topic = TOPICS[i % len(TOPICS)]
            row = {"id": f"n{i}", "title": f"{topic} number {i}", "body": f"All about {topic}.", "tags": [topic]}
            rows.append(change(row | {"category": f"on {topic}"}))
        (folder / "notes.jsonl").write_text(
            "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8"
        )
        lines = ["user,note"]
        for user in range(users):
            liked = rng.choice(len(TOPICS), 2, replace=False)
            lines += [f"u{user},n{i}" for i in range(notes) if i % len(TOPICS) in liked and rng.random() < 0.6]
        (folder / "interactions.csv").write_text("\n".join(lines) + "\n", "utf-8")
        return folder

    return write


@pytest.fixture(scope="session")
def town(tmp_path_factory: pytest.TempPathFactory, write_town: Callable[..., Path]) -> Path:
    """The corpus as it comes. Not to be written to."""
    return write_town(tmp_path_factory.mktemp("town") / "town")
