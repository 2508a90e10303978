from pathlib import Path

import pytest

from app.demo.catalogue import CatalogueError, load_catalogue, read_catalogue
from app.demo.lifestyles import Lifestyle, check_lifestyles, load_lifestyles
from app.demo.motifs import MOTIFS
from app.demo.rooms import SCENES

GOOD = """
[category]
id = "toys"
en = "Toys"
zh = "玩具"
tags = ["toys"]
tags_zh = ["玩具"]

[[topic]]
id = "ducks"
en = "rubber ducks"
zh = "小黄鸭"
motif = "duck"
scenes = ["table"]
tags = ["duck"]
tags_zh = ["鸭"]
things = ["a duck"]
places = ["the tub"]
titles = ["Look at {thing}"]
sentences = ["It floats."]
tips = ["Keep it dry"]
titles_zh = ["看看"]
sentences_zh = ["会漂。"]
tips_zh = ["保持干燥"]
"""


def test_the_catalogue_is_wide_enough():
    catalogue = load_catalogue()
    assert len(catalogue.categories) >= 12
    assert len(catalogue.topics) >= 120
    assert len({category.name for category in catalogue.categories}) == len(catalogue.categories)


def test_every_topic_is_drawn_and_no_motif_is_left_over():
    topics = load_catalogue().topics
    assert sorted(topic.motif for topic in topics) == sorted(MOTIFS)
    assert {scene for topic in topics for scene in topic.scenes} == set(SCENES)


def test_every_topic_has_enough_to_say():
    for topic in load_catalogue().topics:
        english, chinese = topic.voices["en"], topic.voices["zh"]
        assert len(set(english.titles)) >= 10, topic.id
        assert len(set(english.sentences)) >= 14, topic.id
        assert len(set(english.tips)) >= 5, topic.id
        assert len(set(chinese.titles)) >= 4, topic.id
        assert len(set(chinese.sentences)) >= 6, topic.id


def test_every_topic_lies_in_a_lifestyle():
    lived = {topic for style in load_lifestyles() for topic in style.topics}
    assert lived == {topic.id for topic in load_catalogue().topics}


def test_a_lifestyle_mixes_categories():
    catalogue = load_catalogue()
    styles = load_lifestyles()
    assert len(styles) >= 25
    for style in styles:
        assert len({catalogue.topic(topic).category for topic in style.topics}) == len(style.topics) >= 3


def test_a_lifestyle_within_one_category_is_refused():
    with pytest.raises(CatalogueError, match="no two of one category"):
        check_lifestyles((Lifestyle("noodles", ("ramen", "pasta", "sushi")),))


def test_a_topic_in_no_lifestyle_is_refused():
    with pytest.raises(CatalogueError, match="in no lifestyle"):
        check_lifestyles(load_lifestyles()[1:])


def test_a_topic_file_is_read(tmp_path: Path):
    (tmp_path / "toys.toml").write_text(GOOD, encoding="utf-8")
    catalogue = read_catalogue(tmp_path)
    assert [topic.id for topic in catalogue.topics] == ["ducks"]
    assert catalogue.topic("ducks").voices["zh"].tips == ("保持干燥",)
    assert catalogue.categories[0].tags == {"en": ("toys",), "zh": ("玩具",)}


def test_the_digest_follows_the_texts_but_not_the_line_ends(tmp_path: Path):
    (tmp_path / "toys.toml").write_bytes(GOOD.encode())
    first = read_catalogue(tmp_path).digest
    (tmp_path / "toys.toml").write_bytes(GOOD.replace("\n", "\r\n").encode())
    assert read_catalogue(tmp_path).digest == first
    (tmp_path / "toys.toml").write_bytes(GOOD.replace("It floats.", "It sinks.").encode())
    assert read_catalogue(tmp_path).digest != first


@pytest.mark.parametrize(
    ("was", "becomes", "message"),
    [
        ('motif = "duck"', 'motif = "goose"', "no motif 'goose'"),
        ('scenes = ["table"]', 'scenes = ["moon"]', r"unknown scenes \['moon'\]"),
        ('things = ["a duck"]', "things = []", "things is"),
        ('tips = ["Keep it dry"]\n', "", "tips is None"),
        ('en = "rubber ducks"', 'en = ""', "en is ''"),
        ('id = "ducks"', 'id = "ducks', "no TOML"),
    ],
)
def test_a_broken_topic_file_is_refused(tmp_path: Path, was: str, becomes: str, message: str):
    assert was in GOOD
    (tmp_path / "toys.toml").write_text(GOOD.replace(was, becomes), encoding="utf-8")
    with pytest.raises(CatalogueError, match=message):
        read_catalogue(tmp_path)


def test_a_topic_that_stands_twice_is_refused(tmp_path: Path):
    for name in ("a.toml", "b.toml"):
        (tmp_path / name).write_text(GOOD, encoding="utf-8")
    with pytest.raises(CatalogueError, match="'ducks' stands twice"):
        read_catalogue(tmp_path)


def test_a_folder_without_topic_files_is_refused(tmp_path: Path):
    with pytest.raises(CatalogueError, match="no topic files"):
        read_catalogue(tmp_path)
