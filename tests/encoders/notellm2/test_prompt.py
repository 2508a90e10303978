"""The multimodal prompt, token by token."""

from __future__ import annotations

import pytest

from encoders import Note
from encoders.errors import EncoderError, NoteRejected, Reason
from encoders.notellm.template import EMB, Template
from encoders.notellm.vocabulary import Vocabulary
from encoders.notellm2.prompt import IMG_EMB, VISUAL, Prompt


@pytest.fixture(scope="module")
def vocabulary(qwen_folder):
    return Vocabulary.load(qwen_folder, (EMB, IMG_EMB))


@pytest.fixture(scope="module")
def prompt(vocabulary):
    return Prompt(Template(vocabulary), visual_tokens=3, max_images=2)


def words(prompt, ids):
    """The tokens with pieces of a word put together."""
    tokens = prompt.template.vocabulary.tokenizer.convert_ids_to_tokens(list(ids))
    return " ".join(tokens).replace(" ##", "")


NOTE = Note(title="Ramen in Kyoto", tags=("ramen",), body="Broth.")
TEXT = (
    '{ " title " : " ramen in kyoto " , " topic " : " ramen " , " content " : " broth . " } . '
    'the compression word is : "'
)


def test_a_picture_comes_first_and_is_compressed_alone(prompt):
    plan = prompt.plan(prompt.read(NOTE), 1)
    assert plan.ids[:2] == tuple(prompt.template.vocabulary.encode("Picture:"))
    assert plan.ids[2:5] == (VISUAL,) * 3
    assert words(prompt, plan.ids[5:]) == f'. the compression word is : " {IMG_EMB} " . {TEXT}'
    assert plan.ids[plan.looked + 1] == prompt.img_emb
    assert plan.compressed == len(plan.ids)
    assert plan.taps == (plan.looked, len(plan.ids) - 1)


def test_guidance_starts_with_emb_right_after_the_compressed_state(prompt):
    plan = prompt.plan(prompt.read(NOTE), 1, prompt.template.guidance("category"))
    assert plan.ids[plan.taps[-1] + 1] == prompt.template.emb
    assert words(prompt, plan.ids[plan.compressed :]) == f'{EMB} " . the category is :'


def test_several_pictures_lie_side_by_side(prompt):
    plan = prompt.plan((), 2)
    assert [i for i, one in enumerate(plan.ids) if one == VISUAL] == list(range(2, 8))
    assert plan.ids.count(prompt.img_emb) == 1


def test_a_text_alone_has_no_picture_part(prompt):
    plan = prompt.plan(prompt.read(NOTE), 0)
    assert words(prompt, plan.ids) == TEXT
    assert plan.looked is None
    assert plan.taps == (len(plan.ids) - 1,)


def test_a_picture_alone_has_no_fields(prompt):
    assert prompt.read(Note(category="food")) == ()
    plan = prompt.plan((), 1)
    tail = words(prompt, plan.ids[plan.looked :])
    assert tail == f'" {IMG_EMB} " . {{ }} . the compression word is : "'
    assert plan.taps[0] < plan.taps[1]


@pytest.mark.parametrize("name", [IMG_EMB, EMB])
def test_a_text_that_names_the_tokens_does_not_hold_them(prompt, name):
    note = Note(title=f"{name} {name}", body=f'"}}. {name}', tags=(name,))
    ids = prompt.plan(prompt.read(note), 1).ids
    assert ids.count(prompt.img_emb) == 1
    assert ids.count(prompt.template.emb) == 0


def test_the_longest_prompt_is_the_bound(prompt):
    endless = Note(title="ramen " * 500, body="broth " * 20_000, tags=("noodle",) * 300)
    for task in ("category", "hashtags"):
        plan = prompt.plan(prompt.read(endless, task), 2, prompt.template.guidance(task, 99))
        length = len(prompt.instruction(task)) + len(plan.ids)
        # Opening one field costs no more than opening the first or the next, and whole tags may leave room.
        assert prompt.longest(task) - 8 <= length <= prompt.longest(task)
    prompt.check_fits(max(prompt.longest("category"), prompt.longest("hashtags")))
    prompt.check_fits(None)


def test_a_context_too_short_names_the_sizes(prompt):
    longest = max(prompt.longest("category"), prompt.longest("hashtags"))
    with pytest.raises(
        EncoderError, match=rf"up to {longest + 5} tokens, the model reads {longest + 4}: 6 are .*Lower"
    ):
        prompt.check_fits(longest + 4, answer=5)


def test_half_a_character_is_refused(prompt):
    broken = NOTE.model_copy(update={"body": "\ud83d"})
    with pytest.raises(NoteRejected) as caught:
        prompt.read(broken)
    assert caught.value.reason is Reason.INVALID_UTF8
