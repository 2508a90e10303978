"""The words of a text, the same for what is stored and for what is asked.

Chinese is segmented by rjieba (the dictionary and model of jieba in Rust); where it is not installed, and
for the other scripts written without spaces, a run of letters becomes its overlapping pairs. All other
scripts are split at what is no letter or digit. Latin letters lose their accents and English its endings
(Snowball's English stemmer). An emoji is a word. Punctuation, hashtag marks and NUL bytes only separate.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from functools import lru_cache
from importlib.util import find_spec
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tantivy import TextAnalyzer

MAX_LETTERS = 64
"""A longer word is cut there: both sides are, so it still finds itself."""

_HAN = "\u3005\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_UNSPACED = (
    "\u0e00-\u0e3a\u0e40-\u0eff"  # Thai, Lao
    "\u1000-\u109f\u1780-\u17d3"  # Burmese, Khmer
    "\u3040-\u309f\u30a1-\u30fa\u30fc-\u30ff\u31f0-\u31ff"  # kana
    "\u1100-\u11ff\u3130-\u318f\uac00-\ud7af"  # Hangul: spaced, but its endings stick to the words
)
_INDIC = "\u0900-\u0963\u0966-\u0dff"  # whole blocks, because their vowel signs are no \w
_EMOJI = "[\U0001f1e6-\U0001f1ff]{2}|[\u2600-\u27bf\U0001f300-\U0001f3fa\U0001f400-\U0001faff]"
# Accents left over by NFKC, Arabic and Hebrew vowel points, soft hyphen, joiners, variation selectors.
_SILENT = re.compile(
    "[\u0300-\u036f\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u0640\u064b-\u065f\u0670\u00ad\u200c\u200d\ufe00-\ufe0f]+"
)
_RUNS = re.compile(
    f"(?P<han>[{_HAN}]+)|(?P<pairs>[{_UNSPACED}]+)|(?P<emoji>{_EMOJI})"
    f"|(?P<word>(?:(?![{_HAN}{_UNSPACED}])[^\\W_]|[{_INDIC}])+"
    f"(?:['\u2019](?:(?![{_HAN}{_UNSPACED}])[^\\W_])+)*)"
)


def words(text: str) -> list[str]:
    """The analysed words of `text`, in order, repeats kept; [] where it has none.

    The text is normalised (NFKC) and lower-cased first. No word is empty, holds white space or has many more
    than 64 letters. Time is linear in the length of the text. A text without Chinese loads no dictionary.
    """
    plain = _SILENT.sub("", unicodedata.normalize("NFKC", text).lower())
    found: list[str] = []
    for run in _RUNS.finditer(plain):
        if run.lastgroup == "han":
            found.extend(_segmenter()(run.group()))
        elif run.lastgroup == "pairs":
            found.extend(_pairs(run.group()))
        else:
            found.append(run.group()[:MAX_LETTERS].replace("\u2019", "'"))
    return _stemmer().analyze(" ".join(found)) if found else found


@lru_cache(maxsize=1)
def analysis() -> str:
    """The name of what `words` does here: an index made under another name must be built again.

    It has the segmenter's version in it, because another dictionary cuts other words.
    """
    if find_spec("rjieba") is None:
        return "1+pairs"
    from importlib.metadata import version

    return f"1+rjieba-{version('rjieba')}"


@lru_cache(maxsize=1)
def _segmenter() -> Callable[[str], list[str]]:
    """jieba in search mode, where long words come with the words inside them; else overlapping pairs."""
    if find_spec("rjieba") is None:
        return _pairs
    import rjieba

    cut: Callable[[str], list[str]] = rjieba.cut_for_search
    return cut


@lru_cache(maxsize=1)
def _stemmer() -> TextAnalyzer:
    from tantivy import Filter, TextAnalyzerBuilder, Tokenizer

    return (
        TextAnalyzerBuilder(Tokenizer.whitespace())
        .filter(Filter.ascii_fold())
        .filter(Filter.stemmer("english"))
        .build()
    )


def _pairs(run: str) -> list[str]:
    return [run[at : at + 2] for at in range(len(run) - 1)] or [run]
