"""Whatever goes wrong: a message that says what to do, the right exit code, nothing on stdout, no traceback."""

from __future__ import annotations

import json
import shutil

import pytest

BOTH = (1, 2)  # where runtime and usage may be argued about


@pytest.fixture
def places(shop, tmp_path, write_corpus):
    """Names that arguments below may use."""
    empty = tmp_path / "empty"
    empty.mkdir()
    full = tmp_path / "full"
    full.mkdir()
    (full / "thesis.txt").write_text("mine")
    two = write_corpus([{"id": "a", "title": "t"}], folder=tmp_path / "two")
    write_corpus([{"id": "a", "title": "t"}], "csv", folder=two)
    broken = tmp_path / "parquet"
    broken.mkdir()
    (broken / "notes.parquet").write_bytes(b"PAR1" + b"junk" * 100 + b"PAR1")
    damaged = tmp_path / "damaged"
    shutil.copytree(shop.index, damaged)
    (damaged / "index.json").write_text("{")
    folder_as_file = tmp_path / "folder-as-file"
    (folder_as_file / "notes.jsonl").mkdir(parents=True)
    (tmp_path / "bad.toml").write_text("[encoder\n")
    (tmp_path / "latin.toml").write_bytes(b"# caf\xe9\n")
    (tmp_path / "unknown.toml").write_text("[encoder]\nimage_shares = 0.1\n")
    (tmp_path / "share.toml").write_text("[encoder]\nimage_share = 0.5\n")
    (tmp_path / "note.json").write_text("{")
    (tmp_path / "list.json").write_text("[1]")
    (tmp_path / "deep.json").write_text("[" * 100_000)
    (tmp_path / "latin.json").write_bytes(b'{"title": "caf\xe9"}')
    (tmp_path / "blank.json").write_text('{"title": " "}')
    (tmp_path / "outside.json").write_text('{"title": "t", "image": "../x.png"}')
    (tmp_path / "half.json").write_text('{"title": "\\ud83d"}')
    (tmp_path / "text.png").write_text("no picture")
    return {
        "index": shop.index, "corpus": shop.corpus, "tmp": tmp_path, "empty": empty, "full": full, "two": two,
        "parquet": broken, "damaged": damaged, "dirfile": folder_as_file, "file": full / "thesis.txt",
    }  # fmt: skip


