"""A small corpus with pictures, its index, and an encoder without weights that counts its work."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from encoders import Corpus, Note
from encoders.base import Prepared
from encoders.blocks import Blocks, Vectors, unit_rows
from encoders.images import decode
from index import ExactIndex, FaissIndex
from retrieval.build import build
from retrieval.retriever import Retriever, index_meta

TOPICS = {
    "food": ["ramen in Kyoto", "broth for two days", "hand-pulled noodles", "京都拉面", "a cake without an oven"],
    "trail": ["a hike at dawn", "boots for snow", "the ridge in fog", "a hut with a view", "rain on the pass"],
    "music": ["learning the cello", "a drum kit in a flat", "songs for a rainy day", "vinyl, again", "tuning by ear"],
}


class CountingEncoder:
    """Vectors out of a hash of the text; `encoded` lists the texts, in the order they were encoded."""

    dim = 16
    fingerprint = "counting-1"
    blocks = Blocks((("text", 16),))

    def __init__(self) -> None:
        self.encoded: list[str] = []

    def prepare(self, note: Note) -> Prepared:
        for image in note.images:
            decode(image)
        return Prepared("\n".join([note.title, note.body, *note.tags]), ())

    def embed(self, prepared: Sequence[Prepared]) -> Vectors:
        self.encoded += [one.text for one in prepared]
        seeds = [int.from_bytes(hashlib.sha256(one.text.encode()).digest()[:8], "big") for one in prepared]
        return unit_rows(np.stack([np.random.default_rng(seed).standard_normal(16) for seed in seeds]).astype("f4"))

    def encode(self, notes: Sequence[Note]) -> Vectors:
        return self.embed([self.prepare(note) for note in notes])

    def as_json(self) -> dict[str, Any]:
        return {}

    def save_pretrained(self, folder: Path) -> None:
        raise AssertionError("a build never saves its encoder")


@pytest.fixture
def counting() -> CountingEncoder:
    return CountingEncoder()


@pytest.fixture(scope="session")
def indexed(tmp_path_factory, encoder, picture):
    """The corpus built with the default encoder: text with a picture, text alone, picture alone."""
    import json

    folder = tmp_path_factory.mktemp("indexed")
    (folder / "images").mkdir()
    rows = []
    for topic, titles in TOPICS.items():
        for i, title in enumerate(titles):
            row = {"id": f"{topic}-{i}", "title": title, "category": topic, "tags": [topic.upper(), f"n{i}"]}
            if i % 2 == 0:
                picture(len(rows)).save(folder / "images" / f"{topic}-{i}.png")
                row["image"] = f"{topic}-{i}.png"
            rows.append(row)
    # Pairs that differ in nothing but that one lacks a modality.
    rows += [
        {"id": "twin-full", "title": "ramen in Kyoto", "image": "food-0.png"},
        {"id": "twin-text", "title": "ramen in Kyoto"},
        {"id": "twin-look", "image": "food-0.png"},
    ]
    (folder / "notes.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    index = FaissIndex.create(
        folder / "index", dim=encoder.dim, fingerprint=encoder.fingerprint, meta=index_meta(encoder)
    )
    report = build(Corpus(folder), encoder, index, folder / "rejected.jsonl")
    assert (report.encoded, report.rejected) == (len(rows), {})
    yield SimpleNamespace(
        folder=folder, index=index, rows=rows, retriever=Retriever(index, lambda: encoder), path=folder / "index"
    )
    index.close()


@pytest.fixture
def fresh(counting) -> ExactIndex:
    """An empty index for the counting encoder."""
    return ExactIndex(counting.dim, counting.fingerprint, index_meta(counting))
