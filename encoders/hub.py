"""Models in the layout of Hugging Face transformers: from a folder or the hub, safetensors alone, no remote code."""

import hashlib
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from encoders.errors import EncoderError, WeightsError
from encoders.model_folder import INDEX_FILE, check_config, check_parts, check_tokenizer, check_weights

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedTokenizerFast

# Weights as safetensors, and what tokenizers and configurations are made of; never pickles, never code.
WANTED = ["*.json", "*.safetensors", "*.txt", "*.model", "*.jinja"]
# Seconds in which the hub must answer before anything is fetched from it; its client would try for most of a minute.
PATIENCE = 5.0
# Of a configuration, what says nothing about the vectors or changes when a model is saved.
INCIDENTAL = frozenset(
    {
        "_attn_implementation",
        "_name_or_path",
        "architectures",
        "dtype",
        "id2label",
        "label2id",
        "transformers_version",
        "use_cache",
    }
)


def find_model(model: str, revision: str | None = None, *, weights: bool = True) -> Path:
    """Return the folder of a model: a local one, the hub's cache, or fetched from the hub. Raises WeightsError.

    weights: whether they are wanted too, so that a cache without them, whole or in part, is completed from the hub.
    """
    if Path(model).is_dir():
        return Path(model)
    looks_local = model.startswith((".", "/", "~")) or model.count("/") > 1 or Path(model).suffix == ".safetensors"
    if looks_local:
        raise WeightsError(
            f"there is no model folder {model}: give a folder with config.json, or a hub name (owner/name)"
        )
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    wanted = WANTED if weights else [pattern for pattern in WANTED if pattern != "*.safetensors"]
    partly = False
    try:
        cached = Path(snapshot_download(model, revision=revision, allow_patterns=wanted, local_files_only=True))
        if not weights or _has_weights(cached):
            return cached
        partly = True
    except LocalEntryNotFoundError as error:
        # With the path of the folder where the client knows by a list of the files that some are missing.
        partly = hasattr(error, "snapshot_path")
    except HFValidationError as error:
        raise WeightsError(f"{model!r} is neither a folder nor a hub name (owner/name): {error}") from error
    try:
        within(PATIENCE, lambda: _ask(model, revision))
        return Path(snapshot_download(model, revision=revision, allow_patterns=wanted))
    except Exception as error:
        # The hub client and its transport raise errors of several libraries; all mean: not to be had now.
        raise WeightsError(_why(model, revision, error, partly=partly)) from error


def _has_weights(folder: Path) -> bool:
    """Whether a cached model has safetensors, and every part that a list of parts names."""
    if not any(path.is_file() for path in folder.rglob("*.safetensors")):
        return False
    try:
        for index in folder.rglob(INDEX_FILE):
            check_parts(index)
    except WeightsError:
        return False
    return True


def _ask(model: str, revision: str | None) -> None:
    """Ask the hub whether it has the model: one request, which nobody repeats."""
    from huggingface_hub import HfApi

    HfApi().model_info(model, revision=revision, timeout=PATIENCE)


def within(seconds: float, work: Callable[[], object]) -> None:
    """Run work, raising what it raises; TimeoutError after so long: a transport cannot bound a name's look-up."""
    faults: list[Exception] = []

    def run() -> None:
        try:
            work()
        except Exception as error:
            # Whatever it is, it is raised below, where it can be caught.
            faults.append(error)

    # A daemon: the look-up that is given up must not keep the process from ending.
    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    if thread.is_alive():
        raise TimeoutError(f"no answer within {seconds:g} seconds")
    if faults:
        raise faults[0]


