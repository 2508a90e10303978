"""Categories and hashtags written by the model: exact, never invented, alone as in company."""

from __future__ import annotations

import pytest
import torch

from encoders.errors import EncoderError
from encoders.note import Note
from encoders.notellm import generate
from encoders.notellm.backbone import Backbone
from encoders.notellm.categories import TokenTree, trees
from encoders.notellm.config import NoteLLMConfig
from encoders.notellm.generate import known_answers, score, suggest, write_tags
from encoders.notellm.prompts import Prompts
from encoders.notellm.template import Template
from encoders.notellm.tower import NoteLLM
from encoders.suggestion import Suggestion

# One the beginning of another, shared beginnings, and single words.
CATEGORIES = ["food", "food and drink", "food and travel", "travel", "home", "home & garden", "日本"]


@pytest.fixture(params=["qwen", "llama", "mistral"])
def parts(request, qwen_folder, llama_folder, tiny):
    """A backbone and its template; mistral has sliding windows, so nothing may be shared."""
    if request.param == "mistral":
        from transformers import MistralConfig, MistralForCausalLM

        torch.manual_seed(0)
        shape = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}
        config = MistralConfig(vocab_size=30_523, num_key_value_heads=2, sliding_window=8, **shape)
        backbone = Backbone(MistralForCausalLM(config).eval(), tiny.backbone.vocabulary)
        with torch.no_grad():
            backbone.causal.lm_head.weight.mul_(20)
    else:
        backbone = Backbone.load(str({"qwen": qwen_folder, "llama": llama_folder}[request.param]))
    return backbone, Template(backbone.vocabulary)


def prompts_of(template, notes, task, count=1):
    return [torch.tensor([*template.body(note, task), *template.guidance(task, count)]) for note in notes]


def chances(backbone, prefix, prompt, answer):
    """The oracle: one plain pass over instruction, prompt and answer."""
    ids = torch.cat([prefix.ids, prompt, torch.tensor(answer)])
    with torch.no_grad():
        logits = backbone.causal(input_ids=ids[None]).logits[0].float()
    steps = logits[-len(answer) - 1 : -1].log_softmax(dim=1)
    return float(steps.gather(1, torch.tensor(answer)[:, None]).sum())


@pytest.mark.parametrize("nodes", [2, 128])
def test_scores_are_log_probabilities(parts, notes, nodes, monkeypatch):
    monkeypatch.setattr(generate, "NODES", nodes)
    backbone, template = parts
    some = notes[:5]
    prompts = prompts_of(template, some, "category")
    prefix = backbone.prefix(template.instruction())
    known, answers = known_answers(template, CATEGORIES)
    assert known == CATEGORIES
    found = score(backbone, prompts, prefix, answers)
    assert found.shape == (5, 7)
    for row, prompt in zip(found, prompts, strict=True):
        for value, answer in zip(row.tolist(), answers, strict=True):
            assert value == pytest.approx(chances(backbone, prefix, prompt, answer), abs=2e-4)
    with torch.no_grad():
        embedded = [backbone.embed_tokens(prompt) for prompt in prompts]
    torch.testing.assert_close(score(backbone, embedded, prefix, answers), found, atol=2e-4, rtol=0)


def test_greedy_writing_is_the_plain_loop(parts, notes):
    backbone, template = parts
    some = notes[:5]
    prompts = prompts_of(template, some, "hashtags", 3)
    prefix = backbone.prefix(template.instruction("hashtags"))
    found = []
    with torch.no_grad():
        if backbone.rearranges:
            found = Prompts(backbone, prompts, prefix).write(12, backbone.vocabulary.end, lambda ids: 1996 in ids)
        else:
            for prompt in prompts:
                found += Prompts(backbone, [prompt], prefix).write(12, backbone.vocabulary.end, lambda ids: 1996 in ids)
        for prompt, written in zip(prompts, found, strict=True):
            ids = torch.cat([prefix.ids, prompt])
            expected = []
            while len(expected) < 12 and 1996 not in expected:
                token = int(backbone.causal(input_ids=ids[None]).logits[0, -1].argmax())
                if token == backbone.vocabulary.end:
                    break
                expected.append(token)
                ids = torch.cat([ids, torch.tensor([token])])
            assert written == expected


def test_alone_is_as_in_company(tiny, notes):
    some = notes[:7]
    together = tiny.suggest_tags(some, 4, CATEGORIES)
    assert [tiny.suggest_tags([note], 4, CATEGORIES)[0] for note in some] == together
    assert all(one.category in CATEGORIES for one in together)
    assert all(len(one.tags) <= 4 for one in together)


class Scripted:
    """A model that writes what it is told: the answer of each prompt, by its title's first token."""

    def __init__(self, tower, answers):
        self.tower, self.told = tower, {}
        vocabulary = tower.backbone.vocabulary
        for title, answer in answers.items():
            self.told[vocabulary.encode(title)[0]] = [*vocabulary.encode(answer), vocabulary.end]

    def write(self, prompts, prefix, most, end, done):
        rows = []
        for prompt in prompts:
            script = next(self.told[token] for token in prompt.tolist() if token in self.told)
            row = []
            for token in script[:most]:
                if token == end:
                    break
                row.append(token)
                if done(row):
                    break
            rows.append(row)
        return rows


