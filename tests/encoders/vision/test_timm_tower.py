"""The timm tower against timm itself, one picture at a time; and weights that are refused."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from safetensors.torch import load_file, save_file
from timm.data import create_transform, resolve_model_data_config

from encoders import Note, NoteEncoder, NoteImage, TowersConfig
from encoders.config import TimmConfig
from encoders.errors import EncoderError, WeightsError
from encoders.images import decode
from encoders.vision.timm_tower import TimmTower

# timm's own small models, a kind each: convolutions, a ViT, a NHWC hybrid, squeeze and excitation.
KINDS = ["test_resnet", "test_vit", "test_convnext", "test_efficientnet"]


@pytest.fixture(scope="module")
def images(picture):
    sizes = [(160, 120), (176, 176), (20, 90), (300, 240)]
    return [picture(seed, sizes[seed % 4]) for seed in range(6)]


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """The weights of a whole model, classifier included, in a file: weights("test_vit")."""

    def write(name: str) -> Path:
        path = tmp_path_factory.mktemp("timm") / f"{name}.safetensors"
        with torch.random.fork_rng():
            torch.manual_seed(7)
            save_file(timm.create_model(name).state_dict(), path)
        return path

    return write


def reference(name, path, images):
    """Plain timm: its own loader, features and transform, float32, no batch."""
    model = timm.create_model(name, checkpoint_path=str(path)).eval()
    model.reset_classifier(0)
    transform = create_transform(**resolve_model_data_config(model), is_training=False)
    with torch.no_grad():
        rows = torch.cat([model(transform(image)[None]) for image in images])
        return torch.nn.functional.normalize(rows, dim=-1).numpy(), model, transform


@pytest.mark.parametrize("name", KINDS)
def test_it_is_timm(name, weights, images):
    path = weights(name)
    expected, model, transform = reference(name, path, images)
    tower = TimmTower(TimmConfig(model=name, weights=str(path)), "float32")
    pixels = [tower.preprocess(image) for image in images]
    assert pixels[0].dtype == np.uint8
    assert tower.dim == expected.shape[1]
    np.testing.assert_allclose(tower.encode(pixels), expected, atol=3e-6)
    with torch.no_grad():
        states = torch.cat([model.forward_features(transform(image)[None]) for image in images])
    states = states.flatten(2).transpose(1, 2) if states.ndim == 4 else states[:, model.num_prefix_tokens :]
    patches, pooled = tower.patches_and_pooled(pixels)
    assert patches.dtype == torch.float32
    assert patches.shape[2] == tower.patch_width
    np.testing.assert_allclose(patches, states, atol=2e-5)
    np.testing.assert_allclose(pooled, expected, atol=3e-6)
    np.testing.assert_array_equal(tower.patches(pixels[:2]), tower.patches_and_pooled(pixels[:2])[0])


def test_a_model_with_its_channels_last_gives_its_places_in_rows(tmp_path):
    """Swin's feature maps are [N, H, W, C]; here a small one, described by a folder as timm's uploads are."""
    small = {"depths": [1, 1], "embed_dim": 8, "num_heads": [1, 1], "window_size": 7}
    described = {
        "architecture": "swin_tiny_patch4_window7_224",
        "model_args": small,
        "pretrained_cfg": {"input_size": [3, 56, 56], "crop_pct": 1.0},
    }
    (tmp_path / "config.json").write_text(json.dumps(described))
    tower = TimmTower(TimmConfig(model=str(tmp_path), seed=0), "float32")
    rng = np.random.default_rng(1)
    pixels = [rng.integers(0, 256, (3, 56, 56)).astype(np.uint8)]
    states = tower.model.forward_features(tower.transform.stack(pixels, "cpu", torch.float32))
    assert states.shape == (1, 7, 7, 16)
    patches = tower.patches(pixels)
    assert patches.shape == (1, 49, 16)
    np.testing.assert_allclose(patches[0, 8], states[0, 1, 1], atol=1e-6)


def test_patches_may_be_trained_on(images):
    tower = TimmTower(TimmConfig(model="test_vit", seed=0), "float32")
    reader = torch.nn.Linear(tower.patch_width, 2)
    reader(tower.patches([tower.preprocess(images[0])])).sum().backward()
    assert reader.weight.grad.abs().sum() > 0
    assert not any(part.requires_grad for part in tower.model.parameters())
    assert tower.patches([]).shape[2] == tower.patch_width


def test_bfloat16_is_close(weights, images):
    path = weights("test_vit")
    tower = TimmTower(TimmConfig(model="test_vit", weights=str(path)), "bfloat16")
    vectors = tower.encode([tower.preprocess(image) for image in images])
    assert vectors.dtype == np.float32
    assert (vectors * reference("test_vit", path, images)[0]).sum(axis=1).min() >= 0.999


def test_weights_without_a_classifier_are_whole(weights, images, tmp_path):
    path = weights("test_resnet")
    state = load_file(path)
    save_file({k: v for k, v in state.items() if not k.startswith("fc.")}, tmp_path / "bare.safetensors")
    one, other = (
        TimmTower(TimmConfig(model="test_resnet", weights=str(file)), "float32")
        for file in (path, tmp_path / "bare.safetensors")
    )
    assert one.identity() == other.identity()


def test_saved_it_opens_again_and_in_timm(weights, images, tmp_path):
    config = TimmConfig(model="test_vit", weights=str(weights("test_vit")))
    tower = TimmTower(config, "bfloat16")
    tower.save(tmp_path / "image")
    saved = config.saved_as("image")
    assert saved.model_dump() == {"tower": "timm", "model": "image", "weights": None, "seed": None}
    again = TimmTower(saved.located_in(tmp_path), "float32")
    exact = TimmTower(config, "float32")
    pixels = [exact.preprocess(image) for image in images]
    np.testing.assert_array_equal(again.encode(pixels), exact.encode(pixels))
    assert again.identity() == tower.identity() == exact.identity()
    theirs = timm.create_model(f"local-dir:{tmp_path / 'image'}", pretrained=True).eval()
    transform = create_transform(**resolve_model_data_config(theirs), is_training=False)
    with torch.no_grad():
        rows = torch.cat([theirs(transform(image)[None]) for image in images])
    np.testing.assert_allclose(torch.nn.functional.normalize(rows, dim=-1), again.encode(pixels), atol=3e-6)


def test_in_a_saved_encoder(images, tmp_path, encoded):
    encoder = NoteEncoder(TowersConfig(image=TimmConfig(model="test_resnet", seed=3)), "float32")
    notes = [Note(title="a", images=(NoteImage.from_bytes(encoded(image, "PNG")),)) for image in images[:3]]
    encoder.save_pretrained(tmp_path / "saved")
    again = NoteEncoder.from_pretrained(tmp_path / "saved", "float32")
    assert again.fingerprint == encoder.fingerprint
    np.testing.assert_array_equal(again.encode(notes), encoder.encode(notes))


def test_random_weights_by_seed(images):
    state = torch.random.get_rng_state()
    one, same, other = (TimmTower(TimmConfig(model="test_vit", seed=seed), "float32") for seed in (5, 5, 6))
    assert torch.equal(torch.random.get_rng_state(), state)
    pixels = [one.preprocess(image) for image in images[:2]]
    np.testing.assert_array_equal(one.encode(pixels), same.encode(pixels))
    assert np.abs(one.encode(pixels) - other.encode(pixels)).max() > 0.01
    assert one.identity() != other.identity()


def test_preprocessing_is_never_augmented_and_draft_decoding_leaves_enough(picture, encoded):
    tower = TimmTower(TimmConfig(model="test_resnet", seed=0), "float32")
    data = encoded(picture(1, (1600, 1200)), "JPEG", quality=90)
    whole, draft = (decode(NoteImage.from_bytes(data), shrink_to=side) for side in (None, tower.shrink_to))
    assert min(draft.size) >= tower.shrink_to
    assert np.array_equal(tower.preprocess(whole), tower.preprocess(whole))
    assert np.abs(tower.preprocess(whole).astype(int) - tower.preprocess(draft).astype(int)).mean() < 3


def test_no_pictures():
    tower = TimmTower(TimmConfig(model="test_resnet", seed=0))
    assert tower.encode([]).shape == (0, tower.dim)


def test_an_unknown_architecture_names_close_ones(unreached):
    with pytest.raises(EncoderError, match=r"mobilnetv2_100.*close are .*mobilenetv2_100"):
        TimmTower(TimmConfig(model="mobilnetv2_100", seed=0))
    for name in ("hf-hub:timm/test_vit", "local-dir:/tmp"):
        with pytest.raises(EncoderError, match="no architecture"):
            TimmTower(TimmConfig(model=name, seed=0))


def test_no_weights_at_all_names_the_ways_to_give_them(unreached):
    with pytest.raises(WeightsError, match=r"ra_in1k.*seed"):
        TimmTower(TimmConfig(model="mobilenetv2_100"))


def test_an_unknown_tag_or_file_names_the_known_tags(unreached):
    with pytest.raises(WeightsError, match=r"nowhere/w\.safetensors.*ra_in1k"):
        TimmTower(TimmConfig(model="mobilenetv2_100", weights="/nowhere/w.safetensors"))


def test_a_tag_of_the_hub(weights, tmp_path, monkeypatch, images):
    """As the hub's client keeps it: the test puts the file where a download would have."""
    import huggingface_hub

    path = weights("mobilenetv2_035")
    asked = []

    def cached(repo, name):
        asked.append((repo, name))
        return str(path)

    monkeypatch.setattr(huggingface_hub, "try_to_load_from_cache", cached)
    monkeypatch.setattr(timm, "list_pretrained", lambda _: ["mobilenetv2_035.mine_in1k"])
    monkeypatch.setattr(timm, "get_pretrained_cfg", lambda _: _Described())
    tower = TimmTower(TimmConfig(model="mobilenetv2_035", weights="mine_in1k"), "float32")
    assert asked == [("timm/mobilenetv2_035.mine_in1k", "model.safetensors")]
    assert tower.preprocess_config["crop_pct"] == 0.5
    assert tower.shrink_to == 448
    by_file = TimmTower(TimmConfig(model="mobilenetv2_035", weights=str(path)), "float32")
    assert tower.digest == by_file.digest


