"""The text tower against sentence-transformers on the same files, and against itself in other company."""

from __future__ import annotations

import numpy as np
import pytest
from sentence_transformers import SentenceTransformer

from encoders.errors import WeightsError
from encoders.text.minilm import MiniLM
from encoders.text.stock import find_minilm

WORDS = ["ramen", "kyoto", "京都", "trail", "sunset", "🍜", "how-to", "café", "résumé", "T-34", "a.b@c.de", "1,234.5"]
WORDS += ["½", "ﬁ", "ß", "İ", "don't", "[red]x[/red]"]


def texts_of(count, seed):
    rng = np.random.default_rng(seed)
    lengths = [1, 2, 3, 900, 400, *rng.integers(1, 120, count - 5)]
    return [" ".join(rng.choice(WORDS, length)) for length in lengths]


@pytest.fixture(scope="module")
def texts():
    odd = ["a", ".", "​", "\u00ad", "[CLS] [SEP] [MASK]", "A" * 3000, "words\nin\tlines", "مرحبا", "🍜" * 50, "e\u0301"]
    return [*texts_of(40, 0), *odd]


@pytest.fixture(scope="module")
def tower(encoder):
    return encoder.text


@pytest.fixture(scope="module")
def reference() -> SentenceTransformer:
    return SentenceTransformer(str(find_minilm()), device="cpu", local_files_only=True)


def cosines(a, b):
    return (a * b).sum(axis=1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)


def test_float32_is_sentence_transformers(tower, reference, texts):
    expected = reference.encode(texts, normalize_embeddings=True)
    assert reference.max_seq_length == tower.max_tokens == 256
    vectors = tower.encode(texts)
    assert vectors.shape == expected.shape
    assert cosines(vectors, expected).min() >= 0.99999


def test_bfloat16_is_close_to_it(reference, texts):
    expected = reference.encode(texts, normalize_embeddings=True)
    vectors = MiniLM(precision="bfloat16").encode(texts)
    assert vectors.dtype == np.float32
    assert cosines(vectors, expected).min() >= 0.999
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


def test_another_cut_is_that_of_sentence_transformers_too(reference, texts, monkeypatch):
    monkeypatch.setattr(reference, "max_seq_length", 32)
    expected = reference.encode(texts, normalize_embeddings=True)
    assert cosines(MiniLM(max_tokens=32, precision="float32").encode(texts), expected).min() >= 0.99999


def test_company_and_order_change_nothing_beyond_rounding(tower, texts):
    together = tower.encode(texts)
    for i in range(0, len(texts), 7):
        np.testing.assert_allclose(tower.encode([texts[i]])[0], together[i], atol=2e-6)
    order = np.random.default_rng(1).permutation(len(texts))
    np.testing.assert_allclose(tower.encode([texts[i] for i in order]), together[order], atol=2e-6)


def test_many_texts_in_several_batches(tower, monkeypatch):
    monkeypatch.setattr("encoders.text.minilm.TOKEN_BUDGET", 600)
    texts = texts_of(40, 3) * 2
    vectors = tower.encode(texts)
    np.testing.assert_allclose(vectors[:40], vectors[40:], atol=2e-6)
    assert float((vectors[0] - vectors[1]) @ (vectors[0] - vectors[1])) > 1e-3


def test_long_texts_are_cut_at_the_end(tower):
    head = " ".join(f"word{i}" for i in range(300))  # each several tokens: over 256 by far
    whole, other = tower.encode([head + " about ramen", head + " about trains"])
    np.testing.assert_allclose(whole, other, atol=1e-6)
    front, changed = tower.encode(["ramen " + head, "trains " + head])
    assert float(front @ changed) < 0.999


@pytest.mark.parametrize("blank", ["", " ", "\n\t\u3000"], ids=repr)
def test_blank_texts_are_zero_rows(tower, blank):
    vectors = tower.encode([blank, "ramen", blank])
    assert not vectors[[0, 2]].any()
    assert np.linalg.norm(vectors[1]) == pytest.approx(1, abs=1e-6)


def test_no_texts(tower):
    assert tower.encode([]).shape == (0, 384)
    assert tower.encode([""]).shape == (1, 384)


def test_meaning_is_near(tower):
    noodles, soup, engine = tower.encode(["noodle soup in Kyoto", "a bowl of ramen in Japan", "how to mend an engine"])
    assert float(noodles @ soup) > float(noodles @ engine) + 0.3


@pytest.mark.parametrize("lacking", ["model.safetensors", "tokenizer.json"])
def test_a_folder_without_a_file(tmp_path, lacking):
    stock = find_minilm()
    for name in {"model.safetensors", "tokenizer.json"} - {lacking}:
        (tmp_path / name).symlink_to(stock / name)
    with pytest.raises(WeightsError, match=lacking):
        MiniLM(tmp_path)


def test_weights_that_are_none(tmp_path):
    (tmp_path / "tokenizer.json").symlink_to(find_minilm() / "tokenizer.json")
    (tmp_path / "model.safetensors").write_bytes(b"junk" * 100)
    with pytest.raises(WeightsError, match="does not hold a MiniLM"):
        MiniLM(tmp_path)


def test_weights_of_another_model(tmp_path):
    import torch
    from safetensors.torch import save_file

    (tmp_path / "tokenizer.json").symlink_to(find_minilm() / "tokenizer.json")
    save_file({"embeddings.word_embeddings.weight": torch.zeros(10, 4)}, tmp_path / "model.safetensors")
    with pytest.raises(WeightsError, match="does not hold a MiniLM"):
        MiniLM(tmp_path)
