"""The pairs a training learns from: mined within what its split leaves, or given, and held against it."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from encoders.note import Note
from index.files import write_atomically
from training.batches.graph import PairGraph
from training.batches.reading import trainable
from training.errors import TrainingError
from training.mining.database import Resources
from training.mining.errors import MiningError, NothingMined
from training.mining.mine import Progress, Task, mine
from training.mining.report import MiningReport, Removed
from training.mining.writing import read_about
from training.pairs import check_pairs, read_pairs
from training.recipes.config import Recipe
from training.setting import Setting
from training.working_folder import writing

MINED, GIVEN = "pairs.parquet", "pairs.csv"


@dataclass(frozen=True, slots=True)
class Positives:
    """Pairs as a graph, its notes by place, and mining's counts, where the pairs say how they were made."""

    graph: PairGraph
    notes: tuple[Note, ...]
    report: MiningReport | None
    remarks: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Counts for a record."""
        graph = self.graph
        return {
            "pairs": len(graph.pairs),
            "notes in pairs": len(graph),
            "pairs left out": graph.dropped.unknown + graph.dropped.alone,
            **({"mining": self.report.as_json()} if self.report else {}),
        }


def mined_pairs(
    setting: Setting, recipe: Recipe, folder: Path, pictures: bool, progress: Progress | None = None
) -> Positives:
    """Mine into the folder, within what the split leaves. pictures: whether the encoder reads them.

    Raises TrainingError where nothing is left, saying which bound removed how many, and other MiningErrors.
    """
    if setting.file is None:
        raise TrainingError("there are no interactions to mine pairs from: give --interactions, or pairs with --pairs")
    task = Task(setting.file, recipe.mining, recipe.bounds, setting.held, setting.facts.ids)
    try:
        found = mine(task, folder / MINED, None, Resources(), progress)
    except NothingMined as error:
        raise TrainingError(
            f"{error}. In a recipe the bounds are bounds.min_users, bounds.at_least, ...: --set bounds.at_least=0"
        ) from error
    return _checked(folder / MINED, setting, pictures, found.remarks)


def given_pairs(setting: Setting, path: Path, folder: Path, pictures: bool) -> Positives:
    """Copy pairs into the folder and hold them against the split.

    Raises PairsError, LeakFound, and TrainingError where no pair is of notes of the corpus.
    """
    found = _checked(path, setting, pictures)  # before it is copied: errors name the user's file
    copy = folder / (MINED if path.suffix.lower() == ".parquet" else GIVEN)
    with writing(copy):
        write_atomically(copy, lambda part: shutil.copyfile(path, part))
    return found


def kept_pairs(setting: Setting, folder: Path, pictures: bool) -> Positives | None:
    """The pairs that a run before left in the folder, None where it did not come so far."""
    kept = next((folder / name for name in (MINED, GIVEN) if (folder / name).is_file()), None)
    return _checked(kept, setting, pictures) if kept else None


def _checked(path: Path, setting: Setting, pictures: bool, remarks: tuple[str, ...] = ()) -> Positives:
    """Read pairs and hold them against corpus and split, whoever made them."""
    found = check_pairs(path, setting.leaks)[0] if setting.leaks else read_pairs(path)
    report = _report(path)
    graph = PairGraph.of(found, setting.facts.ids, report)
    dropped = graph.dropped.remark()
    remarks = (*remarks, dropped) if dropped else remarks
    notes = setting.notes_of(graph.ids)
    if unread := {name for name, note in notes.items() if not (note.has_text or (pictures and trainable(note)))}:
        remarks = (*remarks, f"{len(unread):,} notes in pairs have nothing that the encoder can read, and are left out")
        graph = PairGraph.of(found, [name for name in setting.facts.ids if name not in unread], report)
    return Positives(graph, tuple(notes[name] for name in graph.ids), report, remarks)


def _report(path: Path) -> MiningReport | None:
    """What mining wrote about the pairs, if it did."""
    if path.suffix != ".parquet":
        return None
    try:
        counts = dict(read_about(path)["counts"])
        return MiningReport(**counts | {"removed": Removed(**counts["removed"])})
    except (MiningError, KeyError, TypeError):  # pairs of elsewhere, or of a notelens that counted otherwise
        return None
