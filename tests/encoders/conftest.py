"""A whole open_clip model small enough for a test."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

TINY = {
    "embed_dim": 32,
    "vision_cfg": {"image_size": 32, "patch_size": 8, "layers": 2, "width": 64, "head_width": 32},
    "text_cfg": {"context_length": 8, "vocab_size": 100, "width": 32, "heads": 2, "layers": 1},
}
PREPROCESS = {"mean": [0.48, 0.45, 0.4], "std": [0.27, 0.26, 0.25], "interpolation": "bicubic"}


@pytest.fixture(scope="session")
def clip_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model folder as open_clip writes them, with random weights: config and safetensors."""
    import open_clip
    import torch
    from safetensors.torch import save_model

    folder = tmp_path_factory.mktemp("clip") / "tiny"
    folder.mkdir()
    described = {"model_cfg": TINY, "preprocess_cfg": PREPROCESS}
    (folder / "open_clip_config.json").write_text(json.dumps(described))
    with torch.random.fork_rng():
        torch.manual_seed(11)
        model = open_clip.create_model(f"local-dir:{folder}", load_weights=False, pretrained_text=False)
    save_model(model, str(folder / "open_clip_model.safetensors"))
    return folder
