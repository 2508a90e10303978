"""Mixes with weights and notes to keep away from; smaller vectors; exports in eight bits."""

from __future__ import annotations

import numpy as np


def ids(outcome):
    return [hit["id"] for hit in outcome.checked().json["hits"]]


def test_unlike_is_left_out_and_pushes_its_kind_down(here, shop):
    plain = here("query", shop.index, "--text", "rain", "--json")
    less = here("query", shop.index, "--text", "rain", "--unlike", "trail", "--json")
    assert "trail" in ids(plain)
    assert "trail" not in ids(less)
    scores = [{hit["id"]: hit["score"] for hit in one.json["hits"]} for one in (plain, less)]
    assert scores[0]["noodles"] != scores[1]["noodles"]


def test_weights(here, shop):
    picture = shop.corpus / "images" / "ramen.png"
    parts = ["query", shop.index, "--text", "Learning the cello", "--image", picture, "--json"]
    assert ids(here(*parts, "--weight", "image=0"))[0] == "cello"
    assert ids(here(*parts, "--weight", "text=0"))[0] in ("look", "ramen")


def test_a_build_with_fewer_numbers(here, shop, tmp_path):
    here("build", shop.corpus, "--out", tmp_path / "small", "--dim", "64", "--json").checked()
    assert here("info", tmp_path / "small", "--json").checked().json["dim"] == 64
    assert ids(here("query", tmp_path / "small", "--text", "京都拉面 ramen in Kyoto", "--json"))[0] == "ramen"
    # Again, and with the size unsaid: the index knows it.
    again = here("build", shop.corpus, "--out", tmp_path / "small", "--json").checked().json
    assert (again["encoded"], again["unchanged"]) == (0, len(shop.rows))


def test_export_in_eight_bits(here, shop, tmp_path):
    here("export", shop.index, "--out", tmp_path / "v.npz").checked()
    here("export", shop.index, "--out", tmp_path / "v8.npz", "--precision", "int8").checked()
    again = here(
        "export", shop.index, "--out", tmp_path / "w8.npz", "--precision", "int8", "--ranges", tmp_path / "v8.npz"
    )
    again.checked()
    with (
        np.load(tmp_path / "v.npz") as full,
        np.load(tmp_path / "v8.npz") as codes,
        np.load(tmp_path / "w8.npz") as same,
    ):
        step = (codes["high"] - codes["low"]) / 255
        restored = (codes["vectors"].astype(np.float32) + 128) * step + codes["low"]
        np.testing.assert_allclose(restored, full["vectors"], atol=float(step.max()) / 2 + 1e-6)
        np.testing.assert_array_equal(codes["vectors"], same["vectors"])


def test_a_rebuild_to_a_size_keeps_the_indexs_own_encoder(here, shop, tmp_path):
    index = tmp_path / "index"
    here("build", shop.corpus, "--out", index, "--encoder", "notellm:tiny", "--json").checked()
    here("build", shop.corpus, "--out", index, "--rebuild", "--dim", "64", "--json").checked()
    facts = here("info", index, "--json").checked().json
    assert facts["dim"] == 64
    assert facts["encoder"]["text"]["tower"] == "notellm"


def test_paths_in_settings_are_kept_whole(here, shop, tmp_path, monkeypatch, clip_folder):
    """An index is opened from other folders than the one it was built in."""
    monkeypatch.chdir(clip_folder.parent)
    settings = tmp_path / "clip.toml"
    settings.write_text(f'[encoder.image]\ntower = "open_clip"\nmodel = "{clip_folder.name}"\n')
    here("build", shop.corpus, "--out", tmp_path / "index", "--config", settings, "--json").checked()
    monkeypatch.chdir(tmp_path)
    here("query", tmp_path / "index", "--text", "ramen", "--json").checked()
    assert here("info", tmp_path / "index", "--json").json["encoder"]["image"]["model"] == str(clip_folder)
