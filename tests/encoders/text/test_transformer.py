"""The transformer tower against transformers and sentence-transformers, and against itself in other company."""

from __future__ import annotations

import json
import runpy
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModel, AutoTokenizer

from encoders.errors import EncoderError, NoteRejected, WeightsError
from encoders.note import Note
from encoders.text.config import TransformerConfig
from encoders.text.minilm import MiniLM
from encoders.text.stock import find_minilm
from encoders.text.transformer import TransformerTower

GOLDEN = Path(__file__).parents[1] / "golden"
FIELDS = ("title", "category", "tags", "body")
WORDS = ["ramen", "kyoto", "trail", "sunset", "how-to", "café", "don't", "1,234.5", "[SEP]", "京都", "🍜", "مرحبا"]


def texts_of(count, seed=0):
    rng = np.random.default_rng(seed)
    lengths = [1, 2, 150, *rng.integers(1, 40, count - 3)]
    return [" ".join(rng.choice(WORDS, length)) for length in lengths]


def tower_of(folder, precision="float32", **options):
    return TransformerTower(TransformerConfig(model=str(folder), **options), precision)


def cosines(a, b):
    return (a * b).sum(axis=1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)


@pytest.fixture(scope="module")
def families(tmp_path_factory, bert_folder):
    """One small model of each family that counts positions or pads in its own way."""
    written = runpy.run_path(str(GOLDEN / "make_transformer.py"))["write_models"](tmp_path_factory.mktemp("families"))
    return {"bert": bert_folder, **written}


@pytest.fixture(scope="module", params=["bert", "xlm-roberta", "mpnet", "modernbert"])
def family(request, families):
    return families[request.param]


@torch.inference_mode()
def by_hand(folder, text, pooling, max_tokens):
    """One text at a time, by transformers alone: the unit vector of its pooled last states."""
    tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModel.from_pretrained(folder).eval()
    batch = tokenizer([text], truncation=True, max_length=max_tokens, return_tensors="pt", return_token_type_ids=False)
    states = model(**batch).last_hidden_state[0]
    vector = states.mean(dim=0) if pooling == "mean" else states[0]
    return (vector / vector.norm()).numpy()


@pytest.mark.parametrize("pooling", ["mean", "cls"])
def test_it_is_transformers_one_text_at_a_time(family, pooling):
    texts = texts_of(6)
    expected = np.stack([by_hand(family, text, pooling, 32) for text in texts])
    vectors = tower_of(family, pooling=pooling, max_tokens=32).encode(texts)
    np.testing.assert_allclose(vectors, expected, atol=2e-6)


@pytest.mark.parametrize("pooling", ["mean", "cls"])
def test_it_is_sentence_transformers(family, pooling):
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Normalize, Pooling, Transformer

    read = Transformer(str(family), max_seq_length=48)
    modules = [read, Pooling(read.get_embedding_dimension(), pooling_mode=pooling), Normalize()]
    reference = SentenceTransformer(modules=modules, device="cpu")
    texts = texts_of(30, seed=1)
    vectors = tower_of(family, pooling=pooling, max_tokens=48).encode(texts)
    np.testing.assert_allclose(vectors, reference.encode(texts), atol=2e-6)


def test_the_official_weights_give_what_the_written_out_network_gives():
    texts = texts_of(12, seed=2)
    expected = MiniLM(precision="float32").encode(texts)
    np.testing.assert_allclose(tower_of(find_minilm()).encode(texts), expected, atol=2e-6)


def test_golden(families, tmp_path):
    golden = np.load(GOLDEN / "transformer.npz")
    texts = [str(text) for text in golden["texts"]]
    for name in ("bert", "xlm-roberta"):
        np.testing.assert_allclose(tower_of(families[name]).encode(texts), golden[name], atol=1e-5)
    tower = tower_of(families["bert"], template="note", pooling="emb")
    notes = [Note.model_validate_json(str(note)) for note in golden["notes"]]
    vectors = tower.encode([tower.read(note, FIELDS) for note in notes])
    np.testing.assert_allclose(vectors, golden["notes-bert"], atol=1e-5)


