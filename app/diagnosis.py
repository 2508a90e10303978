"""What this machine has for notelens, what it lacks, and how to get that."""

import os
import platform
from dataclasses import dataclass, field
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from typing import Any

from rich.console import Console

PACKAGES = ("notelens", "torch", "open_clip_torch", "transformers", "faiss-cpu", "pillow", "pyarrow", "streamlit")
# What an optional part needs: module, and the command that brings it.
OPTIONAL = {
    "Milvus": ("pymilvus", "pip install 'notelens[milvus]'"),
    "training, and LoRA adapters": ("peft", "pip install 'notelens[train]'"),
    "models of sentence-transformers": ("sentence_transformers", "pip install 'notelens[sentence-transformers]'"),
    "scaling out": ("ray", "pip install 'notelens[scale]'"),
}


@dataclass(slots=True)
class Diagnosis:
    """Facts by name; `missing` is what the default path cannot do without, `optional` what it can."""

    facts: dict[str, Any] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    optional: dict[str, str] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Return the diagnosis as JSON values."""
        return {**self.facts, "missing": self.missing, "optional": self.optional}

    def print_to(self, console: Console) -> None:
        """Print it as tables."""
        from app.tables import facts_table

        console.print(facts_table(self.facts))
        if self.optional:
            console.print(facts_table(self.optional, title="\nnot installed, and only needed for"))
        if self.missing:
            console.print(facts_table(self.missing, title="\nMISSING: notelens does not work without"))
        else:
            console.print("\nnothing is missing")


def diagnose() -> Diagnosis:
    """Look at packages, devices, threads and weights."""
    found = Diagnosis()
    found.facts["python"] = platform.python_version()
    found.facts["machine"] = f"{platform.system()} {platform.machine()}, {os.cpu_count()} CPUs"
    found.facts["versions"] = {name: _version(name) for name in PACKAGES}
    _look_at_torch(found)
    _look_at_faiss(found)
    _look_at_weights(found)
    for part, (module, command) in OPTIONAL.items():
        if find_spec(module) is None:
            found.optional[part] = command
    return found


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


def _look_at_torch(found: Diagnosis) -> None:
    try:
        import torch
    except (ImportError, OSError) as error:  # OSError: a shared library it needs is not there
        found.missing["torch"] = f"pip install torch torchvision ({error})"
        return
    from encoders.device import best_device, resolve_precision

    device = best_device()
    found.facts["device"] = torch.cuda.get_device_name() if device == "cuda" else device
    found.facts["precision"] = str(resolve_precision("auto", device)).removeprefix("torch.")
    found.facts["threads"] = torch.get_num_threads()
    try:
        import_module("torchvision.ops")  # fails where torch and torchvision come from different builds
    except (ImportError, OSError, RuntimeError) as error:
        found.missing["torchvision"] = f"pip install --force-reinstall torch torchvision ({error})"


def _look_at_faiss(found: Diagnosis) -> None:
    try:
        import faiss
    except ImportError as error:
        found.missing["faiss"] = f"pip install faiss-cpu ({error})"
        return
    found.facts["faiss"] = {"threads": faiss.omp_get_max_threads(), "gpus": faiss.get_num_gpus()}


def _look_at_weights(found: Diagnosis) -> None:
    from encoders.errors import WeightsError
    from encoders.text.stock import find_minilm

    try:
        found.facts["text weights"] = str(find_minilm())
    except WeightsError as error:
        found.missing["text weights"] = str(error)
