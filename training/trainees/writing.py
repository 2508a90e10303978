"""What the notes of a batch are to write, and how well it is written (NoteLLM, arXiv 2403.01744, section 4.3, CSFT).

Each note has one task in a batch: its hashtags, which its prompt then leaves out, or its category. Its embedding is
made from the prompt of that task, in the same pass.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from encoders.note import Note
from encoders.notellm.backbone import Backbone
from encoders.notellm.generate import LONGEST_ANSWER
from encoders.notellm.template import MOST_CHARACTERS_A_TOKEN, MOST_TOPICS, Task, Template, clean
from encoders.suggestion import parse_tags
from encoders.text.render import checked
from training.errors import TrainingError
from training.losses.generation import choose_tasks, next_token_sums


@dataclass(frozen=True, slots=True)
class NoteText:
    """A note as both tasks read it; its length is that of `body`, so it is empty where a note has no text.

    body: ids of the prompt that is served, up to the token before [EMB]; untagged: the same without hashtags.
    tags: hashtags that can be written, each fit for a list. category: ids of the answer with its end, () if unknown.
    """

    body: tuple[int, ...]
    untagged: tuple[int, ...] = ()
    tags: tuple[str, ...] = ()
    category: tuple[int, ...] = ()

    def __len__(self) -> int:
        return len(self.body)


@dataclass(frozen=True, slots=True)
class Answer:
    """What one note writes: guidance, the ids from [EMB] on, then output, the answer with its end; both () for none."""

    task: Task = "category"
    guidance: tuple[int, ...] = ()
    output: tuple[int, ...] = ()

    @property
    def behind(self) -> tuple[int, ...]:
        """The ids that are run behind the body: all but the last, which nothing follows."""
        return (*self.guidance, *self.output[:-1])

    def taps(self, body: int) -> list[int]:
        """Return the places whose states are asked for in a prompt whose body ends before place `body`.

        First the one that is the embedding, then the one before each token of the output.
        """
        first = body + len(self.guidance) - 1
        return [body - 1, *range(first, first + len(self.output))]


def read_text(template: Template, note: Note, writes: bool) -> NoteText:
    """Read a note; writes: with what it is to write. Thread-safe; raises NoteRejected for text that no UTF-8 has."""
    body = template.body(note)
    if not writes:
        return NoteText(body)
    bounded = (tag[: LONGEST_ANSWER * MOST_CHARACTERS_A_TOKEN] for tag in note.tags[:MOST_TOPICS])
    # As a list that is written is read: a comma within a hashtag parts two.
    tags = parse_tags(clean(checked(", ".join(bounded))), MOST_TOPICS)
    category: tuple[int, ...] = ()
    if note.category and clean(checked(note.category)):
        category = template.output(note.category[: LONGEST_ANSWER * MOST_CHARACTERS_A_TOKEN])
    # More is never written by the encoder, and a word the tokenizer has nothing for is no answer.
    known = 1 < len(category) <= LONGEST_ANSWER
    return NoteText(body, template.body(note, "hashtags"), tags, category if known else ())


def choose_answers(
    texts: Sequence[NoteText], pictures: Sequence[bool], template: Template, share: float
) -> list[Answer]:
    """Give each of N notes something to write, `share` of those that can hashtags; by torch's global generator.

    pictures: whether a note has any, from which hashtags can be told without a text. Over many micro-batches the share
    is exact, however small they are: what does not go into whole notes is left to chance.
    """
    generator = torch.default_generator
    has_tags = torch.tensor(
        [bool(text.tags and (text.untagged or seen)) for text, seen in zip(texts, pictures, strict=True)]
    )
    has_category = torch.tensor([bool(text.category) for text in texts])
    able = int((has_tags | has_category).sum())
    chance = float(torch.rand((), generator=generator, dtype=torch.float64))
    whole = min(able, int(share * able + chance)) / able if able else share
    tasks = choose_tasks(has_tags, has_category, generator, whole)
    answers = []
    for text, hashtags, category in zip(texts, tasks.hashtags.tolist(), tasks.category.tolist(), strict=True):
        if hashtags:
            answers.append(_some_tags(text.tags, template, generator))
        elif category:
            answers.append(Answer("category", template.guidance("category"), text.category))
        else:
            answers.append(Answer())
    return answers


def output_losses(backbone: Backbone, states: Sequence[Tensor], answers: Sequence[Answer]) -> tuple[Tensor, Tensor]:
    """Return each note's mean −log p over its output [N], 0 where it writes nothing, and weights [N] of 1 or 0.

    states: of note i, float32 [len(output_i), H], before each token of its output.
    """
    device = backbone.device
    lengths = torch.tensor([len(answer.output) for answer in answers], device=device)
    weights = (lengths > 0).float()
    if not int(lengths.sum()):
        return torch.zeros(len(answers), device=device), weights
    targets = torch.tensor([one for answer in answers for one in answer.output], device=device)
    each = next_token_sums(backbone.logits(torch.cat(list(states)))[:, None], targets[:, None])  # [sum of lengths]
    owners = torch.repeat_interleave(torch.arange(len(answers), device=device), lengths)
    sums = torch.zeros(len(answers), device=device).index_add(0, owners, each)
    return sums / lengths.clamp(min=1), weights


@torch.no_grad()
def check_head(backbone: Backbone) -> None:
    """Raise TrainingError for a model that makes more of its states than its head says (caps, scales)."""
    ids = torch.arange(2, 6, device=backbone.device)
    (states,) = backbone.states([ids], [range(4)])
    wanted = backbone.causal(input_ids=ids[None], use_cache=False).logits[0].float()
    if not torch.allclose(backbone.logits(states).float(), wanted, rtol=1e-3, atol=1e-3 * float(wanted.abs().max())):
        raise TrainingError(
            f"a {type(backbone.causal).__name__} changes the logits of its head, so what it writes cannot be trained "
            "here: set generation to 0, or take a Qwen or Llama"
        )


def _some_tags(tags: Sequence[str], template: Template, generator: torch.Generator) -> Answer:
    """A random number of a note's hashtags, chosen at random, in the note's order; as many as an answer holds."""
    count = int(torch.randint(1, len(tags) + 1, (), generator=generator))
    chosen = sorted(torch.randperm(len(tags), generator=generator)[:count].tolist())
    output = template.output(", ".join(tags[i] for i in chosen))
    while len(output) > LONGEST_ANSWER and len(chosen) > 1:
        chosen = chosen[:-1]
        output = template.output(", ".join(tags[i] for i in chosen))
    if not 1 < len(output) <= LONGEST_ANSWER:
        return Answer()
    return Answer("hashtags", template.guidance("hashtags", len(chosen)), output)
