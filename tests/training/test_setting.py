"""What a training may see: the split as `evaluate` makes it, what is held out of notes, users and pairs."""

from __future__ import annotations

import csv

import numpy as np
import pytest

from encoders.corpus import Corpus
from retrieval.evaluation.errors import EvaluationError, SplitMismatch
from retrieval.evaluation.protocol import Interactions, Protocol, ProtocolConfig
from retrieval.evaluation.split import DataDigests, Split
from retrieval.interactions.events import EventFilter
from training.errors import TrainingError
from training.pairs import PairsError, read_pairs
from training.positives import given_pairs, kept_pairs, mined_pairs
from training.recipes.config import Recipe
from training.setting import Source, read_setting


def looks(corpus):
    with (corpus / "interactions.csv").open(encoding="utf-8") as file:
        return [(row["user"], row["note"]) for row in csv.DictReader(file)]


def recipe(**values):
    stage = {"name": "one", "train": ["text"], "steps": 1}
    return Recipe.model_validate({"stages": [stage], **values})


@pytest.fixture(scope="module")
def setting(town):
    return read_setting(Source(Corpus(town)))


def test_the_split_is_the_one_that_evaluate_makes(town, setting):
    data = Interactions.read(Corpus(town), town / "interactions.csv")
    assert setting.split.config == data.split_by()
    assert (setting.split.config.by, setting.split.config.seed) == ("items+users", "town")
    theirs = Protocol.of(data, data.split_by(), ProtocolConfig(stage="validation"))
    assert setting.protocol.pool.notes.ids == theirs.pool.notes.ids
    assert setting.protocol.pool.queries.tolist() == theirs.pool.queries.tolist()


@pytest.mark.parametrize("stage", ["validation", "test"])
def test_pairs_are_of_people_and_notes_that_the_split_leaves(town, tmp_path, stage):
    setting = read_setting(Source(Corpus(town), stage=stage))
    config = setting.split.config
    hidden_notes = {
        n
        for n, role in zip(setting.facts.ids, config.item_roles(setting.facts), strict=True)
        if role >= (2 if stage == "test" else 1)
    }
    users = sorted({user for user, _ in looks(town)})
    hidden_users = {
        u for u, role in zip(users, config.user_roles(users), strict=True) if role >= (2 if stage == "test" else 1)
    }
    assert hidden_notes
    assert hidden_users
    found = mined_pairs(setting, recipe(bounds={"at_least": 0, "top": 100}), tmp_path, True)
    # By dictionaries: whoever is left, and the notes that are, looked at together by at least one of them.
    seen: dict[str, set[str]] = {}
    for user, note in looks(town):
        if user not in hidden_users and note not in hidden_notes:
            seen.setdefault(user, set()).add(note)
    together = {(a, b) for notes in seen.values() for a in notes for b in notes if a != b}
    ids = found.graph.ids
    assert {(ids[a], ids[b]) for a, b in found.graph.pairs.tolist()} == together
    assert set(ids).isdisjoint(hidden_notes)
    assert [note.id for note in found.notes] == list(ids)
    assert set(setting.learnable_ids) == {note for notes in seen.values() for note in notes}


def test_nothing_is_held_out_where_that_was_asked(town, tmp_path):
    setting = read_setting(Source(Corpus(town), stage="none"))
    assert (setting.split, setting.leaks, setting.protocol) == (None, None, None)
    assert len(setting.learnable_ids) == len(setting.facts) == 60
    found = mined_pairs(setting, recipe(bounds={"at_least": 0}), tmp_path, True)
    assert set(found.graph.ids) == set(setting.facts.ids)


def test_a_saved_split_is_taken_and_one_of_other_data_refused(town, setting, write_town, tmp_path):
    again = read_setting(Source(Corpus(town), split=setting.split))
    assert again.split == setting.split
    assert again.learnable_ids == setting.learnable_ids
    other = write_town(tmp_path / "other", seed=1)
    with pytest.raises(SplitMismatch):
        read_setting(Source(Corpus(other), split=setting.split))
    with pytest.raises(TrainingError, match="--stage none nothing"):
        read_setting(Source(Corpus(town), split=setting.split, stage="none"))