def _why(model: str, revision: str | None, error: Exception, *, partly: bool) -> str:
    """Say why the hub did not give a model, and what to do about it."""
    from huggingface_hub.errors import (
        GatedRepoError,
        OfflineModeIsEnabled,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    fetch = f"hf download {model}" + (f" --revision {revision}" if revision else "")
    place = f"the model {model!r} is not in the hub's cache, and "
    if partly:
        place = f"the model {model!r} is only partly in the hub's cache (files are missing; {fetch} completes it), and "
    fetch += " --local-dir FOLDER"
    match error:
        case GatedRepoError():
            return f"{place}the hub gives it to those who accepted its terms: do so on its page, then hf auth login"
        case RevisionNotFoundError():
            return f"{place}the hub has no revision {revision!r} of it: give the hash of one of its commits"
        case RepositoryNotFoundError():
            return (
                f"{place}the hub has none of this name, or it is private: check owner/name, "
                "hf auth login for a private one, or name a folder"
            )
        case OfflineModeIsEnabled():
            return f"{place}HF_HUB_OFFLINE is set: unset it, or {fetch} elsewhere and name that folder instead"
    said = (str(error).splitlines() or [""])[0]
    return (
        f"{place}it could not be fetched ({type(error).__name__}: {said}); "
        f"on a machine with network: {fetch}, then name that folder instead"
    )


def load_model(auto: Any, folder: Path, seed: int | None = None, **options: Any) -> "torch.nn.Module":
    """Load a transformers model on the CPU, in the number format of its file, in evaluation mode.

    auto: AutoModel, AutoModelForCausalLM, ...; seed: random float32 weights in the shape of config.json instead.
    Raises WeightsError for pickled, missing, damaged or incomplete weights, EncoderError for a shape transformers
    cannot make.
    """
    import torch
    from safetensors import SafetensorError
    from transformers import AutoConfig

    check_config(folder)
    if seed is None:
        check_weights(folder)
    try:
        with _quiet():
            config = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
            if seed is not None:
                with torch.random.fork_rng():
                    torch.manual_seed(seed)
                    module: torch.nn.Module = auto.from_config(config, dtype=torch.float32, **options)
                return module.eval()
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
    except SafetensorError as error:
        raise WeightsError(f"the weights in {folder} are damaged ({error}): copy or fetch them again") from error
    except Exception as error:
        # Of a configuration that does not hold together, every layer of the library complains in its own way.
        raise EncoderError(
            f"transformers cannot make the model in {folder}: {type(error).__name__}: {error}"
        ) from error
    missing = [name for name in info["missing_keys"] if "pooler" not in name]
    if missing:
        raise WeightsError(
            f"the weights in {folder} lack {len(missing)} tensors that its config.json asks for ({missing[0]}, ...): "
            "they are of another model, or a file is missing"
        )
    module = loaded
    return module.eval()


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep transformers from reporting on stderr what is told, better, by an error or is no fault (a pooler)."""
    from transformers.utils import logging

    level = logging.get_verbosity()
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]  # the library does not type it
    logging.set_verbosity_error()  # type: ignore[no-untyped-call]  # nor this
    try:
        yield
    finally:
        logging.set_verbosity(level)


def load_tokenizer(folder: Path) -> "PreTrainedTokenizerFast":
    """Load the tokenizer of a model folder; raises EncoderError where there is none, or only a slow one."""
    from transformers import AutoTokenizer, PreTrainedTokenizerFast

    check_tokenizer(folder)
    # AutoTokenizer goes by the model's type: it would read a tokenizer.json of another kind beside a Qwen2's
    # config.json by Qwen2's own rules, and other tokens would come out than it was saved with.
    reader = PreTrainedTokenizerFast if (folder / "tokenizer.json").is_file() else AutoTokenizer
    try:
        with _quiet():
            tokenizer = reader.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except Exception as error:
        # The Rust library raises bare Exception for a file it cannot read.
        raise EncoderError(f"transformers cannot make the tokenizer in {folder}: {error}") from error
    if not isinstance(tokenizer, PreTrainedTokenizerFast):
        raise EncoderError(
            f"the tokenizer in {folder} is a {type(tokenizer).__name__} without tokenizer.json, which is needed: "
            "convert it (save_pretrained of a fast tokenizer writes that file)"
        )
    return tokenizer


def state_digest(module: "torch.nn.Module") -> str:
    """Hash the weights themselves: seeded, from the hub or from a saved folder, the same are the same."""
    import torch

    digest = hashlib.sha256()
    for name, tensor in sorted(module.state_dict().items()):
        digest.update(f"{name} {tensor.dtype} {list(tensor.shape)}".encode())
        digest.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy())
    return digest.hexdigest()


def config_digest(config: Any) -> str:
    """Hash what a transformers configuration says beside the weights: heads, activation, rotary base, ...

    The same before and after saving, in whatever number format the model runs and wherever it lies.
    """
    shape = _lasting(config.to_diff_dict())
    return hashlib.sha256(json.dumps(shape, sort_keys=True, default=str).encode()).hexdigest()


def _lasting(values: dict[str, Any]) -> dict[str, Any]:
    """Leave the incidental out, of the configurations of a model's parts too."""
    return {
        name: _lasting(value) if isinstance(value, dict) else value
        for name, value in values.items()
        if name not in INCIDENTAL
    }
