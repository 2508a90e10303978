from __future__ import annotations

import base64
import io
from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from app.report.pictures import data_uri
from app.report.queries import query_cards, worst_and_best
from encoders.images import NoteImage


@given(st.lists(st.tuples(st.sampled_from([0.0, 0.25, 0.5, 1.0, float("nan")]), st.integers(1, 5)), max_size=40))
def test_worst_and_best_by_a_naive_sort(queries):
    values = np.array([value for value, _ in queries])
    many = np.array([count for _, count in queries], dtype=np.int64)
    worst, best = worst_and_best(values, many)
    counted = [i for i in range(len(queries)) if values[i] == values[i]]
    expected = sorted(counted, key=lambda i: (values[i], -many[i], i))[:10]
    assert worst.tolist() == expected
    assert (
        best.tolist() == [i for i in sorted(counted, key=lambda i: (-values[i], -many[i], i)) if i not in expected][:3]
    )


def test_cards_mark_answers_and_say_where_right_ones_went(evaluation, notes_of):
    pool, system = evaluation.pool, evaluation.systems[0]
    asked: list[list[str]] = []

    def fetch(ids):
        asked.append(list(ids))
        return notes_of(ids)

    worst, best = query_cards(pool, system, "nDCG@10", fetch)
    assert len(asked) == 1, "one fetch"
    assert len(asked[0]) == len(set(asked[0])) <= 13 * 11
    assert (len(worst), len(best)) == (10, 3)
    values = system.per_query["nDCG@10"]
    assert worst[0].note.id == pool.notes.ids[pool.queries[np.lexsort((-pool.relevance.counts, values))[0]]]
    places = {pool.notes.ids[position]: query for query, position in enumerate(pool.queries)}
    for card in [*worst, *best]:
        query = places[card.note.id]
        row = [pool.notes.ids[position] for position in system.ranking.positions[query]]
        relevant = [pool.notes.ids[position] for position in pool.relevance.of(query)]
        assert [each.note.id for each in card.answers] == row[:5]
        assert [each.rank for each in card.answers] == [1, 2, 3, 4, 5]
        assert [each.right for each in card.answers] == [each in relevant for each in row[:5]]
        assert [each.note.id for each in card.wanted] == relevant[:5]
        assert [each.rank for each in card.wanted] == [row.index(i) + 1 if i in row else None for i in relevant[:5]]
        assert (card.relevant, card.found, card.depth) == (len(relevant), len(set(relevant) & set(row)), 100)
        assert dict(card.metrics)["nDCG@10"] == f"{values[query]:.4f}".removeprefix("0")


def test_a_short_ranking_has_no_answers_where_it_ends(evaluation, notes_of):
    system = evaluation.systems[0]
    positions = system.ranking.positions.copy()
    positions[:, 2:] = -1
    worst, _ = query_cards(
        evaluation.pool, replace(system, ranking=replace(system.ranking, positions=positions)), "R@10", notes_of
    )
    assert {len(each.answers) for each in worst} == {2}


def test_pictures_are_small_jpegs_and_broken_ones_nothing(tmp_path, picture):
    picture(1, (900, 600)).save(tmp_path / "wide.png")
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8\xff no picture")
    broken, wide = (NoteImage(name, tmp_path / name) for name in ("broken.jpg", "wide.png"))
    assert data_uri((), 160) == data_uri((broken,), 160) == data_uri((NoteImage("gone", tmp_path / "gone"),), 160) == ""
    head, _, data = data_uri((broken, wide), 160).partition(",")
    assert head == "data:image/jpeg;base64"
    with Image.open(io.BytesIO(base64.b64decode(data))) as opened:
        assert (opened.format, opened.size) == ("JPEG", (160, 107))  # 600 / 900 × 160
        mean = np.asarray(opened.convert("RGB"), dtype=float).mean((0, 1))
    original = np.asarray(picture(1, (900, 600)), dtype=float).mean((0, 1))
    assert np.abs(mean - original).max() < 4
