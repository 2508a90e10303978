"""Text models of sentence-transformers as a text tower, against plain transformers and against our own MiniLM."""

from __future__ import annotations

import json
import shutil
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from encoders import Note, NoteEncoder, TowersConfig, from_pretrained
from encoders.config import NoImageConfig
from encoders.errors import EncoderError, NoteRejected, Reason, WeightsError
from encoders.sentence_transformer.config import SentenceTransformerTextConfig
from encoders.sentence_transformer.text_tower import SentenceTransformerTower
from encoders.text.stock import find_minilm

TEXTS = ["ramen in Kyoto", "🍜" * 40, "مرحبا بالعالم", "上海美食探店", "a", "word " * 20_000, "line\nline\ttab"]


def tower_of(model, precision="float32", **options) -> SentenceTransformerTower:
    return SentenceTransformerTower(SentenceTransformerTextConfig(model=str(model), **options), precision)


@pytest.fixture(scope="module")
def tower() -> SentenceTransformerTower:
    return tower_of(find_minilm())


@pytest.fixture(scope="module")
def small(bert_folder, tmp_path_factory):
    """A small BERT as sentence-transformers saves it, with mean pooling."""
    from sentence_transformers import SentenceTransformer

    folder = tmp_path_factory.mktemp("st-text") / "small"
    model = SentenceTransformer(str(bert_folder), device="cpu", local_files_only=True)
    model.save_pretrained(str(folder), create_model_card=False)
    return folder


def changed(model, folder, **settings):
    """Copy a model with other settings in config_sentence_transformers.json."""
    shutil.copytree(model, folder)
    path = folder / "config_sentence_transformers.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | settings))
    return folder


def by_transformers(folder, texts, limit):
    """Mean-pooled unit rows by plain transformers, float32, one text at a time."""
    import torch
    from transformers import AutoModel, AutoTokenizer

    model, words = AutoModel.from_pretrained(folder).eval(), AutoTokenizer.from_pretrained(folder)
    rows = []
    with torch.inference_mode():
        for text in texts:
            tokens = words(text, return_tensors="pt", truncation=True, max_length=limit)
            mean = model(**tokens).last_hidden_state[0].mean(dim=0)
            rows.append((mean / mean.norm()).numpy())
    return np.stack(rows)


def test_minilm_is_our_own_minilm(tower, encoder):
    vectors = tower.encode(TEXTS)
    assert vectors.dtype == np.float32
    assert tower.dim == 384
    np.testing.assert_allclose(vectors, encoder.text.encode(TEXTS), atol=2e-6)


def test_a_plain_transformers_model_is_mean_pooled(bert_folder):
    tower = tower_of(bert_folder, max_tokens=48)
    np.testing.assert_allclose(tower.encode(TEXTS), by_transformers(bert_folder, TEXTS, 48), atol=2e-5)


def test_a_long_text_never_goes_beyond_the_positions(bert_folder):
    """Its tokenizer knows no limit of its own; the model has 512 positions."""
    tower = tower_of(bert_folder)
    assert tower.loaded.max_tokens == 512
    np.testing.assert_allclose(
        tower.encode(["word " * 20_000]), by_transformers(bert_folder, ["word " * 20_000], 512), atol=2e-5
    )


def test_blank_texts_are_zero_rows(tower):
    vectors = tower.encode(["", "ramen", " \n\u3000"])
    assert not vectors[[0, 2]].any()
    assert np.linalg.norm(vectors[1]) == pytest.approx(1, abs=1e-6)
    assert tower.encode([]).shape == (0, 384)
    assert tower.encode([""]).shape == (1, 384)


def test_words_that_look_like_pictures_are_words(tower, encoder, picture, tmp_path, monkeypatch, unreached):
    """The library would open the file and fetch the address, were they handed over as they are."""
    path = tmp_path / "cat.png"
    picture(1).save(path)
    texts = [str(path), path.as_uri(), "https://host.example/x.jpg", "data:image/png;base64,iVBORw0KGgo=", "x.jpg"]
    monkeypatch.setattr("PIL.Image.open", lambda *_, **__: pytest.fail("a picture was opened"))
    np.testing.assert_allclose(tower.encode(texts), encoder.text.encode(texts), atol=2e-6)


