import csv
import json
import re
import subprocess
import sys
from collections import Counter
from datetime import datetime
from pathlib import Path

import pytest
from PIL import Image

from app.demo import demo_queries, make_demo_corpus
from app.demo.corpus import DemoSummary
from app.demo.errors import DemoError
from app.errors import AppError
from encoders.corpus import Corpus, Placed
from retrieval.interactions.check import check_interactions
from retrieval.interactions.columns import find_interactions

KEYS = ["id", "title", "body", "tags", "category", "images", "author", "created_at", "lang"]


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def rows(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / "notes.jsonl").read_text(encoding="utf-8").splitlines()]


def events(folder: Path) -> list[dict[str, str]]:
    with (folder / "interactions.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tiny") / "corpus"
    make_demo_corpus(folder, notes=60, users=10, seed=3, processes=1)
    return folder


def test_the_files_hold_what_the_summary_says(small: DemoSummary):
    found = rows(small.folder)
    assert len(found) == small.notes == 300
    assert len(list((small.folder / "images").iterdir())) == small.images == sum(len(row["images"]) for row in found)
    assert len(events(small.folder)) == small.events
    assert len({event["user_id"] for event in events(small.folder)}) == small.users == 80
    assert small.topics >= 120
    assert len({row["category"] for row in found}) == small.categories >= 12


def test_rows_have_the_promised_form(small: DemoSummary):
    found = rows(small.folder)
    assert [row["id"] for row in found] == [f"n{number:05d}" for number in range(1, 301)]
    times = [datetime.fromisoformat(row["created_at"]) for row in found]
    assert times == sorted(times)
    for row in found:
        assert list(row) == KEYS
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", row["created_at"])
        assert row["lang"] in ("en", "zh")
        assert row["title"]
        assert row["author"]
        assert all(re.fullmatch(rf"images/{row['id']}(_[23])?\.jpg", name) for name in row["images"])
    assert sum(row["lang"] == "zh" for row in found) == 36
    assert Counter(len(row["images"]) for row in found) == {0: 9, 1: 282, 2: 6, 3: 3}


def test_covers_are_square_pictures(small: DemoSummary):
    for row in rows(small.folder):
        for name in row["images"]:
            with Image.open(small.folder / name) as image:
                assert image.size == (256, 256)
                assert image.format == "JPEG"


def test_the_newest_tenth_is_newer_than_every_interaction(small: DemoSummary):
    found = rows(small.folder)
    last = max(event["timestamp"] for event in events(small.folder))
    assert [row["created_at"] > last for row in found] == [False] * 270 + [True] * 30
    assert small.cold_notes == 30
    cold = {row["id"] for row in found[270:]}
    assert not cold & {event["note_id"] for event in events(small.folder)}


def test_our_own_readers_take_it(small: DemoSummary):
    placed = list(Corpus(small.folder))
    assert all(isinstance(entry, Placed) for entry in placed)
    [path] = find_interactions(small.folder)
    report = check_interactions(path, {row["id"] for row in rows(small.folder)})
    assert (report.unknown, report.broken) == (0, 0)
    assert set(report.kinds) == {"view", "click"}


def test_a_seed_gives_the_same_bytes_on_one_process_or_two(tiny: Path, tmp_path: Path):
    make_demo_corpus(tmp_path / "again", notes=60, users=10, seed=3, processes=2)
    assert contents(tmp_path / "again") == contents(tiny)


def test_another_seed_gives_another_corpus(tiny: Path, tmp_path: Path):
    make_demo_corpus(tmp_path / "other", notes=60, users=10, seed=4, processes=1)
    mine, other = contents(tiny), contents(tmp_path / "other")
    for name in ("notes.jsonl", "interactions.csv", "images/n00030.jpg"):
        assert mine.get(name) != other.get(name)


def test_the_default_seed_is_seven(small: DemoSummary):
    assert json.loads((small.folder / "demo.json").read_text(encoding="utf-8"))["stamp"]["seed"] == 7


def test_a_finished_corpus_is_reused_untouched(tiny: Path):
    before = {path: path.stat().st_mtime_ns for path in tiny.rglob("*")}
    calls: list[tuple[int, int]] = []
    summary = make_demo_corpus(tiny, notes=60, users=10, seed=3, on_progress=lambda *call: calls.append(call))
    assert summary.notes == 60
    assert summary.folder == tiny
    assert calls == []
    assert {path: path.stat().st_mtime_ns for path in tiny.rglob("*")} == before


