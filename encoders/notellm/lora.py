"""Low-rank adapters (LoRA, arXiv 2106.09685) through peft: merged when loaded, added to train, merged to save."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from encoders.errors import EncoderError, WeightsError
from encoders.hub import find_model


def _peft() -> Any:
    try:
        import peft
    except ImportError as error:
        raise EncoderError("adapters need peft: pip install 'notelens[train]'") from error
    return peft


def merge_adapter(causal: Any, adapter: str) -> Any:
    """Add a peft adapter, a folder or a hub name, to a model's weights.

    The fingerprint is of the merged weights, as they are saved. The product of the adapter's matrices is rounded
    otherwise by other processors, so machines that merge by themselves may differ in it; those that open what one of
    them saved do not.
    Raises WeightsError for a folder that is none or holds pickled weights, EncoderError where it fits another model.
    """
    peft = _peft()
    folder = find_model(adapter)
    if not (folder / "adapter_config.json").is_file():
        raise WeightsError(f"{folder} is no peft adapter: it has no adapter_config.json")
    if not (folder / "adapter_model.safetensors").is_file():
        raise WeightsError(
            f"{folder} has no adapter_model.safetensors (it has {_names(folder)}); pickled weights can run code and "
            "are refused: save the adapter again with peft, which writes safetensors"
        )
    try:
        return peft.PeftModel.from_pretrained(causal, folder, local_files_only=True).merge_and_unload().eval()
    except Exception as error:
        # peft raises what its readers and torch raise for files that do not fit (ValueError, RuntimeError, ...).
        raise EncoderError(
            f"the adapter in {folder} does not fit this model ({type(error).__name__}: {error}): "
            "name the model it was trained from"
        ) from error


def add_adapter(causal: Any, rank: int, alpha: float, dropout: float, targets: Sequence[str] | str, seed: int) -> Any:
    """Put a new adapter into a model, in place, and freeze all else; returns peft's wrapper."""
    import torch

    peft = _peft()
    config = peft.LoraConfig(
        r=rank,
        lora_alpha=alpha,
        lora_dropout=dropout,
        target_modules=targets if isinstance(targets, str) else list(targets),
        task_type="CAUSAL_LM",
    )
    try:
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            return peft.get_peft_model(causal, config)
    except ValueError as error:
        raise EncoderError(f"LoRA cannot be put on {targets!r} of this model: {error}") from error


def _names(folder: Path) -> str:
    return ", ".join(sorted(path.name for path in folder.iterdir())) or "nothing"
