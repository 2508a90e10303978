"""A corpus folder is a stream: the same notes from every format, nothing read ahead of its turn."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import threading
import tracemalloc
from contextlib import suppress
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from encoders import Corpus, Note
from encoders.corpus import Placed
from encoders.errors import CorpusError

ROOT = Path(__file__).parents[2]
FORMATS = ["jsonl", "csv", "parquet"]
ROWS = [
    {
        "note_id": "n1",
        "title": "京都拉面",
        "text": 'Broth, "for two days",\nand noodles.',
        "hashtags": ["ramen", "京都"],
        "category": "food",
        "image": ["a.png", "b.png"],
        "user_id": "kim",
        "time": "2024-05-31T18:00:00+08:00",
        "language": "zh",
        "city": "京都",
    },
    {"note_id": "n2", "title": "Only a title 🍜", "time": "2024-05-31"},
    {"note_id": "n3", "image": ["a.png"], "city": "Osaka"},
    {"note_id": "n4", "text": "[red]markup[/red], #no tag", "hashtags": ["a b"]},
]


def notes_of(corpus):
    rows = list(corpus)
    assert [row for row in rows if not isinstance(row, Placed)] == []
    return [row.note for row in rows]


def test_the_same_notes_from_every_format(write_corpus, picture, tmp_path):
    pictures = {"images/a.png": picture(1), "images/b.png": picture(2)}
    full = {name: None for row in ROWS for name in row}
    folder = tmp_path / "corpus"
    read = {}
    for suffix in FORMATS:
        rows = [full | row for row in ROWS] if suffix == "parquet" else ROWS
        write_corpus(rows, suffix, pictures, folder)
        read[suffix] = notes_of(Corpus(folder / f"notes.{suffix}"))
    assert read["jsonl"] == read["csv"] == read["parquet"]
    first, second, third, fourth = read["jsonl"]
    root = folder.resolve()
    assert first == Note(
        id="n1",
        title="京都拉面",
        body='Broth, "for two days",\nand noodles.',
        tags=("ramen", "京都"),
        category="food",
        images=first.images,
        author="kim",
        created_at=datetime(2024, 5, 31, 10, tzinfo=UTC),
        lang="zh",
        extra={"city": "京都"},
    )
    assert [image.path for image in first.images] == [root / "images" / "a.png", root / "images" / "b.png"]
    assert second == Note(id="n2", title="Only a title 🍜", created_at=datetime(2024, 5, 31, tzinfo=UTC))
    assert (third.id, third.has_text, third.extra) == ("n3", False, {"city": "Osaka"})
    assert fourth == Note(id="n4", body="[red]markup[/red], #no tag", tags=("a b",))
    hashes = {suffix: [note.content_hash() for note in notes] for suffix, notes in read.items()}
    assert hashes["jsonl"] == hashes["csv"] == hashes["parquet"]


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
@pytest.mark.parametrize("zone", [None, "Asia/Shanghai"])
def test_parquet_times_of_every_unit(tmp_path, unit, zone):
    moment = datetime(2024, 5, 31, 10, tzinfo=UTC)
    steps = int(moment.timestamp()) * {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[unit]
    table = pa.table({"id": ["a", "b"], "title": ["t", "t"], "time": pa.array([steps, None], pa.timestamp(unit, zone))})
    pq.write_table(table, tmp_path / "notes.parquet")
    first, second = notes_of(Corpus(tmp_path))
    assert first.created_at == moment
    assert type(first.created_at) is datetime
    assert second.created_at is None


def test_nanoseconds_need_no_pandas(tmp_path):
    """pandas is no dependency of the project, and pyarrow turns nanoseconds into its type where it is there."""
    table = pa.table({"id": ["a"], "title": ["t"], "time": pa.array([1_717_149_600_000_000_001], pa.timestamp("ns"))})
    pq.write_table(table, tmp_path / "notes.parquet")
    code = """
