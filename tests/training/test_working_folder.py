"""The working folder: whole writes, one process at a time, no state but what belongs to the training."""

from __future__ import annotations

import errno
import json
from shutil import copytree

import pytest

from encoders.config import TowersConfig
from encoders.text.config import MiniLMConfig
from training.errors import TrainingError
from training.mining.workspace import workspace
from training.working_folder import opened

OF = {"recipe": {"seed": 0, "window": float("inf")}, "stage": "validation"}


def save(folder):
    (folder / "text").mkdir()
    (folder / "text" / "weights").write_text("w", "utf-8")
    return TowersConfig(text=MiniLMConfig(folder="text"))


def no_space(_):
    raise OSError(errno.ENOSPC, "No space left on device")


def begin(out, resume=False, of=OF):
    return opened(out, of, "about = ''\n", resume)


def test_stages_notes_and_seconds_are_there_again(tmp_path):
    out = tmp_path / "e"
    with begin(out) as folder:
        config = folder.save_stage("one", save)
        folder.finish_stage({"name": "one", "steps": 3}, 12.5)
        folder.note("zero-shot", {"figures": {"R@10": 0.5}}, 13.0)
    assert config.text.folder == tmp_path / "e.training/stages/one/encoder/text"
    with begin(out, resume=True) as folder:
        assert folder.done == [{"name": "one", "steps": 3}]
        assert folder.recall("zero-shot") == {"figures": {"R@10": 0.5}}
        assert folder.recall("trained") is None
        assert folder.spent == 13.0
        assert folder.saved_stage("one") == config


def test_of_stages_that_are_done_the_last_keeps_its_encoder(tmp_path):
    with begin(tmp_path / "e") as folder:
        for name in ("one", "two"):
            folder.save_stage(name, save)
            folder.finish_stage({"name": name}, 1.0)
        assert not (folder.stage("one") / "encoder").exists()
        assert (folder.stage("two") / "encoder/text/weights").read_text("utf-8") == "w"


def test_another_training_is_refused_by_what_differs(tmp_path):
    out = tmp_path / "e"
    with begin(out) as folder:
        folder.save_stage("one", save)
        folder.finish_stage({"name": "one"}, 1.0)
    with pytest.raises(TrainingError, match=r"recipe\.seed was 0 and is now 1"):
        begin(out, True, {**OF, "recipe": {"seed": 1, "window": float("inf")}}).__enter__()
    with pytest.raises(TrainingError, match="is there already: go on from it with --resume, or delete it"):
        begin(out).__enter__()
    (tmp_path / "e.training/state.json").write_text("{", "utf-8")
    with pytest.raises(TrainingError, match="cannot be read"):
        begin(out, True).__enter__()


def test_stages_that_have_not_begun_may_be_mended(tmp_path):
    """Else a mistake in the last stage would cost those before it, however long they took."""

    def of(order, **stages):
        return {"recipe": {"seed": 0, "order": order, "stages": stages}}

    out, one = tmp_path / "e", {"train": ["text"]}
    with begin(out, of=of(["one", "two"], one=one, two={"train": ["image"]})) as folder:
        folder.save_stage("one", save)
        folder.finish_stage({"name": "one"}, 1.0)
        folder.stage("two")  # where it failed before its first step
    mended = of(["one", "two"], one=one, two={"train": ["fusion"]})
    with begin(out, True, mended) as folder:
        assert folder.done == [{"name": "one"}]
        (folder.stage("two") / "checkpoints/step-00000001").mkdir(parents=True)
    with pytest.raises(TrainingError, match=r'two\.train was \["fusion"\] and is now \["text"\]'):
        begin(out, True, of(["one", "two"], one=one, two={"train": ["text"]})).__enter__()
    with pytest.raises(TrainingError, match=r"recipe\.order"):
        begin(out, True, of(["new", "one", "two"], new={}, **mended["recipe"]["stages"])).__enter__()


def test_one_that_was_killed_while_it_mined_begins_anew(tmp_path):
    with begin(tmp_path / "e") as folder, workspace(folder.path / "pairs.parquet") as work:
        (work / "looks.duckdb").write_text("half", "utf-8")
        copytree(folder.path, tmp_path / "killed.training")
    with begin(tmp_path / "killed") as folder:
        assert sorted(path.name for path in folder.path.iterdir()) == ["lock", "recipe.toml", "state.json"]
    (tmp_path / "killed.training/thesis.txt").write_text("mine", "utf-8")
    with pytest.raises(TrainingError, match=r"thesis\.txt is in it"):
        begin(tmp_path / "killed").__enter__()


def test_two_at_once_are_refused(tmp_path):
    with begin(tmp_path / "e"), pytest.raises(TrainingError, match="in use by another training"):
        begin(tmp_path / "e").__enter__()
    with begin(tmp_path / "e"):
        pass  # free again


def test_a_stage_whose_saving_failed_leaves_none(tmp_path):
    def full(folder):
        (folder / "half").write_text("h", "utf-8")
        raise OSError(errno.ENOSPC, "No space left on device")

    with begin(tmp_path / "e") as folder:
        with pytest.raises(TrainingError, match=r"the disk is full: .*free some space, then go on with --resume"):
            folder.save_stage("one", full)
        assert not (folder.stage("one") / "encoder").exists()
        folder.save_stage("one", save)
        assert [path.name for path in (folder.stage("one") / "encoder").iterdir()] == ["text"]


def test_a_state_that_cannot_be_written_leaves_the_old_one(tmp_path, monkeypatch):
    with begin(tmp_path / "e") as folder:
        folder.note("a", 1, 1.0)
        with monkeypatch.context() as patch:
            patch.setattr("os.fsync", no_space)
            with pytest.raises(TrainingError, match="disk is full"):
                folder.note("b", 2, 2.0)
        state = json.loads((tmp_path / "e.training/state.json").read_text("utf-8"))
        assert state["notes"] == {"a": 1}


def test_a_training_that_ended_is_not_gone_on_with(tmp_path):
    with begin(tmp_path / "e") as folder:
        folder.save_stage("one", save)
        folder.finish_stage({"name": "one"}, 1.0)
        folder.clear(2.0)
        assert not (folder.stage("one") / "encoder").exists()
    with pytest.raises(TrainingError, match="came to its end"):
        begin(tmp_path / "e", resume=True).__enter__()
    with pytest.raises(TrainingError, match=r"is there already: delete it to train from the beginning"):
        begin(tmp_path / "e").__enter__()
