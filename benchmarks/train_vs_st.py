"""Training beside sentence-transformers: the same pairs, text, base weights and wall-clock, on one machine.

    python benchmarks/train_vs_st.py CORPUS --interactions FILE [--pairs 6400] [--recipe minilm] [--set FIELD=VALUE]
                                     [--images] [--minutes M] [--peer FOLDER] [--stage test] [--out FOLDER]

Both learn from a split's training notes and people alone, by one rule of what a pair is, and are asked for its test
notes, by their text; with --images ours by its pictures as well. The peer is SentenceTransformerTrainer with
MultipleNegativesRankingLoss, one epoch of so many pairs (the ten best of a note, by normalised co-occurrence, at
random), batch 64, 64 tokens, its own defaults otherwise. What it takes is then the time limit of `notelens train`,
reading, mining and saving included. Prints nDCG@10, R@10 and R@100 of both, and the ratio of nDCG@10 with an interval
(paired bootstrap over queries).
"""

import argparse
import json
import shutil
import subprocess
import sys
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from encoders.load import from_pretrained
from encoders.note import Note
from encoders.text.stock import find_minilm
from training.recipes.config import Stage
from training.recipes.read import read_recipe
from training.recipes.write import as_toml

TEXT = "{title}. {hashtags:10} {body:400}"
METRICS = ("nDCG@10", "R@10", "R@100")
MINING = ["--mode", "together", "--window", "none", "--normalize", "--min-users", "5", "--at-least", "0"]
MINING += ["--at-most", "inf", "--max-notes", "0"]
# The same as fields of a recipe.
BOUNDS = ["mining.mode=together", "mining.max_notes=0", "bounds.normalize=true", "bounds.min_users=5"]
BOUNDS += ["bounds.at_least=0", "bounds.at_most=inf"]
ROUNDS = 2000
PEER, BATCH, TOKENS = "sentence-transformers", 64, 64


def main() -> None:
    """Run both, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--interactions", type=Path, required=True)
    parser.add_argument("--pairs", type=int, default=6400)
    parser.add_argument("--recipe", default="minilm")
    parser.add_argument("--set", dest="changes", action="append", default=[], help="change the recipe")
    parser.add_argument("--stage", choices=("validation", "test"), default="test")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--images", action="store_true", help="ours reads the notes' pictures too")
    parser.add_argument("--minutes", type=float, help="train for so long, not as long as the peer took")
    parser.add_argument("--peer", type=Path, help="the --out of a run before: its peer, in place of training one anew")
    parser.add_argument("--out", type=Path, default=Path("benchmarks/out/train_vs_st"))
    args = parser.parse_args()
    shutil.rmtree(args.out, ignore_errors=True)
    args.out.mkdir(parents=True)
    corpus = as_text(args.corpus, args.out / "corpus" / args.corpus.resolve().name, args.images)
    pool, pairs = protocol(corpus, args.interactions, args.stage, args.out)
    notes = notes_of(corpus)
    texts = {note_id: note.body for note_id, note in notes.items()}
    asked = [texts[note_id] for note_id in pool.notes.ids]
    found = {"zero-shot": measured(pool, embedded(find_minilm(), asked))}
    seconds = {"zero-shot": 0.0}
    if args.peer is None:
        seconds[PEER] = train_peer(pairs, texts, args, args.out / "peer")
    else:
        seconds[PEER] = json.loads((args.peer / "figures.json").read_text())[PEER]["seconds"]
    found[PEER] = measured(pool, embedded((args.peer or args.out) / "peer" / "model", asked))
    seconds["notelens"] = train_ours(corpus, args, args.minutes or seconds[PEER] / 60)
    encoder = from_pretrained(args.out / "encoder", "float32")
    found["notelens"] = measured(pool, encoder.encode([notes[note_id] for note_id in pool.notes.ids]))
    report(found, seconds, args.out)


def embedded(folder: Path, texts: list[str]) -> Any:
    """Vectors of texts by a model as the peer encodes them, float32 [N, D]."""
    return peer_of(folder).encode(texts, batch_size=64, normalize_embeddings=True)


def as_text(source: Path, target: Path, images: bool) -> Path:
    """Write a corpus whose notes have one text each, the one both systems read; the folder's name is kept.

    images: with the notes' pictures, which ours alone reads.
    """
    from encoders.corpus import Corpus, Placed
    from retrieval.evaluation.text_view import TextView

    (target / "images").mkdir(parents=True)
    view = TextView(TEXT)
    with (target / "notes.jsonl").open("w", encoding="utf-8") as file:
        for row in Corpus(source):
            if isinstance(row, Placed):
                made = row.note.created_at.isoformat() if row.note.created_at else None
                pictures = [image.path for image in row.note.images if image.path] if images else []
                names = [str(Path("images") / path.name) for path in pictures]
                for path in pictures:
                    shutil.copyfile(path, target / "images" / path.name)
                note = {"id": row.note.id, "body": view.text(row.note), "images": names, "created_at": made}
                file.write(json.dumps(note, ensure_ascii=False) + "\n")
    return target


def protocol(corpus: Path, interactions: Path, stage: str, out: Path) -> tuple[Any, list[tuple[str, str]]]:
    """The queries with their right answers, and the pairs to train on."""
    from encoders.corpus import Corpus
    from retrieval.evaluation.protocol import Interactions, Protocol, ProtocolConfig
    from retrieval.evaluation.split import Split
    from training.pairs import read_pairs

    data = Interactions.read(Corpus(corpus), interactions)
    split = Split(config=data.split_by("items+users", corpus.name), data=data.digests)
    split.save(out / "split.json")
    mined = ["mine", str(interactions), *MINING, "--corpus", str(corpus), "--split", str(out / "split.json")]
    notelens([*mined, "--stage", stage, "--out", str(out / "pairs.parquet")])
    return Protocol.of(data, split, ProtocolConfig(stage=stage)).pool, read_pairs(out / "pairs.parquet").pairs  # type: ignore[arg-type]  # argparse has checked the stage


def notelens(command: list[str]) -> None:
    """Run the command; its progress is shown."""
    subprocess.run([sys.executable, "-m", "app.cli", *command], check=True)


def notes_of(corpus: Path) -> dict[str, Note]:
    """The notes by id."""
    from encoders.corpus import Corpus, Placed

    return {str(row.note.id): row.note for row in Corpus(corpus) if isinstance(row, Placed)}


def train_peer(pairs: list[tuple[str, str]], texts: dict[str, str], args: argparse.Namespace, folder: Path) -> float:
    """Train the peer, as its documentation does it; returns the seconds of its training alone."""
    from datasets import Dataset
    from sentence_transformers import SentenceTransformerTrainer
    from sentence_transformers import SentenceTransformerTrainingArguments as Arguments
    from sentence_transformers.losses import MultipleNegativesRankingLoss

    chosen = np.random.default_rng(args.seed).permutation(len(pairs))[: args.pairs]
    sides = {name: [texts[pairs[i][side]] for i in chosen] for side, name in enumerate(("anchor", "positive"))}
    model = peer_of(find_minilm())
    options = Arguments(
        output_dir=str(folder / "runs"),
        num_train_epochs=1,
        per_device_train_batch_size=BATCH,
        seed=args.seed,
        save_strategy="no",
        report_to="none",
        use_cpu=True,
    )
    loss = MultipleNegativesRankingLoss(model)
    began = perf_counter()
    SentenceTransformerTrainer(model=model, args=options, train_dataset=Dataset.from_dict(sides), loss=loss).train()
    seconds = perf_counter() - began
    model.save_pretrained(str(folder / "model"))
    return seconds


def peer_of(folder: Path) -> Any:
    """all-MiniLM-L6-v2 as sentence-transformers runs it; from a folder with or without the library's own files."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.models import Normalize, Pooling, Transformer

    if (folder / "modules.json").is_file():
        model = SentenceTransformer(str(folder), device="cpu")
    else:
        words = Transformer(str(folder))
        pooling = Pooling(words.get_word_embedding_dimension(), "mean")
        model = SentenceTransformer(modules=[words, pooling, Normalize()], device="cpu")
    model.max_seq_length = TOKENS
    return model


