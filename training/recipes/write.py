"""A recipe as TOML, as `read_recipe` reads it again."""

import json
import math
from collections.abc import Mapping
from typing import Any

from training.recipes.config import Recipe


def as_toml(recipe: Recipe) -> str:
    """Write every field of a recipe that has a value, stages as tables of their own."""
    values = recipe.model_dump(mode="json", exclude_none=True)
    stages = values.pop("stages")
    tables = {name: value for name, value in values.items() if isinstance(value, dict)}
    lines = [f"{name} = {_value(value)}" for name, value in values.items() if name not in tables]
    for name, table in tables.items():
        lines += ["", f"[{name}]", *_lines(table)]
    for stage in stages:
        lines += ["", "[[stages]]", *_lines(stage)]
    return "\n".join(lines) + "\n"


def _lines(table: Mapping[str, Any]) -> list[str]:
    return [f"{_key(name)} = {_value(value)}" for name, value in table.items()]


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        inner = ", ".join(_lines({name: each for name, each in value.items() if each is not None}))
        return f"{{ {inner} }}" if inner else "{}"
    if isinstance(value, list):
        return f"[{', '.join(map(_value, value))}]"
    if isinstance(value, str):
        # TOML's basic strings are JSON's, but for one character that JSON leaves as it is.
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, float) and math.isinf(value):
        return "inf" if value > 0 else "-inf"
    return json.dumps(value)


def _key(name: str) -> str:
    bare = name.isascii() and name.replace("-", "_").isidentifier()
    return name if bare else _value(name)
