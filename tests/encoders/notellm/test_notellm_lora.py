"""Low-rank adapters: merged, unmerged and loaded are one model."""

from __future__ import annotations

import sys
from shutil import copytree

import numpy as np
import pytest
import torch

from encoders.errors import EncoderError, WeightsError
from encoders.notellm.config import NoteLLMConfig
from encoders.notellm.tower import NoteLLM


def encode(tower, notes):
    return tower.encode([tower.read(note) for note in notes])


@pytest.fixture(scope="module")
def adapted(qwen_folder, notes, tmp_path_factory):
    """A tower with an adapter that changes something, its vectors, and where the adapter is saved."""
    tower = NoteLLM(NoteLLMConfig(model=str(qwen_folder), project=32), "float32")
    plain = encode(tower, notes)
    tower.add_lora(rank=4, alpha=8, targets=["q_proj", "v_proj", "down_proj"])
    np.testing.assert_allclose(encode(tower, notes), plain, atol=1e-6)  # B starts at zero
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for name, weight in tower.backbone.named_parameters():
            if "lora_B" in name:
                weight.copy_(torch.randn(weight.shape, generator=generator) * 0.2)
        tower.module.projection.weight.mul_(-1)
    vectors = encode(tower, notes)
    assert np.abs(vectors + plain).max() > 1e-2
    folder = tmp_path_factory.mktemp("lora") / "adapter"
    tower.save_lora(folder)
    return tower, vectors, folder


def test_only_the_adapter_and_the_projection_are_trained(adapted):
    tower, _, _ = adapted
    trained = {name for name, weight in tower.module.named_parameters() if weight.requires_grad}
    assert trained
    assert all("lora_" in name or name == "projection.weight" for name in trained)
    ids = [torch.tensor(tower.template.instruction())]
    tower.module(ids).sum().backward()
    assert all(weight.grad is not None for weight in tower.module.parameters() if weight.requires_grad)


def test_an_adapter_is_loaded_and_merged(adapted, qwen_folder, notes, tmp_path):
    _, vectors, folder = adapted
    tower = NoteLLM(NoteLLMConfig(model=str(qwen_folder), project=32, adapter=str(folder)), "float32")
    np.testing.assert_allclose(encode(tower, notes), vectors, atol=1e-5)
    assert not [name for name, _ in tower.module.named_parameters() if "lora" in name]
    tower.save(tmp_path / "text")
    config = tower.config.saved_as("text").located_in(tmp_path)
    assert config.adapter is None
    again = NoteLLM(config, "float32")
    assert again.identity() == tower.identity()
    np.testing.assert_allclose(encode(again, notes), vectors, atol=1e-5)


def test_merged_is_unmerged(qwen_folder, notes, tmp_path):
    tower = NoteLLM(NoteLLMConfig(model=str(qwen_folder), project=32), "float32")
    tower.add_lora(rank=2, alpha=4, seed=3)
    with torch.no_grad():
        for name, weight in tower.backbone.named_parameters():
            if "lora_B" in name:
                weight.fill_(0.05)
    unmerged = encode(tower, notes)
    with pytest.raises(EncoderError, match="merge_lora"):
        tower.save(tmp_path / "early")
    with pytest.raises(EncoderError, match="an adapter already"):
        tower.add_lora()
    tower.merge_lora()
    np.testing.assert_allclose(encode(tower, notes), unmerged, atol=1e-5)
    tower.save(tmp_path / "text")
    again = NoteLLM(tower.config.saved_as("text").located_in(tmp_path), "float32")
    np.testing.assert_allclose(encode(again, notes), unmerged, atol=1e-5)
    for action in (tower.merge_lora, lambda: tower.save_lora(tmp_path / "none")):
        with pytest.raises(EncoderError, match="add_lora"):
            action()


def test_targets_that_are_not_there(tiny):
    tower = NoteLLM(NoteLLMConfig(model="tiny"), "float32")
    with pytest.raises(EncoderError, match="LoRA cannot be put on"):
        tower.add_lora(targets=["nothing"])


def test_bad_adapters(adapted, qwen_folder, llama_folder, tmp_path):
    _, _, folder = adapted
    base = {"model": str(qwen_folder), "project": 32}
    with pytest.raises(WeightsError, match="there is no model folder"):
        NoteLLM(NoteLLMConfig(**base, adapter=str(tmp_path / "gone")), "float32")
    (tmp_path / "empty").mkdir()
    with pytest.raises(WeightsError, match=r"no peft adapter: it has no adapter_config\.json"):
        NoteLLM(NoteLLMConfig(**base, adapter=str(tmp_path / "empty")), "float32")
    copytree(folder, tmp_path / "pickled")
    (tmp_path / "pickled" / "adapter_model.safetensors").unlink()
    torch.save({}, tmp_path / "pickled" / "adapter_model.bin")
    with pytest.raises(WeightsError, match="pickled weights can run code and are refused"):
        NoteLLM(NoteLLMConfig(**base, adapter=str(tmp_path / "pickled")), "float32")
    with pytest.raises(EncoderError, match="does not fit this model"):
        NoteLLM(NoteLLMConfig(model="tiny", adapter=str(folder)), "float32")


def test_without_peft(tiny, monkeypatch):
    monkeypatch.setitem(sys.modules, "peft", None)
    with pytest.raises(EncoderError, match=r"pip install 'notelens\[train\]'"):
        tiny.add_lora()
