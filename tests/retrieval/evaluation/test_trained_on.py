"""An encoder that learned from what is asked is refused, however it comes to the evaluation."""

from __future__ import annotations

import json

import pytest

from encoders.lineage import trainings
from encoders.text.config import MiniLMConfig
from retrieval.evaluation.errors import LeakFound
from retrieval.evaluation.split import DataDigests, Split, SplitConfig
from retrieval.evaluation.trained_on import TrainedOn, check_trained_on

DATA = DataDigests(notes="n1", dates="d1", interactions="i1")
ELSEWHERE = DataDigests(notes="n2", dates="d2", interactions="i2")
SPLIT = Split(config=SplitConfig(by="items+users", seed="town"), data=DATA)


@pytest.fixture
def trained(tmp_path):
    """Write a record into an encoder folder; returns the configuration of a part that lies there."""

    def write(*records):
        values = {"format": 1, "trained_on": [each.model_dump(mode="json") for each in records]}
        (tmp_path / "training.json").write_text(json.dumps(values), "utf-8")
        return MiniLMConfig(folder=tmp_path / "text")

    return write


def of(stage="validation", split=SPLIT, data=DATA):
    return TrainedOn(corpus="town", data=data, split=split, stage=stage)


@pytest.mark.parametrize(
    ("stage", "asked", "leaks"),
    [
        ("validation", "validation", False),
        ("validation", "test", False),
        ("test", "test", False),
        ("test", "validation", True),
    ],
)
def test_of_the_same_split_only_what_came_after_may_be_asked(trained, stage, asked, leaks):
    config = trained(of(stage))
    if leaks:
        with pytest.raises(LeakFound, match="ours was trained on the validation notes that are asked here"):
            check_trained_on("ours", config, SPLIT, asked)
    else:
        assert check_trained_on("ours", config, SPLIT, asked) == []


@pytest.mark.parametrize(
    "other",
    [
        SplitConfig(by="items+users", seed="village"),
        SplitConfig(by="items", seed="town"),
        SplitConfig(by="items+users", seed="town", cold=4),
    ],
)
def test_another_split_of_the_same_data_is_a_leak(trained, other):
    config = trained(of(split=Split(config=other, data=DATA)))
    with pytest.raises(LeakFound, match="with another split"):
        check_trained_on("ours", config, SPLIT, "test")


def test_fields_that_are_idle_tell_no_splits_apart(trained):
    idle = SplitConfig(by="items+users", seed="town", cold_by="publication")
    assert check_trained_on("ours", trained(of(split=Split(config=idle, data=DATA))), SPLIT, "test") == []


def test_nothing_held_out_is_a_leak(trained):
    with pytest.raises(LeakFound, match="nothing was held out"):
        check_trained_on("ours", trained(of("none", None)), SPLIT, "test")


@pytest.mark.parametrize(
    ("data", "leaks"),
    [
        (ELSEWHERE, False),
        (ELSEWHERE.model_copy(update={"notes": "n1"}), True),
        (ELSEWHERE.model_copy(update={"interactions": "i1"}), True),
    ],
)
def test_other_data_is_a_remark_unless_notes_or_people_are_the_same(trained, data, leaks):
    config = trained(of("none", None, data))
    if leaks:
        with pytest.raises(LeakFound):
            check_trained_on("ours", config, SPLIT, "test")
    else:
        (remark,) = check_trained_on("ours", config, SPLIT, "test")
        assert "trained on other data (town)" in remark


def test_a_training_long_ago_counts(trained):
    with pytest.raises(LeakFound):
        check_trained_on("ours", trained(of(), of("none", None)), SPLIT, "test")


def test_the_json_of_an_index_is_read_alike(trained):
    config = trained(of("none", None))
    stored = {"encoder": {"kind": "towers", "text": config.model_dump(mode="json")}}
    with pytest.raises(LeakFound):
        check_trained_on("ours", stored, SPLIT, "test")


def test_no_record_no_complaint(tmp_path):
    assert check_trained_on("ours", MiniLMConfig(), SPLIT, "test") == []
    assert check_trained_on("ours", MiniLMConfig(folder=tmp_path / "text"), SPLIT, "test") == []
    (tmp_path / "training.json").write_text("[1, 2]", "utf-8")
    assert trainings(MiniLMConfig(folder=tmp_path / "text")) == []


def test_a_record_of_another_notelens_is_a_remark(tmp_path):
    (tmp_path / "training.json").write_text('{"trained_on": [{"corpus": "x", "new": 1}]}', "utf-8")
    (remark,) = check_trained_on("ours", MiniLMConfig(folder=tmp_path / "text"), SPLIT, "test")
    assert "cannot read" in remark
