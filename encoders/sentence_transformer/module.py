"""An encoder folder as a model of sentence-transformers: the files that the library looks for.

    SentenceTransformer(folder, trust_remote_code=True)

The folder holds no code: `modules.json` names NoteModule of the installed notelens (note_module.py). Since version 6
the library imports no class that is not its own unless told to trust it, whether or not it is installed; hence the
flag. Without it the library says so and names it. `open_folder` needs no flag, because there the caller names notelens.
"""

import json
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

from encoders.errors import EncoderError

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

    from encoders.device import Precision

MODULES = "modules.json"
SETTINGS = "config_sentence_transformers.json"
NOTE_MODULE = "encoders.sentence_transformer.note_module.NoteModule"


def write_modules(folder: Path) -> None:
    """Write modules.json and config_sentence_transformers.json; as the library itself does, byte for byte."""
    modules = [{"idx": 0, "name": "0", "path": "", "type": NOTE_MODULE}]
    (folder / MODULES).write_text(json.dumps(modules, indent=2), encoding="utf-8")
    settings = {
        "default_prompt_name": None,
        "model_type": "SentenceTransformer",
        "prompts": {"document": "", "query": ""},
        "requirements": _requirements(),
        "similarity_fn_name": "cosine",
    }
    (folder / SETTINGS).write_text(json.dumps(settings, indent=2, sort_keys=True), encoding="utf-8")


def open_folder(folder: Path | str, precision: "Precision" = "auto", dim: int | None = None) -> "SentenceTransformer":
    """Open an encoder folder as a SentenceTransformer; raises EncoderError where its modules are any but ours.

    dim: keep only so many numbers of a vector, as `truncate_dim` does (arXiv 2205.13147).
    """
    try:
        from sentence_transformers import SentenceTransformer
    except ImportError as error:
        raise EncoderError(
            f"this needs sentence-transformers ({error}): pip install 'sentence-transformers>=6'"
        ) from error
    path = Path(folder) / MODULES
    try:
        types = [module["type"] for module in json.loads(path.read_text(encoding="utf-8"))]
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise EncoderError(f"{path} cannot be read ({error}): name a folder that save_pretrained wrote") from error
    if types != [NOTE_MODULE]:
        raise EncoderError(f"{path} names {types}, not the one module of notelens: open it with sentence-transformers")
    return SentenceTransformer(
        str(folder),
        trust_remote_code=True,  # trusts the installed notelens alone: no other class is named, as just seen
        local_files_only=True,
        truncate_dim=dim,
        model_kwargs={"dtype": precision},
    )


def _requirements() -> dict[str, dict[str, str]]:
    """What the library checks before it opens the folder: that notelens is installed, from this version on."""
    try:
        installed = version("notelens")
    except PackageNotFoundError:  # run from its source: nothing to compare with
        return {}
    return {"notelens": {"specifier": f">={installed}", "reason": "Its code encodes the notes; the folder holds none."}}