class _Described:
    def to_dict(self):
        return {"hf_hub_id": "timm/mobilenetv2_035.mine_in1k", "crop_pct": 0.5, "test_crop_pct": None}


def test_a_hub_that_cannot_be_reached_names_the_local_way(tmp_path, monkeypatch, reached):
    import huggingface_hub.constants

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    slept = []
    monkeypatch.setattr("time.sleep", slept.append)
    with pytest.raises(WeightsError, match=r"could not be fetched[\s\S]*--encoder timm:mobilenetv2_100:/path/to"):
        TimmTower(TimmConfig(model="mobilenetv2_100", weights="ra_in1k"))
    assert len(reached) == 1  # one knock, and no waiting between attempts
    assert not slept
    reached.clear()


class Bomb:
    def __reduce__(self):
        return Path.touch, (Path("exploded"),)


@pytest.mark.parametrize("suffix", [".pt", ".bin", ".pth", ".safetensors", ""])
def test_pickled_weights_are_refused_unread(tmp_path, monkeypatch, suffix):
    monkeypatch.chdir(tmp_path)
    torch.save({"state_dict": Bomb()}, tmp_path / f"weights{suffix}")
    with pytest.raises(WeightsError, match="safetensors"):
        TimmTower(TimmConfig(model="test_resnet", weights=str(tmp_path / f"weights{suffix}")))
    assert not (tmp_path / "exploded").exists()


