"""Choose the image's share of a note's vector on the validation stage, and report the test figures of the choice.

    python benchmarks/image_share.py CORPUS [--interactions FILE] [--encoder E] [--out FILE.json]

The sweep sees the notes and users that the split holds out for choices. The test enters once, for the chosen share, for
none, and for pictures alone.
"""

import argparse
import json
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from encoders import Corpus, load_encoder, resolve_config
from encoders.blocks import unit_rows
from retrieval.evaluation.encoding import encode_notes
from retrieval.evaluation.metrics.accuracy import accuracy
from retrieval.evaluation.metrics.lists import means
from retrieval.evaluation.protocol import Interactions, Protocol, ProtocolConfig, only_interactions
from retrieval.evaluation.systems.vectors import VectorSystem

SHARES = (0.0, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 1.0)
MEASURES = ("R@10", "R@100", "nDCG@10")


def main() -> None:
    """Encode once, sweep the share over the two blocks, print a table and write JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--interactions", type=Path)
    parser.add_argument("--encoder", default="minilm")
    parser.add_argument("--out", type=Path, default=Path("benchmarks/out/image_share.json"))
    args = parser.parse_args()
    corpus = Corpus(args.corpus)
    data = Interactions.read(corpus, args.interactions or only_interactions(corpus))
    split = data.split_by()
    encoder = load_encoder(resolve_config(args.encoder))
    if [name for name, _ in encoder.blocks.sizes] != ["text", "image"]:
        parser.error("only an encoder of a text tower and an image tower, joined by blocks, has a share to choose")
    test, validation = (Protocol.of(data, split, ProtocolConfig(stage=stage)).pool for stage in ("test", "validation"))
    # The notes of the validation are among those of the test: all are encoded once.
    encoded = encode_notes(encoder, corpus, test.notes, lambda note: note)
    text, image = (unit_rows(encoded.blocks.only(encoded.vectors, name)) for name in ("text", "image"))
    row = {note_id: i for i, note_id in enumerate(test.notes.ids)}

    def score(pool, share: float) -> dict[str, float]:
        rows = [row[note_id] for note_id in pool.notes.ids]
        candidates = (np.sqrt(1 - share) * text[rows] + np.sqrt(share) * image[rows]).astype(np.float32)
        ranking = VectorSystem("", candidates, unit_rows(candidates)).rank(pool.queries, 100)
        return {name: means(values) for name, values in accuracy(ranking, pool.relevance, MEASURES).items()}

    sweep = {share: score(validation, share) for share in SHARES}
    best = max(sweep, key=lambda share: sweep[share]["nDCG@10"])
    final = {share: score(test, share) for share in dict.fromkeys((0.0, best, 1.0))}

    shown = Table("stage", "share", *MEASURES, "queries", title=args.encoder, title_justify="left", box=None)
    for stage, found, pool in (("validation", sweep, validation), ("test", final, test)):
        for share, figures in found.items():
            mark = " *" if share == best else ""
            values = [f"{figures[name]:.4f}" for name in MEASURES]
            shown.add_row(stage, f"{share:g}{mark}", *values, str(len(pool.queries)))
    Console().print(shown)
    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.write_text(json.dumps({"encoder": args.encoder, "sweep": sweep, "best": best, "test": final}, indent=2))


if __name__ == "__main__":
    main()
