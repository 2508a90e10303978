"""What the configurations of encoders and their parts have in common."""

from pathlib import Path
from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict

# Fields that may name a file or a folder; those that may be hub names too are told apart by looking.
PATHS = ("model", "folder", "weights", "adapter", "connector", "image_query")


class PartConfig(BaseModel):
    """A frozen description of an encoder or a part of one; unknown fields are errors.

    place: the field that names the part's files, a folder or a hub name; None for a part without files.
    A part that is saved with an encoder is named by a path relative to the encoder's folder.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())
    place: ClassVar[str | None] = None

    def absolute(self) -> Self:
        """Return the configuration with the paths it names made absolute: it is kept, and read from other folders."""
        update: dict[str, Any] = {}
        for name in type(self).model_fields:
            value = getattr(self, name)
            if isinstance(value, PartConfig):
                update[name] = value.absolute()
            elif name in PATHS and value is not None and Path(value).exists():
                update[name] = type(value)(Path(value).resolve())
        return self.model_copy(update=update)

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
