"""The graph of pairs against dictionaries."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.batches.graph import PairGraph
from training.errors import TrainingError
from training.mining.report import MiningReport, Removed
from training.pairs import Pairs

NAMES = ["笔记", "a", "b", "c", "d", "e", "f"]


def graph_of(triples, corpus=NAMES, **options) -> PairGraph:
    pairs = [(a, b) for a, b, _ in triples]
    return PairGraph.of(Pairs(pairs, None, np.array([score for *_, score in triples], np.float32)), corpus, **options)


triples = st.lists(
    st.tuples(st.sampled_from([*NAMES, "gone"]), st.sampled_from([*NAMES, "lost"]), st.integers(1, 9)), max_size=25
)


@given(triples)
@settings(deadline=None, max_examples=60)
def test_as_dictionaries_have_it(found) -> None:
    kept = [(a, b, score) for a, b, score in found if a in NAMES and b in NAMES and a != b]
    if not kept:
        with pytest.raises(TrainingError):
            graph_of(found)
        return
    graph = graph_of(found)
    assert list(graph.ids) == [name for name in NAMES if any(name in (a, b) for a, b, _ in kept)]
    directed: dict[tuple[str, str], int] = {}
    for a, b, score in kept:
        directed[a, b] = max(score, directed.get((a, b), 0))
    got = {(graph.ids[a], graph.ids[b]): score for (a, b), score in zip(graph.pairs, graph.scores, strict=True)}
    assert got == directed
    assert len(graph.pairs) == len(directed)

    def weight(a: str, b: str) -> int:
        return max(directed.get((a, b), 0), directed.get((b, a), 0))

    for i, name in enumerate(graph.ids):
        near = slice(graph.starts[i], graph.starts[i + 1])
        have = [(graph.ids[j], w) for j, w in zip(graph.others[near], graph.weights[near], strict=True)]
        assert have == [(other, weight(name, other)) for other in graph.ids if weight(name, other)]
    among = np.arange(len(graph))[::-1][: max(len(graph) - 1, 1)].copy()
    notes = np.array([len(graph) - 1, 0, 0])
    expected = [[weight(graph.ids[a], graph.ids[b]) for b in among] for a in notes]
    assert graph.rows(notes, among).tolist() == expected
    counts, total = graph.frequencies("pairs")
    assert total == len(directed)
    assert counts.tolist() == [sum(name in pair for pair in directed) for name in graph.ids]
    counts, total = graph.frequencies("notes")
    assert total == len(graph)
    for name, count in zip(graph.ids, counts, strict=True):
        drawn = sum(weight(other, name) / sum(weight(other, third) for third in graph.ids) for other in graph.ids)
        assert abs(count - (1 + drawn)) <= 0.5 + 1e-6
    unknown = sum(a not in NAMES or b not in NAMES for a, b, _ in found)
    alone = sum(a in NAMES and a == b for a, b, _ in found)
    assert (graph.dropped.unknown, graph.dropped.alone) == (unknown, alone)


def test_what_is_dropped_is_said_with_examples() -> None:
    graph = graph_of([("a", "b", 1), ("a", "gone", 1), ("lost", "gone", 1), ("c", "c", 1)])
    assert graph.dropped.remark() == (
        "pairs left out: 2 of notes that the corpus does not have (such as gone, lost); 1 of a note with itself"
    )
    assert graph_of([("a", "b", 1)]).dropped.remark() is None


def test_pairs_without_scores_weigh_alike() -> None:
    graph = PairGraph.of(Pairs([("a", "b"), ("b", "c")], None), NAMES)
    assert graph.scores.tolist() == [1, 1]
    assert graph.weights.tolist() == [1, 1, 1, 1]


def test_no_pair_left_names_what_removed_them() -> None:
    report = MiningReport(candidates=90, removed=Removed(not_in_corpus=40, min_users=30, at_least=5, at_most=4, top=9))
    with pytest.raises(TrainingError, match=r"no pair of 2 is left.*2 of notes.*gone, lost") as refused:
        graph_of([("a", "gone", 1), ("lost", "gone", 1)], report=report)
    for words in ("of 90 pairs", "40 by notes not in the corpus", "30 by min_users", "5 by at_least", "4 by at_most"):
        assert words in str(refused.value)
    with pytest.raises(TrainingError, match="no pairs"):
        graph_of([])
    used = MiningReport(used=9, candidates=7, removed=Removed(min_users=7))
    with pytest.raises(TrainingError, match="7 below --min-users"):
        graph_of([], report=used)


@pytest.mark.parametrize("score", [0.0, -1.0, float("nan"), float("inf")])
def test_a_score_must_be_a_number_above_nothing(score: float) -> None:
    with pytest.raises(TrainingError, match=r"pair of b with c has score.*\(1 of 2\)"):
        graph_of([("a", "b", 1), ("b", "c", score)])
    assert len(graph_of([("a", "b", 1), ("b", "gone", score)]).pairs) == 1
