"""Notes read with fields dropped, pictures broken, items kept."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO

import pytest
from PIL import Image

from encoders.errors import NoteRejected, Reason
from encoders.images import NoteImage, decode
from encoders.note import Note
from training.batches.reading import Reader, trainable
from training.errors import TrainingError
from training.losses.multimodal import DropRates


def picture(shade: int) -> NoteImage:
    data = BytesIO()
    Image.new("L", (8, 8), shade).save(data, "PNG")
    return NoteImage.from_bytes(data.getvalue(), f"{shade}.png")


BROKEN = NoteImage.from_bytes(b"no picture", "broken.png")


class Recorder:
    """Reads a note to its text and how many pictures it has, as a trainee would: decoding them."""

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()

    def __call__(self, note: Note) -> tuple[str, str, tuple[str, ...]]:
        assert note.id is not None
        self.calls[note.id] += 1
        if not note.has_text and not note.images:
            raise NoteRejected(Reason.EMPTY_NOTE, f"{note.id} has nothing")
        for image in note.images:
            decode(image)
        return note.title, note.body, tuple(image.name for image in note.images)


def read_all(reader: Reader, places, step: int | None = 0):
    with ThreadPoolExecutor(3) as pool:
        return [future.result() for future in [reader.start(place, step, pool) for place in places]]


def test_broken_pictures_cost_themselves_alone() -> None:
    notes = [
        Note(id="文", title="text", images=(BROKEN,)),
        Note(id="both", title="text", images=(picture(1), BROKEN, picture(2))),
        Note(id="images", images=(BROKEN, picture(3))),
        Note(id="sound", title="text", images=(picture(4),)),
    ]
    recorder = Recorder()
    reader = Reader(notes, recorder, DropRates(), 0)
    expected = [
        ("text", "", ()),
        ("text", "", ("1.png", "2.png")),
        ("", "", ("3.png",)),
        ("text", "", ("4.png",)),
    ]
    for _ in range(2):
        assert read_all(reader, range(4)) == expected
    assert sorted(reader.broken) == [0, 1, 2]
    assert "broken.png" in reader.broken[0]
    calls = recorder.calls.copy()
    read_all(reader, range(4))
    # The broken file is not tried again; what is left without pictures is kept.
    assert {name: recorder.calls[name] - calls[name] for name in calls} == {"文": 0, "both": 1, "images": 1, "sound": 1}


def test_a_note_of_broken_pictures_alone_is_named() -> None:
    notes = [Note(id="lost", images=(BROKEN,))]
    assert not trainable(notes[0])
    with pytest.raises(TrainingError, match=r"lost cannot be read.*broken\.png.*leave it out"):
        read_all(Reader(notes, Recorder(), DropRates(), 0), [0])


def test_what_can_be_trained_on() -> None:
    assert trainable(Note(title="t", images=(BROKEN,)))
    assert trainable(Note(images=(BROKEN, picture(1))))
    assert not trainable(Note())
    assert not trainable(Note(category="label"))
    assert not trainable(Note(images=(NoteImage("gone.png"),)))


def test_dropping_all_text_of_a_broken_note_puts_the_text_back() -> None:
    reader = Reader([Note(id="a", title="text", images=(BROKEN,))], Recorder(), DropRates(text=1.0), 0)
    assert read_all(reader, [0]) == [("text", "", ())]
    assert list(reader.broken) == [0]


def test_what_is_dropped_depends_on_seed_step_and_note() -> None:
    notes = [Note(id=str(i), title="title", body="body", images=(picture(i),)) for i in range(40)]
    rates = DropRates(title=0.5, images=0.5)

    def seen(seed: int, step: int | None, places=range(40)):
        return read_all(Reader(notes, Recorder(), rates, seed), places, step)

    once = seen(0, 0)
    assert seen(0, 0, reversed(range(40))) == once[::-1]
    assert seen(0, 0, [7]) == [once[7]]
    assert once != seen(0, 1)
    assert once != seen(1, 0)
    assert seen(0, None) == [("title", "body", (f"{i}.png",)) for i in range(40)]
    titles, pictures = Counter(one[0] for one in once), Counter(len(one[2]) for one in once)
    # Of 40 notes half lose either; 4 deviations of a binomial are 4 · √(40 / 4) ≈ 12.6.
    assert 8 <= titles[""] <= 32
    assert 8 <= pictures[0] <= 32
    assert {one[1] for one in once} == {"body"}
    assert len({(one[0], len(one[2])) for one in once}) == 4


def test_items_without_pictures_are_kept_latest_first() -> None:
    notes = [Note(id=str(i), title=f"t{i}") for i in range(3)]
    recorder = Recorder()
    reader = Reader(notes, recorder, DropRates(), 0, kept=2)
    read_all(reader, [0, 1, 0, 2, 0, 1])
    assert recorder.calls == {"0": 1, "1": 2, "2": 1}


def test_kept_items_are_of_the_fields_that_are_left() -> None:
    reader = Reader([Note(id="a", title="title", body="body")], Recorder(), DropRates(title=0.5), 0)
    fresh = [read_all(Reader([Note(id="a", title="title", body="body")], Recorder(), DropRates(title=0.5), 0), [0], i)
             for i in range(12)]  # fmt: skip
    assert [read_all(reader, [0], i) for i in range(12)] == fresh
    assert len({one[0] for one in fresh}) == 2
