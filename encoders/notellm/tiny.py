"""A small random causal model with the stock tokenizer: to try things, and to train from."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from encoders.notellm.vocabulary import Vocabulary
from encoders.text.stock import find_minilm

if TYPE_CHECKING:
    import torch

# The WordPiece vocabulary of MiniLM.
STOCK_TOKENS = 30_522


def make_tiny(seed: int, added: Sequence[str]) -> "tuple[torch.nn.Module, Vocabulary]":
    """Make a Qwen2 of two layers and 128 numbers, float32, and its vocabulary; the same for the same seed."""
    import torch
    from transformers import PreTrainedTokenizerFast, Qwen2Config, Qwen2ForCausalLM

    names = {f"{name}_token": f"[{name.upper()}]" for name in ("pad", "unk", "cls", "sep", "mask")}
    make: Any = PreTrainedTokenizerFast
    tokenizer = make(tokenizer_file=str(find_minilm() / "tokenizer.json"), **names)
    config = Qwen2Config(
        vocab_size=STOCK_TOKENS,
        hidden_size=128,
        intermediate_size=256,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=1024,
        tie_word_embeddings=True,
    )
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = Qwen2ForCausalLM(config)
    return model, Vocabulary(tokenizer, added)
