"""What decides the vectors of a sentence-transformers model beside its weights: shape, modules, words, pixels."""

import hashlib
import json
from typing import TYPE_CHECKING, Any

from torch import nn

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

# What changes with the library, the machine or the number format, but not what the model computes.
PASSING = ("transformers_version", "dtype", "torch_dtype", "use_cache", "architectures", "name_or_path")


def described(model: "SentenceTransformer") -> list[dict[str, object]]:
    """Describe the modules of a model in order, as JSON values; the same wherever its files lie."""
    parts: list[Any] = list(nn.Module.modules(model))
    return [
        {
            "type": type(module).__name__,
            "config": _lasting(module.get_config_dict()) if hasattr(module, "get_config_dict") else None,
            "shape": _lasting(_config(module)),
            "words": _tokenizer(module),
            "pixels": _lasting(_image_processor(module)),
            "template": getattr(getattr(module, "processor", None), "chat_template", None),
        }
        for module in parts
        if hasattr(module, "get_config_dict") or hasattr(module, "processor")
    ]


def _config(module: Any) -> dict[str, Any]:
    inner = getattr(module, "model", None)
    config = getattr(inner, "config", None)
    return dict(config.to_dict()) if config is not None else {}


def _image_processor(module: Any) -> dict[str, Any]:
    processor = getattr(getattr(module, "processor", None), "image_processor", None)
    return dict(processor.to_dict()) if processor is not None else {}


def _tokenizer(module: Any) -> str | None:
    """Hash the tokenizer, without the padding and cutting that the last call left in it."""
    tokenizer = getattr(module, "tokenizer", None)
    inner: Any = getattr(tokenizer, "backend_tokenizer", tokenizer)
    if hasattr(inner, "to_str"):
        words = json.loads(inner.to_str())
        words.pop("truncation", None)
        words.pop("padding", None)
    elif hasattr(inner, "get_vocab"):
        words = inner.get_vocab()
    else:
        return None
    return hashlib.sha256(json.dumps(words, sort_keys=True, ensure_ascii=True).encode()).hexdigest()


def _lasting(value: Any) -> Any:
    """Drop what passes, at any depth, and bring the rest to JSON values."""
    if isinstance(value, dict):
        kept = {str(key): part for key, part in value.items() if str(key).lstrip("_") not in PASSING}
        return {key: _lasting(part) for key, part in sorted(kept.items()) if not key.startswith("_")}
    if isinstance(value, (list, tuple)):
        return [_lasting(part) for part in value]
    return value if isinstance(value, (str, int, float, bool, type(None))) else str(value)
