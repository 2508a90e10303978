"""The heads: what they suggest, that they learn, that they are saved whole, and behind an encoder."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from statistics import NormalDist

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from encoders import Note, NoteEncoder, TowersConfig, from_pretrained
from encoders.config import parse_config
from encoders.errors import EncoderError, WeightsError
from encoders.heads.config import HeadsConfig
from encoders.heads.heads import Heads
from encoders.heads.words import IGNORED
from encoders.suggestion import Suggestion

CATEGORIES = ("food", "travel", "craft")
SMALL = {"hidden": 32, "width": 32, "layers": 1, "heads": 2, "max_tokens": 12}
DIM = 24
STEPS = 60


def unit(rows):
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture
def heads():
    return Heads(HeadsConfig(seed=0, categories=CATEGORIES, **SMALL), DIM)


@pytest.fixture
def vectors():
    return unit(np.random.default_rng(0).normal(size=(30, DIM)))


def test_the_category_is_the_largest_logit(heads, vectors):
    state = {name: tensor.double().numpy() for name, tensor in heads.module.category.state_dict().items()}
    hidden = vectors * DIM**0.5 @ state["0.weight"].T + state["0.bias"]
    hidden = hidden * np.vectorize(NormalDist().cdf)(hidden)  # GELU: x·Φ(x)
    logits = hidden @ state["2.weight"].T + state["2.bias"]
    expected = [CATEGORIES[i] for i in logits.argmax(axis=1)]
    assert len(set(expected)) == 3
    assert [one.category for one in heads.suggest(vectors)] == expected
    among = [("travel", "craft")[i] for i in logits[:, 1:].argmax(axis=1)]
    assert [one.category for one in heads.suggest(vectors, categories=("craft", "travel", "craft"))] == among
    assert {one.category for one in heads.suggest(vectors, categories=["food"])} == {"food"}
    assert {one.category for one in heads.suggest(vectors, categories=[])} == {None}


def test_an_unknown_category(heads, vectors):
    with pytest.raises(EncoderError, match="know no category 'sport': choose from food, travel, craft"):
        heads.suggest(vectors, categories=("food", "sport"))


def test_tags_are_few_different_and_bare(heads, vectors):
    for most in (0, 1, 3):
        for one in heads.suggest(vectors, max_tags=most):
            assert len(one.tags) <= most
            assert len({tag.casefold() for tag in one.tags}) == len(one.tags)
            assert all(tag.strip() == tag != "" and tag[0] != "#" for tag in one.tags)
    with pytest.raises(EncoderError, match="max_tags is -1"):
        heads.suggest(vectors, max_tags=-1)


def test_a_zero_row_gets_nothing_and_changes_nothing(heads, vectors, monkeypatch):
    monkeypatch.setattr("encoders.heads.heads.BATCH", 7)
    expected = heads.suggest(vectors)
    with_gaps = np.zeros((2 * len(vectors), DIM), dtype=np.float32)
    with_gaps[1::2] = vectors
    suggested = heads.suggest(with_gaps)
    assert suggested[::2] == [Suggestion((), None)] * len(vectors)
    assert suggested[1::2] == expected
    assert heads.suggest(vectors[:0]) == []


def test_threads_may_share_them(heads, vectors):
    expected = heads.suggest(vectors)
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda _: heads.suggest(vectors), range(8))) == [expected] * 8


@pytest.mark.parametrize("shape", [(3, DIM + 1), (DIM,), (1, 2, DIM)])
def test_vectors_of_another_shape(heads, shape):
    with pytest.raises(EncoderError, match="want vectors of 24 numbers"):
        heads.suggest(np.ones(shape, dtype=np.float32))


class TestSaved:
    def test_they_suggest_the_same(self, heads, vectors, tmp_path):
        with torch.no_grad():
            heads.module.decoder.positions += 0.5
        heads.save(tmp_path / "heads")
        config = heads.config.saved_as("heads").located_in(tmp_path)
        assert config.seed is None
        reopened = Heads(config, DIM)
        for name, tensor in heads.module.state_dict().items():
            torch.testing.assert_close(reopened.module.state_dict()[name], tensor, rtol=0, atol=0)
        assert reopened.suggest(vectors) == heads.suggest(vectors)
        assert sorted(path.name for path in (tmp_path / "heads").iterdir()) == ["heads.safetensors", "tokenizer.json"]

    def test_a_missing_or_damaged_file(self, heads, tmp_path):
        heads.save(tmp_path / "heads")
        config = heads.config.saved_as("heads").located_in(tmp_path)
        whole = (tmp_path / "heads" / "heads.safetensors").read_bytes()
        (tmp_path / "heads" / "heads.safetensors").write_bytes(whole[:1000])
        with pytest.raises(WeightsError, match="cannot be read"):
            Heads(config, DIM)
        (tmp_path / "heads" / "heads.safetensors").unlink()
        with pytest.raises(WeightsError, match="cannot be read"):
            Heads(config, DIM)
        (tmp_path / "heads" / "tokenizer.json").unlink()
        with pytest.raises(WeightsError, match=r"tokenizer\.json is missing"):
            Heads(config, DIM)

    def test_other_sizes_than_the_configuration_s(self, heads, tmp_path):
        heads.save(tmp_path / "heads")
        config = heads.config.saved_as("heads").located_in(tmp_path)
        with pytest.raises(EncoderError, match=r"category\.0\.weight is \(32, 24\) there, \(32, 25\) for"):
            Heads(config, DIM + 1)
        with pytest.raises(EncoderError, match=r"category\.2\.bias is \(3,\) there, \(2,\) for"):
            Heads(config.model_copy(update={"categories": ("food", "travel")}), DIM)
        with pytest.raises(EncoderError, match=r"layers\.1\..* is missing there"):
            Heads(config.model_copy(update={"layers": 2}), DIM)
        path = tmp_path / "heads" / "heads.safetensors"
        save_file(load_file(path) | {"extra": torch.zeros(1)}, path)
        with pytest.raises(EncoderError, match=r"extra is \(1,\) there, nothing for"):
            Heads(config, DIM)


def test_a_seed_decides_the_weights():
    def weights(seed):
        return Heads(HeadsConfig(seed=seed, categories=CATEGORIES, **SMALL), DIM).module.state_dict()

    torch.manual_seed(7)
    first = weights(1)
    again, other = weights(1), weights(2)
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["decoder.words.weight"], other["decoder.words.weight"])


def test_neither_folder_nor_seed():
    with pytest.raises(EncoderError, match="neither a folder nor a seed"):
        Heads(HeadsConfig(categories=CATEGORIES), DIM)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"categories": ("food", "food")}, "different names"),
        ({"categories": ("food", " ")}, "different names"),
        ({"categories": ("food",), "width": 30, "heads": 4}, "30 is not a multiple of 4 heads"),
    ],
)
def test_a_configuration_that_does_not_hold_together(fields, message):
    with pytest.raises(EncoderError, match=message):
        parse_config({"heads": {"seed": 0} | fields})


def test_the_default_decoder_is_small():
    module = Heads(HeadsConfig(seed=0, categories=CATEGORIES), 384).module.decoder
    assert sum(weight.numel() for name, weight in module.named_parameters() if name != "words.weight") < 5_000_000


def test_they_learn(tmp_path):
    """Sixty embeddings about twelve points, with a point's tags and category: plain AdamW finds them again."""
    rng = np.random.default_rng(3)
    vocabulary = ["soup", "castiron", "how-to", "kyoto", "trail run", "大理", "linen", "clay", "c++", "night"]
    centres = rng.normal(size=(12, DIM))
    topic = np.repeat(np.arange(12), 5)
    vectors = unit(centres[topic] + 0.2 * rng.normal(size=(60, DIM)))
    tags_of = [tuple(vocabulary[i] for i in rng.permutation(len(vocabulary))[: 1 + t % 3]) for t in range(12)]
    heads = Heads(HeadsConfig(seed=0, categories=CATEGORIES, **{**SMALL, "max_tokens": 20}), DIM)
    module = heads.module.train()
    inputs, targets = heads.words.batch([tags_of[t] for t in topic], heads.config.max_tokens)
    categories = torch.from_numpy(topic % 3)
    optimizer = torch.optim.AdamW(module.parameters(), lr=1e-2)
    losses = []
    for _ in range(STEPS):
        rows = torch.from_numpy(rng.permutation(60)[:16])
        of_category, of_tags = module(torch.from_numpy(vectors)[rows], inputs[rows])
        loss = torch.nn.functional.cross_entropy(of_category, categories[rows])
        loss = loss + torch.nn.functional.cross_entropy(
            of_tags.flatten(0, 1), targets[rows].flatten(), ignore_index=IGNORED
        )
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    module.eval()
    assert losses[-1] < 0.1 * losses[0]
    expected = [Suggestion(tags_of[t], CATEGORIES[t % 3]) for t in topic]
    assert heads.suggest(vectors) == expected
    # Embeddings it has not seen, about the same points.
    unseen = unit(centres + 0.2 * rng.normal(size=(12, DIM)))
    right = sum(one == Suggestion(tags_of[t], CATEGORIES[t % 3]) for t, one in enumerate(heads.suggest(unseen)))
    assert right >= 9
    heads.save(tmp_path)
    reopened = Heads(heads.config.model_copy(update={"folder": str(tmp_path), "seed": None}), DIM)
    assert reopened.suggest(vectors) == expected


