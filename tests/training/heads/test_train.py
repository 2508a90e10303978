"""Heads trained on a few topics: they find them again, are saved whole, and see nothing that they must not."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from encoders import Note, NoteEncoder, TowersConfig, from_pretrained
from encoders.heads.config import HeadsConfig
from encoders.heads.heads import Heads, HeadsModule
from encoders.heads.words import IGNORED
from encoders.suggestion import Suggestion
from training.errors import TrainingError
from training.heads.aside import outvoted
from training.heads.batches import Taught
from training.heads.fit import _Best, _schedule, fit, judge
from training.heads.targets import is_aside
from training.heads.train import train_heads, with_heads
from training.heads.vocabulary import TagVocabulary
from training.recipes.config import HeadsStage

DIM = 16
STAGE = HeadsStage(epochs=25, batch=8, lr=1e-2, width=32, layers=1, min_notes=3, share=0.2, dropout=0.0, patience=None)
TOPICS = {"soup": ("food", ("ramen", "拉面", "broth")), "hill": ("trips", ("hike", "dawn run")), "song": (None, ())}


class Tower:
    """Words to points near their topic's; counts what it encodes, and remembers which fields it was to read."""

    dim = DIM

    def __init__(self):
        rng = np.random.default_rng(0)
        self.centres = {name: rng.normal(size=DIM) for name in TOPICS}
        self.encoded, self.fields = 0, set()

    def read(self, note, fields):
        self.fields.add(tuple(fields))
        return " ".join(getattr(note, name) for name in fields).strip()

    def encode(self, texts):
        self.encoded += len(texts)
        rows = np.zeros((len(texts), DIM), dtype=np.float32)
        for row, text in zip(rows, texts, strict=True):
            if text:
                name, number = text.split()
                row[:] = self.centres[name] + 0.3 * np.random.default_rng(int(number)).normal(size=DIM)
                row /= np.linalg.norm(row)
        return rows


def notes(count=60):
    rows = []
    for i in range(count):
        name = list(TOPICS)[i % 3]
        category, tags = TOPICS[name]
        rows.append(Note(id=f"n{i}", title=name, body=str(i), tags=tags, category=category))
    return rows


@pytest.fixture
def encoder():
    return SimpleNamespace(text=Tower(), config=TowersConfig())


def suggested(trained, encoder, texts):
    return Heads(trained.config, DIM).suggest(encoder.text.encode(texts))


def test_they_find_topics_again(encoder, tmp_path):
    told = []

    def on_progress(title, total):
        told.append([title, total, 0])
        return lambda count, row=told[-1]: row.__setitem__(2, row[2] + count)

    trained = train_heads(encoder, notes(), STAGE, tmp_path / "heads", seed=1, on_progress=on_progress)
    assert encoder.text.encoded == 60  # once, whatever the epochs
    assert encoder.text.fields == {("title", "body")}
    soup, hill = suggested(trained, encoder, ["soup 1001", "hill 1002"])
    assert soup.category == "food"
    assert set(soup.tags[:3]) == {"ramen", "拉面", "broth"}
    assert hill.category == "trips"
    assert set(hill.tags[:2]) == {"hike", "dawn run"}
    assert trained.config.categories == ("food", "trips")
    # Two topics of three teach; each has 20 notes.
    aside = [note for note in notes() if is_aside(note, 0.2, 1)]
    assert trained.figures["notes"] == 40 - sum(bool(note.tags) for note in aside)
    assert trained.figures["notes aside"] == len(aside)
    assert trained.figures["category accuracy"] == 1
    assert trained.figures["tag R@5"] == 1
    assert trained.remarks == ()
    assert told[0] == ["encoding for the heads", 60, 60]
    assert told[1] == ["training heads", 25 * trained.figures["notes"], 25 * trained.figures["notes"]]


def test_a_seed_decides_everything(encoder, tmp_path):
    def weights(seed, name):
        stage = STAGE.model_copy(update={"epochs": 2.0, "dropout": 0.2})
        train_heads(encoder, notes(), stage, tmp_path / name, seed)
        return (tmp_path / name / "heads.safetensors").read_bytes()

    assert weights(1, "a") == weights(1, "b") != weights(2, "c")


