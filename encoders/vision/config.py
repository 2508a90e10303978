"""Which image tower."""

from typing import ClassVar, Literal

from encoders.config_base import PartConfig


class DescriptorConfig(PartConfig):
    """Image tower without weights (see encoders.vision.descriptor)."""

    tower: Literal["descriptor"] = "descriptor"


class NoImageConfig(PartConfig):
    """No image tower: pictures are not read, and a note without text is rejected."""

    tower: Literal["none"] = "none"


class OpenClipConfig(PartConfig):
    """Image tower of open_clip.

    model: an architecture open_clip knows (`ViT-B-32`), a folder with `open_clip_config.json`, or a
    shape of ours with random weights alone: `tiny` for first tries, `small` to train on a CPU.
    weights: a safetensors file, or a pretrained tag of that architecture (needs the hub, or its cache);
    None: `open_clip_model.safetensors` in the model folder.
    seed: random weights instead, to start a training from.
    """

    place: ClassVar[str | None] = "model"
    tower: Literal["open_clip"] = "open_clip"
    model: str
    weights: str | None = None
    seed: int | None = None


class TimmConfig(PartConfig):
    """Image tower of timm: pooled features before the classifier.

    model: an architecture timm knows (`mobilenetv2_100`), or a folder in the layout of timm's uploads, as this tower
    is saved too.
    weights: a safetensors file of that architecture, a pretrained tag of it (needs the hub, or its cache), or the
    arrays of a TFLite MobileNetV2 (.npz, see encoders.vision.tflite_mobilenet); None: those in the model folder.
    seed: random weights instead.
    """

    place: ClassVar[str | None] = "model"
    tower: Literal["timm"] = "timm"
    model: str
    weights: str | None = None
    seed: int | None = None
