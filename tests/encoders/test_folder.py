"""Save and open again: the same vectors, the same fingerprint, and no file that is not the one that was saved."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from encoders import Note, NoteEncoder, NoteImage, TowersConfig, from_pretrained, load_encoder, resolve_config
from encoders.config import MiniLMConfig, OpenClipConfig
from encoders.errors import EncoderError, WeightsError
from encoders.text.stock import find_minilm


@pytest.fixture(scope="module")
def saved(encoder, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("saved") / "encoder"
    encoder.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def saved_clip(clip_folder, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("saved") / "clip"
    config = TowersConfig(image=OpenClipConfig(model=str(clip_folder)), image_share=0.4)
    NoteEncoder(config, "float32").save_pretrained(folder)
    return folder


@pytest.fixture
def notes(picture, encoded):
    image = NoteImage.from_bytes(encoded(picture(1), "PNG"))
    return [Note(title="Ramen", body="Broth.", images=(image,)), Note(images=(image,)), Note(title="Trains")]


@pytest.fixture
def own(saved_clip, tmp_path) -> Path:
    """A copy that a test may spoil."""
    folder = tmp_path / "copy"
    shutil.copytree(saved_clip, folder)
    return folder


def test_a_saved_encoder_gives_the_same_vectors(encoder, saved, notes):
    again = NoteEncoder.from_pretrained(saved, "float32")
    np.testing.assert_array_equal(again.encode(notes), encoder.encode(notes))
    assert again.fingerprint == encoder.fingerprint


def test_one_saved_in_bfloat16_keeps_its_weights_whole(encoder, tmp_path, notes):
    NoteEncoder(precision="bfloat16").save_pretrained(tmp_path / "half")
    again = NoteEncoder.from_pretrained(tmp_path / "half", "float32")
    np.testing.assert_array_equal(again.encode(notes), encoder.encode(notes))
    assert again.fingerprint == encoder.fingerprint


def test_a_folder_may_be_moved_and_saved_again(saved_clip, own, tmp_path, notes):
    first, moved = NoteEncoder.from_pretrained(saved_clip), NoteEncoder.from_pretrained(own)
    moved.save_pretrained(tmp_path / "again")
    shutil.rmtree(own)
    again = NoteEncoder.from_pretrained(tmp_path / "again")
    assert first.fingerprint == moved.fingerprint == again.fingerprint
    assert again.config.image_share == 0.4
    np.testing.assert_array_equal(first.encode(notes), again.encode(notes))


def test_random_weights_stay_the_same_when_saved(clip_folder, tmp_path, notes):
    config = TowersConfig(image=OpenClipConfig(model=str(clip_folder), seed=3))
    seeded = NoteEncoder(config, "float32")
    seeded.save_pretrained(tmp_path / "seeded")
    again = NoteEncoder.from_pretrained(tmp_path / "seeded", "float32")
    np.testing.assert_array_equal(seeded.encode(notes), again.encode(notes))
    assert seeded.fingerprint == again.fingerprint


def test_the_folder_is_opened_by_name_too(saved, encoder):
    assert load_encoder(resolve_config(str(saved))).fingerprint == encoder.fingerprint


def test_the_json_of_an_index_makes_the_same_encoder(saved_clip, encoder):
    for one in (encoder, NoteEncoder.from_pretrained(saved_clip)):
        described = json.loads(json.dumps(one.as_json()))
        assert load_encoder(described).fingerprint == one.fingerprint


def test_what_the_folder_holds(saved, saved_clip):
    names = {str(path.relative_to(saved)) for path in saved.rglob("*") if path.is_file()}
    text = {"text/model.safetensors", "text/tokenizer.json"}
    described = {"config.json", "README.md", "checksums.json", "modules.json", "config_sentence_transformers.json"}
    assert names == text | described
    names = {str(path.relative_to(saved_clip)) for path in saved_clip.rglob("*") if path.is_file()}
    assert names == text | described | {"image/open_clip_config.json", "image/open_clip_model.safetensors"}
    assert set(json.loads((saved_clip / "checksums.json").read_text())) == names - {"checksums.json"}


def fingerprint(**config):
    return NoteEncoder(TowersConfig(**config)).fingerprint


def test_the_fingerprint_is_that_of_the_configuration(encoder):
    assert fingerprint() == encoder.fingerprint
    assert len(encoder.fingerprint) == 32
    assert int(encoder.fingerprint, 16) >= 0


def test_precision_is_no_part_of_the_fingerprint(clip_folder):
    config = TowersConfig(image=OpenClipConfig(model=str(clip_folder)))
    assert NoteEncoder(config, "float32").fingerprint == NoteEncoder(config, "bfloat16").fingerprint


def test_every_setting_that_decides_vectors_is_part_of_it(encoder, clip_folder, tmp_path):
    from safetensors.torch import load_file, save_file

    stock = find_minilm()
    (tmp_path / "tokenizer.json").symlink_to(stock / "tokenizer.json")
    weights = load_file(stock / "model.safetensors")
    weights["encoder.layer.5.output.dense.weight"] += 1e-3
    save_file(weights, tmp_path / "model.safetensors")
    prints = [
        encoder.fingerprint,
        fingerprint(image_share=0.11),
        fingerprint(text=MiniLMConfig(max_tokens=128)),
        fingerprint(text_fields=("title", "tags", "body", "category")),
        fingerprint(text_fields=("title", "body")),
        fingerprint(text=MiniLMConfig(folder=tmp_path)),
        fingerprint(image=OpenClipConfig(model=str(clip_folder))),
        fingerprint(image=OpenClipConfig(model=str(clip_folder), seed=1)),
        fingerprint(image=OpenClipConfig(model=str(clip_folder), seed=2)),
    ]
    assert len(set(prints)) == len(prints)


def test_the_pictures_preprocessing_is_part_of_it(clip_folder, tmp_path):
    folder = tmp_path / "other"
    shutil.copytree(clip_folder, folder)
    described = json.loads((folder / "open_clip_config.json").read_text())
    described["preprocess_cfg"]["mean"] = [0.5, 0.5, 0.5]
    (folder / "open_clip_config.json").write_text(json.dumps(described))
    first, other = (fingerprint(image=OpenClipConfig(model=str(one))) for one in (clip_folder, folder))
    assert first != other


FILES = [
    "config.json",
    "README.md",
    "text/model.safetensors",
    "text/tokenizer.json",
    "image/open_clip_config.json",
    "image/open_clip_model.safetensors",
]


@pytest.mark.parametrize("name", FILES)
def test_a_changed_file_is_refused(own, name):
    path = own / name
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(WeightsError, match=name.rpartition("/")[2]):
        NoteEncoder.from_pretrained(own)


@pytest.mark.parametrize("name", [*FILES, "checksums.json"])
def test_a_missing_file_is_refused(own, name):
    (own / name).unlink()
    with pytest.raises(EncoderError, match=name.rpartition("/")[2]):
        NoteEncoder.from_pretrained(own)


def test_checksums_that_are_none_are_refused(own):
    (own / "checksums.json").write_text("{")
    with pytest.raises(WeightsError, match=r"checksums\.json"):
        NoteEncoder.from_pretrained(own)


def test_checksums_that_leave_a_file_out_are_refused(own):
    """Or a file could be changed by dropping its line."""
    digests = json.loads((own / "checksums.json").read_text())
    del digests["image/open_clip_model.safetensors"]
    (own / "checksums.json").write_text(json.dumps(digests))
    with pytest.raises(WeightsError, match="open_clip_model"):
        NoteEncoder.from_pretrained(own)


def test_a_folder_of_a_later_format_is_refused(own):
    described = json.loads((own / "config.json").read_text())
    (own / "config.json").write_text(json.dumps({**described, "format": 99}))
    digests = json.loads((own / "checksums.json").read_text())
    import hashlib

    digests["config.json"] = hashlib.sha256((own / "config.json").read_bytes()).hexdigest()
    (own / "checksums.json").write_text(json.dumps(digests))
    with pytest.raises(EncoderError, match="upgrade notelens"):
        NoteEncoder.from_pretrained(own)


def test_nothing_is_overwritten(encoder, tmp_path):
    (tmp_path / "mine.txt").touch()
    with pytest.raises(EncoderError, match="not empty"):
        encoder.save_pretrained(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


@pytest.mark.parametrize("name", ["", "minilm2", "bert-base-uncased", "open-clip:ViT-B-32"], ids=repr)
def test_an_unknown_name_lists_the_choices(name):
    with pytest.raises(EncoderError, match=r"minilm.*open_clip:.*folder"):
        resolve_config(name or "nothing")


def test_a_folder_that_is_no_encoder(tmp_path):
    with pytest.raises(EncoderError, match=r"config\.json"):
        resolve_config(str(tmp_path))


def test_names_keep_what_they_do_not_decide():
    base = TowersConfig(image_share=0.3)
    assert resolve_config("minilm", base) == base
    clip = resolve_config("open_clip:ViT-B-32:laion2b_s34b_b79k", base)
    assert clip.image == OpenClipConfig(model="ViT-B-32", weights="laion2b_s34b_b79k")
    assert clip.image_share == 0.3
    assert resolve_config("open_clip:ViT-B-32").image == OpenClipConfig(model="ViT-B-32")


def test_paths_are_kept_absolute(clip_folder, monkeypatch):
    """An index that keeps them is opened from other folders too."""
    monkeypatch.chdir(clip_folder.parent)
    image = resolve_config("open_clip:tiny:tiny/open_clip_model.safetensors").image
    assert image.model == str(clip_folder.resolve())
    assert image.weights == str(clip_folder.resolve() / "open_clip_model.safetensors")


def test_a_trained_tower_gives_a_new_fingerprint_that_its_folder_has_too(qwen_folder, tmp_path):
    from encoders.config import NoteLLMConfig

    encoder = NoteEncoder(TowersConfig(text=NoteLLMConfig(model=str(qwen_folder))), "float32")
    before, note = encoder.fingerprint, Note(title="Ramen")
    first = encoder.encode([note])
    with torch.no_grad():
        for parameter in encoder.text.module.parameters():
            parameter.mul_(1.01)
            parameter.add_(0.01)
    assert encoder.fingerprint != before
    assert np.abs(encoder.encode([note]) - first).max() > 1e-3
    encoder.save_pretrained(tmp_path / "trained")
    again = from_pretrained(tmp_path / "trained", "float32")
    assert again.fingerprint == encoder.fingerprint
    assert json.loads((tmp_path / "trained" / "config.json").read_text())["fingerprint"] == again.fingerprint
    np.testing.assert_allclose(again.encode([note]), encoder.encode([note]), atol=1e-5)


def test_a_learned_query_for_pictures_is_used_and_saved(picture, encoded, tmp_path):
    from safetensors.numpy import save_file

    notes = [Note(images=tuple(NoteImage.from_bytes(encoded(picture(seed), "PNG")) for seed in (1, 2)))]
    singles = [Note(images=(image,)) for image in notes[0].images]
    mean = NoteEncoder(TowersConfig(), "float32")
    one, other = mean.encode(singles)[:, 384:-2] / np.sqrt(0.1)
    save_file({"query": 2 * one}, tmp_path / "query.safetensors")
    config = TowersConfig(image_pooling="attention", image_query=str(tmp_path / "query.safetensors"))
    learned = NoteEncoder(config, "float32")
    scores = np.array([10 * (2 * one) @ one, 10 * (2 * one) @ other])
    weights = np.exp(scores - scores.max())
    expected = weights[0] * one + weights[1] * other
    found = learned.encode(notes)[0, 384:-2] / np.sqrt(0.1)
    np.testing.assert_allclose(found, expected / np.linalg.norm(expected), atol=1e-5)
    assert float(found @ one) > float(mean.encode(notes)[0, 384:-2] / np.sqrt(0.1) @ one) + 0.01
    learned.save_pretrained(tmp_path / "saved")
    again = from_pretrained(tmp_path / "saved", "float32")
    np.testing.assert_array_equal(again.encode(notes), learned.encode(notes))
    assert again.fingerprint == learned.fingerprint != mean.fingerprint


@pytest.mark.parametrize("content", ["absent", "rubbish", "other names", "other size"])
def test_a_bad_query_file_is_a_clear_error(tmp_path, content):
    from safetensors.numpy import save_file

    path = tmp_path / "query.safetensors"
    if content == "rubbish":
        path.write_text("no")
    elif content != "absent":
        name, size = ("query", 7) if content == "other size" else ("key", 180)
        save_file({name: np.zeros(size, np.float32)}, path)
    with pytest.raises(EncoderError, match=r"query\.safetensors holds"):
        NoteEncoder(TowersConfig(image_pooling="attention", image_query=str(path)))


def test_fields_of_plain_text_are_not_for_a_template(qwen_folder):
    from encoders.config import NoteLLMConfig

    with pytest.raises(EncoderError, match="text_fields"):
        NoteEncoder(TowersConfig(text=NoteLLMConfig(model=str(qwen_folder)), text_fields=("title",)))
