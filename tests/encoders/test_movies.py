"""A real corpus, whole; and the zero-shot figures of cold-start retrieval on it, by an independent scorer."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from encoders import Corpus, NoteEncoder, TowersConfig
from encoders.blocks import unit_rows
from encoders.corpus import Placed

pytestmark = pytest.mark.movies


@pytest.fixture(scope="module")
def notes(movies):
    rows = list(Corpus(movies))
    assert [row for row in rows if not isinstance(row, Placed)] == []
    return {row.note.id: row.note for row in rows}


def test_the_whole_corpus_is_read(notes):
    assert len(notes) == 10_512
    assert all(type(name) is str and name.isdigit() for name in notes)
    have = Counter()
    for note in notes.values():
        have.update(image=bool(note.images), body=bool(note.body), title=bool(note.title), extra="year" in note.extra)
    assert have == {"image": 10_276, "body": 6_168, "title": 10_512, "extra": have["extra"]}
    assert have["extra"] > 10_000
    first = notes["1"]
    assert (first.title, first.category) == ("Toy Story", "Adventure")
    assert first.body.startswith("A cowboy doll")
    assert first.tags[:2] == ("Adventure", "Animation")
    assert first.created_at.isoformat() == "1995-11-22T00:00:00+00:00"
    assert [image.name for image in first.images] == ["images/1.jpg"]


def bucket(key, modulus):
    return int(hashlib.sha1(key.encode()).hexdigest(), 16) % modulus


def cold_start(queries, candidates, items, table):
    """R@10 and nDCG@10 of cold items, by the protocol of the data's README, in plain loops where it counts."""
    import pandas as pd
    import scipy.sparse as sp

    column = {item: i for i, item in enumerate(items)}
    table = table[table.user.map(lambda user: bucket(f"movies-user-{user}", 2) != 0)]
    rows = pd.factorize(table.user)[0]
    seen = sp.csr_matrix((np.ones(len(rows)), (rows, table.item.map(column))), shape=(rows.max() + 1, len(items)))
    weights = 1 / np.asarray(seen.sum(axis=1)).ravel()
    weighted = sp.diags(weights) @ seen
    mass = np.asarray(weighted.sum(axis=0)).ravel()
    together, common = (seen.T @ weighted).toarray(), (seen.T @ seen).toarray()
    relevance = np.where(common >= 5, together, 0) / np.sqrt(np.outer(mass, mass) + 1e-9)
    np.fill_diagonal(relevance, 0)
    recalls, gains = [], []
    for i, item in enumerate(items):
        if bucket(f"movies-item-{item}", 5) != 0:
            continue
        relevant = {j for j in np.argsort(-relevance[i])[:10] if relevance[i, j] > 0}
        if not relevant:
            continue
        scores = candidates @ queries[i]
        scores[i] = -np.inf
        hits = [j in relevant for j in np.argsort(-scores, kind="stable")[:10]]
        recalls.append(sum(hits) / len(relevant))
        ideal = sum(1 / np.log2(place + 2) for place in range(len(relevant)))
        gains.append(sum(hit / np.log2(place + 2) for place, hit in enumerate(hits)) / ideal)
    return len(recalls), float(np.mean(recalls)), float(np.mean(gains))


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_zero_shot_cold_start(movies, notes, tmp_path):
    import pandas as pd

    table = pd.read_parquet(movies / "interactions_ml1m.parquet")
    table = table[table.item.isin([int(name) for name in notes])]
    items = sorted(table.item.unique())
    assert len(items) == 3_706
    encoder = NoteEncoder(TowersConfig())
    vectors = encoder.encode([notes[str(item)] for item in items])
    queries = encoder.blocks.as_query(vectors)  # what the Retriever asks with
    text = unit_rows(vectors[:, :384])
    count, recall, gain = cold_start(queries, vectors, items, table)
    _, text_recall, text_gain = cold_start(text, text, items, table)
    print(f"R@10 {recall:.4f}, nDCG@10 {gain:.4f}; text alone {text_recall:.4f}, {text_gain:.4f}")
    assert count == 661
    assert recall >= 0.0456
    assert gain >= 0.0566
    assert text_recall <= recall + 0.001
    assert text_gain <= gain + 0.001

    scorer = Path(movies).resolve().parents[1] / "reference" / "cold_start.py"
    if scorer.is_file():
        np.savez(tmp_path / "vectors.npz", ids=np.array([str(item) for item in items]), vectors=text)
        command = [sys.executable, scorer, movies, "--name", "movies", "--embeddings", tmp_path / "vectors.npz"]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        figures = json.loads(done.stdout)
        assert figures["queries"] == count
        assert figures["R@10"] == pytest.approx(text_recall, abs=2e-4)
        assert figures["nDCG@10"] == pytest.approx(text_gain, abs=2e-4)
