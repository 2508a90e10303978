"""The image tower of open_clip, by name, by local weights file, or by configuration."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from shutil import copyfile
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from safetensors import SafetensorError

from encoders.blocks import Vectors, unit_rows
from encoders.device import Precision, best_device, resolve_precision
from encoders.errors import EncoderError, WeightsError
from encoders.vision.config import OpenClipConfig

if TYPE_CHECKING:
    from PIL.Image import Image

CONFIG_FILE, WEIGHTS_FILE = "open_clip_config.json", "open_clip_model.safetensors"
BATCH = 32


class OpenClipTower:
    """Unit image vectors of the vision half of a CLIP model; preprocessing is the model's own, never augmented."""

    def __init__(self, config: OpenClipConfig, precision: Precision = "auto") -> None:
        from open_clip.transform import PreprocessCfg, image_transform_v2

        self.config = config
        self.device = best_device()
        self.dtype = resolve_precision(precision, self.device)
        self.weights, overrides = _find_weights(config)
        visual: Any = self._build(overrides).visual
        self.digest = _digest(visual)
        self.visual = visual.to(self.device, self.dtype).eval()
        self.preprocess_config: dict[str, Any] = dict(visual.preprocess_cfg)
        self.transform = image_transform_v2(PreprocessCfg(**self.preprocess_config), is_train=False)
        size = self.preprocess_config["size"]
        self.shrink_to = size if isinstance(size, int) else max(size)
        with torch.inference_mode():
            blank = torch.zeros(1, 3, *([size, size] if isinstance(size, int) else size))
            self.dim = int(self.visual(blank.to(self.device, self.dtype)).shape[-1])

    def _build(self, overrides: dict[str, Any]) -> torch.nn.Module:
        """Make the whole CLIP model with its weights in float32; raises EncoderError."""
        import open_clip

        folder = Path(self.config.model)
        name = f"local-dir:{folder}" if folder.is_dir() else self.config.model
        if not folder.is_dir() and open_clip.get_model_config(name) is None:
            known = ", ".join(open_clip.list_models()[:8])
            raise EncoderError(
                f"open_clip has no architecture {self.config.model!r}, and it is no folder with {CONFIG_FILE}; "
                f"known are {known}, ... (python -c 'import open_clip; print(open_clip.list_models())')"
            )
        try:
            with torch.random.fork_rng():
                torch.manual_seed(self.config.seed or 0)
                model = open_clip.create_model(
                    name, load_weights=False, pretrained_text=False, force_preprocess_cfg=overrides
                )
            if self.weights is not None:
                open_clip.load_checkpoint(model, str(self.weights))
        except SafetensorError as error:
            raise WeightsError(f"{self.weights} is not a safetensors file, or a damaged one: {error}") from error
        except (RuntimeError, ValueError, KeyError, OSError) as error:
            raise EncoderError(f"open_clip cannot make {self.config.model!r}: {error}") from error
        assert isinstance(model, torch.nn.Module)
        return model

    def identity(self) -> dict[str, object]:
        """Return what decides the vectors up to rounding: for the fingerprint."""
        return {
            "tower": "open_clip",
            "architecture": _architecture(self.config),
            "weights": self.digest,
            "preprocess": {key: str(value) for key, value in sorted(self.preprocess_config.items())},
        }

    def save(self, folder: Path) -> None:
        """Write a folder that open_clip itself opens too (`local-dir:`)."""
        from safetensors.torch import save_model

        folder.mkdir(parents=True, exist_ok=True)
        described = {"model_cfg": _architecture(self.config), "preprocess_cfg": self.preprocess_config}
        (folder / CONFIG_FILE).write_text(json.dumps(described, indent=2))
        if self.weights is not None:
            copyfile(self.weights, folder / WEIGHTS_FILE)
        else:
            save_model(self._build({}), str(folder / WEIGHTS_FILE))

    def preprocess(self, image: "Image") -> Vectors:
        """Resize, crop and normalise one RGB picture to float32 [3, H, W]."""
        pixels: Vectors = self.transform(image).numpy()
        return pixels

    @torch.inference_mode()
    def encode(self, features: Sequence[Vectors]) -> Vectors:
        """Encode N preprocessed pictures to unit rows, float32 [N, dim]."""
        rows = [np.zeros((0, self.dim), dtype=np.float32)]
        for start in range(0, len(features), BATCH):
            pixels = torch.from_numpy(np.stack(features[start : start + BATCH]))
            rows.append(self.visual(pixels.to(self.device, self.dtype)).float().cpu().numpy())
        return unit_rows(np.concatenate(rows))


def _digest(visual: torch.nn.Module) -> str:
    """Hash the float32 weights themselves: seeded, from a tag or from a saved folder, the same are the same."""
    digest = hashlib.sha256()
    for name, tensor in sorted(visual.state_dict().items()):
        digest.update(f"{name} {tensor.dtype} {list(tensor.shape)}".encode())
        digest.update(tensor.contiguous().numpy().tobytes())
    return digest.hexdigest()


def _architecture(config: OpenClipConfig) -> dict[str, Any]:
    import open_clip

    folder = Path(config.model)
    if folder.is_dir():
        architecture: dict[str, Any] = json.loads((folder / CONFIG_FILE).read_text())["model_cfg"]
        return architecture
    return dict(open_clip.get_model_config(config.model))


def _find_weights(config: OpenClipConfig) -> tuple[Path | None, dict[str, Any]]:
    """Return the safetensors file (None: random weights) and what a pretrained tag says of preprocessing."""
    if config.seed is not None:
        return None, {}
    beside = Path(config.model) / WEIGHTS_FILE
    if config.weights is None and beside.is_file():
        return beside, {}
    if config.weights is None:
        raise WeightsError(
            f"no weights are named for open_clip {config.model!r}: give a pretrained tag ({_tags(config.model)}), "
            f"a .safetensors file, or a model folder with {WEIGHTS_FILE}"
        )
    path = Path(config.weights)
    overrides: dict[str, Any] = {}
    if not path.is_file():
        path, overrides = _download(config.model, config.weights)
    if path.suffix != ".safetensors":
        raise WeightsError(
            f"{path} is not a safetensors file; pickled weights can run code and are refused: convert them "
            "(safetensors.torch.save_file) or take a tag that comes as safetensors"
        )
    return path, overrides


def _download(model: str, tag: str) -> tuple[Path, dict[str, Any]]:
    """Fetch the weights of a tag from the hub, or find them in its cache."""
    import open_clip

    described = open_clip.get_pretrained_cfg(model, tag)
    if not described:
        raise WeightsError(
            f"{tag!r} is neither a file nor a pretrained tag of open_clip {model!r}; tags: {_tags(model)}"
        )
    try:
        path = Path(open_clip.download_pretrained(described, prefer_hf_hub=True))
    except Exception as error:
        # The hub client and its transport raise errors of several libraries; all mean: not to be had now.
        raise WeightsError(
            f"weights {tag!r} of open_clip {model!r} are not in the hub cache and could not be fetched ({error}); "
            "fetch them on a machine with network, or name a local .safetensors file: "
            f"--encoder open_clip:{model}:/path/to/weights.safetensors"
        ) from error
    keys = ("mean", "std", "interpolation", "resize_mode")
    return path, {key: described[key] for key in keys if described.get(key) is not None}


def _tags(model: str) -> str:
    import open_clip

    return ", ".join(open_clip.list_pretrained_tags_by_model(model)) or "none known"
