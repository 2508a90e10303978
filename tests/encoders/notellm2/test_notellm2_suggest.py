"""Hashtags and categories after pictures and text, against whole prompts run through the plain model."""

from __future__ import annotations

import pytest
import torch

from encoders import Note, NoteImage
from encoders.errors import EncoderError, NoteRejected
from encoders.notellm import generate
from encoders.suggestion import Suggestion, parse_tags

KNOWN = ("food", "food and drink", "travel", "home")
LONGEST = 8


def whole_prompt(notellm2, note, task, count=1):
    """Embeddings of the whole prompt, instruction included, one note at a time."""
    prompt, module = notellm2.prompt, notellm2.module
    prepared = notellm2.prepare(note)
    text = prompt.read(note, task)
    plan = prompt.plan(text, len(prepared.images), prompt.template.guidance(task, count))
    with torch.no_grad():
        patches = notellm2.vision.patches(prepared.images)
        start = module.backbone.embed_tokens(torch.tensor(prompt.instruction(task)))
        return torch.cat([start, module.inputs([plan], patches)[0]])


@torch.no_grad()
def category_by_hand(notellm2, note):
    """The known category of the highest log-probability, its tokens and the end scored one answer at a time."""
    causal, template = notellm2.module.backbone.causal, notellm2.prompt.template
    start = whole_prompt(notellm2, note, "category")
    scores = {}
    for name in KNOWN:
        answer = torch.tensor(template.output(name))
        inputs = torch.cat([start, notellm2.module.backbone.embed_tokens(answer)])
        logits = causal(inputs_embeds=inputs[None], logits_to_keep=len(answer) + 1).logits[0, :-1].log_softmax(dim=1)
        scores[name] = float(logits.gather(1, answer[:, None]).sum())
    return max(scores, key=scores.get)


@torch.no_grad()
def tags_by_hand(notellm2, note, count):
    causal, vocabulary = notellm2.module.backbone.causal, notellm2.module.backbone.vocabulary
    inputs, written = whole_prompt(notellm2, note, "hashtags", count), []
    for _ in range(LONGEST):
        token = int(causal(inputs_embeds=inputs[None], logits_to_keep=1).logits[0, -1].argmax())
        if token == vocabulary.end:
            break
        written.append(token)
        inputs = torch.cat([inputs, notellm2.module.backbone.embed_tokens(torch.tensor([token]))])
        if len(parse_tags(vocabulary.decode(written).rpartition(",")[0], count)) >= count:
            break
    return parse_tags(vocabulary.decode(written), count)


@pytest.fixture(autouse=True)
def short_answers(monkeypatch):
    """A random model writes until it is stopped."""
    monkeypatch.setattr(generate, "LONGEST_ANSWER", LONGEST)


def test_they_are_those_of_the_whole_prompt(notellm2, notes):
    found = notellm2.suggest_tags(notes, 2, KNOWN)
    for note, suggestion in list(zip(notes, found, strict=True))[:5]:
        assert suggestion.category == category_by_hand(notellm2, note)
        assert suggestion.tags == tags_by_hand(notellm2, note, 2)


def test_alone_or_in_company(notellm2, notes):
    assert [notellm2.suggest_tags([note], 2, KNOWN)[0] for note in notes] == notellm2.suggest_tags(notes, 2, KNOWN)


def test_pictures_are_read(notellm2, images):
    """The state from which the answer is written differs with the picture; a random model's words need not."""
    prompts = [whole_prompt(notellm2, Note(images=images(seed)), "category") for seed in (1, 2)]
    with torch.no_grad():
        decoder = notellm2.module.backbone.decoder
        one, other = (decoder(inputs_embeds=prompt[None]).last_hidden_state[0, -1] for prompt in prompts)
    assert float((one - other).abs().max()) > 1e-3


def test_nothing_to_read_nothing_to_suggest(notellm2, images):
    empty, tagged, look = notellm2.suggest_tags([Note(), Note(tags=("ramen",)), Note(images=images(1))], 2, KNOWN)
    assert empty == Suggestion((), None)
    assert tagged.tags == ()  # hashtags are what is asked for, so they are not read
    assert tagged.category in KNOWN
    assert look.category in KNOWN


def test_no_categories_no_category(notellm2, notes):
    assert {one.category for one in notellm2.suggest_tags(notes[:2], 1)} == {None}
    assert notellm2.suggest_tags(notes[:1], 0) == [Suggestion((), None)]
    assert notellm2.suggest_tags([]) == []


def test_bad_wishes_are_refused(notellm2, notes):
    with pytest.raises(EncoderError, match="max_tags is -1"):
        notellm2.suggest_tags(notes, -1)
    with pytest.raises(NoteRejected):
        notellm2.suggest_tags([Note(images=(NoteImage.from_bytes(b"no picture"),))])
