"""A whole training with a tiny encoder: what it leaves, what it may see, and how it goes on after it stopped."""

from __future__ import annotations

import errno
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from encoders.corpus import Corpus
from encoders.load import from_pretrained, load_encoder, resolve_config
from encoders.note import Note
from encoders.text.stock import find_minilm
from retrieval.evaluation.entries import encoder_entries
from retrieval.evaluation.errors import LeakFound
from retrieval.evaluation.evaluate import EvaluationConfig, evaluate
from retrieval.evaluation.protocol import Interactions, Protocol, ProtocolConfig
from retrieval.evaluation.split import Split
from training import stages as stages_room
from training import train as train_room
from training.errors import TrainingError
from training.loop.errors import Interrupted
from training.pairs import PairsError
from training.recipes.read import parse_recipe
from training.setting import Source
from training.train import Task, train

BATCH, RATE = {"pairs": 4}, {"lr": 1e-2, "warmup": 0}
FIRST = {"name": "first", "train": ["fusion"], "steps": 2, "batch": BATCH, "optimiser": RATE}
SECOND = {"name": "second", "train": ["text", "fusion"], "steps": 2, "evaluate": 2, "batch": BATCH, "optimiser": RATE}
# Without a projection, which begins at random, the first figures are the start's own.
CHANGES = {"image": {"tower": "none"}, "projection": {"seed": 0, "hidden": 0}}


@pytest.fixture(scope="module")
def start(tmp_path_factory):
    """A small text model with random weights, by the name that encoders have."""
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    folder = tmp_path_factory.mktemp("models") / "bert"
    shape = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    with torch.random.fork_rng():
        torch.manual_seed(1)
        BertModel(BertConfig(vocab_size=30_522, initializer_range=0.1, **shape)).save_pretrained(folder)
    special = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    stock = PreTrainedTokenizerFast(tokenizer_file=str(find_minilm() / "tokenizer.json"), **special)
    stock.save_pretrained(folder)
    return f"transformer:{folder}"


@pytest.fixture(scope="module")
def task(town, start):
    """Put together a task: task(out, stages, and fields of source, task and recipe)."""

    def make(out, stages=(FIRST, SECOND), **more):
        source = {name: more.pop(name) for name in ("stage", "split", "seed") if name in more}
        rest = {name: more.pop(name) for name in ("pairs", "minutes", "resume") if name in more}
        recipe = {"encoder": start, "changes": CHANGES, "stages": list(stages), **more}
        return Task(Source(Corpus(town), **source), parse_recipe(recipe), out, precision="float32", **rest)

    return make


