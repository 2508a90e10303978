"""Encoder folders as models of sentence-transformers: the same vectors through both doors."""

from __future__ import annotations

import json
import shutil
import sys
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sentence_transformers import SentenceTransformer

from encoders import Note, NoteImage, TowersConfig, from_pretrained, load_encoder, resolve_config
from encoders.config import NoImageConfig, OpenClipConfig, OpenClipTextConfig, TransformerConfig
from encoders.errors import EncoderError, NoteRejected, Reason
from encoders.sentence_transformer.config import SentenceTransformerConfig
from encoders.sentence_transformer.module import open_folder

FLOAT32 = {"dtype": "float32"}


def opened(folder, **options) -> SentenceTransformer:
    return SentenceTransformer(
        str(folder), device="cpu", trust_remote_code=True, local_files_only=True, model_kwargs=FLOAT32, **options
    )


@pytest.fixture(scope="module")
def folders(encoder, bert_folder, clip_folder, clip_st, qwen_vl_st, tmp_path_factory) -> dict[str, Path]:
    """A saved encoder of each kind."""
    root = tmp_path_factory.mktemp("folders")
    text = TransformerConfig(model=str(bert_folder), max_tokens=64)
    clip = OpenClipConfig(model=str(clip_folder))
    # The same with the vocabulary of the tokenizer that open_clip brings.
    described = json.loads((clip_folder / "open_clip_config.json").read_text())
    described["model_cfg"]["text_cfg"]["vocab_size"] = 49_408
    (root / "whole").mkdir()
    (root / "whole" / "open_clip_config.json").write_text(json.dumps(described))
    whole = {"model": str(root / "whole"), "seed": 3}
    configs = {
        "minilm": lambda: encoder.config,
        "text alone": lambda: TowersConfig(text=text, image=NoImageConfig()),
        "blocks": lambda: TowersConfig(text=text, image=clip, image_share=0.4),
        "clip": lambda: TowersConfig(text=OpenClipTextConfig(**whole), image=OpenClipConfig(**whole), join="shared"),
        "notellm": lambda: resolve_config("notellm:tiny"),
        "notellm2": lambda: resolve_config("notellm2:tiny"),
        "st clip": lambda: SentenceTransformerConfig(model=str(clip_st)),
        "st both at once": lambda: SentenceTransformerConfig(model=str(qwen_vl_st)),
    }

    class Saved(dict):
        """Each is made when it is first asked for."""

        def __missing__(self, name: str) -> Path:
            load_encoder(configs[name](), "float32").save_pretrained(root / name)
            self[name] = root / name
            return self[name]

    return Saved()


KINDS = ["minilm", "text alone", "blocks", "clip", "notellm", "notellm2", "st clip", "st both at once"]


@pytest.fixture(scope="module")
def model(folders) -> SentenceTransformer:
    return opened(folders["minilm"])


@pytest.fixture(scope="module")
def inputs(picture, as_image):
    """What may be handed to the library, and the note that it is."""
    pictures = [picture(seed, (90 + 30 * seed, 120)) for seed in range(3)]
    images = [as_image(one) for one in pictures]
    words = ["ramen in Kyoto", "🍜 拉面", "How to mend an engine. " * 300]
    text = [(word, Note(body=word)) for word in words]
    text += [
        ({"text": "ramen"}, Note(body="ramen")),
        (
            {"title": "Ramen", "body": "", "tags": ["food", "京都"], "category": None},
            Note(title="Ramen", tags=("food", "京都")),
        ),
        ({"title": "Ramen", "body": "broth", "category": "Food"}, Note(title="Ramen", body="broth", category="Food")),
        (Note(title="Ramen"), Note(title="Ramen")),
        ({"role": "user", "content": "ramen"}, Note(body="ramen")),
    ]
    pictured = [
        (pictures[0], Note(images=images[:1])),
        (np.asarray(pictures[1]), Note(images=images[1:2])),
        ({"image": pictures[1]}, Note(images=images[1:2])),
        ({"text": "ramen", "image": pictures[2]}, Note(body="ramen", images=images[2:])),
        ({"title": "Ramen", "images": pictures, "tags": ["x"]}, Note(title="Ramen", images=images, tags=("x",))),
        ({"text": "ramen", "image": images[0].data}, Note(body="ramen", images=images[:1])),
        (
            [{"role": "user", "content": [{"type": "text", "text": "ramen"}, {"type": "image", "image": pictures[0]}]}],
            Note(body="ramen", images=images[:1]),
        ),
    ]
    return text, pictured


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_vectors(kind, folders, inputs, unreached):
    """In one batch of all kinds and in batches of three, queries without their absent coordinates."""
    text, pictured = inputs
    given, notes = zip(*(text if kind == "text alone" else text + pictured), strict=True)
    encoder, model = from_pretrained(folders[kind], "float32"), opened(folders[kind])
    expected = encoder.encode(notes)
    for batch in (32, 3):
        vectors = model.encode(list(given), batch_size=batch)
        assert vectors.dtype == np.float32
        assert vectors.shape == expected.shape == (len(notes), model.get_embedding_dimension())
        np.testing.assert_allclose(vectors, expected, atol=1e-5)
        np.testing.assert_allclose(model.encode_document(list(given), batch_size=batch), expected, atol=1e-5)
        queries = model.encode_query(list(given), batch_size=batch)
        np.testing.assert_allclose(queries, encoder.blocks.as_query(expected), atol=1e-5)
    assert model.max_seq_length is None
    assert model.similarity_fn_name == "cosine"


