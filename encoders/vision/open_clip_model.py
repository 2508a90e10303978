"""CLIP models of open_clip: which architecture and weights a configuration names, and the model made of them.

Both halves of a CLIP model, the image tower and the text tower, are found, made and saved here. open_clip's own
`create_model` is not called: it looks for weights itself, pickled ones too, and reports on them.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from shutil import copyfile
from typing import TYPE_CHECKING, Any

from safetensors import SafetensorError

from encoders.errors import EncoderError, WeightsError
from encoders.vision.hub_file import hub_file

if TYPE_CHECKING:
    import torch

    from encoders.text.config import OpenClipTextConfig
    from encoders.vision.config import OpenClipConfig

CONFIG_FILE, WEIGHTS_FILE = "open_clip_config.json", "open_clip_model.safetensors"
# Shapes of our own, with random weights only. `tiny` is for tests and first tries: a megabyte or two. `small` is to be
# trained from nothing on a CPU: 2.7M weights see a picture, and the text half is as little as a CLIP model can do with.
SHAPES: dict[str, dict[str, Any]] = {
    "tiny": {
        "embed_dim": 64,
        "vision_cfg": {"image_size": 32, "patch_size": 8, "layers": 2, "width": 64, "head_width": 32},
        "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 2},
    },
    "small": {
        "embed_dim": 128,
        "vision_cfg": {"image_size": 64, "patch_size": 8, "layers": 6, "width": 192, "head_width": 32},
        "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 1},
    },
}


@dataclass(frozen=True, slots=True)
class ClipParts:
    """What a CLIP model is made of: `architecture` and `preprocess` as in open_clip_config.json.

    weights: a safetensors file; None: random ones from `seed`.
    """

    name: str
    architecture: dict[str, Any]
    preprocess: dict[str, Any]
    weights: Path | None
    seed: int | None


def find_clip(config: "OpenClipConfig | OpenClipTextConfig") -> ClipParts:
    """Find the architecture and the weights that a configuration names. Raises EncoderError or WeightsError."""
    architecture, preprocess = _described(config.model)
    weights = None
    if config.seed is None:
        weights, of_tag = _find_weights(config.model, config.weights)
        if "quick_gelu" in of_tag:
            architecture["quick_gelu"] = of_tag.pop("quick_gelu")
        preprocess.update(of_tag)
    return ClipParts(config.model, architecture, preprocess, weights, config.seed)


def build_clip(parts: ClipParts) -> Any:
    """Make the whole CLIP model, both halves, on the CPU in float32; `visual.preprocess_cfg` is complete.

    Raises EncoderError for a shape open_clip cannot make, WeightsError for a damaged file.
    """
    import open_clip
    import torch
    from open_clip.transform import PreprocessCfg, merge_preprocess_dict

    _require_text_shape(parts)
    try:
        with torch.random.fork_rng():
            torch.manual_seed(parts.seed or 0)
            model = _class_of(parts.architecture)(**_arguments(parts.architecture))
        if parts.weights is not None:
            open_clip.load_checkpoint(model, str(parts.weights))
    except SafetensorError as error:
        raise WeightsError(f"{parts.weights} is not a safetensors file, or a damaged one: {error}") from error
    except (RuntimeError, ValueError, KeyError, TypeError, AttributeError, AssertionError, OSError) as error:
        raise EncoderError(f"open_clip cannot make {parts.name!r}: {error}") from error
    preprocess = merge_preprocess_dict(PreprocessCfg(), parts.preprocess)
    size = getattr(model.visual, "image_size", None)
    if size is not None:
        preprocess["size"] = size
    # As JSON has it, lists for tuples: what is read back from a saved folder is then the same.
    open_clip.set_model_preprocess_cfg(model, json.loads(json.dumps(preprocess)))
    return model.eval()


def save_clip(
    parts: ClipParts, preprocess: dict[str, Any], folder: Path, changed: "Mapping[str, torch.Tensor] | None" = None
) -> None:
    """Write a folder that open_clip itself opens too (`local-dir:`).

    changed: weights of the model by name, in place of those that it was loaded with; None: it is as it was.
    """
    from safetensors.torch import save_model

    folder.mkdir(parents=True, exist_ok=True)
    described = {"model_cfg": parts.architecture, "preprocess_cfg": preprocess}
    (folder / CONFIG_FILE).write_text(json.dumps(described, indent=2))
    if parts.weights is not None and changed is None:
        copyfile(parts.weights, folder / WEIGHTS_FILE)
        return
    model = build_clip(parts)
    if changed is not None:
        unknown = model.load_state_dict(changed, strict=False).unexpected_keys
        assert not unknown
    save_model(model, str(folder / WEIGHTS_FILE))


def _class_of(architecture: dict[str, Any]) -> Any:
    """As open_clip chooses: a text half of its own makes a CustomTextCLIP, a decoder a CoCa."""
    import open_clip

    custom = architecture.get("custom_text") or "hf_model_name" in architecture["text_cfg"]
    if not custom:
        return open_clip.CLIP
    return open_clip.CoCa if "multimodal_cfg" in architecture else open_clip.CustomTextCLIP


def _arguments(architecture: dict[str, Any]) -> dict[str, Any]:
    """The constructor's arguments; neither half fetches weights of its own."""
    arguments = {name: value for name, value in architecture.items() if name != "custom_text"}
    vision, text = dict(architecture["vision_cfg"]), dict(architecture["text_cfg"])
    if "timm_model_name" in vision:
        vision["timm_model_pretrained"] = False
    if "hf_model_name" in text:
        text["hf_model_pretrained"] = False
    return arguments | {"vision_cfg": vision, "text_cfg": text}


