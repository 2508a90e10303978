"""Models of sentence-transformers on disk: what they read, loading them safely, and what decides their vectors.

A model is a folder of modules (`modules.json`) or a plain transformers model. Only the library's own module classes
and safetensors are let in, and nothing is fetched once the folder is there.
"""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from encoders.blocks import Vectors
from encoders.device import Precision, best_device, resolve_precision
from encoders.errors import EncoderError, WeightsError
from encoders.hub import find_model, state_digest
from encoders.sentence_transformer.identity import described
from encoders.sentence_transformer.inputs import takes_kinds
from encoders.sentence_transformer.safetensors_only import check_safetensors

if TYPE_CHECKING:
    import torch
    from sentence_transformers import SentenceTransformer

OWN_MODULES = "sentence_transformers."
# As `encode_document` looks for them: notes are documents on both sides of a search.
DOCUMENT_PROMPTS = ("document", "passage", "corpus")


@dataclass(frozen=True, slots=True)
class Loaded:
    """A model ready to encode, and what decides its vectors up to rounding.

    prompt: what is put before every text: the model's prompt for documents, else its default prompt, else nothing.
    stored: the number format its weights had in the file.
    """

    model: "SentenceTransformer"
    prompt: str
    max_tokens: int | None
    identity: dict[str, object]
    stored: "torch.dtype"


def reads_pictures(model: str, revision: str | None = None) -> bool:
    """Whether a model reads pictures as well as text, told from its configuration alone; raises WeightsError."""
    folder = find_model(model, revision, weights=False)
    modules = _modules(folder)
    if modules is None:
        # A plain transformers model: it takes pictures where a processor for them lies beside it.
        return bool(
            _read(folder / "preprocessor_config.json").get("image_processor_type")
            or _read(folder / "processor_config.json").get("image_processor")
        )
    first = modules[0]
    place = folder / str(first.get("path", ""))
    if str(first["type"]).endswith(".Router"):
        parts = _read(place / "router_config.json").get("types") or {}
        return any(_reads_pictures(place / part, str(kind)) for part, kind in parts.items())
    return _reads_pictures(place, str(first["type"]))


def load(model: str, revision: str | None, max_tokens: int | None, precision: Precision) -> Loaded:
    """Load a model by folder or hub name on the best device; raises WeightsError and EncoderError.

    max_tokens: cut texts there instead of where the model does, or at its last position.
    """
    import torch

    folder = find_model(model, revision)
    check_folder(folder)
    loaded = _open(folder)
    cut = _max_tokens(loaded, max_tokens, folder)
    prompts = loaded.prompts
    named = [prompts[name] or "" for name in DOCUMENT_PROMPTS if prompts.get(name)]
    prompt = (named[0] if named else prompts.get(loaded.default_prompt_name or "")) or ""
    identity: dict[str, object] = {
        "weights": state_digest(loaded),
        "modules": hashlib.sha256(json.dumps(described(loaded), sort_keys=True).encode()).hexdigest(),
        "prompt": prompt,
        "max_tokens": cut,
        "truncate_dim": loaded.truncate_dim,
    }
    device = best_device()
    stored = loaded.dtype or torch.float32
    loaded.to(device=device, dtype=resolve_precision(precision, device))
    return Loaded(loaded.eval(), prompt, cut, identity, stored)


def encode(loaded: Loaded, inputs: list[Any]) -> Vectors:
    """Run `SentenceTransformer.encode` on N inputs of one kind as documents: unit rows, float32 [N, dim].

    Not for several threads at once: the library's tokenizers keep padding and cutting as state.
    Raises EncoderError.
    """
    try:
        rows = loaded.model.encode(
            inputs, normalize_embeddings=True, convert_to_tensor=True, show_progress_bar=False, **_options(loaded)
        )
    except (ValueError, TypeError, KeyError, IndexError, RuntimeError) as error:
        raise EncoderError(f"the sentence-transformers model failed on its input: {error}") from error
    vectors: Vectors = rows.float().cpu().numpy()
    return vectors


def forward(loaded: Loaded, inputs: list[Any]) -> "torch.Tensor":
    """Run N inputs of one kind as `encode` does, in one batch, in the mode the model is in, with gradients.

    Returns float32 [N, dim], not of unit length. Not for several threads at once. Raises EncoderError.
    """
    from sentence_transformers.util import batch_to_device

    options = _options(loaded)
    try:
        features = loaded.model.preprocess(inputs, **options)
        options.pop("prompt")
        out = loaded.model(batch_to_device(features, loaded.model.device), **options)
    except (ValueError, TypeError, KeyError, IndexError, RuntimeError) as error:
        raise EncoderError(f"the sentence-transformers model failed on its input: {error}") from error
    rows: torch.Tensor = out["sentence_embedding"]
    return rows[:, : loaded.model.truncate_dim].float()


