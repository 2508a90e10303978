"""What the demo corpus is about: categories and their topics, read from the topic files."""

import hashlib
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

from app.demo.motifs import MOTIFS
from app.demo.rooms import SCENES

LANGUAGES = ("en", "zh")


class CatalogueError(Exception):
    """A data file of the demo corpus breaks its form; the message names the file, the place and what was wanted."""


@dataclass(frozen=True, slots=True)
class Voice:
    """What a topic says in one language; titles and sentences hold slots such as {when} (see `app.demo.writing`)."""

    titles: tuple[str, ...]
    sentences: tuple[str, ...]
    tips: tuple[str, ...]
    tags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Topic:
    """Something people post about: how it looks, and what is said of it in each language."""

    id: str
    name: str
    category: str  # the category's English name
    motif: str
    scenes: tuple[str, ...]
    things: tuple[str, ...]
    places: tuple[str, ...]
    voices: dict[str, Voice]


@dataclass(frozen=True, slots=True)
class Category:
    """A group of topics, with tags any of them may carry."""

    id: str
    name: str
    name_zh: str
    tags: dict[str, tuple[str, ...]]
    topics: tuple[Topic, ...]


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All categories, in the order of their files; digest stands for the very text of the data files."""

    categories: tuple[Category, ...]
    digest: str

    @property
    def topics(self) -> tuple[Topic, ...]:
        """All topics, category by category."""
        return tuple(topic for category in self.categories for topic in category.topics)

    def topic(self, topic_id: str) -> Topic:
        """Return the topic of an id; raises CatalogueError."""
        found = next((topic for topic in self.topics if topic.id == topic_id), None)
        if found is None:
            raise CatalogueError(f"no topic is called {topic_id!r}; the topic files name {len(self.topics)} others")
        return found


@cache
def load_catalogue() -> Catalogue:
    """Return the catalogue that ships with the package; raises CatalogueError."""
    return read_catalogue(files("app.demo").joinpath("topics"))


def read_catalogue(folder: Traversable) -> Catalogue:
    """Read the topic files of a folder; raises CatalogueError."""
    digest = hashlib.blake2b(digest_size=8)
    categories = []
    for file in sorted(folder.iterdir(), key=lambda file: file.name):
        if file.name.endswith(".toml"):
            data = file.read_bytes().replace(b"\r\n", b"\n")  # a checkout may have translated the line ends
            digest.update(data)
            categories.append(_category(file.name, data))
    seen: set[str] = set()
    for category in categories:
        for topic in category.topics:
            if topic.id in seen:
                raise CatalogueError(f"{category.id}.toml: the topic {topic.id!r} stands twice in the topic files")
            seen.add(topic.id)
    if not categories:
        raise CatalogueError(f"{folder} holds no topic files (*.toml)")
    return Catalogue(tuple(categories), digest.hexdigest())


def _category(file: str, data: bytes) -> Category:
    try:
        table = tomllib.loads(data.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise CatalogueError(f"{file} is no TOML: {error}") from error
    head = table.get("category", {})
    name = _text(head, "en", file)
    return Category(
        id=_text(head, "id", file),
        name=name,
        name_zh=_text(head, "zh", file),
        tags={"en": _texts(head, "tags", file), "zh": _texts(head, "tags_zh", file)},
        topics=tuple(_topic(entry, name, file) for entry in table.get("topic", [])),
    )


def _topic(entry: dict[str, Any], category: str, file: str) -> Topic:
    topic_id = _text(entry, "id", file)
    where = f"{file}, topic {topic_id}"
    topic = Topic(
        id=topic_id,
        name=_text(entry, "en", where),
        category=category,
        motif=_text(entry, "motif", where),
        scenes=_texts(entry, "scenes", where),
        things=_texts(entry, "things", where),
        places=_texts(entry, "places", where),
        voices={"en": _voice(entry, "", where), "zh": _voice(entry, "_zh", where)},
    )
    if topic.motif not in MOTIFS:
        raise CatalogueError(f"{where}: no motif {topic.motif!r} is drawn; got a wrong name, or it is yet to be drawn")
    if strange := set(topic.scenes) - SCENES.keys():
        raise CatalogueError(f"{where}: unknown scenes {sorted(strange)}; there are {sorted(SCENES)}")
    return topic


def _voice(entry: dict[str, Any], suffix: str, where: str) -> Voice:
    titles, sentences, tips, tags = (
        _texts(entry, name + suffix, where) for name in ("titles", "sentences", "tips", "tags")
    )
    return Voice(titles, sentences, tips, tags)


def _text(table: dict[str, Any], key: str, where: str) -> str:
    value = table.get(key)
    if not isinstance(value, str) or not value.strip():
        raise CatalogueError(f"{where}: {key} is {value!r}, wanted a text")
    return value


def _texts(table: dict[str, Any], key: str, where: str) -> tuple[str, ...]:
    value = table.get(key)
    if not isinstance(value, list) or not value or not all(isinstance(text, str) and text.strip() for text in value):
        raise CatalogueError(f"{where}: {key} is {value!r}, wanted a list of texts")
    return tuple(value)
