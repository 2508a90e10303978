"""Slices as partitions of the queries, thirds counted by hand, small names folded."""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_matrix

from encoders.corpus import Placed
from encoders.images import NoteImage
from encoders.note import Note
from retrieval.evaluation.facts import read_facts
from retrieval.evaluation.pool import Pool
from retrieval.evaluation.relevance import Relevance
from retrieval.evaluation.slices import Slice, make_slices

TEXT = Note(title="t")


def pool_of(
    notes: Sequence[Note],
    queries: Sequence[int] | None = None,
    answers: Sequence[Sequence[int]] | None = None,
    cold: Sequence[bool] | None = None,
    exposure: Sequence[int] | None = None,
) -> Pool:
    count = len(notes)
    placed = (Placed(note.model_copy(update={"id": str(i)}), "f", i) for i, note in enumerate(notes))
    asked = list(range(count)) if queries is None else list(queries)
    given_answers = [[(query + 1) % count] for query in asked] if answers is None else answers
    flat = [answer for row in given_answers for answer in row]
    return Pool(
        notes=read_facts(placed)[0],
        order=np.arange(count),
        queries=np.array(asked, dtype=np.int64),
        relevance=Relevance(np.cumsum([0, *map(len, given_answers)]), np.array(flat), np.ones(len(flat), np.int32)),
        cold=np.zeros(count, np.bool_) if cold is None else np.array(cold),
        training=csr_matrix((1, count), dtype=np.float32),
        exposure=np.ones(count, np.int64) if exposure is None else np.array(exposure, dtype=np.int64),
    )


def found_in(pool: Pool, group: str) -> dict[str, list[int]]:
    """The positions that each slice of a group holds: of queries, or of answers."""
    slices = [each for each in make_slices(pool) if each.group == group]
    return {
        each.name: (pool.queries[each.queries] if each.answers is None else np.flatnonzero(each.answers)).tolist()
        for each in slices
    }


def test_cold_and_warm_queries() -> None:
    pool = pool_of([TEXT] * 5, queries=[4, 0, 2], cold=[True, False, False, True, True])
    assert found_in(pool, "temperature") == {"cold": [4, 0], "warm": [2]}
    assert found_in(pool_of([TEXT] * 3, cold=[True] * 3), "temperature") == {}  # it would be everything


def test_thirds_of_exposure_by_hand() -> None:
    pool = pool_of([TEXT] * 9, exposure=[5, 1, 9, 2, 8, 3, 7, 4, 6])
    assert found_in(pool, "exposure") == {
        "low (to 3)": [1, 3, 5],
        "middle (4 to 6)": [0, 7, 8],
        "high (from 7)": [2, 4, 6],
    }


def test_thirds_are_of_the_queries_alone() -> None:
    pool = pool_of([TEXT] * 9, queries=[1, 3, 5], exposure=[500, 1, 900, 2, 800, 3, 700, 400, 600])
    assert found_in(pool, "exposure") == {"low (to 1)": [1], "middle (2 to 2)": [3], "high (from 3)": [5]}


def test_equal_exposure_is_no_slice_and_is_never_parted() -> None:
    assert found_in(pool_of([TEXT] * 6, exposure=[4] * 6), "exposure") == {}
    tied = found_in(pool_of([TEXT] * 6, exposure=[1, 1, 1, 1, 7, 9]), "exposure")
    assert [0, 1, 2, 3] in tied.values()
    assert sorted(i for part in tied.values() for i in part) == [0, 1, 2, 3, 4, 5]


def test_modalities() -> None:
    image = (NoteImage("a.png"),)
    notes = [TEXT, Note(images=image), Note(title="t", images=image), Note(tags=("a",)), TEXT]
    assert found_in(pool_of(notes), "modality") == {"text and image": [2], "text only": [0, 3, 4], "image only": [1]}


def test_text_lengths_are_of_notes_with_text() -> None:
    notes = [Note(title="长" * size) for size in (30, 3, 20, 2, 10, 1)] + [Note(images=(NoteImage("a.png"),))] * 4
    assert found_in(pool_of(notes), "text length") == {
        "short (to 2)": [3, 5],
        "medium (3 to 10)": [1, 4],
        "long (from 11)": [0, 2],
    }


