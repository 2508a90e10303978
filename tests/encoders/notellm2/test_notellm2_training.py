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


def test_vectors_and_suggestions_are_made_in_evaluation_mode(trained, prepared, notes):
    import peft

    lora = peft.LoraConfig(r=4, lora_dropout=0.5, target_modules="all-linear", init_lora_weights=False)
    with torch.random.fork_rng():
        torch.manual_seed(1)
        peft.get_peft_model(trained.module.backbone.causal, lora)
    modes = [part.training for part in trained.module.modules()]
    assert any(modes)
    with torch.no_grad():
        assert not torch.equal(trained.compress(prepared).whole, trained.compress(prepared).whole)
    trained.module._prefixes.clear()
    known = [f"kind {i}" for i in range(40)]

    def everything():
        return trained.embed(prepared), trained.embed_visual(prepared), trained.suggest_tags(notes[:3], 2, known)

    vectors, visual, suggested = everything()
    again = everything()
    assert (vectors == again[0]).all()
    assert (visual == again[1]).all()
    assert [part.training for part in trained.module.modules()] == modes
    trained.module.eval()
    trained.module._prefixes.clear()
    expected = everything()
    assert (vectors == expected[0]).all()
    assert (visual == expected[1]).all()
    assert suggested == again[2] == expected[2]
