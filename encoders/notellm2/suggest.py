"""Hashtags and categories written after the compressed note, pictures included, with the weights that embed."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from encoders.errors import EncoderError
from encoders.note import Note
from encoders.notellm.generate import choose, known_answers, write_tags
from encoders.notellm.template import Task, Template
from encoders.notellm2.module import NoteLLM2Module
from encoders.notellm2.prompt import Prompt
from encoders.suggestion import Suggestion


@dataclass
class Answers:
    """What is asked for: at most max_tags hashtags, and one of the known categories, if any.

    known, ids: the categories that can be told apart, and their tokens. Raises EncoderError for a negative max_tags
    or an endless category.
    """

    template: Template
    max_tags: int
    categories: tuple[str, ...]
    known: list[str] = field(init=False)
    ids: list[tuple[int, ...]] = field(init=False)

    def __post_init__(self) -> None:
        if self.max_tags < 0:
            raise EncoderError(f"max_tags is {self.max_tags}: give how many hashtags are wanted, 0 for none")
        self.known, self.ids = known_answers(self.template, self.categories)


@torch.no_grad()
def suggest(
    module: NoteLLM2Module,
    prompt: Prompt,
    notes: Sequence[Note],
    pictures: Sequence[int],
    patches: Tensor,
    answers: Answers,
) -> list[Suggestion]:
    """Suggest for N notes, note i with pictures[i] pictures; patches [P, L, W]: of all of them, in order.

    Hashtags are written from title, body and pictures, a category is chosen from the hashtags too; a note that has
    none of these gets nothing.
    """
    backbone = module.backbone
    tags: list[tuple[str, ...]] = [()] * len(notes)
    chosen: list[str | None] = [None] * len(notes)
    if answers.max_tags:
        present, prompts = _prompts(module, prompt, notes, pictures, patches, "hashtags", answers.max_tags)
        prefix = module.prefix(prompt.instruction("hashtags"))
        written = write_tags(backbone, prompts, prefix, answers.max_tags) if present else []
        for i, found in zip(present, written, strict=True):
            tags[i] = found
    if answers.known:
        present, prompts = _prompts(module, prompt, notes, pictures, patches, "category", 1)
        best = choose(backbone, prompts, module.prefix(prompt.instruction()), answers.ids) if present else []
        for i, place in zip(present, best, strict=True):
            chosen[i] = answers.known[place]
    return [Suggestion(*both) for both in zip(tags, chosen, strict=True)]


def _prompts(
    module: NoteLLM2Module,
    prompt: Prompt,
    notes: Sequence[Note],
    pictures: Sequence[int],
    patches: Tensor,
    task: Task,
    count: int,
) -> tuple[list[int], list[Tensor]]:
    """Which notes have something to read for a task, and their prompts as embeddings [T_i, H]."""
    texts = [prompt.read(note, task) for note in notes]
    present = [i for i in range(len(notes)) if texts[i] or pictures[i]]
    guidance = prompt.template.guidance(task, count)
    plans = [prompt.plan(texts[i], pictures[i], guidance) for i in present]
    # Notes left out have no pictures, so the patches are those of the others.
    return present, module.inputs(plans, patches) if plans else []
