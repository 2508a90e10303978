"""Which files of a model of sentence-transformers are read as weights: safetensors alone, wherever they lie in it."""

import json
from pathlib import Path

from encoders.errors import WeightsError
from encoders.model_folder import INDEX_FILE, WEIGHTS_FILE, check_weights

PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle")


def check_safetensors(folder: Path) -> None:
    """Raise WeightsError where the library, transformers or peft would read pickled weights from a folder.

    They look for safetensors under one name, and read the pickle of that name where there are none: safetensors of
    another name are no reason to trust a pickle beside them.
    """
    for path in sorted(folder.rglob("*")):
        if path.suffix in PICKLES:
            _check_pickle(path)
        elif path.name == "config.json" and ((path.parent / INDEX_FILE).is_file() or _names_weights(path)):
            check_weights(path.parent)


def _check_pickle(path: Path) -> None:
    """Refuse a pickle unless the safetensors that are read in its place lie beside it."""
    instead = [WEIGHTS_FILE]
    if path.stem == "adapter_model":
        instead = ["adapter_model.safetensors"]
    elif path.name != "pytorch_model.bin":
        # The library's own modules know no list of parts: without model.safetensors they read exactly that file.
        instead.append(INDEX_FILE)
    if not any((path.parent / name).is_file() for name in instead):
        raise WeightsError(
            f"{path} holds pickled weights, which can run code, and no {instead[0]} lies beside it: "
            "convert it (save_pretrained of the library that made it writes safetensors)"
        )


def _names_weights(path: Path) -> bool:
    """Whether a config.json names the file of its weights itself; one that cannot be read is told of elsewhere."""
    try:
        described = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(described, dict) and described.get("transformers_weights") is not None
