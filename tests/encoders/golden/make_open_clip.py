"""Write open_clip.npz: vectors of a small CLIP model by open_clip alone, float32, one picture and one text at a time.

python tests/encoders/golden/make_open_clip.py
"""

import sys
from pathlib import Path

import numpy as np
import open_clip
import torch
from open_clip.transform import PreprocessCfg, image_transform_v2
from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[1]))
from conftest import fill_by_name

ARCHITECTURE = {
    "embed_dim": 48,
    "nonscalar_logit_scale": True,
    "vision_cfg": {"image_size": 32, "patch_size": 8, "layers": 2, "width": 64, "head_width": 32},
    "text_cfg": {"context_length": 20, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 2},
}
PREPROCESS = {"mean": [0.5, 0.4, 0.3], "std": [0.2, 0.25, 0.3], "interpolation": "bilinear", "resize_mode": "shortest"}
TEXTS = ["Hot pot in Shanghai", "火锅 🍲, late at night", "مرحبا بالعالم", "one two three four five " * 9, "x"]


def picture(number: int) -> np.ndarray:
    """Waves in three colours, uint8 [H, W, 3], of a size and a pitch of their own."""
    height, width = 30 + 9 * number, 52 - 6 * number
    down, across = np.mgrid[:height, :width]
    waves = [np.sin(across / (2 + number)), np.cos(down / 5), np.sin((across - down) / (3 + number))]
    return (np.stack(waves, axis=-1) * 120 + 128).astype(np.uint8)


def fill(model: torch.nn.Module) -> None:
    """Fill by name; the norms, which open_clip calls ln_…, about one, or pictures would hardly differ."""
    fill_by_name(model)
    with torch.no_grad():
        for name, tensor in model.state_dict().items():
            if "ln_" in name and name.endswith("weight"):
                tensor.add_(1)


def main() -> None:
    """Make the model, encode, write."""
    model = open_clip.CLIP(**ARCHITECTURE).eval()
    fill(model)
    transform = image_transform_v2(PreprocessCfg(size=32, **PREPROCESS), is_train=False)
    tokenizer = open_clip.SimpleTokenizer(context_length=20)
    with torch.no_grad():
        images = [
            model.encode_image(transform(Image.fromarray(picture(number)))[None], normalize=True) for number in range(4)
        ]
        texts = [model.encode_text(tokenizer([text]), normalize=True) for text in TEXTS]
    np.savez_compressed(
        Path(__file__).with_name("open_clip.npz"), images=torch.cat(images).numpy(), texts=torch.cat(texts).numpy()
    )


if __name__ == "__main__":
    main()
