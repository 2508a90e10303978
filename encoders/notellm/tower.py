"""NoteLLM as a text tower (arXiv 2403.01744): a causal language model compresses a note into one word."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from encoders.base import TextInput
from encoders.blocks import Vectors, unit_rows
from encoders.device import Precision, best_device, resolve_precision
from encoders.errors import EncoderError
from encoders.evaluating import evaluating
from encoders.hub import config_digest, find_model, state_digest
from encoders.note import Note
from encoders.notellm.backbone import Backbone, Prefix, stamp
from encoders.notellm.config import NoteLLMConfig
from encoders.notellm.generate import LONGEST_ANSWER, suggest
from encoders.notellm.lora import add_adapter
from encoders.notellm.module import NoteModule
from encoders.notellm.template import Task, Template
from encoders.suggestion import Suggestion


class NoteLLM:
    """Notes to unit vectors: the last hidden state before [EMB], through a linear layer.

    `module` is the torch module, for training; what is computed from its weights is renewed when they change. Vectors
    and suggestions are made in evaluation mode, whatever mode it is in, and it is left in its own.
    Raises EncoderError where the template is longer than the model's context, WeightsError for weights that are none.
    """

    def __init__(self, config: NoteLLMConfig, precision: Precision = "auto") -> None:
        self.config = config
        self.dim = config.project
        self.device = best_device()
        self.dtype = resolve_precision(precision, self.device)
        self.module = _load(config)
        self.backbone = self.module.backbone
        self.template = Template(
            self.backbone.vocabulary, config.title_tokens, config.content_tokens, config.topic_tokens
        )
        self.template.check_fits(self.backbone.positions, LONGEST_ANSWER)
        # Hashed as stored, before rounding: the fingerprint must not depend on the precision of this machine.
        self._digests = _digests(self.module)
        self._rounded = any(weight.dtype != self.dtype for weight in self.backbone.parameters())
        self.backbone.place(self.device, self.dtype)
        self.module.projection.to(self.device)
        self._stamp = stamp(self.module)
        self._prefixes: dict[tuple[Task, bool], tuple[int, Prefix]] = {}
        self._lora: Any = None

    def identity(self) -> dict[str, object]:
        """Return what decides the vectors up to rounding: for the fingerprint."""
        digests = self._digests if self._untrained() else _digests(self.module)
        tokenizer = self.backbone.vocabulary.digest()
        return {
            "tower": "notellm",
            "architecture": config_digest(self.backbone.causal.config),
            "tokenizer": tokenizer,
            "project": self.dim,
            **digests,
            **self.template.identity(),
        }

    def read(self, note: Note, fields: Sequence[str] = ()) -> tuple[int, ...]:  # noqa: ARG002 (the template decides)
        """Return the note's part of the prompt as token ids, () without text; the template decides on the fields.

        Raises NoteRejected for text that no UTF-8 has.
        """
        return self.template.body(note)

    @torch.no_grad()
    def encode(self, texts: Sequence[TextInput]) -> Vectors:
        """Encode N prompts, as `read` returns them, to unit rows, float32 [N, dim]; an empty one is a zero row."""
        vectors = np.zeros((len(texts), self.dim), dtype=np.float32)
        # Nearly every note begins with its title: what opens that field is read with the instruction, once.
        opening = self.template.opening
        groups: dict[bool, list[int]] = {True: [], False: []}
        for i, ids in enumerate(texts):
            if ids:
                groups[tuple(ids[: len(opening)]) == opening].append(i)
        with evaluating(self.module):
            for opened, members in groups.items():
                if members:
                    inputs = [torch.tensor(texts[i][len(opening) if opened else 0 :]) for i in members]
                    vectors[members] = self.module(inputs, self.prefix("category", opened)).cpu().numpy()
        return unit_rows(vectors)

    def prefix(self, task: Task, opened: bool = False) -> Prefix:
        """Return the instruction of a task with its keys and values, computed once for these weights.

        opened: with what opens the title behind it.
        """
        now = stamp(self.backbone)
        made, prefix = self._prefixes.get((task, opened), (None, None))
        if prefix is None or made != now:
            ids = self.template.instruction(task) + (self.template.opening if opened else ())
            with evaluating(self.module):
                prefix = self.backbone.prefix(ids)
            self._prefixes[task, opened] = (now, prefix)
        return prefix

    def suggest_tags(
        self, notes: Sequence[Note], max_tags: int = 5, categories: Sequence[str] | None = None
    ) -> list[Suggestion]:
        """Write hashtags for N notes and choose a category among the known ones, with the same weights.

        categories: those to choose from; None: the configuration's. Raises EncoderError for a negative max_tags.
        """
        known = self.config.categories if categories is None else tuple(categories)
        with evaluating(self.module):
            return suggest(self.backbone, self.template, notes, max_tags, known, self.prefix)

    def add_lora(
        self,
        rank: int = 16,
        alpha: float = 32,
        dropout: float = 0.0,
        targets: Sequence[str] | str = "all-linear",
        seed: int = 0,
    ) -> None:
        """Put a low-rank adapter on the model and freeze its own weights; needs notelens[train]."""
        if self._lora is not None:
            raise EncoderError("the model has an adapter already: merge_lora() first")
        self._lora = add_adapter(self.backbone.causal, rank, alpha, dropout, targets, seed)

    def merge_lora(self) -> None:
        """Add the adapter to the model's weights."""
        if self._lora is None:
            raise EncoderError("the model has no adapter to merge: add_lora() first")
        self.backbone.causal = self._lora.merge_and_unload().eval()
        self._lora = None

    def save_lora(self, folder: Path) -> None:
        """Write the adapter alone, as peft reads it, and the projection: a NoteLLMConfig's `adapter`."""
        if self._lora is None:
            raise EncoderError("the model has no adapter to save: add_lora() first")
        # Its row for [EMB] is the mean of the others, so the embeddings need not be saved with it.
        self._lora.save_pretrained(folder, safe_serialization=True, save_embedding_layers=False)
        self.module.save_projection(folder)

    def save(self, folder: Path) -> None:
        """Write the model as transformers reads it, the tokenizer, and the projection."""
        if self._lora is not None:
            raise EncoderError("the model has an adapter beside its weights: merge_lora() first, or save_lora()")
        folder.mkdir(parents=True, exist_ok=True)
        # Rounded weights are read again: what is saved is what the fingerprint is of.
        module = _load(self.config) if self._rounded and self._untrained() else self.module
        module.backbone.causal.save_pretrained(folder)
        module.backbone.vocabulary.save(folder)
        module.save_projection(folder)

    def _untrained(self) -> bool:
        return stamp(self.module) == self._stamp


def _load(config: NoteLLMConfig) -> NoteModule:
    """Load what a configuration names, on the CPU, in its stored number format."""
    backbone = Backbone.load(config.model, config.revision, config.seed, config.adapter)
    module = NoteModule(backbone, config.project, config.seed or 0).eval()
    # An adapter is saved with the projection it was trained with.
    read = config.adapter is not None and module.load_projection(find_model(config.adapter))
    if not read and config.model != "tiny" and config.seed is None:
        module.load_projection(find_model(config.model, config.revision))
    return module


def _digests(module: NoteModule) -> dict[str, object]:
    return {"weights": state_digest(module.backbone.causal), "projection": state_digest(module.projection)}