def test_without_categories_hashtags_alone(encoder, tmp_path):
    bare = [note.model_copy(update={"category": "all"}) for note in notes()]
    trained = train_heads(encoder, bare, STAGE, tmp_path / "heads")
    (soup,) = suggested(trained, encoder, ["soup 1001"])
    assert soup.category is None
    assert "ramen" in soup.tags
    assert "only 'all' has" in trained.remarks[0]
    assert "category accuracy" not in trained.figures or trained.figures["category accuracy"] == 0


def test_without_hashtags_a_category_alone(encoder, tmp_path):
    bare = [note.model_copy(update={"tags": ()}) for note in notes()]
    trained = train_heads(encoder, bare, STAGE, tmp_path / "heads")
    assert suggested(trained, encoder, ["soup 1001", "hill 7"]) == [Suggestion((), "food"), Suggestion((), "trips")]
    assert trained.remarks == ("no hashtags are suggested: none of 60 notes has any",)


@pytest.mark.parametrize("seed", [0, 1, 2, 3])
def test_what_learnt_no_hashtags_ends_at_once(encoder, tmp_path, seed):
    """Nothing is written that would have to be thrown away, whatever the decoder's random weights would say."""
    bare = [note.model_copy(update={"tags": ()}) for note in notes(12)]
    trained = train_heads(encoder, bare, STAGE.model_copy(update={"epochs": 1.0}), tmp_path / "heads", seed)
    heads = Heads(trained.config, DIM)
    vectors = torch.from_numpy(encoder.text.encode([f"{name} {i}" for i in range(5) for name in TOPICS]))
    written = heads.module.decoder.generate(vectors, heads.words.start, heads.words.end, heads.words.refused)
    assert written == [[heads.words.end]] * len(vectors)


def test_notes_without_words_teach_nothing(encoder, tmp_path):
    silent = [note.model_copy(update={"title": "", "body": ""}) for note in notes()]
    with pytest.raises(TrainingError, match="none of 60 notes has words"):
        train_heads(encoder, silent, STAGE, tmp_path / "heads")
    some = [*notes()[:30], *silent[30:]]
    trained = train_heads(encoder, some, STAGE.model_copy(update={"epochs": 1.0}), tmp_path / "heads")
    taught = [note for note in some if note.tags and note.title and not is_aside(note, 0.2, 0)]
    assert trained.figures["notes"] == len(taught)


def test_nothing_aside(encoder, tmp_path):
    trained = train_heads(encoder, notes(), STAGE.model_copy(update={"share": 0.0, "epochs": 1.0}), tmp_path / "heads")
    assert "no note was kept aside" in trained.remarks[0]
    assert set(trained.figures) == {"notes", "notes aside", "epochs"}


def test_training_ends_when_nothing_gets_better(encoder, tmp_path):
    rng = np.random.default_rng(5)
    senseless = [
        note.model_copy(update={"category": rng.choice(["a", "b"]).item(), "tags": (rng.choice(["x", "y"]).item(),)})
        for note in notes()
    ]
    stage = STAGE.model_copy(update={"patience": 2, "epochs": 100.0})
    trained = train_heads(encoder, senseless, stage, tmp_path / "heads")
    assert 3 <= trained.figures["epochs"] < 60


def test_a_limit_of_time(encoder, tmp_path, monkeypatch):
    ticks = iter(range(10_000))
    monkeypatch.setattr("training.heads.fit.monotonic", lambda: float(next(ticks)))
    encoding = iter((100.0, 105.0))
    monkeypatch.setattr("training.heads.train.monotonic", lambda: next(encoding))
    trained = train_heads(encoder, notes(), STAGE, tmp_path / "heads", max_seconds=12)
    (remark,) = trained.remarks
    batches = math.ceil(trained.figures["notes"] / STAGE.batch)
    assert remark == f"the heads' training was cut short after {12 - 5} of {25 * batches:,} steps"


