"""NoteLLM's prompts (arXiv 2403.01744, section 4.1) as token ids: fields are cut by tokens and spliced in.

    instruction                     the same for every note of a task, so its states are computed once (Backbone.prefix)
    {"title": "…", "topic": "…", "content": "…"}. The compression word is:"      Template.body
    [EMB]". The category is:                                                     Template.guidance
    … and the end-of-sequence token                                              Template.output

The embedding is the state of the last token of the body. The constant parts are tokenised once, each field by
itself, so that a note of any length leaves the template whole.
"""

from collections.abc import Sequence
from typing import Literal

from encoders.errors import EncoderError
from encoders.note import Note
from encoders.notellm.vocabulary import Vocabulary
from encoders.text.render import checked

EMB = "[EMB]"
Task = Literal["category", "hashtags"]

INSTRUCTIONS: dict[Task, str] = {
    "category": "Read the note below, given as JSON. Compress it into one word by which similar notes can be "
    "recommended, then name its category.\nNote:",
    "hashtags": "Read the note below, given as JSON. Compress it into one word by which similar notes can be "
    "recommended, then list its topics.\nNote:",
}
# The hashtags are the answer of their own task, so there they are not read.
FIELDS: dict[Task, tuple[str, ...]] = {"category": ("title", "topic", "content"), "hashtags": ("title", "content")}
CLOSING = '"}. The compression word is:"'
GUIDANCE: dict[Task, str] = {"category": '". The category is:', "hashtags": '". The {count} topics are:'}
# Hashtags asked for at once, and their tokens, for the length of a prompt.
MOST_TOPICS = 99

# Quotes and backslashes would end or escape a JSON string, and a cut may fall behind one.
_HARMLESS = str.maketrans({'"': "'", "\\": "/"}) | dict.fromkeys([*range(32), *range(127, 160)])
# What is looked at of a field for each token of its limit; further on there is only blank space to hope for.
MOST_CHARACTERS_A_TOKEN = 200


class Template:
    """The prompts of one tokenizer; title_tokens, topic_tokens, content_tokens: what is read of each field.

    emb: the id of [EMB]; opening: the ids that a body with a title begins with.
    """

    def __init__(
        self, vocabulary: Vocabulary, title_tokens: int = 20, content_tokens: int = 80, topic_tokens: int = 40
    ) -> None:
        self.vocabulary = vocabulary
        self.limits = {"title": title_tokens, "topic": topic_tokens, "content": content_tokens}
        self.emb = vocabulary.id(EMB)
        encode = vocabulary.encode
        self._instructions = {
            task: (*vocabulary.leading, *encode(text, begins=True)) for task, text in INSTRUCTIONS.items()
        }
        self._opening = {name: encode(f' {{"{name}": "') for name in self.limits}
        self._next = {name: encode(f'", "{name}": "') for name in self.limits}
        self._closing = encode(CLOSING)
        self.opening = tuple(self._opening["title"])

    def instruction(self, task: Task = "category") -> tuple[int, ...]:
        """Return the ids of what stands before every note."""
        return self._instructions[task]

    def body(self, note: Note, task: Task = "category") -> tuple[int, ...]:
        """Return the ids of the note's fields up to the token just before [EMB]; () for a note without text.

        A missing field is left out. Raises NoteRejected for text that no UTF-8 has.
        """
        fields = self.fields(note, task)
        return (*fields, *self._closing) if fields else ()

    def fields(self, note: Note, task: Task = "category") -> list[int]:
        """Return the ids of the fields without their closing quote; [] for a note without text."""
        ids: list[int] = []
        for name in FIELDS[task]:
            if value := self._value(note, name):
                ids += (self._next if ids else self._opening)[name]
                ids += value
        return ids

    def guidance(self, task: Task = "category", count: int = 1) -> tuple[int, ...]:
        """Return the ids from [EMB] to where the answer starts; count: how many hashtags are asked for."""
        return (self.emb, *self.vocabulary.encode(GUIDANCE[task].format(count=count)))

    def output(self, answer: str) -> tuple[int, ...]:
        """Return the ids of an answer and its end, as they are generated and trained on."""
        return (*self.vocabulary.encode(" " + clean(answer)), self.vocabulary.end)

    def longest(self, task: Task = "category") -> int:
        """Return how many tokens a prompt of a task has at most, instruction to guidance."""
        fields = sum(max(len(self._opening[name]), len(self._next[name])) + self.limits[name] for name in FIELDS[task])
        return len(self.instruction(task)) + fields + len(self._closing) + len(self.guidance(task, MOST_TOPICS))

    def check_fits(self, positions: int | None, more: int = 0) -> None:
        """Raise EncoderError where a whole prompt and `more` tokens are longer than the model's context."""
        longest = max(self.longest("category"), self.longest("hashtags")) + more
        if positions is not None and longest > positions:
            settings = ", ".join(f"{name}_tokens ({limit})" for name, limit in self.limits.items())
            raise EncoderError(
                f"the template takes up to {longest} tokens, the model reads {positions}: lower {settings}, "
                "or take a model with a longer context"
            )

    def identity(self) -> dict[str, object]:
        """Return what decides the prompts of the embedding, for the fingerprint."""
        return {"instruction": INSTRUCTIONS["category"], "closing": CLOSING, "fields": self.limits}

    def _value(self, note: Note, name: str) -> list[int]:
        if name == "topic":
            return self._topics(note.tags)
        text = note.title if name == "title" else note.body
        most = self.limits[name] * MOST_CHARACTERS_A_TOKEN
        return self.vocabulary.cut(clean(checked(text.strip()[:most])), self.limits[name])

    def _topics(self, tags: Sequence[str]) -> list[int]:
        """Whole tags, as many as fit; only a first tag that is too long by itself is cut."""
        ids: list[int] = []
        limit = self.limits["topic"]
        for tag in tags:
            if not (text := clean(checked(tag.strip()[: limit * MOST_CHARACTERS_A_TOKEN]))):
                continue
            more = self.vocabulary.cut(f", {text}" if ids else text, limit + 1)
            if ids and len(ids) + len(more) > limit:
                break
            ids += more[:limit]
        return ids


def clean(text: str) -> str:
    """Return a text on one line that cannot end a JSON string."""
    return " ".join(text.split()).translate(_HARMLESS).strip()
