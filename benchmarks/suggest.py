"""Hashtags and a category for new notes: trained heads beside the most frequent ones and the nearest notes'.

    python benchmarks/suggest.py CORPUS [--interactions FILE] [--encoder E] [--stage test] [--notes 1000] [--seed 0]
                                 [--set lr=0.002] [--out FILE.json]

All three learn from the same notes: those that the split leaves to training. Choices are made with --stage validation.
An encoder that has heads is measured with its own, any other gets heads trained here.
"""

import argparse
import json
import tempfile
from pathlib import Path
from time import perf_counter

import numpy as np
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from encoders import Corpus, NoteEncoder, load_encoder, resolve_config
from encoders.corpus import Placed
from retrieval.evaluation.protocol import Interactions, Protocol, ProtocolConfig, only_interactions
from retrieval.evaluation.suggesting import SuggestionTask, teachable
from training.heads.train import train_heads, with_heads
from training.recipes.config import HeadsStage


def main() -> None:
    """Train heads where there are none, judge all three, print a table and write JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--interactions", type=Path)
    parser.add_argument("--encoder", default="minilm")
    parser.add_argument("--stage", choices=("validation", "test"), default="test")
    parser.add_argument("--notes", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--set", action="append", default=[], metavar="FIELD=VALUE", help="of training/recipes HeadsStage"
    )
    parser.add_argument("--out", type=Path, default=Path("benchmarks/out/suggest.json"))
    args = parser.parse_args()
    corpus = Corpus(args.corpus)
    data = Interactions.read(corpus, args.interactions or only_interactions(corpus))
    protocol = Protocol.of(data, data.split_by(), ProtocolConfig(stage=args.stage))
    task = SuggestionTask(protocol, args.notes, args.seed)
    encoder = load_encoder(resolve_config(args.encoder))
    if not isinstance(encoder, NoteEncoder):
        parser.error("heads stand on an encoder of a text tower and an image tower")
    asked = {note.id for note in task.notes}
    allowed = {data.facts.ids[i] for i in np.flatnonzero(teachable(protocol.holdout))} - asked
    notes = [row.note for row in corpus if isinstance(row, Placed) and row.note.id in allowed]
    stage = HeadsStage.model_validate(dict(each.split("=", 1) for each in args.set))
    said: dict[str, object] = {"notes to learn from": len(notes), "stage": args.stage}
    with tempfile.TemporaryDirectory() as folder, Progress(console=Console(stderr=True)) as bar:

        def on_progress(title: str, total: int):
            shown = bar.add_task(title, total=total)
            return lambda done: bar.advance(shown, done)

        if encoder.heads is None:
            started = perf_counter()
            trained = train_heads(encoder, notes, stage, Path(folder) / "heads", args.seed, on_progress)
            said |= {"training, s": perf_counter() - started, "aside": dict(trained.figures)}
            said |= {"remarks": list(trained.remarks), "settings": stage.model_dump(mode="json")}
            encoder = with_heads(encoder, trained.config)
        found = [
            task.most_frequent(),
            task.neighbours(args.encoder, encoder, on_progress("neighbours", task.to_encode)),
            task.of("heads", encoder, on_progress("suggesting", len(task.notes))),
        ]

    shown = Table(
        "metric", box=None, title=f"{args.corpus.name}, {args.stage}: {len(task.notes):,} notes", title_justify="left"
    )
    results = [each for each in found if each is not None]
    for each in results:
        shown.add_column(each.name, justify="right")
    for name in results[0].metrics:
        cells = [each.metrics[name] for each in results]
        shown.add_row(
            name,
            *(
                f"{cell.value:.4f}" + (f" ±{(cell.high - cell.low) / 2:.4f}" if cell.low is not None else "")
                for cell in cells
            ),
        )
    Console(width=120).print(shown)
    figures = {
        each.name: {name: [cell.value, cell.low, cell.high] for name, cell in each.metrics.items()} for each in results
    }
    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.write_text(
        json.dumps({"corpus": args.corpus.name, "encoder": args.encoder, **said, "figures": figures}, indent=2)
    )


if __name__ == "__main__":
    main()
