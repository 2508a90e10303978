import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrieval.evaluation.errors import EvaluationError
from retrieval.evaluation.metrics import accuracy as module
from retrieval.evaluation.metrics.accuracy import DEFAULT_MEASURES, accuracy, recall_curve
from retrieval.evaluation.metrics.lists import hits, means, top

MEASURES = ("R@1", "R@5", "R@10", "nDCG@10", "RR@10", "RR@3", "AP@10", "P@10", "Success@10", "Success@1")


def one(name, rows, grades, ranking_of, relevance_of):
    return accuracy(ranking_of(rows), relevance_of(grades), [name])[name].tolist()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        # Relevant are 3, 7 and 8, found at places 1 and 4 of 7, 1, 2, 3, 0.
        ("R@1", 1 / 3),
        ("R@3", 1 / 3),
        ("R@5", 2 / 3),
        ("P@5", 2 / 5),
        ("P@1", 1.0),
        ("RR@5", 1.0),
        ("Success@1", 1.0),
        ("AP@5", (1 / 1 + 2 / 4) / 3),
        ("AP@3", (1 / 1) / 3),
        ("nDCG@5", (1 + 1 / math.log2(5)) / (1 + 1 / math.log2(3) + 1 / math.log2(4))),
        ("nDCG@2", 1 / (1 + 1 / math.log2(3))),
    ],
)
def test_binary_by_hand(name, expected, ranking_of, relevance_of):
    [found] = one(name, [[7, 1, 2, 3, 0]], [{3: 1, 7: 1, 8: 1}], ranking_of, relevance_of)
    assert found == pytest.approx(expected, abs=1e-7)


def test_graded_ndcg_by_hand_takes_the_grade_itself_as_gain(ranking_of, relevance_of):
    [found] = one("nDCG@3", [[4, 9, 5]], [{9: 3, 5: 2, 6: 1}], ranking_of, relevance_of)
    gained = 0 + 3 / math.log2(3) + 2 / math.log2(4)
    ideal = 3 / math.log2(2) + 2 / math.log2(3) + 1 / math.log2(4)
    assert found == pytest.approx(gained / ideal, abs=1e-7)


def test_mrr_stops_at_its_cutoff(ranking_of, relevance_of):
    assert one("RR@3", [[1, 2, 0, 3]], [{3: 1}], ranking_of, relevance_of) == [0.0]
    assert one("RR@4", [[1, 2, 0, 3]], [{3: 1}], ranking_of, relevance_of) == [pytest.approx(1 / 4)]


def test_scores_of_a_ranking_count_for_nothing(ranking_of, relevance_of):
    rows, grades = [[9, 10, 2, 30, 4]], [{10: 2, 30: 1}]
    equal = ranking_of(rows)
    rising = type(equal)(equal.positions, np.arange(5, dtype=np.float32)[None])
    names = ("RR@5", "nDCG@5", "AP@5", "R@2", "R@1")
    want = accuracy(equal, relevance_of(grades), names)
    for name, values in accuracy(rising, relevance_of(grades), names).items():
        assert values == want[name]
    assert want["RR@5"] == 1 / 2
    assert want["R@1"] == 0


def test_no_relevant_notes_is_not_counted_and_no_ranking_is_nothing_found(ranking_of, relevance_of):
    ranking = ranking_of([[1, 2], [1, 2], [], [], [2]], depth=10)
    relevance = relevance_of([{1: 1}, {}, {1: 1}, {}, {2: 1, 1: 1}])
    for name, values in accuracy(ranking, relevance, MEASURES).items():
        assert np.isnan(values).tolist() == [False, True, False, True, False], name
        assert values[2] == 0
    values = accuracy(ranking, relevance, ["R@10"])["R@10"]
    assert values[[0, 2, 4]].tolist() == [1, 0, 1 / 2]
    assert means(values) == pytest.approx(1.5 / 3)
    assert math.isnan(means(values[[1, 3]]))


def test_nothing_counts_where_no_query_has_relevant_notes(ranking_of, relevance_of):
    ranking, relevance = ranking_of([[1, 2], [0, 2]], depth=3), relevance_of([{}, {}])
    assert np.isnan(accuracy(ranking, relevance, ["R@3", "RR@3"])["R@3"]).all()
    assert np.isnan(recall_curve(ranking, relevance)).all()
    assert not hits(ranking, relevance).any()


