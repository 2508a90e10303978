"""What every subset of a note's fields does, as ARCHITECTURE.md says it."""

from __future__ import annotations

import json
from itertools import combinations

import numpy as np
import pytest

from encoders import Note, NoteEncoder, NoteImage, TowersConfig
from encoders.config import NoImageConfig, NoteLLMConfig, OpenClipConfig, OpenClipTextConfig
from encoders.errors import NoteRejected, Reason

FIELDS = ("title", "body", "tags", "category", "images")
SUBSETS = [subset for size in range(len(FIELDS) + 1) for subset in combinations(FIELDS, size)]


@pytest.fixture(scope="module")
def whole(picture, encoded):
    image = NoteImage.from_bytes(encoded(picture(4), "PNG"))
    return {
        "title": "Ramen",
        "body": "Broth for days.",
        "tags": ("kyoto", "soup"),
        "category": "Food",
        "images": (image,),
    }


@pytest.mark.parametrize("subset", SUBSETS, ids=lambda subset: "+".join(subset) or "nothing")
def test_every_subset(encoder, whole, subset):
    note = Note(**{field: whole[field] for field in subset})
    words = {"title", "body", "tags"} & set(subset)
    if not words and "images" not in subset:
        with pytest.raises(NoteRejected) as caught:
            encoder.encode([note])
        assert caught.value.reason == Reason.EMPTY_NOTE
        return
    vector = encoder.encode([note])[0]
    assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-5)
    # Text is read in the order title, category, tags, body; a category alone is a label.
    written = {"title": "Ramen", "category": "Food", "tags": "kyoto, soup", "body": "Broth for days."}
    text = (
        ". ".join(written[field] for field in ("title", "category", "tags", "body") if field in subset) if words else ""
    )
    np.testing.assert_allclose(vector[:384], np.sqrt(0.9) * encoder.text.encode([text])[0], atol=1e-5)
    # What is missing stands in a coordinate of its own, and the rest weighs as in a whole note.
    assert vector[-2] == pytest.approx(0 if words else np.sqrt(0.9), abs=1e-6)
    assert vector[-1] == pytest.approx(0 if "images" in subset else np.sqrt(0.1), abs=1e-6)
    assert np.linalg.norm(vector[384:-2]) == pytest.approx(np.sqrt(0.1) if "images" in subset else 0, abs=1e-5)


def test_without_an_image_tower_a_note_is_its_text(encoder, whole):
    words = NoteEncoder(TowersConfig(image=NoImageConfig()), "float32")
    assert words.blocks.sizes == (("text", 384),)
    with_picture, without = words.encode([Note(**whole), Note(**whole | {"images": ()})])
    np.testing.assert_allclose(with_picture, without, atol=1e-6)
    np.testing.assert_allclose(with_picture, encoder.encode([Note(**whole)])[0][:384] / np.sqrt(0.9), atol=1e-5)
    with pytest.raises(NoteRejected, match="only pictures"):
        words.encode([Note(images=whole["images"])])


@pytest.fixture(scope="module")
def others(clip_folder, tmp_path_factory):
    """A NoteLLM beside the descriptor, and a CLIP whose halves share a space."""
    folder = tmp_path_factory.mktemp("clip")
    described = json.loads((clip_folder / "open_clip_config.json").read_text())
    described["model_cfg"]["text_cfg"] |= {"vocab_size": 49_408, "context_length": 32}
    (folder / "open_clip_config.json").write_text(json.dumps(described))
    half = {"model": str(folder), "seed": 2}
    clip = TowersConfig(text=OpenClipTextConfig(**half), image=OpenClipConfig(**half), join="shared", image_share=0.5)
    return {
        "notellm": NoteEncoder(TowersConfig(text=NoteLLMConfig(model="tiny")), "float32"),
        "clip": NoteEncoder(clip, "float32"),
    }


@pytest.mark.parametrize("subset", SUBSETS, ids=lambda subset: "+".join(subset) or "nothing")
def test_every_subset_of_other_encoders(others, whole, subset):
    note = Note(**{field: whole[field] for field in subset})
    words = {"title", "body", "tags"} & set(subset)
    if not words and "images" not in subset:
        for encoder in others.values():
            with pytest.raises(NoteRejected, match="no title"):
                encoder.encode([note])
        return
    alone = note.model_copy(update={"images": ()})
    notellm, clip = others["notellm"], others["clip"]
    vector = notellm.encode([note])[0]
    assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-5)
    assert vector[-2] == pytest.approx(0 if words else np.sqrt(0.9), abs=1e-6)
    assert vector[-1] == pytest.approx(0 if "images" in subset else np.sqrt(0.1), abs=1e-6)
    if words:  # whatever the pictures, the words' block is the same
        np.testing.assert_allclose(vector[:128], notellm.encode([alone])[0][:128], atol=1e-5)
    text = clip.encode([alone])[0] if words else np.zeros(32, np.float32)
    look = clip.encode([Note(images=note.images)])[0] if note.images else np.zeros(32, np.float32)
    mixed = text + look
    np.testing.assert_allclose(clip.encode([note])[0], mixed / np.linalg.norm(mixed), atol=1e-5)
