"""Many notes in chunks: the same vectors, in order, and never more than two chunks of decoded pictures."""

from __future__ import annotations

import threading
from types import SimpleNamespace

import numpy as np
import pytest

from encoders import Note
from encoders.ahead import encode_ahead
from encoders.errors import NoteRejected, Reason


class Watched:
    """Prepares a note to its number, and keeps count of what is prepared and not yet embedded."""

    dim = 1

    def __init__(self):
        self.waiting = self.most = 0
        self.lock = threading.Lock()

    def prepare(self, note):
        if note.title == "bad":
            raise NoteRejected(Reason.EMPTY_NOTE, "bad")
        with self.lock:
            self.waiting += 1
            self.most = max(self.most, self.waiting)
        return SimpleNamespace(number=float(note.title))

    def embed(self, prepared):
        rows = np.array([[one.number] for one in prepared], dtype=np.float32)
        with self.lock:
            self.waiting -= len(prepared)
        return rows


@pytest.mark.parametrize("count", [0, 1, 4, 5, 8, 41])
def test_order_and_memory(monkeypatch, count):
    monkeypatch.setattr("encoders.ahead.CHUNK", 4)
    watched = Watched()
    found = encode_ahead(watched, [Note(title=str(i)) for i in range(count)])
    np.testing.assert_array_equal(found, np.arange(count, dtype=np.float32)[:, None])
    assert watched.most <= 8
    assert watched.waiting == 0


def test_a_bad_note_is_raised(monkeypatch):
    monkeypatch.setattr("encoders.ahead.CHUNK", 2)
    notes = [Note(title=name) for name in ("0", "1", "2", "bad", "4")]
    with pytest.raises(NoteRejected, match="bad"):
        encode_ahead(Watched(), notes)
