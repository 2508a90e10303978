"""Additions, removals, repeats and rebuilding, against a dictionary of what should be there."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from filelock import FileLock
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from index.errors import IndexLocked
from index.lexical import bm25 as module
from index.lexical.bm25 import Changes, LexicalIndex

EVERYTHING = 10_000


class Truth:
    """Rows with keys that are never used again, and what happened at each seq."""

    def __init__(self) -> None:
        self.rows: dict[int, str] = {}
        self.removals: list[tuple[int, int]] = []
        self.born: dict[int, int] = {}
        self.seq = 0

    def write(self, added: list[str], removed: list[int]) -> None:
        self.seq += 1
        for text in added:
            key = len(self.born)
            self.rows[key], self.born[key] = text, self.seq
        for key in removed:
            if self.rows.pop(key, None) is not None:
                self.removals.append((self.seq, key))

    def read(self, seq: int) -> Changes:
        return Changes(
            ((key, text) for key, text in self.rows.items() if self.born[key] > seq),
            (key for at, key in self.removals if at > seq),
            self.seq,
        )


def check(index, truth):
    assert index.seq == truth.seq
    assert index.info()["texts"] == len(truth.rows)
    for word in ("red", "apple", "美食"):
        keys, _ = index.search(word, EVERYTHING)
        assert sorted(keys.tolist()) == sorted(key for key, text in truth.rows.items() if word in text)


TEXTS = st.lists(st.sampled_from(["red", "apple", "上海美食", "tokyo"]), max_size=5).map(" ".join)
STEPS = st.lists(
    st.tuples(
        st.lists(TEXTS, max_size=4),
        st.lists(st.integers(0, 30), max_size=3),
        st.sampled_from(["apply", "apply", "wait", "die", "compact", "reopen"]),
    ),
    max_size=12,
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_any_history_leaves_what_the_truth_holds(tmp_path, steps):
    truth = Truth()
    index = LexicalIndex.build(tmp_path / "lexical", truth.read)
    for added, removed, what in steps:
        truth.write(added, removed)
        if what == "die":
            die_between_commit_and_note(index, truth)
        elif what == "compact":
            index.compact(truth.read)
            assert index.info()["removed"] == 0
        elif what != "wait":
            assert index.apply(truth.read) == truth.seq
            check(index, truth)
        if what == "reopen":
            index.close()
            index = LexicalIndex.open(tmp_path / "lexical")
    index.apply(truth.read)
    check(index, truth)
    index.close()


class Death(BaseException):
    pass


def die_between_commit_and_note(index, truth):
    def die(root, state):
        raise Death

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "write_state", die)
        with pytest.raises(Death):
            index.apply(truth.read)


def test_a_commit_that_was_not_noted_is_applied_again_without_doubles(build):
    truth = Truth()
    index = build({}, seq=0)
    truth.write(["red apple", "red"], [])
    die_between_commit_and_note(index, truth)
    assert index.seq == 0
    truth.write(["red tokyo"], [0])
    index.apply(truth.read)
    check(index, truth)
    assert index.search("red", EVERYTHING)[0].tolist() == [1, 2]


def test_what_is_added_and_removed_in_one_go_is_removed(build):
    index = build({1: "red"})
    index.apply(lambda seq: Changes([(5, "red"), (6, "red")], [5], 2))
    assert index.search("red", 9)[0].tolist() == [1, 6]


def test_nothing_is_applied_where_reading_the_truth_fails(build):
    def broken():
        yield 2, "red"
        raise OSError("the truth cannot be read")

    index = build({1: "red"})
    with pytest.raises(OSError, match="the truth cannot be read"):
        index.apply(lambda seq: Changes(broken(), [], 2))
    with pytest.raises(ZeroDivisionError):
        index.apply(lambda seq: 1 // 0)
    assert (index.seq, index.search("red", 9)[0].tolist()) == (1, [1])
    index.apply(lambda seq: Changes([(2, "red")], [], 2))  # and no lock was left behind
    assert (index.seq, index.search("red", 9)[0].tolist()) == (2, [1, 2])


def test_removed_texts_count_in_the_statistics_until_compaction(build, naive):
    rows = {key: f"red apple {key}" for key in range(40)}
    index = build(rows)
    index.apply(lambda seq: Changes([], range(30), 2))
    left = {key: text for key, text in rows.items() if key >= 30}
    assert index.info()["removed"] == 30
    assert index.search("red", 1)[1][0] == pytest.approx(naive(rows, "red")[30], rel=1e-5)
    index.compact(lambda seq: Changes(left.items(), [], 2))
    assert (index.info()["removed"], index.info()["texts"]) == (0, 10)
    keys, scores = index.search("red 35", EVERYTHING)
    expected = naive(left, "red 35")
    assert keys[0] == 35
    np.testing.assert_allclose(scores, [expected[key] for key in keys.tolist()], rtol=1e-5)


def test_an_apply_without_news_writes_nothing(build, tmp_path):
    index = build({1: "red"})
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "lexical").rglob("*.json")}
    assert index.apply(lambda seq: Changes([], [], seq)) == 1
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "lexical").rglob("*.json")} == before


def test_many_small_changes_do_not_pile_up_segments_or_files(build):
    index = build({})
    for seq in range(2, 40):
        index.apply(lambda _, seq=seq: Changes([(seq, f"red {seq}")], [], seq))
    assert index.info()["segments"] <= 10
    assert len(list((index._folder / "g1").iterdir())) < 10 * 8
    assert index.search("red", EVERYTHING)[0].tolist() == list(range(2, 40))


def test_keys_may_be_any_64_bit_number(build):
    ends = [-(1 << 63), -1, 0, (1 << 63) - 1]
    index = build(dict.fromkeys(ends, "red"))
    assert index.search("red", 9)[0].tolist() == ends
    index.apply(lambda seq: Changes([], [-1], 2))
    assert index.search("red", 9, np.array(ends, np.int64))[0].tolist() == [ends[0], 0, ends[3]]


def test_a_second_applier_is_told_or_waits(build, tmp_path):
    index = build({1: "red"})
    held = FileLock(tmp_path / "lexical" / "apply.lock")
    held.acquire()
    with pytest.raises(IndexLocked, match="Try again when it has finished"):
        index.apply(lambda seq: Changes([], [], 2), timeout=0.05)
    assert index.search("red", 9)[0].tolist() == [1]  # readers do not wait
    waiting = threading.Thread(target=lambda: index.apply(lambda seq: Changes([(2, "red")], [], 2)))
    waiting.start()
    held.release()
    waiting.join(20)
    assert index.search("red", 9)[0].tolist() == [1, 2]


def test_threads_that_apply_and_search_at_once_lose_nothing(build):
    index = build({})
    truth = Truth()
    lock = threading.Lock()
    failures: list[BaseException] = []

    def writer():
        try:
            for _ in range(8):
                with lock:
                    truth.write(["red apple"], [])

                def read(seq):
                    with lock:
                        changes = truth.read(seq)
                        return Changes(list(changes.added), list(changes.removed), changes.seq)

                index.apply(read)
        except BaseException as error:
            failures.append(error)

    def reader():
        try:
            seen = 0
            for _ in range(150):
                found = len(index.search("apple", EVERYTHING)[0])
                assert found >= seen
                seen = found
        except BaseException as error:
            failures.append(error)

    index.compact(lambda seq: Changes([], [], 0))
    threads = [threading.Thread(target=each) for each in (writer, writer, reader, reader)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not failures
    check(index, truth)
