"""The note: the one thing that is encoded. Any subset of its fields is a note too (a query)."""

import hashlib
import json
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, StringConstraints, field_validator

from encoders.images import ImageLimits, NoteImage


def _unicode(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ValueError("text holds a lone surrogate, which no UTF-8 has") from error
    return text


Text = Annotated[str, AfterValidator(_unicode)]
NoteId = Annotated[Text, StringConstraints(min_length=1, max_length=512)]


class Note(BaseModel):
    """A note, whole or partial: a title alone is a text search, an image alone an image search.

    `created_at` is aware and in UTC; `tags` carry no `#`; `images` are vetted (see encoders.images);
    `extra` holds the corpus' other columns as JSON. Text with lone surrogates is refused, because it could
    be neither tokenised nor stored.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    id: NoteId | None = None
    title: Text = ""
    body: Text = ""
    tags: tuple[Text, ...] = ()
    category: Text | None = None
    images: tuple[NoteImage, ...] = ()
    author: Text | None = None
    created_at: AwareDatetime | None = None
    lang: Text | None = None
    extra: dict[str, Any] = {}

    @field_validator("created_at")
    @classmethod
    def _in_utc(cls, value: datetime | None) -> datetime | None:
        return value.astimezone(UTC) if value else None

    @property
    def has_text(self) -> bool:
        """Whether the note has a title, body, or tags: what the text encoder reads."""
        return bool(self.title.strip() or self.body.strip() or self.tags)

    def payload(self) -> dict[str, Any]:
        """Return the note as JSON values, for storage beside its vector; images as their names."""
        return {
            "title": self.title,
            "body": self.body,
            "tags": list(self.tags),
            "category": self.category,
            "images": [image.name for image in self.images],
            "author": self.author,
            "created_at": self.created_at.isoformat() if self.created_at else None,
            "lang": self.lang,
            "extra": self.extra,
        }

    def load_images(self, limits: ImageLimits = ImageLimits()) -> "Note":
        """Return the note with the encoded bytes of its images read in; raises NoteRejected."""
        if not self.images:
            return self
        loaded = tuple(NoteImage(image.name, image.path, image.read(limits)) for image in self.images)
        return self.model_copy(update={"images": loaded})

    def content_hash(self) -> str:
        """Digest of what an encoder may read: text fields, category, and the bytes of the images, in order.

        Two notes of equal hash have equal vectors under one encoder, so a rebuild need not encode again.
        """
        digest = hashlib.blake2b(digest_size=16)
        text = [self.title, self.body, list(self.tags), self.category, self.lang]
        digest.update(json.dumps(text, ensure_ascii=False).encode())
        for image in self.images:
            data = image.read() if image.data is None else image.data  # loaded ones were held against their limits
            digest.update(hashlib.blake2b(data, digest_size=16).digest())
        return digest.hexdigest()
