"""Which device and number format an encoder runs in."""

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from encoders.errors import EncoderError

if TYPE_CHECKING:
    import torch

Precision = Literal["auto", "float32", "bfloat16", "int8"]
"""int8 is for the linear layers of the default text tower on a CPU; whatever else there is runs as with auto."""


def best_device() -> str:
    """Return "cuda" where there is one, else "cpu"."""
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def resolve_precision(precision: Precision, device: str) -> "torch.dtype":
    """Return the dtype of a choice; auto is bfloat16 where the device computes in it, else float32.

    int8 is what auto is: no tensor that a tower hands on is of bytes.
    """
    import torch

    if precision in ("auto", "int8"):
        native = torch.cuda.is_bf16_supported() if device.startswith("cuda") else cpu_has_bfloat16()
        return torch.bfloat16 if native else torch.float32
    return torch.bfloat16 if precision == "bfloat16" else torch.float32


def cpu_has_bfloat16() -> bool:
    """Whether the CPU multiplies bfloat16 in hardware (avx512_bf16, amx_bf16, Arm bf16); emulation is slower."""
    return _cpu_has("avx512_bf16", "amx_bf16", "bf16")


def needs_int8(device: str) -> None:
    """Raise EncoderError where bytes are not multiplied in hardware: elsewhere sums may overflow, and are slow."""
    if device != "cpu":
        raise EncoderError(f"precision int8 is for CPUs, and this machine computes on {device}: use auto")
    if not _cpu_has("avx512_vnni", "avx_vnni", "amx_int8"):
        raise EncoderError(
            "precision int8 needs a CPU with VNNI (avx512_vnni or avx_vnni), which this is not: use auto"
        )


def _cpu_has(*flags: str) -> bool:
    try:
        words = set(Path("/proc/cpuinfo").read_text().split())
    except OSError:
        return False
    return not words.isdisjoint(flags)