def _options(loaded: Loaded) -> dict[str, Any]:
    options: dict[str, Any] = {"task": "document", "prompt": loaded.prompt}
    if loaded.max_tokens is not None and takes_kinds(loaded.model):
        # Given with each call, because processors of text and pictures do not heed the model's own limit.
        options["processing_kwargs"] = {"text": {"truncation": "longest_first", "max_length": loaded.max_tokens}}
    return options


def save(model: str, revision: str | None, loaded: Loaded, folder: Path, trained: bool = False) -> None:
    """Write a model whole into a folder, with its weights as they were stored; trained: as they are in memory."""
    folder.mkdir(parents=True, exist_ok=True)
    written = loaded.model
    if written.dtype != loaded.stored and not trained:
        # The one in memory is rounded or widened, and the fingerprint is of the weights as stored.
        written = _open(find_model(model, revision))
    if loaded.max_tokens is not None and written.max_seq_length not in (None, loaded.max_tokens):
        written.max_seq_length = loaded.max_tokens
    written.save_pretrained(str(folder), create_model_card=False)


def check_folder(folder: Path) -> None:
    """Refuse what is no model of sentence-transformers, foreign module classes and pickled weights."""
    modules = _modules(folder)
    if modules is None and not (folder / "config.json").is_file():
        found = ", ".join(sorted(path.name for path in folder.iterdir())) or "nothing"
        raise WeightsError(
            f"{folder} holds no model: wanted modules.json (sentence-transformers) or config.json (transformers), "
            f"found {found}"
        )
    for module in modules or ():
        kind = str(module["type"])
        if kind.startswith("encoders."):
            raise EncoderError(f"{folder} is an encoder folder of notelens: name it as it is, without 'st:'")
        if not kind.startswith(OWN_MODULES):
            raise EncoderError(
                f"{folder} is made of {kind}, code that is not of sentence-transformers; such code is not run: "
                "take a model of the library's own modules"
            )
    check_safetensors(folder)


def _open(folder: Path) -> "SentenceTransformer":
    from safetensors import SafetensorError

    try:
        from sentence_transformers import SentenceTransformer
        from transformers.utils import logging
    except ImportError as error:
        raise EncoderError(
            f"models of sentence-transformers need that library ({error}): pip install 'sentence-transformers>=6'"
        ) from error
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]  # the library leaves it untyped
    try:
        return SentenceTransformer(
            str(folder),
            device="cpu",
            trust_remote_code=False,
            local_files_only=True,
            model_kwargs={"dtype": "auto", "use_safetensors": True},
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RuntimeError, ImportError) as error:
        if "trust_remote_code" in str(error):
            raise EncoderError(
                f"the model in {folder} needs code of its own, which is not run: take one of an architecture that "
                "transformers has"
            ) from error
        raise EncoderError(f"sentence-transformers cannot open {folder}: {error}") from error
    except SafetensorError as error:
        raise WeightsError(f"the weights in {folder} cannot be read: {error}") from error


def _max_tokens(model: "SentenceTransformer", asked: int | None, folder: Path) -> int | None:
    """Where texts are cut: as asked, else where the model says, but never beyond its last position."""
    config = model.config
    text: Any = config.get_text_config() if config else None
    positions: int | None = getattr(text, "max_position_embeddings", None)
    if positions is not None and str(getattr(text, "model_type", "")).endswith("roberta"):
        positions -= (text.pad_token_id or 0) + 1  # its positions are counted from behind the padding's id
    if asked is not None and positions is not None and asked > positions:
        raise EncoderError(f"max_tokens {asked} is more than the {positions} positions of {folder}; give fewer")
    limits = [limit for limit in (asked or model.max_seq_length, positions) if limit is not None]
    if not limits:
        return None
    if model.max_seq_length is not None and model.max_seq_length != min(limits):
        model.max_seq_length = min(limits)
    return min(limits)


def _reads_pictures(place: Path, kind: str) -> bool:
    if kind.endswith(".CLIPModel"):
        return True
    modalities = _read(place / "sentence_bert_config.json").get("modality_config") or {}
    return any("image" in str(name).split("+") for name in modalities)


def _modules(folder: Path) -> list[dict[str, Any]] | None:
    """The modules of a folder in order; None where it is a plain transformers model."""
    path = folder / "modules.json"
    if not path.is_file():
        return None
    modules = _json(path)
    if not isinstance(modules, list) or not modules or not all(isinstance(m, dict) and "type" in m for m in modules):
        raise EncoderError(f"{path} is not a list of modules with their types: copy the model again")
    return modules


def _read(path: Path) -> dict[str, Any]:
    value = _json(path) if path.is_file() else {}
    return value if isinstance(value, dict) else {}


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise EncoderError(f"{path} cannot be read ({error}): copy the model again") from error
