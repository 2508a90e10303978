"""What the notes of a batch write, and its loss, against the language model's own and a naive loop."""

from __future__ import annotations

import math
from collections import Counter

import pytest
import torch

from encoders.errors import NoteRejected
from encoders.note import Note
from encoders.notellm.config import NoteLLMConfig
from encoders.notellm.generate import LONGEST_ANSWER
from training.errors import TrainingError
from training.losses.cached import cached_backward
from training.losses.generation import with_generation
from training.trainees.text_notellm import NoteLLMPart
from training.trainees.writing import Answer, NoteText, check_head, choose_answers, output_losses, read_text

R = 0.4


@pytest.fixture(scope="module")
def part():
    """A part that writes; tests that train make their own."""
    made = NoteLLMPart(NoteLLMConfig(model="tiny", project=16), hashtags=R)
    # The head shares the embeddings: as large as this, what is written depends on what was read.
    with torch.no_grad():
        made.backbone.causal.get_input_embeddings().weight.mul_(8)
    made.module.train()
    return made


@pytest.fixture(scope="module")
def template(part):
    return part.tower.template


def decoded(template, ids) -> str:
    return template.vocabulary.tokenizer.decode(list(ids))


def test_hashtags_are_not_read_where_they_are_to_be_written(template):
    read = read_text(template, Note(title="Ramen", tags=("broth", "京都", "Broth"), category="Food"), writes=True)
    assert "broth" in decoded(template, read.body)
    assert "broth" not in decoded(template, read.untagged)
    assert "ramen" in decoded(template, read.untagged)
    assert read.tags == ("broth", "京都")
    assert read.category == template.output("Food")
    assert read_text(template, Note(title="Ramen", tags=("a",)), writes=False) == NoteText(
        read_text(template, Note(title="Ramen", tags=("a",)), writes=True).body
    )


def test_what_cannot_be_written_is_not(template):
    assert not read_text(template, Note(title="Ramen", category="word " * LONGEST_ANSWER), writes=True).category
    assert not read_text(template, Note(title="Ramen", category="  "), writes=True).category
    assert not read_text(template, Note(category="food"), writes=True)
    assert read_text(template, Note(title="x", tags=("a, b", '"', "c，d")), writes=True).tags == (
        "a",
        "b",
        "'",
        "c",
        "d",
    )
    with pytest.raises(NoteRejected):
        read_text(template, Note(title="x").model_copy(update={"tags": ("\ud83d",)}), writes=True)


def test_hashtags_are_a_random_part_of_the_notes_own_in_their_order(template):
    tags = ("one", "two", "three")
    text = read_text(template, Note(title="x", tags=tags), writes=True)
    counts, answers = Counter(), set()
    for answer in choose_answers([text] * 600, [False] * 600, template, 1.0):
        assert answer.task == "hashtags"
        written = decoded(template, answer.output).replace("[SEP]", "").strip().split(", ")
        assert [tag for tag in tags if tag in written] == written
        assert answer.guidance == template.guidance("hashtags", len(written))
        assert answer.output == template.output(", ".join(written))
        counts[len(written)] += 1
        answers.add(tuple(written))
    assert len(answers) == 2 ** len(tags) - 1
    assert all(150 < counts[n] < 250 for n in (1, 2, 3))


def test_a_long_list_is_cut_to_whole_hashtags(template):
    text = read_text(template, Note(title="x", tags=tuple(f"word{i} and more" for i in range(60))), writes=True)
    for answer in choose_answers([text] * 50, [False] * 50, template, 1.0):
        assert len(answer.output) <= LONGEST_ANSWER
        assert answer.output[-1] == template.vocabulary.end
        written = decoded(template, answer.output[:-1]).split(", ")
        assert set(written) <= set(text.tags)
        assert answer.guidance == template.guidance("hashtags", len(written))


@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_the_share_of_hashtags_holds_for_micro_batches_of_any_size(template, size):
    text = read_text(template, Note(title="x", tags=("a",), category="food"), writes=True)
    batches = 2000 // size
    tasks = [
        answer.task for _ in range(batches) for answer in choose_answers([text] * size, [False] * size, template, R)
    ]
    share = tasks.count("hashtags") / len(tasks)
    assert abs(share - R) < 4 * math.sqrt(R * (1 - R) / len(tasks))


def test_a_note_writes_what_it_has(template):
    both = ("a",), (5, 6)
    texts = [
        NoteText((1,), (2,), *both),
        NoteText((1,), (2,), (), (5, 6)),  # no hashtags
        NoteText((1,), (2,), ("a",), ()),  # no category
        NoteText((1,)),  # neither
        NoteText((1,), (), ("a",), ()),  # nothing but hashtags to read
        NoteText((), (), ("a",), ()),  # ... or a picture
    ]
    for share in (0.0, 1.0):
        answers = choose_answers(texts, [False] * 5 + [True], template, share)
        tasks = [answer.task if answer.output else None for answer in answers]
        assert tasks == ["hashtags" if share else "category", "category", "hashtags", None, None, "hashtags"]


