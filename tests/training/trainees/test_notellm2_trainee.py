"""NoteLLM-2 as a trainee against its encoder."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

from encoders import Note, NoteImage
from encoders.load import load_encoder
from encoders.notellm2.config import NoteLLM2Config
from encoders.notellm2.encoder import NoteLLM2
from encoders.vision.config import OpenClipConfig
from training.errors import TrainingError
from training.losses.cached import cached_backward
from training.recipes.config import LoraConfig
from training.trainees.notellm2 import NoteLLM2Trainee
from training.trainees.writing import choose_answers

CONFIG = NoteLLM2Config(
    model="tiny",
    vision=OpenClipConfig(model="tiny", seed=2),
    project=16,
    visual_tokens=3,
    resampler_layers=1,
    resampler_width=16,
    max_images=2,
)


@pytest.fixture(scope="module")
def notes(texts, picture, encoded):
    def image(seed):
        return NoteImage.from_bytes(encoded(picture(seed), "PNG"))

    return [
        *(note.model_copy(update={"images": (image(i),)}) for i, note in enumerate(texts[:3])),
        texts[3],
        Note(images=(image(7), image(8)), category="food"),
        texts[4].model_copy(update={"images": (image(9),)}),
    ]


@pytest.fixture
def trainee():
    return NoteLLM2Trainee(CONFIG)


def test_the_connector_follows_an_autocast_around_it(trainee, notes):
    seen = []
    trainee.bridge.connector.mlp[2].register_forward_hook(lambda *args: seen.append(args[2].dtype))
    items = [trainee.read(notes[0])]
    with torch.autocast("cpu", torch.bfloat16):
        rows = trainee.embed(items)
    trainee.embed(items)
    assert seen == [torch.bfloat16, torch.float32]
    assert rows.dtype == torch.float32


def view(trainee, rows, name):
    return next(one for one in trainee.views if one.name == name).of(rows)


def test_rows_are_what_the_encoder_gives_and_what_is_saved_is_what_was_trained(trainee, notes, held, tmp_path):
    with ThreadPoolExecutor(4) as pool:
        items = list(pool.map(trainee.read, notes))
    encoder = NoteLLM2(CONFIG, "float32")
    rows = trainee.module(items)
    assert rows.dtype == torch.float32
    assert [(one.name, one.start, one.stop) for one in trainee.views] == [("note", 0, 16), ("image", 16, 32)]
    np.testing.assert_allclose(held.unit(view(trainee, rows, "note")), encoder.encode(notes), atol=1e-5)
    expected = encoder.embed_visual([encoder.prepare(note) for note in notes])
    np.testing.assert_allclose(held.unit(view(trainee, rows, "image")), expected, atol=1e-5)
    assert not view(trainee, rows, "image")[3].any()

    trainee.module.train()
    before, after = held.learns(trainee.module, lambda: view(trainee, trainee.embed(items), "note"))
    assert after < before - 0.01
    trainee.module.eval()
    held.gradients_reach(trainee.module, trainee.embed(items))
    trained = held.unit(view(trainee, trainee.embed(items), "note"))
    assert abs(trained - held.unit(view(trainee, rows, "note"))).max() > 1e-3
    config = trainee.save(tmp_path)
    saved = load_encoder(config.located_in(tmp_path), precision="float32")
    np.testing.assert_allclose(saved.encode(notes), trained, atol=1e-5)


def test_the_parts_are_all_that_is_held_and_vision_is_none_of_it(trainee):
    of_parts = [weight for part in trainee.parts.values() for weight in part.parameters()]
    assert {id(weight) for weight in of_parts} == {id(weight) for weight in trainee.module.parameters()}
    vision = trainee.encoder.vision.visual
    assert not {id(weight) for weight in vision.parameters()} & {id(weight) for weight in of_parts}
    assert not any(weight.requires_grad for weight in vision.parameters())


def test_each_part_can_be_trained_alone(trainee, notes, held):
    items = [trainee.read(note) for note in notes]
    for name in trainee.parts:
        trainee.begin((name,))
        trainee.module.train()
        assert {part: module.training for part, module in trainee.parts.items()} == {
            part: part == name for part in trainee.parts
        }
        held.gradients_reach(trainee.module, trainee.embed(items))
        assert {
            part for part, module in trainee.parts.items() if any(w.requires_grad for w in module.parameters())
        } == {name}
    trainee.begin(())
    assert not trainee.embed(items).requires_grad


def test_what_cannot_be_begun_is_refused(trainee):
    with pytest.raises(TrainingError, match=r"no part image .* model, bridge"):
        trainee.begin(("model", "image"))
    with pytest.raises(TrainingError, match="`lora`"):
        trainee.begin(("bridge",), LoraConfig())


def test_low_rank_training_leaves_the_model_alone_and_is_saved_merged(trainee, notes, held, tmp_path):
    items = [trainee.read(note) for note in notes]
    plain = trainee.embed(items).detach()
    trainee.begin(("model", "bridge"), LoraConfig(rank=4))
    np.testing.assert_allclose(trainee.embed(items).detach(), plain, atol=1e-6)
    trained = {name for name, weight in trainee.module.named_parameters() if weight.requires_grad}
    assert all("lora_" in name or name.startswith("bridge.") for name in trained)
    frozen = {name: w.clone() for name, w in trainee.module.named_parameters() if not w.requires_grad}
    trainee.module.train()
    before, after = held.learns(trainee.module, lambda: view(trainee, trainee.embed(items), "note"), lr=0.1)
    assert after < before - 0.01
    trainee.module.eval()
    assert all(torch.equal(w, frozen[name]) for name, w in trainee.module.named_parameters() if name in frozen)
    rows = held.unit(view(trainee, trainee.embed(items), "note"))
    saved = load_encoder(trainee.save(tmp_path).located_in(tmp_path), precision="float32")
    np.testing.assert_allclose(saved.encode(notes), rows, atol=1e-5)
    assert any("lora_" in name for name in trainee.module.state_dict())


def test_a_note_writes_behind_its_pictures_and_text(notes, held):
    trainee = NoteLLM2Trainee(CONFIG, hashtags=0.5)
    items = [trainee.read(note) for note in notes]
    plain = NoteLLM2Trainee(CONFIG)
    served = trainee.embed(items)
    assert [(one.name, one.start, one.stop) for one in trainee.views][2:] == [("generation", 32, 34)]
    assert not view(trainee, served, "generation").any()
    torch.testing.assert_close(served[:, :32], plain.embed([plain.read(note) for note in notes]), rtol=0, atol=1e-6)

    trainee.module.train()
    state = torch.get_rng_state()
    rows = trainee.embed(items)
    torch.set_rng_state(state)
    encoder = trainee.encoder
    template = encoder.prompt.template
    answers = choose_answers([item.text for item in items], [bool(note.images) for note in notes], template, 0.5)
    assert {answer.task for answer in answers} == {"hashtags", "category"}
    inner = encoder.module
    for i, (note, answer) in enumerate(zip(notes, answers, strict=True)):
        # The naive way: this note alone, the whole prompt with its answer through the causal model.
        prepared = encoder.prepare(note)
        read = encoder.prompt.read(note, answer.task)
        plan = encoder.prompt.plan(read, len(note.images), (*answer.guidance, *answer.output))
        patches, pooled = encoder.vision.patches_and_pooled(list(prepared.images))
        words = inner.inputs([plan], patches)[0]
        instruction = torch.tensor(encoder.prompt.instruction(answer.task))
        whole = torch.cat([trainee.backbone.embed_tokens(instruction), words])[None]
        out = trainee.backbone.causal(inputs_embeds=whole, output_hidden_states=True)
        chances = out.logits[0].log_softmax(dim=-1)
        first = whole.shape[1] - len(answer.output)
        terms = [-float(chances[first + k - 1, token].detach()) for k, token in enumerate(answer.output)]
        loss, weight = view(trainee, rows, "generation")[i].tolist()
        assert weight == bool(terms)
        assert loss == pytest.approx(sum(terms) / len(terms) if terms else 0, rel=1e-4)
        present = torch.tensor([bool(note.images)])
        seen = pooled.mean(dim=0, keepdim=True) if note.images else torch.zeros(1, encoder.vision.dim)
        hidden = out.hidden_states[-1][0]
        at = len(instruction) + plan.compressed - 1
        expected = trainee.bridge(hidden[at][None], seen, present)[0]
        torch.testing.assert_close(view(trainee, rows, "note")[i], expected, rtol=1e-3, atol=1e-4)
        if plan.looked is not None:
            expected = trainee.bridge(hidden[len(instruction) + plan.looked][None], seen, present)[0]
            torch.testing.assert_close(view(trainee, rows, "image")[i], expected, rtol=1e-3, atol=1e-4)
    held.gradients_reach(trainee.module, rows)


def test_gradcache_with_dropout_gives_the_gradients_of_one_pass(notes):
    found = []
    for cached in (False, True):
        trainee = NoteLLM2Trainee(CONFIG)
        trainee.begin(("model",), LoraConfig(rank=2, dropout=0.3))
        for name, weight in trainee.module.named_parameters():
            if "lora_B" in name:
                torch.nn.init.normal_(weight, std=0.2, generator=torch.Generator().manual_seed(1))
        trainee.module.train()
        items = [trainee.read(note) for note in notes]
        micro = [items[:2], items[2:]]
        torch.manual_seed(8)

        def loss(rows):
            return (rows @ rows.T).square().mean()

        if cached:
            cached_backward(micro, trainee.module, loss)
        else:
            loss(torch.cat([trainee.embed(some) for some in micro])).backward()
        found.append([w.grad for w in trainee.module.parameters() if w.requires_grad])
    for plain, own in zip(*found, strict=True):
        torch.testing.assert_close(own, plain, rtol=1e-4, atol=1e-6 * float(plain.abs().max()) + 1e-7)


def test_what_a_note_costs(trainee, notes):
    prompt = trainee.encoder.prompt
    item = trainee.read(Note(title="x"))
    alone = len(prompt.instruction()) + len(item.text.body)
    assert trainee.cost(item) == alone
    pictured = trainee.read(Note(title="x", images=notes[4].images))
    around = len(prompt.plan(item.text.body, 2).ids) - len(item.text.body)
    # Two pictures of 4 × 4 patches each, and what the prompt says around their visual tokens.
    assert trainee.cost(pictured) == alone + around + 2 * 16
