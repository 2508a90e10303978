"""The module of sentence-transformers that an encoder folder names: notes in, the encoder's vectors out."""

import json
import shutil
import weakref
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Self

import torch
from sentence_transformers.base.modules import InputModule
from sentence_transformers.util import load_dir_path

from encoders.config import TowersConfig
from encoders.device import Precision
from encoders.errors import EncoderError
from encoders.load import from_pretrained
from encoders.sentence_transformer.module import MODULES, SETTINGS
from encoders.sentence_transformer.note_inputs import as_note
from encoders.text.stock import sha256

CHECKSUMS = "checksums.json"


class NoteModule(InputModule):
    """An encoder folder behind `SentenceTransformer.encode`; note_inputs.py says what may be handed over.

    `encode` and `encode_document` give the vectors of `encoder.encode`; `encode_query` those of a query, without
    the coordinates that say which modality a note lacks (encoders.blocks), as a search uses them. A note without
    words and pictures is refused (NoteRejected). `truncate_dim` of the model cuts as `dim=` of
    `encoders.from_pretrained` does, each block in proportion; given to a single call it is the library's plain cut.
    The encoder runs on the device and in the number format that notelens chooses; `device=` does not move it.
    """

    save_in_root = True
    config_keys: list[str] = []  # noqa: RUF012  the library's own declaration

    def __init__(self, folder: Path, precision: Precision, truncate_dim: int | None = None) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # the library leaves it untyped
        self.folder = folder
        self.precision = precision
        self.encoder = from_pretrained(folder, precision)
        self._owner: weakref.ref[Any] | None = None
        self._truncate_dim = truncate_dim

    @classmethod
    def load(
        cls,
        model_name_or_path: str,
        subfolder: str = "",
        token: bool | str | None = None,
        cache_folder: str | None = None,
        revision: str | None = None,
        local_files_only: bool = False,
        init_defaults: dict[str, Any] | None = None,  # noqa: ARG003  the library's signature; ours has none
        model_kwargs: Mapping[str, Any] | None = None,
        **_: Any,
    ) -> Self:
        """Open an encoder folder, local or on the hub, as the library asks; raises EncoderError.

        model_kwargs: dtype (or torch_dtype) may be float32 or bfloat16; the rest is of other modules.
        """
        found = load_dir_path(
            model_name_or_path,
            subfolder,
            token=token,
            cache_folder=cache_folder,
            revision=revision,
            local_files_only=local_files_only,
        )
        if found is None:
            raise EncoderError(f"{model_name_or_path} is not to be had: give an encoder folder")
        options = model_kwargs or {}
        return cls(Path(found), _precision(options.get("dtype", options.get("torch_dtype"))))

    @property
    def modalities(self) -> list[Any]:
        """What the model reads, in the library's names; "message" lets a batch mix them."""
        if _reads_pictures(self.encoder):
            return ["text", "image", ("image", "text"), "message"]
        return ["text"]

    def on_model_ready(self, model: Any) -> None:
        """Remember the model, for its truncate_dim."""
        self._owner = weakref.ref(model)

    @property
    def truncate_dim(self) -> int | None:
        """The model's truncate_dim; in a worker process, what it was when the model was sent there."""
        model = self._owner() if self._owner else None
        return self._truncate_dim if model is None else model.truncate_dim

    def get_embedding_dimension(self) -> int:
        """Length of a vector."""
        return self.encoder.dim

    def preprocess(self, inputs: Sequence[Any], prompt: str | None = None, **options: Any) -> dict[str, Any]:
        """Make notes of N inputs, read their text and decode their pictures, in threads.

        Raises EncoderError for what is no note, NoteRejected for a bad image or an empty note.
        """
        with ThreadPoolExecutor() as pool:
            prepared = list(pool.map(lambda value: self.encoder.prepare(as_note(value, prompt)), inputs))
        return {"prepared": prepared, "task": options.get("task")}

    def forward(self, features: dict[str, Any], **_: Any) -> dict[str, Any]:
        """Encode the N prepared notes: "sentence_embedding", float32 [N, dim]."""
        vectors = self.encoder.embed(features["prepared"])
        blocks, dim = self.encoder.blocks, self.truncate_dim
        if dim is not None and dim < blocks.dim:
            kept = blocks.cut(dim)
            vectors, blocks = blocks.truncate(vectors, kept), kept
        if features["task"] == "query":
            vectors = blocks.as_query(vectors)
        return {**features, "sentence_embedding": torch.from_numpy(vectors)}

    def save(self, output_path: str, *_: Any, **__: Any) -> None:
        """Copy the encoder folder, so that the new one opens with the library and with notelens alike."""
        folder = Path(output_path)
        model = self._owner() if self._owner else None
        if model is not None and len(model) > 1:
            raise EncoderError(
                f"an encoder of notelens is saved alone, but {len(model) - 1} more modules follow it in this model"
            )
        if folder.resolve() != self.folder.resolve():
            shutil.copytree(self.folder, folder, dirs_exist_ok=True, ignore=self._settings)
        # The library has written its settings by now, prompts and versions; the checksum is to be of those.
        digests = json.loads((folder / CHECKSUMS).read_text())
        digests |= {name: sha256(folder / name) for name in (MODULES, SETTINGS)}
        (folder / CHECKSUMS).write_text(json.dumps(digests, indent=2))

    def _settings(self, place: str, names: list[str]) -> list[str]:
        """The settings at the top of the folder, of which those that the library has just written are kept."""
        return [SETTINGS] if Path(place) == self.folder and SETTINGS in names else []

    def __getstate__(self) -> dict[str, Any]:
        return {"folder": self.folder, "precision": self.precision, "truncate_dim": self.truncate_dim}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Open the folder again: worker processes are handed the model as a pickle."""
        self.__init__(**state)  # type: ignore[misc]  # the state is what the module is made from


def _reads_pictures(encoder: Any) -> bool:
    return not (isinstance(encoder.config, TowersConfig) and encoder.image is None)


def _precision(dtype: Any) -> Precision:
    if dtype is None or dtype == "auto":
        return "auto"
    name = str(dtype).removeprefix("torch.")
    if name == "float32":
        return "float32"
    if name == "bfloat16":
        return "bfloat16"
    raise EncoderError(f"an encoder runs in float32 or bfloat16, not {name}")
