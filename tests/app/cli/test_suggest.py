"""suggest: by an encoder's heads, by an index's neighbours, and what it says where it can do neither."""

from __future__ import annotations

import json

import pytest

from encoders import Note, NoteEncoder, TowersConfig, from_pretrained
from encoders.heads.config import HeadsConfig

HEADS = HeadsConfig(seed=0, categories=("food", "trips"), width=16, layers=1, heads=2, max_tokens=8)
ENCODER, NEIGHBOURS = ({"tags": source, "category": source} for source in ("encoder", "neighbours"))


@pytest.fixture
def note(tmp_path):
    def write(**fields):
        path = tmp_path / "note.json"
        path.write_text(json.dumps(fields, ensure_ascii=False), encoding="utf-8")
        return path

    return write


@pytest.fixture(scope="module")
def able(tmp_path_factory):
    folder = tmp_path_factory.mktemp("able") / "encoder"
    NoteEncoder(TowersConfig(heads=HEADS), "float32").save_pretrained(folder)
    return folder


def test_neighbours_vote_where_the_encoder_has_no_heads(here, shop, note):
    found = here("suggest", shop.index, "--note", note(title="Ramen noodles, pulled by hand"), "--json").checked().json
    assert found["from"] == NEIGHBOURS
    assert found["category"] == "food"
    assert found["tags"][0] == "ramen"  # of two near notes, all others are of one
    one = here("suggest", shop.index, "--note", note(title="Ramen noodles"), "--tags", 1, "--json").checked().json
    assert one["tags"] == ["ramen"]
    among = ("--categories", "music, outdoors")
    chosen = here("suggest", shop.index, "--note", note(title="Ramen"), *among, "--json").checked().json
    assert chosen["category"] in ("music", "outdoors")


def test_a_note_s_own_labels_are_not_read(here, shop, note):
    own = {"id": "noodles", "title": "Hand-pulled noodles", "tags": ["mine"], "category": "mine"}
    found = here("suggest", shop.index, "--note", note(**own), "--json").checked().json
    assert "noodles" not in found["tags"]  # which the stored note of that id alone has
    assert "mine" not in [*found["tags"], found["category"]]
    again = here("suggest", shop.index, "--note", note(**own | {"tags": [], "category": None}), "--json").checked().json
    assert again == found
    other = here("suggest", shop.index, "--note", note(title="Hand-pulled noodles"), "--json").checked().json
    assert "noodles" in other["tags"]


def test_heads_of_an_encoder(here, note, able, tmp_path, encoder):
    path = note(title="京都拉面", body="Broth for two days.")
    found = here("suggest", able, "--note", path, "--json").checked().json
    wanted = from_pretrained(able).suggest_tags([Note(title="京都拉面", body="Broth for two days.")])[0]
    assert found == {"tags": list(wanted.tags), "category": wanted.category, "from": ENCODER}
    table = here("suggest", able, "--note", path, "--categories", "trips").checked().out
    assert "trips" in table
    assert "encoder" in table
    says = here("suggest", able, "--note", path, "--categories", "sport").checked(1).err
    assert "know no category 'sport'" in says


def test_heads_of_an_index_and_neighbours_for_pictures(here, note, able, shop, tmp_path, picture):
    here("build", shop.corpus, "--out", tmp_path / "index", "--encoder", able).checked(0)
    found = here("suggest", tmp_path / "index", "--note", note(title="Ramen"), "--json").checked().json
    assert found["from"] == ENCODER
    picture(0).save(tmp_path / "seen.png")
    seen = here("suggest", tmp_path / "index", "--note", note(image="seen.png"), "--json").checked().json
    assert seen["from"] == NEIGHBOURS
    assert (seen["category"], seen["tags"][0]) == ("food", "ramen")  # the note with that picture


@pytest.mark.parametrize("outvoted", [("hashtags",), ("category",), ("hashtags", "category")])
def test_an_index_asks_its_notes_for_what_its_heads_were_worse_at(here, note, able, shop, tmp_path, outvoted):
    heads = HEADS.model_copy(update={"outvoted": outvoted})
    worse = NoteEncoder(TowersConfig(heads=heads), "float32")
    worse.save_pretrained(tmp_path / "worse")
    here("build", shop.corpus, "--out", tmp_path / "index", "--encoder", tmp_path / "worse").checked(0)
    by_votes = here("suggest", shop.index, "--note", note(title="Ramen"), "--json").checked().json
    by_heads = from_pretrained(able).suggest_tags([Note(title="Ramen")])[0]
    assert (by_votes["tags"], by_votes["category"]) != (list(by_heads.tags), by_heads.category)
    found = here("suggest", tmp_path / "index", "--note", note(title="Ramen"), "--json").checked().json
    tags, category = "hashtags" in outvoted, "category" in outvoted
    assert found["tags"] == (by_votes["tags"] if tags else list(by_heads.tags))
    assert found["category"] == (by_votes["category"] if category else by_heads.category)
    named = {"tags": "neighbours" if tags else "encoder", "category": "neighbours" if category else "encoder"}
    assert found["from"] == named
    alone = here("suggest", tmp_path / "worse", "--note", note(title="Ramen"), "--json").checked().json
    assert alone["from"] == ENCODER


def test_what_cannot_be_suggested(here, note, able, shop, tmp_path, picture):
    assert "nothing to suggest tags with" in here("suggest", "minilm", "--note", note(title="x")).checked(1).err
    bare = here("suggest", able, "--note", note(tags=["ramen"])).checked(1).err
    assert "neither title, body nor picture" in bare
    picture(0).save(tmp_path / "seen.png")
    assert "name an index" in " ".join(here("suggest", able, "--note", note(image="seen.png")).checked(1).err.split())
    assert "no encoder 'nowhere'" in here("suggest", "nowhere", "--note", note(title="x")).checked(1).err
    here("suggest", shop.index, "--note", note(title="x"), "--categories", " , ").checked(2)
    here("suggest", shop.index, "--note", tmp_path / "none.json").checked(2)
    here("suggest", shop.index, "--note", note(title="x"), "--tags", -1).checked(2)
