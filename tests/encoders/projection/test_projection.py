"""Learnt maps on top of two towers: what they compute, where they stand, and that they are saved and refused."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from encoders.config import TowersConfig
from encoders.errors import EncoderError, WeightsError
from encoders.images import NoteImage
from encoders.load import from_pretrained
from encoders.note import Note
from encoders.note_encoder import NoteEncoder
from encoders.projection.config import ProjectionConfig
from encoders.projection.projection import WEIGHTS_FILE, BlockProjection, Projection
from encoders.vision.config import NoImageConfig

NOTES = [Note(title="Ramen in Kyoto", tags=("food",)), Note(body="How to mend an engine")]


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(3)


def unit(rows: int, dim: int) -> np.ndarray:
    found = np.random.default_rng(1).normal(size=(rows, dim)).astype(np.float32)
    return found / np.linalg.norm(found, axis=1, keepdims=True)


def test_a_map_is_the_linear_part_and_the_hidden_layer_by_hand():
    block = BlockProjection(3, 2, 2, generator())
    with torch.no_grad():
        block.linear.weight.copy_(torch.tensor([[1.0, 2.0, 0.0], [0.0, -1.0, 1.0]]))
        block.up.weight.copy_(torch.tensor([[1.0, 0.0, 0.0], [0.0, 0.0, 2.0]]))
        block.up.bias.copy_(torch.tensor([0.5, -1.0]))
        block.down.weight.copy_(torch.tensor([[2.0, 0.0], [1.0, 3.0]]))
    block.eval()
    x = (0.6, 0.0, 0.8)

    def gelu(value: float) -> float:
        return value * 0.5 * (1 + math.erf(value / math.sqrt(2)))

    first, second = gelu(0.6 * math.sqrt(3) + 0.5), gelu(2 * 0.8 * math.sqrt(3) - 1)
    wanted = [0.6 + 2 * 0 + 2 * first, 0.8 - 0 + first + 3 * second]
    rows = block(torch.tensor([x, (0.0, 0.0, 0.0)]))
    np.testing.assert_allclose(rows[0].tolist(), wanted, rtol=1e-6)
    assert rows[1].tolist() == [0.0, 0.0]


def test_untrained_it_changes_nothing_where_sizes_agree_and_no_angle_where_it_widens():
    rows = unit(5, 6)
    same = Projection(ProjectionConfig(seed=0), 6, 4)
    np.testing.assert_allclose(same.of_text(rows), rows, atol=1e-6)
    wider = Projection(ProjectionConfig(seed=0, text=9), 6, 4)
    mapped = wider.of_text(rows)
    assert mapped.shape == (5, 9)
    np.testing.assert_allclose(mapped @ mapped.T, rows @ rows.T, atol=1e-5)


@pytest.mark.parametrize(("mapped", "kept"), [("image", slice(0, 384)), ("text", slice(384, 564))])
def test_a_block_of_no_mapped_numbers_is_served_as_its_tower_gives_it(mapped, kept, picture, encoded, tmp_path):
    notes = [*NOTES, Note(title="red", images=(NoteImage.from_bytes(encoded(picture(1, (40, 30)), "PNG")),))]
    plain = NoteEncoder(precision="float32").encode(notes)
    other = "text" if mapped == "image" else "image"
    maps = ProjectionConfig(seed=0, hidden=8, **{other: 0, mapped: 16})
    encoder = NoteEncoder(TowersConfig(projection=maps), precision="float32")
    vectors = encoder.encode(notes)
    own = slice(0, 384) if mapped == "image" else slice(16, 196)
    np.testing.assert_array_equal(vectors[:, own], plain[:, kept])
    assert dict(encoder.blocks.sizes)[mapped] == 16
    encoder.save_pretrained(tmp_path / "encoder")
    np.testing.assert_array_equal(from_pretrained(tmp_path / "encoder", "float32").encode(notes), vectors)


def test_maps_of_nothing_are_no_maps(tmp_path):
    config = TowersConfig(image=NoImageConfig(), projection=ProjectionConfig(seed=0, text=0))
    encoder = NoteEncoder(config, precision="float32")
    assert encoder.projection is None
    assert encoder.fingerprint == NoteEncoder(TowersConfig(image=NoImageConfig()), precision="float32").fingerprint
    encoder.save_pretrained(tmp_path / "encoder")
    assert from_pretrained(tmp_path / "encoder", "float32").config.projection is None


def test_only_training_draws_numbers():
    block = BlockProjection(8, 8, 64, generator())
    torch.nn.init.normal_(block.down.weight)
    rows = torch.from_numpy(unit(4, 8))
    block.train()
    assert not torch.equal(block(rows), block(rows))
    block.eval()
    assert torch.equal(block(rows), block(rows))


def test_an_encoder_maps_before_it_joins_and_says_so_in_its_fingerprint():
    plain = NoteEncoder(precision="float32")
    config = TowersConfig(projection=ProjectionConfig(seed=0, text=64, hidden=16))
    mapped = NoteEncoder(config, precision="float32")
    assert dict(mapped.blocks.sizes) == {"text": 64, "image": 180}
    assert mapped.fingerprint != plain.fingerprint
    texts = plain.text.encode([mapped.prepare(note).text for note in NOTES])
    own = mapped.projection.text(torch.from_numpy(texts)).detach().numpy()
    own /= np.linalg.norm(own, axis=1, keepdims=True)
    vectors = mapped.encode(NOTES)
    np.testing.assert_allclose(vectors[:, :64], own * math.sqrt(0.9), atol=1e-6)
    np.testing.assert_allclose(vectors[:, -1], [math.sqrt(0.1)] * 2, atol=1e-6)  # the absent picture's mass
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)


def test_a_saved_encoder_opens_with_the_maps_it_was_saved_with(tmp_path):
    encoder = NoteEncoder(TowersConfig(projection=ProjectionConfig(seed=0, hidden=8)), precision="float32")
    with torch.no_grad():
        encoder.projection.text.down.weight.normal_(generator=generator())
    encoder.save_pretrained(tmp_path / "encoder")
    opened = from_pretrained(tmp_path / "encoder", precision="float32")
    np.testing.assert_array_equal(opened.encode(NOTES), encoder.encode(NOTES))
    assert opened.fingerprint == encoder.fingerprint
    assert "projection" in (tmp_path / "encoder" / "README.md").read_text()


def test_what_does_not_fit_is_refused_with_what_differs(tmp_path):
    Projection(ProjectionConfig(seed=0, hidden=8), 6, 4).save(tmp_path)
    with pytest.raises(EncoderError, match=r"image\.down\.weight is \(4, 8\) there, \(4, 16\) for"):
        Projection(ProjectionConfig(folder=str(tmp_path), hidden=16), 6, 4)
    with pytest.raises(EncoderError, match="neither a folder nor a seed"):
        Projection(ProjectionConfig(), 6, 4)
    (tmp_path / WEIGHTS_FILE).write_bytes(b"no weights")
    with pytest.raises(WeightsError, match=r"projection\.safetensors cannot be read"):
        Projection(ProjectionConfig(folder=str(tmp_path), hidden=8), 6, 4)
