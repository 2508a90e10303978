"""Saved and opened again: the same vectors, the same fingerprint, whatever the precision; and damaged files."""

from __future__ import annotations

import json
from shutil import copytree

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from encoders import from_pretrained
from encoders.errors import EncoderError, WeightsError
from encoders.notellm2.config import NoteLLM2Config
from encoders.notellm2.encoder import NoteLLM2
from encoders.vision.config import OpenClipConfig


@pytest.fixture(scope="module")
def saved(notellm2, tmp_path_factory):
    folder = tmp_path_factory.mktemp("saved") / "encoder"
    notellm2.save_pretrained(folder)
    return folder


def test_a_saved_folder_is_the_same_encoder(saved, notellm2, notes, vectors):
    opened = from_pretrained(saved, "float32")
    assert isinstance(opened, NoteLLM2)
    np.testing.assert_array_equal(opened.encode(notes), vectors)
    assert opened.fingerprint == notellm2.fingerprint
    assert json.loads((saved / "config.json").read_text())["fingerprint"] == notellm2.fingerprint


def test_it_stands_alone_and_its_paths_are_relative(saved, notellm2_config, notes, vectors, tmp_path):
    described = json.loads((saved / "config.json").read_text())["encoder"]
    assert described["model"] == "model"
    assert described["vision"]["model"] == "vision"
    assert described["connector"] == "connector.safetensors"
    assert str(notellm2_config.model) not in (saved / "config.json").read_text()
    moved = saved.rename(tmp_path / "moved")
    try:
        np.testing.assert_array_equal(from_pretrained(moved, "float32").encode(notes), vectors)
    finally:
        moved.rename(saved)


def test_a_rounded_encoder_saves_what_it_was_made_from(notellm2_config, notellm2, notes, vectors, tmp_path):
    rounded = NoteLLM2(notellm2_config, "bfloat16")
    assert rounded.fingerprint == notellm2.fingerprint
    rounded.save_pretrained(tmp_path / "e")
    np.testing.assert_array_equal(from_pretrained(tmp_path / "e", "float32").encode(notes), vectors)


def test_tiny_is_the_same_from_its_folder(images, notes, tmp_path):
    tiny = NoteLLM2(NoteLLM2Config(model="tiny", vision=OpenClipConfig(model="tiny", seed=0)), "float32")
    tiny.save_pretrained(tmp_path / "e")
    opened = from_pretrained(tmp_path / "e", "float32")
    np.testing.assert_array_equal(opened.encode(notes), tiny.encode(notes))
    assert opened.fingerprint == tiny.fingerprint


def test_dim_at_load(saved, notes, vectors):
    cut = from_pretrained(saved, "float32", dim=12)
    expected = vectors[:, :12] / np.linalg.norm(vectors[:, :12], axis=1, keepdims=True)
    np.testing.assert_allclose(cut.encode(notes), expected, atol=3e-6)


def test_a_folder_that_is_not_empty_is_left_alone(saved, notellm2):
    with pytest.raises(EncoderError, match="not empty"):
        notellm2.save_pretrained(saved)


@pytest.mark.parametrize(
    ("damage", "match"),
    [
        (lambda path, _: path.unlink(), "is missing"),
        (lambda path, _: path.write_bytes(b"nothing"), "not a safetensors file"),
        (lambda path, _: torch.save({}, path), "not a safetensors file"),
        (
            lambda path, w: save_file({k: v for k, v in w.items() if k != "fusion.gate.weight"}, path),
            "no tensor fusion",
        ),
        (lambda path, w: save_file(w | {"projection.weight": torch.zeros(3, 3)}, path), r"\[3, 3\].* want \[24, 96\]"),
        (lambda path, w: save_file(w | {"more": torch.zeros(1)}, path), "1 tensors too many"),
    ],
    ids=["gone", "noise", "pickle", "lacking", "shape", "more"],
)
def test_a_damaged_connector_is_refused(notellm2_config, models, tmp_path, damage, match):
    path = tmp_path / "connector.safetensors"
    weights = load_file(models / "connector.safetensors")
    save_file(weights, path)
    damage(path, weights)
    with pytest.raises(WeightsError, match=match):
        NoteLLM2(notellm2_config.model_copy(update={"connector": str(path)}))