def files(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*.safetensors")}


@pytest.fixture(scope="module")
def done(task, tmp_path_factory):
    """One training from beginning to end."""
    return train(task(tmp_path_factory.mktemp("done") / "encoder"))


@pytest.fixture(scope="module")
def data(town):
    return Interactions.read(Corpus(town), town / "interactions.csv")


def test_the_encoder_is_trained_and_opens(done, town, start):
    encoder = from_pretrained(done.out, "float32")
    notes = [row.note for row in Corpus(town)][:3]
    before = load_encoder(resolve_config(start), "float32")
    assert (encoder.fingerprint == before.fingerprint) is False
    own, old = (each.text.encode([each.text.read(note, ("title",)) for note in notes]) for each in (encoder, before))
    assert (np.abs(own - old).max(axis=1) > 1e-4).all()
    assert [stage["steps"] for stage in done.record["stages"]] == [2, 2]


def test_its_figures_are_those_of_evaluate(done, data, start):
    protocol = Protocol.of(data, Split.load(done.out / "split.json"), ProtocolConfig(stage="validation"))
    measures = ("nDCG@10", "R@10", "R@100")
    encoders = {
        "zero-shot": load_encoder(resolve_config(start), "float32"),
        "trained": from_pretrained(done.out, "float32"),
    }
    for name, encoder in encoders.items():
        entries = list(encoder_entries(protocol, name, lambda encoder=encoder: encoder, readings=("both",)))
        found = evaluate(protocol.pool, entries, EvaluationConfig(measures, rounds=100)).systems[0]
        expected = {measure: found.metrics[measure].value for measure in measures}
        assert done.record["evaluation"][name] == pytest.approx(expected, abs=1e-6)
    assert done.record["stages"][-1]["evaluation"] == pytest.approx(done.record["evaluation"]["trained"], abs=1e-6)


def test_training_json_says_what_it_was_made_of(done, data, start, task):
    record = json.loads((done.out / "training.json").read_text("utf-8"))
    assert record == json.loads(json.dumps(done.record))
    (trained,) = record["trained_on"]
    assert (trained["corpus"], trained["stage"]) == ("town", "validation")
    assert trained["data"] == data.digests.model_dump(mode="json")
    assert Split.model_validate(trained["split"]) == Split.load(done.out / "split.json")
    assert trained["split"]["config"]["by"] == "items+users"
    assert parse_recipe(record["recipe"]) == task(done.out).recipe
    assert record["parent"] == {"encoder": start, "fingerprint": load_encoder(resolve_config(start)).fingerprint}
    assert record["counts"]["pairs"] == record["counts"]["mining"]["pairs"]
    assert record["counts"]["notes"] == 60
    assert record["versions"]["torch"]


def test_the_card_shows_before_and_after(done):
    card = (done.out / "README.md").read_text("utf-8")
    for name, row in done.record["evaluation"].items():
        assert f"| {name} | {row['nDCG@10']:.4f} | {row['R@10']:.4f} | {row['R@100']:.4f} |" in card
    assert "validation and test are held out" in card
    assert "| training |" in card
    assert "| bert (a local folder) | not recorded here" in card
    # Where it was made says nothing to those who have it.
    assert "encoder.training" not in card


def test_the_working_folder_keeps_what_people_read(done):
    work = done.out.with_name("encoder.training")
    left = {path.relative_to(work).as_posix() for path in work.rglob("*") if path.is_file()}
    assert {"recipe.toml", "pairs.parquet", "state.json", "stages/first/metrics.jsonl"} <= left
    assert not any(name.endswith(".safetensors") for name in left)
    lines = [json.loads(line) for line in (work / "stages/second/metrics.jsonl").read_text("utf-8").splitlines()]
    assert [line["step"] for line in lines if "loss" in line] == [1, 2]


def test_one_that_stopped_goes_on_to_the_same_weights(done, task, tmp_path, monkeypatch):
    out, ran = tmp_path / "encoder", []
    whole = stages_room.train_stage

    def stopping(*arguments):
        ran.append(arguments[3].name)
        if arguments[3].name == "second" and ran.count("second") == 1:
            raise Interrupted("stopped")
        return replace(whole(*arguments), remarks=("a remark",))

    mined = train_room.mined_pairs

    def remarking(*arguments):
        return replace(mined(*arguments), remarks=("of mining",))

    monkeypatch.setattr(train_room, "mined_pairs", remarking)
    monkeypatch.setattr(stages_room, "train_stage", stopping)
    with pytest.raises(Interrupted):
        train(task(out))
    assert not out.exists()
    with pytest.raises(TrainingError, match="is there already: go on from it with --resume"):
        train(task(out))
    other = FIRST | {"optimiser": {"lr": 5e-4, "warmup": 0}}
    with pytest.raises(TrainingError, match=r"recipe\.stages\.first\.optimiser\.lr was 0\.01 and is now 0\.0005"):
        train(task(out, [other, SECOND], resume=True))
    with pytest.raises(TrainingError, match=r"split\.seed was \"town\" and is now \"else\""):
        train(task(out, resume=True, seed="else"))
    again = train(task(out, resume=True))
    assert ran == ["first", "second", "second"]
    assert again is not None
    assert files(out) == files(done.out)
    told = [remark for remark in again.record["remarks"] if remark.startswith("stage ")]
    assert told == ["stage first: a remark", "stage second: a remark"]
    assert again.record["remarks"].count("of mining") == 1  # which was done by the run before
    assert again.record["evaluation"] == done.record["evaluation"]
    assert [stage["name"] for stage in again.record["stages"]] == ["first", "second"]


def test_what_is_held_out_is_read_by_nobody(data, task, tmp_path, monkeypatch):
    read, make, taught = set(), stages_room.make_trainee, []
    teach = stages_room.train_heads

    def watched(*arguments):
        trainee = make(*arguments)
        inner = trainee.read
        trainee.read = lambda note: (read.add(note.id), inner(note))[1]
        return trainee

    def teaching(encoder, notes, *rest):
        taught.extend(note.id for note in notes)
        return teach(encoder, notes, *rest)

    monkeypatch.setattr(stages_room, "make_trainee", watched)
    monkeypatch.setattr(stages_room, "train_heads", teaching)
    epoch = FIRST | {"steps": None, "epochs": 1, "batch": {"pairs": 16}}
    heads = {"name": "heads", "kind": "heads", "epochs": 1, "min_notes": 2}
    result = train(task(tmp_path / "encoder", [epoch, heads], stage="test"))
    assert result is not None
    split = Split.load(result.out / "split.json")
    roles = dict(zip(data.facts.ids, split.config.item_roles(data.facts).tolist(), strict=True))
    assert {roles[note_id] for note_id in read} == {0, 1}
    # All of them in an epoch, but for a few whose pairs found no place in a batch.
    assert len(read) > 0.8 * sum(role < 2 for role in roles.values())
    assert {roles[note_id] for note_id in taught} == {0, 1}
    assert result.record["stages"][0]["best"] is None
    assert "test queries" in result.record["evaluated_on"]
    (suggestion,) = from_pretrained(result.out).suggest_tags([Note(title="ramen")])
    assert suggestion.category in {f"on {topic}" for topic in ("ramen", "hiking", "cello", "猫", "chess")}


def test_nothing_is_measured_where_nothing_is_held_out(task, tmp_path):
    result = train(task(tmp_path / "encoder", [FIRST], stage="none"))
    assert result is not None
    assert result.record["evaluation"] == {}
    assert result.record["trained_on"][0]["split"] is None
    assert not (result.out / "split.json").exists()
    # What was trained on everything may not be a start for what is measured.
    with pytest.raises(LeakFound, match="nothing was held out"):
        train(task(tmp_path / "other", encoder=str(result.out), changes={}))
    assert not (tmp_path / "other.training").exists()


def test_heads_without_anything_to_learn_cost_the_heads_alone(task, write_town, tmp_path):
    bare = write_town(tmp_path / "bare", change=lambda row: row | {"tags": [], "category": None})
    made = task(tmp_path / "encoder", [FIRST, {"name": "heads", "kind": "heads"}])
    source = Source(Corpus(bare), stage="none")
    result = train(Task(source, made.recipe, made.out, precision="float32"))
    assert result is not None
    assert any(remark.startswith("stage heads was left out: ") for remark in result.remarks)
    assert from_pretrained(result.out).config.heads is None


def test_training_goes_on_from_a_trained_encoder_and_remembers_both(done, task, tmp_path):
    one = SECOND | {"steps": 1}
    result = train(task(tmp_path / "encoder", [one], encoder=str(done.out), changes={}, stage="test"))
    assert result is not None
    assert [each["stage"] for each in result.record["trained_on"]] == ["test", "validation"]
    saved = tmp_path / "copy"
    from_pretrained(result.out, "float32").save_pretrained(saved)
    copied = json.loads((saved / "training.json").read_text("utf-8"))
    assert copied["trained_on"] == result.record["trained_on"]


def full(*_):
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("when", ["stage", "end"])
def test_a_full_disk_loses_nothing_that_was_saved(done, task, tmp_path, monkeypatch, when):
    from encoders.note_encoder import NoteEncoder
    from training.trainees.towers import TowersTrainee

    out = tmp_path / "encoder"
    owner, name = (TowersTrainee, "save") if when == "stage" else (NoteEncoder, "save_pretrained")
    with monkeypatch.context() as patch:
        # The evaluator saves as well; what a stage ends with is to fail.
        patch.setattr(stages_room, "StageEvaluator", lambda *_: None)
        patch.setattr(owner, name, full)
        with pytest.raises(TrainingError, match=r"the disk is full.*go on with --resume"):
            train(task(out))
    assert not out.exists()
    result = train(task(out, resume=True))
    assert result is not None
    assert files(out) == files(done.out)


def test_a_full_disk_while_a_stage_is_measured(task, tmp_path, monkeypatch):
    from training.trainees.towers import TowersTrainee

    monkeypatch.setattr(TowersTrainee, "save", full)
    with pytest.raises(TrainingError, match=r"the disk is full.*go on with --resume"):
        train(task(tmp_path / "encoder", [FIRST | {"evaluate": 1}]))
    assert not list((tmp_path / "encoder.training/stages/first").glob("evaluated-*"))


def test_what_is_in_the_way_is_told_before_anything_is_read(task, tmp_path):
    out = tmp_path / "encoder"
    out.mkdir()
    with pytest.raises(TrainingError, match="is there already: name a new folder"):
        train(task(out))
    out.rmdir()
    work = tmp_path / "encoder.training"
    work.mkdir()
    (work / "diary.txt").write_text("mine", "utf-8")
    with pytest.raises(TrainingError, match=r"no folder of a training \(diary\.txt is in it\)"):
        train(task(out))
    assert (work / "diary.txt").read_text("utf-8") == "mine"


def test_a_start_that_failed_is_not_in_the_way(task, tmp_path):
    out = tmp_path / "encoder"
    with pytest.raises(TrainingError, match="none is left"):
        train(task(out, bounds={"min_users": 10_000}))
    with pytest.raises(TrainingError, match="tower"):
        train(task(out, [FIRST | {"train": ["tower"]}]))
    pairs = tmp_path / "pairs.csv"
    pairs.write_text("note,positive\na,b\n", "utf-8")
    with pytest.raises(PairsError, match="no pair is of notes that the corpus has"):
        train(task(out, pairs=pairs))
    with pytest.raises(TrainingError, match="cannot be read as pairs"):
        train(task(out, pairs=tmp_path))
    assert not Path(out).exists()


def test_time_ends_every_stage(task, tmp_path):
    long = [stage | {"steps": 100_000} for stage in (FIRST, SECOND)]
    result = train(task(tmp_path / "encoder", long, minutes=0.02, stage="none"))
    assert result is not None
    assert [stage["ended"] for stage in result.record["stages"]] == ["time", "time"]
    assert result.record["minutes"] < 1


def test_a_loss_that_is_no_number_names_the_batch_and_the_way_on(task, tmp_path):
    wild = SECOND | {"optimiser": {"lr": 1e38, "warmup": 0}, "steps": 20}
    with pytest.raises(TrainingError) as error:
        train(task(tmp_path / "encoder", [wild]))
    assert "finite" in str(error.value)
    saved = list((tmp_path / "encoder.training/stages/second").glob("*.json"))
    assert saved
    assert str(saved[0]) in str(error.value)
    assert not (tmp_path / "encoder").exists()


@pytest.mark.parametrize(("part", "said"), [("text", "by words alone"), ("image", "by pictures alone")])
def test_a_stage_that_trains_by_what_no_note_has_is_refused(task, write_town, tmp_path, part, said):
    Image.new("RGB", (40, 30), (200, 30, 30)).save(tmp_path / "red.png")

    def change(row):
        return row if part == "image" else {"id": row["id"], "images": ["red.png"]}

    other = write_town(tmp_path / "other", change=change)
    (tmp_path / "red.png").rename(other / "red.png")
    stage = {"name": "alone", "train": [part], "steps": 1, "batch": BATCH}
    changes = {"image": {"tower": "open_clip", "model": "tiny", "seed": 0}}
    made = task(tmp_path / "out", (stage,), changes=changes)
    with pytest.raises(TrainingError, match=f"stage alone trains {said}, and none of the 60 notes"):
        train(replace(made, source=Source(Corpus(other), split=None, stage="none")))
