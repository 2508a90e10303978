"""The model, projection and tokenizer of a transformer text tower, read in the number format of their files."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import nn

from encoders.hub import find_model, load_model, load_tokenizer
from encoders.text.config import TransformerConfig
from encoders.text.transformer_checks import check_encoder
from encoders.text.transformer_module import PooledTransformer, make_projection, save_projection
from encoders.text.transformer_template import EMB

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a configuration names, as it is stored: nothing rounded, nothing on a GPU."""

    module: PooledTransformer
    tokenizer: "PreTrainedTokenizerFast"


def load_stored(config: TransformerConfig) -> Loaded:
    """Read model, projection and tokenizer; with template `note`, [EMB] is one of the tokens. Raises EncoderError."""
    from transformers import AutoModel

    folder = find_model(config.model, config.revision, weights=config.seed is None)
    tokenizer = load_tokenizer(folder)
    backbone = cast(Any, load_model(AutoModel, folder, config.seed))
    check_encoder(backbone.config, config.model)
    # Its weights are often not in the file, then random, and none of them is read here.
    if isinstance(getattr(backbone, "pooler", None), nn.Module):
        backbone.pooler = None
    emb = _add_emb(tokenizer, backbone) if config.template == "note" else None
    hidden: int = backbone.config.hidden_size
    projection = make_projection(folder, hidden, config.project, config.seed) if config.project else None
    return Loaded(PooledTransformer(backbone, config.pooling, emb, projection).eval(), tokenizer)


def save_stored(module: PooledTransformer, tokenizer: "PreTrainedTokenizerFast", folder: Path) -> None:
    """Write config.json, safetensors, tokenizer and projection: a model folder of transformers."""
    folder.mkdir(parents=True, exist_ok=True)
    cast(Any, module.backbone).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    if module.projection is not None:
        save_projection(module.projection, folder)


@torch.no_grad()
def _add_emb(tokenizer: "PreTrainedTokenizerFast", backbone: Any) -> int:
    """Make [EMB] a token, if it is none yet; its row is the mean of the others', the same on every machine."""
    from tokenizers import AddedToken

    if EMB not in tokenizer.get_vocab():
        words = len(tokenizer)
        tokenizer.add_tokens([AddedToken(EMB, special=True, normalized=False)], special_tokens=True)
        if backbone.get_input_embeddings().num_embeddings < len(tokenizer):
            backbone.resize_token_embeddings(len(tokenizer), mean_resizing=False)
        rows = backbone.get_input_embeddings().weight
        rows[tokenizer.convert_tokens_to_ids(EMB)] = rows[:words].float().mean(dim=0).to(rows.dtype)
    return tokenizer.get_vocab()[EMB]
