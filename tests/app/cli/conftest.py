"""The command as a child process, and in this process where speed matters; one corpus and index for both."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

ROWS = [
    {"id": "ramen", "title": "京都拉面 ramen in Kyoto", "body": "Broth for two days.", "tags": ["ramen", "京都"]}
    | {"category": "food", "image": "ramen.png", "user_id": "kim", "time": "2024-05-31T18:00:00Z", "city": "京都"},
    {"id": "noodles", "title": "Hand-pulled noodles", "tags": ["ramen", "noodles"], "category": "food"},
    {"id": "trail", "title": "A hike at dawn", "text": "Boots for snow.", "category": "outdoors", "image": "trail.png"},
    {"id": "look", "image": "ramen.png"},
    {"id": "[red]marked[/red]", "title": "[red]x[/red] and [/] and [bold]", "tags": ["[b]t[/b]"], "category": "[i]c"},
    {"id": "cello", "title": "Learning the cello", "body": "Tuning by ear.", "category": "music"},
]


@dataclass(frozen=True)
class Outcome:
    """What a run of the command left."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Stdout as exactly one JSON object on one line."""
        assert self.out.endswith("\n")
        assert self.out.count("\n") == 1
        value = json.loads(self.out)
        assert isinstance(value, dict)
        return value

    def checked(self, code: int = 0) -> Outcome:
        """The same, if it ended with this code and without a traceback."""
        assert "Traceback" not in self.err, self.err
        assert self.code == code, (self.code, self.out, self.err)
        return self


@pytest.fixture(scope="session")
def notelens(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Outcome]:
    """Run the installed command as a child, in an empty folder: notelens("info", path, LC_ALL="C")."""
    command = Path(sys.executable).with_name("notelens")
    assert command.is_file(), "the project is not installed here: make setup"
    place = tmp_path_factory.mktemp("somewhere")

    def run(*arguments: object, **environment: str) -> Outcome:
        done = subprocess.run(
            [command, *map(str, arguments)],
            capture_output=True,
            cwd=place,
            env={name: value for name, value in os.environ.items() if name != "NOTELENS_CONFIG"} | environment,
            timeout=120,
        )
        return Outcome(done.returncode, done.stdout.decode(), done.stderr.decode())

    return run


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]) -> Callable[..., Outcome]:
    """Run the command's own entry point in this process: here("info", path)."""
    from app.cli import main

    monkeypatch.delenv("NOTELENS_CONFIG", raising=False)

    def run(*arguments: object) -> Outcome:
        monkeypatch.setattr(sys, "argv", ["notelens", *map(str, arguments)])
        capfdbinary.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = capfdbinary.readouterr()
        return Outcome(int(ended.value.code or 0), out.decode(), err.decode())

    return run


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory, notelens: Callable[..., Outcome], picture: Any) -> SimpleNamespace:
    """A corpus, its index as `notelens build --json` made it, and what that printed. Not to be written to."""
    folder = tmp_path_factory.mktemp("shop")
    corpus = folder / "corpus"
    (corpus / "images").mkdir(parents=True)
    for seed, name in enumerate(("ramen", "trail")):
        picture(seed).save(corpus / "images" / f"{name}.png")
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in ROWS)
    (corpus / "notes.jsonl").write_text(text, encoding="utf-8")
    built = notelens("build", corpus, "--out", folder / "index", "--json")
    return SimpleNamespace(corpus=corpus, index=folder / "index", built=built, rows=ROWS)


@pytest.fixture
def own_index(shop: SimpleNamespace, tmp_path: Path) -> Path:
    """A copy of the index that a test may change."""
    from shutil import copytree

    copytree(shop.index, tmp_path / "own")
    return tmp_path / "own"
