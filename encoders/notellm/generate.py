"""Hashtags and categories written by the language model that also embeds (arXiv 2403.01744, section 4.3).

A category is never invented: every known one is scored exactly, log p(category, end | prompt), in one pass over the
tree of their tokens, and the best is taken. Choosing token by token could be led astray by a good beginning, and with
some tens of categories the tree is shorter than the prompt.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from encoders.errors import EncoderError
from encoders.note import Note
from encoders.notellm.backbone import TOKEN_BUDGET, Backbone, Prefix
from encoders.notellm.categories import trees
from encoders.notellm.layouts import batches
from encoders.notellm.prompts import Prompts
from encoders.notellm.template import Task, Template, clean
from encoders.suggestion import Suggestion, parse_tags

# Tokens of a generated list at most, and of a category.
LONGEST_ANSWER = 64
# Nodes of one tree of categories, and numbers of one table of logits: bound the memory of a pass.
NODES = 128
LOGITS = 2**26


def suggest(
    backbone: Backbone,
    template: Template,
    notes: Sequence[Note],
    max_tags: int,
    categories: Sequence[str],
    prefix: Callable[[Task], Prefix],
) -> list[Suggestion]:
    """Suggest for N notes; a note without a title or body gets no hashtags, one without text nothing.

    prefix: the instruction of a task, computed. Raises EncoderError for a negative max_tags or an endless category.
    """
    if max_tags < 0:
        raise EncoderError(f"max_tags is {max_tags}: give how many hashtags are wanted, 0 for none")
    known, answers = known_answers(template, categories)
    tags: list[tuple[str, ...]] = [()] * len(notes)
    chosen: list[str | None] = [None] * len(notes)
    if max_tags:
        present, prompts = _prompts(template, notes, "hashtags", max_tags)
        written = write_tags(backbone, prompts, prefix("hashtags"), max_tags) if present else []
        for i, found in zip(present, written, strict=True):
            tags[i] = found
    if known:
        present, prompts = _prompts(template, notes, "category")
        best = choose(backbone, prompts, prefix("category"), answers) if present else []
        for i, place in zip(present, best, strict=True):
            chosen[i] = known[place]
    return [Suggestion(*both) for both in zip(tags, chosen, strict=True)]


def known_answers(template: Template, categories: Sequence[str]) -> tuple[list[str], list[tuple[int, ...]]]:
    """Return the categories that can be told apart, and their tokens with the end; blank and repeated ones go.

    Of two that the tokenizer reads alike (an uncased one: Food, food) the first stays. Raises EncoderError for one of
    more than LONGEST_ANSWER tokens.
    """
    answers: dict[tuple[int, ...], str] = {}
    for category in categories:
        if not clean(category[: LONGEST_ANSWER * 200]):
            continue
        ids = template.output(category[: LONGEST_ANSWER * 200])
        if len(ids) > LONGEST_ANSWER:
            raise EncoderError(
                f"the category {category[:80]!r} has {len(ids)} tokens or more, at most {LONGEST_ANSWER} are scored: "
                "shorten it"
            )
        if len(ids) > 1:  # nothing but characters that the tokenizer drops is blank too
            answers.setdefault(ids, category)
    return list(answers.values()), list(answers)


@torch.no_grad()
def choose(
    backbone: Backbone, prompts: Sequence[Tensor], prefix: Prefix, answers: Sequence[Sequence[int]]
) -> list[int]:
    """Return which of C answers is the likeliest after each of N prompts."""
    return [int(row) for row in score(backbone, prompts, prefix, answers).argmax(dim=1)] if prompts else []


@torch.no_grad()
def score(backbone: Backbone, prompts: Sequence[Tensor], prefix: Prefix, answers: Sequence[Sequence[int]]) -> Tensor:
    """Return log p(answer | prompt) float32 [N, C], on the CPU: the sum over an answer's tokens, all given.

    prompts: int64 ids [T_i] or embeddings [T_i, H] behind the prefix.
    """
    scores = torch.empty(len(prompts), len(answers))
    made = trees(answers, NODES)
    most = max(1, LOGITS // (NODES * backbone.vocabulary.size))
    for rows in _batches(backbone, prompts, most):
        started = Prompts(backbone, [prompts[i] for i in rows], prefix)
        for group, tree in made:
            scores[torch.tensor(rows)[:, None], torch.tensor(group)] = started.score(tree).cpu()
    return scores


@torch.no_grad()
def write_tags(backbone: Backbone, prompts: Sequence[Tensor], prefix: Prefix, max_tags: int) -> list[tuple[str, ...]]:
    """Write a list of hashtags after each of N prompts, greedily: at most max_tags each."""
    vocabulary = backbone.vocabulary
    results: list[tuple[str, ...]] = [()] * len(prompts)

    def done(ids: Sequence[int]) -> bool:
        last = vocabulary.decode(ids[-1:])
        if "\n" in last:
            return True
        # What stands behind the last comma is not finished.
        finished = vocabulary.decode(ids).rpartition(",")[0] if "," in last else ""
        return len(parse_tags(finished, max_tags)) >= max_tags

    for rows in _batches(backbone, prompts, len(prompts)):
        started = Prompts(backbone, [prompts[i] for i in rows], prefix)
        for i, ids in zip(rows, started.write(LONGEST_ANSWER, vocabulary.end, done), strict=True):
            results[i] = parse_tags(vocabulary.decode(ids).strip().partition("\n")[0], max_tags)
    return results


def _prompts(template: Template, notes: Sequence[Note], task: Task, count: int = 1) -> tuple[list[int], list[Tensor]]:
    """Which notes have something to read for a task, and their prompts."""
    bodies = [template.body(note, task) for note in notes]
    present = [i for i, body in enumerate(bodies) if body]
    guidance = template.guidance(task, count)
    return present, [torch.tensor([*bodies[i], *guidance]) for i in present]


def _batches(backbone: Backbone, prompts: Sequence[Tensor], most: int) -> list[list[int]]:
    """Prompts of like length together, at most so many; one at a time where sequences cannot be padded at the left."""
    if not backbone.rearranges:
        most = 1
    budget = TOKEN_BUDGET.get(backbone.device.type, TOKEN_BUDGET["cpu"])
    found = batches([len(prompt) for prompt in prompts], "left", budget)
    return [batch[at : at + most] for batch in found for at in range(0, len(batch), most)]
