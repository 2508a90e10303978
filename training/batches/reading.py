"""Notes on their way to a trainee: fields dropped by chance, broken pictures set aside, what is small kept."""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Lock

import numpy as np
import torch

from encoders.errors import NoteRejected
from encoders.images import NoteImage, decode
from encoders.note import Note
from training.errors import TrainingError
from training.losses.multimodal import DropRates, drop_fields
from training.trainees.base import Item

KEPT = 1 << 16  # items that are kept
# A note's place, and which of its fields are there.
_Key = tuple[int, tuple[bool, ...]]
_FIELDS = ("title", "body", "tags", "category", "images")


def trainable(note: Note) -> bool:
    """Say whether a note can be trained on: it has text, or pictures one of which decodes.

    Only notes without text have their pictures opened, so that this is cheap; leave the others out of the graph.
    """
    return note.has_text or any(_decodes(image) for image in note.images)


class Reader:
    """Reads notes by their place, as a trainee takes them, at a step.

    notes: by place. read: `Trainee.read`, from several threads. light: `Trainee.light`, which items are kept; None:
    those of notes without pictures. A note that is rejected is read again whole (what was
    dropped is put back), then without the pictures that do not decode, then without any; so one broken picture costs
    itself alone. What a step drops of a note depends on seed, step and place alone, so both passes of GradCache, and a
    resumed run, see the same. `broken` has, by place, why pictures were set aside.
    """

    def __init__(
        self,
        notes: Sequence[Note],
        read: Callable[[Note], Item],
        rates: DropRates,
        seed: int,
        kept: int = KEPT,
        light: Callable[[Item], bool] | None = None,
    ) -> None:
        self._notes, self._read, self._rates, self._seed = notes, read, rates, seed
        self._drops, self._light = rates != DropRates(), light
        self._items, self._kept, self._lock = OrderedDict[_Key, Item](), kept, Lock()
        self._mended = dict[int, Note]()
        self.broken = dict[int, str]()

    def start(self, place: int, step: int | None, pool: ThreadPoolExecutor) -> "Future[Item]":
        """Begin to read a note: in a thread where it has pictures, else at once. step: None drops nothing.

        The result raises TrainingError for a note that is rejected even so.
        """
        note = self._mended.get(place, self._notes[place])
        if step is not None and self._drops:
            note = drop_fields(note, self._rates, self._chance(place, step))
        key = (place, tuple(bool(getattr(note, name)) for name in _FIELDS))
        found = self._remembered(key)
        if found is None and note.images:
            return pool.submit(self._fresh, key, note)
        done = Future[Item]()
        done.set_result(self._fresh(key, note) if found is None else found)
        return done

    def _chance(self, place: int, step: int) -> torch.Generator:
        """Return the random numbers of one note at one step."""
        state = np.random.SeedSequence([self._seed, step, place]).generate_state(1, np.uint64)
        return torch.Generator().manual_seed(int(state[0]))

    def _remembered(self, key: _Key) -> Item | None:
        """Return an item that is kept; the one not asked for longest goes first."""
        with self._lock:
            if key in self._items:
                self._items.move_to_end(key)
            return self._items.get(key)

    def _fresh(self, key: _Key, note: Note) -> Item:
        """Read a note, and keep what is light."""
        try:
            item = self._read(note)
        except NoteRejected as error:
            item = self._again(key[0], error)
        if self._light(item) if self._light else not note.images:
            with self._lock:
                self._items[key] = item
                if len(self._items) > self._kept:
                    self._items.popitem(last=False)
        return item

    def _again(self, place: int, error: NoteRejected) -> Item:
        """Read a note that was rejected, with what is sound of it."""
        whole = self._notes[place]
        if whole.images:
            sound = tuple(image for image in whole.images if _decodes(image))
            # Dropping may have left too little, in which case no picture is at fault; the whole note is tried first.
            for images in dict.fromkeys((whole.images, sound, ())):
                note = whole.model_copy(update={"images": images})
                try:
                    item = self._read(note)
                except NoteRejected:
                    continue
                if images != whole.images:
                    self._mended[place], self.broken[place] = note, str(error)
                return item
        raise TrainingError(
            f"the note {whole.id} cannot be read: {error}; leave it out of the pairs, or mend it in the corpus"
        ) from error


def _decodes(image: NoteImage) -> bool:
    try:
        decode(image)
    except NoteRejected:
        return False
    return True
