"""What people read: tables with a note's text as it is, on stdout; everything else on stderr."""

from __future__ import annotations

import json

import pytest


def test_markup_in_a_note_is_printed_literally(here, shop):
    table = here("query", shop.index, "--id", "noodles", "-k", 10).checked().out
    assert "[red]marked[/red]" in table
    assert "[red]x[/red] and [/] and [bold]" in " ".join(table.split())
    assert "[i]c" in table
    shown = here("show", shop.index, "[red]marked[/red]").checked().out
    for part in ("[red]marked[/red]", "[red]x[/red] and [/] and [bold]", "[b]t[/b]", "[i]c"):
        assert part in shown


def test_markup_in_names_and_paths_is_printed_literally(here, write_corpus, tmp_path):
    rows = [{"id": "a", "title": "t", "category": "[/red]", "lang": "[red]en[/red]", "[/x] [b]column[/b]": "y"}]
    folder = write_corpus(rows, folder=tmp_path / "[red]corpus[")
    told = here("check", folder).checked()
    assert "[/red]" in told.out
    assert "[red]en[/red]" in told.out
    assert "[red]corpus[" in told.out.replace("\n", "")
    here("build", folder, "--out", tmp_path / "[b]index[").checked()
    assert "[/x] [b]column[/b]" in here("show", tmp_path / "[b]index[", "a").checked().out
    assert "[/red]" in here("query", tmp_path / "[b]index[", "--text", "t").checked().out


def test_markup_in_errors_is_printed_literally(here, shop):
    assert "[/red]nope[b]" in here("show", shop.index, "[/red]nope[b]").checked(1).err
    assert (
        "[/red]" in here("build", shop.corpus, "--out", shop.index.parent / "x", "--encoder", "[/red]").checked(1).err
    )


def test_tables_go_to_stdout_and_remarks_to_stderr(here, shop, own_index, tmp_path):
    table = here("query", shop.index, "--id", "noodles").checked()
    assert "ramen" in table.out
    assert table.err == ""
    gone = here("delete", own_index, "look").checked()
    assert gone.out == ""
    assert "deleted 1" in gone.err
    wrote = here("export", own_index, "--out", tmp_path / "v.npz").checked()
    assert wrote.out == ""
    assert "5 × 566" in wrote.err


def test_the_best_comes_first_with_its_evidence(here, shop):
    lines = here("query", shop.index, "--id", "ramen", "-k", 2).checked().out.splitlines()
    assert len(lines) == 3
    assert "noodles" in lines[1] or "look" in lines[1]
    assert "text 0." in "".join(lines)
    assert "#ramen" in "".join(lines)


def test_every_command_prints_json_alone(here, shop, own_index, tmp_path):
    commands = [
        ["check", shop.corpus],
        ["build", shop.corpus, "--out", own_index],
        ["add", own_index, shop.corpus],
        ["query", own_index, "--id", "ramen"],
        ["show", own_index, "ramen"],
        ["info", own_index],
        ["export", own_index, "--out", tmp_path / "v.npz"],
        ["delete", own_index, "ramen"],
        ["doctor"],
    ]
    for command in commands:
        assert here(*command, "--json").checked().json


def test_check_tells_what_is_missing_and_writes_the_bad_rows(here, write_corpus, tmp_path):
    folder = write_corpus([{"id": "a", "title": "t"}, {"id": "a", "title": "u"}, {"title": "v"}])
    told = here("check", folder, "--rejected", tmp_path / "bad.jsonl").checked(3)
    assert "duplicate id" in told.out
    assert "missing id" in told.out
    lines = (tmp_path / "bad.jsonl").read_text().splitlines()
    assert [json.loads(line)["line"] for line in lines] == [2, 3]
    assert here("check", write_corpus([{"id": "a", "title": "t"}])).checked(0)


def test_columns_of_a_mapping_that_nothing_has_are_remarked(here, write_corpus):
    told = here("check", write_corpus([{"id": "a", "title": "t"}]), "--map", "body=plot").checked(0)
    assert "'plot'" in told.err


def test_a_corpus_with_no_good_note_is_a_failure_not_a_partial_success(here, write_corpus, tmp_path):
    told = here("build", write_corpus([{"title": "no id"}]), "--out", tmp_path / "index").checked(1)
    assert "1 notes were rejected" in told.err


def test_stale_notes_are_remarked(here, own_index, write_corpus):
    told = here("build", write_corpus([{"id": "new", "title": "t"}]), "--out", own_index).checked(0)
    assert "6 notes of the index are not in this corpus" in told.err
    assert "--prune" in told.err


def test_adding_says_nothing_of_pruning(here, own_index, write_corpus):
    """`add` has no --prune, and what it adds to is not expected in the corpus."""
    told = here("add", own_index, write_corpus([{"id": "new", "title": "t"}])).checked(0)
    assert "prune" not in told.err


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_settings_from_a_file_and_from_the_environment(here, shop, tmp_path, monkeypatch, precision):
    (tmp_path / "s.toml").write_text(
        f'[encoder]\nimage_share = 0.4\ntext_fields = ["title"]\n[run]\nprecision = "{precision}"\n'
    )
    here("build", shop.corpus, "--out", tmp_path / "a", "--config", tmp_path / "s.toml").checked()
    monkeypatch.setenv("NOTELENS_CONFIG", str(tmp_path / "s.toml"))
    here("build", shop.corpus, "--out", tmp_path / "b").checked()
    for name in ("a", "b"):
        facts = here("info", tmp_path / name, "--json").checked().json
        assert facts["encoder"]["image_share"] == 0.4
        assert facts["encoder"]["text_fields"] == ["title"]
