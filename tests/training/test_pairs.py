"""Files of pairs in every form they are written in, and held against a split."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from encoders.corpus import Placed
from encoders.note import Note
from retrieval.evaluation.errors import LeakFound
from retrieval.evaluation.facts import read_facts
from retrieval.evaluation.holdout import hold_out
from retrieval.evaluation.leaks import LeakCheck
from retrieval.evaluation.split import SplitConfig, bucket
from retrieval.interactions.columns import InteractionsError
from retrieval.interactions.events import Events
from training.pairs import PairsError, check_pairs, read_pairs

PAIRS = [("a", "b"), ("b", "a"), ("笔记", "007"), ("NA", "null")]


def write(path: Path, columns: dict[str, object]) -> Path:
    if path.suffix == ".csv":
        rows = zip(*columns.values(), strict=True)
        path.write_text("\n".join([",".join(columns), *(",".join(map(str, row)) for row in rows)]) + "\n", "utf-8")
    else:
        pq.write_table(pa.table(columns), path)
    return path


@pytest.fixture(params=["csv", "parquet"])
def file(request, tmp_path: Path) -> Path:
    return tmp_path / f"pairs.{request.param}"


@pytest.mark.parametrize(
    "names", [("note", "positive"), ("item", "positive"), ("query", "target"), ("anchor", "positive")]
)
def test_pairs_by_any_name(file: Path, names: tuple[str, str]) -> None:
    left, right = zip(*PAIRS, strict=True)
    assert read_pairs(write(file, {"score": [1.5] * 4, names[1]: right, names[0]: left})).pairs == PAIRS


def test_scores_where_the_file_has_them(file: Path) -> None:
    left, right = zip(*PAIRS, strict=True)
    scores = read_pairs(write(file, {"note": left, "positive": right, "score": [1.5, 0.1, 30, 16777217]})).scores
    assert scores is not None
    assert scores.dtype == np.float32
    assert scores.tolist() == np.array([1.5, 0.1, 30, 16777217], np.float32).tolist()
    assert read_pairs(write(file, {"note": left, "positive": right})).scores is None


def test_a_score_that_is_missing_or_no_number(tmp_path: Path) -> None:
    for name in ("pairs.csv", "pairs.parquet"):
        blank = "" if name.endswith("csv") else None
        found = read_pairs(
            write(tmp_path / name, {"note": ["a", "b"], "positive": ["b", "c"], "score": ["2.5", blank]})
        )
        assert found.scores is not None
        assert np.array_equal(found.scores, np.array([2.5, np.nan], np.float32), equal_nan=True)
    with pytest.raises(PairsError, match="high"):
        read_pairs(write(tmp_path / "words.csv", {"note": ["a"], "positive": ["b"], "score": ["high"]}))


def test_numbers_are_the_ids_of_text(file: Path) -> None:
    assert read_pairs(write(file, {"item": [1, 22], "positive": [3, 9223372036854775807]})).pairs == [
        ("1", "3"),
        ("22", "9223372036854775807"),
    ]


@pytest.mark.parametrize("header", ["\ufeffnote,positive", '"note","positive"', "note,positive\r"])
def test_headers_as_programs_write_them(tmp_path: Path, header: str) -> None:
    path = tmp_path / "pairs.csv"
    path.write_text(f'{header}\n01,"x,y"\n', "utf-8")
    assert read_pairs(path).pairs == [("01", "x,y")]


def test_no_pairs_at_all(file: Path) -> None:
    assert (
        read_pairs(write(file, {"note": pa.array([], pa.string()), "positive": pa.array([], pa.string())})).pairs == []
    )


def test_other_columns_are_named(file: Path) -> None:
    for columns in ({"left": ["a"], "right": ["b"]}, {"note": ["a"], "right": ["b"]}, {"positive": ["a"]}):
        with pytest.raises(
            PairsError, match=rf"{file.name} has the columns {', '.join(columns)}; .*`note`.*`positive`"
        ):
            read_pairs(write(file, columns))


@pytest.mark.parametrize("side", ["note", "positive"])
@pytest.mark.parametrize("blank", ["", "  ", None])
def test_half_a_pair_is_none(file: Path, side: str, blank: str | None) -> None:
    cell = "" if blank is None and file.suffix == ".csv" else blank
    columns = {"note": ["a", "b"], "positive": ["c", "d"]}
    columns[side] = [columns[side][0], cell]
    with pytest.raises(PairsError, match="lacks a note"):
        read_pairs(write(file, columns))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("empty.csv", b""),
        ("short.csv", b"note,positive\na\n"),
        ("latin.csv", b"note,positive\ncaf\xe9,b\n"),
        ("torn.parquet", b"PAR1 and no more"),
        ("empty.parquet", b""),
    ],
)
def test_what_is_no_file_of_pairs(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(PairsError, match=name):
        read_pairs(tmp_path / name)
    with pytest.raises(PairsError, match="gone"):
        read_pairs(tmp_path / "gone.csv")
    assert issubclass(PairsError, InteractionsError)


def test_columns_of_a_strange_type(tmp_path: Path) -> None:
    with pytest.raises(PairsError, match="pairs"):
        read_pairs(write(tmp_path / "pairs.parquet", {"note": [["a"]], "positive": [["b"]]}))


@pytest.fixture
def split() -> tuple[LeakCheck, list[str]]:
    """Five notes of training and a cold one, two people of training and one held out; and the notes' ids."""
    names = [str(i) for i in range(100)]
    warm = [name for name in names if bucket(f"s-item-{name}", 5) != 0][:5]
    cold = next(name for name in names if bucket(f"s-item-{name}", 5) == 0)
    trained = [name for name in names if bucket(f"s-user-{name}", 2) == 0][:2]
    held = next(name for name in names if bucket(f"s-user-{name}", 2) != 0)
    looks = {0: (1, 2, 3, 5), 1: (0, 4), 2: (0, 1, 4, 5)}
    rows = [(user, note) for user, notes in looks.items() for note in notes]
    user, note = (np.array(column, dtype=np.int32) for column in zip(*rows, strict=True))
    ids = [*warm, cold]
    facts = read_facts(Placed(Note(id=name, title="t"), "f", i) for i, name in enumerate(ids))[0]
    events = Events(user, note, None, (*trained, held), 6, 0, 0, 0)
    return LeakCheck(facts, hold_out(SplitConfig(by="items+users", seed="s"), facts, events)), ids