def test_similarity_is_that_of_a_search(model, encoder):
    """A query has no coordinates for what it lacks, so a note is as near as its words are, with or without picture."""
    notes = [Note(title="Ramen in Kyoto"), Note(title="Mend an engine")]
    queries = encoder.blocks.as_query(encoder.encode([Note(body="noodle soup")]))
    documents = model.encode([{"title": note.title} for note in notes])
    np.testing.assert_allclose(
        model.similarity(model.encode_query(["noodle soup"]), documents), queries @ encoder.encode(notes).T, atol=1e-5
    )


def test_one_input_alone(model, encoder, picture, as_image):
    assert model.encode("ramen").shape == (566,)
    np.testing.assert_allclose(model.encode("ramen"), encoder.encode([Note(body="ramen")])[0], atol=1e-6)
    image = picture(4)
    np.testing.assert_allclose(model.encode(image), encoder.encode([Note(images=(as_image(image),))])[0], atol=1e-6)
    assert model.encode({"title": "ramen"}, convert_to_tensor=True).shape == (566,)
    assert model.encode([]).shape == (0,)  # as the library has it


@pytest.mark.parametrize("kind", ["minilm", "st clip"])
def test_strings_are_words(kind, folders, picture, tmp_path, monkeypatch, unreached):
    """Also one that is the path of a picture: the library's own modules would open it."""
    path = tmp_path / "cat.png"
    picture(1).save(path)
    texts = [str(path), path.as_uri(), "https://host.example/x.jpg", "data:image/png;base64,iVBORw0KGgo="]
    encoder, model = from_pretrained(folders[kind], "float32"), opened(folders[kind])
    monkeypatch.setattr(Image, "open", lambda *_, **__: pytest.fail("a picture was opened"))
    expected = encoder.encode([Note(body=text) for text in texts])
    np.testing.assert_allclose(model.encode(texts), expected, atol=1e-5)
    np.testing.assert_allclose(model.encode([{"title": text} for text in texts]), expected, atol=1e-5)


def test_an_image_that_is_said_to_be_one(model, picture, tmp_path, encoder, unreached):
    """A path under "image" is opened, as it is named as one; an address is not."""
    path = tmp_path / "cat.png"
    picture(1).save(path)
    expected = encoder.encode([Note(images=(NoteImage.from_file(path),))])
    np.testing.assert_allclose(model.encode([{"image": str(path)}]), expected, atol=1e-6)
    np.testing.assert_allclose(model.encode([{"images": [path]}]), expected, atol=1e-6)
    for address in ("https://host.example/x.jpg", "file:///etc/hostname", "data:image/png;base64,AAAA", "//host/x.jpg"):
        with pytest.raises(NoteRejected, match="nothing is fetched") as refused:
            model.encode([{"text": "t", "image": address}])
        assert refused.value.reason == Reason.REMOTE_IMAGE
    with pytest.raises(NoteRejected) as missing:
        model.encode([{"image": str(tmp_path / "gone.png")}])
    assert missing.value.reason == Reason.MISSING_IMAGE


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "I;16", "CMYK", "HSV", "YCbCr"])
def test_pictures_of_every_mode(model, encoder, mode):
    """As their files are decoded: transparency on white, sixteen bits scaled to eight."""
    ramp = np.linspace(0, 255, 64 * 48).reshape(48, 64).astype(np.uint8)
    if mode == "I;16":
        picture, plain = Image.frombytes(mode, (64, 48), (ramp.astype("<u2") * 257).tobytes()), Image.fromarray(ramp)
    else:
        picture = plain = Image.fromarray(ramp).convert("RGB").convert(mode)
    expected = encoder.encode([Note(images=(NoteImage.from_bytes(_png(plain.convert("RGB"))),))])
    np.testing.assert_allclose(model.encode([picture]), expected, atol=1e-5)


