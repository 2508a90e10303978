"""The words are brought up to date by whoever searches: readers side by side, and one that died between two steps."""

from __future__ import annotations

import shutil
import signal
import threading

import pytest

from index import FaissIndex, Record
from index.lexical import bm25


def test_a_reader_of_an_older_moment_does_not_set_the_words_back(made, work, monkeypatch):
    """It waited for another's catching up, and then finds the words ahead of its own transaction."""
    folder = made(60)
    truth = dict.fromkeys((f"n-{i}" for i in range(60)), 0)
    writer, slow, quick = (FaissIndex.open(folder) for _ in range(3))
    first, second = ("upsert", 1, ("a", "b")), ("upsert", 2, ("c", "n-5"))
    work.perform(writer, first)
    apply = bm25.LexicalIndex.apply
    may_go_on = threading.Event()

    def late(self, read, *, timeout=-1):
        if threading.current_thread() is thread:  # its transaction has begun; now the others overtake it
            assert may_go_on.wait(60)
        return apply(self, read, timeout=timeout)

    monkeypatch.setattr(bm25.LexicalIndex, "apply", late)
    answers = []
    thread = threading.Thread(target=lambda: answers.append(slow.keyword("red", 10_000).ids[0]))
    thread.start()
    while slow._lock.acquire(blocking=False):  # until the other thread holds it
        slow._lock.release()
    work.perform(writer, second)
    truth = work.after(work.after(truth, first), second)
    assert set(quick.keyword("red", 10_000).ids[0]) == set(truth)
    may_go_on.set()
    thread.join(60)
    assert [set(answer) for answer in answers] == [set(truth)]
    third = ("upsert", 3, ("d",))
    work.perform(writer, third)
    for index in (writer, slow, quick):
        work.check(index, work.after(truth, third))
        index.close()


@pytest.mark.parametrize("then", ["delete", "upsert"])
def test_a_record_that_goes_after_a_death_between_commit_and_note_leaves_the_words(
    children, made, work, tmp_path, then
):
    """The commit holds texts that state.json knows nothing of; some of them are removed before the next one."""
    folder = made(60)
    truth = dict.fromkeys((f"n-{i}" for i in range(60)), 0)
    new = ("upsert", 1, tuple(f"m-{i}" for i in range(30)))
    with FaissIndex.open(folder) as index:
        work.perform(index, new)
    truth = work.after(truth, new)
    kept = shutil.copytree(folder, tmp_path / "kept")
    arguments = {"folder": folder, "what": "keyword", "mark": 1, "names": []}
    points = int(children.run("call_once", die=0, **arguments).said[-1].split()[1])
    for die in range(1, points + 1):
        shutil.rmtree(folder)
        shutil.copytree(kept, folder)
        assert children.start("call_once", die=die, **arguments).wait() == -signal.SIGKILL
        gone = (then, 2, tuple(f"m-{i}" for i in range(20)))
        with FaissIndex.open(folder) as index:
            work.perform(index, gone)
            work.check(index, work.after(truth, gone))


def test_a_text_of_a_commit_nobody_noted_hides_no_other(made, work, monkeypatch):
    """The removed record scores best: were it still among the words, the one best would be none."""
    folder = made(60)
    best = Record("best", work.record("best", 1).vector, {"title": "ramen ramen"}, "1")
    next_best = Record("next", work.record("next", 1).vector, {"title": "ramen with an egg and some more"}, "1")

    def dies(*arguments):
        raise KeyboardInterrupt

    index = FaissIndex.open(folder)
    index.upsert([best, next_best])
    with monkeypatch.context() as patched:
        patched.setattr(bm25, "write_state", dies)
        with pytest.raises(KeyboardInterrupt):
            index.keyword("ramen", 1)
    dead = shutil.copytree(folder, folder.with_name("dead"))  # as it stood then: close() would bring all up to date
    index.close()
    with FaissIndex.open(dead) as index:
        index.delete(["best"])
        assert index.keyword("ramen", 1).ids == [["next"]]
