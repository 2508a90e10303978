"""Any bidirectional encoder of Hugging Face transformers as a text tower."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from tokenizers import Tokenizer

from encoders.base import TextInput
from encoders.blocks import Vectors, unit_rows
from encoders.device import Precision, best_device, resolve_precision
from encoders.errors import EncoderError
from encoders.evaluating import evaluating
from encoders.hub import config_digest, state_digest
from encoders.note import Note
from encoders.text.config import TransformerConfig
from encoders.text.render import render
from encoders.text.transformer_batches import by_length, pad
from encoders.text.transformer_checks import check_bidirectional, most_positions
from encoders.text.transformer_loading import load_stored, save_stored
from encoders.text.transformer_module import PooledTransformer
from encoders.text.transformer_template import NoteTemplate

# Tokens, padding included, that one forward pass takes: what stays in the cache of two cores; a GPU wants more.
TOKEN_BUDGET = {"cpu": 2048, "cuda": 65_536}
# Where a text is cut unless the configuration says so.
MOST_TOKENS = 256


class TransformerTower:
    """A model of transformers with mean, first-token or [EMB] pooling, and a projection where the config has one.

    Pooling `emb` takes the state at [EMB] itself, not the one before it as NoteLLM does (arXiv 2403.01744, section
    4.1): attention sees both sides here, so that state has read the whole note and was asked for its word.
    module: the network in the number format it runs in. Where that is not the format of its file it is frozen,
    because what is saved then are the weights of the file: `trainable` gives one to train.
    Raises EncoderError for a model that is causal, an encoder-decoder, or shorter than what is asked for.
    """

    def __init__(self, config: TransformerConfig, precision: Precision = "auto") -> None:
        if config.pooling == "emb" and config.template != "note":
            raise EncoderError("pooling 'emb' is the state at [EMB], which only template 'note' has: set that too")
        self.config = config
        self.device = best_device()
        dtype = resolve_precision(precision, self.device)
        stored = load_stored(config)
        self.module, self.hf_tokenizer = stored.module, stored.tokenizer
        backbone = cast(Any, self.module.backbone)
        self.dim: int = config.project or backbone.config.hidden_size
        self._rounded = any(weight.dtype != dtype for weight in backbone.parameters())
        self._digest = state_digest(self.module) if self._rounded else None
        backbone.to(dtype)
        self.module.to(self.device).requires_grad_(not self._rounded)
        check_bidirectional(backbone, backbone.config, config.model, self.device)
        # XLM-R and its kin number positions by which ids are padding: it is the id they know, 1, not the usual 0.
        self.padding: int = backbone.config.pad_token_id or 0
        most = self._bounded(most_positions(backbone, backbone.config))
        self.tokenizer = Tokenizer.from_str(self.hf_tokenizer.backend_tokenizer.to_str())
        self.tokenizer.no_padding()
        self.tokenizer.no_truncation()
        self._tokenizer_digest = hashlib.sha256(self.tokenizer.to_str().encode()).hexdigest()
        self.template = self._note_template(most) if config.template == "note" else None
        self.max_tokens: int = self.template.longest() if self.template else min(most, config.max_tokens or MOST_TOKENS)
        self.tokenizer.enable_truncation(self.max_tokens)

    def _bounded(self, positions: int) -> int:
        asked = self.config.max_tokens or positions
        if asked > positions:
            raise EncoderError(
                f"max_tokens is {asked}, but {self.config.model} has positions for {positions} tokens: "
                f"give at most {positions}"
            )
        return asked

    def _note_template(self, most: int) -> NoteTemplate:
        config = self.config
        template = NoteTemplate(self.tokenizer, config.title_tokens, config.content_tokens)
        if template.longest() > most:
            limit = "max_tokens is" if config.max_tokens else f"{config.model} has positions for"
            raise EncoderError(
                f"the note template takes up to {template.longest()} tokens, but {limit} {most}: "
                f"lower title_tokens ({config.title_tokens}, which title, category and topics have each) or "
                f"content_tokens ({config.content_tokens})"
            )
        return template

    def identity(self) -> dict[str, object]:
        """Return what decides the vectors up to rounding: for the fingerprint."""
        config = self.config
        identity: dict[str, object] = {
            "tower": "transformer",
            "architecture": config_digest(cast(Any, self.module.backbone).config),
            "weights": self._digest or state_digest(self.module),
            "tokenizer": self._tokenizer_digest,
            "max_tokens": self.max_tokens,
            "pooling": config.pooling,
            "template": config.template,
        }
        if config.template == "note":
            identity |= {"title_tokens": config.title_tokens, "content_tokens": config.content_tokens}
        return identity

    def read(self, note: Note, fields: Sequence[str]) -> TextInput:
        """Write the note's fields as one text, or as token ids of the template; raises NoteRejected."""
        return render(note, fields) if self.template is None else self.template.ids(note, fields)

    def tokens(self, texts: Sequence[TextInput]) -> list[list[int]]:
        """Return the token ids of N texts as `read` gives them; none for an empty one."""
        if self.template is not None:
            return [list(ids) for ids in texts]
        present = [i for i, text in enumerate(texts) if text.strip()]
        rows: list[list[int]] = [[] for _ in texts]
        for i, encoding in zip(present, self.tokenizer.encode_batch([texts[i] for i in present]), strict=True):
            rows[i] = encoding.ids
        return rows

    @torch.inference_mode()
    def encode(self, texts: Sequence[TextInput]) -> Vectors:
        """Encode N texts to unit rows, float32 [N, dim]; an empty text is a zero row."""
        vectors = np.zeros((len(texts), self.dim), dtype=np.float32)
        rows = self.tokens(texts)
        with evaluating(self.module):
            for batch in by_length([len(row) for row in rows], TOKEN_BUDGET[self.device]):
                ids, mask = pad([rows[i] for i in batch], self.padding)
                vectors[batch] = self.module(ids.to(self.device), mask.to(self.device)).cpu().numpy()
        return unit_rows(vectors)

    def trainable(self) -> PooledTransformer:
        """Return the module with float32 weights that can be trained; from here on they are what is saved."""
        if self._rounded:
            self.module = load_stored(self.config).module.float().to(self.device)
            self._rounded, self._digest = False, None
        return self.module

    def save(self, folder: Path) -> None:
        """Write a model folder of transformers with the projection beside it."""
        # The fingerprint is of the weights in the file; what is in memory may be rounded.
        module = load_stored(self.config).module if self._rounded else self.module
        save_stored(module, self.hf_tokenizer, folder)
