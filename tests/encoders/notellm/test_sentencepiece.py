"""Tokenizers made from SentencePiece put a space before a whole text; a piece of a prompt must not get one."""

from __future__ import annotations

import numpy as np
import pytest
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

from encoders.note import Note
from encoders.notellm.template import EMB, INSTRUCTIONS, Template
from encoders.notellm.vocabulary import Vocabulary
from encoders.notellm2.prompt import Prompt

WORDS = ["Ramen", "Kyoto", "Broth", "content", "title", "topic", "word"]


def bpe():
    """A BPE with a token of each byte, as Llama 2 has; its merges make the words above, with and without a space."""
    tokens = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256))]
    tokens += ["▁", *map(chr, range(33, 127))]
    merges = []
    for word in WORDS:
        pairs = [(word[:end], word[end]) for end in range(1, len(word))] + [("▁", word)]
        for left, right in pairs:
            if left + right not in tokens:
                tokens.append(left + right)
                merges.append((left, right))
    vocabulary = {token: i for i, token in enumerate(tokens)}
    return models.BPE(vocabulary, merges, unk_token="<unk>", fuse_unk=True, byte_fallback=True)


def make(kind):
    tokenizer = Tokenizer(bpe())
    if kind == "prepend":  # Llama 2's tokenizer.json
        tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    else:
        scheme, _, nested = kind.partition(" ")
        metaspace = pre_tokenizers.Metaspace("▁", scheme, split=False)
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence([metaspace]) if nested else metaspace
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    tokenizer.post_processor = processors.TemplateProcessing("<s> $A", special_tokens=[("<s>", 1)])
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="<unk>", bos_token="<s>", eos_token="</s>")


@pytest.fixture(params=["prepend", "first", "always", "always nested"])
def tokenizer(request):
    return make(request.param)


@pytest.fixture
def vocabulary(tokenizer):
    return Vocabulary(tokenizer, (EMB, "<IMG_EMB>"))


NOTES = [
    (Note(title="Ramen", body="Broth"), ' {"title": "Ramen", "content": "Broth"}'),
    (Note(title="A 🍜 in Kyoto", tags=("Ramen", "京都")), ' {"title": "A 🍜 in Kyoto", "topic": "Ramen, 京都"}'),
    (Note(body="word Kyoto"), ' {"content": "word Kyoto"}'),
]


@pytest.mark.parametrize(("note", "json"), NOTES)
def test_the_pieces_are_the_whole_prompt(tokenizer, vocabulary, note, json):
    template = Template(vocabulary)
    whole = f'{INSTRUCTIONS["category"]}{json}. The compression word is:"'
    ids = [*template.instruction(), *template.body(note)]
    assert ids == tokenizer.encode(whole)
    assert tokenizer.decode(ids, skip_special_tokens=True) == whole
    assert ids[0] == 1
    assert tokenizer.convert_ids_to_tokens(ids[1]) == "▁"


def test_what_follows_emb_follows_it_at_once(vocabulary):
    guidance = Template(vocabulary).guidance()
    assert guidance[0] == vocabulary.id(EMB)
    assert "".join(vocabulary.tokenizer.convert_ids_to_tokens(guidance[1:])) == '".▁The▁category▁is:'
    answer = vocabulary.tokenizer.convert_ids_to_tokens(Template(vocabulary).output("Kyoto"))
    assert answer == ["▁Kyoto", "</s>"]


def test_the_prompt_of_pictures_too(vocabulary):
    prompt = Prompt(Template(vocabulary), visual_tokens=2, max_images=1)
    ids = prompt.plan(prompt.read(Note(title="Ramen")), 1).ids
    written = "".join("▢" if one < 0 else vocabulary.tokenizer.convert_ids_to_tokens(one) for one in ids)
    assert written == (
        '▁Picture:▢▢.▁The▁compression▁word▁is:"<IMG_EMB>".▁{"title":▁"Ramen"}.▁The▁compression▁word▁is:"'
    )
    assert vocabulary.tokenizer.convert_ids_to_tokens(prompt.instruction()[:3]) == ["<s>", "▁", "L"]


def test_a_cut_never_splits_a_character_of_bytes(vocabulary):
    for limit in range(4, 9):
        ids = vocabulary.cut("🍜🍜🍜", limit)
        assert len(ids) == limit // 4 * 4
        assert vocabulary.decode(ids) == "🍜" * (limit // 4)


def test_saved_and_read_again_it_is_the_same(vocabulary, tmp_path):
    vocabulary.save(tmp_path)
    again = Vocabulary.load(tmp_path, (EMB, "<IMG_EMB>"))
    assert again.digest() == vocabulary.digest()
    for text in ("Ramen", " Ramen", "a 🍜"):
        for begins in (False, True):
            assert again.encode(text, begins) == vocabulary.encode(text, begins)


def test_prefixes_tell_tokenizers_apart():
    digests = {Vocabulary(make(kind), (EMB,)).digest() for kind in ("prepend", "first", "never")}
    assert len(digests) == 3


def test_the_space_of_every_word_stays():
    """XLM-R's kind: words are split off first, and each gets its own."""
    tokenizer = Tokenizer(bpe())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace("▁", "always")]
    )
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="<unk>", eos_token="</s>")
    text = "Ramen Kyoto"
    assert Vocabulary(fast).encode(text) == fast.encode(text, add_special_tokens=False)
    assert fast.convert_ids_to_tokens(Vocabulary(fast).encode(text)) == ["▁Ramen", "▁Kyoto"]


@pytest.mark.parametrize("family", ["byte level", "wordpiece"])
def test_others_are_left_as_they_are(family, tiny):
    if family == "wordpiece":
        fast = tiny.backbone.vocabulary.tokenizer
    else:
        alphabet = {letter: i for i, letter in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}
        tokenizer = Tokenizer(models.BPE(alphabet, []))
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
            [
                pre_tokenizers.Split(r" ", "merged_with_next"),
                pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
            ]
        )
        fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="!")
    vocabulary = Vocabulary(fast)
    rng = np.random.default_rng(0)
    for _ in range(20):
        text = "".join(rng.choice([*"ab ,\"'{🍜京é"], 12))
        expected = fast.encode(text, add_special_tokens=False)
        assert vocabulary.encode(text) == vocabulary.encode(text, begins=True) == expected
