"""A note encoder with gradients: a text tower, an image tower, and what joins them."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors.numpy import save_file
from torch import Tensor, nn

from encoders.base import Pixels
from encoders.config import TowersConfig
from encoders.device import Precision, best_device
from encoders.errors import NoteRejected, Reason
from encoders.images import ImageLimits, NoteImage, decode
from encoders.note import Note
from encoders.note_encoder import POOLING_FILE, NoteEncoder
from training.errors import TrainingError
from training.trainees.base import View
from training.trainees.fusion import Fusion
from training.trainees.making import image_part, text_part
from training.trainees.parts import ImagePart, TextPart, WritingPart
from training.trainees.rows import Rows, check_parts
from training.trainees.still import Still

if TYPE_CHECKING:
    from training.recipes.config import LoraConfig

TEXT, IMAGE, FUSION = "text", "image", "fusion"


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture on its way to the image tower; pixels: None where a frozen tower has seen it already."""

    key: Hashable
    pixels: Pixels | None


@dataclass(frozen=True, slots=True)
class TowersItem:
    """A note as both towers take it; text: empty where it has none."""

    text: Any
    pictures: tuple[Picture, ...]


class TowersTrainee:
    """NoteEncoder with gradients. Parts: `text`, `image`, `fusion`, the last being projections, share and pooling.

    Views: `note`, its blocks without the coordinates of absence; `text` and `image`, each block alone, of those there
    are; and, where text is written, `generation`. A tower that stands still runs as it is served, each text and picture
    once.
    hashtags: r of CSFT, for a tower that writes. augment: random crops and flips of what a trained image tower sees.
    precision: of the towers that stand still.
    Raises EncoderError as the encoder does.
    """

    def __init__(
        self,
        config: TowersConfig,
        hashtags: float | None = None,
        limits: ImageLimits = ImageLimits(),
        augment: bool = False,
        precision: Precision = "auto",
    ) -> None:
        whole = config.model_copy(update={"dim": None})
        self.encoder = NoteEncoder(whole, precision, limits)
        self.config, self.hashtags, self.augment = config, hashtags, augment
        self.device = torch.device(best_device())
        self._still_text = Still(self.encoder.text.encode, self.encoder.text.dim)
        image = self.encoder.image
        self._still_image = None if image is None else Still(image.encode, image.dim)
        fusion = Fusion(self.encoder.projection, config.image_share, self.encoder.image_query)
        self.fusion = fusion.to(self.device)
        self._text: TextPart | None = None
        self._image: ImagePart | None = None
        self.begin(())

    def begin(self, train: Sequence[str], lora: "LoraConfig | None" = None) -> None:
        """Set which parts are trained; the other towers stand still. Raises TrainingError."""
        check_parts(train, dict.fromkeys(self._trainable(), self.fusion))
        writes = self.hashtags is not None
        if writes and TEXT not in train and train:
            raise TrainingError("what is written is written by the text tower: train `text`, or set generation to 0")
        self._text = text_part(self.config.text, self.hashtags) if TEXT in train else None
        self._image = image_part(self.config.image, self.augment) if IMAGE in train else None
        if lora is not None:
            if self._text is None:
                raise TrainingError("lora changes the text tower, which this stage does not train: leave it out")
            self._text.begin(True, lora)
        self.fusion.requires_grad_(FUSION in train)
        self.parts: Mapping[str, nn.Module] = {
            name: part
            for name, part in (
                (TEXT, self._text.module if self._text else None),
                (IMAGE, self._image.module if self._image else None),
                (FUSION, self.fusion),
            )
            if part is not None
        }
        self.module = Rows(self.embed, self.parts).to(self.device)
        self.views = self._views(writes and self._text is not None)

    def _trainable(self) -> list[str]:
        """The parts that have weights: a descriptor has none, nor a fusion that joins nothing and maps nothing."""
        trains = {
            TEXT: True,
            IMAGE: self.config.image.tower not in ("none", "descriptor"),
            FUSION: self.encoder.image is not None or self.fusion.projection is not None,
        }
        return [name for name, has_weights in trains.items() if has_weights]

    def _views(self, writes: bool) -> tuple[View, ...]:
        sizes = dict(self.encoder.full_blocks.sizes)
        if self.config.join == "shared":
            width = sizes["note"]
            views = [View(name, i * width, (i + 1) * width) for i, name in enumerate(("note", TEXT, IMAGE))]
        elif IMAGE in sizes:
            text, image = sizes[TEXT], sizes[IMAGE]
            views = [View("note", 0, text + image), View(TEXT, 0, text), View(IMAGE, text, text + image)]
        else:
            views = [View("note", 0, sizes[TEXT]), View(TEXT, 0, sizes[TEXT])]
        end = max(view.stop for view in views)
        return (*views, View("generation", end, end + 2)) if writes else tuple(views)

    def read(self, note: Note) -> TowersItem:
        """Tokenise the text, decode the pictures that are needed; thread-safe; raises NoteRejected."""
        fields = self.config.text_fields
        text = self._text.read(note, fields) if self._text else self.encoder.text.read(note, fields)
        if not text and not (note.images and self.encoder.image):
            raise NoteRejected(Reason.EMPTY_NOTE, "the note has nothing that this encoder reads")
        if self.encoder.image is None:
            return TowersItem(text, ())
        return TowersItem(text, tuple(self._picture(image) for image in note.images))

    def _picture(self, image: NoteImage) -> Picture:
        tower = self._image or self.encoder.image
        assert tower is not None
        key = image.data if image.path is None else str(image.path)
        if self._image is None and self._still_image is not None and self._still_image.known(key):
            return Picture(key, None)
        return Picture(key, tower.preprocess(decode(image, self.encoder.limits, tower.shrink_to)))

    def cost(self, item: TowersItem) -> int:
        """Return the tokens of an item that are run with gradient, at least 1."""
        words = self._text.cost(item.text) if self._text and item.text else 0
        seen = self._image.cost * len(item.pictures) if self._image else 0
        return max(1, words + seen)

    def light(self, item: TowersItem) -> bool:
        """Whether an item holds no pixels."""
        return all(picture.pixels is None for picture in item.pictures)

    def embed(self, items: Sequence[TowersItem]) -> Tensor:
        """Embed N ≥ 1 items to rows [N, W], float32."""
        texts, generation = self._texts([item.text for item in items])
        texts = self.fusion.texts(texts)
        blocks = [texts]
        if self.encoder.image is not None:
            owners = torch.tensor([i for i, item in enumerate(items) for _ in item.pictures], dtype=torch.int64)
            pictures = self._pictures([picture for item in items for picture in item.pictures])
            images = self.fusion.pictures(pictures, owners.to(self.device), len(items))
            share = self.fusion.share
            blocks = [(1 - share).sqrt() * texts, share.sqrt() * images]
            if self.config.join == "shared":
                blocks = [blocks[0] + blocks[1], texts, images]
        return torch.cat([*blocks, *generation], dim=1)

    def _texts(self, texts: Sequence[Any]) -> tuple[Tensor, list[Tensor]]:
        """Rows [N, T] of the text tower, zero for an empty text; and what was written, [N, 2], where any is."""
        present = [i for i, text in enumerate(texts) if text]
        rows = torch.zeros(len(texts), self.encoder.text.dim, device=self.device)
        written = torch.zeros(len(texts), 2, device=self.device)
        at = torch.tensor(present, dtype=torch.int64, device=self.device)
        if present and self._text is None:
            keys = [text if isinstance(text, str) else tuple(text) for text in texts]
            found = self._still_text.rows([keys[i] for i in present], [texts[i] for i in present])
            rows = rows.index_copy(0, at, torch.from_numpy(found).to(self.device))
        elif present and self._text is not None:
            own = [texts[i] for i in present]
            if self.hashtags is None or not isinstance(self._text, WritingPart):
                rows = rows.index_copy(0, at, self._text.embed(own).float())
            else:
                embedded, losses, weights = self._text.embed_and_generate(own)
                rows = rows.index_copy(0, at, embedded.float())
                written = written.index_copy(0, at, torch.stack([losses, weights], dim=1).float())
        return rows, [written] if self.hashtags is not None and self._text is not None else []

    def _pictures(self, pictures: Sequence[Picture]) -> Tensor:
        """Rows [P, I] of the image tower."""
        assert self._still_image is not None
        if not pictures:
            return torch.zeros(0, self._still_image.dim, device=self.device)
        if self._image is not None:
            seen = [picture.pixels for picture in pictures if picture.pixels is not None]
            return self._image.embed(seen).float()
        rows = self._still_image.rows([picture.key for picture in pictures], [picture.pixels for picture in pictures])
        return torch.from_numpy(rows).to(self.device)

    def save(self, folder: Path) -> TowersConfig:
        """Write the weights as they are now into an empty folder; returns the configuration that reads them there."""
        config, encoder = self.config, self.encoder
        # Heads read the text tower as it was.
        parts: dict[str, Any] = {"text": config.text.saved_as(TEXT), "heads": None, "projection": None}
        if self._text is None and encoder.heads is not None and config.heads is not None:
            parts["heads"] = config.heads.saved_as("heads")
            encoder.heads.save(folder / "heads")
        (self._text or encoder.text).save(folder / TEXT)
        if encoder.image is not None:
            parts["image"] = config.image.saved_as(IMAGE)
            (self._image or encoder.image).save(folder / IMAGE)
            if self.fusion.odds.requires_grad:
                parts["image_share"] = float(self.fusion.share.detach())
        if self.fusion.projection is not None and config.projection is not None:
            parts["projection"] = config.projection.saved_as("projection")
            self.fusion.projection.save(folder / "projection")
        if self.fusion.query is not None:
            parts["image_query"] = POOLING_FILE
            save_file({"query": self.fusion.query.detach().cpu().numpy()}, folder / POOLING_FILE)
        return config.model_copy(update=parts)
