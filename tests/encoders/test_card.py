"""The model card: valid front matter, figures as given, no markup from outside, and usage that runs as it stands."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import yaml
from huggingface_hub import ModelCard
from safetensors.numpy import load_file, save_file

from encoders import Note, NoteEncoder, TowersConfig, from_pretrained, load_encoder, resolve_config
from encoders.card import Card, _license_of_weights, write_card
from encoders.card_text import cell, escaped, number
from encoders.card_weights import parameters_of
from encoders.config import NoImageConfig, OpenClipConfig, OpenClipTextConfig, TransformerConfig
from encoders.folder import save_encoder
from encoders.text.config import MiniLMConfig
from encoders.text.stock import find_minilm

EVALUATION = {
    "movies, text": {"recall@50": 0.123456, "mrr": 0.5, "queries": 1200},
    "movies, image": {"recall@50": 0.01, "ndcg@10": float("nan")},
}
HOSTILE = "evil | cell\n---\nlicense: other\n# head <script>alert(1)</script> `x` [link](http://host) \u0007 \ud83d"


@pytest.fixture(scope="module")
def small(bert_folder, clip_folder) -> NoteEncoder:
    """A small encoder of two towers with weights."""
    text = TransformerConfig(model=str(bert_folder), max_tokens=64)
    return NoteEncoder(
        TowersConfig(text=text, image=OpenClipConfig(model=str(clip_folder)), image_share=0.4), "float32"
    )


def card_of(encoder, folder: Path, **told) -> str:
    folder.mkdir(exist_ok=True)
    write_card(encoder, folder, Card(**told))
    return (folder / "README.md").read_text(encoding="utf-8")


def front_matter(text: str) -> dict:
    return yaml.safe_load(text.split("---\n")[1])


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def test_front_matter_is_the_hubs(encoder, tmp_path):
    card_of(encoder, tmp_path, license="mit", datasets=("movies",), language=("en", "no"))
    data = ModelCard.load(tmp_path / "README.md").data
    assert data.license == "mit"
    assert data.library_name == "sentence-transformers"
    assert data.pipeline_tag == "feature-extraction"
    assert data.base_model == ["sentence-transformers/all-MiniLM-L6-v2"]
    assert data.datasets == ["movies"]
    assert data.language == ["en", "no"]
    assert {"notelens", "sentence-transformers", "multimodal"} <= set(data.tags)


def test_an_encoder_of_words_says_so(tmp_path):
    encoder = NoteEncoder(TowersConfig(image=NoImageConfig()), "float32")
    text = card_of(encoder, tmp_path)
    assert front_matter(text)["pipeline_tag"] == "sentence-similarity"
    assert "multimodal" not in front_matter(text)["tags"]
    assert "Image.new" not in text
    assert "(its words)" in text


def test_what_it_is(small, tmp_path):
    """Parameters are those in the files, and blocks those of the encoder."""
    small.save_pretrained(tmp_path / "encoder")
    text = (tmp_path / "encoder" / "README.md").read_text(encoding="utf-8")
    files = (tmp_path / "encoder" / "text").rglob("*.safetensors")
    in_text = sum(weight.size for file in files for weight in load_file(file).values() if weight.dtype.kind == "f")
    assert f"| text | {in_text:,} | F32 |" in text
    assert re.search(r"\| image \| [\d,]+ \| F32 \|", text)
    assert small.fingerprint in text
    assert f"one unit vector of {small.dim} numbers" in text
    for name, size in small.blocks.sizes:
        assert f"| {name} | {size} |" in text
    assert "The picture has 0.4 of a whole note's squared length." in text
    assert "A text is cut at its end after 64 tokens." in text
    assert "not trained on interactions" in text


def test_no_folder_of_the_machine_is_told(small, tmp_path, bert_folder, clip_folder):
    text = card_of(small, tmp_path)
    assert str(bert_folder.parent) not in text
    assert str(clip_folder.parent) not in text
    assert "bert (a local folder)" in text
    assert "base_model" not in front_matter(text)


def test_random_weights_are_told(tmp_path):
    text = card_of(load_encoder(resolve_config("notellm:tiny")), tmp_path)
    assert "some of its weights are random" in text
    assert "random weights" in text


def test_licences_of_base_weights(encoder, tmp_path):
    text = card_of(encoder, tmp_path, base_models={"some/model": "mit", "a private one": "all rights reserved"})
    assert front_matter(text)["base_model"] == ["sentence-transformers/all-MiniLM-L6-v2", "some/model"]
    assert "| sentence-transformers/all-MiniLM-L6-v2 | apache-2.0 |" in text
    assert "| some/model | mit |" in text
    assert "| a private one | all rights reserved |" in text


def test_the_base_is_known_after_saving_twice(encoder, tmp_path):
    encoder.save_pretrained(tmp_path / "once")
    from_pretrained(tmp_path / "once", "float32").save_pretrained(tmp_path / "twice")
    texts = [(tmp_path / name / "README.md").read_text() for name in ("once", "twice")]
    assert texts[0] == texts[1]
    assert "all-MiniLM-L6-v2 | apache-2.0" in texts[1]


def test_a_licence_that_is_no_identifier(encoder, tmp_path):
    told = front_matter(card_of(encoder, tmp_path, license="All rights reserved"))
    assert (told["license"], told["license_name"]) == ("other", "All rights reserved")


def test_a_licence_is_not_made_up(small, encoder, tmp_path, bert_folder):
    """Of weights from a folder nobody here knows the licence, whatever else is in the encoder."""
    folder = TransformerConfig(model=str(bert_folder))
    mixed = NoteEncoder(TowersConfig(text=TransformerConfig(model=str(bert_folder), seed=1)), "float32")
    partly = NoteEncoder(TowersConfig(text=folder, image=OpenClipConfig(model="tiny", seed=1)), "float32")
    for unknown in (small, partly):
        text = card_of(unknown, tmp_path, license=" ")
        assert not {"license", "license_name"} & set(front_matter(text))
        assert "| this encoder | not stated |" in text
    for known in (encoder, mixed):
        text = card_of(known, tmp_path)
        assert front_matter(text)["license"] == "apache-2.0"
        assert "| this encoder | apache-2.0 |" in text
    for told in ({"a/b": "mit"}, {"a/b": ""}):
        assert "license" not in front_matter(card_of(encoder, tmp_path, base_models=told))
    assert front_matter(card_of(small, tmp_path, license="mit"))["license"] == "mit"


def test_a_trained_encoder_has_no_licence_of_its_base(tmp_path):
    """Of other weights in the layout of the stock ones, only the one who made them knows the licence."""
    folder = tmp_path / "trained"
    shutil.copytree(find_minilm(), folder)
    state = load_file(folder / "model.safetensors")
    state["embeddings.word_embeddings.weight"] = state["embeddings.word_embeddings.weight"] + np.float32(0.001)
    save_file(state, folder / "model.safetensors")
    trained = NoteEncoder(TowersConfig(text=MiniLMConfig(folder=folder)), "float32")
    text = card_of(trained, tmp_path)
    assert "license" not in front_matter(text)
    assert "| this encoder | not stated |" in text


def test_random_weights_with_an_adapter_have_no_licence_of_ours():
    config = resolve_config("notellm:tiny")
    assert _license_of_weights(config, {}) == "apache-2.0"
    assert isinstance(config, TowersConfig)
    adapted = config.text.model_copy(update={"adapter": "owner/adapter"})
    assert _license_of_weights(config.model_copy(update={"text": adapted}), {}) == ""


def test_both_halves_of_a_clip_are_counted_once(tmp_path):
    """Each half keeps the whole model, so that open_clip opens it."""
    halves = TowersConfig(image=OpenClipConfig(model="tiny", seed=1), text=OpenClipTextConfig(model="tiny", seed=1))
    NoteEncoder(halves, "float32").save_pretrained(tmp_path / "encoder")
    (file,) = (tmp_path / "encoder" / "image").glob("*.safetensors")
    count = sum(weight.size for weight in load_file(file).values() if weight.dtype.kind == "f")
    text = (tmp_path / "encoder" / "README.md").read_text(encoding="utf-8")
    for part in ("image", "text", "all, what several parts keep a copy of counted once"):
        assert re.search(rf"\| {part} \| {count:,} \|", text), part


def test_files_of_one_size_that_differ_are_counted_both(tmp_path):
    for name, value in (("a", 0), ("b", 0), ("c", 1)):
        (tmp_path / name).mkdir()
        save_file({"w": np.full((2, 3), value, np.float32)}, tmp_path / name / "model.safetensors")
    assert parameters_of(tmp_path) == 12


def test_figures_with_four_digits(encoder, tmp_path):
    text = card_of(encoder, tmp_path, evaluation=EVALUATION, evaluated_on="a held-out week", data="clicks of May")
    table = text.split("On a held-out week:\n\n")[1].split("\n\n")[0].splitlines()
    assert table == [
        "| | recall@50 | mrr | queries | ndcg@10 |",
        "|---|---:|---:|---:|---:|",
        "| movies, text | 0.1235 | 0.5000 | 1,200 | – |",
        "| movies, image | 0.0100 | – | – | – |",
    ]
    assert "clicks of May" in text
    assert "not trained on interactions" not in text


def test_words_of_others_stay_words(encoder, tmp_path):
    text = card_of(
        encoder,
        tmp_path,
        license=HOSTILE,
        data=HOSTILE,
        evaluation={HOSTILE: {HOSTILE: 0.5}},
        evaluated_on=HOSTILE,
        base_models={HOSTILE: HOSTILE},
        datasets=(HOSTILE,),
        language=(HOSTILE,),
    )
    told = front_matter(text)
    assert told["license"] == "other"
    assert told["license_name"].startswith("evil | cell --- license: other")
    assert set(told) == set(front_matter(card_of(encoder, tmp_path, datasets=("a",), language=("en",)))) | {
        "license_name"
    }
    body = text.split("---\n", 2)[2]
    assert "<script>" not in body.replace(r"\<script\>", "")
    assert "\u0007" not in body
    assert [line for line in body.splitlines() if line == "---" or line.startswith("# ")] == ["# A notelens encoder"]
    for row in (line for line in body.splitlines() if line.startswith("| evil")):
        assert len(re.findall(r"(?<!\\)\|", row)) == 3


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("a|b", r"a\|b"),
        ("# head", r"\# head"),
        ("--- x", r"\--- x"),
        ("1. one", r"\1. one"),
        ("two\r\nlines\u2028three", "two lines three"),
        ("snake_case *b* `c`", r"snake\_case \*b\* \`c\`"),
        (r"back\slash", r"back\\slash"),
        ("京都 🍜", "京都 🍜"),
        ("\ud83d", "?"),
    ],
)
def test_escaping(given, shown):
    assert escaped(given) == shown


def test_cells_and_numbers():
    assert cell(" \n") == "–"
    assert [number(value) for value in (None, 0.00005, 12345, 1.0, float("nan"))] == [
        "–",
        "0.0001",
        "12,345",
        "1.0000",
        "–",
    ]


@pytest.mark.parametrize("kind", ["default", "small"])
def test_usage_runs_as_it_stands(kind, encoder, small, tmp_path, monkeypatch, capsys, unreached):
    """In the folder, as the card says; the numbers it prints are those of the encoder."""
    folder = tmp_path / "encoder"
    used = encoder if kind == "default" else small
    used.save_pretrained(folder)
    snippets = blocks((folder / "README.md").read_text(encoding="utf-8"), "python")
    assert len(snippets) == 3
    monkeypatch.chdir(folder)
    names: dict = {}
    printed = []
    for snippet in snippets:
        exec(compile(snippet, "README.md", "exec"), names)
        printed.append(capsys.readouterr().out)
    notes = [Note(title="Ramen in Kyoto", tags=("ramen", "kyoto")), Note(body="How to mend an engine")]
    query = used.blocks.as_query(used.encode([Note(body="a bowl of noodle soup")]))
    expected = query @ used.encode(notes).T
    for shown in printed[:2]:
        figures = [float(figure) for figure in re.findall(r"-?\d+\.\d+(?:e-?\d+)?", shown)]
        np.testing.assert_allclose(figures, expected[0], atol=2e-2)  # the card's runs in the machine's own precision
    assert printed[2].strip() == f"(2, {used.dim})"


def test_the_commands_run_as_they_stand(small, tmp_path, monkeypatch, picture):
    from typer.testing import CliRunner

    from app.cli import app

    folder, corpus = tmp_path / "encoder", tmp_path / "corpus"
    small.save_pretrained(folder)
    (corpus / "images").mkdir(parents=True)
    picture(1).save(corpus / "images" / "a.png")
    rows = [{"id": "a", "title": "noodle soup", "image": "a.png"}, {"id": "b", "title": "engine"}]
    (corpus / "notes.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (commands,) = blocks((folder / "README.md").read_text(encoding="utf-8"), "sh")
    monkeypatch.chdir(folder)
    for line in commands.strip().splitlines():
        words = re.findall(
            r'"([^"]*)"|(\S+)', line.replace("CORPUS", str(corpus)).replace("my.index", str(tmp_path / "i"))
        )
        arguments = [quoted or plain for quoted, plain in words]
        assert arguments[0] == "notelens"
        done = CliRunner().invoke(app, arguments[1:])
        assert done.exit_code == 0, done.output
    assert "a" in done.output


def test_a_card_goes_with_the_folder(small, tmp_path):
    save_encoder(small, tmp_path / "encoder", Card(evaluation=EVALUATION, license="cc-by-4.0"))
    assert "0.1235" in (tmp_path / "encoder" / "README.md").read_text(encoding="utf-8")
    assert from_pretrained(tmp_path / "encoder", "float32").fingerprint == small.fingerprint