def test_a_picture_turned_by_its_camera(model, encoder, picture, encoded):
    exif = Image.Exif()
    exif[0x0112] = 6
    data = encoded(picture(5), "PNG", exif=exif)
    expected = encoder.encode([Note(images=(NoteImage.from_bytes(data),))])
    with Image.open(BytesIO(data)) as turned:
        np.testing.assert_allclose(model.encode([turned]), expected, atol=1e-6)
    assert float(model.encode(picture(5)) @ expected[0]) < 0.9999


def _png(picture) -> bytes:
    buffer = BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()


def test_what_is_no_note(model):
    for value, fault in [
        ({"titel": "x"}, "no field titel"),
        ({"text": "a", "body": "b"}, "give one"),
        ({"title": 5}, "title: Input should be a valid string"),
        ({"image": 5}, "a int is no image"),
        (np.zeros((3, 4, 5), dtype=np.float32), "uint8"),
        ([{"role": "user", "content": [{"type": "audio", "audio": b""}]}], "not 'audio'"),
    ]:
        with pytest.raises(EncoderError, match=fault):
            model.encode([value])
    with pytest.raises(NoteRejected) as empty:
        model.encode(["ramen", " "])
    assert empty.value.reason == Reason.EMPTY_NOTE
    with pytest.raises(NoteRejected) as half:
        model.encode(["half \ud83d"])
    assert half.value.reason == Reason.INVALID_UTF8


def test_a_model_without_pictures_says_so(folders, picture):
    with pytest.raises(ValueError, match="'image' is not supported"):
        opened(folders["text alone"]).encode([picture(1)])


def test_prompts_go_before_the_words(model, encoder):
    prompted = model.encode(["ramen", {"title": "ramen", "body": "broth"}], prompt="query: ")
    notes = [Note(body="query: ramen"), Note(title="query: ramen", body="broth")]
    np.testing.assert_allclose(prompted, encoder.encode(notes), atol=1e-6)


@pytest.mark.parametrize("kind", ["blocks", "clip", "st clip"])
@pytest.mark.parametrize("dim", [16, 20])
def test_truncate_dim_is_dim(kind, dim, folders, inputs):
    given, notes = zip(*(inputs[0] + inputs[1]), strict=True)
    cut = from_pretrained(folders[kind], "float32", dim=dim)
    model = opened(folders[kind], truncate_dim=dim)
    assert model.get_embedding_dimension() == dim
    np.testing.assert_allclose(model.encode(list(given)), cut.encode(notes), atol=1e-5)
    np.testing.assert_allclose(model.encode_query(list(given)), cut.blocks.as_query(cut.encode(notes)), atol=1e-5)
    whole = opened(folders[kind])
    with whole.truncate_embeddings(dim):
        np.testing.assert_allclose(whole.encode(list(given)), cut.encode(notes), atol=1e-5)
    assert whole.encode(["ramen"]).shape[1] > dim


def test_truncated_to_nothing(folders):
    with pytest.raises(EncoderError, match="give 4 to"):
        opened(folders["blocks"], truncate_dim=3).encode(["ramen"])


@pytest.mark.parametrize("kind", ["blocks", "st clip"])
@pytest.mark.parametrize("card", [True, False])
def test_saved_by_the_library(kind, card, folders, tmp_path, inputs):
    """The new folder opens with the library and with notelens, checksums and all."""
    model = opened(folders[kind])
    model.save_pretrained(str(tmp_path / "again"), create_model_card=card)
    given, notes = zip(*(inputs[0] + inputs[1]), strict=True)
    expected = model.encode(list(given))
    np.testing.assert_allclose(opened(tmp_path / "again").encode(list(given)), expected, atol=1e-6)
    again = from_pretrained(tmp_path / "again", "float32")
    np.testing.assert_allclose(again.encode(notes), expected, atol=1e-5)
    assert again.fingerprint == from_pretrained(folders[kind], "float32").fingerprint
    assert (tmp_path / "again" / "README.md").read_text() == (folders[kind] / "README.md").read_text()


def test_saving_what_is_more_than_the_encoder(folders, tmp_path):
    from sentence_transformers.sentence_transformer.modules import Normalize

    model = opened(folders["blocks"])
    model.append(Normalize())
    with pytest.raises(EncoderError, match="saved alone"):
        model.save_pretrained(str(tmp_path / "more"))


