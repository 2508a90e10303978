"""The encoder folder: `config.json`, the files of each part, a model card, and checksums over every file."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

from encoders.card import Card, write_card
from encoders.config import EncoderConfig, parse_config
from encoders.errors import EncoderError, WeightsError
from encoders.lineage import carried_records
from encoders.text.stock import sha256

if TYPE_CHECKING:
    from encoders.base import Encoder

FORMAT = 1
CHECKSUMS = "checksums.json"


def save_encoder(encoder: "Encoder", folder: Path | str, card: Card = Card()) -> None:
    """Write an encoder into a new or empty folder; raises EncoderError where something is in it already."""
    from encoders.sentence_transformer.module import write_modules

    folder = Path(folder)
    if folder.exists() and any(folder.iterdir()):
        raise EncoderError(f"{folder} is not empty; name a new folder for the encoder")
    folder.mkdir(parents=True, exist_ok=True)
    config = encoder.save(folder)
    described = {
        "format": FORMAT,
        "fingerprint": encoder.fingerprint,
        "encoder": config.model_dump(mode="json"),
    }
    (folder / "config.json").write_text(json.dumps(described, indent=2))
    write_modules(folder)
    write_card(encoder, folder, card)
    for name, values in (carried_records(encoder.config) | dict(card.records)).items():
        (folder / name).write_text(json.dumps(values, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
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
    return parse_config(described["encoder"]).located_in(folder)


def _verify(folder: Path) -> None:
    if not (folder / CHECKSUMS).is_file():
        raise EncoderError(
            f"{folder} is not a notelens encoder folder: it has no {CHECKSUMS}. A model of transformers is named "
            f"transformer:{folder} or notellm:{folder}, one of sentence-transformers st:{folder}; a damaged encoder "
            "is to be copied again"
        )
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
