"""Every command as a user runs it: a child process, from another folder."""

from __future__ import annotations

import json
from collections import Counter

import numpy as np
import pytest

HIT = ["id", "score", "title", "category", "tags", "images", "why"]


def test_build_prints_one_json_object_and_its_progress_elsewhere(shop):
    facts = shop.built.checked().json
    assert {name: facts[name] for name in ("encoded", "refreshed", "unchanged", "notes", "rejected")} == {
        "encoded": 6, "refreshed": 0, "unchanged": 0, "notes": 6, "rejected": {}
    }  # fmt: skip
    assert "6/6" in shop.built.err


@pytest.mark.parametrize("kind", ["id", "text", "image", "note", "mix"])
def test_query_json(notelens, here, shop, tmp_path, kind):
    image = shop.corpus / "images" / "trail.png"
    note = tmp_path / "note.json"
    note.write_text(json.dumps({"title": "noodle soup", "hashtags": ["RAMEN"]}))
    asked = {
        "id": ["--id", "ramen"],
        "text": ["--text", "musical instruments"],
        "image": ["--image", image],
        "note": ["--note", note],
        "mix": ["--id", "cello", "--id", "trail", "--text", "noodles", "--image", image, "--note", note],
    }[kind]
    run = notelens if kind in ("id", "mix") else here
    found = run("query", shop.index, *asked, "-k", 3, "--json").checked()
    value = found.json
    assert list(value) == ["hits", "took_ms"]
    assert value["took_ms"] > 0
    hits = value["hits"]
    assert [list(hit) for hit in hits] == [HIT] * 3
    assert [hit["score"] for hit in hits] == sorted((hit["score"] for hit in hits), reverse=True)
    for hit in hits:
        assert sum(hit["why"]["contributions"].values()) == pytest.approx(hit["score"], abs=2e-4)
    names = [hit["id"] for hit in hits]
    assert not set(names) & {"id": {"ramen"}, "mix": {"cello", "trail"}}.get(kind, set())
    if kind != "mix":
        assert names[0] == {"id": "noodles", "text": "cello", "image": "trail", "note": "noodles"}[kind]
    if kind == "note":
        assert hits[0]["why"]["shared_tags"] == ["ramen"]
    if kind == "id":
        assert hits[0] | {"score": 0, "why": 0} == {
            "id": "noodles", "score": 0, "title": "Hand-pulled noodles", "category": "food",
            "tags": ["ramen", "noodles"], "images": [], "why": 0,
        }  # fmt: skip
        assert hits[0]["why"]["same_category"] is True


def test_images_are_shown_where_they_lie(here, shop):
    hits = here("query", shop.index, "--id", "trail", "--json").checked().json["hits"]
    shown = next(hit for hit in hits if hit["id"] == "ramen")
    assert shown["images"] == [str(shop.corpus.resolve() / "images" / "ramen.png")]


def test_a_corpus_with_every_bad_row(notelens, here, bad_rows, tmp_path):
    expected = Counter(reason.value for reason in bad_rows(tmp_path / "corpus").values())
    (tmp_path / "small.toml").write_text("[images]\nmax_pixels = 1_000_000\n")
    config = ["--config", tmp_path / "small.toml"]

    checked = here("check", tmp_path / "corpus", *config, "--json").checked(3)
    assert checked.json["rejected"] == expected
    assert (checked.json["notes"], checked.json["rows"]) == (2, expected.total() + 2)

    built = notelens("build", tmp_path / "corpus", "--out", tmp_path / "index", *config, "--json").checked(3)
    assert built.json["rejected"] == expected
    assert (built.json["encoded"], built.json["notes"]) == (2, 2)
    assert f"{expected.total()} notes were rejected" in built.err
    assert str(tmp_path / "index" / "rejected.jsonl") in built.err
    entries = [json.loads(line) for line in (tmp_path / "index" / "rejected.jsonl").read_text().splitlines()]
    assert Counter(entry["reason"] for entry in entries) == expected
    assert all(entry["line"] and entry["detail"] for entry in entries)

    table = here("build", tmp_path / "corpus", "--out", tmp_path / "index", *config).checked(3)
    for reason in expected:
        assert reason in table.out
    hits = here("query", tmp_path / "index", "--id", "good-1", "--json").checked().json["hits"]
    assert [hit["id"] for hit in hits] == ["good-2"]


def test_a_build_reaches_no_host(notelens, shop, tmp_path):
    """Every child of this test notes down each connection and each name looked up."""
    (tmp_path / "sitecustomize.py").write_text(
        f"""
import socket
def refuse(*arguments, **options):
    with open({str(tmp_path / "tried.txt")!r}, "a") as file:
        file.write(repr(arguments) + "\\n")
    raise OSError("no network here")
socket.getaddrinfo = socket.create_connection = socket.socket.connect = socket.socket.connect_ex = refuse
open({str(tmp_path / "guarded.txt")!r}, "w").close()
"""
    )
    environment = {"PYTHONPATH": str(tmp_path), "HF_HUB_CACHE": str(tmp_path / "no-cache")}
    built = notelens("build", shop.corpus, "--out", tmp_path / "index", "--json", **environment).checked()
    assert built.json["encoded"] == 6
    assert (tmp_path / "guarded.txt").is_file()
    assert not (tmp_path / "tried.txt").exists()


