"""The demo corpus on disk: made once for a seed, byte for byte the same each time, and reused when it is there."""

import hashlib
import json
import os
import shutil
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from importlib.resources import files
from multiprocessing import parent_process
from pathlib import Path
from typing import Any

import numpy as np
from numpy.random import SeedSequence

from app.demo.catalogue import Catalogue, load_catalogue
from app.demo.covers import CoverSpec
from app.demo.errors import DemoError
from app.demo.lifestyles import load_lifestyles
from app.demo.notes import DemoNote, make_notes
from app.demo.queries import DemoQueries, pick_queries
from app.demo.studio import draw_all
from app.demo.users import Event, make_events

FORMAT = 1  # raised when the same seed gives another corpus
STAMP = "demo.json"
FEWEST_NOTES = 20

README = """# notelens demo corpus

{notes:,} generated notes on {topics} topics in {categories} categories, {images:,} drawn covers, and what
{users:,} simulated people looked at in a year. Nobody is real; notelens made texts and pictures (Apache-2.0).

- `notes.jsonl`: one note a line: id, title, body, tags, category, images, author, created_at, lang (en, zh).
- `images/`: the covers, 256 × 256 JPEG.
- `interactions.csv`: user_id, note_id, event (view, click), timestamp. A click follows a view of the same note.
- `demo.json`: what this corpus was made with (seed {seed}), and the queries the tour shows.

The newest {cold_notes:,} notes are newer than every interaction: nobody has seen them yet.
"""


@dataclass(frozen=True, slots=True)
class DemoSummary:
    """What a demo corpus holds; cold notes are newer than every interaction."""

    folder: Path
    notes: int
    cold_notes: int
    images: int
    users: int
    events: int
    topics: int
    categories: int


def make_demo_corpus(
    folder: Path,
    *,
    notes: int = 3000,
    users: int = 2000,
    seed: int = 7,
    on_progress: Callable[[int, int], None] | None = None,
    processes: int | None = None,
) -> DemoSummary:
    """Write a demo corpus into a folder that is new or empty, or return the one of this seed and size already there.

    `on_progress(covers drawn, covers)` is called along the way; processes None takes the machine's cores.
    Scripts need the usual `if __name__ == "__main__":`, for covers are drawn in spawned processes.
    Raises DemoError where the folder holds anything else, or the sizes make no corpus.
    """
    folder = Path(folder)
    if notes < FEWEST_NOTES or users < 1 or seed < 0:
        raise DemoError(
            f"a demo corpus needs at least {FEWEST_NOTES} notes, one user and a seed of 0 or more; "
            f"got {notes} notes, {users} users, seed {seed}"
        )
    if processes != 1 and parent_process() is not None:
        # A script without a main guard runs again in each process it spawns, which would then be killed half-way.
        raise DemoError("a process of another's pool cannot draw covers with processes of its own: pass processes=1")
    catalogue = load_catalogue()
    stamp = {"format": FORMAT, "seed": seed, "notes": notes, "users": users, "texts": _texts_digest(catalogue)}
    if found := _summary_there(folder, stamp):
        return found
    note_seed, user_seed, query_seed = SeedSequence(seed).spawn(3)
    styles = load_lifestyles()
    made = make_notes(catalogue, styles, notes, note_seed)
    events = make_events(made, styles, users, user_seed)
    summary = _summary(folder, catalogue, made, events, users)
    queries = pick_queries(made, np.random.default_rng(query_seed))
    with _finished_at_once(folder) as making:
        (making / "images").mkdir()
        _write_notes(making / "notes.jsonl", made)
        _write_events(making / "interactions.csv", events)
        _draw(making, made, seed, processes, on_progress)
        counts = {name: value for name, value in asdict(summary).items() if name != "folder"}
        _write(making / "README.md", README.format(**counts, seed=seed))
        _write(
            making / STAMP,
            json.dumps({"stamp": stamp, "counts": counts, "queries": queries}, indent=1, ensure_ascii=False) + "\n",
        )
    return summary


def demo_queries(folder: Path) -> DemoQueries:
    """Return the queries a demo corpus is shown with; raises DemoError where the folder is none."""
    folder = Path(folder)
    queries = _read_stamp(folder)["queries"]
    return DemoQueries(queries["cold_note_id"], queries["text"], folder / queries["image"])


