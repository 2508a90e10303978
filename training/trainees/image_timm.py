"""A model of timm as an image part."""

from encoders.vision.config import TimmConfig
from encoders.vision.timm_tower import TimmTower
from training.trainees.pictures import PicturePart


class TimmPart(PicturePart):
    """TimmTower with gradients. Raises EncoderError, WeightsError."""

    def __init__(self, config: TimmConfig, augment: bool = False) -> None:
        tower = TimmTower(config, "float32")
        super().__init__(tower, tower.model, hasattr(tower.model, "pos_embed"), augment)
