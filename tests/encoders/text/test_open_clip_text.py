"""The text half of CLIP against open_clip itself, one text at a time; and words that find pictures."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import open_clip
import pytest
import torch

from encoders import Note, NoteEncoder, NoteImage, TowersConfig
from encoders.config import OpenClipConfig, OpenClipTextConfig
from encoders.errors import EncoderError, NoteRejected, WeightsError
from encoders.text.open_clip_text import OpenClipText
from encoders.text.stock import find_minilm
from encoders.vision.open_clip_model import SHAPES, build_clip, find_clip, save_clip

TEXTS = [
    "a photo of a cat",
    "A Photo of a CAT!!",
    "火锅 🍲 in the evening, 上海",
    "مرحبا بالعالم",
    "word " * 200,
    "x" * 490,
    "&lt;b&gt; it's",
    "🙂",
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A whole CLIP model of the small shape, as open_clip writes them."""
    folder = tmp_path_factory.mktemp("clip") / "small"
    parts = find_clip(OpenClipTextConfig(model="tiny", seed=4))
    save_clip(parts, build_clip(parts).visual.preprocess_cfg, folder)
    return folder


@pytest.fixture(scope="module")
def plain(folder):
    """Plain open_clip: its own loader, tokenizer, transform."""
    model, _, transform = open_clip.create_model_and_transforms(f"local-dir:{folder}")
    return model.eval(), open_clip.get_tokenizer(f"local-dir:{folder}"), transform


@pytest.fixture(scope="module")
def tower(folder):
    return OpenClipText(OpenClipTextConfig(model=str(folder)), "float32")


def test_it_is_open_clip(tower, plain):
    model, tokenizer, _ = plain
    with torch.no_grad():
        expected = torch.cat([model.encode_text(tokenizer([text]), normalize=True) for text in TEXTS]).numpy()
    vectors = tower.encode(TEXTS)
    assert vectors.dtype == np.float32
    assert vectors.shape == (len(TEXTS), tower.dim) == (len(TEXTS), 64)
    np.testing.assert_allclose(vectors, expected, atol=2e-6)
    assert np.abs(expected[2:] - expected[0]).max(axis=1).min() > 1e-3


def test_blank_texts_are_zero_rows_and_order_does_not_matter(tower):
    vectors = tower.encode(["", *TEXTS, " \n"])
    assert not vectors[[0, -1]].any()
    np.testing.assert_allclose(vectors[1:-1], tower.encode(TEXTS[::-1])[::-1], atol=1e-6)
    assert tower.encode([]).shape == (0, 64)


def test_bfloat16_is_close(folder, tower):
    rough = OpenClipText(OpenClipTextConfig(model=str(folder)), "bfloat16").encode(TEXTS)
    assert rough.dtype == np.float32
    assert (rough * tower.encode(TEXTS)).sum(axis=1).min() >= 0.999


@pytest.mark.parametrize(
    "body", ["a" * 100_000, "火锅" * 50_000, "🙂" * 100_000, "word " * 20_000, "é\u200f\t" * 30_000]
)
def test_a_very_long_body_is_cut_before_it_costs(tower, monkeypatch, body):
    """open_clip's tokenizer takes the square of a word's length in time: minutes for some of these."""
    plain, seen = tower.tokenizer, []

    class Counting:
        context_length = plain.context_length

        def __call__(self, texts):
            seen.extend(texts)
            return plain(texts)

    monkeypatch.setattr(tower, "tokenizer", Counting())
    assert np.linalg.norm(tower.encode([body])) == pytest.approx(1)
    words = seen[0].split()
    assert len(words) <= 154
    assert max(map(len, words)) <= 500


def test_what_is_cut_is_beyond_the_context(tower, plain):
    model, tokenizer, _ = plain
    bodies = ["the quick brown fox jumps " * 4000, "火" * 700, "ab" * 400]
    with torch.no_grad():
        expected = torch.cat([model.encode_text(tokenizer([body]), normalize=True) for body in bodies])
    np.testing.assert_allclose(tower.encode(bodies), expected, atol=2e-6)


def test_the_words_remembered_are_bounded(tower, monkeypatch):
    monkeypatch.setattr("encoders.text.open_clip_text.REMEMBERED", 20)
    before = tower.encode(["alpha beta gamma"])
    tower.encode([" ".join(f"word{i}x" for i in range(60))])
    tower.encode(["two words"])
    assert len(tower.tokenizer.cache) < 20
    np.testing.assert_allclose(tower.encode(["alpha beta gamma"]), before, atol=1e-7)


