"""NoteLLM-2 against plain torch, transformers and open_clip; and what its vectors may depend on."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import combinations

import numpy as np
import pytest
import torch

from encoders import Encoder, Note, NoteImage, from_pretrained, load_encoder
from encoders.config import parse_config
from encoders.errors import EncoderError, NoteRejected, Reason
from encoders.images import ImageLimits
from encoders.notellm2 import encoder as encoder_module
from encoders.notellm2.config import NoteLLM2Config
from encoders.notellm2.encoder import NoteLLM2
from encoders.vision.config import OpenClipConfig, TimmConfig

TEXT, LOOK, BOTH, OTHER_LOOK, TWO_LOOKS, TURNED_LOOKS, LONG = range(7)


def test_it_is_an_encoder(notellm2, vectors, notes):
    wanted = {name for name in vars(Encoder) if not name.startswith("_")}
    assert [name for name in wanted if not hasattr(notellm2, name)] == []
    assert vectors.dtype == np.float32
    assert vectors.shape == (len(notes), notellm2.dim) == (7, 24)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert notellm2.blocks.sizes == (("note", 24),)
    assert notellm2.blocks.absent == 0


def test_golden_vectors(golden, notellm2, notes, vectors):
    stored = np.load(golden.GOLDEN)
    np.testing.assert_allclose(vectors, stored["whole"], atol=2e-5)
    np.testing.assert_allclose(
        notellm2.embed_visual([notellm2.prepare(note) for note in notes]), stored["visual"], atol=2e-5
    )
    # What is compared must differ from note to note, or anything would agree.
    assert np.abs(stored["whole"][:, None] - stored["whole"]).max(axis=2)[~np.eye(7, dtype=bool)].min() > 0.01


def test_the_reference_still_gives_the_golden_vectors(golden, models):
    stored, reference = np.load(golden.GOLDEN), golden.Reference(models)
    for i in (TEXT, TWO_LOOKS):
        visual, whole = reference(*golden.NOTES[i])
        np.testing.assert_allclose(whole, stored["whole"][i], atol=2e-5)
        np.testing.assert_allclose(visual, stored["visual"][i], atol=2e-5)


def test_encode_is_embed_of_prepare(notellm2, notes, vectors):
    np.testing.assert_allclose(notellm2.embed([notellm2.prepare(note) for note in notes]), vectors, atol=1e-6)


def test_company_and_order_change_nothing_beyond_rounding(notellm2, notes, vectors):
    for note, vector in zip(notes, vectors, strict=True):
        np.testing.assert_allclose(notellm2.encode([note])[0], vector, atol=3e-6)
    order = [3, 0, 6, 5, 1, 4, 2]
    np.testing.assert_allclose(notellm2.encode([notes[i] for i in order]), vectors[order], atol=3e-6)


@pytest.mark.parametrize("limits", [(2, 10_000, 1), (3, 60, 64)], ids=str)
def test_chunks_and_groups_change_nothing_beyond_rounding(notellm2, notes, vectors, monkeypatch, limits):
    chunk, tokens, pictures = limits
    monkeypatch.setattr("encoders.ahead.CHUNK", chunk)
    monkeypatch.setattr(encoder_module, "GROUP_TOKENS", tokens)
    monkeypatch.setattr(encoder_module, "GROUP_PICTURES", pictures)
    groups = list(notellm2._groups([notellm2.prepare(note) for note in notes]))
    assert sorted(i for group in groups for i in group) == list(range(7))
    assert len(groups) > 1
    np.testing.assert_allclose(notellm2.encode(notes), vectors, atol=3e-6)


def test_no_notes(notellm2):
    assert notellm2.encode([]).shape == notellm2.embed([]).shape == notellm2.embed_visual([]).shape == (0, 24)


def test_layouts_agree(notellm2, notes):
    prepared = [notellm2.prepare(note) for note in notes]
    plans = [notellm2.plan(one) for one in prepared]
    seen = encoder_module.look(notellm2.vision, prepared)
    with torch.no_grad():
        packed, left, right = (notellm2.module(plans, seen, layout) for layout in ("packed", "left", "right"))
    for other in (left, right):
        torch.testing.assert_close(other.whole, packed.whole, atol=1e-5, rtol=0)
        torch.testing.assert_close(other.visual, packed.visual, atol=1e-5, rtol=0)


def test_the_shared_instruction_is_the_same_as_running_it(notellm2, notes):
    """With gradients on, nothing is cached: the instruction runs with every note."""
    prepared = [notellm2.prepare(note) for note in notes]
    whole = notellm2.compress(prepared).whole
    assert whole.requires_grad
    with torch.no_grad():
        torch.testing.assert_close(notellm2.compress(prepared).whole, whole, atol=1e-5, rtol=0)


def test_the_visual_state_has_not_seen_the_text(notellm2, images):
    prepared = [notellm2.prepare(Note(title=title, images=images(1))) for title in ("", "Ramen", "A trail")]
    with torch.no_grad():
        compressed = notellm2.compress(prepared)
    torch.testing.assert_close(compressed.visual, compressed.visual[:1].expand(3, -1), atol=1e-5, rtol=0)
    assert (compressed.whole[1] - compressed.whole[2]).abs().max() > 0.01
    np.testing.assert_allclose(
        notellm2.embed_visual(prepared),
        torch.nn.functional.normalize(compressed.visual, dim=1).numpy(),
        atol=1e-5,
    )


def test_there_is_no_visual_state_without_a_picture(notellm2, notes):
    visual = notellm2.embed_visual([notellm2.prepare(note) for note in notes])
    assert not visual[TEXT].any()
    np.testing.assert_allclose(np.linalg.norm(visual[1:], axis=1), 1, atol=1e-5)


def test_a_text_does_not_depend_on_the_vision_tower(notellm2, notellm2_config, notes, vectors):
    blind = OpenClipConfig(model=notellm2_config.vision.model, seed=3)
    other = NoteLLM2(notellm2_config.model_copy(update={"vision": blind}), "float32").encode(notes)
    np.testing.assert_allclose(other[TEXT], vectors[TEXT], atol=1e-6)
    assert (np.abs(other - vectors).max(axis=1)[1:] > 0.005).all()


def test_pictures_count_and_so_does_their_order(vectors):
    assert np.abs(vectors[BOTH] - vectors[OTHER_LOOK]).max() > 0.01
    assert np.abs(vectors[BOTH] - vectors[TEXT]).max() > 0.01
    assert np.abs(vectors[TWO_LOOKS] - vectors[TURNED_LOOKS]).max() > 0.001


def test_pictures_beyond_the_limit_are_not_read(notellm2, images):
    broken = NoteImage.from_bytes(b"not a picture")
    four, five = Note(images=images(1, 2, 3, 4)), Note(images=(*images(1, 2, 3, 4), broken))
    assert len(notellm2.prepare(five).images) == 4
    np.testing.assert_array_equal(notellm2.encode([five]), notellm2.encode([four]))


def test_how_many_pictures_are_read_is_the_configurations(notellm2_config, images):
    single = NoteLLM2(notellm2_config.model_copy(update={"max_images": 1}), "float32")
    one, two = single.encode([Note(images=images(1)), Note(images=images(1, 2))])
    np.testing.assert_allclose(one, two, atol=1e-6)


def test_bfloat16_is_close(notellm2_config, notes, vectors):
    rounded = NoteLLM2(notellm2_config, "bfloat16").encode(notes)
    assert rounded.dtype == np.float32
    assert (rounded * vectors).sum(axis=1).min() >= 0.999


def test_a_cut_vector_is_the_beginning_of_the_whole(notellm2_config, notellm2, notes, vectors):
    cut = NoteLLM2(notellm2_config.model_copy(update={"dim": 10}), "float32")
    assert cut.dim == cut.blocks.dim == 10
    expected = vectors[:, :10] / np.linalg.norm(vectors[:, :10], axis=1, keepdims=True)
    np.testing.assert_allclose(cut.encode(notes), expected, atol=3e-6)
    assert cut.fingerprint != notellm2.fingerprint
    with pytest.raises(EncoderError, match="dim 25 is more than the 24"):
        NoteLLM2(notellm2_config.model_copy(update={"dim": 25}))


@pytest.mark.parametrize(
    "note",
    [
        Note(body="x" * 100_000),
        Note(body="味" * 100_000, title="🍜" * 3000),
        Note(title="مرحبا بالعالم", body="שלום \u202e reversed"),
        Note(title="👩‍👩‍👧‍👦 🇯🇵", tags=("🍜", " ")),
        Note(title='<IMG_EMB> [EMB] "}.', body="[EMB]"),
    ],
    ids=["endless word", "no spaces", "right to left", "emoji", "our own tokens"],
)
def test_hostile_texts(notellm2, images, note):
    notes = [note, note.model_copy(update={"images": images(1)})]
    vectors = notellm2.encode(notes)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert np.abs(vectors[0] - vectors[1]).max() > 0.01


def test_blank_fields_are_no_fields(notellm2, images):
    look = images(1)
    blank = Note(title=" ", body="\n", tags=("",), category="food", images=look)
    assert notellm2.prepare(blank).text == ()
    np.testing.assert_allclose(notellm2.encode([blank]), notellm2.encode([Note(images=look)]), atol=1e-6)


@pytest.mark.parametrize("note", [Note(), Note(title=" \n"), Note(category="food"), Note(tags=(" ",))], ids=repr)
def test_an_empty_note_is_refused(notellm2, note):
    with pytest.raises(NoteRejected) as caught:
        notellm2.encode([note])
    assert caught.value.reason is Reason.EMPTY_NOTE


@pytest.mark.parametrize("data", [b"not a picture", b""], ids=["text", "empty"])
def test_a_bad_picture_is_refused_with_its_reason(notellm2, data):
    with pytest.raises(NoteRejected) as caught:
        notellm2.encode([Note(title="fine"), Note(title="t", images=(NoteImage.from_bytes(data),))])
    assert caught.value.reason is Reason.NOT_AN_IMAGE


def test_the_limits_are_the_encoders(notellm2_config, images):
    small = NoteLLM2(notellm2_config, limits=ImageLimits(max_pixels=60))
    with pytest.raises(NoteRejected) as caught:
        small.encode([Note(images=images(1))])
    assert caught.value.reason is Reason.IMAGE_TOO_LARGE


@pytest.mark.parametrize("change", [{"max_images": 70}, {"visual_tokens": 100}, {"content_tokens": 400}], ids=str)
def test_a_context_too_short_is_refused_with_the_sizes(notellm2_config, change):
    update = {**change, "connector": None, "seed": 0}
    with pytest.raises(EncoderError, match=r"the model reads 512: \d+ are of pictures .*Lower max_images"):
        NoteLLM2(notellm2_config.model_copy(update=update))


def test_tiny(images):
    config = NoteLLM2Config(model="tiny", vision=OpenClipConfig(model="tiny", seed=0))
    assert parse_config(config.model_dump(mode="json")) == config
    one, same = load_encoder(config, "float32"), load_encoder(config.model_dump(mode="json"), "float32")
    assert isinstance(one, NoteLLM2)
    notes = [Note(title="Ramen"), Note(images=images(1)), Note(images=images(2))]
    vectors = one.encode(notes)
    np.testing.assert_array_equal(same.encode(notes), vectors)
    assert same.fingerprint == one.fingerprint
    assert np.abs(vectors[1] - vectors[2]).max() > 0.01
    other = load_encoder(config.model_copy(update={"seed": 1}), "float32")
    assert other.fingerprint != one.fingerprint
    assert np.abs(other.encode(notes) - vectors).max() > 0.01


@pytest.mark.parametrize("model", ["test_vit", "test_efficientnet"])
def test_a_timm_tower_and_a_narrower_resampler(model, images, tmp_path):
    vision = TimmConfig(model=model, seed=0)
    one = NoteLLM2(NoteLLM2Config(model="tiny", vision=vision, resampler_width=32, resampler_layers=1), "float32")
    assert one.module.bridge.connector.resampler.queries.shape == (16, 32)
    notes = [Note(images=images(1)), Note(title="A trail", images=images(1, 2)), Note(title="A trail")]
    vectors = one.encode(notes)
    one.save_pretrained(tmp_path / "e")
    opened = from_pretrained(tmp_path / "e", "float32")
    np.testing.assert_array_equal(opened.encode(notes), vectors)
    assert opened.fingerprint == one.fingerprint


def test_a_model_whose_positions_cannot_be_shifted(notellm2_config, stock_tokenizer, notes, tmp_path):
    """A GPT-2 counts positions by itself: no shared instruction, no packing, and the same promises."""
    from transformers import GPT2Config, GPT2LMHeadModel

    with torch.random.fork_rng():
        torch.manual_seed(6)
        model = GPT2LMHeadModel(GPT2Config(vocab_size=30_522, n_positions=512, n_embd=96, n_layer=2, n_head=4))
    model.save_pretrained(tmp_path)
    stock_tokenizer(tmp_path)
    encoder = NoteLLM2(notellm2_config.model_copy(update={"model": str(tmp_path)}), "float32")
    assert not encoder.module.backbone.rearranges
    together = encoder.encode(notes)
    np.testing.assert_allclose(together, np.concatenate([encoder.encode([note]) for note in notes]), atol=3e-6)
    assert np.abs(together[BOTH] - together[OTHER_LOOK]).max() > 0.001
    assert encoder.suggest_tags(notes[:2], 0, ("food", "home"))[1].category in ("food", "home")


def test_every_subset_of_fields_is_a_note(notellm2, images):
    """A category is what is asked for, not read; each other field, present or not, makes another vector."""
    values = {"title": "Ramen in Kyoto", "body": "Broth.", "tags": ("ramen",), "images": images(1)}
    subsets = [names for size in range(1, 5) for names in combinations(values, size)]
    notes = [Note(**{name: values[name] for name in names}) for names in subsets]
    vectors = notellm2.encode(notes)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    apart = np.abs(vectors[:, None] - vectors).max(axis=2)[~np.eye(len(subsets), dtype=bool)]
    assert apart.min() > 0.005
    labelled = notellm2.encode([note.model_copy(update={"category": "food"}) for note in notes])
    np.testing.assert_allclose(labelled, vectors, atol=1e-6)


def test_threads_may_share_it(notellm2, notes, vectors):
    with ThreadPoolExecutor(4) as pool:
        for found in pool.map(lambda _: notellm2.encode(notes), range(8)):
            np.testing.assert_allclose(found, vectors, atol=3e-6)
