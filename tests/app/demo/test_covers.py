import io
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from app.demo.catalogue import Topic, load_catalogue
from app.demo.covers import SIDE, CoverSpec, cover_jpeg, draw_cover, extent

TOPICS = load_catalogue().topics


def spec(topic: Topic, number: int = 0, view: int = 0) -> CoverSpec:
    return CoverSpec(topic.motif, topic.scenes, (5, number), view)


def coarse(image: Image.Image) -> np.ndarray:
    """Shares of 64 colours in the middle of a cover: what it is made of, wherever it stands. (64,) float."""
    side = image.width
    middle = np.asarray(image.crop((side // 6, side // 6, side - side // 6, side - side // 8))) // 64
    index = middle[..., 0] * 16 + middle[..., 1] * 4 + middle[..., 2]
    return np.bincount(index.ravel(), minlength=64) / index.size


def test_every_topic_has_a_cover_with_something_on_it():
    for topic in TOPICS:
        image = draw_cover(spec(topic))
        assert image.size == (SIDE, SIDE) == (256, 256)
        assert image.mode == "RGB"
        assert np.asarray(image, dtype=np.float32).std(axis=(0, 1)).max() > 12, topic.id
        assert coarse(image).max() < 0.9, topic.id


def test_the_motif_is_on_the_cover():
    """The same cover with another motif differs over a good part of its area."""
    ducks = {topic.id: topic for topic in TOPICS}["bath-time"]
    for topic in TOPICS[::10]:
        scene = (topic.scenes[0],)
        with_motif = np.asarray(draw_cover(CoverSpec(topic.motif, scene, (1, 1))), dtype=int)
        with_other = np.asarray(draw_cover(CoverSpec(ducks.motif, scene, (1, 1))), dtype=int)
        changed = (np.abs(with_motif - with_other).max(axis=2) > 40).mean()
        assert changed > 0.05 or topic is ducks, topic.id


def test_the_same_spec_gives_the_same_bytes_and_another_note_others():
    topic = TOPICS[0]
    assert cover_jpeg(spec(topic, 1)) == cover_jpeg(spec(topic, 1))
    covers = {cover_jpeg(spec(topic, number)) for number in range(12)}
    assert len(covers) == 12


def test_views_of_a_note_differ_but_less_than_notes():
    for topic in TOPICS[::15]:
        near = [coarse(draw_cover(spec(topic, 3, view))) for view in range(3)]
        assert np.abs(near[0] - near[1]).sum() > 0
        far = [coarse(draw_cover(spec(topic, number))) for number in range(4, 12)]
        within = np.mean([np.abs(a - b).sum() for a in near for b in near if a is not b])
        across = np.mean([np.abs(a - b).sum() for a in near for b in far])
        assert within < across, topic.id


def test_covers_of_a_topic_are_nearer_than_covers_of_others():
    features = np.array([[coarse(draw_cover(spec(topic, n))) for n in range(5)] for topic in TOPICS[::3]])
    flat = features.reshape(-1, 64)
    owner = np.repeat(np.arange(len(features)), 5)
    distance = np.abs(flat[:, None] - flat[None]).sum(axis=2)
    same = (owner[:, None] == owner[None]) & ~np.eye(len(flat), dtype=bool)
    other = owner[:, None] != owner[None]
    assert distance[same].mean() < 0.9 * distance[other].mean()


@pytest.mark.parametrize("motif", ["cat", "bicycle", "skyline", "harp"])
def test_the_extent_of_a_motif_is_measured(motif: str):
    left, top, right, bottom = extent(motif)
    assert -160 < left < 0 < right < 160
    assert -240 < top < -20
    assert -20 < bottom < 80


def test_a_cover_is_a_small_jpeg():
    data = cover_jpeg(spec(TOPICS[7]))
    with Image.open(io.BytesIO(data)) as image:
        assert image.format == "JPEG"
        assert image.size == (256, 256)
    assert 3_000 < len(data) < 40_000


def test_importing_the_package_loads_no_pillow():
    code = (
        "import sys, app.demo; assert 'PIL' not in sys.modules; app.demo.make_demo_corpus; assert 'PIL' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
