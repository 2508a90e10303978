"""Any bidirectional encoder of transformers as a text part."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from encoders.note import Note
from encoders.text.config import TransformerConfig
from encoders.text.transformer import TOKEN_BUDGET, TransformerTower
from encoders.text.transformer_batches import by_length, pad
from training.trainees.lora import add_lora, fold_lora, merged_lora
from training.trainees.rows import gradients, set_unused_aside

if TYPE_CHECKING:
    from training.recipes.config import LoraConfig


class TransformerPart:
    """TransformerTower with gradients; with LoRA its projection, if it has one, is trained whole.

    checkpointing: layers are run again for their gradients, which takes less memory and more time.
    Raises EncoderError as the tower does.
    """

    def __init__(self, config: TransformerConfig, checkpointing: bool = False) -> None:
        self.tower = TransformerTower(config, "float32")
        self.dim = self.tower.dim
        self.network = self.tower.trainable()
        self.module: nn.Module = self.network.requires_grad_(True)
        set_unused_aside(self.module, self._forward([[2, self.network.emb or 3]]))
        if checkpointing:
            self.network.backbone.gradient_checkpointing_enable({"use_reentrant": False})  # type: ignore[operator]

    def begin(self, train: bool, lora: "LoraConfig | None" = None) -> None:
        """Train all weights, low-rank changes of them, or none; earlier low-rank changes become part of the weights."""
        fold_lora(self.module)
        self.module.requires_grad_(train)
        if train and lora is not None:
            add_lora(self.network.backbone, lora)

    def read(self, note: Note, fields: Sequence[str]) -> tuple[int, ...]:
        """Write the fields as token ids, () where there is no text; thread-safe; raises NoteRejected."""
        return tuple(self.tower.tokens([self.tower.read(note, fields)])[0])

    def cost(self, tokens: Sequence[int]) -> int:
        """Return how many tokens a text has."""
        return len(tokens)

    def embed(self, texts: Sequence[Sequence[int]]) -> Tensor:
        """Embed N texts, none empty, to rows float32 [N, dim], not of unit length."""
        with gradients(self.module):
            budget = TOKEN_BUDGET[self.tower.device]
            batches = list(by_length([len(ids) for ids in texts], budget))
            rows = torch.cat([self._forward([texts[i] for i in batch]) for batch in batches])
            places = torch.tensor([i for batch in batches for i in batch], device=rows.device)
            return rows[torch.argsort(places)]

    def save(self, folder: Path) -> None:
        """Write a model folder of transformers with the projection beside it."""
        with merged_lora(self.module):
            self.tower.save(folder)

    def _forward(self, texts: Sequence[Sequence[int]]) -> Tensor:
        ids, mask = pad(texts, self.tower.padding)
        device = next(self.module.parameters()).device
        rows: Tensor = self.module(ids.to(device), mask.to(device))
        return rows.float()