def test_a_split_that_counts_some_events_only_has_only_these_mined(tmp_path):
    corpus = tmp_path / "kinds"
    corpus.mkdir()
    (corpus / "notes.jsonl").write_text("".join(f'{{"id": "n{i}", "title": "t{i}"}}\n' for i in range(40)), "utf-8")
    rng = np.random.default_rng(0)
    rows = [f"u{rng.integers(60)},n{rng.integers(40)},{('view', 'click')[rng.integers(2)]}" for _ in range(3000)]
    (corpus / "interactions.csv").write_text("user,note,event\n" + "\n".join(rows) + "\n", "utf-8")
    data = Interactions.read(Corpus(corpus), corpus / "interactions.csv", EventFilter(kinds=("click",)))
    split = Split(config=data.split_by("items"), data=data.digests)
    setting = read_setting(Source(Corpus(corpus), split=split))
    clicks = mined_pairs(setting, recipe(bounds={"top": 100, "at_least": 0}), tmp_path, True)
    assert clicks.report.other_kinds == sum(row.endswith("view") for row in rows)
    with pytest.raises(TrainingError, match="of kinds that do not count"):
        mined_pairs(setting, recipe(mining={"weights": {"view": 1}}), tmp_path, True)


def test_pairs_that_were_given_are_held_against_the_split(town, setting, tmp_path):
    allowed = setting.learnable_ids
    hidden = next(n for n in setting.facts.ids if n not in allowed)
    mined = mined_pairs(setting, recipe(), tmp_path, True)
    ids = mined.graph.ids
    good = [(ids[a], ids[b]) for a, b in mined.graph.pairs.tolist()[:6]]
    path = tmp_path / "given.csv"

    def write(pairs):
        path.write_text("note,positive\n" + "".join(f"{a},{b}\n" for a, b in pairs), "utf-8")
        work = tmp_path / "work"
        work.mkdir(exist_ok=True)
        return work

    found = given_pairs(setting, path, write(good), True)
    assert {(found.graph.ids[a], found.graph.ids[b]) for a, b in found.graph.pairs.tolist()} == set(good)
    assert found.report is None
    kept = kept_pairs(setting, tmp_path / "work", True)
    assert kept is not None
    assert kept.graph.pairs.tolist() == found.graph.pairs.tolist()
    with pytest.raises(EvaluationError, match=f"1 notes are cold, yet in the training data \\({hidden}\\)"):
        given_pairs(setting, path, write([*good, (hidden, good[0][0])]), True)
    found = given_pairs(setting, path, write([*good, ("x1", good[0][0]), ("x1", "笔记")]), True)
    assert found.graph.dropped.unknown == 2
    assert found.remarks == ("pairs left out: 2 of notes that the corpus does not have (such as x1, 笔记)",)
    with pytest.raises(PairsError, match="no pair is of notes that the corpus has"):
        given_pairs(setting, path, write([("a", "b")]), True)
    with pytest.raises(TrainingError, match="no pairs to train on"):
        given_pairs(setting, path, write([]), True)


def test_pairs_without_interactions_need_stage_none(town, tmp_path):
    corpus = tmp_path / "bare"
    corpus.mkdir()
    (corpus / "notes.jsonl").write_bytes((town / "notes.jsonl").read_bytes())
    with pytest.raises(TrainingError, match=r"has no interactions file.*--interactions.*--stage none"):
        read_setting(Source(Corpus(corpus)))
    setting = read_setting(Source(Corpus(corpus), stage="none"))
    path = tmp_path / "pairs.csv"
    path.write_text("note,positive\nn0,n5\nn1,n6\nn0,gone\n", "utf-8")
    found = given_pairs(setting, path, tmp_path, True)
    assert (len(found.graph.pairs), found.graph.dropped.unknown) == (2, 1)
    with pytest.raises(TrainingError, match="no interactions to mine pairs from"):
        mined_pairs(setting, recipe(), tmp_path, True)