CASES = [
    ("query {tmp}/nowhere --id a", BOTH, "nowhere"),
    ("query {empty} --id a", (1,), "index.json"),
    ("query {file} --id a", BOTH, "thesis.txt"),
    ("query {damaged} --id a", (1,), "index.json"),
    ("query {index} --id nope", (1,), "nope"),
    ("query {index} --id ramen --id nope", (1,), "nope"),
    ("query {index}", (2,), "--text"),
    ("query {index} --text|  ", (2,), "--text"),
    ("query {index} --text|", (2,), "--text"),
    ("query {index} --id|", BOTH, ""),
    ("query {index} --unlike ramen", (2,), "--text"),
    ("query {index} --words ramen --unlike trail", (2,), "--unlike"),
    ("query {index} --id ramen --unlike nope", (1,), "nope"),
    ("query {index} --id ramen --weight like", (2,), "like, unlike"),
    ("query {index} --id ramen --weight likes=2", (2,), "like, unlike"),
    ("query {index} --id ramen --weight like=-1", (1,), "from 0 up"),
    ("query {index} --id ramen --weight like=nan", (1,), "from 0 up"),
    ("query {index} --id ramen --unlike ramen --weight unlike=1", (1,), "are the same"),
    ("export {index} --out {tmp}/v.npz --ranges {file}", (2,), "--precision int8"),
    ("export {index} --out {tmp}/v.npz --precision int8 --ranges {file}", (1,), "int8 export"),
    ("export {index} --out {tmp}/v.npz --precision int4", (2,), "int4"),
    ("query {index} --id ramen -k 0", (2,), "-k"),
    ("query {index} --id ramen -k -3", (2,), "-k"),
    ("query {index} --id ramen -k many", (2,), "-k"),
    ("query {index} --id ramen -k 1000000", (2,), "-k"),
    ("query {index} --image {tmp}/none.png", (2,), "none.png"),
    ("query {index} --image {tmp}/text.png", (1,), "text.png"),
    ("query {index} --image {full}", (2,), "full"),
    ("query {index} --note {tmp}/none.json", (2,), "none.json"),
    ("query {index} --note {tmp}/note.json", (1,), "note.json"),
    ("query {index} --note {tmp}/list.json", (1,), "list.json"),
    ("query {index} --note {tmp}/deep.json", (1,), "deep.json"),
    ("query {index} --note {tmp}/latin.json", (1,), "latin.json"),
    ("query {index} --note {tmp}/blank.json", (1,), "no title"),
    ("query {index} --note {tmp}/outside.json", (1,), "../x.png"),
    ("query {index} --note {tmp}/half.json", (1,), "UTF-8"),
    ("query {index} --text caf\udce9", BOTH, ""),
    ("query {index} --id caf\udce9", BOTH, ""),
    ("query {index} --wat", (2,), "--wat"),
    ("show {tmp}/nowhere a", BOTH, "nowhere"),
    ("show {empty} a", (1,), "index.json"),
    ("show {index} nope", (1,), "nope"),
    ("show {index} caf\udce9", BOTH, ""),
    ("show {index}", (2,), "ID"),
    ("info {tmp}/nowhere", BOTH, "nowhere"),
    ("info {empty}", (1,), "index.json"),
    ("info {damaged}", (1,), "index.json"),
    ("delete {empty} a", (1,), "index.json"),
    ("delete {index} nope", (1,), "nope"),
    ("delete {index} caf\udce9", BOTH, ""),
    ("export {empty} --out {tmp}/v.npz", (1,), "index.json"),
    ("export {index} --out {tmp}/none/v.npz", (1,), "v.npz"),
    ("export {index} --out {full}", (2,), "full"),
    ("check {tmp}/nowhere", BOTH, "nowhere"),
    ("check {empty}", (1,), "notes.jsonl"),
    ("check {two}", (1,), "several formats"),
    ("check {parquet}", (1,), "Parquet"),
    ("check {dirfile}", (1,), "notes.jsonl"),
    ("check {file}", (1,), ".jsonl"),
    ("check {corpus} --map plot", (2,), "body=plot"),
    ("check {corpus} --map wat=plot", (2,), "wat"),
    ("check {corpus} --rejected {tmp}/none/bad.jsonl", (1,), "bad.jsonl"),
    ("build {tmp}/nowhere --out {tmp}/i", BOTH, "nowhere"),
    ("build {empty} --out {tmp}/i", (1,), "notes.jsonl"),
    ("build {two} --out {tmp}/i", (1,), "several formats"),
    ("build {parquet} --out {tmp}/i", (1,), "Parquet"),
    ("build {dirfile} --out {tmp}/i", (1,), "notes.jsonl"),
    ("build {corpus}", (2,), "--out"),
    ("build {corpus} --out {full}", (1,), "full"),
    ("build {corpus} --out {file}", BOTH, "thesis.txt"),
    ("build {corpus} --out {file}/index", BOTH, ""),
    ("build {corpus} --out {damaged}", (1,), "index.json"),
    ("build {corpus} --out {tmp}/i --encoder nothing", BOTH, "minilm"),
    ("build {corpus} --out {tmp}/i --encoder {full}", BOTH, "config.json"),
    ("build {corpus} --out {tmp}/i --encoder open_clip:ViT-B-32:nothing", BOTH, "laion2b_s34b_b79k"),
    ("build {corpus} --out {tmp}/i --encoder open_clip:ViT-B-99:{file}", BOTH, ""),
    ("build {corpus} --out {tmp}/i --encoder open_clip:", BOTH, "open_clip:MODEL"),
    ("build {corpus} --out {tmp}/i --encoder timm:no-such-model:{file}", BOTH, "no-such-model"),
    ("build {corpus} --out {tmp}/i --encoder notellm:{tmp}/nowhere", BOTH, "nowhere"),
    ("build {corpus} --out {tmp}/i --encoder notellm:{full}", BOTH, "config.json"),
    ("build {corpus} --out {tmp}/i --encoder notellm2:tiny+minilm", BOTH, "open_clip:MODEL:WEIGHTS"),
    ("build {corpus} --out {tmp}/i --encoder transformer:{full}", BOTH, "config.json"),
    ("build {corpus} --out {tmp}/i --encoder st:{full}", BOTH, "full"),
    ("build {corpus} --out {tmp}/i --dim 2", (2,), "--dim"),
    ("build {corpus} --out {tmp}/i --dim 5000", (1,), "566"),
    ("build {corpus} --out {index} --dim 64", (1,), "encoder"),
    ("build {corpus} --out {tmp}/i --config {tmp}/none.toml", BOTH, "none.toml"),
    ("build {corpus} --out {tmp}/i --config {tmp}/bad.toml", BOTH, "bad.toml"),
    ("build {corpus} --out {tmp}/i --config {tmp}/latin.toml", BOTH, "latin.toml"),
    ("build {corpus} --out {tmp}/i --config {tmp}/unknown.toml", BOTH, "image_shares"),
    ("build {corpus} --out {index} --config {tmp}/share.toml", (1,), "encoder"),
    ("add {empty} {corpus}", (1,), "index.json"),
    ("add {index} {empty}", (1,), "notes.jsonl"),
    ("add {index} {corpus} --encoder minilm", (2,), "--encoder"),
    ("wat", (2,), "wat"),
]


