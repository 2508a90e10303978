"""`notelens import` from arguments to exit codes, and the corpus it makes through `notelens check`."""

import json

import pytest
import typer
from typer.testing import CliRunner

from app.cli import app as whole
from app.commands.importing import import_corpus
from app.errors import known_errors
from app.importers.errors import ImportFailed
from app.importers.layouts import LAYOUTS

app = typer.Typer()
app.command()(import_corpus)


@pytest.fixture
def run():
    return lambda *arguments: CliRunner().invoke(app, list(map(str, arguments)), terminal_width=200)


def test_a_good_import_says_what_it_made(tmp_path, files, run, picture):
    source = files({"movies.csv": "movieId,title,genres\n1,京都 (1999),Drama\n2,B (2000),War\n"})
    (source / "ratings.csv").write_text("userId,movieId,rating,timestamp\n7,1,4.0,964982703\n7,3,4.0,964982703\n")
    (tmp_path / "covers").mkdir()
    picture(1).save(tmp_path / "covers" / "1.png")
    out = tmp_path / "corpus"
    done = run("movielens", source, "--out", out, "--images", tmp_path / "covers", "--json")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout) == {
        "corpus": str(out),
        "notes": 2,
        "notes without picture": 1,
        "pictures": 1,
        "pictures not found": 0,
        "interactions": 1,
        "interactions on unknown notes": 1,
        "bad rows": {},
    }
    assert "ratings.csv" in done.stderr
    assert sorted(path.name for path in out.iterdir()) == ["images", "interactions.parquet", "notes.jsonl"]
    checked = CliRunner().invoke(whole, ["check", str(out), "--json"])
    assert checked.exit_code == 0, checked.output
    facts = json.loads(checked.stdout)
    assert facts["interactions"]["interactions.parquet"]["events"] == 1


def test_bad_rows_exit_3_and_a_table_is_shown(tmp_path, files, run):
    source = files({"n.csv": "id,name\n1,a\n1,b\n2,c\n", "e.csv": "who,item\nu,1\n,1\n"})
    arguments = ["csv", source / "n.csv", "--interactions", source / "e.csv", "--map", "title=name"]
    done = run(*arguments, "--map-interactions", "user=who", "--out", tmp_path / "c", "--limit", 2)
    assert done.exit_code == 3, done.output
    assert "duplicate id" in done.stdout
    assert "2 rows were bad" in done.stderr
    assert len((tmp_path / "c" / "rejected.jsonl").read_text().splitlines()) == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["netflix"], "'netflix' is none of csv, movielens"),
        (["movielens", "--map", "title=name"], "--map and --interactions go with csv alone"),
        (["csv", "--map", "name=title"], "is not FIELD=COLUMN"),
        (["csv", "--map-interactions", "who=user"], "is not ROLE=COLUMN"),
        (["csv", "--limit", "0"], "than or equal to 1"),
        (["csv", "--images", "{tmp}/nowhere"], "nowhere"),
    ],
)
def test_wrong_use_exits_2(tmp_path, files, run, arguments, message):
    source = files({"notes.csv": "id,title\n1,a\n"})
    layout, *options = (part.format(tmp=tmp_path) for part in arguments)
    done = run(layout, source, "--out", tmp_path / "c", *options)
    assert done.exit_code == 2, done.output
    # Long paths are wrapped wherever the box ends.
    assert "".join(message.split()) in "".join(done.output.replace("│", " ").split())
    assert not (tmp_path / "c").exists()


def test_what_cannot_be_imported_is_an_error_written_for_the_user(tmp_path, files, run):
    done = run("movielens", files({"x.csv": "a\n"}), "--out", tmp_path / "c")
    assert isinstance(done.exception, ImportFailed)
    assert isinstance(done.exception, known_errors())
    assert not (tmp_path / "c").exists()


def test_help_names_every_layout_and_its_files(run):
    shown = run("--help").output
    for name in LAYOUTS:
        assert f"{name}:" in shown
    for file in ("movies.csv", "u.item", "meta_*.jsonl", "_pairs.csv", "recommendation_train", "user_ratings*.csv"):
        assert file in shown
