"""What an epoch goes through, held against what it promises."""

import itertools
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.batches.graph import PairGraph
from training.batches.plan import deal, disjoint, top_up
from training.batches.sampler import Sampler
from training.errors import TrainingError
from training.pairs import Pairs
from training.recipes.config import BatchConfig


def graph_of(edges, scores=None) -> PairGraph:
    pairs = [(f"{a:03}", f"{b:03}") for a, b in edges]
    ids = sorted({name for pair in pairs for name in pair})
    return PairGraph.of(Pairs(pairs, None, None if scores is None else np.array(scores, np.float32)), ids)


def random_graph(notes: int, each: int, seed: int = 0) -> PairGraph:
    rng = np.random.default_rng(seed)
    edges = [(a, int(b)) for a in range(notes) for b in rng.choice(notes, each, replace=False) if a != b]
    return graph_of(edges, rng.random(len(edges)) + 0.1)


def epoch_of(sampler: Sampler, epoch: int = 0):
    steps = sampler.steps_per_epoch
    return [sampler.batch(epoch * steps + i) for i in range(steps)]


edges = st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7)).filter(lambda e: e[0] != e[1]), min_size=1)


@given(edges, st.integers(2, 9), st.sampled_from(["pairs", "notes"]), st.integers(0, 10**6))
@settings(deadline=None, max_examples=80)
def test_batches_are_of_pairs_of_different_notes(edges, pairs: int, anchors: str, seed: int) -> None:
    graph = graph_of(edges)
    four = any(len({*a, *b}) == 4 for a, b in itertools.combinations(edges, 2))
    if not four:
        with pytest.raises(TrainingError, match="four different notes"):
            Sampler(graph, BatchConfig(pairs=pairs, anchors=anchors), seed)
        return
    sampler = Sampler(graph, BatchConfig(pairs=pairs, anchors=anchors), seed)
    together = {frozenset(pair) for pair in graph.pairs.tolist()}
    seen: Counter[tuple[int, int]] = Counter()
    for epoch in (0, 1):
        for batch in epoch_of(sampler, epoch):
            assert 2 <= batch.pairs <= pairs
            assert len(set(batch.notes.tolist())) == 2 * batch.pairs
            assert batch.notes.dtype == np.int64
            assert batch.epoch == epoch
            left, right = batch.notes[: batch.pairs].tolist(), batch.notes[batch.pairs :].tolist()
            assert {frozenset(pair) for pair in zip(left, right, strict=True)} <= together
            if epoch == 0:
                seen.update(zip(left, right, strict=True))
    if anchors == "pairs" and sampler.steps_per_epoch > 1:
        assert max(seen.values()) == 1
        assert set(seen) <= {tuple(pair) for pair in graph.pairs.tolist()}


@pytest.mark.parametrize("epoch", [0, 1, 7])
def test_an_epoch_goes_through_every_pair_once(epoch: int) -> None:
    graph = random_graph(300, 6)
    sampler = Sampler(graph, BatchConfig(pairs=16), 0)
    batches = epoch_of(sampler, epoch)
    seen = Counter(
        pair for batch in batches for pair in zip(*(side.tolist() for side in np.split(batch.notes, 2)), strict=True)
    )
    assert max(seen.values()) == 1
    assert set(seen) <= {tuple(pair) for pair in graph.pairs.tolist()}
    assert len(seen) >= 0.98 * len(graph.pairs)
    assert len(graph.pairs) // 16 <= sampler.steps_per_epoch <= len(graph.pairs) // 16 + 1
    assert sum(batch.pairs == 16 for batch in batches) >= len(batches) - 1
    assert sampler.remark is None


def test_an_epoch_of_notes_has_each_as_anchor_once() -> None:
    graph = random_graph(300, 6)
    batches = epoch_of(Sampler(graph, BatchConfig(pairs=16, anchors="notes"), 0))
    anchors = Counter(note for batch in batches for note in batch.notes[: batch.pairs].tolist())
    assert max(anchors.values()) == 1
    assert len(anchors) >= 0.95 * 300


def test_positives_are_drawn_by_score() -> None:
    """Note 0 is with 1 (score 6), 2 (score 3) and 3 (score 1); eight pairs of other notes make batches possible."""
    others = [(10 + 2 * i, 11 + 2 * i) for i in range(8)]
    graph = graph_of([(0, 1), (2, 0), (0, 3), *others], [6, 3, 1, *[1] * 8])
    sampler = Sampler(graph, BatchConfig(pairs=4, anchors="notes"), 5)
    drawn: Counter[str] = Counter()
    for epoch in range(900):
        for batch in epoch_of(sampler, epoch):
            for a, b in zip(*np.split(batch.notes, 2), strict=True):
                if graph.ids[a] == "000":
                    drawn[graph.ids[b]] += 1
    total = sum(drawn.values())
    for name, share in (("001", 0.6), ("002", 0.3), ("003", 0.1)):
        assert abs(drawn[name] / total - share) < 4 * np.sqrt(share * (1 - share) / total) + 0.02