def test_threads_share_a_tower(tower):
    expected = tower.encode(TEXTS)
    with ThreadPoolExecutor(4) as pool:
        for vectors in pool.map(lambda _: tower.encode(TEXTS), range(8)):
            np.testing.assert_allclose(vectors, expected, atol=1e-6)


def test_a_note_is_read_as_its_fields(tower):
    note = Note(title="Hot pot", tags=("food", "night"), body="In Shanghai")
    assert tower.read(note, ("title", "tags", "body")) == "Hot pot. food, night. In Shanghai"
    with pytest.raises(NoteRejected):
        tower.read(Note.model_construct(title="\ud83d", body="", tags=(), category=None), ("title",))


def test_saved_it_opens_again_and_in_open_clip(tower, folder, tmp_path):
    config = OpenClipTextConfig(model=str(folder))
    tower.save(tmp_path / "text")
    again = OpenClipText(config.saved_as("text").located_in(tmp_path), "float32")
    np.testing.assert_array_equal(again.encode(TEXTS), tower.encode(TEXTS))
    assert again.identity() == tower.identity() == OpenClipText(config, "bfloat16").identity()
    model, _, _ = open_clip.create_model_and_transforms(f"local-dir:{tmp_path / 'text'}")
    tokens = open_clip.get_tokenizer(f"local-dir:{tmp_path / 'text'}")(TEXTS)
    with torch.no_grad():
        rows = model.eval().encode_text(tokens, normalize=True)
    np.testing.assert_allclose(rows, tower.encode(TEXTS), atol=2e-6)


def test_in_one_space_a_text_scores_a_picture_as_clip_does(folder, plain, picture, encoded, tmp_path):
    model, tokenizer, transform = plain
    config = TowersConfig(
        text=OpenClipTextConfig(model=str(folder)),
        image=OpenClipConfig(model=str(folder)),
        join="shared",
        image_share=0.5,
    )
    encoder = NoteEncoder(config, "float32")
    images = [picture(seed, (90, 70)) for seed in range(4)]
    notes = [Note(images=(NoteImage.from_bytes(encoded(image, "PNG")),)) for image in images]
    queries = [Note(title="a cat in the sun"), Note(title="a plate of noodles")]
    with torch.no_grad():
        pictures = torch.cat([model.encode_image(transform(image)[None], normalize=True) for image in images])
        words = torch.cat([model.encode_text(tokenizer([query.title]), normalize=True) for query in queries])
    scores = encoder.encode(queries) @ encoder.encode(notes).T
    np.testing.assert_allclose(scores, words @ pictures.T, atol=3e-6)
    assert encoder.dim == 64
    both = encoder.encode([notes[0].model_copy(update={"title": "a cat in the sun"})])[0]
    mean = (words[0] + pictures[0]).numpy()
    np.testing.assert_allclose(both, mean / np.linalg.norm(mean), atol=3e-6)
    encoder.save_pretrained(tmp_path / "saved")
    again = NoteEncoder.from_pretrained(tmp_path / "saved", "float32")
    assert again.fingerprint == encoder.fingerprint
    np.testing.assert_array_equal(again.encode(queries), encoder.encode(queries))


def test_a_text_half_of_its_own_kind(tmp_path):
    """Architectures with `custom_text` keep the text half in a module of its own, and may pool and mask otherwise."""
    architecture = json.loads(json.dumps(SHAPES["tiny"])) | {"custom_text": True}
    architecture["text_cfg"] |= {"pool_type": "last", "no_causal_mask": True, "proj_bias": True}
    (tmp_path / "open_clip_config.json").write_text(json.dumps({"model_cfg": architecture}))
    tower = OpenClipText(config := OpenClipTextConfig(model=str(tmp_path), seed=2), "float32")
    tower.save(tmp_path / "text")
    model, _, _ = open_clip.create_model_and_transforms(f"local-dir:{tmp_path / 'text'}")
    with torch.no_grad():
        rows = model.eval().encode_text(open_clip.tokenize(TEXTS), normalize=True)
    assert isinstance(model, open_clip.CustomTextCLIP)
    np.testing.assert_allclose(rows, tower.encode(TEXTS), atol=2e-6)
    again = OpenClipText(config.saved_as("text").located_in(tmp_path), "float32")
    assert again.identity() == tower.identity()


