"""Untrained encoders on the cold-start protocol, by what they read: text, pictures, both.

    python benchmarks/zero_shot.py CORPUS INTERACTIONS.parquet --encoder minilm --encoder timm:mobilenetv2_100:W.npz

Both queries and candidates read the same. A note that lacks what is read scores 0 against all others; a query
that lacks it counts all the same. Random rankings stand beside.
"""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter

import numpy as np
from cold_start import CUTOFFS, Protocol
from rich.console import Console
from rich.table import Table

from encoders import Encoder, Note, load_encoder, resolve_config
from encoders.errors import NoteRejected

CHUNK = 512


def readings(notes: list[Note]) -> Iterator[tuple[str, list[Note]]]:
    """The notes as text alone, as pictures alone, and whole."""
    yield "text", [note.model_copy(update={"images": ()}) for note in notes]
    nothing = {"title": "", "body": "", "tags": (), "category": None}
    yield "image", [note.model_copy(update=nothing) for note in notes]
    yield "both", notes


def similarity(encoder: Encoder, notes: list[Note]) -> np.ndarray:
    """Scores of notes as queries against notes as candidates, [N, N]; 0 where one has nothing the encoder reads."""
    vectors = np.zeros((len(notes), encoder.dim), dtype=np.float32)
    for start in range(0, len(notes), CHUNK):
        good, prepared = [], []
        for row, note in enumerate(notes[start : start + CHUNK], start):
            try:
                prepared.append(encoder.prepare(note))
                good.append(row)
            except NoteRejected:
                continue
        if prepared:
            vectors[good] = encoder.embed(prepared)
    return encoder.blocks.as_query(vectors) @ vectors.T


def main() -> None:
    """Encode, score, print a table and write JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("interactions", type=Path, help="Parquet with columns user and item")
    parser.add_argument("--name", help="prefix of the hash keys; the corpus folder's name unless given")
    parser.add_argument("--encoder", action="append", help="as for `notelens build`; repeat for more")
    parser.add_argument("--out", type=Path, default=Path("benchmarks/out/zero_shot.json"))
    args = parser.parse_args()
    protocol = Protocol.of(args.corpus, args.interactions, args.name)
    count = len(protocol.notes)
    rows = [{"encoder": "random", **protocol.on_cold_items(np.random.default_rng(0).random((count, count)))}]
    for name in args.encoder or ["minilm"]:
        encoder = load_encoder(resolve_config(name))
        for reads, notes in readings(protocol.notes):
            started = perf_counter()
            scores = similarity(encoder, notes)
            took = perf_counter() - started
            rows.append({"encoder": name, "reads": reads, **protocol.on_cold_items(scores), "seconds": round(took, 1)})
            Console(stderr=True).print(rows[-1])

    metrics = [f"R@{k}" for k in CUTOFFS] + ["nDCG@10"]
    shown = Table("encoder", "reads", *metrics, title=f"{rows[0]['queries']} queries, {count} items", box=None)
    for row in rows:
        shown.add_row(str(row["encoder"]), str(row.get("reads", "")), *(f"{row[metric]:.4f}" for metric in metrics))
    Console().print(shown)
    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.write_text(json.dumps(rows, indent=2))


if __name__ == "__main__":
    main()
