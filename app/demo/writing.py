"""What a note says: a small grammar that composes title, body and tags from a topic's phrases and everybody's."""

import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from numpy.random import Generator

from app.demo.catalogue import LANGUAGES, CatalogueError, Category, Topic

SLOT = re.compile(r"\{(\w+)\}")
TITLE_LENGTH = 72  # characters; a longer one is drawn again
# Words that lose their capital after "Ok so"; others may be names, or I.
LOWERED = (
    "a after all an any before every everything for from half her his if in it most my never no nobody nothing on once "
    "one our putting some that the there this three two we what when with you your"
)
FULL_WIDTH = {",": "，", "!": "！", "?": "？", ":": "：", ";": "；"}


@dataclass(frozen=True, slots=True)
class Phrases:
    """What any note of one language may say."""

    when: tuple[str, ...]
    friend: tuple[str, ...]
    runins: tuple[str, ...]
    openers: tuple[str, ...]
    lists: tuple[str, ...]
    questions: tuple[str, ...]
    closers: tuple[str, ...]
    sentences: tuple[str, ...]
    titles: tuple[str, ...]
    again: tuple[str, ...]
    names: tuple[str, ...]
    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Search:
    """A search in other words than the titles of the topics it should find."""

    text: str
    topics: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Written:
    """The text of a note."""

    title: str
    body: str
    tags: tuple[str, ...]


@cache
def phrase_tables() -> dict[str, Any]:
    """Return phrases.toml as it stands."""
    return tomllib.loads(files("app.demo").joinpath("phrases.toml").read_text(encoding="utf-8"))


@cache
def load_phrases(lang: str) -> Phrases:
    """Return everybody's phrases in a language; raises CatalogueError."""
    table = phrase_tables().get(lang, {})
    wanted = Phrases.__dataclass_fields__
    if table.keys() != wanted.keys():
        raise CatalogueError(f"phrases.toml [{lang}] has {sorted(table)}, wanted {sorted(wanted)}")
    return Phrases(**{name: tuple(texts) for name, texts in table.items()})


def load_searches() -> tuple[Search, ...]:
    """Return the searches of phrases.toml."""
    return tuple(Search(entry["text"], tuple(entry["topics"])) for entry in phrase_tables()["query"])


class Deck:
    """Deals texts in random order, each once before any comes again, so that notes of a topic seldom coincide."""

    def __init__(self, texts: Sequence[str], rng: Generator) -> None:
        self._texts = list(dict.fromkeys(texts))
        self._rng = rng
        self._left: list[str] = []

    def __len__(self) -> int:
        return len(self._texts)

    def deal(self, count: int) -> list[str]:
        """Return this many different texts, or all there are."""
        count = min(count, len(self._texts))
        dealt: list[str] = []
        later: list[str] = []
        while len(dealt) < count:
            if not self._left:
                self._left = [self._texts[i] for i in self._rng.permutation(len(self._texts))]
            text = self._left.pop()
            (later if text in dealt else dealt).append(text)
        self._left += later
        return dealt


