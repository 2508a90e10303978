"""What a lexical index's folder says of itself: one small file, replaced whole after every commit.

FOLDER/state.json   generation, seq, opstamp, texts, analysis, format
FOLDER/apply.lock   held by whoever applies or builds
FOLDER/g7/          tantivy's files of generation 7; a build makes the next one beside it
"""

from __future__ import annotations

import json
import zlib
from dataclasses import asdict, dataclass
from pathlib import Path

from index.errors import NoteIndexError
from index.files import write_atomically
from index.lexical.words import analysis

FORMAT = 1


class DamagedLexicalIndex(NoteIndexError):
    """The lexical index is missing, half there, corrupt or made with other words: build it again from the truth."""


@dataclass(frozen=True, slots=True)
class State:
    """What stands in state.json.

    `opstamp` and `texts` (how many it holds) are those of tantivy's commit which brought the index to `seq`.
    Where tantivy's own opstamp is higher, a commit was made whose writer died before it could say so here; the
    next one replaces instead of adding.
    """

    generation: int
    seq: int
    opstamp: int
    texts: int
    analysis: str
    format: int = FORMAT

    def folder(self, root: Path) -> Path:
        """Where tantivy's files of this generation are."""
        return root / f"g{self.generation}"


def read_state(root: Path) -> State:
    """The state of the lexical index in `root`; raises DamagedLexicalIndex, also for one made with other words."""
    path = root / "state.json"
    try:
        text, _, checksum = path.read_bytes().partition(b"\n")
        if f"{zlib.crc32(text):08x}\n".encode() != checksum:
            raise ValueError("its second line is not the CRC-32 of the first")
        state = State(**json.loads(text))
    except (OSError, ValueError, TypeError) as error:
        raise DamagedLexicalIndex(
            f"{path}: expected the state of a lexical index, got: {error}. Build it again."
        ) from error
    if (state.format, state.analysis) != (FORMAT, analysis()):
        raise DamagedLexicalIndex(
            f"{path}: made in format {state.format} with the analysis {state.analysis!r}, "
            f"expected {FORMAT} and {analysis()!r}. Build it again."
        )
    return state


def write_state(root: Path, state: State) -> None:
    """Put `state` in place of what stands, atomically and durably: a line of JSON, a line with its CRC-32."""
    text = json.dumps(asdict(state)).encode()
    content = text + f"\n{zlib.crc32(text):08x}\n".encode()
    write_atomically(root / "state.json", lambda path: path.write_bytes(content))


def stamp(root: Path) -> bytes:
    """Changes whenever state.json does: what a reader compares before each search (10 µs). Empty where there is none.

    The content itself, because two replacements within one tick of the clock may leave inode, time and size alike.
    """
    try:
        return (root / "state.json").read_bytes()
    except OSError:
        return b""
