"""The encoder folder: `config.json`, a folder a tower, a model card, and checksums over every file."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

from encoders.config import EncoderConfig, MiniLMConfig, OpenClipConfig
from encoders.errors import EncoderError, WeightsError
from encoders.stock import sha256

if TYPE_CHECKING:
    from encoders.note_encoder import NoteEncoder

FORMAT = 1
CHECKSUMS = "checksums.json"


def save_encoder(encoder: "NoteEncoder", folder: Path) -> None:
    """Write an encoder into a new or empty folder; raises EncoderError where something is in it already."""
    from encoders.open_clip_tower import OpenClipTower

    if folder.exists() and any(folder.iterdir()):
        raise EncoderError(f"{folder} is not empty; name a new folder for the encoder")
    folder.mkdir(parents=True, exist_ok=True)
    encoder.text.save(folder / "text")
    config = encoder.config.model_copy(update={"text": _relative_text(encoder.config.text)})
    if isinstance(encoder.image, OpenClipTower):
        encoder.image.save(folder / "image")
        config = config.model_copy(update={"image": OpenClipConfig(model="image")})
    described = {
        "format": FORMAT,
        "fingerprint": encoder.fingerprint,
        "encoder": config.model_dump(mode="json"),
    }
    (folder / "config.json").write_text(json.dumps(described, indent=2))
    (folder / "README.md").write_text(_card(encoder))
    digests = {
        path.relative_to(folder).as_posix(): sha256(path) for path in sorted(folder.rglob("*")) if path.is_file()
    }
    (folder / CHECKSUMS).write_text(json.dumps(digests, indent=2))


def read_config(folder: Path) -> EncoderConfig:
    """Read and verify an encoder folder; the configuration returned names its files by absolute path."""
    if not (folder / "config.json").is_file():
        raise EncoderError(f"{folder} is not an encoder folder: it has no config.json")
    _verify(folder)
    described = json.loads((folder / "config.json").read_text())
    if described.get("format") != FORMAT:
        raise EncoderError(
            f"{folder} has encoder format {described.get('format')!r}, this notelens reads {FORMAT}: upgrade notelens"
        )
    config = EncoderConfig.parse(described["encoder"])
    base = folder.resolve()
    text = config.text.model_copy(update={"folder": base / (config.text.folder or "text")})
    image = config.image
    if isinstance(image, OpenClipConfig):
        image = image.model_copy(update={"model": str(base / image.model)})
    return config.model_copy(update={"text": text, "image": image})


def _verify(folder: Path) -> None:
    try:
        digests = json.loads((folder / CHECKSUMS).read_text())
    except (OSError, ValueError) as error:
        raise WeightsError(f"{folder / CHECKSUMS} cannot be read ({error}): save or copy the encoder again") from error
    for path in folder.rglob("*"):
        is_read = path.suffix in (".json", ".safetensors") and path.name != CHECKSUMS
        if is_read and path.relative_to(folder).as_posix() not in digests:
            raise WeightsError(f"{path} has no checksum in {folder / CHECKSUMS}: copy the encoder folder again")
    for name, digest in digests.items():
        path = folder / name
        if not path.is_file():
            raise WeightsError(f"{path} is missing: copy the encoder folder again")
        if sha256(path) != digest:
            raise WeightsError(f"{path} is not the file that was saved (its checksum differs): copy it again")


def _relative_text(text: MiniLMConfig) -> MiniLMConfig:
    return text.model_copy(update={"folder": Path("text")})


def _card(encoder: "NoteEncoder") -> str:
    image = encoder.image.identity()["tower"]
    return f"""---
library_name: notelens
license: apache-2.0
base_model: sentence-transformers/all-MiniLM-L6-v2
tags: [notelens, note-retrieval, feature-extraction]
---
# A notelens encoder

Turns notes (title, body, hashtags, category, pictures; any subset of them) into unit vectors of
{encoder.dim} numbers: {encoder.text.dim} of text (all-MiniLM-L6-v2), {encoder.image.dim} of images ({image}),
2 that mark what is missing. The image's share is {encoder.config.image_share}. It has not been trained on
interactions.

    from encoders import NoteEncoder
    encoder = NoteEncoder.from_pretrained("this/folder")

Fingerprint: `{encoder.fingerprint}`
"""