def test_saved_onto_itself(folders, tmp_path):
    """The library writes its settings anew; the rest stays, and the checksums are of what is there."""
    shutil.copytree(folders["blocks"], tmp_path / "encoder")
    model = opened(tmp_path / "encoder")
    model.prompts["query"] = "q: "
    model.save_pretrained(str(tmp_path / "encoder"))
    again = opened(tmp_path / "encoder")
    assert again.prompts["query"] == "q: "
    np.testing.assert_array_equal(again.encode(["ramen"]), model.encode(["ramen"]))


def test_threads(model, encoder, picture, as_image):
    image = picture(2)
    notes = [Note(body=f"note {i}", images=(as_image(image),) if i % 3 else ()) for i in range(24)]
    given = [{"text": note.body, "image": image} if note.images else note.body for note in notes]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(model.encode, given))
    np.testing.assert_allclose(np.stack(together), encoder.encode(notes), atol=1e-5)


@pytest.mark.parametrize("dim", [None, 20])
def test_worker_processes_are_handed_a_pickle(folders, inputs, dim):
    import pickle

    model = opened(folders["blocks"], truncate_dim=dim)
    again = pickle.loads(pickle.dumps(model))
    given = [value for value, _ in inputs[0] + inputs[1]]
    np.testing.assert_array_equal(again.encode(given), model.encode(given))


def test_number_formats(folders):
    assert opened(folders["blocks"])[0].precision == "float32"
    options = {"trust_remote_code": True, "local_files_only": True, "device": "cpu"}
    model = SentenceTransformer(str(folders["blocks"]), model_kwargs={"torch_dtype": "bfloat16"}, **options)
    assert model[0].precision == "bfloat16"
    with pytest.raises(EncoderError, match="not float16"):
        SentenceTransformer(str(folders["blocks"]), model_kwargs={"dtype": "float16"}, **options)


def test_the_flag_is_named_where_it_lacks(folders):
    with pytest.raises(ValueError, match="trust_remote_code=True"):
        SentenceTransformer(str(folders["blocks"]), device="cpu", local_files_only=True)


def test_the_folder_holds_no_code_and_runs_none(folders, tmp_path):
    """With the flag as without: a Python file put into the folder is not what is imported."""
    folder = tmp_path / "encoder"
    shutil.copytree(folders["blocks"], folder)
    assert not list(folder.rglob("*.py"))
    for name in ("encoders.py", "note_module.py", "NoteModule.py"):
        (folder / name).write_text("raise SystemExit('ran')")
    np.testing.assert_array_equal(opened(folder).encode("ramen"), opened(folders["blocks"]).encode("ramen"))
    assert not [name for name in sys.modules if name.startswith("transformers_modules")]


def test_our_own_door_needs_no_flag(folders, encoder, tmp_path):
    model = open_folder(folders["minilm"], "float32")
    np.testing.assert_allclose(model.encode(["ramen"]), encoder.encode([Note(body="ramen")]), atol=1e-6)
    assert open_folder(folders["minilm"], dim=64).encode("ramen").shape == (64,)
    shutil.copytree(folders["blocks"], tmp_path / "other")
    modules = json.loads((tmp_path / "other" / "modules.json").read_text())
    modules[0]["type"] = "os.path.join"
    (tmp_path / "other" / "modules.json").write_text(json.dumps(modules))
    with pytest.raises(EncoderError, match=r"names \['os\.path\.join'\]"):
        open_folder(tmp_path / "other")
    with pytest.raises(EncoderError, match=r"modules\.json cannot be read"):
        open_folder(tmp_path)


def test_a_damaged_folder_is_refused(folders, tmp_path):
    shutil.copytree(folders["blocks"], tmp_path / "encoder")
    weights = tmp_path / "encoder" / "text" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\0\0")
    with pytest.raises(EncoderError, match="not the file that was saved"):
        opened(tmp_path / "encoder")


def test_saving_imports_neither_library(tmp_path):
    """A saved encoder opens with sentence-transformers, but saving must not need it."""
    import subprocess

    code = (
        "import sys; from pathlib import Path; from encoders.sentence_transformer.module import write_modules; "
        f"write_modules(Path({str(tmp_path)!r})); "
        "print([name for name in ('torch', 'transformers', 'sentence_transformers') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
    assert {path.name for path in tmp_path.iterdir()} == {"modules.json", "config_sentence_transformers.json"}
