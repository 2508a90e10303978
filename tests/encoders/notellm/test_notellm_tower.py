"""The NoteLLM tower against golden vectors and plain transformers, and against itself saved, rounded and trained."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from shutil import copytree

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from encoders.config import TowersConfig
from encoders.errors import WeightsError
from encoders.load import from_pretrained, resolve_config
from encoders.note import Note
from encoders.note_encoder import NoteEncoder
from encoders.notellm.config import NoteLLMConfig
from encoders.notellm.template import EMB
from encoders.notellm.tower import NoteLLM
from encoders.vision.config import NoImageConfig

GOLDEN = Path(__file__).parents[1] / "golden" / "notellm.npz"
# As in make_notellm.py, but for the last body: here it is longer than what is read.
GOLDEN_NOTES = [
    Note(title="Ramen in Kyoto", tags=("ramen", "京都"), body="Broth, noodles, an egg."),
    Note(body="only a body"),
    Note(title="A trail"),
    Note(tags=("hiking", "trail running")),
    Note(title="Мой сад مرحبا 🍜", body="the [EMB] of a cat: don't worry"),
    Note(title="the old garden", tags=("garden",), body="the old garden by the water " * 2000),
]


def encode(tower, notes):
    return tower.encode([tower.read(note, ("title",)) for note in notes])


@pytest.fixture(scope="module")
def golden_folder(tmp_path_factory, qwen_folder):
    folder = tmp_path_factory.mktemp("golden") / "model"
    copytree(qwen_folder, folder)
    with np.load(GOLDEN) as golden:
        save_file({"weight": torch.from_numpy(golden["projection"])}, folder / "projection.safetensors")
    return folder


def test_golden_vectors(golden_folder):
    tower = NoteLLM(NoteLLMConfig(model=str(golden_folder), project=16), "float32")
    with np.load(GOLDEN) as golden:
        np.testing.assert_allclose(encode(tower, GOLDEN_NOTES), golden["vectors"], atol=1e-5)


@pytest.mark.parametrize("kind", ["qwen", "llama"])
def test_the_embedding_is_the_state_before_emb(kind, qwen_folder, llama_folder, notes):
    from transformers import AutoModelForCausalLM

    folder = {"qwen": qwen_folder, "llama": llama_folder}[kind]
    tower = NoteLLM(NoteLLMConfig(model=str(folder), project=24, seed=None), "float32")
    model = AutoModelForCausalLM.from_pretrained(folder)
    model.resize_token_embeddings(30_523, mean_resizing=False)
    projection = tower.module.projection.weight.detach().double().numpy()
    found = encode(tower, notes)
    for i, note in enumerate(notes):
        prompt = [*tower.template.instruction(), *tower.read(note), *tower.template.guidance()]
        at = prompt.index(tower.backbone.vocabulary.id(EMB)) - 1
        with torch.no_grad():
            states = model(torch.tensor([prompt]), output_hidden_states=True).hidden_states[-1][0]
        vector = projection @ states[at].double().numpy()
        np.testing.assert_allclose(found[i], vector / np.linalg.norm(vector), atol=1e-5)


def test_company_and_order_change_nothing_beyond_rounding(tiny, notes):
    together = encode(tiny, notes)
    np.testing.assert_allclose(np.linalg.norm(together, axis=1), 1, atol=1e-5)
    for i, note in enumerate(notes):
        np.testing.assert_allclose(encode(tiny, [note])[0], together[i], atol=2e-6)
    np.testing.assert_allclose(encode(tiny, notes[::-1]), together[::-1], atol=2e-6)


def test_notes_without_text_are_zero_rows(tiny):
    assert tiny.read(Note()) == ()
    assert tiny.encode([]).shape == (0, 128)
    found = encode(tiny, [Note(), Note(title="a"), Note(body=" ")])
    assert not found[[0, 2]].any()
    assert np.linalg.norm(found[1]) == pytest.approx(1, abs=1e-6)


def test_every_field_is_read(tiny):
    base, *others = encode(
        tiny,
        [
            Note(title="a trail", body="by the sea", tags=("walk",)),
            Note(title="a train", body="by the sea", tags=("walk",)),
            Note(title="a trail", body="by the lake", tags=("walk",)),
            Note(title="a trail", body="by the sea", tags=("run",)),
        ],
    )
    assert all(float(base @ other) < 0.9999 for other in others)


def test_bfloat16_is_close_and_has_the_same_identity(tiny, notes):
    rounded = NoteLLM(NoteLLMConfig(model="tiny"), "bfloat16")
    assert rounded.backbone.causal.get_input_embeddings().weight.dtype == torch.bfloat16
    assert (encode(rounded, notes) * encode(tiny, notes)).sum(axis=1).min() >= 0.999
    assert rounded.identity() == tiny.identity()


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_saved_tower_gives_the_same_vectors(tmp_path, tiny, notes, precision):
    tower = NoteLLM(NoteLLMConfig(model="tiny"), precision)
    tower.save(tmp_path / "text")
    config = tower.config.saved_as("text").located_in(tmp_path)
    assert config.seed is None
    again = NoteLLM(config, precision)
    assert again.identity() == tiny.identity()
    np.testing.assert_array_equal(encode(again, notes), encode(tower, notes))
    np.testing.assert_allclose(encode(NoteLLM(config, "float32"), notes), encode(tiny, notes), atol=1e-6)
    assert not list((tmp_path / "text").glob("*.bin"))


def test_through_a_note_encoder_and_its_folder(tmp_path, notes):
    config = resolve_config("notellm:tiny", TowersConfig(image=NoImageConfig()))
    encoder = NoteEncoder(config, "float32")
    encoder.save_pretrained(tmp_path / "encoder")
    again = from_pretrained(tmp_path / "encoder", "float32")
    assert again.fingerprint == encoder.fingerprint
    np.testing.assert_allclose(again.encode(notes), encoder.encode(notes), atol=1e-6)
    assert again.suggest_tags(notes[:2], 2, ["food", "travel"]) == encoder.suggest_tags(
        notes[:2], 2, ["food", "travel"]
    )


def test_identity_tells_models_and_settings_apart(tiny, qwen_folder):
    identities = [tiny.identity()]
    for config in (
        NoteLLMConfig(model="tiny", seed=1),
        NoteLLMConfig(model="tiny", project=64),
        NoteLLMConfig(model="tiny", content_tokens=81),
        NoteLLMConfig(model=str(qwen_folder)),
    ):
        identity = NoteLLM(config, "float32").identity()
        assert identity not in identities
        identities.append(identity)
    assert NoteLLM(NoteLLMConfig(model="tiny", seed=0), "float32").identity() == tiny.identity()


def test_training_renews_vectors_prefix_identity_and_what_is_saved(tmp_path, notes):
    tower = NoteLLM(NoteLLMConfig(model="tiny"), "float32")
    before, identity = encode(tower, notes), tower.identity()
    optimizer = torch.optim.SGD(tower.module.parameters(), lr=0.5)
    full = [torch.tensor([*tower.template.instruction(), *tower.read(note)]) for note in notes]
    vectors = tower.module(full)
    np.testing.assert_allclose(torch.nn.functional.normalize(vectors, dim=1).detach(), before, atol=2e-6)
    # The prefix given with gradients is run again, so its tokens get theirs.
    behind = tower.module([torch.tensor(tower.read(note)) for note in notes], tower.prefix("category"))
    torch.testing.assert_close(behind, vectors, atol=2e-5, rtol=0)
    (vectors**2).mean().backward()
    assert all(weight.grad is not None for weight in tower.module.parameters())
    optimizer.step()
    after = encode(tower, notes)
    assert np.abs(after - before).max() > 1e-3
    expected = torch.nn.functional.normalize(tower.module(full), dim=1).detach().numpy()
    np.testing.assert_allclose(after, expected, atol=2e-6)
    assert tower.identity() != identity
    tower.save(tmp_path / "trained")
    again = NoteLLM(tower.config.saved_as("trained").located_in(tmp_path), "float32")
    assert again.identity() == tower.identity()
    np.testing.assert_array_equal(encode(again, notes), after)


def test_the_instruction_is_run_once(notes):
    tower = NoteLLM(NoteLLMConfig(model="tiny"), "float32")
    widths = []
    tower.backbone.decoder.register_forward_pre_hook(
        lambda _, args, kwargs: widths.append(kwargs["input_ids"].shape[1]), with_kwargs=True
    )
    instruction, opening = len(tower.template.instruction()), len(tower.template.opening)
    note = Note(title="a garden", body="a door")
    encode(tower, [note])
    encode(tower, [note])
    rest = len(tower.read(note)) - opening
    assert widths == [instruction + opening, rest, rest]


def test_threads(tiny, notes):
    expected = encode(tiny, notes)
    fresh = NoteLLM(NoteLLMConfig(model="tiny"), "float32")
    with ThreadPoolExecutor(4) as pool:
        for found in pool.map(lambda _: encode(fresh, notes), range(8)):
            np.testing.assert_allclose(found, expected, atol=2e-6)


def test_a_projection_of_another_shape(golden_folder):
    with pytest.raises(WeightsError, match=r"holds .*\(16, 64\).*, wanted .*\(32, 64\).*: set project"):
        NoteLLM(NoteLLMConfig(model=str(golden_folder), project=32), "float32")
