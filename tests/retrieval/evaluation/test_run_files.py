"""TREC files read back by ir-measures, with ids that would break them and scores that tie."""

import io
from pathlib import Path

import ir_measures
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.evaluation.errors import EvaluationError
from retrieval.evaluation.relevance import Relevance
from retrieval.evaluation.run_files import decoded, encoded, read_qrels, write_qrels, write_run
from retrieval.evaluation.systems.base import Ranking

IDS = ["电影 一", "a b", "100%", "a%20b", "\u3000全角", "tab\tid", "plain", "#1"]


def ranking() -> Ranking:
    positions = np.array([[2, 0, 3, 1], [5, 4, -1, -1], [-1, -1, -1, -1]])
    scores = np.array([[0.5, 0.5, 0.5, 0.25], [0, 0, -np.inf, -np.inf], [-np.inf] * 4], dtype=np.float32)
    return Ranking(positions, scores)


def test_a_run_read_by_ir_measures_is_in_our_order(tmp_path: Path) -> None:
    write_run(tmp_path / "run", ranking(), IDS[:3], IDS, "my tag")
    text = (tmp_path / "run").read_text(encoding="utf-8")
    read = list(ir_measures.read_trec_run(io.StringIO(text)))
    for row, query in enumerate(IDS[:3]):
        mine = [line for line in read if decoded(line.query_id) == query]
        mine.sort(key=lambda line: -line.score)
        there = ranking().positions[row]
        assert [decoded(line.doc_id) for line in mine] == [IDS[i] for i in there[there >= 0]]
        assert len({np.float32(line.score) for line in mine}) == len(mine)
        np.testing.assert_allclose(
            [line.score for line in mine], ranking().scores[row][there >= 0], rtol=2e-7, atol=1e-44
        )
    assert text.splitlines()[0] == "电影%20一 Q0 100%25 1 0.5 my%20tag"
    assert [line.split()[3] for line in text.splitlines()] == ["1", "2", "3", "4", "1", "2"]


def test_ties_are_moved_by_one_step_of_float32_each(tmp_path: Path) -> None:
    scores = np.array([[1, 1, 1, np.nextafter(np.float32(1), np.float32(0)), 0.5]], dtype=np.float32)
    write_run(tmp_path / "run", Ranking(np.arange(5)[None], scores), ["q"], list("abcde"))
    read = [float(line.split()[4]) for line in (tmp_path / "run").read_text().splitlines()]
    step = 2.0**-24  # below 1
    assert [np.float32(score) for score in read] == [1, 1 - step, 1 - 2 * step, 1 - 3 * step, 0.5]


def test_qrels_round_trip_and_read_by_ir_measures(tmp_path: Path) -> None:
    relevance = Relevance(np.array([0, 3, 3, 4]), np.array([1, 0, 4, 2]), np.array([3, 2, 1, 1], dtype=np.int32))
    path = tmp_path / "qrels"
    write_qrels(path, relevance, IDS[:3], IDS)
    expected = {IDS[0]: {IDS[1]: 3, IDS[0]: 2, IDS[4]: 1}, IDS[2]: {IDS[2]: 1}}
    assert read_qrels(path) == expected
    assert list(read_qrels(path)[IDS[0]]) == [IDS[1], IDS[0], IDS[4]]
    judged = list(ir_measures.read_trec_qrels(io.StringIO(path.read_text(encoding="utf-8"))))
    found = {(decoded(each.query_id), decoded(each.doc_id)): each.relevance for each in judged}
    assert found == {(query, note): grade for query, notes in expected.items() for note, grade in notes.items()}


def test_measures_of_the_files_are_those_of_the_ranking(tmp_path: Path) -> None:
    write_run(tmp_path / "run", ranking(), IDS[:3], IDS)
    write_qrels(
        tmp_path / "qrels", Relevance(np.array([0, 1, 2, 2]), np.array([3, 4]), np.ones(2, np.int32)), IDS[:3], IDS
    )
    run = ir_measures.read_trec_run(io.StringIO((tmp_path / "run").read_text(encoding="utf-8")))
    qrels = ir_measures.read_trec_qrels(io.StringIO((tmp_path / "qrels").read_text(encoding="utf-8")))
    assert ir_measures.calc_aggregate([ir_measures.RR], qrels, run)[ir_measures.RR] == pytest.approx(
        (1 / 3 + 1 / 2) / 2
    )


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_any_id_comes_back_and_holds_no_white_space(name: str) -> None:
    assert decoded(encoded(name)) == name
    assert encoded(name).split() == [encoded(name)]


@pytest.mark.parametrize("line", ["q 0 d", "q 0 d x", "q 0 d 1 2", "q 0 d 1.5"])
def test_a_bad_line_is_named(tmp_path: Path, line: str) -> None:
    (tmp_path / "qrels").write_text(f"q 0 d 1\n\n{line}\n")
    with pytest.raises(EvaluationError, match="line 3"):
        read_qrels(tmp_path / "qrels")


def test_files_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match="missing"):
        read_qrels(tmp_path / "missing")
    (tmp_path / "latin").write_bytes(b"q 0 \xe9 1\n")
    with pytest.raises(EvaluationError, match="UTF-8"):
        read_qrels(tmp_path / "latin")