def train_ours(corpus: Path, args: argparse.Namespace, minutes: float) -> float:
    """Train by the recipe for so long; returns the seconds of the whole command."""
    changes = [*args.changes] if args.images else ["changes.image.tower=none", *args.changes]
    recipe = read_recipe(args.recipe, ["changes.text.max_tokens=128", *BOUNDS, *changes])
    # Heads change nothing that is measured here, nor does fusion where nothing is fused.
    wanted = {"text", "image", "fusion"} if args.images else {"text"}
    stages = tuple(stage for stage in recipe.stages if isinstance(stage, Stage) and wanted & set(stage.train))
    (args.out / "recipe.toml").write_text(as_toml(recipe.model_copy(update={"stages": stages})), encoding="utf-8")
    command = ["train", str(corpus), "--interactions", str(args.interactions), "--out", str(args.out / "encoder")]
    command += ["--recipe", str(args.out / "recipe.toml"), "--split", str(args.out / "split.json")]
    command += ["--stage", args.stage, "--seed", str(args.seed), "--max-minutes", f"{minutes:.3f}"]
    began = perf_counter()
    notelens(command)
    return perf_counter() - began


def measured(pool: Any, vectors: Any) -> dict[str, Any]:
    """Per query values of each metric, float64 [Q]."""
    from retrieval.evaluation.metrics.accuracy import accuracy
    from retrieval.evaluation.systems.vectors import VectorSystem

    return dict(accuracy(VectorSystem("vectors", vectors).rank(pool.queries, 100), pool.relevance, METRICS))


def report(found: dict[str, dict[str, Any]], seconds: dict[str, float], out: Path) -> None:
    """Print a row a system, and how ours compares with each of the others."""
    ours = found["notelens"]["nDCG@10"]
    draws = np.random.default_rng(0).integers(0, len(ours), (ROUNDS, len(ours)))
    table = Table("system", *METRICS, "seconds", "notelens / it, nDCG@10", box=None)
    written: dict[str, Any] = {}
    for name, values in found.items():
        means = {metric: float(np.mean(values[metric])) for metric in METRICS}
        ratios = ours[draws].mean(axis=1) / values["nDCG@10"][draws].mean(axis=1)
        low, high = np.percentile(ratios, (2.5, 97.5))
        ratio = float(ours.mean() / values["nDCG@10"].mean())
        cells = [f"{means[metric]:.4f}" for metric in METRICS]
        compared = "" if name == "notelens" else f"{ratio:.2f} ({low:.2f} to {high:.2f})"
        table.add_row(name, *cells, f"{seconds[name]:,.0f}", compared)
        written[name] = {**means, "seconds": seconds[name], "ratio": ratio, "interval": [float(low), float(high)]}
    Console().print(table)
    (out / "figures.json").write_text(json.dumps(written, indent=2))


if __name__ == "__main__":
    main()
