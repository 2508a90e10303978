"""The five rooms are this repository's own, import one another only downwards, and the index knows no torch."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from importlib.metadata import entry_points, version
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROOMS = ["encoders", "index", "retrieval", "training", "app"]


def child(code, *arguments):
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.run(command, cwd=ROOT.anchor, capture_output=True, text=True, timeout=120)


@pytest.mark.parametrize("room", ROOMS)
def test_each_room_is_the_one_of_this_repository(room):
    """Names so plain can be shadowed by any other package."""
    spec = find_spec(room)
    assert spec is not None
    assert [Path(place).resolve() for place in spec.submodule_search_locations] == [ROOT / room]
    found = child(f"import {room}; print({room}.__file__)")
    assert Path(found.stdout.strip()).resolve() == ROOT / room / "__init__.py", found.stderr


def test_the_wheel_ships_the_five_rooms():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"] == ROOMS
    assert version("notelens") == project["project"]["version"]
    (command,) = entry_points(group="console_scripts", name="notelens")
    assert command.value == "app.cli:main"


def test_every_folder_of_a_room_is_a_package():
    """Or the wheel would carry what an import of it does not find."""
    folders = {path.parent for room in ROOMS for path in (ROOT / room).rglob("*.py")}
    assert [folder for folder in sorted(folders) if not (folder / "__init__.py").is_file()] == []


def lint_imports(folder):
    command = [Path(sys.executable).with_name("lint-imports"), "--no-cache"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120)


def test_imports_run_downwards():
    done = lint_imports(ROOT)
    assert done.returncode == 0, done.stdout
    assert "2 kept, 0 broken" in done.stdout


MODULES = """
import importlib, pkgutil, sys
import {room}
names = [one.name for one in pkgutil.walk_packages({room}.__path__, "{room}.")]
for name in names:
    importlib.import_module(name)
print(len(names), sorted({heavy} & set(sys.modules)))
"""


def test_the_index_never_imports_torch():
    """Every module of it, and everything those import in turn."""
    heavy = {"torch", "transformers", "open_clip", "streamlit", "encoders"}
    done = child(MODULES.format(room="index", heavy=heavy))
    assert done.returncode == 0, done.stderr
    count, _, found = done.stdout.partition(" ")
    assert int(count) >= 10
    assert found == "[]\n"
    seen = child(MODULES.format(room="encoders", heavy=heavy)).stdout  # the same check does find it elsewhere
    assert "'torch'" in seen


@pytest.mark.parametrize("room", ["encoders", "retrieval", "app"])
def test_importing_a_room_loads_no_torch(room):
    done = child(f"import sys, {room}; print(sorted({{'torch', 'transformers', 'streamlit'}} & set(sys.modules)))")
    assert done.stdout == "[]\n", done.stderr


def test_the_public_names_of_the_rooms():
    import encoders
    import retrieval

    assert sorted(encoders.__all__) == sorted(
        [
            "Corpus",
            "Encoder",
            "EncoderConfig",
            "Note",
            "NoteEncoder",
            "NoteImage",
            "TowersConfig",
            "from_pretrained",
            "load_encoder",
            "resolve_config",
        ]
    )
    assert sorted(retrieval.__all__) == ["Hit", "Retriever", "Weights", "Why"]
    for room in (encoders, retrieval):
        assert [name for name in room.__all__ if getattr(room, name, None) is None] == []
    with pytest.raises(AttributeError, match="nothing"):
        _ = encoders.nothing


@pytest.mark.parametrize("room", ["encoders", "retrieval"])
def test_every_error_is_in_the_tree_and_in_its_drawing(room):
    from importlib import import_module

    errors = import_module(f"{room}.errors")
    found = {name: one for name, one in vars(errors).items() if isinstance(one, type) and issubclass(one, Exception)}
    base = next(one for one in found.values() if one.__base__ is Exception)
    assert len(found) >= 4
    for name, one in found.items():
        assert issubclass(one, base)
        assert name in errors.__doc__