@pytest.mark.parametrize(
    ("bounds", "said"),
    [
        ({"at_least": 20.0}, r"none is left; [\d,]+ below --at-least"),
        ({"at_most": 0.0001, "at_least": 0}, r"none is left; [\d,]+ above --at-most"),
        ({"min_users": 10_000}, r"none is left; [\d,]+ below --min-users"),
    ],
)
def test_no_pair_left_says_which_bound_removed_how_many(setting, tmp_path, bounds, said):
    with pytest.raises(TrainingError, match=said) as error:
        mined_pairs(setting, recipe(bounds=bounds), tmp_path, True)
    assert "--set bounds.at_least=0" in str(error.value)


def test_a_corpus_without_a_good_note_says_why(tmp_path):
    corpus = tmp_path / "broken"
    corpus.mkdir()
    rows = [f'{{"id": "n{i}", "title": "t", "image": "gone{i}.png"}}' for i in range(4)] + ['{"id": "e"}']
    (corpus / "notes.jsonl").write_text("\n".join(rows) + "\n", "utf-8")
    (corpus / "interactions.csv").write_text("user,note\nu1,n0\n", "utf-8")
    with pytest.raises(
        TrainingError, match=r"no good note to train on \(missing image: 4, neither text nor image: 1\)"
    ):
        read_setting(Source(Corpus(corpus)))
    (corpus / "interactions.csv").unlink()
    with pytest.raises(TrainingError, match="no good note"):
        read_setting(Source(Corpus(corpus), stage="none"))


def test_remarks_on_what_tells_nothing(write_town, tmp_path):
    corpus = write_town(tmp_path / "plain", change=lambda row: row | {"category": "one"})
    with (corpus / "notes.jsonl").open("a", encoding="utf-8") as file:
        file.write('{"id": "bad"}\n')
    remarks = read_setting(Source(Corpus(corpus))).remarks
    assert "1 rows of the corpus are no good notes (`notelens check` says why)" in remarks
    assert "no note has a picture: training goes by the text alone" in remarks
    assert "all notes that have a category have the same, one: it tells nothing apart" in remarks


def test_too_few_people_to_measure_is_a_remark_not_an_error(write_town, tmp_path):
    setting = read_setting(Source(Corpus(write_town(tmp_path / "small", users=20))))
    assert setting.protocol is None
    assert any(remark.startswith("the encoder is not measured") for remark in setting.remarks)
    assert setting.leaks is not None


def test_notes_that_the_encoder_cannot_read_are_left_out(tmp_path, picture, write_town):
    corpus = write_town(tmp_path / "pictures")
    rows = (corpus / "notes.jsonl").read_text("utf-8").splitlines()
    rows[0] = '{"id": "n0", "image": "n0.png"}'
    (corpus / "notes.jsonl").write_text("\n".join(rows) + "\n", "utf-8")
    picture(1).save(corpus / "n0.png")
    setting = read_setting(Source(Corpus(corpus), stage="none"))
    (tmp_path / "a").mkdir()
    both = mined_pairs(setting, recipe(), tmp_path / "a", pictures=True)
    assert "n0" in both.graph.ids
    words = mined_pairs(setting, recipe(), tmp_path / "a", pictures=False)
    assert set(both.graph.ids) - set(words.graph.ids) == {"n0"}
    assert any(remark.startswith("1 notes in pairs have nothing that the encoder can read") for remark in words.remarks)
    assert [note.id for note in words.notes] == list(words.graph.ids)


def test_a_file_of_pairs_by_mining_keeps_its_counts(setting, tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    mined = mined_pairs(setting, recipe(), tmp_path / "a", True)
    given = given_pairs(setting, tmp_path / "a" / "pairs.parquet", tmp_path / "b", True)
    assert given.report == mined.report
    assert given.as_json() == mined.as_json()
    assert mined.as_json()["pairs"] == mined.report.pairs == len(read_pairs(tmp_path / "a" / "pairs.parquet"))


def test_digests_without_interactions_tell_the_notes(town, tmp_path):
    corpus = tmp_path / "bare"
    corpus.mkdir()
    (corpus / "notes.jsonl").write_bytes((town / "notes.jsonl").read_bytes())
    with_file, without = (read_setting(Source(Corpus(path), stage="none")) for path in (town, corpus))
    assert isinstance(without.digests, DataDigests)
    assert without.digests.notes == with_file.digests.notes
    assert without.digests.interactions != with_file.digests.interactions
