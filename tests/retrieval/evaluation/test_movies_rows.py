"""The rows that an independent scorer gives on the movies corpus, and its figures on the same vectors."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest

from encoders import Corpus
from retrieval.evaluation.entries import BASELINES, CEILINGS, baselines
from retrieval.evaluation.evaluate import Entry, EvaluationConfig, evaluate
from retrieval.evaluation.protocol import Interactions, Protocol, ProtocolConfig
from retrieval.evaluation.relevance import RelevanceConfig
from retrieval.evaluation.systems.vectors import VectorSystem, read_vectors
from retrieval.evaluation.text_view import TextView

pytestmark = pytest.mark.movies
MEASURES = ("R@10", "R@50", "R@100", "nDCG@10")
# The table of the protocol's description: recall at 10, 50 and 100, nDCG at 10. Its popularity and co-occurrence count
# what training's people did with cold notes, too, so they are ceilings here.
ROWS = {
    "random": (0.0035, 0.0113, 0.0256, 0.0043),
    "popularity+cold": (0.0111, 0.0455, 0.0915, 0.0116),
    "cooccurrence+cold": (0.3408, 0.6248, 0.7047, 0.3775),
    "BM25": (0.0492, 0.1074, 0.1579, 0.0621),
}


@pytest.fixture(scope="module")
def timeless(movies):
    return Interactions.read(Corpus(movies), movies / "interactions_ml1m.parquet")


def figures(result):
    return [result.metrics[measure].value for measure in MEASURES]


def test_the_rows_of_the_table(timeless):
    config = ProtocolConfig(ties="corpus")  # as the independent scorer orders equal scores
    protocol = Protocol.of(timeless, timeless.split_by("items+users", "movies"), config)
    assert (len(protocol.pool.queries), len(protocol.pool)) == (661, 3706)
    with ExitStack() as stack:
        view = TextView("{title}. {hashtags:10} {body:400}")
        entries = list(baselines(protocol, (*BASELINES, *CEILINGS), stack, view))
        found = evaluate(protocol.pool, entries, EvaluationConfig(MEASURES, rounds=10))
    results = {result.name: figures(result) for result in found.systems}
    for name in ("random", "popularity+cold"):
        assert [round(value, 4) for value in results[name]] == list(ROWS[name])
    # It ranks all notes with fewer than five people in common alike, this system by what it knows of them.
    ours, theirs = results["cooccurrence+cold"], ROWS["cooccurrence+cold"]
    assert [ours[0], ours[3]] == pytest.approx([theirs[0], theirs[3]], abs=1e-3)
    assert theirs[2] <= ours[2] < theirs[2] + 0.05
    assert results["BM25"] == pytest.approx(ROWS["BM25"], abs=0.01)
    assert results["co-occurrence"] == [0, 0, 0, 0]


def test_the_independent_scorer_agrees_on_the_same_vectors(movies, timeless, tmp_path):
    scorer = Path(movies).resolve().parents[1] / "reference" / "cold_start.py"
    if not scorer.is_file():
        pytest.skip("no independent scorer beside the corpus")
    # Tags as random signs: a poor encoder, and a quick one.
    rows = [json.loads(line) for line in (movies / "notes.jsonl").open(encoding="utf-8")]
    words = sorted({tag for row in rows for tag in row["tags"]})
    signs = dict(zip(words, np.random.default_rng(5).choice([-1.0, 1.0], (len(words), 96)), strict=True))
    vectors = np.array([np.sum([signs[tag] for tag in row["tags"]] or [np.ones(96)], axis=0) for row in rows])
    vectors += np.random.default_rng(6).normal(0, 0.5, vectors.shape)  # no near ties: float32 sums may turn them round
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    ids = [str(row["id"]) for row in rows]
    np.savez(tmp_path / "v.npz", ids=np.array(ids), vectors=vectors.astype(np.float32))
    ran = subprocess.run(
        [sys.executable, scorer, movies, "--embeddings", tmp_path / "v.npz"], capture_output=True, text=True, check=True
    )
    theirs = json.loads(ran.stdout.splitlines()[-1])
    protocol = Protocol.of(timeless, timeless.split_by("items+users", "movies"))
    system = VectorSystem("tags", read_vectors(tmp_path / "v.npz", protocol.pool.notes.ids), None)
    [ours] = evaluate(protocol.pool, [Entry(system, "vectors")], EvaluationConfig(MEASURES, rounds=10)).systems
    assert theirs["queries"] == len(protocol.pool.queries)
    assert ours.metrics["R@10"].value > 0.02  # well above random: there is something to agree on
    assert [round(value, 4) for value in figures(ours)] == [theirs[measure] for measure in MEASURES]


def test_times_part_training_from_test(movies):
    data = Interactions.read(Corpus(movies), movies / "interactions.csv")
    split = data.split_by()
    assert split.by == "time"
    config = ProtocolConfig(relevance=RelevanceConfig(min_users=2))
    protocol = Protocol.of(data, split, config)
    events, holdout = data.events, protocol.holdout
    assert events.time[holdout.training].max() < events.time[holdout.held_out].min()
    assert holdout.held_out.mean() == pytest.approx(0.1, abs=0.001)
    cold = protocol.pool.cold[protocol.pool.queries]
    assert cold.any()
    assert not cold.all()
    with ExitStack() as stack:
        entries = baselines(protocol, ["random", "cooccurrence"], stack)
        found = evaluate(protocol.pool, list(entries), EvaluationConfig(MEASURES, rounds=50))
    chance, together = (result.metrics["R@50"] for result in found.systems)
    assert together.low > chance.high
    slices = {(row.group, row.name): row.metrics["R@50"].value for row in found.systems[1].slices}
    assert slices["temperature", "cold"] == 0
    assert slices["temperature", "warm"] > 0.05
