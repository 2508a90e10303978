"""The category head and the hashtag decoder of a text tower, saved and loaded as one part."""

from collections.abc import Sequence
from pathlib import Path
from shutil import copyfile

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from encoders.blocks import Vectors
from encoders.device import best_device
from encoders.errors import EncoderError, WeightsError
from encoders.heads.config import HeadsConfig
from encoders.heads.decoder import TagDecoder
from encoders.heads.words import TagWords
from encoders.suggestion import Suggestion
from encoders.text.stock import find_minilm

WEIGHTS_FILE, TOKENIZER_FILE = "heads.safetensors", "tokenizer.json"
# Notes whose tags are written side by side.
BATCH = 256


class HeadsModule(nn.Module):
    """What is trained: logits of the categories and of the hashtags' tokens, from one embedding."""

    def __init__(self, config: HeadsConfig, dim: int, vocabulary: int) -> None:
        super().__init__()
        self.dim = dim
        self.category = nn.Sequential(
            nn.Linear(dim, config.hidden), nn.GELU(), nn.Linear(config.hidden, len(config.categories))
        )
        self.decoder = TagDecoder(dim, vocabulary, config.width, config.layers, config.heads, config.max_tokens)

    def forward(self, vectors: Tensor, ids: Tensor) -> tuple[Tensor, Tensor]:
        """Map embeddings [B, dim] and tag ids [B, T] (TagWords.batch) to logits [B, categories] and [B, T, V]."""
        return self.categorise(vectors), self.decoder(vectors, ids)

    def categorise(self, vectors: Tensor) -> Tensor:
        """Map embeddings [B, dim] to logits [B, categories]."""
        # As in the decoder: numbers of about one are learnt from fastest.
        logits: Tensor = self.category(vectors * self.dim**0.5)
        return logits


class Heads:
    """Suggests a category and hashtags for notes, given their text embeddings.

    dim: length of an embedding. Raises EncoderError where the configuration names neither a folder nor a seed,
    or a folder whose heads are of other sizes; WeightsError for a missing or damaged file.
    """

    def __init__(self, config: HeadsConfig, dim: int) -> None:
        if config.folder is None and config.seed is None:
            raise EncoderError("the heads have neither a folder nor a seed: name a saved one, or a seed to train from")
        self.config = config
        self.dim = dim
        self.device = best_device()
        self._tokenizer = Path(config.folder or find_minilm()) / TOKENIZER_FILE
        if not self._tokenizer.is_file():
            raise WeightsError(f"{self._tokenizer} is missing: save or copy the encoder again")
        self.words = TagWords(self._tokenizer)
        module = HeadsModule(config, dim, self.words.size)
        if config.folder is not None:
            _load(module, Path(config.folder) / WEIGHTS_FILE)
        else:
            _randomise(module, config.seed or 0)
        self.module = module.to(self.device).eval()

    def suggest(self, vectors: Vectors, max_tags: int = 5, categories: Sequence[str] | None = None) -> list[Suggestion]:
        """Suggest for N unit rows, float32 [N, dim]; a zero row, which is a note without text, gets nothing.

        categories: of the known ones, those to choose from; raises EncoderError for another. None of them: no category.
        """
        if vectors.ndim != 2 or vectors.shape[1] != self.dim:
            raise EncoderError(f"the heads want vectors of {self.dim} numbers, got an array of shape {vectors.shape}")
        if max_tags < 0:
            raise EncoderError(f"max_tags is {max_tags}: give 0 or more")
        allowed = self._allowed(categories)
        suggestions = [Suggestion((), None)] * len(vectors)
        present = np.flatnonzero(vectors.any(axis=1))
        for start in range(0, len(present), BATCH):
            rows = present[start : start + BATCH]
            batch = torch.from_numpy(np.ascontiguousarray(vectors[rows])).to(self.device)
            named = self._categories(batch, allowed)
            for row, tags, category in zip(rows, self._tags(batch, max_tags), named, strict=True):
                suggestions[row] = Suggestion(tags, category)
        return suggestions

    def _allowed(self, categories: Sequence[str] | None) -> list[int]:
        known = {name: i for i, name in enumerate(self.config.categories)}
        if categories is None:
            return list(known.values())
        unknown = [name for name in categories if name not in known]
        if unknown:
            raise EncoderError(f"the heads know no category {unknown[0]!r}: choose from {', '.join(known)}")
        return sorted({known[name] for name in categories})

    @torch.inference_mode()
    def _categories(self, vectors: Tensor, allowed: list[int]) -> list[str | None]:
        if not allowed:
            return [None] * len(vectors)
        best = self.module.categorise(vectors)[:, allowed].argmax(dim=1)
        return [self.config.categories[allowed[i]] for i in best.tolist()]

    @torch.inference_mode()
    def _tags(self, vectors: Tensor, max_tags: int) -> list[tuple[str, ...]]:
        if not max_tags:
            return [()] * len(vectors)
        refused = self.words.refused.to(self.device)
        written = self.module.decoder.generate(vectors, self.words.start, self.words.end, refused)
        return [self.words.tags(ids, max_tags) for ids in written]

    def save(self, folder: Path) -> None:
        """Write weights and tokenizer into a folder."""
        folder.mkdir(parents=True, exist_ok=True)
        state = {name: tensor.detach().cpu().contiguous() for name, tensor in self.module.state_dict().items()}
        save_file(state, folder / WEIGHTS_FILE)
        copyfile(self._tokenizer, folder / TOKENIZER_FILE)


def _load(module: HeadsModule, path: Path) -> None:
    try:
        state = load_file(path)
    except (SafetensorError, OSError) as error:
        raise WeightsError(f"{path} cannot be read ({error}): save or copy the encoder again") from error
    wanted = {name: tuple(tensor.shape) for name, tensor in module.state_dict().items()}
    found = {name: tuple(tensor.shape) for name, tensor in state.items()}
    if wanted != found:
        name = min(name for name in wanted.keys() | found.keys() if wanted.get(name) != found.get(name))
        raise EncoderError(
            f"{path} does not fit its configuration: {name} is {found.get(name, 'missing')} there, "
            f"{wanted.get(name, 'nothing')} for these categories, this width and a text tower of {module.dim} numbers"
        )
    module.load_state_dict(state)


@torch.no_grad()
def _randomise(module: HeadsModule, seed: int) -> None:
    """Fill the weights from a generator of their own: the same on every machine, whatever was drawn before."""
    generator = torch.Generator().manual_seed(seed)
    for name, weight in sorted(module.named_parameters()):
        if name.endswith("bias"):
            weight.zero_()
        elif "norm" in name:
            weight.fill_(1)
        else:
            # By fan-in, so that states keep their size; embeddings small, as logits are made with them too.
            scale = 0.02 if name.endswith(("words.weight", "positions")) else weight.shape[1] ** -0.5
            weight.copy_(torch.randn(weight.shape, generator=generator) * scale)
