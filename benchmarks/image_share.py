"""Choose the image's share of a note's vector, on warm items only, and report the test figures of the choice.

    python benchmarks/image_share.py CORPUS INTERACTIONS.parquet [--encoder E] [--out FILE.json]

The corpus' items with interactions are split as in the cold-start protocol (a fifth of the items cold by hash,
users in halves A and B by hash). The sweep sees users A and warm items only: each warm item is a query, relevant
are its ten strongest co-occurrences. Cold items and users B enter once, for the chosen share and for none.
"""

import argparse
import hashlib
import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import scipy.sparse as sp
from rich.console import Console
from rich.table import Table

from encoders import Corpus, load_encoder, resolve_config
from encoders.corpus import Placed

SHARES = (0.0, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5)
TOP, MIN_USERS = 10, 5


def bucket(key: str, modulus: int) -> int:
    """Hash a key into one of `modulus` buckets, the same on every machine."""
    return int(hashlib.sha1(key.encode(), usedforsecurity=False).hexdigest(), 16) % modulus


def relevance(users: np.ndarray, items: np.ndarray, count: int) -> np.ndarray:
    """Co-occurrence Σ_u 1/N_u (NoteLLM, arXiv 2403.01744) over √(n_i n_j), from MIN_USERS common users on, [I, I]."""
    _, rows = np.unique(users, return_inverse=True)
    seen = sp.csr_matrix((np.ones(len(rows), np.float32), (rows, items)), shape=(rows.max() + 1, count))
    weight = 1 / np.asarray(seen.sum(axis=1)).ravel()
    scores = (seen.T @ sp.diags(weight) @ seen).toarray()
    mass = np.asarray(seen.multiply(weight[:, None]).sum(axis=0)).ravel()
    scores[(seen.T @ seen).toarray() < MIN_USERS] = 0
    np.fill_diagonal(scores, 0)
    return scores / np.sqrt(np.outer(mass, mass) + 1e-9)


def score(
    similarity: np.ndarray, relevant: np.ndarray, queries: np.ndarray, candidates: np.ndarray
) -> dict[str, float]:
    """Recall@10 and nDCG@10 of full ranking over the candidates, averaged over queries with relevant items."""
    recalls, ndcgs = [], []
    for query in queries:
        order = np.argsort(-relevant[query], kind="stable")[:TOP]
        wanted = {item for item in order if relevant[query, item] > 0}
        if not wanted:
            continue
        scores = np.where(candidates, similarity[query], -np.inf)
        scores[query] = -np.inf
        hits = np.array([item in wanted for item in np.argsort(-scores, kind="stable")[:TOP]])
        discount = 1 / np.log2(np.arange(2, TOP + 2))
        recalls.append(hits.sum() / len(wanted))
        ndcgs.append((hits * discount).sum() / discount[: len(wanted)].sum())
    return {"R@10": float(np.mean(recalls)), "nDCG@10": float(np.mean(ndcgs)), "queries": len(recalls)}


def main() -> None:
    """Encode once, sweep the share over the two blocks, print a table and write JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("interactions", type=Path, help="Parquet with columns user and item")
    parser.add_argument("--name", help="prefix of the hash keys; the corpus folder's name unless given")
    parser.add_argument("--encoder", default="minilm")
    parser.add_argument("--out", type=Path, default=Path("benchmarks/out/image_share.json"))
    args = parser.parse_args()
    name = args.name or args.corpus.resolve().name

    table = pq.read_table(args.interactions, columns=["user", "item"])
    item_ids = table["item"].to_numpy()
    with_events = {str(item) for item in np.unique(item_ids)}
    notes = [row.note for row in Corpus(args.corpus) if isinstance(row, Placed) and row.note.id in with_events]
    notes = [note for note in notes if note.body or note.images]
    column = {note.id: i for i, note in enumerate(notes)}
    items = np.array([column.get(str(item), -1) for item in item_ids])
    in_a = np.array([bucket(f"{name}-user-{user}", 2) == 0 for user in table["user"].to_numpy()])
    cold = np.array([bucket(f"{name}-item-{note.id}", 5) == 0 for note in notes])
    known, users = items >= 0, table["user"].to_numpy()

    encoder = load_encoder(resolve_config(args.encoder))
    prepared = [encoder.prepare(note) for note in notes]
    vectors, width = encoder.embed(prepared), encoder.text.dim
    text = vectors[:, :width] / np.sqrt(1 - encoder.config.image_share)
    image = vectors[:, width : width + encoder.image.dim] / np.sqrt(encoder.config.image_share)
    by_text, by_image = text @ text.T, image @ image.T

    warm_a = relevance(users[known & in_a], items[known & in_a], len(notes))
    warm_a[:, cold] = 0
    rows = []
    for share in (*SHARES, 1.0):
        mixed = (1 - share) * by_text + share * by_image
        rows.append({"share": share, **score(mixed, warm_a, np.flatnonzero(~cold), ~cold)})
    best = max(rows, key=lambda row: row["nDCG@10"])["share"]
    test_b = relevance(users[known & ~in_a], items[known & ~in_a], len(notes))
    everything = np.ones(len(notes), dtype=bool)
    test = {
        f"test, share {share:g}": score(
            (1 - share) * by_text + share * by_image, test_b, np.flatnonzero(cold), everything
        )
        for share in (0.0, best, 1.0)
    }

    shown = Table("", "R@10", "nDCG@10", "queries", title=f"{args.encoder} on {name}", title_justify="left", box=None)
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
