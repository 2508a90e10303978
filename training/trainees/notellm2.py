"""NoteLLM-2 (arXiv 2405.16789) as a trainee."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from PIL import Image
from torch import Tensor, nn

from encoders.base import Prepared
from encoders.images import ImageLimits
from encoders.note import Note
from encoders.notellm2.config import NoteLLM2Config
from encoders.notellm2.encoder import NoteLLM2
from encoders.notellm2.module import Compressed
from encoders.notellm2.vision import look
from training.errors import TrainingError
from training.trainees.base import View
from training.trainees.language_model import train_language_model
from training.trainees.lora import merged_lora
from training.trainees.rows import Rows, check_parts, gradients
from training.trainees.writing import Answer, NoteText, check_head, choose_answers, output_losses, read_text

if TYPE_CHECKING:
    from training.recipes.config import LoraConfig


@dataclass(frozen=True, slots=True)
class NoteItem:
    """A note's prompts and its preprocessed pictures."""

    text: NoteText
    prepared: Prepared


class NoteLLM2Trainee:
    """NoteLLM2 with gradients: the language model (`model`) and connector, gate and projection (`bridge`).

    Views: `note` is n_m, `image` n_v, and `generation`, where notes are written of, the mean −log p of what a note
    writes and its weight, 1 or 0 (CSFT). The vision tower is frozen; its patches are made anew in every pass, so that
    memory does not grow with the contrastive batch.
    hashtags: r, the part of a batch that writes hashtags; None: nothing is written. checkpointing: the language
    model's layers are run again for their gradients, which takes less memory and more time.
    Raises EncoderError and WeightsError as the encoder does, TrainingError for a head that cannot be trained.
    """

    def __init__(
        self,
        config: NoteLLM2Config,
        hashtags: float | None = None,
        checkpointing: bool = False,
        limits: ImageLimits = ImageLimits(),
    ) -> None:
        self.encoder = NoteLLM2(config, "float32", limits)
        inner = self.encoder.module
        self.backbone, self.bridge = inner.backbone, inner.bridge
        self.parts: Mapping[str, nn.Module] = {"model": self.backbone, "bridge": self.bridge}
        self.module: nn.Module = Rows(self.embed, self.parts).eval()
        self.hashtags: float | None = None
        self.generate(hashtags)
        self.begin(tuple(self.parts))
        blank = self.encoder.vision.preprocess(Image.new("RGB", (32, 32)))
        self._patches = self.encoder.vision.patches_and_pooled([blank])[0].shape[1]
        if checkpointing:
            self.backbone.causal.gradient_checkpointing_enable({"use_reentrant": False})

    @property
    def views(self) -> tuple[View, ...]:
        """The views of a row."""
        dim = self.encoder.dim
        views = (View("note", 0, dim), View("image", dim, 2 * dim))
        return views if self.hashtags is None else (*views, View("generation", 2 * dim, 2 * dim + 2))

    def generate(self, hashtags: float | None) -> None:
        """Set r, or None to write nothing from now on; notes that were read before are not written of."""
        if hashtags is not None:
            check_head(self.backbone)
        self.hashtags = hashtags

    def begin(self, train: Sequence[str], lora: "LoraConfig | None" = None) -> None:
        """Set which parts are trained; lora: of the language model low-rank changes alone. Raises TrainingError."""
        check_parts(train, self.parts)
        if lora is not None and "model" not in train:
            raise TrainingError("`lora` is how the part `model` is trained: name it in `train`, or leave `lora` out")
        self.bridge.requires_grad_("bridge" in train)
        train_language_model(self.backbone, "model" in train, lora, writes=self.hashtags is not None)
        self.module.train(self.module.training)

    def read(self, note: Note) -> NoteItem:
        """Tokenise the text, decode and preprocess the pictures; thread-safe; raises NoteRejected."""
        prepared = self.encoder.prepare(note)
        return NoteItem(read_text(self.encoder.prompt.template, note, self.hashtags is not None), prepared)

    def cost(self, item: NoteItem) -> int:
        """Return how many tokens are run for an item, a picture counting its patches and its visual tokens."""
        prompt = self.encoder.prompt
        plan = prompt.plan(item.text.body, len(item.prepared.images))
        pictures = self._patches * len(item.prepared.images)
        return len(prompt.instruction()) + len(plan.ids) + len(item.text.category) + pictures

    def light(self, item: NoteItem) -> bool:
        """Whether an item holds no pixels."""
        return not item.prepared.images

    def embed(self, items: Sequence[NoteItem]) -> Tensor:
        """Embed N ≥ 1 items to rows float32 [N, W]; in evaluation mode nothing is written, and its weights are 0."""
        dim = self.encoder.dim
        with gradients(self.module):
            if self.hashtags is not None and self.module.training:
                compressed, losses, weights = self._write(items)
            else:
                compressed = self.encoder.compress([item.prepared for item in items])
                losses = weights = compressed.whole.new_zeros(len(items))
            rows = [compressed.whole[:, :dim].float(), compressed.visual[:, :dim].float()]
            if self.hashtags is not None:
                rows += [losses[:, None], weights[:, None]]
            return torch.cat(rows, dim=1)

    def save(self, folder: Path) -> NoteLLM2Config:
        """Write the weights as they are now; returns the configuration that reads them from there."""
        with merged_lora(self.backbone):
            return self.encoder.save(folder)

    def _write(self, items: Sequence[NoteItem]) -> tuple[Compressed, Tensor, Tensor]:
        """Compress each note by the prompt of a task that it is given by chance, and write the answers."""
        encoder, backbone = self.encoder, self.backbone
        prompt, inner = encoder.prompt, encoder.module
        seen = look(encoder.vision, [item.prepared for item in items])
        assert self.hashtags is not None
        pictures = [bool(item.prepared.images) for item in items]
        answers = choose_answers([item.text for item in items], pictures, prompt.template, self.hashtags)
        plans = [
            prompt.plan(_body(item.text, answer), len(item.prepared.images), answer.behind)
            for item, answer in zip(items, answers, strict=True)
        ]
        inputs, taps = [], []
        for plan, answer, embedded in zip(plans, answers, inner.inputs(plans, seen.patches), strict=True):
            instruction = torch.tensor(prompt.instruction(answer.task))
            inputs.append(torch.cat([backbone.embed_tokens(instruction), embedded]))
            before = len(instruction)
            looked = plan.compressed - 1 if plan.looked is None else plan.looked
            taps.append([before + looked, *answer.taps(before + plan.compressed)])
        states = backbone.states(inputs, taps)
        compressed = inner.fused(torch.stack([own[0] for own in states]), torch.stack([own[1] for own in states]), seen)
        losses, weights = output_losses(backbone, [own[2:] for own in states], answers)
        return compressed, losses, weights


def _body(text: NoteText, answer: Answer) -> tuple[int, ...]:
    return text.untagged if answer.task == "hashtags" else text.body