class Writer:
    """Writes the notes of a corpus, one after another; what a topic said before makes it choose other words."""

    def __init__(self, categories: Sequence[Category], rng: Generator) -> None:
        self._tags = {category.name: category.tags for category in categories}
        self._decks: dict[tuple[str, str, str], Deck] = {}
        self._used: set[str] = set()
        self._rng = rng

    def write(self, topic: Topic, lang: str, rng: Generator) -> Written:
        """Compose a note of a topic in a language ("en" or "zh")."""
        assert lang in LANGUAGES
        sheet = _Sheet(topic, lang, rng)
        title = self._title(topic, lang, sheet, rng)
        body = self._body(topic, lang, sheet, rng, title)
        for _ in range(4):  # a body of one sentence may have been another note's
            if body not in self._used:
                break
            body = self._body(topic, lang, sheet, rng, title)
        if body:
            self._used.add(body)
        return Written(title, body, self._tag_list(topic, lang, rng))

    def _deck(self, topic: Topic, lang: str, kind: str, texts: Sequence[str]) -> Deck:
        key = (topic.id, lang, kind)
        if key not in self._decks:
            self._decks[key] = Deck(texts, self._rng.spawn(1)[0])
        return self._decks[key]

    def _title(self, topic: Topic, lang: str, sheet: "_Sheet", rng: Generator) -> str:
        """Return a title no note had before, as far as a dozen tries go."""
        voice, phrases = topic.voices[lang], load_phrases(lang)
        deck = self._deck(topic, lang, "titles", voice.titles)
        title = ""
        for attempt in range(12):
            if phrases.titles and rng.random() < (0.15 if attempt == 0 else 0.3):
                template = _choice(rng, phrases.titles)
            else:
                [template] = deck.deal(1)
            title = sheet.fill(template)
            if title in self._used and attempt >= 2:
                title = sheet.fill(_choice(rng, _ways_again(phrases, title)).replace("{title}", title))
            if title not in self._used and len(title) <= TITLE_LENGTH:
                break
        self._used.add(title)
        return title

    def _body(self, topic: Topic, lang: str, sheet: "_Sheet", rng: Generator, title: str) -> str:
        """Return a body in one of six forms; the last, none at all, is rare."""
        voice, phrases = topic.voices[lang], load_phrases(lang)
        told = self._deck(topic, lang, "sentences", voice.sentences)
        form = str(rng.choice(("plain", "short", "story", "list", "question", "none"), p=_FORMS))
        if form == "none":
            return ""
        if form == "list":
            tips = self._deck(topic, lang, "tips", voice.tips).deal(int(rng.integers(3, 6)))
            return self._list(lang, sheet, rng, [sheet.fill(tip) for tip in tips])
        count = {"short": 1, "question": int(rng.integers(1, 4)), "story": int(rng.integers(3, 6))}.get(
            form, int(rng.integers(2, 6))
        )
        lines = [line for line in (sheet.fill(text) for text in told.deal(count)) if line != title]
        if form != "short" and rng.random() < 0.45:
            lines.insert(int(rng.integers(1, len(lines) + 1)), sheet.fill(_choice(rng, phrases.sentences)))
        if form == "question":
            lines.append(_choice(rng, phrases.questions))
        elif form != "short" and rng.random() < 0.4:
            lines.append(_choice(rng, phrases.closers))
        if form == "story" or rng.random() < 0.15:
            lines = _begun(lines, lang, rng)
        return _joined(lines, lang, rng)

    def _list(self, lang: str, sheet: "_Sheet", rng: Generator, tips: list[str]) -> str:
        phrases = load_phrases(lang)
        marks = _choice(rng, ("- ", "• ", "{i}. ", "{i}) ", "✔️ ", "→ "))
        lines = [marks.replace("{i}", str(i)) + tip.rstrip("。.") for i, tip in enumerate(tips, start=1)]
        if rng.random() < 0.8:
            lines.insert(0, sheet.fill(_choice(rng, phrases.lists)))
        if rng.random() < 0.35:
            lines.append(_choice(rng, phrases.closers))
        return "\n".join(lines)

    def _tag_list(self, topic: Topic, lang: str, rng: Generator) -> tuple[str, ...]:
        """Return two to six tags: some of the topic, some of its category."""
        own, shared = topic.voices[lang].tags, self._tags[topic.category][lang]
        count = int(rng.integers(2, 7))
        wide = min(len(shared), int(rng.integers(0, max(1, count // 2) + 1)))
        found = [own[i] for i in rng.permutation(len(own))[: count - wide]]
        found += [shared[i] for i in rng.permutation(len(shared))[: max(wide, 2 - len(found))]]
        found = list(dict.fromkeys(found))
        return tuple(found[i] for i in rng.permutation(len(found)))


_FORMS = (0.38, 0.17, 0.13, 0.17, 0.13, 0.02)


class _Sheet:
    """Fills the slots of one note's texts; a filler comes twice only where none is left."""

    def __init__(self, topic: Topic, lang: str, rng: Generator) -> None:
        phrases = load_phrases(lang)
        self._lang = lang
        self._rng = rng
        fillers = {"when": phrases.when, "friend": phrases.friend, "n": tuple("3456789")}
        if lang == "en":  # things and places have English names only
            fillers |= {"thing": topic.things, "place": topic.places}
        self._fillers = {name: Deck(texts, rng) for name, texts in fillers.items()}

    def fill(self, template: str) -> str:
        """Fill the slots, mend punctuation, and begin with a capital; raises CatalogueError on an unknown slot."""

        def filler(slot: re.Match[str]) -> str:
            if slot[1] not in self._fillers:
                raise CatalogueError(f"the slot {slot[0]} in {template!r} is none of {sorted(self._fillers)}")
            return self._fillers[slot[1]].deal(1)[0]

        text = SLOT.sub(filler, template).strip()
        if self._lang == "zh":
            text = re.sub(r"(?<=[\u4e00-\u9fff”）])[,!?:;]", lambda mark: FULL_WIDTH[mark[0]], text)
        # Nobody puts a full stop behind an emoji (U+2600 and up, but no Chinese character or punctuation).
        text = re.sub(r"(?<=[\u2600-\u27bf\ufe0f\U0001f000-\U0001faff])[.。]$", "", text)
        return capitalised(text)


def capitalised(text: str) -> str:
    """The text with its first letter in upper case, be it behind a quote or a bracket."""
    for i, letter in enumerate(text):
        if letter.isalnum():
            return text[:i] + letter.upper() + text[i + 1 :]
    return text


def _ways_again(phrases: Phrases, title: str) -> list[str]:
    """How a title can be said again: no comma goes behind a question mark or an emoji."""
    return [way for way in phrases.again if title[-1].isalnum() or not re.search(r"\}[,，]", way)]


def _begun(lines: list[str], lang: str, rng: Generator) -> list[str]:
    """Put something before the first sentence, in one with it where its first word allows."""
    phrases, first = load_phrases(lang), lines[0]
    if rng.random() < 0.5:
        runin = _choice(rng, phrases.runins)
        if lang == "zh":
            return [runin + first, *lines[1:]]
        if first.partition(" ")[0].lower() in LOWERED.split():
            return [f"{runin} {first[0].lower()}{first[1:]}", *lines[1:]]
    return [_choice(rng, phrases.openers), *lines]


def _joined(lines: list[str], lang: str, rng: Generator) -> str:
    """Sentences as one paragraph, two, or a line each."""
    gap = " " if lang == "en" else ""
    lines = [_stopped(line, lang) for line in dict.fromkeys(lines)]
    if len(lines) < 4 or rng.random() < 0.6:
        return gap.join(lines)
    if rng.random() < 0.35:
        return "\n".join(lines)
    half = len(lines) // 2
    return gap.join(lines[:half]) + "\n\n" + gap.join(lines[half:])


def _stopped(line: str, lang: str) -> str:
    """The line with a full stop, where it ends in a letter or a digit."""
    return line + ("。" if lang == "zh" else ".") if line[-1].isalnum() else line


def _choice(rng: Generator, texts: Sequence[str]) -> str:
    return texts[int(rng.integers(len(texts)))]