def test_notes_are_rendered_as_for_other_towers(tower):
    note = Note(title="Ramen", body="in Kyoto", tags=("food", "japan"), category="Travel")
    assert tower.read(note, ("title", "category", "tags", "body")) == "Ramen. Travel. food, japan. in Kyoto"
    assert tower.read(Note(category="Travel"), ("title", "category")) == ""
    with pytest.raises(NoteRejected) as refused:
        tower.read(note.model_copy(update={"body": "half \ud83d"}), ("body",))
    assert refused.value.reason == Reason.INVALID_UTF8


@pytest.mark.parametrize(
    ("settings", "prompt"),
    [
        ({"prompts": {"clustering": "cluster: "}, "default_prompt_name": None}, ""),
        ({"prompts": {"clustering": "cluster: "}, "default_prompt_name": "clustering"}, "cluster: "),
        ({"prompts": {"query": "q: ", "passage": "p: "}, "default_prompt_name": "query"}, "p: "),
        ({"prompts": {"query": "q: ", "document": ""}, "default_prompt_name": None}, ""),
    ],
)
def test_notes_are_documents(small, tmp_path, settings, prompt):
    """The model's prompt for documents, else its default one; the query's never, as both sides are notes."""
    plain = tower_of(small, max_tokens=32)
    prompted = tower_of(changed(small, tmp_path / "model", **settings), max_tokens=32)
    np.testing.assert_allclose(prompted.encode(["ramen"]), plain.encode([prompt + "ramen"]), atol=1e-6)
    assert (prompted.identity() == plain.identity()) == (prompt == "")


def test_its_own_cut_of_the_vector_is_kept(small, tmp_path):
    cut = tower_of(changed(small, tmp_path / "model", truncate_dim=16), max_tokens=32)
    whole = tower_of(small, max_tokens=32).encode(TEXTS)[:, :16]
    assert cut.dim == 16
    np.testing.assert_allclose(cut.encode(TEXTS), whole / np.linalg.norm(whole, axis=1, keepdims=True), atol=1e-6)
    assert cut.identity() != tower_of(small, max_tokens=32).identity()


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_saved_and_opened_it_is_the_same(small, tmp_path, precision):
    config = SentenceTransformerTextConfig(model=str(small), max_tokens=24)
    tower = SentenceTransformerTower(config, precision)
    tower.save(tmp_path / "text")
    assert not [path for path in tmp_path.rglob("*") if path.suffix in (".bin", ".pt", ".py")]
    again = SentenceTransformerTower(config.saved_as("text").located_in(tmp_path), "float32")
    assert again.identity() == tower.identity()
    np.testing.assert_array_equal(again.encode(TEXTS), tower_of(small, max_tokens=24).encode(TEXTS))


def test_the_identity_is_that_of_the_model_alone(small, tmp_path):
    """Not of the place or the precision; but of pooling, words, weights and length."""
    shutil.copytree(small, tmp_path / "copy")
    whole = tower_of(small).identity()
    assert tower_of(tmp_path / "copy", "bfloat16").identity() == whole
    assert tower_of(small, max_tokens=32).identity() != whole
    pooling = tmp_path / "copy" / "1_Pooling" / "config.json"
    pooling.write_text(pooling.read_text().replace('"mean"', '"cls"'))
    assert tower_of(tmp_path / "copy").identity() != whole
    shutil.copytree(small, tmp_path / "words")
    words = tmp_path / "words" / "tokenizer.json"
    words.write_text(words.read_text().replace('"##ing"', '"##gni"'))
    assert tower_of(tmp_path / "words").identity() != whole


