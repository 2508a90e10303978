"""Write timm.npz: vectors of a small ViT by timm alone, float32, one picture at a time.

python tests/encoders/golden/make_timm.py
"""

import sys
from pathlib import Path

import numpy as np
import timm
import torch
from PIL import Image
from timm.data import create_transform

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parent))
from conftest import fill_by_name
from make_open_clip import picture

ARCHITECTURE = "vit_tiny_patch16_224"
ARGUMENTS = {"img_size": 32, "patch_size": 8, "depth": 2, "embed_dim": 48, "num_heads": 3}
PREPROCESS = {
    "input_size": [3, 32, 32],
    "mean": [0.5, 0.4, 0.3],
    "std": [0.2, 0.25, 0.3],
    "interpolation": "bicubic",
    "crop_pct": 0.9,
    "crop_mode": "center",
}


def main() -> None:
    """Make the model, encode, write."""
    model = timm.create_model(ARCHITECTURE, num_classes=0, **ARGUMENTS).eval()
    fill_by_name(model)
    transform = create_transform(**PREPROCESS)
    with torch.no_grad():
        rows = torch.cat([model(transform(Image.fromarray(picture(number)))[None]) for number in range(4)])
    np.savez_compressed(
        Path(__file__).with_name("timm.npz"), images=torch.nn.functional.normalize(rows, dim=-1).numpy()
    )


if __name__ == "__main__":
    main()
