"""Recipes by name or path, with single fields set from outside."""

import difflib
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from training.errors import TrainingError
from training.recipes.config import HeadsStage, Recipe, Stage

# What a name may end in to be taken for a path.
SUFFIX = ".toml"


def recipe_names() -> list[str]:
    """Names of the recipes that come with notelens, sorted."""
    return sorted(path.name.removesuffix(SUFFIX) for path in _shelf().iterdir() if path.name.endswith(SUFFIX))


def shipped_recipes() -> Iterator[tuple[str, Recipe]]:
    """Each recipe that comes with notelens, by name."""
    for name in recipe_names():
        yield name, read_recipe(name)


def read_recipe(name: str, changes: Sequence[str] = ()) -> Recipe:
    """Read a recipe that comes with notelens, or a TOML file, and set fields of it.

    changes: `path=value` each, the path with dots, stages by name, the value as TOML writes it or, where it is no TOML,
    words: `stages.tune.optimiser.lr=2e-5`, `encoder=notellm:tiny`. Raises TrainingError naming the field.
    """
    values = _values(name)
    for change in changes:
        _set(values, change)
    return parse_recipe(values, name)


def parse_recipe(values: Mapping[str, Any], name: str = "recipe") -> Recipe:
    """Validate the values of a recipe. Raises TrainingError naming every faulty field."""
    try:
        return Recipe.model_validate(values)
    except ValidationError as error:
        faults = "; ".join(_fault(fault["loc"], fault["type"], fault["msg"], values) for fault in error.errors())
        raise TrainingError(f"recipe {name} is not valid: {faults}") from error


def _shelf() -> Any:
    # A Traversable, whose name typeshed keeps in another module from Python 3.12 on.
    return files("training.recipes")


def _values(name: str) -> dict[str, Any]:
    path = Path(name)
    if name in recipe_names():
        text = (_shelf() / f"{name}{SUFFIX}").read_text(encoding="utf-8")
    elif path.suffix == SUFFIX and path.is_file():
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise TrainingError(f"{path} cannot be read as a recipe: {error}") from error
    else:
        close = difflib.get_close_matches(name, recipe_names(), 1)
        meant = f" (did you mean {close[0]}?)" if close else ""
        raise TrainingError(
            f"no recipe {name!r}{meant}: there are {', '.join(recipe_names())}, or give a file that ends in {SUFFIX}"
        )
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise TrainingError(f"{name} is no TOML: {error}") from error


def _set(values: dict[str, Any], change: str) -> None:
    """Set one field of the values in place, tables on the way made where they are missing. Raises TrainingError."""
    path, equals, text = change.partition("=")
    keys = path.strip().split(".")
    if not equals or not all(keys):
        raise TrainingError(f"{change!r} sets nothing: write FIELD=VALUE, such as stages.tune.optimiser.lr=2e-5")
    here: Any = values
    for i, key in enumerate(keys[:-1]):
        here = _stage(here, key, change) if isinstance(here, list) else here.setdefault(key, {})
        if not isinstance(here, dict | list):
            raise TrainingError(f"{change!r}: {'.'.join(keys[: i + 1])} is {here!r}, which has no fields")
    if isinstance(here, list):
        raise TrainingError(f"{change!r} names a stage whole: name one of its fields, as {path.strip()}.steps=100")
    here[keys[-1]] = _value(text.strip())
    # Of the two ways to say how long a stage is, the one just given is meant.
    other = {"steps": "epochs", "epochs": "steps"}.get(keys[-1])
    if other and keys[0] == "stages":
        here.pop(other, None)


def _stage(stages: list[Any], name: str, change: str) -> dict[str, Any]:
    names = [_stage_name(stage) for stage in stages]
    if name not in names:
        raise TrainingError(f"{change!r}: the recipe has no stage {name!r}; its stages are {', '.join(names)}")
    found: dict[str, Any] = stages[names.index(name)]
    return found


def _stage_name(stage: Any) -> str:
    known = stage.get("name") or (stage.get("kind") == "heads" and HeadsStage().name) if isinstance(stage, dict) else ""
    return str(known or "?")


def _value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _fault(place: tuple[int | str, ...], kind: str, message: str, values: Mapping[str, Any]) -> str:
    """Say where a fault is as people write it: stages by name; and which fields there are where one is unknown."""
    keys = list(place)
    if len(keys) > 1 and keys[0] == "stages" and isinstance(keys[1], int):
        keys[1] = _stage_name(values["stages"][keys[1]])
        if len(keys) > 2 and keys[2] in ("contrastive", "heads"):
            del keys[2]
    path = ".".join(map(str, keys))
    if kind != "extra_forbidden":
        return f"{path or 'it'}: {message.removeprefix('Value error, ')}"
    known = _fields(keys[:-1], values)
    close = difflib.get_close_matches(str(keys[-1]), known, 1)
    meant = f"did you mean {close[0]}? " if close else ""
    return f"{path} is no field: {meant}there are {', '.join(known)}"


def _fields(keys: Sequence[int | str], values: Mapping[str, Any]) -> list[str]:
    """The fields of the table that keys lead to."""
    model: type[BaseModel] = Recipe
    rest = list(keys)
    if len(rest) > 1 and rest[0] == "stages":
        kinds = {_stage_name(stage): stage.get("kind", "contrastive") for stage in values["stages"]}
        model, rest = (HeadsStage if kinds[str(rest[1])] == "heads" else Stage), rest[2:]
    for key in rest:
        annotation = model.model_fields[str(key)].annotation
        inner = [each for each in (annotation, *getattr(annotation, "__args__", ())) if isinstance(each, type)]
        model = next((each for each in inner if issubclass(each, BaseModel)), model)
    return list(model.model_fields)
