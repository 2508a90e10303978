"""Vectors that open_clip and timm made once (tests/encoders/golden): they must come out the same for good."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import open_clip
import pytest
import timm
from PIL import Image
from safetensors.torch import save_model

from encoders.config import OpenClipConfig, OpenClipTextConfig, TimmConfig
from encoders.text.open_clip_text import OpenClipText
from encoders.vision.open_clip_tower import OpenClipTower
from encoders.vision.timm_tower import TimmTower

GOLDEN = Path(__file__).parents[1] / "golden"


@pytest.fixture(scope="module")
def makers():
    """The scripts that made the vectors: their architectures, inputs and weights by name."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(GOLDEN))
        patch.syspath_prepend(str(GOLDEN.parent))
        patch.delitem(sys.modules, "conftest", raising=False)
        import make_open_clip
        import make_timm

        yield make_open_clip, make_timm


@pytest.fixture(scope="module")
def clip_golden(makers, tmp_path_factory):
    maker, _ = makers
    folder = tmp_path_factory.mktemp("golden")
    model = open_clip.CLIP(**maker.ARCHITECTURE)
    maker.fill(model)
    save_model(model, str(folder / "open_clip_model.safetensors"))
    described = {"model_cfg": maker.ARCHITECTURE, "preprocess_cfg": maker.PREPROCESS}
    (folder / "open_clip_config.json").write_text(json.dumps(described))
    return folder


def told_apart(golden):
    return np.abs(golden[1:] - golden[0]).max(axis=1).min() > 0.01


def test_open_clip_images(makers, clip_golden):
    golden = np.load(GOLDEN / "open_clip.npz")["images"]
    tower = OpenClipTower(OpenClipConfig(model=str(clip_golden)), "float32")
    pixels = [tower.preprocess(Image.fromarray(makers[0].picture(number))) for number in range(len(golden))]
    np.testing.assert_allclose(tower.encode(pixels), golden, atol=1e-5)
    assert told_apart(golden)


def test_open_clip_texts(makers, clip_golden):
    golden = np.load(GOLDEN / "open_clip.npz")["texts"]
    tower = OpenClipText(OpenClipTextConfig(model=str(clip_golden)), "float32")
    np.testing.assert_allclose(tower.encode(makers[0].TEXTS), golden, atol=1e-5)
    assert told_apart(golden)


def test_timm_images(makers, tmp_path):
    golden = np.load(GOLDEN / "timm.npz")["images"]
    _, maker = makers
    model = timm.create_model(maker.ARCHITECTURE, num_classes=0, **maker.ARGUMENTS)
    maker.fill_by_name(model)
    save_model(model, str(tmp_path / "model.safetensors"))
    described = {
        "architecture": maker.ARCHITECTURE,
        "model_args": maker.ARGUMENTS,
        "pretrained_cfg": maker.PREPROCESS,
    }
    (tmp_path / "config.json").write_text(json.dumps(described))
    tower = TimmTower(TimmConfig(model=str(tmp_path)), "float32")
    pixels = [tower.preprocess(Image.fromarray(maker.picture(number))) for number in range(len(golden))]
    np.testing.assert_allclose(tower.encode(pixels), golden, atol=1e-5)
    assert told_apart(golden)