def test_the_loss_of_each_note_is_the_mean_over_its_output_of_the_models_own_logits(part, texts):
    tokens = [part.read(note) for note in texts]
    state = torch.get_rng_state()
    rows, losses, weights = part.embed_and_generate(tokens)
    torch.set_rng_state(state)
    answers = choose_answers(tokens, [False] * len(tokens), part.tower.template, R)
    assert {answer.task for answer in answers if answer.output} == {"hashtags", "category"}
    for i, (text, answer) in enumerate(zip(tokens, answers, strict=True)):
        body = text.untagged if answer.task == "hashtags" else text.body
        prompt = [*part.tower.template.instruction(answer.task), *body]
        whole = [*prompt, *answer.guidance, *answer.output]
        out = part.backbone.causal(input_ids=torch.tensor([whole]), output_hidden_states=True)
        # Of the first token, then of each token given those before: log p, one at a time.
        chances = out.logits[0].log_softmax(dim=-1)
        first = len(whole) - len(answer.output)
        terms = [-float(chances[first + k - 1, token].detach()) for k, token in enumerate(answer.output)]
        assert float(weights[i]) == bool(terms)
        assert losses[i].item() == pytest.approx(sum(terms) / len(terms) if terms else 0, rel=1e-4)
        state_before_emb = out.hidden_states[-1][0, len(prompt) - 1]
        torch.testing.assert_close(rows[i], part.network.projection(state_before_emb), rtol=1e-4, atol=1e-5)


def test_nothing_is_written_in_evaluation_mode_and_vectors_are_those_that_are_served(part, texts):
    tokens = [part.read(note) for note in texts]
    part.module.eval()
    try:
        rows, losses, weights = part.embed_and_generate(tokens)
        assert torch.equal(rows, part.embed(tokens))
    finally:
        part.module.train()
    assert not losses.any()
    assert not weights.any()


def test_gradients_through_gradcache_are_those_of_one_pass(texts):
    def loss(rows):
        generation = (rows[:, -2] * rows[:, -1]).sum() / rows[:, -1].sum()
        return with_generation(rows[:, :-2].square().mean(), generation, alpha=1.0)

    found = []
    for cached in (False, True):
        part = NoteLLMPart(NoteLLMConfig(model="tiny", project=16), hashtags=R)
        part.module.train()
        tokens = [part.read(note) for note in texts]

        def embed(some, part=part):
            rows, losses, weights = part.embed_and_generate(some)
            return torch.cat([rows, losses[:, None], weights[:, None]], dim=1)

        torch.manual_seed(8)
        micro = [tokens[:2], tokens[2:]]
        if cached:
            cached_backward(micro, embed, loss)
        else:
            loss(torch.cat([embed(some) for some in micro])).backward()
        found.append({name: weight.grad for name, weight in part.module.named_parameters()})
    for name, gradient in found[0].items():
        torch.testing.assert_close(found[1][name], gradient, rtol=1e-4, atol=1e-6)
    assert found[0]["backbone.causal.model.embed_tokens.weight"].abs().sum() > 0


def test_writing_is_learnt(texts):
    part = NoteLLMPart(NoteLLMConfig(model="tiny", project=16), hashtags=0.0)
    part.module.train()
    tokens = [part.read(texts[0])]
    optimiser = torch.optim.Adam(part.module.parameters(), lr=3e-3)
    seen = []
    for _ in range(12):
        loss = part.embed_and_generate(tokens)[1].mean()
        seen.append(float(loss.detach()))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert seen[-1] < seen[0] / 2


def test_of_no_output_the_loss_is_zero(part):
    losses, weights = output_losses(part.backbone, [torch.zeros(0, 128)] * 2, [Answer(), Answer()])
    assert losses.tolist() == weights.tolist() == [0, 0]


def test_a_head_that_does_more_than_multiply_is_refused():
    class Capped(torch.nn.Module):
        def __init__(self, head):
            super().__init__()
            self.head, self.weight = head, head.weight

        def forward(self, states):
            return self.head(states)

    part = NoteLLMPart(NoteLLMConfig(model="tiny", project=16))
    check_head(part.backbone)
    causal = part.backbone.causal
    inner = causal.forward

    def capped(*args, **options):
        out = inner(*args, **options)
        out.logits = 0.1 * torch.tanh(out.logits / 0.1)
        return out

    causal.forward = capped
    with pytest.raises(TrainingError, match="changes the logits"):
        part.generate(0.4)
