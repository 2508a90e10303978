"""Golden vectors of the transformer tower, by transformers alone: float32, one text at a time.

    python tests/encoders/golden/make_transformer.py

`write_models` makes the small models that the tests use too; their weights depend on the tensors' names alone.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from transformers import (
    AutoModel,
    AutoTokenizer,
    BertConfig,
    BertModel,
    ModernBertConfig,
    ModernBertModel,
    MPNetConfig,
    MPNetModel,
    PreTrainedTokenizerFast,
    XLMRobertaConfig,
    XLMRobertaModel,
)

HERE = Path(__file__).parent
SHAPE = {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 4}
TEXTS = ["ramen", "A bowl of ramen in Kyoto, at night.", "how-to: sew a tote bag " * 5, "مرحبا", "京都 trail 🍜"]
NOTES = [
    {"title": "Ramen in Kyoto", "body": "Three small shops near the river.", "tags": ["ramen", "kyoto"]},
    {"title": "Trail shoes", "category": "sport"},
    {"body": "A body alone."},
]


def _fill(model: torch.nn.Module) -> None:
    sys.path.insert(0, str(HERE.parent))
    from conftest import fill_by_name

    fill_by_name(model)


def _sentencepiece(folder: Path) -> None:
    """Write a tokenizer like XLM-R's: pieces with ▁, <s> 0, <pad> 1, </s> 2, <unk> 3."""
    letters = "abcdefghijklmnopqrstuvwxyz0123456789.,:-'{}\""
    words = ["▁ramen", "▁kyoto", "▁trail", "▁sunset", "▁note", "▁one", "▁word", "▁a", "▁of", "▁is", "▁The", "ing"]
    pieces = [("<s>", 0.0), ("<pad>", 0.0), ("</s>", 0.0), ("<unk>", -20.0), ("▁", -5.0)]
    pieces += [(word, -6.0 - i / 10) for i, word in enumerate(words)]
    pieces += [(letter, -9.0 - i / 10) for i, letter in enumerate(letters)]
    tokenizer = Tokenizer(models.Unigram(pieces, unk_id=3, byte_fallback=False))
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token="<s>",
        eos_token="</s>",
        cls_token="<s>",
        sep_token="</s>",
        pad_token="<pad>",
        unk_token="<unk>",
    ).save_pretrained(folder)


def _wordpieces(folder: Path) -> None:
    from encoders.text.stock import find_minilm

    PreTrainedTokenizerFast(
        tokenizer_file=str(find_minilm() / "tokenizer.json"),
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
    ).save_pretrained(folder)


def write_models(folder: Path) -> dict[str, Path]:
    """Write one small model of each family, and two with few positions; returns their folders by name."""
    xlm = {"vocab_size": 300, "pad_token_id": 1, "bos_token_id": 0, "eos_token_id": 2, **SHAPE}
    modern = {"pad_token_id": 1, "bos_token_id": 0, "eos_token_id": 2, "cls_token_id": 0, "sep_token_id": 2}
    made = {
        "xlm-roberta": XLMRobertaModel(XLMRobertaConfig(max_position_embeddings=514, **xlm)),
        "mpnet": MPNetModel(MPNetConfig(max_position_embeddings=514, **xlm)),
        # Every other layer sees 16 tokens to each side, fewer than the longest text has.
        "modernbert": ModernBertModel(
            ModernBertConfig(vocab_size=300, local_attention=32, global_attn_every_n_layers=2, **modern, **SHAPE)
        ),
        "short-bert": BertModel(BertConfig(vocab_size=30_522, max_position_embeddings=40, **SHAPE)),
        "short-xlm-roberta": XLMRobertaModel(XLMRobertaConfig(max_position_embeddings=40, **xlm)),
    }
    for name, model in made.items():
        _fill(model)
        model.save_pretrained(folder / name)
        (_wordpieces if "short-bert" in name else _sentencepiece)(folder / name)
    return {name: folder / name for name in made}


def write_bert(folder: Path) -> Path:
    """Write the small BERT of the tests' fixture `bert_folder`."""
    model = BertModel(BertConfig(vocab_size=30_522, **SHAPE))
    _fill(model)
    model.save_pretrained(folder)
    _wordpieces(folder)
    return folder


@torch.inference_mode()
def mean(folder: Path, text: str) -> np.ndarray:
    """Return the unit mean of the last states of one text."""
    tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModel.from_pretrained(folder).eval()
    states = model(**tokenizer(text, return_tensors="pt", return_token_type_ids=False)).last_hidden_state[0]
    return unit(states.mean(dim=0))


@torch.inference_mode()
def at_emb(folder: Path, note: dict) -> np.ndarray:
    """Return the unit last state at [EMB] of one note's template, written and tokenised as one string."""
    tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModel.from_pretrained(folder).eval()
    average = model.get_input_embeddings().weight.mean(dim=0)
    tokenizer.add_tokens(["[EMB]"], special_tokens=True)
    model.resize_token_embeddings(len(tokenizer), mean_resizing=False)
    model.get_input_embeddings().weight[-1] = average
    values = {
        "title": note.get("title"),
        "category": note.get("category"),
        "topic": ", ".join(note.get("tags", ())),
        "content": note.get("body"),
    }
    fields = ",".join(f'"{name}": "{value}"' for name, value in values.items() if value)
    text = f'Note: {{{fields}}}. Compress this note into one word. The compression word is: "[EMB]".'
    batch = tokenizer(text, return_tensors="pt", return_token_type_ids=False)
    place = batch.input_ids[0].tolist().index(len(tokenizer) - 1)
    return unit(model(**batch).last_hidden_state[0, place])


def unit(vector: torch.Tensor) -> np.ndarray:
    """Scale a vector to unit length."""
    return (vector / vector.norm()).numpy()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        folders = write_models(Path(temporary)) | {"bert": write_bert(Path(temporary) / "bert")}
        golden = {name: np.stack([mean(folders[name], text) for text in TEXTS]) for name in ("bert", "xlm-roberta")}
        golden["notes-bert"] = np.stack([at_emb(folders["bert"], note) for note in NOTES])
    np.savez_compressed(
        HERE / "transformer.npz", texts=np.array(TEXTS), notes=np.array([json.dumps(note) for note in NOTES]), **golden
    )
