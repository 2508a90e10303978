"""What the configurations of encoders and their parts have in common."""

from pathlib import Path
from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict


class PartConfig(BaseModel):
    """A frozen description of an encoder or a part of one; unknown fields are errors.

    place: the field that names the part's files, a folder or a hub name; None for a part without files.
    A part that is saved with an encoder is named by a path relative to the encoder's folder.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())
    place: ClassVar[str | None] = None

    def saved_as(self, name: str) -> Self:
        """Return the configuration of this part once it is saved in the subfolder `name`."""
        if self.place is None:
            return self
        # Saved weights are complete: what they were made from no longer decides anything.
        origin = {
            field: None for field in ("weights", "seed", "revision", "adapter") if field in type(self).model_fields
        }
        return self.model_validate(self.model_dump() | origin | {self.place: name})

    def located_in(self, folder: Path) -> Self:
        """Return the configuration of a saved part with its path made absolute."""
        if self.place is None:
            return self
        update: dict[str, Any] = {self.place: str(folder.resolve() / str(getattr(self, self.place)))}
        return self.model_validate(self.model_dump() | update)