import sys
from importlib.abc import MetaPathFinder
class NoPandas(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "pandas":
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, NoPandas())
from encoders import Corpus
print([str(row.note.created_at) for row in Corpus(sys.argv[1])])
"""
    command = [sys.executable, "-c", code, str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "['2024-05-31 10:00:00+00:00']\n"


@pytest.mark.parametrize("suffix", ["jsonl", "csv"])
def test_the_first_note_comes_before_the_rest_is_written(tmp_path, suffix):
    pipe = tmp_path / f"notes.{suffix}"
    os.mkfifo(pipe)
    got_first = threading.Event()
    waited = []

    def write():
        with pipe.open("w", encoding="utf-8") as file:
            rows = [f'{{"id": "n{i}", "title": "t"}}\n' if suffix == "jsonl" else f"n{i},t\n" for i in range(3)]
            file.write(("" if suffix == "jsonl" else "id,title\n") + rows[0])
            file.flush()
            waited.append(got_first.wait(20))
            file.write(rows[1] + rows[2])

    writer = threading.Thread(target=write)
    writer.start()
    stream = iter(Corpus(tmp_path))
    assert next(stream).note.id == "n0"
    got_first.set()
    assert [row.note.id for row in stream] == ["n1", "n2"]
    writer.join()
    assert waited == [True]


def test_parquet_is_read_a_piece_at_a_time(tmp_path):
    """The last row group is junk on disk: its notes fail, those before it are out by then."""
    path = tmp_path / "notes.parquet"
    rows = 5000
    table = pa.table({"id": [f"n{i}" for i in range(rows)], "title": [f"title {i}" for i in range(rows)]})
    pq.write_table(table, path, row_group_size=1000, compression="zstd")
    chunk = pq.ParquetFile(path).metadata.row_group(4).column(0)
    start = chunk.dictionary_page_offset or chunk.data_page_offset
    data = bytearray(path.read_bytes())
    data[start : start + chunk.total_compressed_size] = b"\xff" * chunk.total_compressed_size
    path.write_bytes(data)
    stream = iter(Corpus(tmp_path))
    read = [row.note.id for row in islice(stream, 2000)]
    assert read == [f"n{i}" for i in range(2000)]
    with pytest.raises(CorpusError, match=r"notes\.parquet is damaged"):
        list(stream)


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_large_corpus_is_not_in_memory_at_once(write_corpus, suffix):
    pick = random.Random(0)  # bodies that do not compress
    folder = write_corpus(
        [{"id": f"n{i}", "title": "t", "body": pick.randbytes(3000).hex()} for i in range(8000)], suffix
    )
    read = list(islice(Corpus(folder), 10))  # imports and caches
    assert len(read) == 10
    del read
    held = pa.total_allocated_bytes()
    tracemalloc.start()
    try:
        count = most = 0
        for _ in Corpus(folder):
            count += 1
            most = max(most, pa.total_allocated_bytes() - held)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert count == 8000
    # 48 MB of notes in one row group; Parquet comes out of it in batches of 1,024 rows (6 MB).
    assert peak < 24e6
    assert most < 24e6


def test_notes_files_in_parts_are_one_corpus(tmp_path):
    (tmp_path / "notes-2.jsonl").write_text('{"id": "b", "title": "t"}\n{"id": "a", "title": "again"}\n')
    (tmp_path / "notes-1.jsonl").write_text('{"id": "a", "title": "t"}\n')
    (tmp_path / "interactions.csv").write_text("user,item\n1,a\n")
    rows = list(Corpus(tmp_path))
    assert [(row.file, row.line) for row in rows] == [("notes-1.jsonl", 1), ("notes-2.jsonl", 1), ("notes-2.jsonl", 2)]
    assert rows[2].reason == "duplicate id"
    assert "notes-1.jsonl:1" in rows[2].detail


def test_two_iterations_are_the_same(write_corpus):
    corpus = Corpus(write_corpus(ROWS[1:2] * 2))
    assert [type(row).__name__ for row in corpus] == [type(row).__name__ for row in corpus] == ["Placed", "Rejection"]


def test_a_byte_order_mark_and_blank_lines_are_no_rows(tmp_path):
    (tmp_path / "notes.jsonl").write_bytes(b'\xef\xbb\xbf{"id": "a", "title": "t"}\n\n  \n{"id": "b", "title": "t"}')
    assert [(row.note.id, row.line) for row in Corpus(tmp_path)] == [("a", 1), ("b", 4)]
    (tmp_path / "notes.csv").write_bytes(b"\xef\xbb\xbfid,title\r\na,t\r\n\r\nb,t")
    assert [(row.note.id, row.line) for row in Corpus(tmp_path / "notes.csv")] == [("a", 2), ("b", 4)]


def test_columns_of_a_mapping_that_no_row_has_are_named(write_corpus):
    corpus = Corpus(write_corpus([{"id": "a", "plot": "p"}]), {"plot": "body", "heading": "title"})
    assert notes_of(corpus)[0].body == "p"
    assert corpus.unseen_columns == ["heading"]


@pytest.mark.parametrize("suffix", FORMATS)
def test_rows_are_counted_for_a_progress_bar(write_corpus, suffix):
    corpus = Corpus(write_corpus([{"id": str(i), "title": "t"} for i in range(50)], suffix))
    assert abs(corpus.count() - 50) <= 1


def make_nothing(folder):
    (folder / "interactions.csv").touch()


def make_two_formats(folder):
    (folder / "notes.jsonl").touch()
    (folder / "notes.csv").touch()


def make_empty_csv(folder):
    (folder / "notes.csv").touch()


def make_corrupt_parquet(folder):
    (folder / "notes.parquet").write_bytes(b"PAR1" + b"junk" * 100 + b"PAR1")


def make_truncated_parquet(folder):
    pq.write_table(pa.table({"id": ["a"], "title": ["t"]}), folder / "notes.parquet")
    data = (folder / "notes.parquet").read_bytes()
    (folder / "notes.parquet").write_bytes(data[: len(data) // 2])


def make_damaged_footer(folder):
    pq.write_table(pa.table({"id": ["a"], "title": ["t"]}), folder / "notes.parquet")
    data = bytearray((folder / "notes.parquet").read_bytes())
    data[-40:-10] = b"\xff" * 30
    (folder / "notes.parquet").write_bytes(data)


def make_a_folder(folder):
    (folder / "notes.jsonl").mkdir()


def make_a_dead_link(folder):
    (folder / "notes.jsonl").symlink_to("nowhere")


def counted_and_read(folder):
    """As the commands do: the progress bar wants the number of rows first."""
    corpus = Corpus(folder)
    return corpus.count(), list(corpus)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (make_nothing, "notes.jsonl"),
        (make_two_formats, "several formats"),
        (make_empty_csv, "empty"),
        (make_corrupt_parquet, "Parquet"),
        (make_truncated_parquet, "Parquet"),
        (make_damaged_footer, "Parquet"),
        (make_a_folder, "cannot be read"),
        (make_a_dead_link, "cannot be read"),
    ],
)
def test_a_corpus_that_cannot_be_read_says_why(tmp_path, make, says):
    make(tmp_path)
    with pytest.raises(CorpusError, match=says):
        list(Corpus(tmp_path))
    with pytest.raises(CorpusError, match=says):
        counted_and_read(tmp_path)


def test_a_corpus_that_is_not_there(tmp_path):
    with pytest.raises(CorpusError, match="nowhere"):
        Corpus(tmp_path / "nowhere")


def test_a_file_of_another_kind_is_no_corpus(tmp_path):
    (tmp_path / "notes.txt").write_text("a note")
    with pytest.raises(CorpusError, match=r"\.jsonl"):
        list(Corpus(tmp_path / "notes.txt"))


@pytest.mark.parametrize("seed", range(40))
def test_a_damaged_parquet_file_never_raises_anything_else(tmp_path, seed):
    """Bytes overwritten behind the magic and before the footer, where a failing disk would strike."""
    path = tmp_path / "notes.parquet"
    rows = [{"id": f"n{i}", "title": f"title {i % 7}", "tags": ["a", "b"]} for i in range(500)]
    pq.write_table(pa.Table.from_pylist(rows), path, compression="none" if seed % 2 else "snappy")
    data = bytearray(path.read_bytes())
    pick = random.Random(seed)
    for _ in range(pick.choice([1, 5])):
        data[pick.randrange(4, len(data) - 8)] = pick.randrange(256)
    path.write_bytes(data)
    with suppress(CorpusError):
        count, read = counted_and_read(tmp_path)
        assert count == len(read)
