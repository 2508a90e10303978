"""NoteLLM (arXiv 2403.01744) as a text part: a language model compresses a note, and writes of it."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from encoders.note import Note
from encoders.notellm.backbone import Prefix
from encoders.notellm.config import NoteLLMConfig
from encoders.notellm.tower import NoteLLM
from training.trainees.language_model import train_language_model
from training.trainees.lora import merged_lora
from training.trainees.rows import gradients
from training.trainees.writing import NoteText, check_head, choose_answers, output_losses, read_text

if TYPE_CHECKING:
    from training.recipes.config import LoraConfig


class NoteLLMPart:
    """NoteLLM with gradients, float32; with LoRA the projection is trained whole.

    hashtags: r, the part of a batch that writes hashtags in training (CSFT); None: nothing is written.
    checkpointing: layers are run again for their gradients, which takes less memory and more time.
    Raises EncoderError as the tower does, TrainingError for a head that cannot be trained.
    """

    def __init__(self, config: NoteLLMConfig, hashtags: float | None = None, checkpointing: bool = False) -> None:
        self.tower = NoteLLM(config, "float32")
        self.dim = config.project
        self.network = self.tower.module
        self.module: nn.Module = self.network
        self.backbone = self.tower.backbone
        self.hashtags: float | None = None
        self.generate(hashtags)
        self.begin(True)
        if checkpointing:
            self.backbone.causal.gradient_checkpointing_enable({"use_reentrant": False})

    def generate(self, hashtags: float | None) -> None:
        """Set r, or None to write nothing from now on; notes that were read before are not written of."""
        if hashtags is not None:
            check_head(self.backbone)
        self.hashtags = hashtags

    def begin(self, train: bool, lora: "LoraConfig | None" = None) -> None:
        """Train all weights, low-rank changes of them, or none; earlier low-rank changes become part of the weights."""
        self.network.projection.requires_grad_(train)
        train_language_model(self.backbone, train, lora, writes=self.hashtags is not None)

    def read(self, note: Note, fields: Sequence[str] = ()) -> NoteText:  # noqa: ARG002 (the template decides)
        """Return the note's prompts as token ids, empty without text; thread-safe; raises NoteRejected."""
        return read_text(self.tower.template, note, self.hashtags is not None)

    def cost(self, tokens: NoteText) -> int:
        """Return how many tokens are run for a text, the instruction included; 0 for an empty one."""
        if not tokens:
            return 0
        return len(self.tower.template.instruction()) + len(tokens) + len(tokens.category)

    def embed(self, texts: Sequence[NoteText]) -> Tensor:
        """Embed N texts, none empty, by the prompt that is served: float32 [N, dim], not of unit length."""
        with gradients(self.module):
            inputs = [torch.tensor(text.body) for text in texts]
            if torch.is_grad_enabled() or self.module.training:
                # Run with every note, so that dropout draws alike in both passes of GradCache.
                instruction = torch.tensor(self.tower.template.instruction(), device=self.backbone.device)
                prefix = Prefix(instruction, ())
            else:
                prefix = self.tower.prefix("category")
            rows: Tensor = self.module(inputs, prefix)
            return rows.float()

    def embed_and_generate(self, texts: Sequence[NoteText]) -> tuple[Tensor, Tensor, Tensor]:
        """Embed N texts, none empty, each by the prompt of a task that it is given by chance, and write the answers.

        Returns rows [N, dim], the mean −log p of each note's output [N], and weights [N], 0 for a note that writes
        nothing. So do all in evaluation mode, or without `generate`: rows are then those of `embed`.
        """
        if self.hashtags is None or not self.module.training:
            rows = self.embed(texts)
            return rows, rows.new_zeros(len(texts)), rows.new_zeros(len(texts))
        template = self.tower.template
        with gradients(self.module):
            answers = choose_answers(texts, [False] * len(texts), template, self.hashtags)
            inputs, taps = [], []
            for text, answer in zip(texts, answers, strict=True):
                body = text.untagged if answer.task == "hashtags" else text.body
                ids = (*template.instruction(answer.task), *body)
                inputs.append(torch.tensor((*ids, *answer.behind)))
                taps.append(answer.taps(len(ids)))
            states = self.backbone.states(inputs, taps)
            rows = self.network.projection(torch.stack([own[0] for own in states])).float()
            losses, weights = output_losses(self.backbone, [own[1:] for own in states], answers)
        return rows, losses, weights

    def save(self, folder: Path) -> None:
        """Write the model as transformers reads it, the tokenizer, and the projection."""
        with merged_lora(self.module):
            self.tower.save(folder)