def test_bad_input(encoder, tmp_path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").write_text("x")
    with pytest.raises(TrainingError, match="is not empty"):
        train_heads(encoder, notes(), STAGE, tmp_path / "full")
    encode = encoder.text.encode
    encoder.text.encode = lambda texts: encode(texts) * np.float32("nan")
    with pytest.raises(TrainingError, match="vectors that are no numbers"):
        train_heads(encoder, notes(), STAGE, tmp_path / "heads")
    encoder.text.encode = encode
    with pytest.raises(TrainingError, match="loss is nan at step"):
        train_heads(encoder, notes(), STAGE.model_copy(update={"lr": 1e30}), tmp_path / "heads")
    encoder.text.suggest_tags = lambda *_: []
    with pytest.raises(TrainingError, match="writes hashtags and categories itself"):
        train_heads(encoder, notes(), STAGE, tmp_path / "heads")


def test_the_best_weights_are_kept():
    part = torch.nn.Linear(1, 1)
    best = _Best(part)
    for loss, value in ((3.0, 0.0), (1.0, 1.0), (2.0, 2.0), (None, 3.0)):
        torch.nn.init.constant_(part.weight, value)
        best.see(loss)
    assert (best.loss, best.waited) == (1.0, 1)
    best.restore()
    assert part.weight.item() == 1.0


def test_a_module_is_left_at_its_best():
    """Labels without sense: after the first epochs the notes aside are understood worse and worse."""
    config = HeadsConfig(seed=0, categories=("a", "b"), width=16, layers=1, heads=2, max_tokens=8)
    heads = Heads(config, DIM)
    vocabulary = TagVocabulary(heads.words, ["x", "y"], 8)
    rng = np.random.default_rng(0)

    def drawn(count):
        vectors = rng.normal(size=(count, DIM)).astype(np.float32) / DIM**0.5
        tags = tuple(vocabulary.pieces([rng.choice(["x", "y"]).item()]) for _ in range(count))
        return Taught(vectors, tags, tuple(rng.integers(0, 2, count).tolist()), 1)

    learnt, aside = drawn(30), drawn(30)
    module = HeadsModule(config, DIM, vocabulary.size)
    module.load_state_dict(vocabulary.compact(heads.module.state_dict()))
    stage = STAGE.model_copy(update={"epochs": 20.0, "lr": 3e-2})
    fitted = fit(module, learnt, aside, vocabulary, stage, 0)
    assert judge(module, aside, vocabulary) == pytest.approx((fitted.tags, fitted.category), rel=1e-5)
    last = HeadsModule(config, DIM, vocabulary.size)
    last.load_state_dict(vocabulary.compact(heads.module.state_dict()))
    fit(last, learnt, Taught(aside.vectors[:0], (), (), 1), vocabulary, stage, 0)
    worse = judge(last, aside, vocabulary)
    assert worse[0] > fitted.tags
    assert worse[1] > fitted.category


def test_notes_aside_are_judged_by_f1_and_by_wrong_categories(monkeypatch):
    config = HeadsConfig(seed=0, categories=("a", "b"), width=16, layers=1, heads=2, max_tokens=8)
    vocabulary = TagVocabulary(Heads(config, DIM).words, ["x", "y", "z"], 8)
    (x, y, z), comma = vocabulary.pieces(["x", "y", "z"]), vocabulary.comma
    module = HeadsModule(config, DIM, vocabulary.size)
    torch.nn.init.zeros_(module.category[-1].weight)
    torch.nn.init.zeros_(module.category[-1].bias)
    aside = Taught(np.ones((4, DIM), np.float32), ((x, y), (z,), (), (x,)), (0, IGNORED, 1, 0), 1)
    says = [[*x, comma, *x, comma, *z, vocabulary.end], [*x, comma], [*y, comma], [vocabulary.end]]
    monkeypatch.setattr(module.decoder, "generate", lambda *_: says)
    # One of two is right, x and z against x and y: F1 = 2·1/(2 + 2). Then 0, not counted for want of tags, 0. Of equal
    # logits the first category is taken, which two notes of three have.
    assert judge(module, aside, vocabulary) == pytest.approx((1 - (0.5 + 0 + 0) / 3, 1 / 3))


def test_the_learning_rate():
    assert _schedule(0.0, 0.0) == pytest.approx(0.01)
    assert _schedule(0.05, 0.05) == pytest.approx(0.51 * 0.5 * (1 + math.cos(math.pi * 0.05)))
    assert _schedule(0.5, 0.5) == pytest.approx(0.5)
    assert _schedule(1.0, 0.2) == pytest.approx(0.0)  # the time was up


def test_behind_an_encoder_and_saved(tmp_path):
    encoder = NoteEncoder(precision="float32")
    rows = [Note(id=f"n{i}", title=t, body=b, tags=tags, category=c) for i, (t, b, tags, c) in enumerate(ROWS * 6)]
    stage = STAGE.model_copy(update={"epochs": 60.0, "share": 0.0})
    trained = train_heads(encoder, rows, stage, tmp_path / "heads")
    able = with_heads(encoder, trained.config)
    assert encoder.heads is None
    assert able.fingerprint == encoder.fingerprint
    asked = [Note(title="Noodles in a broth"), Note(title="A walk up the mountain", tags=("x",))]
    found = able.suggest_tags(asked, 2)
    assert [one.category for one in found] == ["food", "trips"]
    assert set(found[0].tags) == {"ramen", "拉面"}
    able.save_pretrained(tmp_path / "encoder")
    assert from_pretrained(tmp_path / "encoder", "float32").suggest_tags(asked, 2) == found


ROWS = [
    ("Ramen soup", "noodles in broth", ("ramen", "拉面"), "food"),
    ("Cooking stock", "a pot of noodles", ("ramen", "拉面"), "food"),
    ("A hike at dawn", "boots and a mountain", ("hike", "hills"), "trips"),
    ("The summit", "walking up a ridge", ("hike", "hills"), "trips"),
]


def test_of_many_notes_few_are_kept_aside(encoder, tmp_path, monkeypatch):
    monkeypatch.setattr("training.heads.train.ASIDE", 6)  # of 60
    trained = train_heads(encoder, notes(), STAGE.model_copy(update={"epochs": 1.0}), tmp_path / "heads", seed=1)
    aside = sum(is_aside(note, 0.1, 1) for note in notes())
    assert trained.figures["notes aside"] == aside < sum(is_aside(note, 0.2, 1) for note in notes())


def test_neighbours_are_measured_beside_them(encoder, tmp_path):
    learnt = train_heads(encoder, notes(), STAGE, tmp_path / "learnt", seed=1)
    assert learnt.figures["neighbours' category accuracy"] == 1
    assert learnt.figures["neighbours' tag R@5"] == 1
    assert learnt.config.outvoted == ()  # as good is good enough
    unlearnt = train_heads(encoder, notes(), STAGE.model_copy(update={"lr": 1e-9}), tmp_path / "unlearnt", seed=1)
    same = "neighbours' tag F1@5"  # less than 1: where hashtags end, votes do not know
    assert unlearnt.figures["tag F1@5"] < unlearnt.figures[same] == learnt.figures[same] < learnt.figures["tag F1@5"]
    assert unlearnt.config.outvoted[0] == "hashtags"
    assert ("category" in unlearnt.config.outvoted) == (unlearnt.figures["category accuracy"] < 1)


@pytest.mark.parametrize(
    ("heads", "neighbours", "expected"),
    [
        ({}, {}, ()),
        ({"tag F1@5": 0.2}, {"tag F1@5": 0.3}, ("hashtags",)),
        ({"tag F1@5": 0.3, "category accuracy": 0.4}, {"tag F1@5": 0.3, "category accuracy": 0.5}, ("category",)),
        ({"tag F1@5": 0.3}, {"tag F1@5": 0.4, "category accuracy": 0.1}, ("hashtags", "category")),
        ({"tag F1@5": 0.3, "category accuracy": 0.2}, {}, ()),
    ],
)
def test_who_is_outvoted(heads, neighbours, expected):
    assert outvoted(heads, neighbours) == expected