@pytest.mark.parametrize(("line", "codes", "says"), CASES, ids=[case[0].replace("\udce9", "é") for case in CASES])
def test_a_mistake_is_a_message(here, places, line, codes, says):
    arguments = [part.format(**places) for word in line.split(" ") for part in word.split("|")]
    if "|" in line:  # an argument of blanks, which splitting at blanks would lose
        head, _, blank = line.partition("|")
        arguments = [*(part.format(**places) for part in head.split(" ")), blank]
    told = here(*arguments)
    assert "Traceback" not in told.err
    assert told.code in codes, told
    assert told.out == ""
    assert len(told.err.strip()) > 20
    assert says in "".join(told.err.split("\n")).replace("│", "").replace(" ", "") or says in told.err


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["info", "{tmp}/nowhere"], 2),
        (["show", "{index}", "nope"], 1),
        (["info", "{empty}"], 1),
        (["check", "{two}"], 1),
    ],
)
def test_the_same_from_a_child(notelens, places, words, code):
    told = notelens(*(word.format(**places) for word in words)).checked(code)
    assert told.out == ""


def test_a_failed_build_leaves_no_index_behind(here, places):
    here("build", places["parquet"], "--out", places["tmp"] / "i").checked(1)
    here("build", places["corpus"], "--out", places["tmp"] / "j", "--encoder", "nothing").checked(1)
    assert not (places["tmp"] / "j").exists()
    assert [path.name for path in places["full"].iterdir()] == ["thesis.txt"]


def test_an_encoder_folder_that_went_away(here, encoder, shop, tmp_path):
    encoder.save_pretrained(tmp_path / "encoder")
    here("build", shop.corpus, "--out", tmp_path / "i", "--encoder", tmp_path / "encoder").checked(0)
    here("query", tmp_path / "i", "--text", "ramen", "--json").checked(0)
    shutil.rmtree(tmp_path / "encoder")
    told = here("query", tmp_path / "i", "--text", "ramen").checked(1)
    assert str(tmp_path / "encoder") in told.err
    here("query", tmp_path / "i", "--id", "ramen").checked(0)


def test_an_encoder_folder_that_changed(here, encoder, shop, tmp_path):
    encoder.save_pretrained(tmp_path / "encoder")
    here("build", shop.corpus, "--out", tmp_path / "i", "--encoder", tmp_path / "encoder").checked(0)
    tokenizer = json.loads((tmp_path / "encoder" / "text" / "tokenizer.json").read_text())
    (tmp_path / "encoder" / "text" / "tokenizer.json").write_text(json.dumps(tokenizer, indent=3))
    told = here("query", tmp_path / "i", "--text", "ramen").checked(1)
    assert "built with encoder" in told.err
