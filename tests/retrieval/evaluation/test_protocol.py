"""Corpus, interactions and split made into one setting: what follows from what, and what is said of weak data."""

from __future__ import annotations

import importlib.util
import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

import retrieval.evaluation.protocol as protocol_module
from encoders import Corpus
from retrieval.evaluation.errors import EvaluationError, LeakFound, NothingToEvaluate, SplitMismatch
from retrieval.evaluation.facts import NoteFacts, read_facts
from retrieval.evaluation.leaks import LeakCheck
from retrieval.evaluation.pool import make_pool
from retrieval.evaluation.protocol import Interactions, Protocol, ProtocolConfig, only_interactions
from retrieval.evaluation.relevance import RelevanceConfig
from retrieval.evaluation.split import DataDigests, Split, SplitConfig
from retrieval.interactions.events import EventFilter, read_events

EASY = ProtocolConfig(relevance=RelevanceConfig(min_users=1))


@pytest.fixture
def folder(write_corpus, tmp_path: Path) -> Path:
    """Thirty notes and forty people, with and without times; three notes were looked at by the last people alone."""
    rows = [{"id": f"n{i}", "title": f"note {i}"} for i in range(30)] + [{"title": "no id"}]
    folder = write_corpus(rows, folder=tmp_path / "笔记")
    rng = np.random.default_rng(0)
    looks = [(user, note, 1000 * user + k) for user in range(40) for k, note in enumerate(rng.permutation(27)[:8])]
    looks += [(user, note, 1000 * user + 500) for user in range(37, 40) for note in (27, 28, 29)]
    for name, timed in (("interactions.csv", True), ("timeless.csv", False)):
        lines = [f"u{user},n{note}" + f",{time}" * timed for user, note, time in looks]
        (folder / name).write_text("\n".join(["user,item" + ",timestamp" * timed, *lines]) + "\n")
    return folder


def read(folder: Path, name: str = "interactions.csv") -> Interactions:
    return Interactions.read(Corpus(folder), folder / name)


def test_both_are_read_once_and_counted(folder: Path) -> None:
    notes, events = [], []
    data = Interactions.read(Corpus(folder), folder / "interactions.csv", EventFilter(), notes.append, events.append)
    assert (len(data.facts), data.rejected, len(data.events)) == (30, 1, 40 * 8 + 9)
    assert (sum(notes), sum(events)) == (31, 329)
    assert data.digests == DataDigests.of(data.facts, data.events, EventFilter())


def test_interactions_of_another_corpus_say_why_none_fits(folder: Path) -> None:
    (folder / "other.csv").write_text("user,item,timestamp\nu,x,1\nu,y,2\nu,n1,soon\n")
    with pytest.raises(
        EvaluationError, match=r"other\.csv has no interaction with any of the 30 notes: 2 were with other"
    ):
        read(folder, "other.csv")


def test_a_split_follows_from_the_data(folder: Path) -> None:
    timed, timeless = read(folder), read(folder, "timeless.csv")
    assert timeless.split_by() == SplitConfig(by="items+users", seed="笔记")
    assert timeless.split_by("users", "") == SplitConfig(by="users", seed="")
    by_time = timed.split_by()
    assert (by_time.by, by_time.seed, by_time.cold_by) == ("time", "笔记", "interaction")
    share = (timed.events.time >= by_time.test_from.timestamp()).mean()
    assert share == pytest.approx(0.1, abs=1 / 329)
    shares = timed.split_by(shares=(0.2, 0.3), cold_by="publication")
    assert (timed.events.time >= shares.test_from.timestamp()).mean() == pytest.approx(0.3, abs=1 / 329)
    assert (timed.events.time >= shares.validation_from.timestamp()).mean() == pytest.approx(0.5, abs=1 / 329)
    assert shares.cold_by == "publication"
    assert timed.split_by("items", "s") == SplitConfig(by="items", seed="s")
    cuts = (datetime(1970, 1, 1, 5, tzinfo=UTC), datetime(1970, 1, 1, 8, tzinfo=UTC))
    given = timed.split_by(cuts=cuts)
    assert (given.validation_from, given.test_from) == cuts
    with pytest.raises(EvaluationError, match="must be before the test"):
        timed.split_by(cuts=cuts[::-1])
    with pytest.raises(EvaluationError, match=r"timeless\.csv has no times"):
        timeless.split_by("time")


@pytest.mark.parametrize("stage", ["validation", "test"])
def test_a_saved_split_gives_the_same_setting(folder: Path, tmp_path: Path, stage: str) -> None:
    data = read(folder)
    config = ProtocolConfig(stage=stage, relevance=RelevanceConfig(min_users=1, graded=True))
    first = Protocol.of(data, data.split_by(shares=(0.2, 0.2)), config)
    first.split.save(tmp_path / "split.json")
    again = Protocol.of(read(folder), Split.load(tmp_path / "split.json"), config)
    assert again.split == first.split
    assert again.pool.order.tolist() == first.pool.order.tolist()
    assert again.pool.queries.tolist() == first.pool.queries.tolist()
    assert again.pool.relevance.positions.tolist() == first.pool.relevance.positions.tolist()
    assert again.holdout.training.tolist() == first.holdout.training.tolist()


