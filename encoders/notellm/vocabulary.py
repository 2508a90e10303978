"""A model's tokenizer with added tokens of our own, which no text of a user can ever become."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from encoders.errors import EncoderError
from encoders.hub import load_tokenizer

# Characters that a token takes at most in ordinary text; a longer run is read in further steps (see `cut`).
CHARACTERS_A_TOKEN = 24
# Tokens at the end of a piece that the rest of a text may still change.
UNSETTLED = 16


class Vocabulary:
    """Texts to token ids and back, without padding, truncation or special tokens, whatever the tokenizer's defaults.

    tokenizer: a fast tokenizer of transformers (one with a tokenizer.json); added: special tokens to add where it
    lacks them. `leading` and `trailing` are what the tokenizer puts around every text ([CLS], <s>, [SEP], ...);
    `end` ends a written answer.
    """

    def __init__(self, tokenizer: Any, added: Sequence[str] = ()) -> None:
        from tokenizers import AddedToken, Tokenizer

        known = tokenizer.get_vocab()
        self.fresh = tuple(token for token in added if token not in known)
        tokenizer.add_tokens(
            [AddedToken(token, special=True, normalized=False) for token in self.fresh], special_tokens=True
        )
        self.tokenizer = tokenizer
        backend = tokenizer.backend_tokenizer.to_str()
        # Of a text that begins a prompt, and of one that goes on with it.
        self._whole: Tokenizer = Tokenizer.from_str(backend)
        self._plain: Tokenizer = Tokenizer.from_str(json.dumps(_without_prefix(json.loads(backend))))
        for one in (self._whole, self._plain):
            one.no_padding()
            one.no_truncation()
            # A note that holds "[EMB]" or "<|im_end|>" holds these characters, not the token of that name.
            one.encode_special_tokens = True
        around = self._whole.encode("a")
        inner = [i for i, special in enumerate(around.special_tokens_mask) if not special] or [0]
        self.leading = tuple(around.ids[: inner[0]])
        self.trailing = tuple(around.ids[inner[-1] + 1 :])

    @classmethod
    def load(cls, folder: Path, added: Sequence[str] = ()) -> "Vocabulary":
        """Read the tokenizer of a model folder; raises EncoderError where there is none."""
        return cls(load_tokenizer(folder), added)

    @property
    def size(self) -> int:
        """Rows that an embedding matrix needs."""
        return len(self.tokenizer)

    @property
    def end(self) -> int:
        """The token that ends an answer: end of sequence, or [SEP] where a tokenizer has none."""
        for name in ("eos_token_id", "sep_token_id"):
            if (token := getattr(self.tokenizer, name)) is not None:
                return int(token)
        raise EncoderError("the tokenizer names neither an eos_token nor a sep_token: add one to tokenizer_config.json")

    def id(self, token: str) -> int:
        """Return the id of a token that the tokenizer has."""
        return int(self.tokenizer.convert_tokens_to_ids(token))

    def encode(self, text: str, begins: bool = False) -> list[int]:
        """Return the ids of a text; special tokens written in it stay plain characters.

        begins: nothing stands before it, so it gets the space that some tokenizers put before a whole text.
        """
        tokenizer = self._whole if begins else self._plain
        ids: list[int] = tokenizer.encode(text, add_special_tokens=False).ids
        return ids

    def decode(self, ids: Sequence[int]) -> str:
        """Return the text of ids, special tokens left out."""
        return str(self.tokenizer.decode(list(ids), skip_special_tokens=True))

    def cut(self, text: str, limit: int) -> list[int]:
        """Return the first `limit` tokens of a text that goes on, never the first bytes of a character alone.

        Only as much of the text is tokenised as is needed: the cost does not grow with its length.
        """
        size = limit * CHARACTERS_A_TOKEN + 64
        while True:
            encoding = self._plain.encode(text[:size], add_special_tokens=False)
            if size >= len(text) or len(encoding.ids) >= limit + UNSETTLED:
                break
            size *= 4
        ids: list[int] = encoding.ids
        if len(ids) <= limit:
            return ids
        # Byte-level tokens of one character (an emoji) all name its whole extent.
        whole = limit
        while whole and encoding.offsets[whole - 1][1] > encoding.offsets[whole][0]:
            whole -= 1
        return ids[: whole or limit]

    def digest(self) -> str:
        """Hash what decides the ids of a text; the same before and after saving."""
        backend, inner = json.loads(self._whole.to_str()), json.loads(self._plain.to_str())
        described = {name: backend[name] for name in ("normalizer", "pre_tokenizer", "model")}
        described["inner"] = [inner["normalizer"], inner["pre_tokenizer"]]
        added = sorted((token["content"], token["id"]) for token in backend["added_tokens"])
        whole = json.dumps([described, added, self.leading, self.trailing], sort_keys=True)
        return hashlib.sha256(whole.encode()).hexdigest()

    def save(self, folder: Path) -> None:
        """Write the tokenizer's files, added tokens with them."""
        self.tokenizer.save_pretrained(folder)


def _without_prefix(backend: dict[str, Any]) -> dict[str, Any]:
    """Take from a tokenizer.json what puts a space before a whole text, as those made from SentencePiece do.

    A piece in the middle of a prompt would get one too: Llama 2 would read `"title": " Ramen " , "content"`. Where
    words are split off before, the space is that of every word, and stays.
    """
    normalizers = _steps(backend["normalizer"], "normalizers")
    kept = [step for step in normalizers if step["type"] != "Prepend"]
    pre_tokenizers = _steps(backend["pre_tokenizer"], "pretokenizers")
    if pre_tokenizers:
        first = pre_tokenizers[0]
        if first["type"] == "Metaspace":
            pre_tokenizers[0] = first | {"prepend_scheme": "never"}
        elif first["type"] == "ByteLevel":
            pre_tokenizers[0] = first | {"add_prefix_space": False}
    changed = dict(backend)
    if len(kept) < len(normalizers):
        changed["normalizer"] = {"type": "Sequence", "normalizers": kept} if kept else None
    if pre_tokenizers:
        changed["pre_tokenizer"] = {"type": "Sequence", "pretokenizers": pre_tokenizers}
    return changed


def _steps(described: dict[str, Any] | None, parts: str) -> list[dict[str, Any]]:
    """Return the steps of a normaliser or pre-tokeniser in their order."""
    if described is None:
        return []
    if described["type"] != "Sequence":
        return [described]
    return [step for part in described[parts] for step in _steps(part, parts)]
