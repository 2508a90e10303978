"""query --where and --words, and attributes of the corpus' own."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROWS: list[dict[str, Any]] = [
    {"id": "ramen", "title": "Ramen in Kyoto", "category": "food", "tags": ["ramen"], "price": 12.5},
    {
        "id": "noodles",
        "title": "上海美食探店 hand-pulled noodles",
        "category": "food",
        "tags": ["noodles"],
        "price": 30,
    },
    {"id": "trail", "title": "A hike at dawn", "category": "outdoors", "time": "2024-05-31T18:00:00Z"},
]


def _ids(outcome: Any) -> list[str]:
    return [hit["id"] for hit in outcome.checked().json["hits"]]


@pytest.fixture
def priced(tmp_path: Path, write_corpus: Callable[..., Path], here: Callable[..., Any]) -> Path:
    here(
        "build", write_corpus(ROWS), "--out", tmp_path / "notes.idx", "--attribute", "price:number", "--json"
    ).checked()
    return tmp_path / "notes.idx"


def test_where_narrows_a_query_by_every_kind_of_attribute(priced: Path, here: Callable[..., Any]) -> None:
    for where, expected in (
        ('category = "food"', ["noodles"]),
        ("price < 20", []),  # of the others only the noodles have a price
        ("price >= 20 and price <= 30", ["noodles"]),
        ("not price exists", ["trail"]),
        ('not tags has "noodles"', ["trail"]),
        ("created_at >= 2024-01-01", ["trail"]),
        ('category in ("food", "outdoors") and not created_at exists', ["noodles"]),
    ):
        assert _ids(here("query", priced, "--id", "ramen", "--where", where, "--json")) == expected, where


@pytest.mark.parametrize(
    ("where", "told"),
    [
        ('categry = "food"', "Did you mean category"),
        ("category = food", "column 12"),
        ('price = "cheap"', "price"),
        ('category = "food', "column"),
        ("", "column 1"),
    ],
)
def test_a_wrong_filter_is_told_with_its_place(priced: Path, here: Callable[..., Any], where: str, told: str) -> None:
    outcome = here("query", priced, "--id", "ramen", "--where", where).checked(1)
    assert told in outcome.err


def test_words_search_titles_tags_and_chinese(priced: Path, here: Callable[..., Any]) -> None:
    assert _ids(here("query", priced, "--words", "美食", "--json")) == ["noodles"]
    assert _ids(here("query", priced, "--words", "dawn HIKES", "--json")) == ["trail"]
    assert _ids(here("query", priced, "--words", "ramen noodles", "--where", "price > 20", "--json")) == ["noodles"]
    assert _ids(here("query", priced, "--words", "submarine", "--json")) == []


def test_words_do_not_mix_with_other_parts(priced: Path, here: Callable[..., Any]) -> None:
    outcome = here("query", priced, "--words", "ramen", "--id", "trail").checked(2)
    assert "--words" in outcome.err


def test_a_wrong_attribute_is_refused(
    tmp_path: Path, write_corpus: Callable[..., Path], here: Callable[..., Any]
) -> None:
    corpus = write_corpus(ROWS)
    for option, told in (("price", "NAME:TYPE"), ("price:money", "NAME:TYPE"), ("my price:number", "identifier")):
        outcome = here("build", corpus, "--out", tmp_path / "x.idx", "--attribute", option).checked(1)
        assert told in outcome.err
        assert not (tmp_path / "x.idx").exists()


def test_an_index_without_an_attribute_is_not_given_one_in_passing(
    priced: Path, write_corpus: Callable[..., Path], here: Callable[..., Any]
) -> None:
    outcome = here("build", write_corpus(ROWS), "--out", priced, "--attribute", "stock:number").checked(1)
    assert "--rebuild" in outcome.err
    here("build", write_corpus(ROWS), "--out", priced, "--attribute", "stock:number", "--rebuild", "--json").checked()
    names = [each["name"] for each in here("info", priced, "--json").checked().json["schema"]["attributes"]]
    assert {"price", "stock"} <= set(names)


def test_attributes_may_stand_in_the_settings(
    tmp_path: Path, write_corpus: Callable[..., Path], here: Callable[..., Any]
) -> None:
    settings = tmp_path / "settings.toml"
    settings.write_text('[index]\nkind = "hnsw"\n[index.attributes]\nprice = "number"\n')
    here("build", write_corpus(ROWS), "--out", tmp_path / "a.idx", "--config", settings, "--json").checked()
    facts = here("info", tmp_path / "a.idx", "--json").checked().json
    assert facts["kind_asked"] == "hnsw"
    here("build", tmp_path / "corpus", "--out", tmp_path / "a.idx", "--rebuild", "--json").checked()
    facts = here("info", tmp_path / "a.idx", "--json").checked().json
    assert (facts["version"], facts["kind_asked"]) == ("v2", "hnsw")  # the next version keeps what was chosen
    assert json.dumps(facts["schema"]).count("price") == 2  # its name and its place in the note's extra
