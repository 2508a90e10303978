"""train: from a corpus to an encoder folder by one command, and what it says of mistakes."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from app.errors import FAILED, USAGE

ROOT = Path(__file__).parents[3]
TOPICS = ("ramen", "hiking", "cello", "猫")
SMALL = """
encoder = "minilm"
changes = { image = { tower = "none" }, projection = { seed = 0, hidden = 0, text = 8 } }
[[stages]]
name = "fuse"
train = ["fusion"]
steps = 3
batch = { pairs = 4 }
"""


@pytest.fixture(scope="module")
def town(tmp_path_factory):
    """A corpus of 40 notes of four topics, 250 people who like two of them each, and a small recipe."""
    folder = tmp_path_factory.mktemp("cli") / "stadt"
    folder.mkdir()
    notes = [{"id": f"n{i}", "title": f"{TOPICS[i % 4]} {i}", "tags": [TOPICS[i % 4]]} for i in range(40)]
    (folder / "notes.jsonl").write_text("".join(json.dumps(note) + "\n" for note in notes), "utf-8")
    rng = np.random.default_rng(0)
    lines = ["user,note"]
    for user in range(250):
        liked = rng.choice(4, 2, replace=False)
        lines += [f"u{user},n{i}" for i in range(40) if i % 4 in liked and rng.random() < 0.7]
    (folder / "interactions.csv").write_text("\n".join(lines) + "\n", "utf-8")
    (folder.parent / "small.toml").write_text(SMALL, "utf-8")
    return folder


@pytest.fixture
def train(here, town):
    """Run `notelens train` on the town in this process."""
    return lambda *arguments: here("train", town, "--recipe", town.parent / "small.toml", *arguments)


@pytest.fixture(scope="module")
def made(notelens, town):
    """An encoder that the command made, as a child, and what it printed."""
    out = town.parent / "encoder"
    options = ("--recipe", town.parent / "small.toml", "--out", out, "--seed", 3, "--set", "stages.fuse.steps=2")
    return out, notelens("train", town, *options, "--json").checked()


def test_json_says_what_was_trained_on_what(made, town):
    out, run = made
    found = run.json
    assert found["encoder"] == str(out)
    assert (found["seed"], found["stages"][0]["steps"]) == (3, 2)
    assert found["trained_on"][0]["corpus"] == "stadt"
    assert set(found["evaluation"]) == {"zero-shot", "trained"}
    assert json.loads((out / "training.json").read_text("utf-8")) == {k: v for k, v in found.items() if k != "encoder"}
    assert "Traceback" not in run.err


def test_what_comes_next_works_as_it_is_printed(train, here, town, tmp_path):
    out = tmp_path / "my encoder"
    said = train("--out", out).checked()
    assert "fuse" in said.out
    assert "zero-shot" in said.out
    build, evaluate = (shlex.split(line)[1:] for line in said.err.splitlines() if line.startswith("  notelens "))
    here(*build).checked()
    done = here(*evaluate, "--baseline", "none", "--no-ablation", "--json").checked()
    ours = done.json["systems"][0]["metrics"]["nDCG@10"]["value"]
    record = json.loads((out / "training.json").read_text("utf-8"))
    assert ours == pytest.approx(record["evaluation"]["trained"]["nDCG@10"], abs=2e-3)  # bfloat16, perhaps


@pytest.mark.parametrize("as_index", [False, True])
def test_evaluate_refuses_what_was_trained_on_what_it_asks(made, here, town, tmp_path, as_index):
    system = made[0]
    if as_index:
        system = tmp_path / "index"
        here("build", town, "--encoder", made[0], "--out", system).checked()
    asked = ("evaluate", system, "--corpus", town, "--baseline", "none", "--no-ablation")
    said = here(*asked, "--seed", "another").checked(FAILED)
    assert "was trained on these notes or interactions with another split" in said.err
    here(*asked, "--stage", "validation", "--json").checked()  # the same rule of splitting, seeded by the corpus' name


def test_recipes_are_listed(here):
    said = here("train", "--recipes").checked()
    for name in ("clip", "fusion", "minilm", "notellm", "notellm2", "sentence-transformers"):
        assert name in said.out
    assert set(here("train", "--recipes", "--json").checked().json) >= {"minilm", "notellm2"}


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ((), USAGE, "name the encoder folder to make"),
        (("--out", "OUT", "--set", "stages.fuse.optimiser.learning_rate=1"), FAILED, "is no field"),
        (("--out", "OUT", "--set", "stages.tune.steps=1"), FAILED, "its stages are fuse"),
        (("--out", "OUT", "--recipe", "minlim"), FAILED, "did you mean minilm?"),
        (("--out", "OUT", "--split", "halves"), USAGE, "nor one of time, items, users, items+users"),
        (("--out", "OUT", "--split", "time"), FAILED, "no times"),
        (("--out", "OUT", "--stage", "none", "--split", "items"), USAGE, "holds nothing out"),
        (("--out", "OUT", "--encoder", "bert"), FAILED, "no encoder 'bert'"),
        (("--out", "OUT", "--set", "bounds.min_users=9999"), FAILED, "below --min-users"),
        (("--out", "TAKEN"), FAILED, "is there already"),
    ],
)
def test_mistakes_are_told_with_the_right_code(train, tmp_path, arguments, code, said):
    (tmp_path / "taken").mkdir()
    places = {"OUT": tmp_path / "out", "TAKEN": tmp_path / "taken"}
    found = train(*(places.get(each, each) for each in arguments)).checked(code)
    assert said in " ".join(found.err.replace("│", " ").split())
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ('stages.fuse.train=["image"]', "stage fuse: there is no part image to train"),
        ("stages.fuse.loss.views={image=1}", "stage fuse: loss.views names image"),
        ("stages.fuse.loss.dims=[8]", "stage fuse: loss.dims names 8: rows have 8"),
        ("stages.fuse.loss.generation=1", "stage fuse: what is written"),
    ],
)
def test_a_stage_that_does_not_suit_the_encoder_is_told_before_anything_is_mined(train, tmp_path, change, said):
    found = train("--out", tmp_path / "out", "--set", change).checked(FAILED)
    assert said in " ".join(found.err.replace("│", " ").split())
    assert not (tmp_path / "out.training").exists()


def test_no_corpus_is_a_wrong_use(here, tmp_path):
    assert "corpus" in here("train", "--out", tmp_path / "x").checked(USAGE).err


def test_pairs_of_other_notes_are_counted(train, tmp_path):
    pairs = tmp_path / "pairs.csv"
    pairs.write_text("note,positive\nx,y\ny,x\n", "utf-8")
    said = train("--out", tmp_path / "out", "--pairs", pairs).checked(FAILED)
    assert f"{pairs}: no pair is of notes that the corpus has" in said.err


def test_two_processes_end_a_stage_by_one_clock(town, tmp_path):
    """The first one's, which knows what measuring takes: with two, one would wait for the other for good."""
    out = tmp_path / "encoder"
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", "-m", "app.cli"]
    command += ["train", str(town), "--recipe", str(town.parent / "small.toml"), "--out", str(out)]
    command += ["--set", "stages.fuse.steps=1000000", "--max-minutes", "0.1"]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=240, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    (stage,) = json.loads((out / "training.json").read_text("utf-8"))["stages"]
    assert stage["ended"] == "time"
    assert stage["steps"] > 1
