"""A configuration alone changes vectors, and so the identity; what it says beside the vectors does not."""

from __future__ import annotations

import json
from shutil import copytree

import numpy as np
import pytest

from encoders.hub import config_digest
from encoders.notellm.config import NoteLLMConfig
from encoders.notellm.tower import NoteLLM

# Each with the weights as they are: of the same shapes, read otherwise.
CHANGES = [
    {"num_attention_heads": 2, "num_key_value_heads": 1},
    {"hidden_act": "gelu"},
    {"rope_parameters": {"rope_theta": 500.0, "rope_type": "default"}},
    {"rms_norm_eps": 1e-3},
]


def edited(folder, target, change):
    copytree(folder, target)
    config = json.loads((target / "config.json").read_text())
    (target / "config.json").write_text(json.dumps(config | change))
    return target


def tower_of(folder, precision="float32"):
    return NoteLLM(NoteLLMConfig(model=str(folder), project=24), precision)


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: next(iter(change)))
def test_a_configuration_edited_alone_is_another_model(qwen_folder, notes, tmp_path, change):
    tower, other = tower_of(qwen_folder), tower_of(edited(qwen_folder, tmp_path / "other", change))
    texts = [tower.read(note) for note in notes]
    assert np.abs(other.encode(texts) - tower.encode(texts)).max() > 1e-5
    assert other.identity() != tower.identity()
    assert other.identity()["weights"] == tower.identity()["weights"]


def test_place_precision_and_saving_are_not_in_the_identity(qwen_folder, tmp_path):
    change = {"use_cache": False, "architectures": ["Other"], "transformers_version": "4.0.0"}
    expected = tower_of(qwen_folder).identity()
    rounded = tower_of(edited(qwen_folder, tmp_path / "moved", change), "bfloat16")
    assert rounded.identity() == expected
    rounded.save(tmp_path / "saved")
    assert tower_of(tmp_path / "saved").identity() == expected
    assert tower_of(tmp_path / "saved", "bfloat16").identity() == expected


def test_the_incidental_is_left_out_of_parts_too():
    class Described:
        def __init__(self, **values):
            self.values = values

        def to_diff_dict(self):
            return self.values

    base = config_digest(Described(text_config={"dtype": "float32", "heads": 2}, _name_or_path="a"))
    assert config_digest(Described(text_config={"dtype": "bfloat16", "heads": 2}, _name_or_path="b")) == base
    assert config_digest(Described(text_config={"dtype": "float32", "heads": 4}, _name_or_path="a")) != base
