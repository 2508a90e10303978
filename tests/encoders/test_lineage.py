"""What goes with weights that were trained, however often they are saved."""

from __future__ import annotations

import json

from encoders.config import TowersConfig
from encoders.lineage import carried_records, inherited_base_models
from encoders.text.config import MiniLMConfig


def test_the_weights_an_encoder_began_with_are_known_after_any_number_of_trainings(tmp_path):
    first = tmp_path / "first"
    (first / "text").mkdir(parents=True)
    models = {"sentence-transformers/all-MiniLM-L6-v2": "apache-2.0"}
    record = {"trained_on": [{"corpus": "town", "stage": "none"}], "base_models": models}
    (first / "training.json").write_text(json.dumps(record))
    config = TowersConfig(text=MiniLMConfig(folder=first / "text"))
    assert inherited_base_models(config) == models
    carried = carried_records(config)["training.json"]
    assert (carried["base_models"], carried["trained_on"]) == (models, record["trained_on"])
    second = tmp_path / "second"
    (second / "text").mkdir(parents=True)
    (second / "training.json").write_text(json.dumps(carried))
    assert inherited_base_models(TowersConfig(text=MiniLMConfig(folder=second / "text"))) == models


def test_without_a_record_nothing_is_inherited(tmp_path):
    assert inherited_base_models(TowersConfig()) == {}
    assert carried_records(TowersConfig(text=MiniLMConfig(folder=tmp_path))) == {}