@pytest.mark.parametrize("anchors", ["pairs", "notes"])
def test_a_step_is_a_function_of_seed_and_number(anchors: str) -> None:
    graph, config = random_graph(80, 4), BatchConfig(pairs=8, anchors=anchors)
    sampler = Sampler(graph, config, 3)
    steps = range(3 * sampler.steps_per_epoch)
    notes = [sampler.batch(step).notes.tolist() for step in steps]
    jumping = Sampler(graph, config, 3)
    for step in np.random.default_rng(0).permutation(len(steps))[:25].tolist():
        assert jumping.batch(step).notes.tolist() == notes[step]
        assert jumping.batch(step).step == step
    assert len({tuple(one) for one in notes}) == len(notes)
    other = Sampler(graph, config, 4)
    assert [other.batch(step).notes.tolist() for step in range(3)] != notes[:3]


def test_small_corpora_have_smaller_batches() -> None:
    graph = graph_of([(0, 1), (2, 3), (4, 5), (1, 2)])
    sampler = Sampler(graph, BatchConfig(pairs=64), 0)
    assert all(2 <= batch.pairs <= 3 for batch in epoch_of(sampler))
    assert sampler.remark is not None
    assert "not 64" in sampler.remark
    assert Sampler(graph_of([(0, 1), (2, 3)]), BatchConfig(pairs=2), 0).remark is None


@pytest.mark.parametrize("edges", [[(0, i) for i in range(1, 9)], [(0, 1), (1, 2), (2, 0)], [(0, 1), (1, 0)]])
def test_a_star_has_no_negatives(edges) -> None:
    with pytest.raises(TrainingError, match="four different notes"):
        Sampler(graph_of(edges), BatchConfig(pairs=4), 0)


def test_a_hub_does_not_stop_an_epoch() -> None:
    """A hub in 300 of 700 pairs can be in each batch once: of 8 pairs a batch, 400 others make at least 50 batches."""
    edges = [(0, i) for i in range(1, 301)] + [(400 + 2 * i, 401 + 2 * i) for i in range(400)]
    graph = graph_of(edges)
    batches = epoch_of(Sampler(graph, BatchConfig(pairs=8), 0))
    hub = graph.ids.index("000")
    assert len(batches) >= 50
    assert sum(hub in batch.notes for batch in batches) >= 50
    assert sum(batch.pairs for batch in batches) >= 450


@given(edges, st.integers(0, 10**6))
@settings(deadline=None, max_examples=60)
def test_disjoint_finds_two_wherever_two_exist(edges, seed: int) -> None:
    pairs = np.array(edges)
    chosen = disjoint(pairs)
    notes = pairs[chosen].ravel().tolist()
    assert len(set(notes)) == len(notes)
    assert all(set(pair) & set(notes) for pair in edges)
    if any(len({*a, *b}) == 4 for a, b in itertools.combinations(edges, 2)):
        assert len(chosen) >= 2
    order = np.random.default_rng(seed).permutation(len(pairs))
    for batch in deal(pairs, order, 3, 1)[:1]:
        # First come, first served: the first batch is the naive one.
        naive: list[int] = []
        for pair in order.tolist():
            if len(naive) < 3 and not set(edges[pair]) & {note for one in naive for note in edges[one]}:
                naive.append(pair)
        assert batch == naive


@given(edges, st.integers(1, 4), st.integers(0, 10**6))
@settings(deadline=None, max_examples=60)
def test_deal_leaves_no_pair_out(edges, size: int, seed: int) -> None:
    pairs = np.array(edges)
    dealt = deal(pairs, np.random.default_rng(seed).permutation(len(pairs)), size, 1)
    assert sorted(pair for batch in dealt for pair in batch) == list(range(len(pairs)))
    for i, batch in enumerate(dealt):
        notes = {note for pair in batch for note in edges[pair]}
        assert len(notes) == 2 * len(batch)
        if len(batch) < size:  # then nothing that came later would have fitted
            assert all(set(edges[pair]) & notes for later in dealt[i + 1 :] for pair in later)


def test_what_was_put_off_comes_first() -> None:
    pairs = np.array([[0, 1], [0, 2], [0, 3], [4, 5], [6, 7], [8, 9], [10, 11]])
    assert deal(pairs, np.arange(7), 2, 1) == [[0, 3], [1, 4], [2, 5], [6]]
    assert deal(pairs, np.arange(7), 2, 2) == [[0, 3], [1, 4], [2, 5], [6]]
    assert deal(pairs[:3], np.arange(3), 2, 2) == [[0]]
    assert top_up(pairs, [3], [0, 1, 3, 5, 6], 3) == [3, 0, 5]
