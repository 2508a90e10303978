"""The open_clip tower against open_clip itself, one picture at a time; and weights that are refused."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path

import numpy as np
import open_clip
import pytest
import torch
from PIL import Image

from encoders import Note, NoteEncoder, NoteImage, TowersConfig
from encoders.config import OpenClipConfig
from encoders.errors import EncoderError, WeightsError
from encoders.images import decode
from encoders.vision.open_clip_model import SHAPES, ClipParts, build_clip
from encoders.vision.open_clip_tower import OpenClipTower

WEIGHTS = "open_clip_model.safetensors"


@pytest.fixture(scope="module")
def tower(clip_folder):
    return OpenClipTower(OpenClipConfig(model=str(clip_folder)), "float32")


@pytest.fixture(scope="module")
def images(picture):
    sizes = [(160, 120), (32, 32), (20, 90), (300, 40)]
    return [picture(seed, sizes[seed % 4]) for seed in range(40)]


@pytest.fixture(scope="module")
def reference(clip_folder, images):
    """Plain open_clip: its own loader, its own transform, its own normalisation, no batch."""
    model, _, transform = open_clip.create_model_and_transforms(
        f"local-dir:{clip_folder}", pretrained=str(clip_folder / WEIGHTS)
    )
    model.eval()
    with torch.no_grad():
        return np.concatenate([model.encode_image(transform(image)[None], normalize=True).numpy() for image in images])


def test_it_is_open_clip(tower, images, reference):
    assert tower.dim == reference.shape[1] == 32
    vectors = tower.encode([tower.preprocess(image) for image in images])
    np.testing.assert_allclose(vectors, reference, atol=2e-6)
    assert np.linalg.norm(reference - reference[0], axis=1)[1:].min() > 1e-3  # pictures are told apart


@pytest.mark.parametrize(("shape", "most"), [("tiny", 2e6), ("small", 5e6)])
def test_shapes_of_our_own_are_as_small_as_they_say_and_tell_pictures_apart(shape, most, images, tmp_path):
    config = OpenClipConfig(model=shape, seed=1)
    tower = OpenClipTower(config, "float32")
    assert sum(weight.numel() for weight in build_clip(tower.parts).parameters()) < most
    pixels = [tower.preprocess(image) for image in images[:6]]
    vectors = tower.encode(pixels)
    assert np.abs(vectors[0] - vectors[1:]).max(axis=1).min() > 1e-3
    other = OpenClipTower(OpenClipConfig(model=shape, seed=2), "float32")
    assert np.abs(other.encode(pixels) - vectors).max() > 1e-3
    tower.save(tmp_path / shape)
    again = OpenClipTower(OpenClipConfig(model=str(tmp_path / shape)), "float32")
    np.testing.assert_array_equal(again.encode(pixels), vectors)


def test_bfloat16_is_close(clip_folder, images, reference):
    tower = OpenClipTower(OpenClipConfig(model=str(clip_folder)), "bfloat16")
    vectors = tower.encode([tower.preprocess(image) for image in images])
    assert vectors.dtype == np.float32
    assert (vectors * reference).sum(axis=1).min() >= 0.999


def test_in_a_note_it_is_the_image_block(clip_folder, images, reference, encoded):
    config = TowersConfig(image=OpenClipConfig(model=str(clip_folder)), image_share=0.4)
    encoder = NoteEncoder(config, "float32")
    notes = [Note(images=(NoteImage.from_bytes(encoded(image, "PNG")),)) for image in images[:5]]
    np.testing.assert_allclose(encoder.encode(notes)[:, 384:-2] / 0.4**0.5, reference[:5], atol=3e-6)


def test_draft_decoding_leaves_enough_for_the_model(tower, picture, encoded):
    data = encoded(picture(1, (1600, 1200)), "JPEG", quality=90)
    whole, draft = (decode(NoteImage.from_bytes(data), shrink_to=side) for side in (None, tower.shrink_to))
    assert min(draft.size) >= 32
    one, other = tower.encode([tower.preprocess(whole), tower.preprocess(draft)])
    assert float(one @ other) > 0.99


def test_weights_by_file_and_architecture_by_folder(clip_folder, tower, images, tmp_path):
    (tmp_path / "bare").mkdir()
    shutil.copy(clip_folder / "open_clip_config.json", tmp_path / "bare")
    shutil.copy(clip_folder / WEIGHTS, tmp_path / "weights.safetensors")
    config = OpenClipConfig(model=str(tmp_path / "bare"), weights=str(tmp_path / "weights.safetensors"))
    other = OpenClipTower(config, "float32")
    pixels = [tower.preprocess(image) for image in images[:3]]
    np.testing.assert_array_equal(other.encode(pixels), tower.encode(pixels))
    assert other.identity() == tower.identity()


def test_architecture_by_name(clip_folder, tower, images, tmp_path):
    """As a user names ViT-B-32: here a small one, made known to open_clip for the time of the test."""
    described = json.loads((clip_folder / "open_clip_config.json").read_text())
    (tmp_path / "notelens-tiny.json").write_text(json.dumps(described["model_cfg"]))
    before = dict(open_clip.factory._MODEL_CONFIGS)
    try:
        open_clip.add_model_config(tmp_path / "notelens-tiny.json")
        named = OpenClipTower(OpenClipConfig(model="notelens-tiny", weights=str(clip_folder / WEIGHTS)), "float32")
    finally:
        open_clip.factory._MODEL_CONFIGS.clear()
        open_clip.factory._MODEL_CONFIGS.update(before)
    # A name says nothing of preprocessing: the means are open_clip's defaults, not those of the folder.
    model, _, transform = open_clip.create_model_and_transforms(
        f"local-dir:{clip_folder}", image_mean=(0.48145466, 0.4578275, 0.40821073), image_std=named.transform.std
    )
    with torch.no_grad():
        expected = model.eval().encode_image(torch.stack([transform(image) for image in images[:3]]), normalize=True)
    np.testing.assert_allclose(named.encode([named.preprocess(image) for image in images[:3]]), expected, atol=2e-6)
    assert named.digest == tower.digest


def test_random_weights_by_seed(clip_folder, images):
    config = OpenClipConfig(model=str(clip_folder), seed=5)
    state = torch.random.get_rng_state()
    one, same = OpenClipTower(config, "float32"), OpenClipTower(config, "float32")
    other = OpenClipTower(config.model_copy(update={"seed": 6}), "float32")
    assert torch.equal(torch.random.get_rng_state(), state)
    pixels = [one.preprocess(image) for image in images[:2]]
    np.testing.assert_array_equal(one.encode(pixels), same.encode(pixels))
    assert np.abs(one.encode(pixels) - other.encode(pixels)).max() > 0.01


def test_preprocessing_is_never_augmented(tower, images):
    assert np.array_equal(tower.preprocess(images[0]), tower.preprocess(images[0]))
    assert tower.preprocess(images[3]).shape == (3, 32, 32)
    assert tower.preprocess(images[3]).dtype == np.uint8


def test_no_pictures(tower):
    assert tower.encode([]).shape == (0, 32)
    assert tower.patches([]).shape[2] == tower.patch_width == 64


class Bomb:
    def __reduce__(self):
        return Path.touch, (Path("exploded"),)


@pytest.mark.parametrize("suffix", [".pt", ".bin", ".pth", ".safetensors", ""])
def test_pickled_weights_are_refused_unread(clip_folder, tmp_path, monkeypatch, suffix):
    monkeypatch.chdir(tmp_path)
    torch.save({"state_dict": Bomb()}, tmp_path / f"weights{suffix}")
    with pytest.raises(EncoderError, match="safetensors"):
        OpenClipTower(OpenClipConfig(model=str(clip_folder), weights=str(tmp_path / f"weights{suffix}")))
    assert not (tmp_path / "exploded").exists()


@pytest.mark.parametrize("name", ["open_clip_pytorch_model.bin", "open_clip_model.pt"])
def test_a_model_folder_with_pickled_weights_only_is_refused(clip_folder, tmp_path, name):
    shutil.copy(clip_folder / "open_clip_config.json", tmp_path)
    torch.save({}, tmp_path / name)
    with pytest.raises(WeightsError, match="safetensors"):
        OpenClipTower(OpenClipConfig(model=str(tmp_path)))


def test_weights_of_another_architecture_are_refused(clip_folder, tmp_path):
    from safetensors.torch import save_file

    save_file({"visual.proj": torch.zeros(3, 3)}, tmp_path / "w.safetensors")
    with pytest.raises(EncoderError, match="cannot make"):
        OpenClipTower(OpenClipConfig(model=str(clip_folder), weights=str(tmp_path / "w.safetensors")))


def test_an_unknown_architecture_names_known_ones(clip_folder):
    with pytest.raises(EncoderError, match=r"ViT-B-99.*known are \w+"):
        OpenClipTower(OpenClipConfig(model="ViT-B-99", weights=str(clip_folder / WEIGHTS)))


def test_an_unknown_tag_names_the_known_ones(unreached):
    with pytest.raises(WeightsError, match=r"laion3b.*laion2b_s34b_b79k"):
        OpenClipTower(OpenClipConfig(model="ViT-B-32", weights="laion3b"))


def test_no_weights_at_all_names_the_ways_to_give_them(unreached):
    with pytest.raises(WeightsError, match=r"laion2b_s34b_b79k.*safetensors"):
        OpenClipTower(OpenClipConfig(model="ViT-B-32"))


def test_a_file_that_is_not_there(clip_folder, unreached):
    with pytest.raises(WeightsError, match="nowhere"):
        OpenClipTower(OpenClipConfig(model=str(clip_folder), weights="/nowhere/w.safetensors"))


def test_a_folder_without_a_config(clip_folder, tmp_path):
    with pytest.raises(EncoderError, match="config"):
        OpenClipTower(OpenClipConfig(model=str(tmp_path), weights=str(clip_folder / WEIGHTS)))


def test_a_hub_that_cannot_be_reached_names_the_local_way(tmp_path, monkeypatch, reached):
    import huggingface_hub.constants

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    slept = []
    monkeypatch.setattr(time, "sleep", slept.append)
    with pytest.raises(WeightsError, match=r"could not be fetched[\s\S]*--encoder open_clip:ViT-B-32:/path/to"):
        OpenClipTower(OpenClipConfig(model="ViT-B-32", weights="laion2b_s34b_b79k"))
    assert reached == ["huggingface.co"]  # one knock, and none of the waiting of the hub's own client
    assert not slept
    reached.clear()


def test_a_tag_of_the_hub_with_its_own_preprocessing_and_activation(tmp_path, monkeypatch):
    """As the hub's client keeps it; the file is a ViT-B-32 in name, and small to make the test fast."""
    import huggingface_hub
    from safetensors.torch import save_model

    small = json.loads(json.dumps(SHAPES["tiny"]))
    monkeypatch.setitem(open_clip.factory._MODEL_CONFIGS, "ViT-B-32", small)
    made = build_clip(ClipParts("made", small, {}, None, 8))
    save_model(made, str(tmp_path / "w.safetensors"))
    asked = []

    def cached(repo, name):
        asked.append((repo, name))
        return str(tmp_path / "w.safetensors")

    monkeypatch.setattr(huggingface_hub, "try_to_load_from_cache", cached)
    tower = OpenClipTower(OpenClipConfig(model="ViT-B-32", weights="metaclip_400m"), "float32")
    assert asked[0][1] == WEIGHTS
    assert tower.parts.architecture["quick_gelu"] is True  # as this tag was trained, whatever the name says
    assert not small.get("quick_gelu")
    tower.save(tmp_path / "image")
    model, _, transform = open_clip.create_model_and_transforms(f"local-dir:{tmp_path / 'image'}")
    rng = np.random.default_rng(2)
    image = Image.fromarray(rng.integers(0, 256, (50, 40, 3)).astype(np.uint8))
    with torch.no_grad():
        expected = model.eval().encode_image(transform(image)[None], normalize=True)
    np.testing.assert_allclose(tower.encode([tower.preprocess(image)]), expected, atol=2e-6)


def test_a_tag_that_is_only_a_pickle_is_refused_unfetched(unreached, monkeypatch):
    monkeypatch.setattr(open_clip, "get_pretrained_cfg", lambda *_: {"url": "https://x/y.pt", "hf_hub": ""})
    with pytest.raises(WeightsError, match="only as a pickle"):
        OpenClipTower(OpenClipConfig(model="RN50", weights="cc12m"))


def test_patches_may_be_trained_on(tower, images):
    reader = torch.nn.Linear(tower.patch_width, 2)
    patches = tower.patches([tower.preprocess(image) for image in images[:2]])
    assert patches.shape == (2, 16, 64)
    reader(patches).sum().backward()
    assert reader.weight.grad.abs().sum() > 0
    assert not any(part.requires_grad for part in tower.visual.parameters())
