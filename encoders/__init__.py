"""Notes, corpora, and the encoders that turn a note into one unit vector.

    note.py, images.py             what a note is; where pictures may lie and how they are decoded
    corpus.py, rows.py, columns.py a corpus folder as a stream of notes and rejections
    base.py                        the Encoder seam; blocks.py: how text and image share a vector
    note_encoder.py                a text tower and an image tower side by side; towers.py: which there are
    text/, vision/                 the towers: MiniLM, any transformer, CLIP; descriptor, open_clip, timm
    notellm/, notellm2/            NoteLLM as a text tower, NoteLLM-2 as an encoder of its own
    sentence_transformer/          models of sentence-transformers, and our folders as such
    heads/                         hashtags and categories suggested from an embedding
    hub.py, model_folder.py        models of transformers, from a folder or the hub
    load.py, folder.py, config.py  by name, from a folder, from a configuration; card.py: the model card

Names are imported on first use, so that importing this package does not import torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from encoders.base import Encoder
    from encoders.config import EncoderConfig, TowersConfig
    from encoders.corpus import Corpus
    from encoders.images import NoteImage
    from encoders.load import from_pretrained, load_encoder, resolve_config
    from encoders.note import Note
    from encoders.note_encoder import NoteEncoder

_HOMES = {
    "Corpus": "corpus",
    "Encoder": "base",
    "EncoderConfig": "config",
    "Note": "note",
    "NoteEncoder": "note_encoder",
    "NoteImage": "images",
    "TowersConfig": "config",
    "from_pretrained": "load",
    "load_encoder": "load",
    "resolve_config": "load",
}
__all__ = [
    "Corpus",
    "Encoder",
    "EncoderConfig",
    "Note",
    "NoteEncoder",
    "NoteImage",
    "TowersConfig",
    "from_pretrained",
    "load_encoder",
    "resolve_config",
]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
