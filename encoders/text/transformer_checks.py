"""Whether a model of transformers can be a text tower: it reads token ids, both ways, and so many of them."""

from typing import Any

import torch
from torch import nn

from encoders.errors import EncoderError


def check_encoder(config: Any, name: str) -> None:
    """Raise EncoderError for a configuration of transformers that is no encoder of text."""
    if getattr(config, "is_encoder_decoder", False):
        raise EncoderError(
            f"{name} is an encoder-decoder ({config.model_type}), wanted is an encoder alone: "
            f"a sentence-transformers model of that kind is named st:{name}"
        )


@torch.inference_mode()
def check_bidirectional(module: nn.Module, config: Any, name: str, device: str) -> None:
    """Run three tokens twice: in a bidirectional model the first state changes with the last token.

    The model is asked, not its configuration: there are language models turned into encoders that keep their type.
    """
    rows = getattr(config, "vocab_size", None)
    if not isinstance(rows, int) or rows < 12:
        raise EncoderError(f"{name} ({config.model_type}) has no vocabulary, so it does not read text")
    # From the middle of the vocabulary, where there are words and neither special tokens nor unused rows.
    ids = torch.tensor([[rows // 2, rows // 3, rows // 4], [rows // 2, rows // 3, rows // 6]], device=device)
    try:
        states = module(input_ids=ids, attention_mask=torch.ones_like(ids)).last_hidden_state
    except (AttributeError, IndexError, RuntimeError, TypeError, ValueError) as error:
        raise EncoderError(
            f"{name} ({config.model_type}) does not turn token ids into hidden states, so it is no text "
            f"encoder: {error}"
        ) from error
    if torch.equal(states[0, 0], states[1, 0]):
        raise EncoderError(
            f"{name} ({config.model_type}) is causal: a token of it does not see what follows. "
            f"This tower wants a bidirectional encoder; a causal language model is named notellm:{name}"
        )


def most_positions(module: nn.Module, config: Any) -> int:
    """Return how many tokens the model has positions for; 2**31 where it is not bounded."""
    for path, part in module.named_modules():
        if path.endswith("position_embeddings") and isinstance(part, nn.Embedding):
            # RoBERTa, XLM-R and MPNet count positions from the padding id onwards.
            first = 0 if part.padding_idx is None else part.padding_idx + 1
            return part.num_embeddings - first
    limit: int | None = getattr(config, "max_position_embeddings", None)
    return limit if limit and limit > 0 else 2**31
