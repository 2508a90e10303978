"""The text half of a CLIP model, in one space with its image half (encoders.vision.open_clip_tower)."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import torch

from encoders.base import TextInput
from encoders.blocks import Vectors, unit_rows
from encoders.device import Precision, best_device, resolve_precision
from encoders.errors import EncoderError
from encoders.hub import state_digest
from encoders.model_folder import TOKENIZER_FILES
from encoders.note import Note
from encoders.text.config import OpenClipTextConfig
from encoders.text.render import render
from encoders.vision.hub_file import hub_file
from encoders.vision.open_clip_model import CONFIG_FILE, ClipParts, build_clip, find_clip, save_clip

BATCH = 64
# What of a text may reach the context: no more words than it has tokens twice over, and of a word (a line without
# spaces, in some scripts) more than it could hold. open_clip's tokenizer takes the square of a word's length in time.
LONGEST_WORD = 500
# Words whose tokens are remembered; open_clip's tokenizer alone would keep every word it ever saw.
REMEMBERED = 50_000


class OpenClipText:
    """Unit text vectors of a CLIP model; the tokenizer and the length of the context are the model's own.

    A text longer than the context (77 tokens, mostly) is cut at its end.
    """

    def __init__(self, config: OpenClipTextConfig, precision: Precision = "auto") -> None:
        self.parts = find_clip(config)
        self.device = best_device()
        self.dtype = resolve_precision(precision, self.device)
        # First, because without its tokenizer a model is of no use, and building takes longer.
        self.tokenizer = _tokenizer(self.parts)
        self.tokenizer_digest = _tokenizer_digest(self.tokenizer)
        model: Any = build_clip(self.parts)
        self.preprocess_config: dict[str, Any] = model.visual.preprocess_cfg
        # The image half is not kept: half of the memory.
        model.visual = torch.nn.Identity()
        self.digest = state_digest(model)
        self.model = model.to(self.device, self.dtype).requires_grad_(False)
        if (known := _vocabulary(self.tokenizer)) > (
            wanted := self.parts.architecture["text_cfg"].get("vocab_size", known)
        ):
            raise EncoderError(
                f"the tokenizer of {self.parts.name!r} knows {known:,} tokens, the model {wanted:,}: they are not of "
                "one model"
            )
        self.special_tokens = dict(getattr(self.tokenizer, "cache", {}))
        # open_clip's tokenizer writes to its cache in every call.
        self.lock = Lock()
        with torch.inference_mode():
            self.dim = int(self.model.encode_text(self.tokens(["a"]).to(self.device)).shape[-1])

    def identity(self) -> dict[str, object]:
        """Return what decides the vectors up to rounding: for the fingerprint."""
        return {
            "tower": "open_clip_text",
            "text": self.parts.architecture["text_cfg"],
            "quick_gelu": bool(self.parts.architecture.get("quick_gelu")),
            "weights": self.digest,
            "tokenizer": self.tokenizer_digest,
        }

    def read(self, note: Note, fields: Sequence[str]) -> str:
        """Write the note's fields as one text; raises NoteRejected."""
        return render(note, fields)

    def save(self, folder: Path, trained: bool = False) -> None:
        """Write a folder that open_clip itself opens too (`local-dir:`), both halves and the tokenizer.

        trained: the weights of this half are those in memory, not those it was loaded from.
        """
        save_clip(self.parts, self.preprocess_config, folder, self.model.state_dict() if trained else None)
        if hasattr(self.tokenizer, "save_pretrained"):
            self.tokenizer.save_pretrained(str(folder))

    def encode(self, texts: Sequence[TextInput]) -> Vectors:
        """Encode N texts to unit rows, float32 [N, dim]; a blank text is a zero row."""
        vectors = np.zeros((len(texts), self.dim), dtype=np.float32)
        present = [i for i, text in enumerate(texts) if text.strip()]
        for start in range(0, len(present), BATCH):
            batch = present[start : start + BATCH]
            tokens = self.tokens([texts[i] for i in batch])
            with torch.inference_mode():
                rows = self.model.encode_text(tokens.to(self.device))
            vectors[batch] = rows.float().cpu().numpy()
        return unit_rows(vectors)

    def tokens(self, texts: Sequence[str]) -> torch.Tensor:
        """Return the token ids of N texts, cut or filled up to the context: int64 [N, context]; thread-safe."""
        length = self.tokenizer.context_length
        cut = [" ".join(word[:LONGEST_WORD] for word in text.split()[: 2 * length]) for text in texts]
        with self.lock:
            if len(getattr(self.tokenizer, "cache", ())) > REMEMBERED:
                self.tokenizer.cache = dict(self.special_tokens)
            tokens: torch.Tensor = self.tokenizer(cut)
        return tokens


def _vocabulary(tokenizer: Any) -> int:
    return int(tokenizer.vocab_size if hasattr(tokenizer, "vocab_size") else len(tokenizer.tokenizer))


def _tokenizer_digest(tokenizer: Any) -> str:
    """Hash a tokenizer of transformers, the same before and after saving; open_clip's own has its name alone."""
    from tokenizers import Tokenizer

    if not hasattr(tokenizer, "save_pretrained"):
        return "open_clip"
    own = tokenizer.tokenizer
    described: list[Any] = [own.pad_token_id, own.padding_side, own.truncation_side]
    if hasattr(own, "backend_tokenizer"):
        # A copy without what calls leave behind in it: to which length they padded and cut.
        plain = Tokenizer.from_str(own.backend_tokenizer.to_str())
        plain.no_padding()
        plain.no_truncation()
        described.append(plain.to_str())
    else:
        described.append(own.get_vocab())
    return hashlib.sha256(json.dumps(described, sort_keys=True).encode()).hexdigest()


def _tokenizer(parts: ClipParts) -> Any:
    """Make the tokenizer that the architecture names: open_clip's own, or one of transformers. Raises EncoderError."""
    from open_clip.tokenizer import HFTokenizer, SimpleTokenizer

    text = parts.architecture["text_cfg"]
    length = text.get("context_length", 77)
    options = dict(text.get("tokenizer_kwargs") or {})
    named = text.get("hf_tokenizer_name")
    if not named:
        return SimpleTokenizer(context_length=length, **options)
    # A model folder brings the files of its tokenizer; a name needs those of the hub.
    folder = Path(parts.name)
    source = str(folder) if folder.is_dir() else str(named)
    if not folder.is_dir():
        hub_file(
            source,
            TOKENIZER_FILES,
            f"it is the tokenizer of {parts.name!r}: on a machine with network run hf download {source}, or take a "
            "CLIP model with open_clip's own tokenizer, such as ViT-B-32",
        )
    try:
        return HFTokenizer(source, context_length=length, tokenizer_mode=text.get("tokenizer_mode"), **options)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, ImportError) as error:
        raise EncoderError(
            f"the tokenizer of {parts.name!r} ({named} of transformers) cannot be made from {source}: {error}; a model "
            f"folder needs tokenizer.json and tokenizer_config.json beside {CONFIG_FILE}"
        ) from error
