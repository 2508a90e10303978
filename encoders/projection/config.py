"""A learnt map of the text block, of the image block, or of both."""

from typing import ClassVar

from pydantic import Field

from encoders.config_base import PartConfig


class ProjectionConfig(PartConfig):
    """Maps the vectors of both towers before they are joined (encoders/projection/projection.py).

    folder: where they are saved; None with a seed: as training begins with them.
    text, image: numbers of a mapped vector; None: as many as the tower gives; 0: this block is not mapped, as in
    recipes that train its tower (EXPERIMENTS.md).
    hidden: width of the layer between; 0: a linear map alone.
    """

    place: ClassVar[str | None] = "folder"
    folder: str | None = None
    seed: int | None = None
    text: int | None = Field(None, ge=0)
    image: int | None = Field(None, ge=0)
    hidden: int = Field(512, ge=0)
