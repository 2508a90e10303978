"""What the tests of encoders share: small models in the layout of Hugging Face transformers, made on the spot."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

LLAMA_LIKE = {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 4}


def fill_by_name(model) -> None:
    """Give every weight a value that depends on its name alone, so that golden vectors outlive torch's generators."""
    import hashlib

    import torch

    with torch.no_grad():
        for name, tensor in model.state_dict().items():
            if not tensor.dtype.is_floating_point:
                continue
            seed = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "little")
            values = np.random.default_rng(seed).normal(0, 0.08, tuple(tensor.shape))
            tensor.copy_(torch.as_tensor(values + (1 if "norm" in name.lower() and name.endswith("weight") else 0)))


@pytest.fixture(scope="session")
def stock_tokenizer() -> Callable[[Path], None]:
    """Write the stock WordPiece tokenizer into a folder, as transformers reads it."""

    def write(folder: Path) -> None:
        from transformers import PreTrainedTokenizerFast

        from encoders.text.stock import find_minilm

        PreTrainedTokenizerFast(
            tokenizer_file=str(find_minilm() / "tokenizer.json"),
            pad_token="[PAD]",
            unk_token="[UNK]",
            cls_token="[CLS]",
            sep_token="[SEP]",
        ).save_pretrained(folder)

    return write


@pytest.fixture(scope="session")
def qwen_folder(tmp_path_factory, stock_tokenizer) -> Path:
    """A small Qwen2 (causal) with a tokenizer: config, safetensors, tokenizer files."""
    from transformers import Qwen2Config, Qwen2ForCausalLM

    folder = tmp_path_factory.mktemp("models") / "qwen"
    model = Qwen2ForCausalLM(
        Qwen2Config(vocab_size=30_522, num_key_value_heads=2, tie_word_embeddings=True, **LLAMA_LIKE)
    )
    fill_by_name(model)
    model.save_pretrained(folder)
    stock_tokenizer(folder)
    return folder


@pytest.fixture(scope="session")
def llama_folder(tmp_path_factory, stock_tokenizer) -> Path:
    """A small Llama (causal) with a tokenizer."""
    from transformers import LlamaConfig, LlamaForCausalLM

    folder = tmp_path_factory.mktemp("models") / "llama"
    model = LlamaForCausalLM(LlamaConfig(vocab_size=30_522, tie_word_embeddings=False, **LLAMA_LIKE))
    fill_by_name(model)
    model.save_pretrained(folder)
    stock_tokenizer(folder)
    return folder


@pytest.fixture(scope="session")
def bert_folder(tmp_path_factory, stock_tokenizer) -> Path:
    """A small BERT (bidirectional) with a tokenizer."""
    from transformers import BertConfig, BertModel

    folder = tmp_path_factory.mktemp("models") / "bert"
    model = BertModel(BertConfig(vocab_size=30_522, **LLAMA_LIKE))
    fill_by_name(model)
    model.save_pretrained(folder)
    stock_tokenizer(folder)
    return folder
