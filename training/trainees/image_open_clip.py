"""The image half of a CLIP model as an image part."""

from encoders.vision.config import OpenClipConfig
from encoders.vision.open_clip_tower import OpenClipTower
from training.trainees.pictures import PicturePart


class OpenClipPart(PicturePart):
    """OpenClipTower with gradients; saved with the text half as it was. Raises EncoderError, WeightsError."""

    def __init__(self, config: OpenClipConfig, augment: bool = False) -> None:
        tower = OpenClipTower(config, "float32")
        super().__init__(tower, tower.visual, hasattr(tower.visual, "transformer"), augment)