def test_large_names_stand_alone_and_small_ones_together() -> None:
    names = ["food"] * 25 + ["旅行"] * 20 + ["rare"] * 19 + ["odd"] * 2 + [None] * 3
    notes = [Note(title="t", category=name, lang=name) for name in names]
    for group in ("category", "language"):
        assert found_in(pool_of(notes), group) == {
            "food": list(range(25)),
            "旅行": list(range(25, 45)),
            "(others)": list(range(45, 66)),
            "(none)": list(range(66, 69)),
        }
    # Counted among the queries, not among the candidates.
    assert found_in(pool_of(notes, queries=range(10, 60)), "category") == {
        "旅行": list(range(25, 45)),
        "(others)": [*range(10, 25), *range(45, 60)],
    }


def test_no_more_names_than_a_table_holds() -> None:
    names = [f"c{i:02d}" for i in range(15) for _ in range(20 + i)]
    found = found_in(pool_of([Note(title="t", category=name) for name in names]), "category")
    assert set(found) == {f"c{i:02d}" for i in range(3, 15)} | {"(others)"}
    assert len(found["(others)"]) == 20 + 21 + 22


def test_a_corpus_without_names_has_no_such_slices() -> None:
    groups = {each.group for each in make_slices(pool_of([TEXT] * 30))}
    assert not groups & {"category", "language", "modality", "temperature", "text length"}


def test_answers_are_parted_by_what_is_relevant() -> None:
    answers = [[4, 5, 6], [6, 7, 8], [9]]
    pool = pool_of(
        [TEXT] * 10,
        queries=[0, 1, 2],
        answers=answers,
        cold=[False] * 7 + [True] * 3,
        exposure=[900, 900, 900, 900, 1, 2, 3, 4, 5, 6],
    )
    temperature = found_in(pool, "answers' temperature")
    assert set(temperature) == {"cold", "warm"}
    relevant = {4, 5, 6, 7, 8, 9}
    assert set(temperature["cold"]) & relevant == {7, 8, 9}
    assert set(temperature["warm"]) & relevant == {4, 5, 6}
    thirds = found_in(pool, "answers' exposure")
    assert {name: sorted(set(mask) & relevant) for name, mask in thirds.items()} == {
        "low (to 2)": [4, 5],
        "middle (3 to 4)": [6, 7],
        "high (from 5)": [8, 9],
    }
    of_answers = [each for each in make_slices(pool) if each.answers is not None]
    assert all(each.queries.all() for each in of_answers)


def check_parts(pool: Pool, slices: Sequence[Slice]) -> None:
    """Within a group nothing is in two slices, none is empty or everything; together they are everything, if named."""
    relevant = np.zeros(len(pool), dtype=np.bool_)
    relevant[pool.relevance.positions] = True
    groups = defaultdict(list)
    for each in slices:
        groups[each.group].append(each.queries if each.answers is None else (each.answers & relevant)[relevant])
    for group, masks in groups.items():
        total = np.sum(masks, axis=0)
        assert total.max() == 1, group
        assert all(0 < mask.sum() < len(mask) for mask in masks), group
        assert group == "text length" or total.min() == 1, group
    names = [(each.group, each.name) for each in slices]
    assert len(set(names)) == len(names)


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_slices_part_the_queries_and_the_answers(data: st.DataObject) -> None:
    count = data.draw(st.integers(2, 60))
    few = st.sampled_from([None, "a", "b"])
    makes = st.builds(
        Note,
        title=st.sampled_from(["t", "tt", "ttt"]),
        category=few,
        lang=few,
        images=st.sampled_from([(), (NoteImage("a.png"),)]),
    )
    column = {"min_size": count, "max_size": count}
    queries = data.draw(st.lists(st.integers(0, count - 1), min_size=1, unique=True))
    pool = pool_of(
        data.draw(st.lists(makes, **column)),
        queries,
        [data.draw(st.lists(st.integers(0, count - 1), min_size=1, max_size=3, unique=True)) for _ in queries],
        data.draw(st.lists(st.booleans(), **column)),
        data.draw(st.lists(st.integers(0, 5), **column)),
    )
    check_parts(pool, make_slices(pool))


def test_answers_exposure_that_one_value_rules_is_neither_empty_nor_everything() -> None:
    for exposure in ([1, 2, 2, 2, 2, 2], [1, 1, 5, 5, 5, 5]):
        pool = pool_of([TEXT] * 6, exposure=exposure)
        check_parts(pool, make_slices(pool))