def _require_text_shape(parts: ClipParts) -> None:
    """A text half of transformers is made from its config.json, which open_clip's folders do not hold."""
    named = parts.architecture["text_cfg"].get("hf_model_name")
    if named and not Path(named).is_dir():
        hub_file(
            str(named),
            ["config.json"],
            f"the text half of {parts.name!r} is made from it: on a machine with network run hf download {named} "
            "config.json, or take a CLIP model with a text half of open_clip's own",
        )


def _described(model: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return architecture and preprocessing of a shape of ours, a name open_clip knows, or a model folder."""
    import open_clip

    if model in SHAPES:
        return json.loads(json.dumps(SHAPES[model])), {}
    folder = Path(model)
    if folder.is_dir():
        return _read_folder(folder)
    known = open_clip.get_model_config(model) if ":" not in model else None
    if known is None:
        names = ", ".join(_close(model, open_clip.list_models()))
        raise EncoderError(
            f"open_clip has no architecture {model!r}, and it is no folder with {CONFIG_FILE}; "
            f"known are {names}, ... (python -c 'import open_clip; print(open_clip.list_models())')"
        )
    return dict(known), {}


def _read_folder(folder: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    path = folder / CONFIG_FILE
    if not path.is_file():
        raise EncoderError(f"open_clip cannot make {str(folder)!r}: the folder has no {CONFIG_FILE}")
    try:
        described = json.loads(path.read_text(encoding="utf-8"))
        architecture, preprocess = dict(described["model_cfg"]), dict(described.get("preprocess_cfg") or {})
        if not all(isinstance(architecture[half], dict) for half in ("vision_cfg", "text_cfg")):
            raise ValueError("vision_cfg and text_cfg must be objects")
    except (ValueError, KeyError, TypeError, OSError) as error:
        raise EncoderError(
            f"{path} is not the config of an open_clip model ({type(error).__name__}: {error}): it needs model_cfg "
            "with embed_dim, vision_cfg and text_cfg"
        ) from error
    return architecture, preprocess


def _close(name: str, known: list[str]) -> list[str]:
    from difflib import get_close_matches

    return get_close_matches(name, known, n=8, cutoff=0.5) or known[:8]


def _find_weights(model: str, weights: str | None) -> tuple[Path, dict[str, Any]]:
    """Return the safetensors file, and what a pretrained tag says of preprocessing and activation."""
    beside = Path(model) / WEIGHTS_FILE
    if weights is None and model not in SHAPES and beside.is_file():
        return beside, {}
    if weights is None:
        raise WeightsError(
            f"no weights are named for open_clip {model!r}: give a pretrained tag ({_tags(model)}), "
            f"a .safetensors file, a model folder with {WEIGHTS_FILE}, or a seed for random ones"
        )
    path, of_tag = Path(weights), dict[str, Any]()
    if not path.is_file():
        path, of_tag = _of_tag(model, weights)
    if path.suffix != ".safetensors":
        raise WeightsError(
            f"{path} is not a safetensors file; pickled weights can run code and are refused: convert them "
            "(safetensors.torch.save_file) or take a tag that comes as safetensors"
        )
    return path, of_tag


def _of_tag(model: str, tag: str) -> tuple[Path, dict[str, Any]]:
    """Find the weights of a tag in the hub's cache, or fetch them."""
    import open_clip

    described = open_clip.get_pretrained_cfg(model, tag)
    if not described:
        raise WeightsError(
            f"{tag!r} is neither a file nor a pretrained tag of open_clip {model!r}; tags: {_tags(model)}"
        )
    if not described.get("hf_hub"):
        raise WeightsError(
            f"weights {tag!r} of open_clip {model!r} come only as a pickle, not as safetensors; pickled weights can "
            f"run code and are refused: take another tag ({_tags(model)}), or convert them and name the file"
        )
    repo, _, file = str(described["hf_hub"]).rpartition("/")
    # As open_clip: the file of the tag as safetensors, or else the name that its own uploads have.
    names = [Path(file).with_suffix(".safetensors").name] if file else [WEIGHTS_FILE]
    path = hub_file(
        repo,
        names,
        f"weights {tag!r} of open_clip {model!r} can be fetched on a machine with network; or name a local "
        f".safetensors file: --encoder open_clip:{model}:/path/to/weights.safetensors",
    )
    keys = ("mean", "std", "interpolation", "resize_mode", "quick_gelu")
    return path, {key: described[key] for key in keys if described.get(key) is not None}


def _tags(model: str) -> str:
    import open_clip

    return ", ".join(open_clip.list_pretrained_tags_by_model(model)) or "none known"
