"""NoteLLM's template as token ids for an encoder that sees both sides (arXiv 2403.01744, section 4.1)."""

from collections.abc import Sequence

from tokenizers import Tokenizer

from encoders.note import Note
from encoders.text.render import checked

EMB = "[EMB]"
# What each field of a note is called in the template.
NAMES = {"title": "title", "category": "category", "tags": "topic", "body": "content"}
# No tokenizer of ours makes words of so many characters; a body of 100,000 is then cut before it is tokenised.
CHARACTERS_A_TOKEN = 64


class NoteTemplate:
    """Writes `Note: {"title": "…", "content": "…"}. … The compression word is: "[EMB]".` as token ids.

    The constant parts are tokenised once and each value by itself, cut to its number of tokens, so a long note
    keeps a whole template. A blank field is left out. What a note says is words: its "[EMB]" is not the token.

    tokenizer: must know [EMB] as a special token; it is copied. category and topics are cut as the title is.
    """

    def __init__(self, tokenizer: Tokenizer, title_tokens: int, content_tokens: int) -> None:
        self._limits = {"title": title_tokens, "category": title_tokens, "tags": title_tokens, "body": content_tokens}
        words = Tokenizer.from_str(tokenizer.to_str())
        words.no_padding()
        words.no_truncation()
        first, last = _frame(words)
        # From here on special tokens are read as the characters they are written with.
        words.encode_special_tokens = True
        self._words = words
        self._start = (*first, *self._ids("Note: {"))
        self._names = {field: self._ids(f'"{name}": "') for field, name in NAMES.items()}
        self._close, self._comma = self._ids('"'), self._ids(",")
        emb = words.token_to_id(EMB)
        assert emb is not None
        asked = self._ids('}. Compress this note into one word. The compression word is: "')
        self._end = (*asked, emb, *self._ids('".'), *last)

    def _ids(self, text: str) -> tuple[int, ...]:
        return tuple(self._words.encode(text, add_special_tokens=False).ids)

    def longest(self) -> int:
        """Return the most tokens a note can take."""
        fields = sum(len(self._names[field]) + limit + len(self._close) for field, limit in self._limits.items())
        return len(self._start) + fields + len(self._comma) * (len(NAMES) - 1) + len(self._end)

    def ids(self, note: Note, fields: Sequence[str]) -> tuple[int, ...]:
        """Return the template filled with these fields of a note, in this order; () where it has no text.

        A category alone is a label, not text. Raises NoteRejected for a lone surrogate.
        """
        if not note.has_text:
            return ()
        values = {"title": note.title, "category": note.category, "tags": ", ".join(note.tags), "body": note.body}
        parts: list[int] = []
        for field in fields:
            value = checked((values[field] or "").strip())
            if not value:
                continue
            limit = self._limits[field]
            cut = self._ids(value[: limit * CHARACTERS_A_TOKEN])[:limit]
            parts += [*(self._comma if parts else ()), *self._names[field], *cut, *self._close]
        return (*self._start, *parts, *self._end) if parts else ()


def _frame(tokenizer: Tokenizer) -> tuple[list[int], list[int]]:
    """Return the special tokens that the tokenizer puts before and after a text."""
    encoding = tokenizer.encode("a")
    words = [i for i, special in enumerate(encoding.special_tokens_mask) if not special]
    return encoding.ids[: words[0]], encoding.ids[words[-1] + 1 :]
