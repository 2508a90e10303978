"""build --rebuild, versions, rollback, compact, migrate, connect."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROWS = [{"id": f"n{i}", "title": f"note {word}", "category": "c"} for i, word in enumerate(("one", "two", "three"))]


@pytest.fixture
def built(tmp_path: Path, write_corpus: Callable[..., Path], here: Callable[..., Any]) -> Path:
    here("build", write_corpus(ROWS), "--out", tmp_path / "notes.idx", "--json").checked()
    return tmp_path / "notes.idx"


def _states(here: Callable[..., Any], index: Path, *options: object) -> list[tuple[str, str, int]]:
    found = here("versions", index, *options, "--json").checked().json["versions"]
    return [(each["name"], each["state"], each["rows"]) for each in found]


def test_a_rebuild_swaps_in_a_new_version_that_can_be_taken_back(
    built: Path, tmp_path: Path, write_corpus: Callable[..., Path], here: Callable[..., Any]
) -> None:
    settings = tmp_path / "other.toml"
    settings.write_text("[encoder]\nimage_share = 0.3\n")
    corpus = write_corpus([*ROWS, {"id": "n3", "title": "note four"}])
    refused = here("build", corpus, "--out", built, "--config", settings).checked(1)
    assert "--rebuild" in refused.err  # another encoder cannot go into the same version
    here("build", corpus, "--out", built, "--config", settings, "--rebuild", "--json").checked()
    assert _states(here, built) == [("v1", "kept", 3), ("v2", "served", 4)]
    assert here("query", built, "--id", "n3", "--json").checked().json["hits"]
    assert here("rollback", built, "--json").checked().json == {"served": "v1"}
    assert here("query", built, "--id", "n3").checked(1).err
    assert "no version" in here("rollback", built, "--to", "v9").checked(1).err
    here("rollback", built, "--to", "v2", "--json").checked()
    assert _states(here, built, "--prune", 1) == [("v2", "served", 4)]
    assert "only version" in here("rollback", built).checked(1).err


def test_a_rebuild_that_would_lose_notes_is_not_served(
    built: Path, write_corpus: Callable[..., Path], here: Callable[..., Any]
) -> None:
    fewer = write_corpus(ROWS[:2])
    assert "1 notes" in here("build", fewer, "--out", built, "--rebuild").checked(1).err
    assert _states(here, built) == [("v1", "served", 3), ("v2", "unfinished", 2)]
    report = here("build", fewer, "--out", built, "--rebuild", "--prune", "--json").checked().json
    assert report["encoded"] == 0  # the unfinished version was gone on with
    assert _states(here, built) == [("v1", "kept", 3), ("v2", "served", 2)]


def test_compact_forgets_what_was_deleted(built: Path, here: Callable[..., Any]) -> None:
    here("delete", built, "n0").checked()
    facts = here("compact", built, "--json").checked().json
    assert (facts["rows"], facts["removed"], facts["written"]) == (2, 0, 0)
    assert [hit["id"] for hit in here("query", built, "--id", "n1", "--json").checked().json["hits"]] == ["n2"]


def test_an_index_moves_to_milvus_and_back_without_encoding(
    built: Path, tmp_path: Path, here: Callable[..., Any]
) -> None:
    there, back = tmp_path / "there.idx", tmp_path / "back.idx"
    assert here("migrate", built, "--out", there, "--backend", "milvus", "--json").checked().json["copied"] == 3
    assert here("migrate", built, "--out", there, "--backend", "milvus", "--json").checked().json["copied"] == 0
    assert here("migrate", there, "--out", back, "--backend", "faiss", "--json").checked().json["copied"] == 3
    asked = [
        here("query", index, "--text", "note two", "--where", 'category = "c"', "--json").checked().json["hits"]
        for index in (built, there, back)
    ]
    assert asked[0][0]["id"] == "n1"
    for other in asked[1:]:
        assert [hit["id"] for hit in other] == [hit["id"] for hit in asked[0]]
        assert [hit["score"] for hit in other] == pytest.approx([hit["score"] for hit in asked[0]], abs=2e-6)
    assert here("info", there, "--json").checked().json["type"] == "milvus"


def test_build_into_milvus_lite(tmp_path: Path, write_corpus: Callable[..., Path], here: Callable[..., Any]) -> None:
    corpus, index = write_corpus(ROWS), tmp_path / "m.idx"
    report = here("build", corpus, "--out", index, "--backend", "milvus", "--json").checked().json
    assert (report["encoded"], report["notes"]) == (3, 3)
    again = here("build", corpus, "--out", index, "--json").checked().json
    assert (again["encoded"], again["unchanged"]) == (0, 3)
    here("delete", index, "n0").checked()
    assert here("show", index, "n1", "--json").checked().json["title"] == "note two"
    assert _states(here, index) == [("v1", "served", 2)]


@pytest.mark.parametrize(
    "command",
    [
        ("query", "notes", "--id", "n0", "--backend", "milvus", "--uri", "http://127.0.0.1:9"),
        ("connect", "notes.idx", "--uri", "http://127.0.0.1:9"),
    ],
)
def test_a_server_that_is_not_there_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, here: Callable[..., Any], command: tuple[str, ...]
) -> None:
    monkeypatch.chdir(tmp_path)
    outcome = here(*command).checked(1)
    assert "127.0.0.1:9" in outcome.err


def test_options_that_do_not_go_together(built: Path, here: Callable[..., Any]) -> None:
    for options, told in (
        (("--backend", "milvus"), "--uri"),
        (("--uri", "http://127.0.0.1:9", "--backend", "faiss"), "--backend milvus"),
        (("--backend", "lucene"), "faiss, milvus"),
    ):
        assert told in here("query", built, "--id", "n0", *options).checked(1).err