def test_padding_is_no_note(ranking_of, relevance_of):
    # The last note of all is relevant to the query before: one less than position 0 of the next.
    ranking, relevance = ranking_of([[1], [0]], depth=3), relevance_of([{2: 1}, {0: 1}])
    assert hits(ranking, relevance).tolist() == [[False] * 3, [True, False, False]]
    assert recall_curve(ranking, relevance).tolist() == [1 / 2, 1 / 2, 1 / 2]
    assert accuracy(ranking, relevance, ["R@3"])["R@3"].tolist() == [0, 1]


def test_a_measure_of_a_grade_counts_queries_that_have_it(ranking_of, relevance_of):
    ranking, relevance = ranking_of([[1, 2], [1, 2]]), relevance_of([{1: 1, 2: 2}, {1: 1}])
    found = accuracy(ranking, relevance, ["R(rel=2)@1", "R(rel=2)@2", "R@1"])
    assert found["R(rel=2)@1"].tolist()[0] == 0
    assert found["R(rel=2)@2"].tolist()[0] == 1
    assert math.isnan(found["R(rel=2)@2"][1])
    assert found["R@1"].tolist() == [1 / 2, 1]


@pytest.mark.parametrize("name", ["R@11", "nDCG@100", "R@0", "P@True"])
def test_deeper_than_the_ranking_is_an_error(name, ranking_of, relevance_of):
    with pytest.raises(EvaluationError, match="10 deep; ask for a cutoff of 1 to 10, or rank deeper"):
        accuracy(ranking_of([[1]], depth=10), relevance_of([{1: 1}]), [name])


@pytest.mark.parametrize("name", ["recall@10", "R", "", "R@", "P@1.5", "import os", "P(what=2)@2", "\0", "召回@10"])
def test_an_unknown_measure_is_an_error(name, ranking_of, relevance_of):
    with pytest.raises(EvaluationError, match=r"no measure, or lacks a parameter it needs; wanted .* R@10"):
        accuracy(ranking_of([[1]], depth=10), relevance_of([{1: 1}]), [name])


def test_a_measure_no_installed_library_has_is_an_error(ranking_of, relevance_of):
    with pytest.raises(EvaluationError, match="leave it out"):
        accuracy(ranking_of([[1]], depth=10), relevance_of([{1: 1}]), ["RR(judged_only=True)@2"])


def test_a_note_twice_in_a_list_is_an_error(ranking_of, relevance_of):
    with pytest.raises(EvaluationError, match="query 1 holds a note twice"):
        accuracy(ranking_of([[1, 2], [2, 2]]), relevance_of([{1: 1}, {1: 1}]), ["R@2"])


@pytest.mark.parametrize("k", [0, 4, -1])
def test_top_is_no_deeper_than_the_ranking(k, ranking_of):
    with pytest.raises(EvaluationError, match=f"top {k} were asked of rankings 3 deep; ask for 1 to 3"):
        top(ranking_of([[1, 2, 3]]), k)


def random_case(seed, ranking_of, relevance_of, queries=57, notes=40, depth=20):
    rng = np.random.default_rng(seed)
    rows = [rng.permutation(notes)[: rng.integers(0, depth + 1)].tolist() for _ in range(queries)]
    chosen = [rng.permutation(notes)[: rng.integers(0, 8)].tolist() for _ in range(queries)]
    grades = [{position: int(rng.integers(1, 4)) for position in row} for row in chosen]
    return rows, grades, ranking_of(rows, depth), relevance_of(grades)


def naive(rows, grades, name, cutoff):
    """A measure of each query by loops, from its definition."""
    found = []
    for row, wanted in zip(rows, grades, strict=True):
        right = [position in wanted for position in row[:cutoff]]
        if not wanted:
            found.append(math.nan)
        elif name == "R":
            found.append(sum(right) / len(wanted))
        elif name == "P":
            found.append(sum(right) / cutoff)
        elif name == "Success":
            found.append(float(any(right)))
        elif name == "RR":
            found.append(max([1 / (i + 1) for i, ok in enumerate(right) if ok], default=0.0))
        elif name == "AP":
            found.append(sum(sum(right[: i + 1]) / (i + 1) for i, ok in enumerate(right) if ok) / len(wanted))
        elif name == "nDCG":
            gained = sum(wanted.get(p, 0) / math.log2(i + 2) for i, p in enumerate(row[:cutoff]))
            best = sorted(wanted.values(), reverse=True)[:cutoff]
            found.append(gained / sum(g / math.log2(i + 2) for i, g in enumerate(best)))
    return found


