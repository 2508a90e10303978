"""Golden vectors of NoteLLM by plain transformers: float32, one note at a time, the prompt tokenised as one string.

python tests/encoders/golden/make_notellm.py writes notellm.npz beside it. The model is that of the fixture qwen_folder,
its weights made from their names, so the vectors do not depend on torch's generators.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import torch
from tokenizers import AddedToken
from transformers import PreTrainedTokenizerFast, Qwen2Config, Qwen2ForCausalLM

from encoders.text.stock import find_minilm

GOLDEN = Path(__file__).with_name("notellm.npz")
PROJECT = 16
INSTRUCTION = (
    "Read the note below, given as JSON. Compress it into one word by which similar notes can be "
    "recommended, then name its category.\nNote:"
)
# Title, hashtags, body, as they are read; the last body is the first 80 words of one that is longer.
NOTES = [
    ("Ramen in Kyoto", ("ramen", "京都"), "Broth, noodles, an egg."),
    ("", (), "only a body"),
    ("A trail", (), ""),
    ("", ("hiking", "trail running"), ""),
    ("Мой сад مرحبا 🍜", (), "the [EMB] of a cat: don't worry"),
    ("the old garden", ("garden",), "the old garden by the water " * 13 + "the old"),
]


def value(name: str, shape: tuple[int, ...]) -> np.ndarray:
    """What fill_by_name of tests/encoders/conftest.py gives a weight of this name."""
    seed = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "little")
    values = np.random.default_rng(seed).normal(0, 0.08, shape).astype(np.float32)
    return values + 1 if "norm" in name.lower() and name.endswith("weight") else values


def main() -> None:
    shape = {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 4}
    model = Qwen2ForCausalLM(
        Qwen2Config(vocab_size=30_522, num_key_value_heads=2, tie_word_embeddings=True, **shape)
    ).eval()
    with torch.no_grad():
        for name, tensor in model.state_dict().items():
            if tensor.dtype.is_floating_point:
                tensor.copy_(torch.from_numpy(value(name, tuple(tensor.shape))))
    tokenizer = PreTrainedTokenizerFast(tokenizer_file=str(find_minilm() / "tokenizer.json"), cls_token="[CLS]")
    # A note that says "[EMB]" holds a word in brackets; only the template's own is the token, here written <<EMB>>.
    tokenizer.add_tokens([AddedToken("<<EMB>>", special=True, normalized=False)], special_tokens=True)
    emb = tokenizer.convert_tokens_to_ids("<<EMB>>")
    projection = value("projection.weight", (PROJECT, 64))
    rows = []
    for title, tags, body in NOTES:
        given = {"title": title, "topic": ", ".join(tags), "content": body.strip()}
        fields = ", ".join(f'"{name}": "{text}"' for name, text in given.items() if text)
        prompt = f'{INSTRUCTION} {{{fields}}}. The compression word is:"<<EMB>>". The category is:'
        ids = [tokenizer.cls_token_id, *tokenizer(prompt, add_special_tokens=False).input_ids]
        at = ids.index(emb)
        with torch.no_grad():
            # The model has no row for the added token; what stands behind the tap cannot reach it.
            states = model(torch.tensor([ids[:at]]), output_hidden_states=True).hidden_states[-1][0]
        vector = projection.astype(np.float64) @ states[at - 1].double().numpy()
        rows.append(vector / np.linalg.norm(vector))
    np.savez(GOLDEN, vectors=np.stack(rows).astype(np.float32), projection=projection)


if __name__ == "__main__":
    main()