def test_clean_pairs_are_counted(file: Path, split: tuple[LeakCheck, list[str]]) -> None:
    leaks, ids = split
    left, right = ([ids[i] for i in side] for side in ((1, 2, 3, 4), (2, 3, 1, 0)))
    found, unknown = check_pairs(write(file, {"note": [*left, "other"], "positive": [*right, ids[0]]}), leaks)
    assert (len(found), unknown) == (5, 1)


def test_pairs_of_another_corpus_are_refused(file: Path, split: tuple[LeakCheck, list[str]]) -> None:
    leaks, ids = split
    with pytest.raises(PairsError, match="ids"):
        check_pairs(write(file, {"note": [f"0{ids[0]}"], "positive": [f"0{ids[1]}"]}), leaks)


def test_pairs_of_more_people_than_training_has(file: Path, split: tuple[LeakCheck, list[str]]) -> None:
    leaks, ids = split
    columns = {"note": [ids[0], ids[1]], "positive": [ids[4], ids[2]]}
    check_pairs(write(file, {**columns, "users": [1, 1]}), leaks)
    # One person of training and the held-out one looked at the first pair: two is what only a leak can count.
    with pytest.raises(LeakFound, match=rf"{ids[0]} with {ids[4]} \(2 people, 1 in training\)"):
        check_pairs(write(file, {**columns, "users": [2, 1]}), leaks)


@pytest.mark.parametrize(
    ("left", "right", "named"),
    [
        (1, 4, "{1} with {4}"),  # both are of training, but only the held-out person looked at both
        (4, 1, "{4} with {1}"),
        (1, 5, "{5}"),  # a cold note, though a person of training looked at both
        (5, 1, "{5}"),
    ],
)
def test_a_planted_pair_is_caught(
    file: Path, split: tuple[LeakCheck, list[str]], left: int, right: int, named: str
) -> None:
    leaks, ids = split
    path = write(file, {"note": [ids[1], ids[left]], "positive": [ids[2], ids[right]]})
    with pytest.raises(LeakFound, match=rf"\b{named.format(*ids)}\b"):
        check_pairs(path, leaks)
