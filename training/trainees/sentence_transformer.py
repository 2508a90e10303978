"""A multimodal model of sentence-transformers as a trainee."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from encoders.base import Prepared
from encoders.images import ImageLimits
from encoders.note import Note
from encoders.sentence_transformer.config import SentenceTransformerConfig
from encoders.sentence_transformer.encoder import Owned, SentenceTransformerEncoder
from training.trainees.base import View
from training.trainees.lora import add_lora, fold_lora, merged_lora
from training.trainees.rows import Rows, check_parts, gradients, set_unused_aside

if TYPE_CHECKING:
    from training.recipes.config import LoraConfig

# UTF-8 bytes of a token, about, and pixels that count as one: what is tokenised is not yet known when a cost is asked.
BYTES_A_TOKEN, PIXELS_A_TOKEN = 4, 16 * 16


class SentenceTransformerTrainee:
    """SentenceTransformerEncoder with gradients: one part, `model`, and one view, `note`.

    The library tokenises and preprocesses when it embeds, not when it reads. Weights that reach no vector, such as a
    CLIP model's temperature, are never trained. Raises EncoderError and WeightsError.
    """

    def __init__(self, config: SentenceTransformerConfig, limits: ImageLimits = ImageLimits()) -> None:
        self.encoder = SentenceTransformerEncoder(config, "float32", limits)
        model: nn.Module = self.encoder.model
        self.parts: Mapping[str, nn.Module] = {"model": model}
        self.module: nn.Module = Rows(self.embed, self.parts).eval()
        model.requires_grad_(True)
        side = self.encoder.shrink_to or 64
        blank = np.zeros((side, side, 3), dtype=np.uint8)
        probes = [Prepared("a", ()), Prepared("", (blank,)), Prepared("a", (blank,))]
        set_unused_aside(model, self.embed(probes))
        self._side = self.encoder.shrink_to

    @property
    def views(self) -> tuple[View, ...]:
        """The one view of a row."""
        return (View("note", 0, self.encoder.dim),)

    def begin(self, train: Sequence[str], lora: "LoraConfig | None" = None) -> None:
        """Set whether the model is trained, whole or by low-rank changes of its transformers. Raises TrainingError."""
        check_parts(train, self.parts)
        model = self.parts["model"]
        fold_lora(model)
        model.requires_grad_("model" in train)
        if lora is not None and "model" in train:
            add_lora(model, lora)
        self.module.train(self.module.training)

    def read(self, note: Note) -> Prepared:
        """Write the text, decode the pictures to uint8 [H, W, 3]; thread-safe; raises NoteRejected."""
        return self.encoder.prepare(note)

    def cost(self, item: Prepared) -> int:
        """Return about how many tokens a note has; a picture counts one for 16 × 16 pixels as the model sees it."""
        text = 0
        if item.text:
            text = len(item.text.encode()) // BYTES_A_TOKEN + 2
            most = self.encoder.loaded.max_tokens
            text = text if most is None else min(text, most)
        pictures = 0
        for picture in item.images:
            pixels = self._side**2 if self._side else picture.shape[0] * picture.shape[1]
            pictures += max(1, pixels // PIXELS_A_TOKEN)
        # Read at once, the text stands beside every picture.
        return text * (max(1, len(item.images)) if self.encoder.reads_both else 1) + pictures

    def light(self, item: Prepared) -> bool:
        """Whether an item holds no pixels."""
        return not item.images

    def embed(self, items: Sequence[Prepared]) -> Tensor:
        """Embed N ≥ 1 items to rows float32 [N, dim], not of unit length where the model's vectors are cut."""
        encoder = self.encoder
        with gradients(self.module):
            first, second = encoder.inputs(items)
            rows = self._pooled(first, len(items))
            if not encoder.reads_both:
                share = encoder.config.image_share
                rows = math.sqrt(1 - share) * rows + math.sqrt(share) * self._pooled(second, len(items))
                rows = normalize(rows, dim=1)
            return rows[:, : encoder.dim]

    def save(self, folder: Path) -> SentenceTransformerConfig:
        """Write the weights as they are now; returns the configuration that reads them from there."""
        with merged_lora(self.module):
            return self.encoder.save(folder, trained=True)

    def _pooled(self, owned: Sequence[Owned], notes: int) -> Tensor:
        """Run inputs that belong to notes: the unit mean of a note's unit vectors [notes, full_dim], zeros for none."""
        pooled = torch.zeros(notes, self.encoder.full_dim, device=next(self.module.parameters()).device)
        if not owned:
            return pooled
        rows = normalize(self.encoder.forward(owned), dim=1)
        owners = torch.tensor([owner for owner, _ in owned], device=rows.device)
        return normalize(pooled.index_add(0, owners, rows), dim=1)