def test_company_and_order_change_nothing_beyond_rounding(family, monkeypatch):
    tower = tower_of(family, max_tokens=64)
    texts = [*texts_of(20, seed=3), "", "  "]
    together = tower.encode(texts)
    for i in range(0, len(texts), 3):
        np.testing.assert_allclose(tower.encode([texts[i]])[0], together[i], atol=2e-6)
    monkeypatch.setattr("encoders.text.transformer.TOKEN_BUDGET", {"cpu": 100, "cuda": 100})
    order = np.random.default_rng(1).permutation(len(texts))
    np.testing.assert_allclose(tower.encode([texts[i] for i in order]), together[order], atol=2e-6)
    assert not together[-2:].any()
    np.testing.assert_allclose(np.linalg.norm(together[:-2], axis=1), 1, atol=1e-5)


def test_threads_may_share_it(bert_folder):
    tower = tower_of(bert_folder)
    texts = texts_of(24, seed=4)
    expected = tower.encode(texts)
    with ThreadPoolExecutor(4) as pool:
        for vectors in pool.map(lambda _: tower.encode(texts), range(8)):
            np.testing.assert_allclose(vectors, expected, atol=2e-6)


def test_bfloat16_is_close():
    texts = texts_of(12, seed=5)
    exact = MiniLM(precision="float32").encode(texts)
    assert cosines(exact, tower_of(find_minilm(), "bfloat16").encode(texts)).min() >= 0.999


def test_precision_is_neither_in_the_identity_nor_in_what_is_saved(bert_folder, tmp_path):
    texts = texts_of(12, seed=5)
    exact, rounded = tower_of(bert_folder), tower_of(bert_folder, "bfloat16")
    assert not np.array_equal(exact.encode(texts), rounded.encode(texts))
    assert exact.identity() == rounded.identity()
    rounded.save(tmp_path / "text")
    reopened = tower_of(tmp_path / "text")
    assert reopened.identity() == exact.identity()
    np.testing.assert_array_equal(reopened.encode(texts), exact.encode(texts))


@pytest.mark.parametrize("options", [{}, {"seed": 3, "project": 24}, {"template": "note", "pooling": "emb"}])
def test_a_saved_tower_is_the_same(family, tmp_path, options):
    config = TransformerConfig(model=str(family), **options)
    tower = TransformerTower(config, "float32")
    tower.save(tmp_path / "text")
    saved = config.saved_as("text").located_in(tmp_path)
    assert saved.seed is None
    reopened = TransformerTower(saved, "float32")
    notes = [Note(title="Ramen in Kyoto", body="Where to eat. " * 30), Note(body="x"), Note(category="food")]
    texts = [tower.read(note, FIELDS) for note in notes]
    assert texts == [reopened.read(note, FIELDS) for note in notes]
    np.testing.assert_array_equal(reopened.encode(texts), tower.encode(texts))
    assert reopened.identity() == tower.identity()
    assert not list((tmp_path / "text").glob("*.bin"))


def test_what_decides_the_vectors_is_in_the_identity(bert_folder, tmp_path):
    base = tower_of(bert_folder).identity()
    others = [
        tower_of(bert_folder, pooling="cls"),
        tower_of(bert_folder, max_tokens=64),
        tower_of(bert_folder, template="note"),
        tower_of(bert_folder, template="note", title_tokens=10),
        tower_of(bert_folder, project=8),
        tower_of(bert_folder, seed=1),
    ]
    copied = Path(shutil.copytree(bert_folder, tmp_path / "bert"))
    assert tower_of(copied).identity() == base
    config = json.loads((copied / "config.json").read_text())
    for change in ({"hidden_act": "relu"}, {"num_attention_heads": 2}):
        (copied / "config.json").write_text(json.dumps(config | change))
        others.append(tower_of(copied))
    assert len({json.dumps(identity) for identity in [base, *(tower.identity() for tower in others)]}) == 9


