"""The notes of a demo corpus: topic, time, language, author, number of pictures, and words."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.random import Generator, SeedSequence

from app.demo.catalogue import Catalogue, Topic
from app.demo.lifestyles import Lifestyle
from app.demo.writing import Writer, Written, load_phrases

FIRST_NOTE = datetime(2024, 4, 1, tzinfo=UTC)
END = datetime(2025, 7, 1, tzinfo=UTC)  # every interaction is before it, every cold note after
LAST_NOTE = datetime(2025, 7, 29, tzinfo=UTC)

COLD_SHARE = 0.10
CHINESE_SHARE = 0.12
NO_IMAGE_SHARE = 0.03
TWO_IMAGES_SHARE = 0.02
THREE_IMAGES_SHARE = 0.01
NOTES_AN_AUTHOR = 8


@dataclass(frozen=True, slots=True)
class DemoNote:
    """A note before it is written down: number counts from 0 in order of creation."""

    number: int
    topic: Topic
    lang: str
    created_at: datetime
    author: str
    images: int
    quality: float  # how much people like it; mean about 1, long-tailed
    written: Written

    @property
    def id(self) -> str:
        """The note's id, which tells nothing but its rank in time."""
        return f"n{self.number + 1:05d}"

    @property
    def cold(self) -> bool:
        """Whether the note is newer than every interaction."""
        return self.created_at >= END

    @property
    def image_names(self) -> tuple[str, ...]:
        """File names of the pictures in the corpus folder."""
        names = [f"images/{self.id}.jpg"] + [f"images/{self.id}_{view + 1}.jpg" for view in range(1, self.images)]
        return tuple(names[: self.images])


def make_notes(
    catalogue: Catalogue, styles: Sequence[Lifestyle], count: int, seed: SeedSequence
) -> tuple[DemoNote, ...]:
    """Compose `count` notes in order of creation."""
    plan, words, authors = (np.random.default_rng(stream) for stream in seed.spawn(3))
    topics = _topics(catalogue.topics, count, plan)
    times = _times(count, plan)
    chinese = _chosen(count, CHINESE_SHARE, plan)
    images = np.ones(count, dtype=int)
    order = plan.permutation(count)
    none, two, three = (round(share * count) for share in (NO_IMAGE_SHARE, TWO_IMAGES_SHARE, THREE_IMAGES_SHARE))
    images[order[:none]] = 0
    images[order[none : none + two]] = 2
    images[order[none + two : none + two + three]] = 3
    quality = plan.lognormal(-0.75, 1.2, count)
    bylines = _Bylines(styles, count, authors)
    writer = Writer(catalogue.categories, words)
    streams = words.spawn(count)
    notes = []
    for i, topic in enumerate(topics):
        lang = "zh" if chinese[i] else "en"
        written = writer.write(topic, lang, streams[i])
        author = bylines.author(topic.id, lang)
        notes.append(DemoNote(i, topic, lang, times[i], author, int(images[i]), float(quality[i]), written))
    return tuple(notes)


def _topics(topics: Sequence[Topic], count: int, rng: Generator) -> list[Topic]:
    """A topic for each note: every topic at least once where there are enough notes, some up to thrice as often."""
    weights = rng.lognormal(0, 0.3, len(topics))
    found = [topics[i] for i in rng.permutation(len(topics))[:count]]
    rest = rng.choice(len(topics), count - len(found), p=weights / weights.sum())
    found += [topics[i] for i in rest]
    return [found[i] for i in rng.permutation(count)]


def _times(count: int, rng: Generator) -> list[datetime]:
    """Ascending times, ever denser towards the end; the last tenth is cold."""
    cold = round(COLD_SHARE * count)
    # Nothing new in the last hours before END, so that every warm note can still be seen.
    warm_span = (END - FIRST_NOTE - timedelta(days=2)).total_seconds()
    cold_span = (LAST_NOTE - END).total_seconds()
    warm = FIRST_NOTE.timestamp() + warm_span * rng.random(count - cold) ** 0.75
    late = END.timestamp() + 60 + (cold_span - 60) * rng.random(cold)
    seconds = np.sort(np.concatenate([warm, late]).astype(np.int64))
    return [datetime.fromtimestamp(int(second), UTC) for second in seconds]


def _chosen(count: int, share: float, rng: Generator) -> np.ndarray:
    """A mask with exactly this share of True."""
    mask = np.zeros(count, dtype=bool)
    mask[rng.permutation(count)[: round(share * count)]] = True
    return mask


class _Bylines:
    """Authors, each with a language and a lifestyle: people write of what they live."""

    def __init__(self, styles: Sequence[Lifestyle], count: int, rng: Generator) -> None:
        self._rng = rng
        self._by_topic: dict[tuple[str, str], list[str]] = {}
        used: set[str] = set()
        for lang, share in (("en", 1 - CHINESE_SHARE), ("zh", CHINESE_SHARE)):
            each = max(1, round(share * count / NOTES_AN_AUTHOR / len(styles)))
            for style in styles:
                for _ in range(each):
                    name = _handle(lang, used, rng)
                    for topic in style.topics:
                        self._by_topic.setdefault((topic, lang), []).append(name)

    def author(self, topic: str, lang: str) -> str:
        """Return somebody who writes of a topic in a language; the first ones write most."""
        names = self._by_topic[topic, lang]
        return names[int(len(names) * self._rng.random() ** 1.6)]


def _handle(lang: str, used: set[str], rng: Generator) -> str:
    """Return a user name nobody has yet."""
    phrases = load_phrases(lang)
    while True:
        name = phrases.names[int(rng.integers(len(phrases.names)))]
        word = phrases.words[int(rng.integers(len(phrases.words)))]
        if lang == "zh":
            form = str(rng.choice(("{name}{word}", "{name}{number}", "{name}{word}{number}")))
        else:
            form = str(rng.choice(("{name}.{word}", "{word}_{name}", "{name}{number}", "{word}{number}", "the.{word}")))
        handle = form.format(name=name, word=word, number=int(rng.integers(2, 99)))
        if handle not in used:
            used.add(handle)
            return handle
