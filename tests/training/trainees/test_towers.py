"""A note encoder with gradients against the encoder itself: views, frozen towers, missing modalities, saving."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from shutil import rmtree

import numpy as np
import pytest
import torch

from encoders.config import TowersConfig
from encoders.errors import NoteRejected
from encoders.images import NoteImage
from encoders.load import load_encoder
from encoders.note import Note
from encoders.note_encoder import NoteEncoder
from encoders.projection.config import ProjectionConfig
from encoders.text.config import MiniLMConfig, OpenClipTextConfig
from encoders.vision.config import OpenClipConfig
from training.errors import TrainingError
from training.recipes.config import LoraConfig
from training.trainees.towers import TowersTrainee

TEXT = MiniLMConfig(max_tokens=32)
CONFIGS = {
    "fused": TowersConfig(
        text=TEXT,
        image=OpenClipConfig(model="tiny", seed=1),
        image_pooling="attention",
        projection=ProjectionConfig(seed=0, text=48, image=24, hidden=16),
    ),
    "descriptor": TowersConfig(text=TEXT, image_share=0.3),
    "pictures mapped": TowersConfig(text=TEXT, projection=ProjectionConfig(seed=0, text=0, image=24, hidden=16)),
    "clip": TowersConfig(
        text=OpenClipTextConfig(model="tiny", seed=2),
        image=OpenClipConfig(model="tiny", seed=2),
        join="shared",
        image_share=0.5,
    ),
    "text alone": TowersConfig(text=TEXT, image={"tower": "none"}),
}


WAYS = {
    "fused": (("text",), ("fusion",), ("text", "image", "fusion")),
    "descriptor": (("text",), ("fusion",)),
    "pictures mapped": (("fusion",), ("text", "fusion")),
    "clip": (("text",), ("image", "fusion")),
    "text alone": (("text",),),
}


@pytest.fixture(scope="module")
def notes(tmp_path_factory) -> list[Note]:
    """Words, pictures, both, and several pictures."""
    from PIL import Image

    folder = tmp_path_factory.mktemp("pictures")
    images = []
    for i in range(4):
        pixels = np.random.default_rng(i).integers(0, 255, (40, 40 + 8 * i, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{i}.png")
        images.append(NoteImage.from_file(folder / f"{i}.png"))
    return [
        Note(title="Ramen in Kyoto", tags=("food",)),
        Note(title="海边的红门", images=(images[0],)),
        Note(body="How to mend an engine " * 9, images=(images[1], images[2])),
        Note(title="x", images=(images[3],)),
        Note(images=(images[2],)),
    ]


def readable(config: TowersConfig, notes: list[Note]) -> list[Note]:
    return notes[:-1] if config.image.tower == "none" else notes


def embed_view(trainee: TowersTrainee, items: list) -> torch.Tensor:
    return trainee.views[0].of(trainee.embed(items))


def without_absence(config: TowersConfig, vectors: np.ndarray) -> np.ndarray:
    """Vectors as the view `note` has them, of unit length as a query is."""
    width = vectors.shape[1] - (2 if config.join == "blocks" and config.image.tower != "none" else 0)
    kept = vectors[:, :width]
    return kept / np.linalg.norm(kept, axis=1, keepdims=True)


@pytest.mark.parametrize("name", CONFIGS)
def test_every_way_to_train_begins_with_the_encoders_own_vectors_and_saves_what_it_trained(name, notes, held, tmp_path):
    config = CONFIGS[name]
    notes = readable(config, notes)
    wanted = without_absence(config, NoteEncoder(config, precision="float32").encode(notes))
    for i, train in enumerate(WAYS[name]):
        trainee = TowersTrainee(config, precision="float32")
        trainee.begin(train)
        trainee.module.eval()
        with ThreadPoolExecutor(4) as pool:
            items = list(pool.map(trainee.read, notes))
        note = trainee.views[0]
        np.testing.assert_allclose(held.unit(note.of(trainee.embed(items))), wanted, atol=2e-5)
        assert set(trainee.parts) == {"fusion", *train}
        trainee.module.train()
        held.learns(trainee.module, partial(embed_view, trainee, items[-4:]), 2)
        trainee.module.eval()
        trained = note.of(trainee.embed([trainee.read(note) for note in notes]))
        frozen = [p for n, p in trainee.module.named_parameters() if n.split(".")[0] not in train]
        assert not any(p.requires_grad for p in frozen)
        assert np.abs(held.unit(trained) - wanted).max() > 1e-5
        folder = tmp_path / str(i)
        folder.mkdir()
        saved = load_encoder(trainee.save(folder).located_in(folder), "float32")
        np.testing.assert_allclose(without_absence(config, saved.encode(notes)), held.unit(trained), atol=2e-5)


def test_without_pictures_the_view_of_the_text_is_the_whole(notes):
    trainee = TowersTrainee(CONFIGS["text alone"], precision="float32")
    assert [(view.name, view.start, view.stop) for view in trainee.views] == [("note", 0, 384), ("text", 0, 384)]


def test_views_are_the_blocks_and_a_missing_modality_is_a_row_of_zeros(notes):
    trainee = TowersTrainee(CONFIGS["descriptor"], precision="float32")
    rows = trainee.embed([trainee.read(note) for note in notes])
    sizes = {view.name: view.of(rows) for view in trainee.views}
    assert {name: rows.shape[1] for name, rows in sizes.items()} == {"note": 564, "text": 384, "image": 180}
    torch.testing.assert_close(torch.cat([sizes["text"], sizes["image"]], 1), sizes["note"])
    np.testing.assert_allclose(sizes["image"].norm(dim=1).tolist(), [0, *[0.3**0.5] * 4], atol=1e-6)
    np.testing.assert_allclose(sizes["text"].norm(dim=1).tolist(), [*[0.7**0.5] * 4, 0], atol=1e-6)


def test_in_one_space_each_half_alone_is_a_view_too(notes):
    trainee = TowersTrainee(CONFIGS["clip"], precision="float32")
    rows = trainee.embed([trainee.read(note) for note in notes])
    whole, text, image = (view.of(rows) for view in trainee.views)
    torch.testing.assert_close(whole, 0.5**0.5 * text + 0.5**0.5 * image)
    np.testing.assert_allclose(text.norm(dim=1).tolist(), [1, 1, 1, 1, 0], atol=1e-5)
    np.testing.assert_allclose(image.norm(dim=1).tolist(), [0, 1, 1, 1, 1], atol=1e-5)


def test_a_tower_that_stands_still_sees_each_text_and_picture_once(notes):
    trainee = TowersTrainee(CONFIGS["descriptor"], precision="float32")
    trainee.begin(("fusion",))
    seen = {"text": 0, "image": 0}

    def counting(name, encode):
        def counted(inputs):
            seen[name] += len(inputs)
            return encode(inputs)

        return counted

    trainee._still_text._encode = counting("text", trainee.encoder.text.encode)
    trainee._still_image._encode = counting("image", trainee.encoder.image.encode)
    items = [trainee.read(note) for note in notes]
    assert not trainee.light(items[1])
    first = trainee.embed(items)
    again = [trainee.read(note) for note in notes]
    assert trainee.light(again[1])
    torch.testing.assert_close(trainee.embed(again), first)
    assert seen == {"text": 4, "image": 5}  # the fifth picture is one of the third note's, in the same batch
    assert [trainee.cost(item) for item in items] == [1] * 5


def test_cost_counts_what_is_run_with_gradient(notes):
    trainee = TowersTrainee(CONFIGS["fused"], precision="float32")
    trainee.begin(("text", "image"))
    item = trainee.read(notes[2])
    words = len(item.text)
    patches = (32 // 8) ** 2
    assert trainee.cost(item) == words + 2 * patches == 32 + 32
    trainee.begin(("image",))
    assert trainee.cost(trainee.read(notes[2])) == 2 * patches


def test_heads_that_read_another_text_tower_are_left_out_of_what_is_saved(tmp_path):
    heads = {"seed": 0, "categories": ("a",)}
    config = TowersConfig(text=TEXT, heads=heads)
    for train, kept in ((("fusion",), True), (("text",), False)):
        trainee = TowersTrainee(config, precision="float32")
        trainee.begin(train)
        folder = tmp_path / train[0]
        folder.mkdir()
        assert (trainee.save(folder).heads is not None) == kept


def test_heads_that_are_kept_are_saved_with_the_rest(tmp_path):
    """The folder they were read from is that of the stage before, which is removed."""
    first, second = tmp_path / "first", tmp_path / "second"
    for folder in (first, second):
        folder.mkdir()
    config = TowersConfig(text=TEXT, heads={"seed": 0, "categories": ("a", "b")})
    before = NoteEncoder(config, "float32")
    trainee = TowersTrainee(before.save(first).located_in(first), precision="float32")
    trainee.begin(("fusion",))
    saved = trainee.save(second).located_in(second)
    rmtree(first)
    notes = [Note(title="Ramen in Kyoto"), Note(body="海边的红门")]
    assert load_encoder(saved, "float32").suggest_tags(notes) == before.suggest_tags(notes)


def test_what_cannot_be_trained_is_said():
    trainee = TowersTrainee(CONFIGS["descriptor"], precision="float32")
    with pytest.raises(TrainingError, match="no part image to train: this encoder has text, fusion"):
        trainee.begin(("image",))
    alone = TowersTrainee(CONFIGS["text alone"], precision="float32")
    with pytest.raises(TrainingError, match="no part fusion to train: this encoder has text"):
        alone.begin(("fusion",))
    with pytest.raises(TrainingError, match="lora changes the text tower"):
        trainee.begin(("fusion",), LoraConfig())
    with pytest.raises(TrainingError, match="minilm text tower writes nothing"):
        TowersTrainee(CONFIGS["descriptor"], hashtags=0.4, precision="float32").begin(("text",))
    with pytest.raises(NoteRejected):
        trainee.read(Note(title=" "))
