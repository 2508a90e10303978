"""How many parameters the safetensors of a folder hold, told from their headers."""

import math
from dataclasses import dataclass
from pathlib import Path

# Formats of positions, counters and masks.
NO_WEIGHTS = ("I64", "I32", "BOOL")


@dataclass(frozen=True, slots=True)
class Weights:
    """The weights of one part: the count of their numbers, and the formats these are stored in."""

    parameters: int
    formats: tuple[str, ...]


def weights_in(folder: Path) -> dict[str, Weights]:
    """Count the parameters of each part of an encoder folder; a part is a subfolder, or a file at the top."""
    from safetensors import safe_open

    found: dict[str, dict[str, int]] = {}
    for path in sorted(folder.rglob("*.safetensors")):
        part = path.relative_to(folder).parts[0]
        formats = found.setdefault(part.removesuffix(".safetensors"), {})
        with safe_open(path, "numpy") as file:
            for name in file.keys():  # noqa: SIM118  the file is no mapping
                tensor = file.get_slice(name)
                kind = str(tensor.get_dtype())
                if kind not in NO_WEIGHTS:
                    formats[kind] = formats.get(kind, 0) + math.prod(tensor.get_shape())
    return {part: Weights(sum(formats.values()), tuple(sorted(formats))) for part, formats in found.items()}