def test_a_saved_split_refuses_other_data(folder: Path) -> None:
    split = Split(config=SplitConfig(by="users"), data=read(folder).digests)
    Protocol.of(read(folder), split, EASY)
    with pytest.raises(SplitMismatch, match="other interactions"):
        Protocol.of(read(folder, "timeless.csv"), split, EASY)
    (folder / "notes.jsonl").open("a").write(json.dumps({"id": "n99", "title": "new"}) + "\n")
    with pytest.raises(SplitMismatch, match="other notes"):
        Protocol.of(read(folder), split, EASY)


def test_notes_that_nobody_had_seen_are_cold(folder: Path) -> None:
    data = read(folder)
    pool = Protocol.of(data, data.split_by(shares=(0.05, 0.08)), EASY).pool
    cold = {pool.notes.ids[i] for i in np.flatnonzero(pool.cold)}
    assert cold == {"n27", "n28", "n29"}
    asked = {pool.notes.ids[i] for i in pool.queries}
    assert cold < asked
    only = ProtocolConfig(asked="cold", relevance=EASY.relevance)
    pool = Protocol.of(data, data.split_by(shares=(0.05, 0.08)), only).pool
    assert {pool.notes.ids[i] for i in pool.queries} == cold


def test_the_setting_itself_is_checked_for_leaks(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def leaky(facts, holdout, order, *rest):
        pool = make_pool(facts, holdout, order, *rest)
        return replace(pool, training=holdout.events.matrix()[:, order].tocsr())

    monkeypatch.setattr(protocol_module, "make_pool", leaky)
    with pytest.raises(LeakFound):
        Protocol.of(read(folder), SplitConfig(by="users"), EASY)


def test_its_leak_check_is_of_its_own_stage(folder: Path) -> None:
    """What the test may train on, the validation may not: its own people are held out there."""
    data = read(folder)
    early, late = (
        Protocol.of(data, SplitConfig(by="users"), ProtocolConfig(stage=stage, relevance=EASY.relevance))
        for stage in ("validation", "test")
    )
    people = {data.events.users[i] for i in data.events.user[late.holdout.training]}
    assert isinstance(late.leaks, LeakCheck)
    late.leaks.users(people)
    with pytest.raises(LeakFound):
        early.leaks.users(people)


def test_judged_answers_replace_mined_ones(folder: Path, tmp_path: Path) -> None:
    data = read(folder)
    qrels = tmp_path / "qrels.txt"
    qrels.write_text("n1 0 n2 2\nn1 0 n3 1\nn2 0 n1 0\nn5 0 nowhere 1\n")
    pool = Protocol.of(data, SplitConfig(by="users"), qrels=qrels).pool
    assert [pool.notes.ids[i] for i in pool.queries] == ["n1"]
    assert [pool.notes.ids[i] for i in pool.relevance.positions] == ["n2", "n3"]
    assert pool.relevance.grades.tolist() == [2, 1]


def test_nothing_to_ask(folder: Path) -> None:
    with pytest.raises(NothingToEvaluate):
        Protocol.of(read(folder), SplitConfig(by="users"), ProtocolConfig(relevance=RelevanceConfig(min_users=41)))


def test_weak_data_is_warned_of(folder: Path) -> None:
    path = folder / "interactions.csv"
    data = read(folder)
    by_users = Protocol.of(data, SplitConfig(by="users"), EASY)
    found = " | ".join(by_users.warnings())
    assert "1 rows of the corpus are no good notes" in found
    assert f"there are only {len(by_users.pool.queries)} queries" in found
    assert "no query is cold" in found
    assert "could not be used" not in found
    assert "the same people" not in found
    by_items = Protocol.of(data, SplitConfig(by="items", seed="s"), EASY).warnings()
    assert any("the same people" in warning for warning in by_items)
    assert not any("no query is cold" in warning for warning in by_items)
    lines = path.read_text()
    for lost, warned in ((17, False), (18, True)):  # 17 of 346 are 4.9 %, 18 of 347 are 5.2 %
        path.write_text(lines + "u1,gone,5\n" * (lost - 2) + "u1,n1,soon\n" * 2)
        found = " | ".join(Protocol.of(read(folder), SplitConfig(by="users"), EASY).warnings())
        assert (f"{lost} of {329 + lost} interactions could not be used: {lost - 2} are with" in found) == warned


def test_what_every_figure_must_be_read_with(folder: Path) -> None:
    data = read(folder)
    protocol = Protocol.of(data, SplitConfig(by="items+users", seed="s"), EASY)
    facts = json.loads(json.dumps(protocol.facts(), ensure_ascii=False))
    pool, holdout = protocol.pool, protocol.holdout
    assert facts["corpus"] == "笔记"
    assert facts["interactions"] == {
        "file": "interactions.csv",
        "used": 329,
        "with unknown notes": 0,
        "broken": 0,
        "left out": 0,
    }
    assert SplitConfig.model_validate(facts["split"]) == protocol.split.config
    assert DataDigests.model_validate(facts["data"]) == data.digests
    assert (facts["stage"], facts["rejected notes"]) == ("test", 1)
    assert facts["candidates"] == {"which": "interacted", "notes": 30, "cold": int(pool.cold.sum())}
    assert facts["queries"]["notes"] == len(pool.queries)
    assert facts["queries"]["relevant notes each"] == pytest.approx(np.mean(pool.relevance.counts), abs=0.005)
    assert facts["training interactions"] == sum(holdout.training.tolist())
    assert facts["held-out interactions"] == sum(holdout.held_out.tolist())


def test_notes_by_id(folder: Path) -> None:
    protocol = Protocol.of(read(folder), SplitConfig(by="users"), EASY)
    found = protocol.notes_of(["n3", "n17", "gone", "n3"])
    assert {name: note.title for name, note in found.items()} == {"n3": "note 3", "n17": "note 17"}


def test_the_one_interactions_file(folder: Path) -> None:
    assert only_interactions(Corpus(folder)) == folder.resolve() / "interactions.csv"
    (folder / "interactions_old.parquet").touch()
    with pytest.raises(
        EvaluationError, match=r"several .*interactions\.csv, interactions_old\.parquet.*--interactions"
    ):
        only_interactions(Corpus(folder))
    for path in folder.glob("interactions*"):
        path.unlink()
    with pytest.raises(EvaluationError, match=r"no interactions file \(none\)"):
        only_interactions(Corpus(folder))


@pytest.fixture(scope="module")
def all_movies(movies: Path) -> tuple[Corpus, NoteFacts]:
    corpus = Corpus(movies)
    facts, rejected = read_facts(corpus)
    assert (len(facts), rejected) == (10_512, 0)
    return corpus, facts


def movies_with(all_movies: tuple[Corpus, NoteFacts], name: str) -> Interactions:
    corpus, facts = all_movies
    events = read_events(corpus.root / name, facts.ids)
    return Interactions(corpus, corpus.root / name, facts, 0, events, DataDigests.of(facts, events, EventFilter()))


@pytest.mark.movies
def test_movies_have_the_right_answers_of_the_independent_scorer(movies: Path, all_movies) -> None:
    path = movies.resolve().parents[1] / "reference" / "cold_start.py"
    if not path.is_file():
        pytest.skip(f"the independent scorer is not at {path}")
    spec = importlib.util.spec_from_file_location("cold_start", path)
    scorer = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(scorer)
    items, cold, users_a, users_b = scorer.load(movies, "movies", "interactions_ml1m.parquet")
    relevance = scorer.cooccurrence(users_b)
    expected = {}
    for i in np.flatnonzero(cold):
        best = [j for j in np.argsort(-relevance[i])[: scorer.TOP] if relevance[i, j] > 0]
        if best:
            expected[str(items[i])] = {str(items[j]) for j in best}

    data = movies_with(all_movies, "interactions_ml1m.parquet")
    pool = Protocol.of(data, data.split_by(seed="movies")).pool
    assert (len(pool.queries), len(pool)) == (661, 3706)
    found = {
        pool.notes.ids[query]: {pool.notes.ids[j] for j in pool.relevance.of(row)}
        for row, query in enumerate(pool.queries)
    }
    assert found == expected
    # What training may learn from: users A and warm items alone.
    place = {name: i for i, name in enumerate(pool.notes.ids)}
    order = [place[str(item)] for item in items]
    warm = np.asarray(users_a.sum(axis=0)).ravel() * ~cold
    assert pool.popularity[order].tolist() == warm.tolist()
    assert pool.exposure[order].tolist() == np.asarray(users_b.sum(axis=0)).ravel().tolist()


@pytest.mark.movies
def test_movies_with_times_are_split_by_time(all_movies) -> None:
    """ml-latest-small under the global cut: some of what is asked was never seen before, most of it was."""
    data = movies_with(all_movies, "interactions.csv")
    events = data.events
    assert (len(events), len(events.users)) == (100_836, 610)
    protocol = Protocol.of(data, data.split_by())
    pool, holdout = protocol.pool, protocol.holdout
    assert len(pool) == len(set(events.note.tolist())) == 9_724
    cold = pool.cold[pool.queries]
    assert 0 < cold.sum() < len(cold)
    # What is asked for is of the last tenth of all looks, and cold is what nobody looked at in the first four fifths.
    cuts = np.sort(events.time)
    assert int(holdout.held_out.sum()) == pytest.approx(10_084, abs=10)
    assert events.time[holdout.held_out].min() >= cuts[90_751]
    early = set(events.note[events.time < protocol.split.config.test_from.timestamp()].tolist())
    assert {int(pool.order[i]) for i in pool.queries[cold]}.isdisjoint(early)
    assert {int(pool.order[i]) for i in pool.queries[~cold]} <= early
    validation = Protocol.of(data, protocol.split, ProtocolConfig(stage="validation"))
    late = events.time >= protocol.split.config.test_from.timestamp()
    assert not (late & (validation.holdout.held_out | validation.holdout.training)).any()
    assert len(validation.pool) < len(pool)
