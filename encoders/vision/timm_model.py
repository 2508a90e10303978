"""Models of timm: which architecture and weights a configuration names, and the model made of them.

A folder is in the layout of timm's own uploads (config.json with architecture, model_args and pretrained_cfg;
model.safetensors), so timm opens what is saved here (`local-dir:`), and its uploads open here.
"""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safetensors import SafetensorError

from encoders.errors import EncoderError, WeightsError
from encoders.vision.hub_file import hub_file
from encoders.vision.tflite_mobilenet import PREPROCESSING, read_arrays, state_of

if TYPE_CHECKING:
    import torch

    from encoders.vision.config import TimmConfig

CONFIG_FILE, WEIGHTS_FILE = "config.json", "model.safetensors"
# What timm's pretrained_cfg says of preprocessing: all that an input is made from.
PREPROCESS = ("input_size", "interpolation", "mean", "std", "crop_pct", "crop_mode")
# What else of it decides how timm builds the model again.
SHAPE = ("fixed_input_size", "pool_size", "first_conv", "classifier")


@dataclass(frozen=True, slots=True)
class TimmParts:
    """What a model of timm is made of.

    arguments: of its constructor, beside the name; preprocess: what replaces fields of the architecture's own
    pretrained_cfg.
    weights: a safetensors file, or an .npz of a TFLite MobileNetV2; None: random ones from `seed`.
    """

    architecture: str
    arguments: dict[str, Any] = field(default_factory=dict)
    preprocess: dict[str, Any] = field(default_factory=dict)
    weights: Path | None = None
    seed: int | None = None


def find_timm(config: "TimmConfig") -> TimmParts:
    """Find the architecture and the weights that a configuration names. Raises EncoderError or WeightsError."""
    parts = _read_folder(Path(config.model)) if Path(config.model).is_dir() else TimmParts(_known(config.model))
    if config.seed is not None:
        return TimmParts(parts.architecture, parts.arguments, parts.preprocess, None, config.seed)
    if config.weights is None:
        if parts.weights is None:
            raise WeightsError(
                f"no weights are named for timm {config.model!r}: give a .safetensors file of that architecture, a "
                f"pretrained tag ({_tags(parts.architecture)}), a folder with {WEIGHTS_FILE}, or a seed for random ones"
            )
        return parts
    path, preprocess = Path(config.weights), dict(parts.preprocess)
    if not path.is_file():
        path, of_tag = _of_tag(parts.architecture, config.weights)
        preprocess.update(of_tag)
    if path.suffix == ".npz":
        arguments = parts.arguments | {"pad_type": "same"}
        return TimmParts(parts.architecture, arguments, preprocess | PREPROCESSING, path)
    if path.suffix != ".safetensors":
        raise WeightsError(
            f"{path} is not a safetensors file; pickled weights can run code and are refused: convert them "
            "(safetensors.torch.save_file)"
        )
    return TimmParts(parts.architecture, parts.arguments, preprocess, path)


def build_timm(parts: TimmParts) -> "torch.nn.Module":
    """Make the model, without a classifier, on the CPU in float32. Raises EncoderError or WeightsError."""
    import timm
    import torch

    try:
        with torch.random.fork_rng():
            torch.manual_seed(parts.seed or 0)
            model: torch.nn.Module = timm.create_model(
                parts.architecture,
                pretrained=False,
                pretrained_cfg_overlay=parts.preprocess,
                num_classes=0,
                **parts.arguments,
            )
    except (RuntimeError, ValueError, KeyError, TypeError, AttributeError, AssertionError) as error:
        raise EncoderError(f"timm cannot make {parts.architecture!r} with {parts.arguments}: {error}") from error
    if parts.weights is not None:
        _load(model, parts.weights, parts.architecture)
    return model.eval()


def data_config(model: "torch.nn.Module") -> dict[str, Any]:
    """Return timm's own description of how an input is made for this model, as JSON values."""
    from timm.data.config import resolve_model_data_config

    resolve: Any = resolve_model_data_config
    resolved = resolve(model)
    described: dict[str, Any] = json.loads(json.dumps({name: resolved[name] for name in PREPROCESS}))
    return described