class TestProjection:
    def test_it_is_a_linear_layer_of_the_pooled_state(self, bert_folder, tmp_path):
        tower = tower_of(bert_folder, project=24)
        tower.save(tmp_path)
        weight = load_file(tmp_path / "projection.safetensors")["weight"].numpy()
        texts = texts_of(8, seed=6)
        ids, mask = torch.tensor([[101, 2000, 102]]), torch.ones(1, 3, dtype=torch.int64)
        with torch.inference_mode():
            pooled = tower.module.backbone(input_ids=ids, attention_mask=mask).last_hidden_state.mean(dim=1).numpy()
            np.testing.assert_allclose(tower.module(ids, mask).numpy(), pooled @ weight.T, atol=1e-5)
        assert tower.encode(texts).shape == (8, 24) == (8, tower.dim)

    def test_another_size_than_the_saved_one(self, bert_folder, tmp_path):
        tower_of(bert_folder, project=24).save(tmp_path)
        with pytest.raises(EncoderError, match="projects 64 numbers to 24, asked for were 64 to 16: give project=24"):
            tower_of(tmp_path, project=16)

    def test_a_damaged_file(self, bert_folder, tmp_path):
        tower_of(bert_folder, project=24).save(tmp_path)
        (tmp_path / "projection.safetensors").write_bytes(b"x" * 40)
        with pytest.raises(WeightsError, match="cannot be read"):
            tower_of(tmp_path, project=24)
        save_file({"other": torch.zeros(2)}, tmp_path / "projection.safetensors")
        with pytest.raises(WeightsError, match="cannot be read"):
            tower_of(tmp_path, project=24)


class TestTraining:
    @pytest.mark.parametrize("options", [{}, {"pooling": "cls"}, {"template": "note", "pooling": "emb"}])
    def test_padding_changes_nothing_in_the_module(self, family, options):
        tower = tower_of(family, **options)
        note = Note(title="Ramen")
        ids = torch.tensor([tower.tokens([tower.read(note, FIELDS)])[0]])
        padded = torch.cat((ids, torch.full((1, 9), tower.padding)), dim=1)
        mask = (torch.arange(padded.shape[1]) < ids.shape[1]).long()[None]
        with torch.inference_mode():
            alone = tower.module(ids, torch.ones_like(ids))
            torch.testing.assert_close(tower.module(padded, mask), alone, atol=2e-5, rtol=0)

    def test_gradients_reach_everything_and_what_was_trained_is_saved(self, bert_folder, tmp_path):
        tower = tower_of(bert_folder, project=8, template="note", pooling="emb")
        before = tower.identity()
        ids = torch.tensor([tower.read(Note(title="a"), FIELDS), tower.read(Note(title="b"), FIELDS)])
        vectors = tower.module(ids, torch.ones_like(ids))
        (vectors[0] - vectors[1]).square().sum().backward()
        without = [name for name, weight in tower.module.named_parameters() if weight.grad is None]
        assert without == []
        with torch.no_grad():
            for weight in tower.module.parameters():
                weight -= 0.1 * weight.grad
        tower.save(tmp_path)
        trained = tower_of(tmp_path, project=8, template="note", pooling="emb")
        assert trained.identity() == tower.identity() != before
        texts = [tower.read(Note(title="a"), FIELDS)]
        np.testing.assert_array_equal(trained.encode(texts), tower.encode(texts))

    def test_rounded_weights_are_frozen(self, bert_folder):
        tower = tower_of(bert_folder, "bfloat16")
        assert not any(weight.requires_grad for weight in tower.module.parameters())

    def test_rounded_weights_are_read_again_to_be_trained(self, bert_folder, tmp_path):
        exact, tower = tower_of(bert_folder), tower_of(bert_folder, "bfloat16")
        module = tower.trainable()
        assert module is tower.module is tower.trainable()
        assert all(weight.requires_grad and weight.dtype == torch.float32 for weight in module.parameters())
        np.testing.assert_array_equal(tower.encode(["ramen"]), exact.encode(["ramen"]))
        with torch.no_grad():
            module.backbone.embeddings.word_embeddings.weight += 0.01
        tower.save(tmp_path)
        np.testing.assert_array_equal(tower_of(tmp_path).encode(["ramen"]), tower.encode(["ramen"]))
        assert tower_of(tmp_path).identity() == tower.identity() != exact.identity()

    def test_vectors_are_made_in_evaluation_mode(self, bert_folder):
        tower = tower_of(bert_folder)
        texts = texts_of(6, seed=7)
        expected = tower.encode(texts)
        tower.module.train()
        tower.module.backbone.encoder.eval()
        modes = [part.training for part in tower.module.modules()]
        ids, mask = torch.tensor([[101, 2000, 102]]), torch.ones(1, 3, dtype=torch.int64)
        with torch.no_grad():  # the embeddings' dropout
            assert not torch.equal(tower.module(ids, mask), tower.module(ids, mask))
        np.testing.assert_array_equal(tower.encode(texts), expected)
        np.testing.assert_array_equal(tower.encode(texts), expected)
        assert [part.training for part in tower.module.modules()] == modes


