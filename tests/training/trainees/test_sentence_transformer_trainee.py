"""Multimodal models of sentence-transformers as trainees against their encoder."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

from encoders import Note, NoteImage
from encoders.load import load_encoder
from encoders.sentence_transformer.config import SentenceTransformerConfig
from encoders.sentence_transformer.encoder import SentenceTransformerEncoder
from training.errors import TrainingError
from training.recipes.config import LoraConfig
from training.trainees.sentence_transformer import SentenceTransformerTrainee


@pytest.fixture(scope="module")
def folders(st_models, tmp_path_factory):
    folder = tmp_path_factory.mktemp("multimodal")
    made = {}
    for name, write in (("clip", st_models.write_clip), ("qwen_vl", st_models.write_qwen_vl)):
        write(folder / f"{name}-plain")
        made[name] = st_models.as_sentence_transformer(folder / f"{name}-plain", folder / name)
    return made


@pytest.fixture(scope="module")
def notes(texts, drawings, encoded):
    images = [NoteImage.from_bytes(encoded(one, "PNG")) for one in drawings]
    return [
        texts[0].model_copy(update={"images": (images[0],)}),
        texts[1],
        Note(images=(images[1], images[2])),
        texts[4].model_copy(update={"images": (images[3], images[4])}),
        texts[5],
        Note(title="上海", images=(images[5],)),
    ]


@pytest.mark.parametrize(("kind", "low_rank"), [("clip", False), ("qwen_vl", True)])
def test_rows_gradients_steps_and_what_is_saved(kind, low_rank, folders, notes, held, tmp_path):
    config = SentenceTransformerConfig(model=str(folders[kind]), image_share=0.3, dim=12)
    trainee = SentenceTransformerTrainee(config)
    with ThreadPoolExecutor(4) as pool:
        items = list(pool.map(trainee.read, notes))
    rows = trainee.module(items)
    assert [(one.name, one.start, one.stop) for one in trainee.views] == [("note", 0, 12)]
    np.testing.assert_allclose(held.unit(rows), SentenceTransformerEncoder(config, "float32").encode(notes), atol=1e-5)
    with torch.autocast("cpu", torch.bfloat16):
        assert trainee.embed(items).dtype == torch.float32
    trainee.begin(("model",), LoraConfig(rank=4) if low_rank else None)
    torch.testing.assert_close(trainee.embed(items), rows, rtol=0, atol=1e-6)
    if low_rank:
        assert all("lora_" in name for name, w in trainee.module.named_parameters() if w.requires_grad)
    trainee.module.train()
    before, after = held.learns(trainee.module, lambda: trainee.embed(items), lr=0.3 if low_rank else 0.1)
    assert after < before - 0.01
    trainee.module.eval()
    held.gradients_reach(trainee.module, trainee.embed(items))
    trained = held.unit(trainee.embed(items))
    assert abs(trained - held.unit(rows)).max() > 1e-3
    saved = load_encoder(trainee.save(tmp_path).located_in(tmp_path), precision="float32")
    np.testing.assert_allclose(saved.encode(notes), trained, atol=1e-5)
    trainee.begin(())
    assert not trainee.embed(items).requires_grad


def test_weights_that_reach_no_vector_are_never_trained(folders):
    trainee = SentenceTransformerTrainee(SentenceTransformerConfig(model=str(folders["clip"])))
    assert not any("logit_scale" in name for name, _ in trainee.module.named_parameters())
    assert any("logit_scale" in name for name in trainee.module.state_dict())
    with pytest.raises(TrainingError, match="no part text"):
        trainee.begin(("text",))


def test_a_text_that_is_read_with_every_picture_costs_with_every_picture(folders, notes):
    apart, together = (
        SentenceTransformerTrainee(SentenceTransformerConfig(model=str(folders[kind]))) for kind in ("clip", "qwen_vl")
    )
    words, pictures, both = (
        Note(title="x" * 40),
        Note(images=notes[3].images),
        Note(title="x" * 40, images=notes[3].images),
    )
    # 40 bytes are about 10 tokens, and two for the ends; CLIP's pictures come to 32 × 32 pixels, 4 × 16 × 16.
    assert [apart.cost(apart.read(note)) for note in (words, pictures, both)] == [12, 8, 20]
    costs = [together.cost(together.read(note)) for note in (words, pictures, both)]
    assert costs[2] == 2 * costs[0] + costs[1]
