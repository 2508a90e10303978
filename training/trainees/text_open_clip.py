"""The text half of a CLIP model as a text part."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from encoders.note import Note
from encoders.text.config import OpenClipTextConfig
from encoders.text.open_clip_text import OpenClipText
from training.errors import TrainingError
from training.trainees.rows import gradients, set_unused_aside

if TYPE_CHECKING:
    from training.recipes.config import LoraConfig


class OpenClipTextPart:
    """OpenClipText with gradients.

    The padding behind a text is not run where the model is open_clip's own causal one: no token sees it.
    """

    def __init__(self, config: OpenClipTextConfig) -> None:
        self.tower = OpenClipText(config, "float32")
        self.dim = self.tower.dim
        self.module: Any = self.tower.model
        self._shortens = _is_causal(self.module)
        self.module.requires_grad_(True)
        set_unused_aside(self.module, self._forward(self.tower.tokens(["a"])))

    def begin(self, train: bool, lora: "LoraConfig | None" = None) -> None:
        """Train all weights or none; raises TrainingError for low-rank training."""
        if train and lora is not None:
            raise TrainingError("the text half of a CLIP model is trained whole: leave `lora` out of the stage")
        self.module.requires_grad_(train)

    def read(self, note: Note, fields: Sequence[str]) -> tuple[int, ...]:
        """Write the fields as the token ids of a whole context, () where there is no text; thread-safe."""
        text = self.tower.read(note, fields)
        return tuple(self.tower.tokens([text])[0].tolist()) if text.strip() else ()

    def cost(self, tokens: Sequence[int]) -> int:
        """Return how many tokens are run for a text."""
        return self._longest(torch.tensor([tokens])) if tokens else 0

    def embed(self, texts: Sequence[Sequence[int]]) -> Tensor:
        """Embed N texts, none empty, to rows float32 [N, dim], not of unit length."""
        with gradients(self.module):
            return self._forward(torch.tensor(texts))

    def save(self, folder: Path) -> None:
        """Write a folder that open_clip opens too: this text half as it is now, the image half as it was."""
        self.tower.save(folder, trained=True)

    def _forward(self, tokens: Tensor) -> Tensor:
        model = self.module
        device = next(model.parameters()).device
        if not self._shortens:
            whole: Tensor = model.encode_text(tokens.to(device))
            return whole.float()
        length = self._longest(tokens)
        causal, places = model.attn_mask, model.positional_embedding
        cut = tokens[:, :length].to(device)
        # What open_clip's CLIP.encode_text does, on fewer tokens.
        states = model.token_embedding(cut) + places[:length]
        states = model.ln_final(model.transformer(states, attn_mask=causal[:length, :length]))
        pooled = states[torch.arange(len(cut), device=device), cut.argmax(dim=-1)]
        projection = model.text_projection
        rows: Tensor = projection(pooled) if isinstance(projection, torch.nn.Linear) else pooled @ projection
        return rows.float()

    def _longest(self, tokens: Tensor) -> int:
        """Return how many of the tokens [N, context] have to be run: up to the last one that is pooled."""
        return int(tokens.argmax(dim=-1).max()) + 1 if self._shortens else tokens.shape[1]


def _is_causal(model: Any) -> bool:
    """Whether a text is read by CLIP itself, causally, and pooled at its end token, which has the highest id."""
    import open_clip

    own = type(model) is open_clip.CLIP and model.text_pool_type == "argmax"
    return own and model.attn_mask is not None and model.text_projection is not None
