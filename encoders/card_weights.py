"""How many parameters the safetensors of a folder hold, told from their headers."""

import math
from dataclasses import dataclass
from pathlib import Path

from encoders.text.stock import sha256

# Formats of positions, counters and masks.
NO_WEIGHTS = ("I64", "I32", "BOOL")


@dataclass(frozen=True, slots=True)
class Weights:
    """The weights of one part: the count of their numbers, and the formats these are stored in."""

    parameters: int
    formats: tuple[str, ...]


def parameters_of(folder: Path) -> int:
    """Count the parameters of an encoder folder; of files that are the same, as both halves of a CLIP keep, one."""
    by_size: dict[int, list[Path]] = {}
    for path in sorted(folder.rglob("*.safetensors")):
        by_size.setdefault(path.stat().st_size, []).append(path)
    total = 0
    for paths in by_size.values():
        # Only files of one size can be the same: the others, which may be large, need not be read.
        different = {sha256(path): path for path in paths}.values() if len(paths) > 1 else paths
        total += sum(sum(_formats(path).values()) for path in different)
    return total


def weights_in(folder: Path) -> dict[str, Weights]:
    """Count the parameters of each part of an encoder folder; a part is a subfolder, or a file at the top."""
    found: dict[str, dict[str, int]] = {}
    for path in sorted(folder.rglob("*.safetensors")):
        part = path.relative_to(folder).parts[0]
        formats = found.setdefault(part.removesuffix(".safetensors"), {})
        for kind, count in _formats(path).items():
            formats[kind] = formats.get(kind, 0) + count
    return {part: Weights(sum(formats.values()), tuple(sorted(formats))) for part, formats in found.items()}


def _formats(path: Path) -> dict[str, int]:
    """The count of parameters in a file, by the format they are stored in."""
    from safetensors import safe_open

    formats: dict[str, int] = {}
    with safe_open(path, "numpy") as file:
        for name in file.keys():  # noqa: SIM118  the file is no mapping
            tensor = file.get_slice(name)
            kind = str(tensor.get_dtype())
            if kind not in NO_WEIGHTS:
                formats[kind] = formats.get(kind, 0) + math.prod(tensor.get_shape())
    return formats
