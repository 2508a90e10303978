"""Small models of sentence-transformers, made on the spot: CLIP reads apart, Qwen2-VL at once."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from encoders.text.stock import find_minilm

TINY = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}
VISION_MARKS = ["<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>", "<|image_pad|>", "<|video_pad|>"]
CHAT = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }} "
    "{% for part in message['content'] %}{% if part['type'] == 'image' %}<|vision_start|><|image_pad|><|vision_end|>"
    "{% elif part['type'] == 'text' %}{{ part['text'] }}{% endif %}{% endfor %}<|im_end|>{% endfor %}"
)

# The notes of the golden vectors: a text, and the seeds of its pictures.
GOLDEN_NOTES = [
    ("Ramen in Kyoto. food, japan. Broth, noodles, an egg.", ()),
    ("上海美食探店 🍜", ()),
    ("", (1,)),
    ("", (1, 2, 3)),
    ("Ramen in Kyoto", (1,)),
    ("Ramen in Kyoto", (3, 2)),
    ("word " * 500, ()),
]


def drawn(seed: int):
    """A picture by arithmetic alone, of a size that depends on the seed."""
    from PIL import Image

    y, x = np.mgrid[0 : 40 + 9 * seed, 0 : 56 + 7 * seed]
    pixels = np.stack([x * 3 + y * seed, (x * y) // 9 + 40 * seed, y * 4 - x * seed], axis=-1) % 256
    return Image.fromarray(pixels.astype(np.uint8))


def fill(model) -> None:
    """Give every weight, scalars too, a value that depends on its name alone."""
    import torch

    with torch.no_grad():
        for name, tensor in model.state_dict().items():
            if tensor.dtype.is_floating_point:
                seed = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "little")
                middle = 1 if "norm" in name and name.endswith("weight") else 0
                values = np.random.default_rng(seed).normal(middle, 0.2, tuple(tensor.shape))
                tensor.copy_(torch.tensor(values, dtype=torch.float32))


def tokenizer(**options):
    from transformers import PreTrainedTokenizerFast

    return PreTrainedTokenizerFast(
        tokenizer_file=str(find_minilm() / "tokenizer.json"),
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        **options,
    )


def write_clip(folder: Path) -> None:
    """Write a small CLIP as plain transformers does: text and pictures apart, in one space of 24 numbers."""
    from transformers import CLIPConfig, CLIPImageProcessor, CLIPModel, CLIPProcessor

    config = CLIPConfig(
        text_config={
            **TINY,
            "vocab_size": 30_522,
            "max_position_embeddings": 64,
            "eos_token_id": 102,
            "bos_token_id": 101,
        },
        vision_config={**TINY, "image_size": 32, "patch_size": 8},
        projection_dim=24,
    )
    model = CLIPModel(config)
    fill(model)
    model.save_pretrained(folder)
    pixels = CLIPImageProcessor(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32})
    CLIPProcessor(image_processor=pixels, tokenizer=tokenizer(model_max_length=64)).save_pretrained(folder)


def write_qwen_vl(folder: Path) -> None:
    """Write a small Qwen2-VL: text and pictures in one chat message, 32 numbers."""
    from transformers import Qwen2VLConfig, Qwen2VLImageProcessor, Qwen2VLModel, Qwen2VLProcessor, Qwen2VLVideoProcessor

    words = tokenizer(model_max_length=256)
    words.add_special_tokens({"additional_special_tokens": VISION_MARKS})
    words.image_token, words.video_token = "<|image_pad|>", "<|video_pad|>"
    ids = words.convert_tokens_to_ids(VISION_MARKS)
    rope = {"rope_type": "default", "mrope_section": [2, 3, 3], "rope_theta": 10_000.0}
    config = Qwen2VLConfig(
        text_config={
            **TINY,
            "vocab_size": 30_522 + len(VISION_MARKS),
            "num_key_value_heads": 2,
            "max_position_embeddings": 256,
            "rope_parameters": rope,
        },
        vision_config={"depth": 1, "embed_dim": 32, "num_heads": 2, "hidden_size": 32, "mlp_ratio": 2, "patch_size": 8},
        vision_start_token_id=ids[2],
        vision_end_token_id=ids[3],
        image_token_id=ids[4],
        video_token_id=ids[5],
    )
    model = Qwen2VLModel(config)
    fill(model)
    model.save_pretrained(folder)
    size = {"shortest_edge": 16 * 16, "longest_edge": 64 * 64}
    Qwen2VLProcessor(
        image_processor=Qwen2VLImageProcessor(patch_size=8, size=size),
        tokenizer=words,
        video_processor=Qwen2VLVideoProcessor(patch_size=8, size=size),
        chat_template=CHAT,
    ).save_pretrained(folder)


def as_sentence_transformer(plain: Path, folder: Path) -> Path:
    """Save a plain transformers model as sentence-transformers does, with its modules."""
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(plain), device="cpu", local_files_only=True)
    model.save_pretrained(str(folder), create_model_card=False)
    return folder


@pytest.fixture(scope="session")
def clip_st(tmp_path_factory) -> Path:
    """A small CLIP as a model of sentence-transformers."""
    folder = tmp_path_factory.mktemp("st-clip")
    write_clip(folder / "plain")
    return as_sentence_transformer(folder / "plain", folder / "st")


@pytest.fixture(scope="session")
def qwen_vl_st(tmp_path_factory) -> Path:
    """A small Qwen2-VL as a model of sentence-transformers."""
    folder = tmp_path_factory.mktemp("st-qwen-vl")
    write_qwen_vl(folder / "plain")
    return as_sentence_transformer(folder / "plain", folder / "st")


@pytest.fixture(scope="session")
def as_image(encoded) -> Callable:
    """A picture as a note holds it."""
    from encoders import NoteImage

    return lambda picture: NoteImage.from_bytes(encoded(picture, "PNG"))


@pytest.fixture(scope="session")
def golden_notes(as_image) -> list:
    """The notes of tests/encoders/golden/make_sentence_transformer.py."""
    from encoders import Note

    return [Note(body=text, images=tuple(as_image(drawn(seed)) for seed in seeds)) for text, seeds in GOLDEN_NOTES]
