"""What a folder in the layout of Hugging Face transformers must hold before the library is let at it."""

import json
from pathlib import Path
from typing import Any

from encoders.errors import EncoderError, WeightsError

WEIGHTS_FILE, INDEX_FILE = "model.safetensors", "model.safetensors.index.json"
# Any of these is what a tokenizer is read from.
TOKENIZER_FILES = (
    "tokenizer.json",
    "vocab.txt",
    "vocab.json",
    "tokenizer.model",
    "spiece.model",
    "sentencepiece.bpe.model",
    "spm.model",
)


def check_config(folder: Path) -> None:
    """Raise EncoderError where config.json is missing, broken, or of a model that needs code of its own."""
    if (folder / "adapter_config.json").is_file():
        # transformers would follow it to a base model elsewhere, and take pickled adapters too.
        raise EncoderError(
            f"{folder} holds an adapter (adapter_config.json), not a model: name the base model, this as its adapter"
        )
    if not (folder / "config.json").is_file():
        raise EncoderError(
            f"{folder} has no config.json (it has {_listing(folder)}): name the folder of a transformers model, as "
            "save_pretrained or hf download writes it"
        )
    config = _read_object(folder / "config.json", EncoderError)
    kind = config.get("model_type")
    if not isinstance(kind, str):
        raise EncoderError(f"{folder}/config.json names no model_type, so it is not of a transformers model")
    from transformers import CONFIG_MAPPING

    if kind in CONFIG_MAPPING:
        return
    if config.get("auto_map"):
        raise EncoderError(
            f"{folder} is a {kind!r} model, which comes with Python code of its own (auto_map); notelens never "
            "runs code from a model: take a model of a type that transformers has"
        )
    raise EncoderError(f"transformers has no model type {kind!r} ({folder}/config.json): upgrade it, or take another")


def check_weights(folder: Path) -> None:
    """Raise WeightsError where transformers would not read safetensors alone, or some of their parts are missing.

    It reads exactly the file that config.json names as `transformers_weights`, whatever its kind, else
    model.safetensors or the list of parts; other safetensors beside them are not looked at.
    """
    name = _weights_name(folder)
    if name.endswith(INDEX_FILE):
        check_parts(folder / name)
    elif not (folder / name).is_file():
        raise WeightsError(
            f"{folder} has no {name} (it has {_listing(folder)}); pickled weights can run code and are "
            "refused: convert them (save_pretrained of transformers writes safetensors), or give a seed for random ones"
        )


def _weights_name(folder: Path) -> str:
    """The file that must be there, weights or a list of their parts."""
    path = folder / "config.json"
    named = _read_object(path, EncoderError).get("transformers_weights") if path.is_file() else None
    if named is None:
        return INDEX_FILE if (folder / INDEX_FILE).is_file() else WEIGHTS_FILE
    # Only the list of parts has another ending: transformers would unpickle whatever does not end so.
    if not str(named).endswith((".safetensors", INDEX_FILE)) or Path(str(named)).name != named:
        raise WeightsError(
            f"{path} names {named!r} as its weights (transformers_weights), which is no safetensors file in this "
            "folder; pickled weights can run code and are refused: save the model again (save_pretrained)"
        )
    return str(named)


def check_parts(index: Path) -> None:
    """Raise WeightsError where a list of parts is broken, names anything but safetensors beside it, or lacks one."""
    parts = _read_object(index, WeightsError).get("weight_map")
    if not isinstance(parts, dict):
        raise WeightsError(f"{index} lists no weight_map: copy or fetch the folder again")
    names = sorted({str(name) for name in parts.values()})
    outside = [name for name in names if Path(name).name != name]
    if outside:
        raise WeightsError(f"{index} names weights outside its folder: {outside[0]}")
    others = [name for name in names if not name.endswith(".safetensors")]
    if others:
        raise WeightsError(
            f"{index} names {others[0]}, which is no .safetensors file; pickled weights can run code and are refused: "
            "save the model again (save_pretrained of transformers writes safetensors)"
        )
    missing = [name for name in names if not (index.parent / name).is_file()]
    if missing:
        raise WeightsError(
            f"{index.parent} lacks {len(missing)} of its {len(names)} weight files ({missing[0]}): "
            "copy or fetch it again"
        )


def check_tokenizer(folder: Path) -> None:
    """Raise EncoderError where there is no tokenizer: for some models transformers makes up an empty one silently."""
    if not any((folder / name).is_file() for name in TOKENIZER_FILES):
        raise EncoderError(
            f"{folder} has no tokenizer (none of {', '.join(TOKENIZER_FILES)}): copy the tokenizer files of the model "
            "it was made from beside config.json"
        )


def _listing(folder: Path) -> str:
    return ", ".join(sorted(path.name for path in folder.iterdir())) or "nothing"


def _read_object(path: Path, error: type[EncoderError]) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as fault:
        raise error(f"{path} cannot be read ({fault}): copy or fetch the folder again") from fault
    if not isinstance(value, dict):
        raise error(f"{path} holds no JSON object: copy or fetch the folder again")
    return value
