"""What training needs of NoteLLM-2: gradients where they belong, and nothing stale after a step."""

from __future__ import annotations

import pytest
import torch

from encoders import Note
from encoders.notellm2.encoder import NoteLLM2


@pytest.fixture
def trained(notellm2_config):
    return NoteLLM2(notellm2_config, "float32")


@pytest.fixture
def prepared(trained, notes):
    return [trained.prepare(note) for note in notes]


def test_gradients_reach_everything_but_the_vision_tower(trained, prepared):
    compressed = trained.compress(prepared)
    (compressed.whole.square().sum() + compressed.visual.square().sum()).backward()
    without = [name for name, weight in trained.module.named_parameters() if weight.grad is None]
    assert without == []
    flat = [
        name for name, weight in trained.module.named_parameters() if not weight.grad.abs().sum() and "bias" not in name
    ]
    assert flat == []
    tower = list(trained.vision.visual.parameters())
    assert tower
    assert not any(weight.requires_grad or weight.grad is not None for weight in tower)
    names = {name for name, _ in trained.module.named_parameters()}
    assert not any("visual." in name for name in names)


def test_the_visual_loss_alone_reaches_the_connector_and_the_language_model(trained, prepared):
    trained.compress(prepared).visual.square().sum().backward()
    for part in (trained.module.bridge.connector, trained.module.bridge.fusion, trained.module.backbone.decoder):
        assert sum(float(w.grad.abs().sum()) for w in part.parameters() if w.grad is not None) > 0


def test_a_note_without_a_picture_gives_the_gate_no_gradient(trained):
    trained.compress([trained.prepare(Note(title="Ramen"))]).whole.square().sum().backward()
    fusion = trained.module.bridge.fusion
    assert not any(weight.grad is not None and weight.grad.any() for weight in fusion.parameters())
    assert trained.module.bridge.projection.weight.grad.any()


def test_a_step_changes_vectors_fingerprint_and_what_is_saved(trained, prepared, notes, tmp_path):
    before, fingerprint = trained.embed(prepared), trained.fingerprint
    optimizer = torch.optim.SGD(trained.module.parameters(), lr=0.05)
    trained.compress(prepared).whole.square().mean().backward()
    optimizer.step()
    after = trained.embed(prepared)
    assert abs(after - before).max() > 1e-4
    assert trained.fingerprint != fingerprint
    # The oracle: a new encoder of the saved weights, which has nothing cached.
    fresh = NoteLLM2(trained.save(tmp_path).located_in(tmp_path), "float32")
    assert abs(fresh.encode(notes) - after).max() < 3e-6
    assert fresh.fingerprint == trained.fingerprint