class TestRefused:
    @pytest.mark.parametrize("kind", ["qwen_folder", "llama_folder"])
    def test_a_causal_model(self, request, kind):
        folder = request.getfixturevalue(kind)
        with pytest.raises(EncoderError, match=rf"is causal.*notellm:{folder}"):
            tower_of(folder)

    def test_an_encoder_decoder(self, tmp_path, stock_tokenizer):
        from transformers import T5Config, T5Model

        T5Model(T5Config(vocab_size=100, d_model=16, d_kv=8, d_ff=16, num_layers=1, num_heads=2)).save_pretrained(
            tmp_path
        )
        stock_tokenizer(tmp_path)
        with pytest.raises(EncoderError, match=r"encoder-decoder \(t5\).*st:"):
            tower_of(tmp_path)

    def test_a_model_of_pictures(self, tmp_path, stock_tokenizer):
        from transformers import ViTConfig, ViTModel

        shape = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
        ViTModel(ViTConfig(image_size=32, patch_size=16, **shape)).save_pretrained(tmp_path)
        stock_tokenizer(tmp_path)
        with pytest.raises(EncoderError, match=r"\(vit\) has no vocabulary"):
            tower_of(tmp_path)

    def test_more_tokens_than_positions(self, families):
        # 40 positions in all: BERT's kin has them for tokens, XLM-R loses two to its padding id 1.
        assert tower_of(families["short-bert"]).max_tokens == 40
        assert tower_of(families["short-xlm-roberta"]).max_tokens == 38
        text = "ramen " * 100
        for name, most in (("short-bert", 40), ("short-xlm-roberta", 38)):
            tower = tower_of(families[name], max_tokens=most)
            assert len(tower.tokens([text])[0]) == most
            assert tower.encode([text]).any()
            with pytest.raises(EncoderError, match=rf"max_tokens is {most + 1}, .* positions for {most} tokens"):
                tower_of(families[name], max_tokens=most + 1)

    def test_a_template_that_is_too_long(self, families, bert_folder):
        with pytest.raises(EncoderError, match=r"takes up to 191 tokens, but .*short-bert has positions for 40: lower"):
            tower_of(families["short-bert"], template="note")
        with pytest.raises(EncoderError, match=r"takes up to 191 tokens, but max_tokens is 100: lower"):
            tower_of(bert_folder, template="note", max_tokens=100)
        assert (
            tower_of(bert_folder, template="note", max_tokens=100, title_tokens=4, content_tokens=30).max_tokens < 100
        )

    def test_emb_without_the_template(self, bert_folder):
        with pytest.raises(EncoderError, match="only template 'note' has"):
            tower_of(bert_folder, pooling="emb")

    def test_a_missing_folder(self):
        with pytest.raises(WeightsError, match="no model folder"):
            tower_of("/no/such/folder")

    def test_a_lone_surrogate(self, bert_folder):
        note = Note.model_construct(title="half \ud83d", body="", tags=(), category=None)
        for template in ("plain", "note"):
            with pytest.raises(NoteRejected, match="lone surrogate"):
                tower_of(bert_folder, template=template).read(note, FIELDS)


@pytest.mark.parametrize("template", ["plain", "note"])
def test_odd_notes(families, template):
    tower = tower_of(families["xlm-roberta"], template=template)
    notes = [
        Note(title="a" * 100_000),
        Note(body="ramen in kyoto " * 7_000),
        Note(title="🍜" * 300, body="مرحبا بالعالم"),
        Note(title=" ", body="\t", tags=(" ",)),
        Note(category="food"),
        Note(title="\u200b"),
        Note(title="</s> <pad> [EMB]"),
    ]
    texts = [tower.read(note, FIELDS) for note in notes]
    vectors = tower.encode(texts)
    assert np.isfinite(vectors).all()
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), [1, 1, 1, 0, 0, 1, 1], atol=1e-5)
    longest = max(map(len, tower.tokens(texts)))
    assert longest == 256 if template == "plain" else longest <= tower.template.longest()