def test_static_embeddings_read_strings(tmp_path, unreached):
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding
    from tokenizers import Tokenizer

    words = Tokenizer.from_file(str(find_minilm() / "tokenizer.json"))
    words.no_padding()
    table = np.random.default_rng(3).normal(0, 1, (words.get_vocab_size(), 8)).astype(np.float32)
    model = SentenceTransformer(modules=[StaticEmbedding(words, embedding_weights=table)], device="cpu")
    model.save_pretrained(str(tmp_path / "static"), create_model_card=False)
    texts = ["ramen in kyoto", "https://host.example/x.jpg"]
    rows = [table[words.encode(text, add_special_tokens=False).ids].mean(axis=0) for text in texts]
    expected = np.stack([row / np.linalg.norm(row) for row in rows])
    np.testing.assert_allclose(tower_of(tmp_path / "static").encode(texts), expected, atol=1e-6)


def test_many_threads_at_once(small):
    tower = tower_of(small, max_tokens=32)
    texts = [f"note {'word ' * (i % 7)}{i}" for i in range(40)]
    alone = tower.encode(texts)
    with ThreadPoolExecutor(6) as pool:
        together = list(pool.map(lambda i: tower.encode([texts[i], texts[-i]])[0], range(40)))
    np.testing.assert_allclose(np.stack(together), alone, atol=2e-6)


def test_in_an_encoder_folder(small, tmp_path):
    text = SentenceTransformerTextConfig(model=str(small), max_tokens=32)
    encoder = NoteEncoder(TowersConfig(text=text, image=NoImageConfig()), "float32")
    encoder.save_pretrained(tmp_path / "encoder")
    again = from_pretrained(tmp_path / "encoder", "float32")
    notes = [Note(title=text) for text in TEXTS]
    np.testing.assert_array_equal(again.encode(notes), encoder.encode(notes))
    assert again.fingerprint == encoder.fingerprint


def test_pickled_weights_are_refused(small, tmp_path):
    shutil.copytree(small, tmp_path / "model")
    (tmp_path / "model" / "model.safetensors").rename(tmp_path / "model" / "pytorch_model.bin")
    with pytest.raises(WeightsError, match="pickled"):
        tower_of(tmp_path / "model")


@pytest.fixture
def with_dense(small, tmp_path):
    """A copy of the small model with a third module, a dense layer, whose weights are not there yet."""
    folder = tmp_path / "model"
    shutil.copytree(small, folder)
    dense = folder / "2_Dense"
    dense.mkdir()
    shape = {"in_features": 64, "out_features": 8, "bias": True, "activation_function": "torch.nn.Identity"}
    (dense / "config.json").write_text(json.dumps(shape))
    modules = json.loads((folder / "modules.json").read_text())[:2]
    kind = "sentence_transformers.models.Dense"
    modules.append({"idx": 2, "name": "2", "path": "2_Dense", "type": kind})
    (folder / "modules.json").write_text(json.dumps(modules))
    return folder


@pytest.fixture
def unpickled(monkeypatch):
    """The test fails where anything is unpickled by torch."""
    import torch

    def load(*given, **options):
        raise AssertionError(f"torch.load of {given}")

    monkeypatch.setattr(torch, "load", load)


@pytest.mark.parametrize("decoy", ["decoy.safetensors", "model.safetensors.index.json", "config.json"])
def test_a_decoy_beside_a_pickle_is_no_reason_to_read_it(with_dense, decoy, unpickled):
    import torch

    dense = with_dense / "2_Dense"
    torch.save({"linear.weight": torch.zeros(8, 64), "linear.bias": torch.zeros(8)}, dense / "pytorch_model.bin")
    if decoy.startswith("model"):
        part = "model-00001-of-00001.safetensors"
        (dense / decoy).write_text(json.dumps({"weight_map": {"a": part}}))
        shutil.copy(with_dense / "model.safetensors", dense / part)
    elif decoy.startswith("decoy"):
        shutil.copy(with_dense / "model.safetensors", dense / decoy)
    with pytest.raises(WeightsError, match=r"2_Dense/pytorch_model\.bin holds pickled.*no model\.safetensors"):
        tower_of(with_dense)


