"""Tags to token ids and back."""

from __future__ import annotations

import shutil

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from encoders.errors import NoteRejected, WeightsError
from encoders.heads.words import IGNORED, TagWords
from encoders.suggestion import parse_tags
from encoders.text.stock import find_minilm


@pytest.fixture(scope="module")
def words():
    return TagWords(find_minilm() / "tokenizer.json")


TAGS = [
    "castiron",
    "大理 coffee",
    "大理大学",
    "how-to",
    "c++",
    "rock'n'roll",
    "r&b",
    "r & b",
    "café au lait",
    "한국 여행",
]
TAGS += [
    "日本の旅",
    "🍜ramen",
    "🍜 🍣",
    "مرحبا",
    "tiny house living",
    "3.5",
    "t-34",
    "straße",
    "[sep]",
    "##ing",
    "a b",
    "-",
]


@pytest.mark.parametrize("tag", TAGS)
def test_a_tag_comes_back(words, tag):
    expected = parse_tags(tag, 1)
    assert words.tags(words.ids([tag], 100), 5) == expected
    assert not any(words.refused[i] for i in words.ids([tag], 100))


def test_several_come_back_in_order(words):
    assert words.tags(words.ids(TAGS, 1000), 100) == parse_tags(",".join(TAGS), 100)


def test_what_is_lost(words):
    tags = ["#CastIron", "Café", "two  spaces", "salt, pepper"]
    assert words.tags(words.ids(tags, 100), 9) == ("castiron", "café", "two spaces", "salt pepper")
    assert words.ids(["Same", "same", "#same", " ", "#"], 100) == words.ids(["same"], 100)


def test_words_are_wordpieces_and_only_the_rest_is_bytes(words):
    assert [words.tokenizer.id_to_token(i) for i in words.ids(["tricycle", "how-to"], 100)] == [
        *("tri", "##cycle", ",", "how", "-", "to", "[SEP]")
    ]
    # Two characters of three bytes each.
    assert [words.tokenizer.id_to_token(i) for i in words.ids(["大理"], 100)] == [
        *(f"[unused{byte}]" for byte in "大理".encode()),
        "[SEP]",
    ]


@settings(max_examples=150, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=20))
def test_any_text_comes_back_but_for_case_and_spaces(words_once, tag):
    import unicodedata

    written = unicodedata.normalize("NFC", " ".join(parse_tags(tag.replace(",", " "), 1))).lower()
    first = parse_tags(tag.replace(",", " "), 1)
    expected = parse_tags(written, 1) if first else ()
    assert words_once.tags(words_once.ids(first, 200), 1) == expected


@pytest.fixture(scope="session")
def words_once():
    return TagWords(find_minilm() / "tokenizer.json")


def test_what_does_not_fit_whole_is_left_out(words):
    assert words.ids(["castiron", "how-to", "soup"], 5) == words.ids(["castiron", "soup"], 5)
    assert words.ids(["castiron"], 2) == [words.end]
    for most in range(1, 12):
        assert len(words.ids(TAGS, most)) <= most


def test_a_tag_that_was_cut_off_is_not_read(words):
    ids = words.ids(["soup", "castiron"], 100)
    assert words.tags(ids, 5) == ("soup", "castiron")
    assert words.tags(ids[:-1], 5) == ("soup",)
    assert words.tags(ids[:-2], 5) == ("soup",)
    # A first and only one is all there is to show.
    assert words.tags(words.ids(["castiron"], 100)[:-1], 5) == ("castiron",)


def test_broken_bytes_and_what_comes_after_the_end_are_not_read(words):
    raw = [words.ids(["大"], 100)[0]] * 2
    lone = words.tokenizer.token_to_id("[unused200]")
    assert words.tags([lone, lone, words.end], 5) == ()
    assert words.tags([*words.ids(["soup"], 9), *raw], 5) == ("soup",)
    assert words.tags([], 5) == ()


def test_a_batch_is_shifted_by_one_and_padded(words):
    inputs, targets = words.batch([("soup",), (), ("tricycle", "soup")], 16)
    soup, tri, cycle, comma = (words.tokenizer.token_to_id(token) for token in ("soup", "tri", "##cycle", ","))
    assert targets.tolist() == [
        [soup, words.end, IGNORED, IGNORED, IGNORED],
        [words.end, IGNORED, IGNORED, IGNORED, IGNORED],
        [tri, cycle, comma, soup, words.end],
    ]
    assert inputs.tolist() == [
        [words.start, soup, 0, 0, 0],
        [words.start, 0, 0, 0, 0],
        [words.start, tri, cycle, comma, soup],
    ]
    assert inputs.dtype == targets.dtype == torch.int64
    assert words.batch([], 16)[0].shape == (0, 1)


def test_a_lone_surrogate_is_refused(words):
    with pytest.raises(NoteRejected, match="lone surrogate"):
        words.ids(["half \ud83d"], 10)


def test_a_tokenizer_that_is_none_or_another(tmp_path, words):
    (tmp_path / "tokenizer.json").write_text("{")
    with pytest.raises(WeightsError, match="cannot be read"):
        TagWords(tmp_path / "tokenizer.json")
    with pytest.raises(WeightsError, match="cannot be read"):
        TagWords(tmp_path / "none.json")
    shutil.copy(find_minilm() / "tokenizer.json", tmp_path / "tokenizer.json")
    text = (tmp_path / "tokenizer.json").read_text()
    (tmp_path / "tokenizer.json").write_text(text.replace('"[unused9]"', '"[other9]"'))
    with pytest.raises(WeightsError, match=r"has no \[unused9\]"):
        TagWords(tmp_path / "tokenizer.json")


@pytest.mark.parametrize(
    ("text", "tags"),
    [
        ("soup, Tea,soup ,TEA", ("soup", "Tea")),
        ("#soup,##tea, # ,", ("soup", "tea")),
        ("大理，咖啡、旅行", ("大理", "咖啡", "旅行")),
        ("a  b,\nc", ("a b", "c")),
        ("c#", ("c#",)),
        ("", ()),
    ],
)
def test_a_list_is_parsed(text, tags):
    assert parse_tags(text, 9) == tags
    assert parse_tags(text, 1) == tags[:1]
    assert parse_tags(text, 0) == ()
