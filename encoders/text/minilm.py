"""The text tower: all-MiniLM-L6-v2, from texts to unit vectors."""

from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path
from shutil import copyfile

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from tokenizers import Tokenizer

from encoders.base import TextInput
from encoders.blocks import Vectors, unit_rows
from encoders.device import Precision, best_device, needs_int8, resolve_precision
from encoders.errors import WeightsError
from encoders.note import Note
from encoders.text.bert import Bert, BertShape
from encoders.text.packed import PackedBert
from encoders.text.render import render
from encoders.text.stock import find_minilm, sha256

# Tokens that one forward pass takes (padded or packed): what stays in the cache of two cores (EXPERIMENTS.md).
TOKEN_BUDGET = 2048


class MiniLM:
    """Mean-pooled MiniLM-L6-H384; texts longer than max_tokens are cut at the end.

    folder: holds model.safetensors and tokenizer.json; None: the official files, wherever they are here.
    """

    dim = 384

    def __init__(self, folder: Path | None = None, max_tokens: int = 256, precision: Precision = "auto") -> None:
        self.folder = folder or find_minilm()
        self.max_tokens = max_tokens
        self.device = best_device()
        self.dtype = resolve_precision(precision, self.device)
        weights = self.folder / "model.safetensors"
        for path in (weights, self.folder / "tokenizer.json"):
            if not path.is_file():
                raise WeightsError(f"{path} is missing: put the folder back, or name another for the text tower")
        self.tokenizer = Tokenizer.from_file(str(self.folder / "tokenizer.json"))
        self.tokenizer.no_padding()
        self.tokenizer.enable_truncation(max_tokens)
        bert = load_bert(weights)
        self.packed: PackedBert | None = None
        # Between its products int8 holds float32, twice as wide.
        self.budget_share = 2 if precision == "int8" else 1
        if precision == "int8":
            from encoders.text.int8 import packed_int8

            needs_int8(self.device)
            self.packed = packed_int8(bert, self.dtype)
        elif self.device == "cpu":
            self.packed = PackedBert(bert, self.dtype)
        else:
            # A GPU pads gladly: many small calls, one a length, would cost it more.
            self.model = bert.to(self.device, self.dtype)

    @cached_property
    def _digests(self) -> dict[str, str]:
        files = {"weights": "model.safetensors", "tokenizer": "tokenizer.json"}
        return {part: sha256(self.folder / name) for part, name in files.items()}

    def identity(self) -> dict[str, object]:
        """Return what decides the vectors up to rounding: for the fingerprint."""
        return {
            "tower": "minilm",
            **self._digests,
            "max_tokens": self.max_tokens,
            "pooling": "mean",
        }

    def read(self, note: Note, fields: Sequence[str]) -> str:
        """Write the note's fields as one text; raises NoteRejected."""
        return render(note, fields)

    def save(self, folder: Path) -> None:
        """Write model.safetensors and tokenizer.json into a folder."""
        folder.mkdir(parents=True, exist_ok=True)
        # The files byte for byte: the model in memory may be rounded to bfloat16, and the fingerprint is of the file.
        for name in ("tokenizer.json", "model.safetensors"):
            copyfile(self.folder / name, folder / name)

    @torch.inference_mode()
    def encode(self, texts: Sequence[TextInput]) -> Vectors:
        """Encode N texts to unit rows, float32 [N, 384]; a blank text is a zero row."""
        vectors = np.zeros((len(texts), self.dim), dtype=np.float32)
        present = [i for i, text in enumerate(texts) if text.strip()]
        tokens = [encoding.ids for encoding in self.tokenizer.encode_batch([texts[i] for i in present])]
        # Longest first: texts of one length stand together, and batches that are padded are so by little.
        order = sorted(range(len(present)), key=lambda i: -len(tokens[i]))
        start = 0
        while start < len(order):
            batch = order[start : start + self._fitting(len(tokens[i]) for i in order[start : start + TOKEN_BUDGET])]
            vectors[[present[i] for i in batch]] = self._means([tokens[i] for i in batch])
            start += len(batch)
        return unit_rows(vectors)

    def _fitting(self, lengths: Iterable[int]) -> int:
        """Return how many of the texts, longest first, one batch takes: at least one."""
        taken = longest = count = 0
        for count, length in enumerate(lengths):
            longest = longest or length
            taken += longest if self.packed is None else length
            if taken * self.budget_share > TOKEN_BUDGET:
                return max(1, count)
        return count + 1

    def _means(self, tokens: list[list[int]]) -> Vectors:
        if self.packed is not None:
            packed: Vectors = self.packed.means(tokens).numpy()
            return packed
        lengths = [len(row) for row in tokens]
        padded = torch.zeros(len(tokens), max(lengths), dtype=torch.int64)
        for i, row in enumerate(tokens):
            padded[i, : len(row)] = torch.tensor(row)
        means = self.model(padded.to(self.device), torch.tensor(lengths, device=self.device))
        padded_means: Vectors = means.cpu().numpy()
        return padded_means


def load_bert(weights: Path) -> Bert:
    """Read a checkpoint of MiniLM-L6-H384 as the differentiable network, float32, on the CPU. Raises WeightsError."""
    # Not on the meta device: that imports the whole compiler, seconds more than these weights take to fill.
    bert = Bert(BertShape())
    try:
        state = {name: tensor for name, tensor in load_file(weights).items() if not _unused(name)}
        bert.load_state_dict(state, assign=True)
    except (RuntimeError, SafetensorError) as error:
        raise WeightsError(f"{weights} does not hold a MiniLM-L6-H384: {error}") from error
    return bert.eval()


def _unused(name: str) -> bool:
    """Whether a checkpoint's tensor is none of the encoder's: the pooler, and a buffer of positions."""
    return name.startswith("pooler.") or name.endswith("position_ids")
