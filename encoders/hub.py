"""Models in the layout of Hugging Face transformers: from a folder or the hub, safetensors alone, no remote code."""

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from encoders.errors import EncoderError, WeightsError

if TYPE_CHECKING:
    import torch

# Weights as safetensors, and what tokenizers and configurations are made of; never pickles, never code.
WANTED = ["*.json", "*.safetensors", "*.txt", "*.model", "*.jinja"]


def find_model(model: str, revision: str | None = None) -> Path:
    """Return the folder of a model: a local one, the hub's cache, or fetched from the hub. Raises WeightsError."""
    if Path(model).is_dir():
        return Path(model)
    looks_local = model.startswith((".", "/", "~")) or model.count("/") > 1 or Path(model).suffix == ".safetensors"
    if looks_local:
        raise WeightsError(
            f"there is no model folder {model}: give a folder with config.json, or a hub name (owner/name)"
        )
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    try:
        return Path(snapshot_download(model, revision=revision, allow_patterns=WANTED, local_files_only=True))
    except (LocalEntryNotFoundError, ValueError):
        pass
    try:
        return Path(snapshot_download(model, revision=revision, allow_patterns=WANTED))
    except Exception as error:
        # The hub client and its transport raise errors of several libraries; all mean: not to be had now.
        raise WeightsError(
            f"the model {model!r} is not in the hub's cache and could not be fetched "
            f"({type(error).__name__}: {error}); "
            f"on a machine with network: hf download {model} --local-dir FOLDER, then name that folder instead"
        ) from error


def load_model(auto: Any, folder: Path, seed: int | None = None, **options: Any) -> "torch.nn.Module":
    """Load a transformers model on the CPU, in the number format of its file, in evaluation mode.

    auto: AutoModel, AutoModelForCausalLM, ...; seed: random float32 weights in the shape of config.json instead.
    Raises WeightsError for pickled, missing or incomplete weights, EncoderError for a shape transformers cannot make.
    """
    import torch
    from safetensors import SafetensorError
    from transformers import AutoConfig
    from transformers.utils import logging

    logging.disable_progress_bar()

    try:
        config = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
        if seed is not None:
            with torch.random.fork_rng():
                torch.manual_seed(seed)
                module: torch.nn.Module = auto.from_config(config, dtype=torch.float32, **options)
            return module.eval()
        if not list(folder.glob("*.safetensors")):
            found = ", ".join(sorted(path.name for path in folder.iterdir())) or "nothing"
            raise WeightsError(
                f"{folder} has no .safetensors weights (it has {found}); pickled weights can run code and are refused: "
                "convert them (save_pretrained of transformers writes safetensors), or give a seed for random weights"
            )
        loaded, info = auto.from_pretrained(
            folder,
            config=config,
            dtype="auto",
            local_files_only=True,
            trust_remote_code=False,
            use_safetensors=True,
            output_loading_info=True,
            **options,
        )
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
        raise EncoderError(f"transformers cannot make the model in {folder}: {error}") from error
    missing = [name for name in info["missing_keys"] if "pooler" not in name]
    if missing:
        raise WeightsError(
            f"the weights in {folder} lack {len(missing)} tensors that its config.json asks for ({missing[0]}, ...): "
            "they are of another model, or a file is missing"
        )
    module = loaded
    return module.eval()


def state_digest(module: "torch.nn.Module") -> str:
    """Hash the weights themselves: seeded, from the hub or from a saved folder, the same are the same."""
    import torch

    digest = hashlib.sha256()
    for name, tensor in sorted(module.state_dict().items()):
        digest.update(f"{name} {tensor.dtype} {list(tensor.shape)}".encode())
        digest.update(tensor.detach().contiguous().reshape(-1).view(torch.uint8).numpy())
    return digest.hexdigest()