@pytest.mark.parametrize("chunk", [60, 1 << 17])
def test_equals_loops_on_random_rankings(chunk, ranking_of, relevance_of, monkeypatch):
    monkeypatch.setattr(module, "_CHUNK", chunk)
    rows, grades, ranking, relevance = random_case(1, ranking_of, relevance_of)
    names = [f"{name}@{k}" for name in ("R", "P", "Success", "RR", "AP", "nDCG") for k in (1, 3, 10, 20)]
    found = accuracy(ranking, relevance, names)
    assert list(found) == names
    for name in names:
        kind, cutoff = name.split("@")
        np.testing.assert_allclose(found[name], naive(rows, grades, kind, int(cutoff)), atol=1e-7, err_msg=name)


def test_equals_pytrec_eval_itself(ranking_of, relevance_of):
    import pytrec_eval

    rows, grades, ranking, relevance = random_case(2, ranking_of, relevance_of)
    # The scores here fall, and its ids sort otherwise than positions do.
    run = {str(q): {f"{p:03}": -float(i) for i, p in enumerate(row)} for q, row in enumerate(rows)}
    qrels = {str(q): {f"{p:03}": grade for p, grade in row.items()} for q, row in enumerate(grades)}
    want = pytrec_eval.RelevanceEvaluator(qrels, {"recall_10", "ndcg_cut_10", "map_cut_20"}).evaluate(run)
    found = accuracy(ranking, relevance, ["R@10", "nDCG@10", "AP@20"])
    assert len(want) > 40
    for query, figures in want.items():
        for name, theirs in (("R@10", "recall_10"), ("nDCG@10", "ndcg_cut_10"), ("AP@20", "map_cut_20")):
            assert found[name][int(query)] == figures[theirs]


@pytest.mark.parametrize("chunk", [1, 100, 1 << 22])
def test_curve_is_mean_recall_at_every_cutoff(chunk, ranking_of, relevance_of, monkeypatch):
    monkeypatch.setattr("retrieval.evaluation.metrics.lists._CHUNK", chunk)
    monkeypatch.setattr(module, "_CHUNK", chunk)
    rows, grades, ranking, relevance = random_case(3, ranking_of, relevance_of)
    curve = recall_curve(ranking, relevance)
    found = accuracy(ranking, relevance, [f"R@{k}" for k in range(1, 21)])
    np.testing.assert_allclose(curve, [means(values) for values in found.values()], atol=1e-9)
    padded = [row + [-1] * (20 - len(row)) for row in rows]
    want = [[p in wanted for p in row] for row, wanted in zip(padded, grades, strict=True)]
    assert hits(ranking, relevance).tolist() == want


def test_defaults_are_what_the_table_of_the_protocol_shows(ranking_of, relevance_of):
    rows, grades, ranking, relevance = random_case(4, ranking_of, relevance_of, notes=120, depth=100)
    found = accuracy(ranking, relevance, DEFAULT_MEASURES)
    for name in ("R@10", "R@50", "R@100", "nDCG@10"):
        kind, cutoff = name.split("@")
        np.testing.assert_allclose(found[name], naive(rows, grades, kind, int(cutoff)), atol=1e-7)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 10), st.booleans())
def test_perfect_is_one_and_reversed_no_better(seed, relevant, graded):
    rng = np.random.default_rng(seed)
    notes = rng.permutation(30)
    best_first = sorted(notes[:relevant].tolist(), key=lambda p: -(p % 3) if graded else 0)
    grades = [{p: p % 3 + 1 if graded else 1 for p in best_first}]
    row = (best_first + notes[relevant:].tolist())[:20]
    relevance = _relevance(grades)
    measures = ("R@10", "nDCG@10", "RR@10", "AP@10", "nDCG@20", "Success@1")
    perfect = accuracy(_ranking(row), relevance, measures)
    for name, values in perfect.items():
        assert values[0] == pytest.approx(1.0, abs=1e-7), name
    for name, values in accuracy(_ranking(row[::-1]), relevance, measures).items():
        assert values[0] <= perfect[name][0]
    for name, values in accuracy(_ranking(rng.permutation(row).tolist()), relevance, measures).items():
        assert 0 <= values[0] <= perfect[name][0] + 1e-7


# Hypothesis does not take fixtures made once for many examples.
def _ranking(row):
    from retrieval.evaluation.systems.base import Ranking

    return Ranking(np.array([row], dtype=np.int64), np.zeros((1, len(row)), dtype=np.float32))


def _relevance(grades):
    from retrieval.evaluation.relevance import Relevance

    [row] = grades
    offsets = np.array([0, len(row)], dtype=np.int64)
    return Relevance(offsets, np.array(list(row), dtype=np.int64), np.array(list(row.values()), dtype=np.int32))