def test_settings_that_do_not_fit_the_connector_are_named(notellm2_config):
    with pytest.raises(WeightsError, match=r"queries has shape \[5, 128\].*visual_tokens.*\[6, 128\]"):
        NoteLLM2(notellm2_config.model_copy(update={"visual_tokens": 6}))
    with pytest.raises(WeightsError, match="resampler_layers"):
        NoteLLM2(notellm2_config.model_copy(update={"resampler_layers": 3}))
    with pytest.raises(WeightsError, match="resampler_layers"):
        NoteLLM2(notellm2_config.model_copy(update={"resampler_layers": 1}))


def test_new_layers_come_from_the_seed(notellm2_config):
    state = torch.random.get_rng_state()
    fresh = notellm2_config.model_copy(update={"connector": None})
    one, same = NoteLLM2(fresh, "float32"), NoteLLM2(fresh, "bfloat16")
    assert torch.equal(torch.random.get_rng_state(), state)
    assert one.fingerprint == same.fingerprint
    size = one.module.backbone.causal.get_input_embeddings().weight.detach().square().mean().sqrt()
    last = one.module.bridge.connector.mlp[2].weight.detach()
    assert float(last.square().sum(dim=1).mean().sqrt()) == pytest.approx(float(size) / 0.425**0.5, rel=0.05)


def test_fingerprints_tell_encoders_apart(notellm2, notellm2_config, models, tmp_path):
    weights = load_file(models / "connector.safetensors")
    weights["fusion.gate.weight"][0, 0] += 1
    save_file(weights, tmp_path / "c.safetensors")
    changes = [
        {"connector": str(tmp_path / "c.safetensors")},
        {"content_tokens": 81},
        {"max_images": 3},
        {"vision": OpenClipConfig(model=str(models / "clip"), seed=1)},
        {"seed": 4},
    ]
    prints = [NoteLLM2(notellm2_config.model_copy(update=change), "float32").fingerprint for change in changes]
    assert len({notellm2.fingerprint, *prints}) == 6


def test_an_adapter_is_merged_and_saved_with_the_rest(notellm2_config, models, notes, vectors, tmp_path):
    import peft
    from transformers import AutoModelForCausalLM

    lora = peft.LoraConfig(r=4, target_modules=["q_proj", "v_proj"], init_lora_weights=False, task_type="CAUSAL_LM")
    with torch.random.fork_rng():
        torch.manual_seed(1)
        peft.get_peft_model(AutoModelForCausalLM.from_pretrained(models / "lm"), lora).save_pretrained(tmp_path / "a")
    adapted = NoteLLM2(notellm2_config.model_copy(update={"adapter": str(tmp_path / "a")}), "float32")
    expected = adapted.encode(notes)
    assert np.abs(expected - vectors).max() > 0.01
    adapted.save_pretrained(tmp_path / "e")
    opened = from_pretrained(tmp_path / "e", "float32")
    assert opened.config.adapter is None
    np.testing.assert_array_equal(opened.encode(notes), expected)


@pytest.mark.parametrize(
    "change",
    [
        {"num_attention_heads": 2, "num_key_value_heads": 1},
        {"hidden_act": "gelu"},
        {"rope_parameters": {"rope_theta": 500.0, "rope_type": "default"}},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_configuration_edited_alone_is_another_encoder(
    notellm2, notellm2_config, models, notes, vectors, tmp_path, change
):
    moved = copytree(models / "lm", tmp_path / "lm")
    there = notellm2_config.model_copy(update={"model": str(moved)})
    assert NoteLLM2(there, "bfloat16").fingerprint == notellm2.fingerprint
    config = json.loads((moved / "config.json").read_text())
    (moved / "config.json").write_text(json.dumps(config | change))
    other = NoteLLM2(there, "float32")
    assert np.abs(other.encode(notes) - vectors).max() > 1e-5
    assert other.fingerprint != notellm2.fingerprint
    other.save_pretrained(tmp_path / "e")
    assert from_pretrained(tmp_path / "e", "bfloat16").fingerprint == other.fingerprint