def _texts_digest(catalogue: Catalogue) -> str:
    """What stands for all data files: other texts make another corpus of the same seed."""
    digest = hashlib.blake2b(catalogue.digest.encode(), digest_size=8)
    for name in ("phrases.toml", "lifestyles.toml"):
        digest.update(files("app.demo").joinpath(name).read_bytes().replace(b"\r\n", b"\n"))
    return digest.hexdigest()


def _read_stamp(folder: Path) -> dict[str, Any]:
    """Return the content of demo.json; raises DemoError."""
    try:
        found: dict[str, Any] = json.loads((folder / STAMP).read_text(encoding="utf-8"))
        keys = set(found)
    except (OSError, ValueError, TypeError) as error:
        raise DemoError(
            f"{folder} is no demo corpus: {STAMP} cannot be read ({error}); choose a new or empty folder"
        ) from error
    if not {"stamp", "counts", "queries"} <= keys:
        raise DemoError(f"{folder} is no demo corpus: {STAMP} holds {sorted(keys)}; choose a new or empty folder")
    return found


def _summary_there(folder: Path, stamp: dict[str, Any]) -> DemoSummary | None:
    """Return the summary of the corpus in the folder, None where there is nothing yet; raises DemoError."""
    if not folder.exists():
        return None
    if not folder.is_dir():
        raise DemoError(f"{folder} is a file; name a folder for the demo corpus")
    if not any(folder.iterdir()):
        return None
    if not (folder / STAMP).exists():
        raise DemoError(f"{folder} is not empty and holds no demo corpus; choose a new or empty folder")
    found = _read_stamp(folder)
    if found["stamp"] != stamp:
        raise DemoError(
            f"{folder} holds a demo corpus made otherwise: got {found['stamp']}, wanted {stamp}; "
            f"delete it or choose another folder"
        )
    return DemoSummary(folder, **found["counts"])


def _summary(
    folder: Path, catalogue: Catalogue, notes: Sequence[DemoNote], events: Sequence[Event], users: int
) -> DemoSummary:
    return DemoSummary(
        folder=folder,
        notes=len(notes),
        cold_notes=sum(note.cold for note in notes),
        images=sum(note.images for note in notes),
        users=users,
        events=len(events),
        topics=len(catalogue.topics),
        categories=len(catalogue.categories),
    )


@contextmanager
def _finished_at_once(folder: Path) -> Iterator[Path]:
    """Give a folder beside the wanted one, which takes its place at the end and is removed on any error."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    making = folder.with_name(f".{folder.name}.{os.getpid()}.making")
    making.mkdir()
    try:
        yield making
        try:
            if folder.exists():
                folder.rmdir()
            making.rename(folder)
        except OSError as error:
            raise DemoError(f"{folder} was filled while its demo corpus was being made; look there: {error}") from error
    finally:
        if making.exists():
            shutil.rmtree(making)


def _draw(
    folder: Path,
    notes: Sequence[DemoNote],
    seed: int,
    processes: int | None,
    on_progress: Callable[[int, int], None] | None,
) -> None:
    jobs = [
        (name, CoverSpec(note.topic.motif, note.topic.scenes, (seed, note.number, zlib.crc32(b"cover")), view))
        for note in notes
        for view, name in enumerate(note.image_names)
    ]
    draw_all(folder, jobs, processes=processes, on_progress=on_progress)


def _write_notes(path: Path, notes: Sequence[DemoNote]) -> None:
    rows = (
        {
            "id": note.id,
            "title": note.written.title,
            "body": note.written.body,
            "tags": note.written.tags,
            "category": note.topic.category,
            "images": note.image_names,
            "author": note.author,
            "created_at": note.created_at.isoformat().replace("+00:00", "Z"),
            "lang": note.lang,
        }
        for note in notes
    )
    _write(path, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))


def _write_events(path: Path, events: Sequence[Event]) -> None:
    rows = (f"{event.user},{event.note},{event.kind},{event.timestamp}\n" for event in events)
    _write(path, "user_id,note_id,event,timestamp\n" + "".join(rows))


def _write(path: Path, text: str) -> None:
    """Write UTF-8 with \\n line ends on every system."""
    path.write_text(text, encoding="utf-8", newline="\n")