def test_a_pickle_that_is_not_read_may_lie_beside_safetensors(with_dense, unpickled):
    import torch
    from safetensors.torch import save_file

    dense = with_dense / "2_Dense"
    weight = torch.eye(8, 64)
    save_file({"linear.weight": weight, "linear.bias": torch.zeros(8)}, dense / "model.safetensors")
    (dense / "pytorch_model.bin").write_bytes(b"of no use")
    (with_dense / "training_args.bin").write_bytes(b"of no use")
    vectors = tower_of(with_dense).encode(TEXTS[:3])
    assert vectors.shape == (3, 8)


def test_a_pickled_adapter_beside_whole_weights_is_refused(small, tmp_path, unpickled):
    shutil.copytree(small, tmp_path / "model")
    (tmp_path / "model" / "adapter_model.bin").write_bytes(b"a pickle")
    with pytest.raises(WeightsError, match=r"adapter_model\.bin holds pickled.*no adapter_model\.safetensors"):
        tower_of(tmp_path / "model")


@pytest.mark.parametrize("named", ["config", "index"])
def test_a_pickle_of_any_name_is_refused(small, tmp_path, unpickled, named):
    """config.json may name the file of the weights, and the list of parts the files of the parts."""
    import torch

    folder = tmp_path / "model"
    shutil.copytree(small, folder)
    torch.save({}, folder / "weights.dat")
    if named == "config":
        described = json.loads((folder / "config.json").read_text())
        (folder / "config.json").write_text(json.dumps(described | {"transformers_weights": "weights.dat"}))
    else:
        (folder / "model.safetensors").unlink()
        (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {"a": "weights.dat"}}))
    with pytest.raises(WeightsError, match=r"weights\.dat.*no \.?safetensors file"):
        tower_of(folder)


def test_foreign_modules_are_refused(small, tmp_path):
    shutil.copytree(small, tmp_path / "model")
    modules = tmp_path / "model" / "modules.json"
    modules.write_text(modules.read_text().replace("sentence_transformers.", "modeling_evil.", 1))
    (tmp_path / "model" / "modeling_evil.py").write_text("raise SystemExit('ran')")
    with pytest.raises(EncoderError, match=r"modeling_evil\..* is not run"):
        tower_of(tmp_path / "model")


def test_code_that_comes_with_a_model_is_not_run(small, tmp_path):
    shutil.copytree(small, tmp_path / "model")
    (tmp_path / "model" / "modeling_evil.py").write_text("raise SystemExit('ran')")
    described = json.loads((tmp_path / "model" / "config.json").read_text())
    described |= {
        "model_type": "evil",
        "auto_map": {"AutoConfig": "modeling_evil.Config", "AutoModel": "modeling_evil.M"},
    }
    (tmp_path / "model" / "config.json").write_text(json.dumps(described))
    with pytest.raises(EncoderError, match="code of its own, which is not run"):
        tower_of(tmp_path / "model")


def test_an_encoder_folder_is_named_as_it_is(encoder, tmp_path):
    encoder.save_pretrained(tmp_path / "encoder")
    with pytest.raises(EncoderError, match="without 'st:'"):
        tower_of(tmp_path / "encoder")


def test_what_is_no_model(tmp_path, small):
    with pytest.raises(WeightsError, match="no model folder"):
        tower_of(tmp_path / "gone")
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(WeightsError, match=r"modules\.json.* found notes\.txt"):
        tower_of(tmp_path)
    shutil.copytree(small, tmp_path / "broken")
    (tmp_path / "broken" / "model.safetensors").write_bytes(b"junk" * 100)
    with pytest.raises(EncoderError, match="broken"):
        tower_of(tmp_path / "broken")
    (tmp_path / "broken" / "modules.json").write_text("{")
    with pytest.raises(EncoderError, match=r"modules\.json cannot be read"):
        tower_of(tmp_path / "broken")


def test_a_hub_that_cannot_be_reached():
    with pytest.raises(WeightsError, match="hf download nobody/no-such-model"):
        tower_of("nobody/no-such-model")


def test_more_tokens_than_positions(small):
    with pytest.raises(EncoderError, match="max_tokens 4096 is more than the 512"):
        tower_of(small, max_tokens=4096)
