"""A text model of sentence-transformers as a text part."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from encoders.note import Note
from encoders.sentence_transformer.config import SentenceTransformerTextConfig
from encoders.sentence_transformer.text_tower import SentenceTransformerTower
from training.trainees.lora import add_lora, fold_lora, merged_lora
from training.trainees.rows import gradients, set_unused_aside

if TYPE_CHECKING:
    from torch import nn

    from training.recipes.config import LoraConfig

# UTF-8 bytes of a token, about, in any script; what is tokenised is not yet known when a text's cost is asked.
BYTES_A_TOKEN = 4


class SentenceTransformerPart:
    """SentenceTransformerTower with gradients; the library tokenises when it embeds, not when it reads.

    With LoRA the modules behind the transformer (a dense layer) are trained whole. Raises EncoderError, WeightsError.
    """

    def __init__(self, config: SentenceTransformerTextConfig) -> None:
        self.tower = SentenceTransformerTower(config, "float32")
        self.dim: int = self.tower.dim
        self.module: nn.Module = self.tower.model
        self.module.requires_grad_(True)
        set_unused_aside(self.module, self.tower.forward(["a"]))

    def begin(self, train: bool, lora: "LoraConfig | None" = None) -> None:
        """Train all weights, low-rank changes of them, or none; earlier low-rank changes become part of the weights."""
        fold_lora(self.module)
        self.module.requires_grad_(train)
        if train and lora is not None:
            add_lora(self.module, lora)

    def read(self, note: Note, fields: Sequence[str]) -> str:
        """Write the fields as one text, empty where there is none; thread-safe; raises NoteRejected."""
        text = self.tower.read(note, fields)
        return text if text.strip() else ""

    def cost(self, tokens: str) -> int:
        """Return about how many tokens a text has."""
        if not tokens:
            return 0
        about = len(tokens.encode()) // BYTES_A_TOKEN + 2
        most = self.tower.loaded.max_tokens
        return about if most is None else min(about, most)

    def embed(self, texts: Sequence[str]) -> Tensor:
        """Embed N texts, none empty, to rows float32 [N, dim], not of unit length."""
        with gradients(self.module):
            # Like lengths together, as the library does it, and never all of a long list at once.
            order = sorted(range(len(texts)), key=lambda i: -len(texts[i]))
            chunks = [order[at : at + 32] for at in range(0, len(order), 32)]
            rows = torch.cat([self.tower.forward([texts[i] for i in chunk]) for chunk in chunks])
            return rows[torch.argsort(torch.tensor(order, device=rows.device))]

    def save(self, folder: Path) -> None:
        """Write the model as sentence-transformers saves it."""
        with merged_lora(self.module):
            self.tower.save(folder, trained=True)
