"""Every kind of architecture that open_clip makes, and configurations that make none."""

from __future__ import annotations

import json

import numpy as np
import open_clip
import pytest
import torch

from encoders.config import OpenClipConfig
from encoders.errors import EncoderError, WeightsError
from encoders.vision.open_clip_model import SHAPES
from encoders.vision.open_clip_tower import OpenClipTower

TEXT_CFG = SHAPES["tiny"]["text_cfg"]
VIT = {"image_size": 32, "patch_size": 8, "layers": 2, "width": 64, "head_width": 32}
KINDS = {
    "vit": {"vision_cfg": VIT},
    "vit of two sides": {"vision_cfg": VIT | {"image_size": [32, 48]}},
    "vit, mean": {"vision_cfg": VIT | {"pool_type": "avg", "final_ln_after_pool": True, "no_ln_pre": True}},
    "vit, attention": {
        "vision_cfg": VIT | {"attentional_pool": True, "attn_pooler_queries": 5, "attn_pooler_heads": 4}
    },
    "resnet": {"vision_cfg": {"image_size": 64, "layers": [1, 1, 1, 1], "width": 16, "patch_size": None}},
    "timm": {
        "vision_cfg": {
            "timm_model_name": "test_convnext",
            "timm_model_pretrained": True,
            "timm_pool": "",
            "timm_proj": "linear",
            "image_size": 64,
        }
    },
    "timm vit": {
        "vision_cfg": {"timm_model_name": "test_vit", "timm_pool": "map", "timm_proj": "none", "image_size": 160}
    },
    "coca": {
        "vision_cfg": VIT | {"attentional_pool": True, "attn_pooler_heads": 4, "output_tokens": True},
        "text_cfg": TEXT_CFG | {"embed_cls": True, "output_tokens": True},
        "multimodal_cfg": TEXT_CFG | {"mlp_ratio": 2, "attn_pooler_heads": 2, "dim_head": 16},
        "custom_text": True,
    },
}


@pytest.fixture(scope="module")
def images(picture):
    sizes = [(160, 120), (32, 32), (20, 90), (300, 40)]
    return [picture(seed, sizes[seed % 4]) for seed in range(40)]


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_architecture(kind, images, tmp_path):
    """Made, saved, opened by open_clip, and compared with it: vectors, and what the model saw before it pooled."""
    dim = 64
    architecture = {"embed_dim": dim, "text_cfg": TEXT_CFG, **KINDS[kind]}
    (tmp_path / "open_clip_config.json").write_text(json.dumps({"model_cfg": architecture}))
    config = OpenClipConfig(model=str(tmp_path), seed=1)
    tower = OpenClipTower(config, "float32")
    tower.save(tmp_path / "image")
    model, _, transform = open_clip.create_model_and_transforms(f"local-dir:{tmp_path / 'image'}")
    model.eval()
    batch = torch.stack([transform(image) for image in images[:4]])
    pixels = [tower.preprocess(image) for image in images[:4]]
    with torch.no_grad():
        expected = model.encode_image(batch, normalize=True)
    assert tower.dim == expected.shape[1]
    np.testing.assert_allclose(tower.encode(pixels), expected, atol=3e-6)
    patches, pooled = tower.patches_and_pooled(pixels)
    np.testing.assert_allclose(pooled, expected, atol=3e-6)
    assert patches.shape[2] == tower.patch_width
    with torch.no_grad():
        np.testing.assert_allclose(patches, last_states(model.visual, batch), atol=3e-5)
    again = OpenClipTower(config.saved_as("image").located_in(tmp_path), "float32")
    assert again.identity() == tower.identity()
    np.testing.assert_array_equal(again.encode(pixels), tower.encode(pixels))


def last_states(visual, batch):
    """What stands before the pooling, caught by a hook on the module that makes it."""
    caught = []
    if hasattr(visual, "trunk"):
        states = visual.trunk.forward_features(batch)
        return states.flatten(2).transpose(1, 2) if states.ndim == 4 else states[:, visual.trunk.num_prefix_tokens :]
    if hasattr(visual, "layer4"):
        hook = visual.layer4.register_forward_hook(lambda _, __, out: caught.append(out))
        visual(batch)
        hook.remove()
        return caught[0].flatten(2).transpose(1, 2)
    hook = visual.transformer.register_forward_hook(lambda _, __, out: caught.append(out))
    visual(batch)
    hook.remove()
    states = caught[0] if visual.attn_pool is not None else visual.ln_post(caught[0])
    return states[:, 1:]


def test_the_small_shape_of_our_own(images, tmp_path):
    one = OpenClipTower(OpenClipConfig(model="tiny", seed=0), "float32")
    assert (one.dim, one.patch_width, one.shrink_to) == (64, 64, 32)
    one.save(tmp_path / "image")
    again = OpenClipTower(OpenClipConfig(model=str(tmp_path / "image")), "float32")
    assert again.identity() == one.identity()
    other = OpenClipTower(OpenClipConfig(model="tiny", seed=1), "float32")
    assert other.identity() != one.identity()
    with pytest.raises(WeightsError, match=r"'tiny'.*seed"):
        OpenClipTower(OpenClipConfig(model="tiny"))


def test_a_text_half_of_transformers_is_told_about(tmp_path, reached, monkeypatch):
    import huggingface_hub.constants

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(WeightsError, match=r"config\.json of roberta-base[\s\S]*hf download roberta-base"):
        OpenClipTower(OpenClipConfig(model="roberta-ViT-B-32", seed=0))
    assert reached == ["huggingface.co"]
    reached.clear()


def test_a_text_half_of_transformers_whose_shape_is_here(tmp_path, images, bert_folder):
    """hf_model_name may be a folder."""
    text = {"hf_model_name": str(bert_folder), "hf_proj_type": "mlp", "hf_pooler_type": "mean_pooler"}
    architecture = {"embed_dim": 64, "vision_cfg": VIT, "text_cfg": text}
    (tmp_path / "open_clip_config.json").write_text(json.dumps({"model_cfg": architecture}))
    tower = OpenClipTower(OpenClipConfig(model=str(tmp_path), seed=1), "float32")
    assert tower.encode([tower.preprocess(images[0])]).shape == (1, 64)


@pytest.mark.parametrize("content", ["{", "[]", '{"model_cfg": {}}', '{"model_cfg": {"vision_cfg": 1, "text_cfg": 2}}'])
def test_a_config_that_is_none(tmp_path, content):
    (tmp_path / "open_clip_config.json").write_text(content)
    with pytest.raises(EncoderError, match="is not the config of an open_clip model"):
        OpenClipTower(OpenClipConfig(model=str(tmp_path), seed=0))


def test_a_shape_that_open_clip_cannot_make(tmp_path):
    architecture = {"embed_dim": 8, "vision_cfg": VIT | {"no_such": 1}, "text_cfg": TEXT_CFG}
    (tmp_path / "open_clip_config.json").write_text(json.dumps({"model_cfg": architecture}))
    with pytest.raises(EncoderError, match=r"cannot make.*no_such"):
        OpenClipTower(OpenClipConfig(model=str(tmp_path), seed=0))
