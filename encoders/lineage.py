"""What encoders that others were made from were trained on: it goes with the weights, however often they are saved."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel

RECORD = "training.json"
TRAINED_ON, BASE_MODELS = "trained_on", "base_models"


def trainings(config: BaseModel | Mapping[str, Any]) -> list[dict[str, Any]]:
    """What the weights that a configuration names were trained on, the last training first; no record, no entry.

    config: as a saved encoder has it, its parts named by absolute paths; also as JSON, as an index keeps it.
    """
    values = config.model_dump(mode="json") if isinstance(config, BaseModel) else config
    found: list[dict[str, Any]] = []
    for folder in dict.fromkeys(_folders(values)):
        found += [each for each in _read(folder / RECORD).get(TRAINED_ON, []) if each not in found]
    return found


def carried_records(config: BaseModel) -> dict[str, dict[str, Any]]:
    """The record of an encoder that is saved anew without training."""
    found = trainings(config)
    return {RECORD: {"format": 1, TRAINED_ON: found, BASE_MODELS: inherited_base_models(config)}} if found else {}


def inherited_base_models(config: BaseModel) -> dict[str, str]:
    """The weights that a trained encoder was made from in the beginning, {name: licence}; none without a record."""
    found: dict[str, str] = {}
    for folder in dict.fromkeys(_folders(config.model_dump(mode="json"))):
        found |= _read(folder / RECORD).get(BASE_MODELS, {})
    return found


def _folders(values: Any) -> Iterator[Path]:
    """The folders that may be the encoder's, of every absolute path a configuration names."""
    if isinstance(values, Mapping):
        for value in values.values():
            yield from _folders(value)
    elif isinstance(values, str) and Path(values).is_absolute():
        yield Path(values).parent


def _read(path: Path) -> dict[str, Any]:
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):  # no record, or a file of another kind that happens to be called so
        return {}
    return values if isinstance(values, dict) else {}