@pytest.mark.parametrize("change", [{"seed": 4}, {"notes": 61}, {"users": 11}])
def test_a_corpus_made_otherwise_is_refused(tiny: Path, change: dict[str, int]):
    before = contents(tiny)
    with pytest.raises(DemoError, match="made otherwise"):
        make_demo_corpus(tiny, **{"notes": 60, "users": 10, "seed": 3, **change})
    assert contents(tiny) == before


def test_a_folder_with_other_things_is_refused(tmp_path: Path):
    (tmp_path / "thesis.txt").write_text("all of it", encoding="utf-8")
    with pytest.raises(DemoError, match="not empty"):
        make_demo_corpus(tmp_path, notes=30, users=2)
    assert contents(tmp_path) == {"thesis.txt": b"all of it"}


@pytest.mark.parametrize("stamp", ["", "[]", "{}", '"stamp"', "7", "\x00"])
def test_a_folder_with_a_foreign_stamp_is_refused(tmp_path: Path, stamp: str):
    (tmp_path / "demo.json").write_text(stamp, encoding="utf-8")
    with pytest.raises(DemoError, match="no demo corpus"):
        make_demo_corpus(tmp_path, notes=30, users=2)


def test_a_file_in_place_of_the_folder_is_refused(tmp_path: Path):
    (tmp_path / "corpus").write_text("", encoding="utf-8")
    with pytest.raises(DemoError, match="is a file"):
        make_demo_corpus(tmp_path / "corpus", notes=30, users=2)


@pytest.mark.parametrize("sizes", [{"notes": 5}, {"users": 0}, {"seed": -1}])
def test_sizes_that_make_no_corpus_are_refused(tmp_path: Path, sizes: dict[str, int]):
    with pytest.raises(DemoError, match="at least"):
        make_demo_corpus(tmp_path / "corpus", **{"notes": 30, "users": 2, **sizes})
    assert not (tmp_path / "corpus").exists()


def test_its_errors_are_shown_to_the_user():
    assert issubclass(DemoError, AppError)


@pytest.mark.parametrize("processes", [1, 2])
def test_a_crash_half_way_leaves_nothing_and_the_next_run_succeeds(tmp_path: Path, processes: int):
    class Interrupted(Exception):
        pass

    def stop(done: int, total: int) -> None:
        if done:
            assert done < total
            raise Interrupted

    folder = tmp_path / "corpus"
    folder.mkdir()
    with pytest.raises(Interrupted):
        make_demo_corpus(folder, notes=60, users=5, on_progress=stop, processes=processes)
    assert list(tmp_path.rglob("*")) == [folder]
    make_demo_corpus(folder, notes=60, users=5, processes=processes)
    assert {"notes.jsonl", "interactions.csv", "demo.json", "README.md"} < set(contents(folder))
    assert list(tmp_path.iterdir()) == [folder]


def test_progress_counts_the_covers(tmp_path: Path):
    calls: list[tuple[int, int]] = []
    summary = make_demo_corpus(
        tmp_path / "corpus", notes=60, users=2, on_progress=lambda *call: calls.append(call), processes=1
    )
    assert calls[0] == (0, summary.images)
    assert calls[-1] == (summary.images, summary.images)
    assert [done for done, _ in calls] == sorted({done for done, _ in calls})


def test_the_queries_are_in_the_corpus(small: DemoSummary):
    queries = demo_queries(small.folder)
    by_id = {row["id"]: row for row in rows(small.folder)}
    cold = by_id[queries.cold_note_id]
    assert cold["lang"] == "en"
    assert cold["images"]
    assert len(cold["body"]) >= 100
    assert cold["created_at"] > "2025-07-01"
    warm = by_id[queries.image.stem[:6]]
    assert queries.image.is_file()
    assert warm["created_at"] < "2025-07-01"
    assert demo_queries(small.folder) == queries


def test_queries_of_a_folder_that_is_no_corpus_are_refused(tmp_path: Path):
    with pytest.raises(DemoError, match="no demo corpus"):
        demo_queries(tmp_path)


def test_a_script_without_a_main_guard_is_told_so(tmp_path: Path):
    script = tmp_path / "script.py"
    script.write_text(
        "from pathlib import Path\n"
        "from app.demo import make_demo_corpus\n"
        "make_demo_corpus(Path(__file__).with_name('corpus'), notes=30, users=2, processes=2)\n",
        encoding="utf-8",
    )
    ran = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=False)
    assert ran.returncode == 1
    assert "DemoError: a process that draws covers died; in a script, call this under" in ran.stderr
    assert list(tmp_path.iterdir()) == [script]
