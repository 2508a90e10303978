"""Choose the image's share of a note's vector, on warm items only, and report the test figures of the choice.

    python benchmarks/image_share.py CORPUS INTERACTIONS.parquet [--encoder E] [--out FILE.json]

The sweep sees users A and warm items only (see cold_start.py). Cold items and users B enter once, for the chosen
share, for none, and for pictures alone.
"""

import argparse
import json
from pathlib import Path

import numpy as np
from cold_start import Protocol
from rich.console import Console
from rich.table import Table

from encoders import NoteEncoder, load_encoder, resolve_config

SHARES = (0.0, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5)


def main() -> None:
    """Encode once, sweep the share over the two blocks, print a table and write JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("interactions", type=Path, help="Parquet with columns user and item")
    parser.add_argument("--name", help="prefix of the hash keys; the corpus folder's name unless given")
    parser.add_argument("--encoder", default="minilm")
    parser.add_argument("--out", type=Path, default=Path("benchmarks/out/image_share.json"))
    args = parser.parse_args()
    protocol = Protocol.of(args.corpus, args.interactions, args.name)
    encoder = load_encoder(resolve_config(args.encoder))
    if not isinstance(encoder, NoteEncoder) or encoder.image is None:
        parser.error("only an encoder of a text tower and an image tower, joined by blocks, has a share to choose")
    vectors, width = encoder.encode(protocol.notes), encoder.text.dim
    text = vectors[:, :width] / np.sqrt(1 - encoder.config.image_share)
    image = vectors[:, width : width + encoder.image.dim] / np.sqrt(encoder.config.image_share)
    by_text, by_image = text @ text.T, image @ image.T

    def mixed(share: float) -> np.ndarray:
        return (1 - share) * by_text + share * by_image

    rows = [{"share": share, **protocol.on_warm_items(mixed(share))} for share in (*SHARES, 1.0)]
    best = max(rows, key=lambda row: row["nDCG@10"])["share"]
    test = {f"test, share {share:g}": protocol.on_cold_items(mixed(share)) for share in (0.0, best, 1.0)}

    shown = Table("", "R@10", "nDCG@10", "queries", title=args.encoder, title_justify="left", box=None)
    for row in rows:
        mark = " *" if row["share"] == best else ""
        shown.add_row(
            f"warm, share {row['share']:g}{mark}", f"{row['R@10']:.4f}", f"{row['nDCG@10']:.4f}", str(row["queries"])
        )
    for label, row in test.items():
        shown.add_row(label, f"{row['R@10']:.4f}", f"{row['nDCG@10']:.4f}", str(row["queries"]))
    Console().print(shown)
    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.write_text(json.dumps({"encoder": args.encoder, "sweep": rows, "best": best, "test": test}, indent=2))


if __name__ == "__main__":
    main()
