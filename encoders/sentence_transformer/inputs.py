"""Notes as the inputs of sentence-transformers: words that stay words, pictures that are pixels.

The library takes a bare string that is an image address, or the path of an image that exists, for an image, and
opens or fetches it. So a note's words are handed over as {"text": ...}, whose kind is not guessed, and a picture
only ever as decoded pixels.
"""

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from PIL.Image import Image
    from sentence_transformers import SentenceTransformer

PLACEHOLDERS = ("image_token", "video_token", "audio_token", "boi_token", "eoi_token", "fake_image_token")
# Pixels of a picture for a model that reads pictures at their own size: what a note may hold in memory.
OWN_SIZE_PIXELS = 1_500_000


def takes_kinds(model: "SentenceTransformer") -> bool:
    """Whether inputs may name their kind, as in {"text": ...}."""
    from sentence_transformers.sentence_transformer.modules import Transformer

    return all(isinstance(module, Transformer) for module in _readers(model))


def _readers(model: "SentenceTransformer") -> list[Any]:
    """The modules that read inputs: the first one or, where a router comes first, the first of each of its routes."""
    from sentence_transformers.sentence_transformer.modules import Router

    first: Any = next(iter(model.children()))
    if not isinstance(first, Router):
        return [first]
    routes: list[Any] = list(first.sub_modules.values())
    return [next(iter(route.children())) for route in routes]


def as_text(model: "SentenceTransformer", text: str) -> Any:
    """Return the input that the model reads as words, whatever they look like."""
    # The other input modules (static embeddings, bags of words) know nothing but strings, and guess at none.
    return {"text": text} if takes_kinds(model) else text


class TextMarks:
    """The marks with which a model's prompt says "here stands a picture"; in a note's words they are only words."""

    def __init__(self, model: "SentenceTransformer") -> None:
        processors = [getattr(module, "processor", None) for module in _readers(model)]
        found = (getattr(processor, name, None) for processor in processors for name in PLACEHOLDERS)
        self.marks = sorted({str(mark) for mark in found if mark}, key=len, reverse=True)

    def cleared(self, text: str) -> str:
        """Break up every such mark with a space: a picture would be looked for that is not there."""
        for mark in self.marks:
            text = text.replace(mark, f"{mark[0]} {mark[1:]}")
        return text


def picture_size(model: "SentenceTransformer") -> int | None:
    """The shorter side, in pixels, that the model's processor brings pictures to; None where it keeps their size."""
    found = (getattr(getattr(module, "processor", None), "image_processor", None) for module in _readers(model))
    processor: Any = next((one for one in found if one is not None), None)
    size = getattr(processor, "size", None) or {}
    sides = [size.get(name) for name in ("shortest_edge", "height", "width")]
    known = [int(side) for side in sides if side]
    # Where sizes count pixels in all, as with Qwen-VL, they are far larger than a side.
    return max(known) if known and max(known) <= 2048 and getattr(processor, "patch_size", None) is None else None


def shrunk(picture: "Image", shorter: int | None) -> "Image":
    """Shrink a large picture by a whole factor, box by box, before it waits for the model.

    shorter: the side the model will bring it to; twice as much is left, so that its own filter decides. None: the
    model reads it at its own size, of which OWN_SIZE_PIXELS are left at most.
    """
    width, height = picture.size
    if shorter is None:
        factor = math.ceil(math.sqrt(width * height / OWN_SIZE_PIXELS))
    else:
        factor = min(width, height) // (2 * shorter)
    return picture.reduce(factor) if factor > 1 else picture
