"""The three queries the tour shows: a note nobody has seen, words that stand in no title, and a picture."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from numpy.random import Generator

from app.demo.errors import DemoError
from app.demo.notes import DemoNote
from app.demo.writing import Search, load_searches

# Topics whose cover says at once what the note is about.
PLAIN_TO_SEE = (
    "sushi",
    "cats",
    "hot-air-balloons",
    "acoustic-guitar",
    "sunflowers",
    "sailing",
    "cacti",
    "parrots",
    "lighthouse-walks",
    "pizza",
    "cycling",
    "van-life",
)
# Topics with plenty of company, for the note nobody has seen.
TELLING = (
    "wild-camping",
    "sourdough",
    "film-photography",
    "stargazing",
    "balcony-tomatoes",
    "mushroom-foraging",
    "vinyl",
    "pottery",
)
GOOD_BODY = 140  # characters
COMMON = (
    "a about me too something after all and at by for from in into is it my of off on or that the to under up when with"
)


@dataclass(frozen=True, slots=True)
class DemoQueries:
    """A cold note with words and a picture, a search in other words than the titles, and a warm note's picture."""

    cold_note_id: str
    text: str
    image: Path


def pick_queries(notes: Sequence[DemoNote], rng: Generator) -> dict[str, str]:
    """Choose the queries of a corpus; the image as a path within its folder. Raises DemoError."""
    cold = [note for note in notes if note.cold and note.lang == "en" and note.images]
    cold.sort(
        key=lambda note: (
            len(note.written.body) < GOOD_BODY,
            note.topic.id not in TELLING,
            any(other.written.title in note.written.title for other in notes if other is not note),  # says it again
            note.number,
        )
    )
    seen = [note for note in notes if not note.cold and note.images]
    plain = [note for note in seen if note.topic.id in PLAIN_TO_SEE] or seen
    if not cold or not plain:
        raise DemoError(f"{len(notes)} notes are too few to choose queries from; ask for some hundreds")
    return {
        "cold_note_id": cold[0].id,
        "text": pick_text(notes, load_searches()),
        "image": plain[int(rng.integers(len(plain)))].image_names[0],
    }


def pick_text(notes: Sequence[DemoNote], searches: Sequence[Search]) -> str:
    """Return the first search none of whose telling words stands in a title of its topics; else the last."""
    for search in searches:
        titles = " ".join(note.written.title for note in notes if note.topic.id in search.topics)
        if not telling_words(search.text) & telling_words(titles):
            return search.text
    return searches[-1].text


def telling_words(text: str) -> set[str]:
    """The words of a text in lower case, without the commonest."""
    return set(re.findall(r"[a-z]+", text.lower())) - set(COMMON.split())