class TestBehindAnEncoder:
    NOTES = (
        Note(title="Ramen in Kyoto", body="Where to eat.", tags=("ramen",), category="food"),
        Note(title="Linen curtains"),
        Note(body="x"),
    )

    def test_a_saved_folder_suggests_the_same(self, tmp_path):
        config = TowersConfig(heads=HeadsConfig(seed=0, categories=CATEGORIES, **SMALL))
        encoder = NoteEncoder(config, "float32")
        expected = encoder.suggest_tags(self.NOTES, 3)
        encoder.save_pretrained(tmp_path / "encoder")
        assert json.loads((tmp_path / "encoder" / "config.json").read_text())["encoder"]["heads"]["folder"] == "heads"
        reopened = from_pretrained(tmp_path / "encoder", "float32")
        assert reopened.suggest_tags(self.NOTES, 3) == expected
        assert {one.category for one in reopened.suggest_tags(self.NOTES, categories=("craft",))} == {"craft"}
        with pytest.raises(EncoderError, match="know no category"):
            reopened.suggest_tags(self.NOTES, categories=("sport",))

    def test_what_is_asked_for_is_not_read(self):
        encoder = NoteEncoder(TowersConfig(heads=HeadsConfig(seed=0, categories=CATEGORIES, **SMALL)), "float32")
        bare = [note.model_copy(update={"tags": (), "category": None}) for note in self.NOTES]
        assert encoder.suggest_tags(self.NOTES) == encoder.suggest_tags(bare)
        only_tags = Note(tags=("ramen",), category="food")
        assert encoder.suggest_tags([only_tags]) == [Suggestion((), None)]

    def test_over_any_transformer(self, bert_folder, tmp_path):
        heads = {"seed": 1, "categories": CATEGORIES, **SMALL}
        text = {"tower": "transformer", "model": str(bert_folder), "template": "note", "pooling": "emb", "project": 24}
        encoder = NoteEncoder(parse_config({"text": text, "heads": heads}), "float32")
        expected = encoder.suggest_tags(self.NOTES)
        encoder.save_pretrained(tmp_path / "encoder")
        reopened = from_pretrained(tmp_path / "encoder", "float32")
        assert reopened.suggest_tags(self.NOTES) == expected
        np.testing.assert_array_equal(reopened.encode(self.NOTES), encoder.encode(self.NOTES))
        assert reopened.fingerprint == encoder.fingerprint

    def test_without_heads(self, encoder):
        with pytest.raises(EncoderError, match="nothing to suggest tags with"):
            encoder.suggest_tags(self.NOTES)
