"""The prompt of NoteLLM-2's multimodal in-context learning (arXiv 2405.16789, section 4.1) as token ids.

    instruction                                         the same for every note of a task
     Picture: ▢…▢. The compression word is:"            visual tokens; the state of the last token is n_v
    <IMG_EMB>".                                         a token of its own for the compressed picture
     {"title": "…", …}. The compression word is:"       the body of NoteLLM's template; the last state is n_m
    [EMB]". The category is:                            output guidance, for generation alone

The model is causal, so n_v has seen nothing of the text, and n_m has seen both. Without pictures their part is
left out, without text the fields are: ` {}. The compression word is:"`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from encoders.errors import EncoderError
from encoders.note import Note
from encoders.notellm.template import Task, Template

IMG_EMB = "<IMG_EMB>"
# Stands where the embedding of a visual token goes.
VISUAL = -1

INSTRUCTIONS: dict[Task, str] = {
    "category": "Look at the pictures of the note below, if it has any, and compress them into one word. Then read "
    "its text, given as JSON, and compress the whole note into one word by which similar notes can be recommended. "
    "Then name its category.\nNote:",
    "hashtags": "Look at the pictures of the note below, if it has any, and compress them into one word. Then read "
    "its text, given as JSON, and compress the whole note into one word by which similar notes can be recommended. "
    "Then list its topics.\nNote:",
}
PICTURE, LOOKED, COMPRESSED = " Picture:", '. The compression word is:"', '".'
NO_TEXT = ' {}. The compression word is:"'


@dataclass(frozen=True, slots=True)
class Plan:
    """One note's prompt after the instruction: ids [T], VISUAL where the visual tokens go, in order.

    looked: the position whose state is n_v, None without a picture. n_m is the state at the last position of
    `compressed` ids; ids after it are output guidance.
    """

    ids: tuple[int, ...]
    looked: int | None
    compressed: int

    @property
    def taps(self) -> tuple[int, ...]:
        """The positions whose states are asked for: n_v if there is one, then n_m."""
        last = self.compressed - 1
        return (last,) if self.looked is None else (self.looked, last)


class Prompt:
    """The prompts of one tokenizer, which must know [EMB] and <IMG_EMB>.

    template: NoteLLM's, for the text fields. A picture takes visual_tokens tokens, a note at most max_images pictures.
    """

    def __init__(self, template: Template, visual_tokens: int, max_images: int) -> None:
        self.template = template
        self.visual_tokens = visual_tokens
        self.max_images = max_images
        vocabulary = template.vocabulary
        self.img_emb = vocabulary.id(IMG_EMB)
        leading = vocabulary.leading
        self._instructions = {
            task: (*leading, *vocabulary.encode(text, begins=True)) for task, text in INSTRUCTIONS.items()
        }
        self._picture = tuple(vocabulary.encode(PICTURE))
        self._looked = tuple(vocabulary.encode(LOOKED))
        self._compressed = (self.img_emb, *vocabulary.encode(COMPRESSED))
        self._no_text = tuple(vocabulary.encode(NO_TEXT))

    def instruction(self, task: Task = "category") -> tuple[int, ...]:
        """Return the ids of what stands before every note."""
        return self._instructions[task]

    def read(self, note: Note, task: Task = "category") -> tuple[int, ...]:
        """Return the ids of a note's text, up to the token just before [EMB]; () without text. Raises NoteRejected."""
        return self.template.body(note, task)

    def plan(self, text: Sequence[int], images: int, guidance: Sequence[int] = ()) -> Plan:
        """Plan the prompt of what `read` returned and a number of pictures, at most max_images."""
        assert images <= self.max_images
        ids: list[int] = []
        looked = None
        if images:
            ids += (*self._picture, *[VISUAL] * (images * self.visual_tokens), *self._looked)
            looked = len(ids) - 1
            ids += self._compressed
        ids += text or self._no_text
        return Plan((*ids, *guidance), looked, len(ids))

    def longest(self, task: Task = "category") -> int:
        """Return how many tokens a prompt of a task has at most, instruction to guidance."""
        words = self.template.longest(task) - len(self.template.instruction(task)) + len(self.instruction(task))
        around = len(self._picture) + len(self._looked) + len(self._compressed)
        return words + around + self.max_images * self.visual_tokens

    def check_fits(self, positions: int | None, answer: int = 0) -> None:
        """Raise EncoderError where the longest prompt and an answer of so many tokens exceed the model's context."""
        longest = max(self.longest("category"), self.longest("hashtags")) + answer
        if positions is None or longest <= positions:
            return
        limits = self.template.limits
        pictures, words = self.max_images * self.visual_tokens, sum(limits.values())
        raise EncoderError(
            f"a prompt takes up to {longest} tokens, the model reads {positions}: {pictures} are of pictures "
            f"(max_images {self.max_images} × visual_tokens {self.visual_tokens}), {words} of text "
            f"({', '.join(f'{name} {limit}' for name, limit in limits.items())}), the rest and the answer "
            f"{longest - pictures - words}. Lower max_images, visual_tokens or content_tokens, or take a model with a "
            "longer context"
        )

    def identity(self) -> dict[str, object]:
        """Return what decides the prompts of the embedding, for the fingerprint."""
        return {
            "instruction": INSTRUCTIONS["category"],
            "pictures": [PICTURE, LOOKED, COMPRESSED, self.visual_tokens, self.max_images],
            "no_text": NO_TEXT,
            "text": self.template.identity(),
        }
