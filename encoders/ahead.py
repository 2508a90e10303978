"""Any number of notes through an encoder, in constant memory, decoding ahead of the model."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np

from encoders.blocks import Vectors
from encoders.note import Note

if TYPE_CHECKING:
    from encoders.base import Encoder

# Notes prepared at a time; two such chunks are in memory, pictures decoded.
CHUNK = 256


def encode_ahead(encoder: "Encoder", notes: Sequence[Note]) -> Vectors:
    """Encode N notes to unit rows, float32 [N, dim].

    Each chunk is prepared in threads while the one before is embedded. Raises what `prepare` raises for the
    first bad note.
    """
    rows = [np.zeros((0, encoder.dim), dtype=np.float32)]
    with ThreadPoolExecutor() as pool:
        ahead = [pool.submit(encoder.prepare, note) for note in notes[:CHUNK]]
        for start in range(CHUNK, len(notes) + CHUNK, CHUNK):
            now, ahead = ahead, [pool.submit(encoder.prepare, note) for note in notes[start : start + CHUNK]]
            rows.append(encoder.embed([one.result() for one in now]))
    return np.concatenate(rows)
