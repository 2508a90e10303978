"""How the simulated people live: mixes of topics from different categories."""

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from app.demo.catalogue import CatalogueError, load_catalogue


@dataclass(frozen=True, slots=True)
class Lifestyle:
    """A mix of three to five topics, no two of one category."""

    name: str
    topics: tuple[str, ...]


@cache
def load_lifestyles() -> tuple[Lifestyle, ...]:
    """Return the lifestyles that ship with the package; raises CatalogueError."""
    table = tomllib.loads(files("app.demo").joinpath("lifestyles.toml").read_text(encoding="utf-8"))
    styles = tuple(Lifestyle(entry["name"], tuple(entry["topics"])) for entry in table["lifestyle"])
    check_lifestyles(styles)
    return styles


def check_lifestyles(styles: tuple[Lifestyle, ...]) -> None:
    """Hold lifestyles against the catalogue; raises CatalogueError."""
    catalogue = load_catalogue()
    for style in styles:
        categories = [catalogue.topic(topic).category for topic in style.topics]
        if not 3 <= len(set(categories)) == len(categories) <= 5:
            raise CatalogueError(
                f"lifestyles.toml, {style.name}: got topics of {categories}, wanted 3 to 5, no two of one category"
            )
    if left := {topic.id for topic in catalogue.topics} - {topic for style in styles for topic in style.topics}:
        raise CatalogueError(f"lifestyles.toml: these topics stand in no lifestyle: {sorted(left)}")