def save_timm(parts: TimmParts, folder: Path, trained: "torch.nn.Module | None" = None) -> None:
    """Write a folder that timm itself opens too: config.json and model.safetensors.

    trained: the model as it is now; None: as it was loaded.
    """
    from safetensors.torch import save_model

    folder.mkdir(parents=True, exist_ok=True)
    model: Any = build_timm(parts) if trained is None else trained
    shape = {name: model.pretrained_cfg.get(name) for name in SHAPE}
    described = {
        "architecture": parts.architecture,
        "num_classes": 0,
        "num_features": model.num_features,
        "model_args": parts.arguments,
        "pretrained_cfg": {**shape, **data_config(model), "num_classes": 0},
    }
    (folder / CONFIG_FILE).write_text(json.dumps(described, indent=2))
    save_model(model, str(folder / WEIGHTS_FILE))


def _load(model: "torch.nn.Module", path: Path, architecture: str) -> None:
    """Fill the model; a classifier in the file is left out, anything else must fit to the tensor."""
    from safetensors.torch import load_model

    if path.suffix == ".npz":
        model.load_state_dict(state_of(read_arrays(path), model))
        return
    try:
        missing, unexpected = load_model(model, path, strict=False)
    except SafetensorError as error:
        raise WeightsError(f"{path} is not a safetensors file, or a damaged one: {error}") from error
    except (RuntimeError, OSError) as error:
        raise WeightsError(f"{path} does not fit timm's {architecture!r}: {error}") from error
    missing = [name for name in missing if not name.endswith("num_batches_tracked")]
    unexpected = [name for name in unexpected if not name.startswith(_classifiers(model))]
    if missing or unexpected:
        raise WeightsError(
            f"{path} does not fit timm's {architecture!r}: it lacks {len(missing)} tensors ({', '.join(missing[:3])}) "
            f"and has {len(unexpected)} of another model ({', '.join(unexpected[:3])})"
        )


def _classifiers(model: Any) -> tuple[str, ...]:
    named = model.pretrained_cfg.get("classifier") or ()
    return tuple(f"{name}." for name in ((named,) if isinstance(named, str) else named))


def _known(model: str) -> str:
    """Return the architecture; raises EncoderError with close names."""
    import timm

    if timm.is_model(model) and ":" not in model:
        return model
    from difflib import get_close_matches

    names = ", ".join(get_close_matches(model, timm.list_models(), n=6, cutoff=0.5)) or "none like it"
    raise EncoderError(
        f"timm has no architecture {model!r}, and it is no folder with {CONFIG_FILE}; close are {names} "
        "(python -c 'import timm; print(timm.list_models())' lists all)"
    )


def _read_folder(folder: Path) -> TimmParts:
    path = folder / CONFIG_FILE
    if not path.is_file():
        raise EncoderError(f"{folder} is no folder of a timm model: it has no {CONFIG_FILE}")
    try:
        described = json.loads(path.read_text(encoding="utf-8"))
        architecture, arguments = str(described["architecture"]), dict(described.get("model_args") or {})
        preprocess = {name: described["pretrained_cfg"].get(name) for name in (*PREPROCESS, "fixed_input_size")}
    except (ValueError, KeyError, TypeError, AttributeError, OSError) as error:
        raise EncoderError(
            f"{path} is not the config of a timm model ({type(error).__name__}: {error}): it needs architecture and "
            "pretrained_cfg"
        ) from error
    weights = folder / WEIGHTS_FILE
    given = {name: value for name, value in preprocess.items() if value is not None}
    return TimmParts(_known(architecture), arguments, given, weights if weights.is_file() else None)


def _of_tag(architecture: str, tag: str) -> tuple[Path, dict[str, Any]]:
    """Find the weights of a tag in the hub's cache, or fetch them; with what the tag says of preprocessing."""
    import timm

    if f"{architecture}.{tag}" not in timm.list_pretrained(f"{architecture}.*"):
        raise WeightsError(
            f"{tag!r} is neither a file nor a pretrained tag of timm {architecture!r}; tags: {_tags(architecture)}"
        )
    pretrained: Any = timm.get_pretrained_cfg(f"{architecture}.{tag}")
    described = pretrained.to_dict()
    path = hub_file(
        str(described["hf_hub_id"]),
        [str(described.get("hf_hub_filename") or WEIGHTS_FILE)],
        f"weights {tag!r} of timm {architecture!r} can be fetched on a machine with network; or name a local "
        f".safetensors file: --encoder timm:{architecture}:/path/to/weights.safetensors",
    )
    return path, {name: described[name] for name in PREPROCESS if described.get(name) is not None}


def _tags(architecture: str) -> str:
    import timm

    return ", ".join(name.partition(".")[2] for name in timm.list_pretrained(f"{architecture}.*")) or "none known"
