"""Every kind of encoder from the command line: built, asked by words and by picture, and opened again."""

from __future__ import annotations

import pytest

from encoders.text.stock import find_minilm

TIMM = """
[encoder.image]
tower = "timm"
model = "mobilenetv2_035"
seed = 1
"""
HEADLESS = """
[encoder]
image = {tower = "none"}
[encoder.text]
tower = "notellm"
model = "tiny"
project = 64
"""


@pytest.fixture(scope="module")
def specs(clip_folder):
    return {
        "open_clip": f"open_clip:{clip_folder}",
        "clip": f"clip:{clip_folder}",
        "transformer": f"transformer:{find_minilm()}",
        "st": f"st:{find_minilm()}",
        "notellm": "notellm:tiny",
        "notellm2": "notellm2:tiny",
    }


@pytest.mark.parametrize(
    ("kind", "dim"),
    [("open_clip", 384 + 32 + 2), ("transformer", 566), ("st", 566), ("notellm", 128 + 180 + 2), ("notellm2", 128)],
)
def test_build_and_query(here, shop, specs, tmp_path, kind, dim):
    index = tmp_path / "index"
    built = here("build", shop.corpus, "--out", index, "--encoder", specs[kind], "--json").checked().json
    assert (built["encoded"], built["rejected"]) == (len(shop.rows), {})
    assert here("info", index, "--json").checked().json["dim"] == dim
    picture = shop.corpus / "images" / "ramen.png"
    same = (
        here("query", index, "--text", "京都拉面 ramen in Kyoto", "--image", picture, "--json").checked().json["hits"]
    )
    assert len(same) == len(shop.rows)
    look = here("query", index, "--image", picture, "-k", "1", "--json").checked().json["hits"]
    assert look[0]["id"] == "look"
    # Built again without a word about the encoder: nothing is encoded twice, the fingerprint is the same.
    again = here("build", shop.corpus, "--out", index, "--json").checked().json
    assert (again["encoded"], again["unchanged"]) == (0, len(shop.rows))


def test_the_stock_weights_by_three_ways_give_one_ranking(here, shop, specs, tmp_path):
    rankings = []
    for kind in ("minilm", specs["transformer"], specs["st"]):
        index = tmp_path / f"index-{len(rankings)}"
        here("build", shop.corpus, "--out", index, "--encoder", kind, "--json").checked()
        hits = here("query", index, "--text", "noodle soup", "--json").checked().json["hits"]
        rankings.append([(hit["id"], round(hit["score"], 2)) for hit in hits])
    assert [name for name, _ in rankings[0]] == [name for name, _ in rankings[1]] == [name for name, _ in rankings[2]]
    for one, other in zip(rankings[0], rankings[2], strict=True):
        assert one[1] == pytest.approx(other[1], abs=0.02)


def test_a_timm_tower_from_the_settings(here, shop, tmp_path):
    (tmp_path / "timm.toml").write_text(TIMM)
    index = tmp_path / "index"
    here("build", shop.corpus, "--out", index, "--config", tmp_path / "timm.toml", "--json").checked()
    assert here("info", index, "--json").checked().json["dim"] == 384 + 1280 + 2


def test_words_alone_set_notes_of_pictures_aside(here, shop, tmp_path):
    (tmp_path / "words.toml").write_text(HEADLESS)
    index = tmp_path / "index"
    built = here("build", shop.corpus, "--out", index, "--config", tmp_path / "words.toml", "--json").checked(3)
    assert built.json["rejected"] == {"neither text nor image": 1}
    assert here("info", index, "--json").checked().json["dim"] == 64
    asked = here("query", index, "--image", shop.corpus / "images" / "ramen.png").checked(1)
    assert "only pictures" in asked.err


def test_a_clip_has_one_space(here, shop, tmp_path):
    import json

    folder = tmp_path / "clip"
    folder.mkdir()
    text = {"context_length": 16, "vocab_size": 49_408, "width": 32, "heads": 2, "layers": 1}
    vision = {"image_size": 32, "patch_size": 8, "layers": 2, "width": 64, "head_width": 32}
    described = {"embed_dim": 32, "vision_cfg": vision, "text_cfg": text}
    (folder / "open_clip_config.json").write_text(json.dumps({"model_cfg": described, "preprocess_cfg": {}}))
    part = f'tower = "open_clip"\nmodel = "{folder}"\nseed = 3\n'
    settings = f'[encoder]\njoin = "shared"\nimage_share = 0.5\n[encoder.text]\n{part}[encoder.image]\n{part}'
    (tmp_path / "clip.toml").write_text(settings)
    index = tmp_path / "index"
    here("build", shop.corpus, "--out", index, "--config", tmp_path / "clip.toml", "--json").checked()
    assert here("info", index, "--json").checked().json["dim"] == 32
    hits = here("query", index, "--image", shop.corpus / "images" / "ramen.png", "--json").checked().json["hits"]
    assert hits[0]["id"] == "look"
    assert hits[0]["score"] == pytest.approx(1, abs=1e-3)
    words = here("query", index, "--text", "ramen", "--json").checked().json["hits"]
    # In one space a text meets a picture: with blocks this score would be zero.
    assert abs(next(hit["score"] for hit in words if hit["id"] == "look")) > 1e-4


def test_a_clip_whose_halves_do_not_fit(here, shop, specs, tmp_path):
    built = here("build", shop.corpus, "--out", tmp_path / "index", "--encoder", specs["clip"]).checked(1)
    assert "49,408" in built.err
    assert not (tmp_path / "index").exists()
