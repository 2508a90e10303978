"""Every text part against the tower it trains: same vectors, gradients everywhere, saved as trained."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

from encoders.errors import EncoderError
from encoders.note import Note
from encoders.notellm.config import NoteLLMConfig
from encoders.sentence_transformer.config import SentenceTransformerTextConfig
from encoders.text.config import OpenClipTextConfig, TransformerConfig
from encoders.towers import text_tower
from training.errors import TrainingError
from training.recipes.config import LoraConfig
from training.trainees.making import text_part

FIELDS = ("title", "category", "tags", "body")
KINDS = ("transformer", "template", "notellm", "untied", "open_clip", "sentence_transformer")
ADAPTED = ("transformer", "notellm", "sentence_transformer")


@pytest.fixture(scope="session")
def bert(tmp_path_factory, stock):
    from transformers import BertConfig, BertModel

    folder = tmp_path_factory.mktemp("bert")
    with torch.random.fork_rng():
        torch.manual_seed(3)
        shape = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}
        BertModel(BertConfig(vocab_size=30_522, initializer_range=0.1, **shape)).save_pretrained(folder)
    stock().save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def llama(tmp_path_factory, stock):
    """A causal model stored in bfloat16, with a head of its own."""
    from transformers import LlamaConfig, LlamaForCausalLM

    folder = tmp_path_factory.mktemp("llama")
    with torch.random.fork_rng():
        torch.manual_seed(4)
        shape = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}
        config = LlamaConfig(vocab_size=30_522, tie_word_embeddings=False, initializer_range=0.1, **shape)
        LlamaForCausalLM(config).to(torch.bfloat16).save_pretrained(folder)
    stock().save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def configs(bert, llama, tmp_path_factory):
    from sentence_transformers import SentenceTransformer

    st = tmp_path_factory.mktemp("st")
    SentenceTransformer(str(bert), device="cpu", local_files_only=True).save_pretrained(
        str(st), create_model_card=False
    )
    return {
        "transformer": TransformerConfig(model=str(bert), project=24),
        "template": TransformerConfig(model=str(bert), template="note", pooling="emb"),
        "notellm": NoteLLMConfig(model="tiny", project=24),
        "untied": NoteLLMConfig(model=str(llama), project=24),
        "open_clip": OpenClipTextConfig(model="tiny", seed=3),
        "sentence_transformer": SentenceTransformerTextConfig(model=str(st)),
    }


@pytest.fixture(params=KINDS)
def config(request, configs):
    return configs[request.param]


@pytest.fixture(scope="module")
def made():
    return {}


@pytest.fixture
def unchanged(made, config):
    """A part that no test trains."""
    if config not in made:
        made[config] = text_part(config)
    return made[config]


def read(part, notes):
    return [part.read(note, FIELDS) for note in notes]


def without_dropout(module):
    for layer in module.modules():
        if isinstance(layer, torch.nn.Dropout):
            layer.p = 0.0


def vectors(config, notes):
    tower = text_tower(config, "float32")
    return tower.encode([tower.read(note, FIELDS) for note in notes])


def test_a_part_embeds_trains_and_saves_what_its_tower_encodes(config, texts, held, tmp_path):
    part = text_part(config)
    tokens = read(part, texts)
    rows = part.embed(tokens)
    assert rows.dtype == torch.float32
    assert rows.shape == (len(texts), part.dim)
    np.testing.assert_allclose(held.unit(rows), vectors(config, texts), atol=1e-5)
    assert all(weight.dtype == torch.float32 for weight in part.module.parameters())
    with torch.autocast("cpu", torch.bfloat16):
        rounded = part.embed(tokens)
    assert rounded.dtype == torch.float32
    assert 1e-5 < abs(held.unit(rounded) - held.unit(rows)).max() < 0.1

    part.module.train()
    without_dropout(part.module)
    before, after = held.learns(part.module, lambda: part.embed(tokens), steps=3)
    assert after < before - 0.01
    part.module.eval()
    held.gradients_reach(part.module, part.embed(tokens))

    trained = held.unit(part.embed(tokens))
    assert abs(trained - held.unit(rows)).max() > 1e-3
    part.save(tmp_path / "text")
    saved = config.saved_as("text").located_in(tmp_path)
    np.testing.assert_allclose(vectors(saved, texts), trained, atol=1e-5)


def test_a_text_that_is_empty_is_so_before_it_is_embedded_and_costs_nothing(unchanged):
    empty = unchanged.read(Note(category="food"), FIELDS)
    assert not empty
    assert unchanged.cost(empty) == 0
    short, long = read(unchanged, [Note(title="Ramen"), Note(body="Ramen by the water. " * 4)])
    assert short
    assert 1 <= unchanged.cost(short) < unchanged.cost(long)


def test_reading_in_threads_gives_what_reading_in_turn_gives(unchanged, texts):
    notes = texts * 20
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda note: unchanged.read(note, FIELDS), notes)) == read(unchanged, notes)


def test_no_graph_is_kept_of_a_part_that_stands_still(unchanged, texts):
    unchanged.begin(False)
    assert not unchanged.embed(read(unchanged, texts)).requires_grad
    unchanged.begin(True)
    assert unchanged.embed(read(unchanged, texts)).requires_grad


@pytest.mark.parametrize("kind", ADAPTED)
def test_low_rank_training_changes_adapters_alone_and_is_saved_merged(kind, configs, texts, held, tmp_path):
    config = configs[kind]
    part = text_part(config)
    tokens = read(part, texts)
    plain = part.embed(tokens).detach()
    frozen = {name: weight.clone() for name, weight in part.module.named_parameters()}

    part.begin(True, LoraConfig(rank=4, alpha=8))
    np.testing.assert_allclose(part.embed(tokens).detach(), plain, atol=1e-6)
    trained = {name for name, weight in part.module.named_parameters() if weight.requires_grad}
    assert any("lora_A" in name for name in trained)
    assert all("lora_" in name or "projection" in name for name in trained)
    part.module.train()
    without_dropout(part.module)
    before, after = held.learns(part.module, lambda: part.embed(tokens), lr=0.3)
    assert after < before - 0.01
    part.module.eval()
    held.gradients_reach(part.module, part.embed(tokens))
    for name, weight in part.module.named_parameters():
        if not weight.requires_grad:
            assert torch.equal(weight, frozen[name.replace(".base_layer", "")]), name

    tuned = held.unit(part.embed(tokens))
    state = {name: weight.clone() for name, weight in part.module.state_dict().items()}
    part.save(tmp_path / "text")
    saved = config.saved_as("text").located_in(tmp_path)
    np.testing.assert_allclose(vectors(saved, texts), tuned, atol=1e-5)
    # Training may go on with what it had.
    assert state.keys() == part.module.state_dict().keys()
    assert all(torch.equal(weight, state[name]) for name, weight in part.module.state_dict().items())

    # The next stage starts from the sum, with weights of the old names.
    part.begin(True)
    assert {name for name, _ in part.module.named_parameters()} == frozen.keys()
    assert all(weight.requires_grad for _, weight in part.module.named_parameters())
    np.testing.assert_allclose(held.unit(part.embed(tokens)), tuned, atol=1e-5)


def test_new_adapters_are_the_same_every_time_and_leave_random_numbers_alone(configs):
    parts = []
    for _ in range(2):
        part = text_part(configs["notellm"])
        state = torch.get_rng_state()
        part.begin(True, LoraConfig(rank=2))
        assert torch.equal(torch.get_rng_state(), state)
        parts.append(part)
        torch.rand(3)
    one, other = (part.module.state_dict() for part in parts)
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_dropout_draws_alike_in_both_passes_of_gradcache(configs, texts):
    part = text_part(configs["notellm"])
    part.begin(True, LoraConfig(rank=2, dropout=0.5))
    for name, weight in part.module.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(weight, std=0.5)
    part.module.train()
    tokens = read(part, texts)
    state = torch.get_rng_state()
    with torch.no_grad():
        first = part.embed(tokens)
    torch.set_rng_state(state)
    torch.testing.assert_close(part.embed(tokens), first, rtol=0, atol=1e-6)
    assert (part.embed(tokens) - first).abs().max() > 1e-3


def test_the_head_of_a_language_model_is_trained_only_where_it_writes(configs):
    for hashtags in (None, 0.4):
        part = text_part(configs["untied"], hashtags)
        assert part.backbone.causal.get_output_embeddings().weight.requires_grad == (hashtags is not None)
        assert part.backbone.causal.get_input_embeddings().weight.requires_grad


def test_checkpointing_changes_no_gradient(configs, texts):
    found = []
    for checkpointing in (False, True):
        part = text_part(configs["notellm"], checkpointing=checkpointing)
        part.module.train()
        part.embed(read(part, texts)).square().sum().backward()
        found.append([weight.grad for weight in part.module.parameters()])
        assert part.backbone.decoder.gradient_checkpointing == checkpointing
    for plain, again in zip(*found, strict=True):
        torch.testing.assert_close(again, plain, rtol=1e-4, atol=1e-5)


def test_padding_behind_a_clip_text_is_not_run(configs, texts, held):
    part = text_part(configs["open_clip"])
    seen = []
    part.module.transformer.register_forward_pre_hook(lambda _, args: seen.append(args[0].shape))
    tokens = read(part, [Note(title="a b c"), Note(title="a")])
    part.embed(tokens)
    # Start, three letters, end.
    assert seen == [(2, 5, 32)]
    assert [part.cost(one) for one in tokens] == [5, 3]


def test_what_reaches_no_vector_is_never_trained_but_saved(configs, tmp_path):
    part = text_part(configs["open_clip"])
    assert "logit_scale" not in dict(part.module.named_parameters())
    assert "logit_scale" in part.module.state_dict()
    part = text_part(configs["sentence_transformer"])
    assert not any("pooler" in name for name, _ in part.module.named_parameters())


def test_what_cannot_be_is_refused(configs):
    with pytest.raises(TrainingError, match="writes nothing"):
        text_part(configs["transformer"], hashtags=0.4)
    with pytest.raises(TrainingError, match="trained whole"):
        text_part(configs["open_clip"]).begin(True, LoraConfig())
    with pytest.raises(EncoderError):
        text_part(TransformerConfig(model="/nowhere/at/all"))


def test_a_language_model_that_stands_still_reads_its_instruction_once(configs, texts):
    part = text_part(configs["notellm"])
    seen = []
    part.backbone.decoder.layers[0].register_forward_pre_hook(lambda _, args: seen.append(tuple(args[0].shape[:2])))
    tokens = [part.read(texts[0])]
    part.embed(tokens)
    part.begin(False)
    part.embed(tokens)
    part.embed(tokens)
    instruction, body = len(part.tower.template.instruction()), len(tokens[0])
    assert seen == [(1, instruction + body), (1, instruction), (1, body), (1, body)]
