"""What the words of a text are, worked out by hand."""

from __future__ import annotations

import subprocess
import sys
import unicodedata
from importlib.metadata import version

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.lexical import words as module
from index.lexical.words import MAX_LETTERS, analysis, words


@pytest.fixture
def without_jieba(monkeypatch):
    monkeypatch.setitem(sys.modules, "rjieba", None)
    module._segmenter.cache_clear()
    module.analysis.cache_clear()
    yield
    module._segmenter.cache_clear()
    module.analysis.cache_clear()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("上海美食探店", ["上海", "美食", "探店"]),
        ("我来到北京清华大学", ["我", "来到", "北京", "清华", "华大", "大学", "清华大学"]),
        ("上海的咖啡Coffee Shops合集", ["上海", "的", "咖啡", "coffe", "shop", "合集"]),
        ("#美食 #OOTD_2024,周末!", ["美食", "ootd", "2024", "周末"]),
    ],
)
def test_chinese_is_cut_into_words(text, expected):
    assert words(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("上海美食探店", ["上海", "海美", "美食", "食探", "探店"]),
        ("茶", ["茶"]),
        ("T恤 卡拉OK", ["t", "恤", "卡拉", "ok"]),
    ],
)
def test_without_a_segmenter_chinese_becomes_overlapping_pairs(without_jieba, text, expected):
    assert words(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Running dogs' RUNS", ["run", "dog", "run"]),
        ("The café’s naïve Straße", ["the", "cafe", "naiv", "strass"]),
        ("don’t don't", ["don't", "don't"]),
        ("Wi-Fi, C++ & 3.5%", ["wi", "fi", "c", "3", "5"]),
        ("ﬁne ＡＢＣ", ["fine", "abc"]),
        ("İstanbul", ["istanbul"]),
        ("Привет, мир", ["привет", "мир"]),
        ("ラーメンを 食", ["ラー", "ーメ", "メン", "ンを", "食"]),
        ("서울 맛집이다", ["서울", "맛집", "집이", "이다"]),
        ("ไทย", ["ไท", "ทย"]),
        ("हिन्दी में", ["हिन्दी", "में"]),
        ("שָׁלוֹם مُحَمَّد", ["שלום", "محمد"]),
        ("☕️👍🏽🇨🇳", ["☕", "👍", "🇨🇳"]),
        ("a\0b\tc\u200bd", ["a", "b", "c", "d"]),
        ("\ud800x", ["x"]),
        ("... # !? \0", []),
        ("", []),
    ],
)
def test_other_scripts(text, expected):
    assert words(text) == expected


def test_the_forms_of_a_letter_are_one_word():
    composed = "Crème brûlée"
    assert words(unicodedata.normalize("NFD", composed)) == words(composed) == words("creme brulee")


def test_a_word_of_any_length_finds_itself():
    assert words("x" * 100_000) == ["x" * MAX_LETTERS]


@pytest.mark.parametrize(
    ("text", "count"),
    [("上海美食" * 25_000, 50_000), ("word " * 20_000, 20_000), ("é上" * 50_000, 100_000), ("\u0301" * 100_000, 0)],
)
def test_a_hundred_thousand_characters_are_ordinary(text, count):
    assert len(words(text)) == count


@given(st.text(max_size=60))
def test_a_word_is_never_empty_has_no_space_and_stays_short(text):
    for word in words(text):
        assert word
        assert not any(letter.isspace() for letter in word)
        assert len(word) <= MAX_LETTERS + 3  # unfolding ligatures after the cut may add a little
    assert words(f"{text} {text}") == words(text) * 2 or not words(text)


def test_text_without_chinese_loads_no_dictionary_and_the_name_of_the_analysis_neither():
    code = (
        "import sys; from index.lexical.words import analysis, words; words('Zürich ラーメン 서울'); analysis(); "
        "print('rjieba' in sys.modules); words('上海'); print('rjieba' in sys.modules)"
    )
    run = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True)
    assert (run.stdout.split(), run.stderr) == (["False", "True"], "")


def test_the_analysis_names_the_segmenter_and_its_version():
    assert analysis() == f"1+rjieba-{version('rjieba')}"


def test_the_analysis_says_when_there_is_no_segmenter(without_jieba):
    assert analysis() == "1+pairs"
