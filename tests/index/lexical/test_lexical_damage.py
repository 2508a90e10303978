"""A folder that is missing, truncated, flipped or of another time is noticed, and building again mends it."""

from __future__ import annotations

import json
import shutil
import zlib
from contextlib import suppress

import numpy as np
import pytest

from index.lexical import state as state_module
from index.lexical.bm25 import Changes, DamagedLexicalIndex, LexicalIndex

ROWS = {key: f"red note{key} word{key % 7} 上海" for key in range(300)}


@pytest.fixture
def folder(build, tmp_path):
    index = build(ROWS)
    index.apply(lambda seq: Changes([(1000, "red late")], [3, 4], 2))  # two segments, one with removals
    index.close()
    return tmp_path / "lexical"


def answers(folder):
    with LexicalIndex.open(folder) as index:
        found = [index.search(query, 400) for query in ("red", "word3 note9", "上海", "late")]
        return index.seq, [(keys.tolist(), scores.tolist()) for keys, scores in found]


def files(folder):
    """Every file that says something; the others are locks and tantivy's list of what it may remove."""
    return sorted(
        path for path in folder.rglob("*") if path.is_file() and path.suffix != ".lock" and path.name != ".managed.json"
    )


def test_every_missing_file_is_noticed_and_building_again_mends_it(folder):
    before = answers(folder)
    for path in files(folder):
        content = path.read_bytes()
        path.unlink()
        with pytest.raises(DamagedLexicalIndex, match=r"[Bb]uild (it|the lexical index) again"):
            LexicalIndex.open(folder)
        path.write_bytes(content)
    assert answers(folder) == before
    shutil.rmtree(folder / "g1")
    with LexicalIndex.build(folder, lambda seq: Changes(ROWS.items(), [], 2)) as index:
        assert len(index.search("red", 400)[0]) == 300


def test_every_truncated_file_is_noticed(folder):
    for path in files(folder):
        content = path.read_bytes()
        for kept in {0, 1, len(content) // 2, len(content) - 1}:
            path.write_bytes(content[:kept])
            if path.name == "meta.json" and kept == len(content) - 1:
                continue  # that was only the newline at its end
            with pytest.raises(DamagedLexicalIndex):
                LexicalIndex.open(folder)
        path.write_bytes(content)


def test_a_flipped_bit_is_noticed_or_changes_nothing(folder):
    before = answers(folder)
    rng = np.random.default_rng(20261121)
    noticed = 0
    for path in files(folder):
        content = path.read_bytes()
        for place in rng.integers(0, len(content), 12).tolist():
            flipped = bytearray(content)
            flipped[place] ^= 1 << int(rng.integers(0, 8))
            path.write_bytes(flipped)
            try:
                assert answers(folder) == before
            except DamagedLexicalIndex:
                noticed += 1
        path.write_bytes(content)
    assert noticed > 100
    assert answers(folder) == before


@pytest.mark.parametrize("place", range(0, 20_000, 1999))
def test_damage_met_while_searching_is_named(folder, place):
    """Without the checksums a flipped bit may be met later: as the named error, or not at all."""
    for path in (folder / "g1").glob("*.term"):
        content = bytearray(path.read_bytes())
        content[place % len(content)] ^= 0xFF
        path.write_bytes(content)
    with suppress(DamagedLexicalIndex), LexicalIndex.open(folder, verify=False) as index:
        index.search("red word3", 400)


def test_files_of_an_older_time_are_noticed(folder, tmp_path):
    shutil.copytree(folder, tmp_path / "old")
    with LexicalIndex.open(folder) as index:
        index.apply(lambda seq: Changes([(2000, "red later")], [], 3))
    shutil.rmtree(folder / "g1")
    shutil.copytree(tmp_path / "old" / "g1", folder / "g1")
    with pytest.raises(DamagedLexicalIndex, match="different times"):
        LexicalIndex.open(folder)


def test_a_truth_that_went_back_is_noticed(folder):
    before = answers(folder)
    with LexicalIndex.open(folder) as index, pytest.raises(DamagedLexicalIndex, match="the truth only at 1"):
        index.apply(lambda seq: Changes([(2000, "red")], [], 1))
    assert answers(folder) == before


def write_line(path, values):
    text = json.dumps(values).encode()
    path.write_bytes(text + f"\n{zlib.crc32(text):08x}\n".encode())


@pytest.mark.parametrize(
    ("change", "message"),
    [({"format": 2}, "format 2"), ({"analysis": "0+other"}, "0\\+other"), ({"more": 1}, "unexpected keyword")],
)
def test_another_format_or_analysis_is_to_be_built_again(folder, change, message):
    path = folder / "state.json"
    write_line(path, json.loads(path.read_text().splitlines()[0]) | change)
    with pytest.raises(DamagedLexicalIndex, match=message):
        LexicalIndex.open(folder)


def test_a_segmenter_that_came_or_went_means_building_again(folder, monkeypatch):
    monkeypatch.setattr(state_module, "analysis", lambda: "1+pairs")
    with pytest.raises(DamagedLexicalIndex, match=r"analysis '1\+rjieba-.*', expected 1 and '1\+pairs'"):
        LexicalIndex.open(folder)


def test_no_folder_at_all(tmp_path):
    with pytest.raises(DamagedLexicalIndex, match=r"state\.json"):
        LexicalIndex.open(tmp_path / "nowhere")
    assert not (tmp_path / "nowhere").exists()


def test_what_an_interrupted_build_left_is_dropped(folder):
    shutil.copytree(folder / "g1", folder / "g7")
    (folder / "g9").mkdir()
    before = answers(folder)
    with LexicalIndex.open(folder) as index:
        index.apply(lambda seq: Changes([], [], 2))
    assert [path.name for path in folder.glob("g*")] == ["g1"]
    assert answers(folder) == before
