"""Golden vectors of multimodal models by plain transformers: float32, one text and one picture at a time.

python tests/encoders/golden/make_sentence_transformer.py writes sentence_transformer.npz beside it. Weights are made
from their names, so the vectors do not depend on torch's generators; the chat prompt is written as one string.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from transformers import AutoProcessor, CLIPModel, Qwen2VLModel

sys.path.insert(0, str(Path(__file__).parents[1] / "sentence_transformer"))
from conftest import GOLDEN_NOTES, drawn, write_clip, write_qwen_vl

GOLDEN = Path(__file__).with_name("sentence_transformer.npz")


def unit(vector):
    return vector / np.linalg.norm(vector)


@torch.inference_mode()
def by_clip(folder: Path) -> np.ndarray:
    """Text and pictures apart, √.5 each; [N, 24]."""
    write_clip(folder)
    model, processor = CLIPModel.from_pretrained(folder).eval(), AutoProcessor.from_pretrained(folder)
    rows = []
    for text, seeds in GOLDEN_NOTES:
        parts = []
        if text:
            tokens = processor.tokenizer(text, truncation=True, max_length=64, return_tensors="pt")
            parts.append(unit(model.get_text_features(**tokens).pooler_output[0].numpy()))
        pictures = []
        for seed in seeds:
            pixels = processor.image_processor(drawn(seed), return_tensors="pt")
            pictures.append(unit(model.get_image_features(**pixels).pooler_output[0].numpy()))
        if pictures:
            parts.append(unit(np.mean(pictures, axis=0)))
        rows.append(unit(np.sum(parts, axis=0)))
    return np.stack(rows)


@torch.inference_mode()
def by_qwen_vl(folder: Path) -> np.ndarray:
    """Text and one picture in a message, the mean of the tokens' states, the mean over the pictures; [N, 32]."""
    write_qwen_vl(folder)
    model, processor = Qwen2VLModel.from_pretrained(folder).eval(), AutoProcessor.from_pretrained(folder)
    rows = []
    for text, seeds in GOLDEN_NOTES:
        vectors = []
        for seed in seeds or (None,):
            mark = "" if seed is None else "<|vision_start|><|image_pad|><|vision_end|>"
            prompt, end = f"<|im_start|>user {mark}{text}", "<|im_end|>"
            pictures = None if seed is None else [drawn(seed)]
            tokens = processor(text=[prompt + end], images=pictures, truncation=False, return_tensors="pt")
            if tokens["input_ids"].shape[1] > 256:
                # What does not fit is cut at the text's end; the prompt's own end stays.
                closing = processor.tokenizer(end, return_tensors="pt")["input_ids"][:, 1:]  # without [CLS]
                ids = tokens["input_ids"][:, : 256 - closing.shape[1]]
                tokens = {"input_ids": torch.cat([ids, closing], dim=1), "attention_mask": torch.ones(1, 256).long()}
            states = model(**tokens).last_hidden_state[0]
            vectors.append(unit(states.mean(dim=0).numpy()))
        rows.append(unit(np.mean(vectors, axis=0)))
    return np.stack(rows)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        np.savez(GOLDEN, clip=by_clip(Path(folder) / "clip"), qwen_vl=by_qwen_vl(Path(folder) / "qwen-vl"))
