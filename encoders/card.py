"""The model card of an encoder folder: what it is, what made it, how good it was found to be, how to use it."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from encoders.card_text import cell, escaped, inline, license_fields, number
from encoders.card_usage import usage
from encoders.card_weights import parameters_of, weights_in
from encoders.config import TowersConfig
from encoders.config_base import PartConfig
from encoders.text.config import MiniLMConfig
from encoders.text.stock import REPOSITORY, SHA256, sha256

if TYPE_CHECKING:
    from encoders.base import Encoder

# Base weights whose licence is known here; of others only the one who saves an encoder knows it.
LICENCES = {REPOSITORY: "apache-2.0"}
# Random weights are made here, under the licence of notelens itself.
OWN = "apache-2.0"


@dataclass(frozen=True, slots=True)
class Card:
    """What only the one who saves an encoder knows; all of it optional.

    license: of the encoder, an identifier of the hub's ("apache-2.0", "mit", ...) or any other words; "": that of its
    weights where all of them are random or published under one licence that is known here, else not stated.
    trained: its weights come of training, and only base_models says from which.
    data: what it was trained on, in words; datasets: identifiers of the hub's. language: ISO 639 codes.
    base_models: further weights it was made from, {name: licence}; those that the configuration names are known.
    records: JSON files that stand beside the card, {name: values}, such as what an encoder was trained on.
    evaluation: one row a system or slice, {name: {metric: value}}; evaluated_on: what it was measured on.
    """

    license: str = ""
    data: str = ""
    evaluation: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    evaluated_on: str = ""
    base_models: Mapping[str, str] = field(default_factory=dict)
    datasets: tuple[str, ...] = ()
    language: tuple[str, ...] = ()
    records: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    trained: bool = False


def write_card(encoder: "Encoder", folder: Path, card: Card) -> None:
    """Write README.md into an encoder folder whose parts are saved already, so that their weights can be counted."""
    text = "\n".join(_lines(encoder, folder, card)) + "\n"
    (folder / "README.md").write_text(text, encoding="utf-8", newline="\n")


def reads_pictures(encoder: "Encoder") -> bool:
    """Whether an encoder reads pictures."""
    config = encoder.config
    return not (isinstance(config, TowersConfig) and config.image.tower == "none")


def _lines(encoder: "Encoder", folder: Path, card: Card) -> Iterator[str]:
    given = {name: licence for name, licence in card.base_models.items() if name.strip()}
    # What training wrote is named by the folder it was left in, which says nothing of what it was made from.
    sources = given if card.trained else base_models_of(encoder.config) | given
    pictures = reads_pictures(encoder)
    license = inline(card.license) or _license_of_weights(encoder.config, sources)
    yield from _front_matter(card, license, sources, pictures)
    yield "# A notelens encoder"
    yield ""
    modalities = "its words and its pictures" if pictures else "its words"
    yield f"Turns a note, whole or partial ({modalities}), into one unit vector of {encoder.dim} numbers, float32."
    yield f"Fingerprint: `{encoder.fingerprint}`; vectors may be compared where it is the same."
    yield ""
    yield from _section("What it is", _shape(encoder, folder, card.trained))
    yield from _section("What it was trained on", [_trained(card, encoder.config)])
    yield from _section("Licences", _licences(license, sources))
    yield from _section("How good it was found to be", _evaluation(card))
    yield from _section("How to use it", usage(pictures))
    yield from _section("Limits", _limits(encoder.config, pictures))


def _section(title: str, lines: "Iterator[str] | list[str]") -> Iterator[str]:
    yield f"## {title}"
    yield ""
    yield from lines
    yield ""


def _front_matter(card: Card, license: str, sources: Mapping[str, str], pictures: bool) -> Iterator[str]:
    from huggingface_hub import ModelCardData

    # Only names of the hub's are links there; a file or an architecture is told of in the text.
    bases = [name for name in sources if re.fullmatch(r"[\w.-]+/[\w.-]+", name) and not Path(name).exists()]
    identifier, license_name = license_fields(license)
    data = ModelCardData(
        library_name="sentence-transformers",
        pipeline_tag="feature-extraction" if pictures else "sentence-similarity",
        tags=["notelens", "sentence-transformers", "sentence-similarity", "feature-extraction"]
        + (["multimodal"] if pictures else []),
        base_model=[inline(name) for name in bases] or None,
        datasets=[inline(name) for name in card.datasets] or None,
        language=[inline(code) for code in card.language] or None,
        license=identifier,
        license_name=license_name,
    )
    yield "---"
    yield data.to_yaml(line_break="\n").strip()
    yield "---"
    yield ""


def _shape(encoder: "Encoder", folder: Path, trained: bool) -> Iterator[str]:
    config = encoder.config
    yield f"Kind: `{getattr(config, 'kind', 'towers')}`."
    yield ""
    yield "| part | is | made from |"
    yield "|---|---|---|"
    for name, part in _parts(config).items():
        yield f"| {cell(name)} | {cell(_what(part))} | {cell(_origin(part, trained))} |"
    yield ""
    yield "| block of the vector | numbers |"
    yield "|---|---|"
    for name, size in encoder.blocks.sizes:
        yield f"| {cell(name)} | {size} |"
    if encoder.blocks.absent:
        yield f"| which of them are absent | {encoder.blocks.absent} |"
    yield ""
    if isinstance(config, TowersConfig) and config.join == "blocks" and len(encoder.blocks.sizes) > 1:
        yield f"The picture has {config.image_share:g} of a whole note's squared length."
        yield ""
    yield "| weights | parameters | stored as |"
    yield "|---|---|---|"
    parts = weights_in(folder)
    for name, counted in parts.items():
        yield f"| {cell(name)} | {counted.parameters:,} | {cell(', '.join(counted.formats))} |"
    total = parameters_of(folder)
    once = (
        ", what several parts keep a copy of counted once" if total < sum(c.parameters for c in parts.values()) else ""
    )
    yield f"| all{once} | {total:,} | |"
    yield ""
    yield "It runs in float32, or in bfloat16 where the machine computes in it; the fingerprint is of what is stored."


def _trained(card: Card, config: PartConfig) -> str:
    if card.data.strip():
        return escaped(card.data)
    if any(_is_random(part) for part in _parts(config).values()):
        return "This encoder was not trained on interactions, and some of its weights are random: it is to be trained."
    return (
        "This encoder was not trained on interactions as far as is recorded: it is made of the weights named here, "
        "as they came."
    )


def _licences(license: str, sources: Mapping[str, str]) -> Iterator[str]:
    yield "| of | licence |"
    yield "|---|---|"
    yield f"| this encoder | {cell(license or 'not stated')} |"
    for name, licence in sources.items():
        yield f"| {cell(name)} | {cell(licence or 'not recorded here: ask who published it')} |"


def _evaluation(card: Card) -> Iterator[str]:
    if not card.evaluation:
        yield "Not evaluated yet."
        return
    if card.evaluated_on.strip():
        yield f"On {escaped(card.evaluated_on)}:"
        yield ""
    metrics = list(dict.fromkeys(metric for row in card.evaluation.values() for metric in row))
    yield "| | " + " | ".join(map(cell, metrics)) + " |"
    yield "|---|" + "---:|" * len(metrics)
    for name, row in card.evaluation.items():
        yield f"| {cell(name)} | " + " | ".join(number(row.get(metric)) for metric in metrics) + " |"


def _limits(config: PartConfig, pictures: bool) -> Iterator[str]:
    cut = getattr(getattr(config, "text", config), "max_tokens", None)
    yield f"- A text is cut at its end after {cut} tokens." if cut else "- A text is cut where its model cuts it."
    if pictures:
        yield "- Of an animated picture the first frame is read; nothing is fetched from an address."
    yield "- What its base weights learned of languages, subjects and people, wrongly too, is in its vectors."
    yield "- Vectors of another fingerprint are of another space, also where the number of numbers is the same."


def _parts(config: PartConfig) -> dict[str, PartConfig]:
    """The parts of an encoder that have a configuration of their own; the whole, where there is only that."""
    parts = {name: getattr(config, name) for name in type(config).model_fields}
    found = {name: part for name, part in parts.items() if isinstance(part, PartConfig)}
    whole = {} if isinstance(config, TowersConfig) else {"model": config}
    return whole | found


def _what(part: PartConfig) -> str:
    kind = getattr(part, "tower", None) or getattr(part, "kind", None) or type(part).__name__.removesuffix("Config")
    told = ("template", "pooling", "max_tokens", "project", "dim", "resampler_layers", "visual_tokens")
    settings = [f"{name} {getattr(part, name)}" for name in told if getattr(part, name, None) is not None]
    return f"{kind} ({', '.join(settings)})" if settings else str(kind)


def _origin(part: PartConfig, trained: bool) -> str:
    """What a part was made from, in words."""
    if part.place is None:
        return "no weights"
    if trained:
        return "training"
    settled = [_public(str(value)) for name in ("revision", "adapter") if (value := getattr(part, name, None))]
    return ", ".join([_base(part), *settled, *(["random weights"] if _is_random(part) else [])])


def _base(part: PartConfig) -> str:
    """The name of the weights a part started from."""
    if isinstance(part, MiniLMConfig) and _is_stock(part):
        return REPOSITORY
    names = [getattr(part, part.place or "", None), getattr(part, "weights", None)]
    return " ".join(_public(str(name)) for name in names if name is not None)


def base_models_of(config: PartConfig) -> dict[str, str]:
    """The base weights that a configuration names, {name: licence}, "" where it is not known here."""
    named = [part for part in _parts(config).values() if part.place is not None and not _is_random(part)]
    return {name: LICENCES.get(name, "") for name in sorted({_base(part) for part in named})}


def _license_of_weights(config: PartConfig, sources: Mapping[str, str]) -> str:
    """The one licence of all weights of an encoder, or "" where one is not known here, or they differ."""
    parts = [part for part in _parts(config).values() if part.place is not None]
    found = set(sources.values()) | {OWN for part in parts if _is_random(part)}
    if any(getattr(part, "adapter", None) is not None for part in parts):
        return ""
    return found.pop() if len(found) == 1 else ""


def _is_random(part: PartConfig) -> bool:
    return getattr(part, "seed", None) is not None or (part.place is not None and getattr(part, part.place) == "tiny")


def _is_stock(part: MiniLMConfig) -> bool:
    return part.folder is None or sha256(part.folder / "model.safetensors") == SHA256["model.safetensors"]


def _public(name: str) -> str:
    """Leave out where a folder lies on the machine that wrote the card."""
    return f"{Path(name).name} (a local folder)" if Path(name).is_absolute() else name