@pytest.fixture
def hf_folder(tmp_path):
    """A CLIP folder whose tokenizer is one of transformers, lying beside the config."""
    from transformers import PreTrainedTokenizerFast

    architecture = json.loads(json.dumps(SHAPES["tiny"]))
    architecture["text_cfg"] |= {"vocab_size": 30_522, "context_length": 16, "hf_tokenizer_name": "owner/bert"}
    folder = tmp_path / "hf"
    folder.mkdir()
    (folder / "open_clip_config.json").write_text(json.dumps({"model_cfg": architecture}))
    PreTrainedTokenizerFast(
        tokenizer_file=str(find_minilm() / "tokenizer.json"),
        pad_token="[PAD]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        unk_token="[UNK]",
    ).save_pretrained(folder)
    return folder


def test_a_tokenizer_of_transformers_beside_the_model(hf_folder, tmp_path, unreached):
    tower = OpenClipText(config := OpenClipTextConfig(model=str(hf_folder), seed=1), "float32")
    tower.save(tmp_path / "text")
    model, _, _ = open_clip.create_model_and_transforms(f"local-dir:{tmp_path / 'text'}")
    tokens = open_clip.get_tokenizer(f"local-dir:{tmp_path / 'text'}")(TEXTS)
    assert tokens.shape == (len(TEXTS), 16)
    with torch.no_grad():
        rows = model.eval().encode_text(tokens, normalize=True)
    np.testing.assert_allclose(rows, tower.encode(TEXTS), atol=2e-6)
    again = OpenClipText(config.saved_as("text").located_in(tmp_path), "float32")
    np.testing.assert_array_equal(again.encode(TEXTS), tower.encode(TEXTS))


def test_the_words_of_its_tokenizer_are_in_the_identity(hf_folder, tmp_path, unreached):
    tower = OpenClipText(config := OpenClipTextConfig(model=str(hf_folder), seed=1), "float32")
    identity = tower.identity()
    tower.encode(TEXTS)
    assert tower.identity() == identity
    tower.save(tmp_path / "text")
    saved = config.saved_as("text").located_in(tmp_path)
    assert OpenClipText(saved, "bfloat16").identity() == identity
    swapped = json.loads((path := hf_folder / "tokenizer.json").read_text())
    words = swapped["model"]["vocab"]
    words["cat"], words["dog"] = words["dog"], words["cat"]
    path.write_text(json.dumps(swapped))
    other = OpenClipText(config, "float32")
    assert other.identity() != identity
    assert other.identity() | {"tokenizer": identity["tokenizer"]} == identity
    assert np.abs(other.encode(["a cat"]) - tower.encode(["a cat"])).max() > 1e-3


def test_a_folder_without_the_files_of_its_tokenizer(hf_folder, unreached):
    for path in hf_folder.glob("tokenizer*"):
        path.unlink()
    with pytest.raises(EncoderError, match=r"the tokenizer of[\s\S]*needs tokenizer\.json"):
        OpenClipText(OpenClipTextConfig(model=str(hf_folder), seed=1))


def test_a_tokenizer_of_the_hub_offline(reached, tmp_path, monkeypatch):
    import huggingface_hub.constants

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    slept = []
    monkeypatch.setattr(time, "sleep", slept.append)
    with pytest.raises(WeightsError, match=r"could not be fetched[\s\S]*tokenizer of 'ViT-B-16-SigLIP'.*ViT-B-32"):
        OpenClipText(OpenClipTextConfig(model="ViT-B-16-SigLIP", seed=0))
    assert len(reached) == 1
    assert not slept
    reached.clear()


def test_a_model_with_fewer_words_than_its_tokenizer(clip_folder):
    with pytest.raises(EncoderError, match=r"knows 49,408 tokens, the model 100"):
        OpenClipText(OpenClipTextConfig(model=str(clip_folder)))


def test_no_weights_and_unknown_names(unreached):
    with pytest.raises(WeightsError, match=r"'tiny'.*seed"):
        OpenClipText(OpenClipTextConfig(model="tiny"))
    with pytest.raises(EncoderError, match=r"ViT-B-33.*ViT-B-32"):
        OpenClipText(OpenClipTextConfig(model="ViT-B-33", seed=0))
