"""mine: from a file of interactions to a file of pairs, in tables, as JSON, day by day and held to a split."""

from __future__ import annotations

import json
import re

import numpy as np
import pyarrow.parquet as pq
import pytest

from app.errors import FAILED, USAGE

DAY = 86_400


@pytest.fixture
def mine(here):
    """Run `notelens mine` in this process."""
    from app.cli import app
    from app.commands.mine import mine as command

    if not any(known.name == "mine" for known in app.registered_commands):
        app.command("mine")(command)
    return lambda *arguments: here("mine", *arguments)


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """Thirty notes; two days of views and clicks of twenty people, some with a note that the corpus does not have."""
    folder = tmp_path_factory.mktemp("shop") / "corpus"
    folder.mkdir()
    notes = [{"id": f"笔记{i}", "title": f"title {i}"} for i in range(30)]
    (folder / "notes.jsonl").write_text("".join(json.dumps(note) + "\n" for note in notes), "utf-8")
    rng = np.random.default_rng(1)
    rows = [
        (f"u{user}", f"笔记{note}", 1_600_000_000 + second, ("view", "click")[kind])
        for user, note, second, kind in rng.integers(0, [20, 31, 2 * DAY, 2], (800, 4))
    ]
    head = "user_id,note_id,timestamp,event\n"
    (folder / "interactions.csv").write_text(head + "".join(",".join(map(str, row)) + "\n" for row in rows), "utf-8")
    for day in range(2):
        today = [row for row in rows if (row[2] - 1_600_000_000) // DAY == day]
        text = head + "".join(",".join(map(str, row)) + "\n" for row in today)
        (folder.parent / f"day{day}.csv").write_text(text, "utf-8")
    return folder


def test_pairs_are_written_and_counted(mine, shop, tmp_path):
    out = tmp_path / "new" / "pairs.parquet"
    options = ("--view", "view", "--click", "click", "--event", "view", "--event", "click=2", "--window", "12h")
    found = mine(shop / "interactions.csv", "--out", out, *options, "--json").checked().json
    table = pq.read_table(out)
    assert table.schema.names == ["note", "positive", "score", "users"]
    assert [str(kind) for kind in table.schema.types] == ["string", "string", "double", "int32"]
    assert found["counts"]["pairs"] == table.num_rows > 100
    assert found["config"]["weights"] == {"view": 1.0, "click": 2.0}
    assert found["config"]["window"] == DAY / 2
    assert found["counts"]["read"] == 800
    about = json.loads(pq.read_schema(out).metadata[b"notelens.mining"])
    assert about["counts"] == found["counts"]
    assert about["config"]["mode"] == "sequence"

    shown = mine(shop / "interactions.csv", "--out", out, *options).checked()
    assert "removed: at least" in shown.out
    assert re.search(rf"events read +800\n(.|\n)*notes with pairs +{found['counts']['notes_with_pairs']}\b", shown.out)


def test_days_come_to_what_the_whole_comes_to(mine, shop, tmp_path):
    mine(shop / "interactions.csv", "--out", tmp_path / "whole.parquet").checked()
    for day in range(2):
        file = shop.parent / f"day{day}.csv"
        mine(file, "--out", tmp_path / "days.parquet", "--incremental", tmp_path / "state").checked()
    assert pq.read_table(tmp_path / "days.parquet").equals(pq.read_table(tmp_path / "whole.parquet"))
    again = mine(file, "--out", tmp_path / "days.parquet", "--incremental", tmp_path / "state").checked()
    assert "folded in before" in again.err


def test_a_split_is_held_to_and_checked(mine, shop, tmp_path):
    from encoders.corpus import Corpus
    from retrieval.evaluation.protocol import Interactions
    from retrieval.evaluation.split import Split, SplitConfig

    data = Interactions.read(Corpus(shop), shop / "interactions.csv")
    split = Split(config=SplitConfig(by="users", seed="s"), data=data.digests)
    split.save(tmp_path / "split.json")
    held = ("--split", tmp_path / "split.json", "--at-least", "0")
    out = tmp_path / "pairs.parquet"
    unchecked = mine(shop / "interactions.csv", "--out", out, *held, "--json").checked()
    assert "not checked" in unchecked.err
    checked = mine(shop / "interactions.csv", "--out", out, *held, "--corpus", shop, "--json").checked()
    assert "not checked" not in checked.err
    assert checked.json["counts"]["removed"]["not_in_corpus"] > 0
    assert not {"笔记30"} & {*pq.read_table(out)["note"].to_pylist(), *pq.read_table(out)["positive"].to_pylist()}

    before = out.read_bytes()
    refused = mine(shop.parent / "day0.csv", "--out", out, *held, "--corpus", shop).checked(FAILED)
    assert "made for other interactions" in refused.err
    assert out.read_bytes() == before
    by_day = mine(
        shop.parent / "day0.csv", "--out", out, *held, "--corpus", shop, "--incremental", tmp_path / "state", "--json"
    ).checked()
    assert "is not checked" in by_day.err


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (["--window", "7"], USAGE, "is no window"),
        (["--window", "0d"], USAGE, "is no window"),
        (["--event", "click=much"], USAGE, "is no weight"),
        (["--event", "click", "--event", "click=2"], USAGE, "second time"),
        (["--event", "click=0"], USAGE, "wanted one from"),
        (["--mode", "together", "--view", "view"], USAGE, "go with mode sequence"),
        (["--at-least", "5", "--at-most", "1"], USAGE, "no score is at least 5"),
        (["--event", "klick"], FAILED, "no event of kind klick; its kinds are: click, view"),
        (["--min-users", "1000"], FAILED, "below --min-users"),
        (["--min-rating", "3"], FAILED, "no column for the rating"),
    ],
)
def test_wrong_options(mine, shop, tmp_path, options, code, said):
    refused = mine(shop / "interactions.csv", "--out", tmp_path / "pairs.parquet", *options).checked(code)
    assert said in " ".join(refused.err.replace("│", " ").split())
    assert not list(tmp_path.iterdir())


def test_an_output_that_is_no_parquet_is_refused(mine, shop, tmp_path):
    refused = mine(shop / "interactions.csv", "--out", tmp_path / "pairs.csv").checked(USAGE)
    assert ".parquet" in refused.err
