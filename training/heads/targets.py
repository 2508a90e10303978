"""What notes teach the heads: which categories and hashtags can be learnt at all, and which notes are kept aside."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from encoders.note import Note
from retrieval.evaluation.split import bucket
from training.errors import TrainingError

# A hashtag of one note alone says nothing of other notes, and most are such.
TAG_NOTES = 2
# Of so many parts a share is taken by hash.
PARTS = 10_000


@dataclass(frozen=True, slots=True)
class Targets:
    """What the heads learn from N notes, and what the user must be told of it.

    categories: those to be known, the most frequent first; none: no category is learnt. tags: of each note, in the
    author's order, those that are learnt. category: of each note its place in `categories`, None where it has none.
    """

    categories: tuple[str, ...]
    tags: tuple[tuple[str, ...], ...]
    category: tuple[int | None, ...]
    remarks: tuple[str, ...]

    @property
    def has_tags(self) -> bool:
        """Whether there is any hashtag to learn."""
        return any(self.tags)


def choose_targets(notes: Sequence[Note], min_notes: int) -> Targets:
    """Choose what is learnt from N notes.

    Categories of fewer than min_notes notes are left out, and a single one is: nothing tells it from others. Hashtags
    of fewer than TAG_NOTES notes, without regard to case, are left out unless all are. Raises TrainingError where
    there is neither a hashtag nor a category to learn.
    """
    counts = Counter(note.category for note in notes if note.category)
    often = [name for name, count in sorted(counts.items(), key=lambda item: (-item[1], item[0])) if count >= min_notes]
    names = tuple(often) if len(often) > 1 else ()
    tag_counts = Counter(tag for note in notes for tag in {tag.casefold() for tag in note.tags})
    least = TAG_NOTES if max(tag_counts.values(), default=0) >= TAG_NOTES else 1
    tags = tuple(tuple(tag for tag in note.tags if tag_counts[tag.casefold()] >= least) for note in notes)
    if not names and not tag_counts:
        raise TrainingError(
            f"there is nothing to suggest: none of {len(notes):,} notes has hashtags, and {_categories(counts, often)} "
            f"{min_notes:,} notes or more. Leave the stage of heads out, or lower its min_notes"
        )
    remarks = []
    if not names:
        remarks.append(f"no category is suggested: {_categories(counts, often)} {min_notes:,} notes or more")
    elif len(counts) > len(often):
        few = len(counts) - len(often)
        remarks.append(f"{few:,} of {len(counts):,} categories are not learnt, with fewer than {min_notes:,} notes")
    if not tag_counts:
        remarks.append(f"no hashtags are suggested: none of {len(notes):,} notes has any")
    place = {name: i for i, name in enumerate(names)}
    return Targets(names, tags, tuple(place.get(note.category or "") for note in notes), tuple(remarks))


def _categories(counts: Counter[str], often: Sequence[str]) -> str:
    if len(often) == 1:
        return f"of {len(counts):,} categories only {often[0]!r} has"
    return f"none of {len(counts):,} categories has"


def is_aside(note: Note, share: float, seed: int) -> bool:
    """Whether a note is kept aside to stop by: by the SHA-1 of its id, so whatever other notes there are."""
    name = note.id if note.id is not None else f"{note.title}\n{note.body}"
    return bucket(f"{seed}-heads-{name}", PARTS) < share * PARTS
