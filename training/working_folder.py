"""The folder of a training that is under way: what it is of, which stages are done, and what they left.

OUT.training/
    recipe.toml         as it was resolved
    state.json          what the training is of, stages done, seconds spent
    pairs.parquet       or .csv: the pairs it learns from
    stages/NAME/        checkpoints and figures of a stage; encoder/ and encoder.json: what it ended with
"""

import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from safetensors import SafetensorError

from encoders.config import EncoderConfig, parse_config
from encoders.config_base import PartConfig
from index.files import is_full, sync_folder, write_atomically
from training.errors import TrainingError
from training.loop.identity import differences

SUFFIX, STATE, RECIPE, LOCK = ".training", "state.json", "recipe.toml", "lock"
STAGES, ENCODER, HEADS, CHECKPOINTS = "stages", "encoder", "heads", "checkpoints"
PARTIAL = "encoder.partial"
# What may stand in a working folder; one with anything else in it is somebody's, and is not touched.
NAMES = {STATE, RECIPE, LOCK, STAGES, PARTIAL, "pairs.parquet", "pairs.csv", "pairs.parquet.mining"}
FORMAT = 1


class WorkingFolder:
    """Made by `opened`; every write is whole or not at all."""

    def __init__(self, path: Path, state: dict[str, Any]) -> None:
        self.path, self._state = path, state

    @classmethod
    def beside(cls, out: Path) -> "WorkingFolder":
        """The folder as a process sees it that only reads there."""
        return cls(working_folder_of(out), {"stages": [], "notes": {}, "seconds": 0.0, "finished": False})

    def stage(self, name: str) -> Path:
        """The folder of a stage."""
        folder = self.path / STAGES / name
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    @property
    def spent(self) -> float:
        """Seconds that runs before took, as far as they wrote it down."""
        return float(self._state["seconds"])

    @property
    def done(self) -> list[dict[str, Any]]:
        """What was noted of the stages that are done, in order."""
        return [dict(stage) for stage in self._state["stages"]]

    @property
    def finished(self) -> bool:
        """Whether the encoder was put in its place."""
        return bool(self._state["finished"])

    def recall(self, name: str) -> Any:
        """What was noted under a name, None where nothing was."""
        return self._state["notes"].get(name)

    def note(self, name: str, value: Any, seconds: float) -> None:
        """Keep a JSON value for a run that goes on from here; seconds: spent so far."""
        self._state["notes"][name] = value
        self._write(seconds)

    def save_stage(self, name: str, save: Callable[[Path], PartConfig]) -> EncoderConfig:
        """Have `save` write the encoder a stage ends with, into an empty folder; returns what reads it from there.

        Raises TrainingError where it cannot be written.
        """
        folder, partial = self.stage(name) / ENCODER, self.stage(name) / PARTIAL
        with writing(folder):
            for old in (folder, partial):
                shutil.rmtree(old, ignore_errors=True)
            partial.mkdir()
            config = save(partial)
            for each in (partial, *(path for path in partial.rglob("*") if path.is_dir())):
                _sync_files(each)
            described = json.dumps(config.model_dump(mode="json"), indent=2, ensure_ascii=False)
            write_atomically(folder.with_suffix(".json"), lambda path: path.write_text(described, encoding="utf-8"))
            partial.rename(folder)
        return self.saved_stage(name)

    def saved_stage(self, name: str) -> EncoderConfig:
        """The configuration of what a stage that is done ended with. Raises TrainingError."""
        folder = self.stage(name) / ENCODER
        try:
            values = json.loads(folder.with_suffix(".json").read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise TrainingError(
                f"{folder} cannot be read ({error}): delete {self.path} and train from the beginning"
            ) from error
        return parse_config(values).located_in(folder)

    def finish_stage(self, summary: Mapping[str, Any], seconds: float) -> None:
        """Write down that a stage is done, and remove its checkpoints and what the one before it ended with."""
        before = self._state["stages"][-1:]
        self._state["stages"].append(dict(summary))
        self._write(seconds)
        shutil.rmtree(self.stage(str(summary["name"])) / CHECKPOINTS, ignore_errors=True)
        for stage in before:
            shutil.rmtree(self.stage(str(stage["name"])) / ENCODER, ignore_errors=True)

    def clear(self, seconds: float) -> None:
        """Leave of a training that is done only what people may read: recipe, pairs, figures."""
        self._state["finished"] = True
        self._write(seconds)
        for stage in self._state["stages"]:
            for heavy in (ENCODER, HEADS, CHECKPOINTS):
                shutil.rmtree(self.stage(str(stage["name"])) / heavy, ignore_errors=True)

    def _write(self, seconds: float) -> None:
        self._state["seconds"] = seconds
        text = json.dumps(self._state, indent=2, ensure_ascii=False) + "\n"
        with writing(self.path / STATE):
            write_atomically(self.path / STATE, lambda path: path.write_text(text, encoding="utf-8"))


def working_folder_of(out: Path) -> Path:
    """Where a training that will end as `out` works."""
    return out.with_name(out.name + SUFFIX)


@contextmanager
def opened(out: Path, identity: Mapping[str, Any], recipe: str, resume: bool) -> Iterator[WorkingFolder]:
    """Make the working folder of an encoder, or open the one that a run before left, for this process alone.

    identity: JSON values that must be the same for a run to go on with what another began; recipe: its TOML. What ended
    before its first checkpoint is begun anew, and what stages say that have not begun may differ. Raises TrainingError
    for a folder with more in it without resume, and for one that is in use, not of this notelens, or of another
    training, naming what differs.
    """
    folder = working_folder_of(out)
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / LOCK, timeout=0)
    try:
        lock.acquire()
    except Timeout as error:
        raise TrainingError(f"{folder} is in use by another training: wait for it, or name another --out") from error
    try:
        state = _resumed(folder, identity) if _is_begun(folder, resume) else _fresh(folder, identity)
        found = WorkingFolder(folder, state)
        with writing(folder / RECIPE):
            write_atomically(folder / RECIPE, lambda path: path.write_text(recipe, encoding="utf-8"))
        found._write(found.spent)
        yield found
    finally:
        lock.release()


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn what goes wrong while `path` is written into TrainingError, which says how to go on."""
    try:
        yield
    except (OSError, SafetensorError) as error:
        raise not_written(path, error) from error


def not_written(path: Path, error: Exception) -> TrainingError:
    """What to tell the user of a write that failed."""
    if is_full(error):
        return TrainingError(
            f"the disk is full: {path} could not be written. What was saved before is whole: free some space, then go "
            "on with --resume"
        )
    return TrainingError(f"{path} could not be written: {error}")


def _sync_files(folder: Path) -> None:
    for path in folder.iterdir():
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())
    sync_folder(folder, files=False)


def _is_begun(folder: Path, resume: bool) -> bool:
    """Whether a run before left what it took time to make. Raises TrainingError where that would be lost."""
    if strange := [path.name for path in folder.iterdir() if path.name.removesuffix(".tmp") not in NAMES]:
        raise TrainingError(
            f"{folder} is no folder of a training ({strange[0]} is in it): move it away, or name another --out"
        )
    begun = bool(_begun_stages(folder))
    if begun and not resume:
        way = "" if _is_finished(folder) else "go on from it with --resume, or "
        raise TrainingError(f"{folder} is there already: {way}delete it to train from the beginning")
    return begun


def _is_finished(folder: Path) -> bool:
    """Whether the training came to its end, and what it left is figures."""
    try:
        return bool(json.loads((folder / STATE).read_text(encoding="utf-8"))["finished"])
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _begun_stages(folder: Path) -> set[str]:
    """The names of the stages that left a checkpoint, or an encoder."""
    left = (f"*/{CHECKPOINTS}/*", f"*/{ENCODER}.json")
    return {path.relative_to(folder / STAGES).parts[0] for each in left for path in (folder / STAGES).glob(each)}


def _so_far(identity: Mapping[str, Any], begun: set[str]) -> dict[str, Any]:
    """An identity without the stages of its recipe that have not begun, from which nothing follows yet."""
    found = dict(identity)
    if isinstance(recipe := found.get("recipe"), dict) and {"order", "stages"} <= recipe.keys():
        stages = {name: values for name, values in recipe["stages"].items() if name in begun}
        found["recipe"] = recipe | {"order": recipe["order"][: len(begun)], "stages": stages}
    return found


def _fresh(folder: Path, identity: Mapping[str, Any]) -> dict[str, Any]:
    """The state of a training that begins; what one left that hardly began is removed."""
    for path in folder.iterdir():
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        elif path.name != LOCK:
            path.unlink(missing_ok=True)
    return {"format": FORMAT, "of": dict(identity), "seconds": 0.0, "stages": [], "notes": {}, "finished": False}


def _resumed(folder: Path, identity: Mapping[str, Any]) -> dict[str, Any]:
    """The state that a run before left. Raises TrainingError."""
    path = folder / STATE
    anew = f"delete {folder} and train from the beginning"
    try:
        state = json.loads(path.read_text(encoding="utf-8"))
        before = dict(state["of"])
        known = state["format"] == FORMAT and isinstance(state["stages"], list) and isinstance(state["notes"], dict)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise TrainingError(f"{path} cannot be read ({error}): {anew}") from error
    if not known:
        raise TrainingError(f"{path} is of another notelens: {anew}")
    if state.get("finished"):
        raise TrainingError(f"{folder} is of a training that came to its end, so nothing is left to go on with: {anew}")
    now, begun = json.loads(json.dumps(dict(identity))), _begun_stages(folder)
    if different := list(differences(_so_far(before, begun), _so_far(now, begun))):
        raise TrainingError(f"{folder} is of another training: {'; '.join(different)}. Go on as it began, or {anew}")
    return dict(state) | {"of": now}