def test_lists_are_parsed_and_stopped(tiny, monkeypatch):
    answers = {"ramen": "#noodle soup, Kyoto, ,KYOTO, japan, egg, broth", "trail": "", "garden": "one two"}
    scripted = Scripted(tiny, answers)
    lengths = []

    class Written:
        def __init__(self, backbone, prompts, prefix):
            self.prompts, self.prefix = prompts, prefix

        def write(self, most, end, done):
            rows = scripted.write(self.prompts, self.prefix, most, end, done)
            lengths.extend(len(row) for row in rows)
            return rows

    monkeypatch.setattr(generate, "Prompts", Written)
    notes = [Note(title=title) for title in answers]
    prompts = prompts_of(tiny.template, notes, "hashtags", 3)
    found = write_tags(tiny.backbone, prompts, tiny.prefix("hashtags"), 3)
    assert found == [("noodle soup", "kyoto", "japan"), (), ("one two",)]
    # "# noodle soup, kyoto,, kyoto, japan," and no more: three are finished by then.
    assert max(lengths) == len(tiny.backbone.vocabulary.encode("#noodle soup, Kyoto, ,KYOTO, japan,"))


def test_notes_with_nothing_to_read(tiny):
    found = tiny.suggest_tags([Note(), Note(title=" "), Note(tags=("a",)), Note(title="a")], 3, ["food"])
    assert found[:2] == [Suggestion((), None)] * 2
    assert found[2] == Suggestion((), "food")  # its tags are the answer of the other task
    assert found[3].category == "food"
    assert tiny.suggest_tags([], 3, ["food"]) == []


def test_hostile_categories(tiny):
    note = [Note(title="a garden")]
    assert tiny.suggest_tags(note, 0, []) == [Suggestion((), None)]
    assert tiny.suggest_tags(note, 0) == [Suggestion((), None)]
    assert tiny.suggest_tags(note, 0, ["", " ", "\x00", "\u200b"]) == [Suggestion((), None)]
    assert tiny.suggest_tags(note, 0, ["Food", "food", "Food"]) == [Suggestion((), "Food")]
    assert tiny.suggest_tags(note, 0, ['"[EMB]" [SEP]'])[0].category == '"[EMB]" [SEP]'
    with pytest.raises(EncoderError, match="has 81 tokens or more, at most 64 are scored"):
        tiny.suggest_tags(note, 0, ["word " * 80])
    with pytest.raises(EncoderError, match="at most 64 are scored: shorten it"):
        tiny.suggest_tags(note, 0, ["word " * 20_000])
    with pytest.raises(EncoderError, match="max_tags is -1"):
        tiny.suggest_tags(note, -1)


def test_a_thousand_categories(tiny):
    many = [f"kind {i % 10} of {i}" for i in range(1000)]
    notes = [Note(title="a garden"), Note(title="a door", body="red")]
    found = tiny.suggest_tags(notes, 0, many)
    prefix = tiny.prefix("category")
    _, answers = known_answers(tiny.template, many)
    for note, one in zip(notes, found, strict=True):
        (prompt,) = prompts_of(tiny.template, [note], "category")
        place = many.index(one.category)
        best = chances(tiny.backbone, prefix, prompt, answers[place])
        for other in range(0, 1000, 97):
            assert chances(tiny.backbone, prefix, prompt, answers[other]) <= best + 1e-4


def test_the_configured_categories_are_the_default(notes):
    tower = NoteLLM(NoteLLMConfig(model="tiny", categories=("food", "home")), "float32")
    chosen = {one.category for one in tower.suggest_tags(notes, 0)}
    assert chosen <= {"food", "home"}
    assert {one.category for one in tower.suggest_tags(notes, 0, ["sea"])} == {"sea"}


def test_suggest_needs_no_tower(parts, notes):
    backbone, template = parts
    found = suggest(
        backbone, template, notes[:2], 2, CATEGORIES, lambda task: backbone.prefix(template.instruction(task))
    )
    assert all(one.category in CATEGORIES for one in found)


def test_a_tree_by_hand():
    tree = TokenTree.of([(5, 0), (5, 6, 0), (7, 0), (0,)])
    assert tree.tokens.tolist() == [5, 6, 7]
    assert tree.parents.tolist() == [-1, 0, -1]
    assert tree.depths.tolist() == [0, 1, 0]
    assert tree.stems.tolist() == [0, 1, 2, -1]
    assert tree.lasts.tolist() == [0, 0, 0, 0]
    assert tree.ancestors().int().tolist() == [[1, 0, 0], [1, 1, 0], [0, 0, 1]]
    assert tree.stem(1).tolist() == [5, 6]
    assert tree.stem(3).tolist() == []
    groups = trees([(5, 0), (7, 0), (5, 6, 0)], 2)
    assert [group for group, _ in groups] == [[0, 2], [1]]