def test_building_again_and_adding_and_pruning(here, write_corpus, own_index, shop, tmp_path):
    again = here("build", shop.corpus, "--out", own_index, "--json").checked().json
    assert (again["encoded"], again["unchanged"]) == (0, 6)
    more = write_corpus([{"id": "cello", "title": "Selling a cello"}, {"id": "drum", "plot": "A drum kit"}])
    added = here("add", own_index, more, "--map", "body=plot", "--json").checked()
    assert (added.json["encoded"], added.json["notes"]) == (2, 7)
    assert here("show", own_index, "drum", "--json").checked().json["body"] == "A drum kit"
    assert here("show", own_index, "cello", "--json").checked().json["title"] == "Selling a cello"
    pruned = here("build", shop.corpus, "--out", own_index, "--prune", "--json").checked().json
    assert (pruned["encoded"], pruned["pruned"], pruned["notes"]) == (1, 1, 6)


def test_show_info_delete_export(notelens, here, own_index, shop, tmp_path):
    shown = here("show", own_index, "ramen", "--json").checked().json
    assert shown["id"] == "ramen"
    assert shown["title"] == "京都拉面 ramen in Kyoto"
    assert (shown["author"], shown["created_at"]) == ("kim", "2024-05-31T18:00:00+00:00")
    assert shown["extra"] == {"city": "京都"}
    assert shown["images"] == [str(shop.corpus.resolve() / "images" / "ramen.png")]

    facts = notelens("info", own_index, "--json").checked().json
    assert (facts["rows"], facts["dim"]) == (6, 566)
    assert facts["bytes_on_disk"] > 0
    assert facts["encoder"]["image_share"] == 0.1

    gone = notelens("delete", own_index, "trail", "look", "--json").checked().json
    assert gone == {"deleted": 2, "unknown": []}
    part = here("delete", own_index, "cello", "nope", "--json").checked(1)
    assert part.json == {"deleted": 1, "unknown": ["nope"]}
    assert "nope" in part.err

    out = tmp_path / "vectors.npz"
    assert notelens("export", own_index, "--out", out, "--json").checked().json["rows"] == 3
    with np.load(out, allow_pickle=False) as data:
        assert set(data["ids"].tolist()) == {"ramen", "noodles", "[red]marked[/red]"}
        assert data["vectors"].shape == (3, 566)
        assert data["vectors"].dtype == np.float32
        np.testing.assert_allclose(np.linalg.norm(data["vectors"], axis=1), 1, atol=1e-5)


def test_an_open_clip_encoder_by_local_file(here, shop, tmp_path, clip_folder):
    weights = clip_folder / "open_clip_model.safetensors"
    index = tmp_path / "index"
    built = here("build", shop.corpus, "--out", index, "--encoder", f"open_clip:{clip_folder}:{weights}", "--json")
    assert built.checked().json["encoded"] == 6
    assert here("info", index, "--json").checked().json["dim"] == 384 + 32 + 2
    image = shop.corpus / "images" / "trail.png"
    hits = here("query", index, "--image", image, "-k", 1, "--json").checked().json["hits"]
    assert [hit["id"] for hit in hits] == ["trail"]


def test_doctor_finds_nothing_missing_here(notelens, here):
    facts = notelens("doctor", "--json").checked().json
    assert facts["missing"] == {}
    assert facts["versions"]["notelens"] == "0.1.0"
    assert facts["threads"] >= 1
    told = here("doctor").checked()
    assert "nothing is missing" in told.out


def test_help_names_every_command(notelens, here):
    told = notelens("--help").checked()
    for command in ("check", "build", "query", "add", "delete", "show", "info", "export", "doctor", "demo", "app"):
        assert f" {command} " in told.out
    assert here("--version").checked().out == "notelens 0.1.0\n"
    assert "Usage" in here().out + here().err


@pytest.mark.parametrize("locale", [{"LC_ALL": "C"}, {"LC_ALL": "POSIX", "PYTHONCOERCECLOCALE": "0"}], ids=str)
@pytest.mark.parametrize("flags", [[], ["--json"]], ids=["table", "json"])
def test_output_is_utf8_whatever_the_locale(notelens, shop, locale, flags):
    for command in (["query", shop.index, "--id", "noodles"], ["show", shop.index, "ramen"]):
        assert "京都拉面" in notelens(*command, *flags, **locale).checked().out