@pytest.mark.parametrize("damage", ["other model", "lacking", "other shape", "more"])
def test_weights_that_do_not_fit_are_refused(weights, tmp_path, damage):
    path = tmp_path / "w.safetensors"
    if damage == "other model":
        shutil.copy(weights("test_vit"), path)
    else:
        state = load_file(weights("test_resnet"))
        if damage == "lacking":
            del state["conv1.0.weight" if "conv1.0.weight" in state else next(iter(state))]
        elif damage == "other shape":
            name = next(iter(state))
            state[name] = torch.zeros(3, 3)
        else:
            state["layer9.weight"] = torch.zeros(3)
        save_file(state, path)
    with pytest.raises(WeightsError, match="does not fit timm's 'test_resnet'"):
        TimmTower(TimmConfig(model="test_resnet", weights=str(path)))


@pytest.mark.parametrize("content", [None, "{", "[]", '{"architecture": "test_resnet"}', '{"pretrained_cfg": {}}'])
def test_a_folder_that_is_none_of_timm(tmp_path, content):
    if content is not None:
        (tmp_path / "config.json").write_text(content)
    with pytest.raises(EncoderError, match=r"config\.json"):
        TimmTower(TimmConfig(model=str(tmp_path)))


def test_a_folder_with_pickled_weights_only_or_strange_arguments(tmp_path):
    described = {"architecture": "test_resnet", "pretrained_cfg": {}, "model_args": {"no_such": 1}}
    (tmp_path / "config.json").write_text(json.dumps(described))
    torch.save({}, tmp_path / "pytorch_model.bin")
    with pytest.raises(WeightsError, match="no weights are named"):
        TimmTower(TimmConfig(model=str(tmp_path)))
    with pytest.raises(EncoderError, match=r"cannot make 'test_resnet'.*no_such"):
        TimmTower(TimmConfig(model=str(tmp_path), seed=0))
