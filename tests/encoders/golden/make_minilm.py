"""Golden vectors of the default text tower, by transformers alone: float32, one text at a time.

python tests/encoders/golden/make_minilm.py FOLDER      # of all-MiniLM-L6-v2, as published
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import torch
from transformers import AutoModel, AutoTokenizer

TEXTS = ["ramen", "A bowl of ramen in Kyoto, at night.", "word " * 400, "مرحبا 🍜", "京都拉面"]


def main() -> None:
    """Mean the last hidden states of each text's tokens, at most 256, and scale to unit length."""
    tokenizer = AutoTokenizer.from_pretrained(sys.argv[1])
    model = AutoModel.from_pretrained(sys.argv[1], dtype=torch.float32).eval()
    rows = []
    for text in TEXTS:
        tokens = tokenizer(text, truncation=True, max_length=256, return_tensors="pt")
        with torch.no_grad():
            mean = model(**tokens).last_hidden_state[0].mean(dim=0)
        rows.append((mean / mean.norm()).numpy())
    np.savez_compressed(Path(__file__).parent / "minilm.npz", texts=np.array(TEXTS), vectors=np.stack(rows))


if __name__ == "__main__":
    main()
