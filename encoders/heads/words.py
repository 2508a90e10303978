"""Hashtags as token ids of the stock WordPiece tokenizer, and back."""

import unicodedata
from collections.abc import Sequence
from pathlib import Path

import torch
from tokenizers import Tokenizer
from torch import Tensor

from encoders.errors import WeightsError
from encoders.suggestion import parse_tags
from encoders.text.render import checked

# Written without spaces around it inside a tag: how-to, c++, rock'n'roll, 3.5.
GLUE = frozenset("-_'’/.:+@")
# Targets that a loss leaves out (`ignore_index` of torch's cross_entropy).
IGNORED = -100


class TagWords:
    """Writes tags as `start tag , tag end` and reads them back.

    A tag is written in WordPieces where those give it back, and else as its UTF-8 bytes, for which the vocabulary's
    unused tokens stand: accents, emoji, Chinese characters that the tokenizer does not know, `r&b`. So nothing is
    lost but case, the number of spaces, and a comma inside a tag, which becomes a space.
    """

    def __init__(self, path: Path) -> None:
        try:
            self.tokenizer = Tokenizer.from_file(str(path))
        except Exception as error:
            # The Rust library raises bare Exception, whatever is wrong with the file.
            raise WeightsError(f"{path} cannot be read ({error}): save or copy the encoder again") from error
        self.tokenizer.no_padding()
        self.tokenizer.no_truncation()
        # A tag called "[SEP]" is words.
        self.tokenizer.encode_special_tokens = True
        vocabulary = self.tokenizer.get_vocab()
        wanted = ["[CLS]", "[SEP]", "[PAD]", ",", *(f"[unused{byte}]" for byte in range(256))]
        missing = [token for token in wanted if token not in vocabulary]
        if missing:
            raise WeightsError(f"{path} has no {missing[0]}: it is not the WordPiece tokenizer of the heads")
        self.size = max(vocabulary.values()) + 1
        self.start, self.end, self._pad, self._comma, *self._bytes = (vocabulary[token] for token in wanted)
        self._byte_of = {token: byte for byte, token in enumerate(self._bytes)}
        # Never written: special tokens ([UNK], [MASK], ...) and those still unused, the end apart.
        self.refused = torch.zeros(self.size, dtype=torch.bool)
        for token, i in vocabulary.items():
            bracketed = len(token) > 2 and token[0] == "[" and token[-1] == "]"
            self.refused[i] = bracketed and i != self.end and i not in self._byte_of

    def ids(self, tags: Sequence[str], most: int) -> list[int]:
        """Return `tag , tag end`, at most so many ids: tags that no longer fit whole are left out."""
        written: list[int] = []
        for tag in parse_tags(",".join(tag.replace(",", " ") for tag in tags), len(tags)):
            joined = [*([self._comma] if written else []), *self._one(tag)]
            if len(written) + len(joined) < most:
                written += joined
        return [*written, self.end]

    def _one(self, tag: str) -> list[int]:
        wanted = unicodedata.normalize("NFC", checked(tag)).lower()
        words: list[int] = self.tokenizer.encode(wanted, add_special_tokens=False).ids
        known = not any(self.refused[i] for i in words)
        return words if known and self._text(words) == wanted else [self._bytes[byte] for byte in wanted.encode()]

    def batch(self, tags: Sequence[Sequence[str]], most: int) -> tuple[Tensor, Tensor]:
        """Return what B notes' tags are trained with: inputs and targets [B, T] int64.

        Inputs begin with the start token; a target is the token after its input, IGNORED at the padding.
        most: the ids of a note, as the decoder's max_tokens.
        """
        rows = [self.ids(one, most) for one in tags]
        length = max(map(len, rows), default=1)
        inputs = torch.full((len(rows), length), self._pad, dtype=torch.int64)
        targets = torch.full((len(rows), length), IGNORED, dtype=torch.int64)
        for i, row in enumerate(rows):
            inputs[i, : len(row)] = torch.tensor([self.start, *row[:-1]])
            targets[i, : len(row)] = torch.tensor(row)
        return inputs, targets

    def tags(self, ids: Sequence[int], max_tags: int) -> tuple[str, ...]:
        """Read written ids as tags; one that was cut off before its end is left out."""
        ended = list(ids).index(self.end) if self.end in ids else None
        text = self._text(ids[:ended])
        if ended is None and "," in text:
            text = text[: text.rindex(",")]
        return parse_tags(text, max_tags)

    def _text(self, ids: Sequence[int]) -> str:
        text, raw = "", bytearray()
        for i in ids:
            if i in self._byte_of:
                raw.append(self._byte_of[i])
                continue
            text, raw = _append(text, raw.decode(errors="ignore")), bytearray()
            token = self.tokenizer.id_to_token(i) or ""
            text = text + token[2:] if token.startswith("##") and len(token) > 2 else _append(text, token)
        # Composed again: the tokenizer takes Korean syllables apart.
        return unicodedata.normalize("NFC", _append(text, raw.decode(errors="ignore")))


def _append(text: str, word: str) -> str:
    """Join a word to a text with the space that most likely stood there: the tokenizer keeps none."""
    if not text or not word or word == "," or word[0] in GLUE or text[-1] in GLUE:
        return text + word
    return text + word if _is_chinese(text[-1]) and _is_chinese(word[0]) else f"{text} {word}"


def _is_chinese(character: str) -> bool:
    """Whether the tokenizer makes a word of the character by itself."""
    return unicodedata.name(character, "").startswith(("CJK UNIFIED", "CJK COMPATIBILITY IDEOGRAPH"))
