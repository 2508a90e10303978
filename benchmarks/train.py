"""Speed and memory of contrastive training on a CPU or GPU, beside sentence-transformers' trainer.

    python benchmarks/train.py CORPUS [--rounds 3] [--steps 8] [--most 8192] [--out FILE.json]

The same model (all-MiniLM-L6-v2, every weight), notes, 64 pairs a batch and 64 tokens: pairs a second of both, in turn,
each in a process of its own; the first two steps of a process are left out. Then the peak memory of ours with 64 pairs
a batch up to --most, in micro-batches of one size (GradCache), each process having seen the same --most pairs when it
ends: what libraries keep for every shape they meet grows with the work done, not with the batch. Pairs are notes side
by side in the corpus: what is learnt does not matter here.
"""

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from itertools import islice, pairwise
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from encoders.config import TowersConfig
from encoders.corpus import Corpus, Placed
from encoders.note import Note
from encoders.text.config import MiniLMConfig
from encoders.text.stock import find_minilm
from encoders.vision.config import NoImageConfig

PAIRS, TOKENS, SKIPPED = 64, 64, 2
# Of a micro-batch where memory is measured: 64 pairs fill one.
MICRO = 4096
FIELDS = ("title", "tags", "body")


def main() -> None:
    """Run each measurement in a child, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--most", type=int, default=8192)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/out/train.json"))
    parser.add_argument("--child", choices=("notelens", "peer", "memory"), help=argparse.SUPPRESS)
    parser.add_argument("--pairs", type=int, default=PAIRS, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        print(json.dumps(CHILDREN[args.child](args)))
        return
    rates: dict[str, list[float]] = {"notelens": [], "peer": []}
    for _ in range(args.rounds):
        for name, found in rates.items():
            found.append(child(args, name, PAIRS)["pairs/s"])
    sizes = sorted({args.most, *range_of_sizes(args.most)})
    memory = {pairs: child(args, "memory", pairs) for pairs in sizes}
    show(rates, memory)
    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.write_text(json.dumps({"pairs/s": rates, "memory": memory}, indent=2))


def range_of_sizes(most: int) -> Iterator[int]:
    """Sizes of a batch between 64 pairs and the most, each sixteen times the one before."""
    pairs = PAIRS
    while pairs <= most:
        yield pairs
        pairs *= 16


def child(args: argparse.Namespace, name: str, pairs: int) -> dict[str, float]:
    """One measurement in a process of its own."""
    command = [sys.executable, __file__, str(args.corpus), "--child", name, "--pairs", str(pairs)]
    done = subprocess.run(
        [*command, "--steps", str(args.steps), "--most", str(args.most)], check=True, capture_output=True, text=True
    )
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def notes_of(corpus: Path, count: int) -> list[Note]:
    """Notes with text of the corpus, under ids of their own, from the start again where it has too few."""
    rows = (row.note for row in Corpus(corpus) if isinstance(row, Placed) and row.note.has_text)
    found = [note.model_copy(update={"images": ()}) for note in islice(rows, count)]
    return [found[i % len(found)].model_copy(update={"id": f"n{i}"}) for i in range(count)]


def ours(args: argparse.Namespace) -> dict[str, float]:
    """Pairs a second of whole steps: reading, both passes where there are two, loss, AdamW, log."""
    losses = trained(notes_of(args.corpus, 2 * PAIRS * args.steps), PAIRS, args.steps, PAIRS * 2 * TOKENS)
    return {"pairs/s": PAIRS / statistics.median(PAIRS / rate for rate in losses[SKIPPED:])}


def memory(args: argparse.Namespace) -> dict[str, float]:
    """Peak memory of a process that has seen --most pairs."""
    rates = trained(notes_of(args.corpus, 2 * args.most), args.pairs, max(1, args.most // args.pairs), MICRO)
    return {"peak MiB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, "pairs/s": rates[-1]}


def trained(notes: Sequence[Note], pairs: int, steps: int, tokens: int) -> list[float]:
    """Train MiniLM on neighbours in a list; returns the pairs a second of each step."""
    from training.batches.batches import Batches
    from training.batches.graph import PairGraph
    from training.loop.result import Limits, Setting
    from training.loop.stage import train_stage
    from training.loop.workplace import Workplace
    from training.objectives.objective import Objective
    from training.pairs import Pairs
    from training.recipes.config import BatchConfig, LossConfig, Stage
    from training.trainees.towers import TowersTrainee

    ids = [str(note.id) for note in notes]
    graph = PairGraph.of(Pairs([(a, b) for a, b in pairwise(ids)][::2], None), ids)
    config = TowersConfig(text=MiniLMConfig(max_tokens=TOKENS), image=NoImageConfig(), text_fields=FIELDS)
    trainee = TowersTrainee(config)
    trainee.begin(("text",))
    loss, batch = LossConfig(), BatchConfig(pairs=pairs, tokens=tokens, chunk=1024 if pairs > 1024 else None)
    stage = Stage(name="tune", train=("text",), steps=steps, loss=loss, batch=batch)
    batches = Batches(graph, list(notes), trainee, loss, batch, stage.drop, 0)
    objective = Objective(loss, batch, trainee.views, graph)
    with tempfile.TemporaryDirectory() as folder:
        limits = Limits(checkpoint_seconds=None)
        train_stage(trainee, batches, objective, stage, Setting(Path(folder), Workplace.join(), limits=limits))
        lines = (Path(folder) / "metrics.jsonl").read_text().splitlines()
    return [json.loads(line)["pairs_per_second"] for line in lines]


def peer(args: argparse.Namespace) -> dict[str, float]:
    """The same of SentenceTransformerTrainer with MultipleNegativesRankingLoss, as its documentation has it."""
    from datasets import Dataset
    from sentence_transformers import SentenceTransformer, SentenceTransformerTrainer
    from sentence_transformers import SentenceTransformerTrainingArguments as Arguments
    from sentence_transformers.losses import MultipleNegativesRankingLoss
    from sentence_transformers.models import Normalize, Pooling, Transformer
    from transformers import TrainerCallback

    from encoders.text.render import render

    class Clock(TrainerCallback):  # type: ignore[misc]  # transformers gives the class as Any
        """When each step ended."""

        def __init__(self) -> None:
            self.times: list[float] = []

        def on_step_end(self, *_: Any, **__: Any) -> None:
            self.times.append(perf_counter())

    texts = [render(note, FIELDS) for note in notes_of(args.corpus, 2 * PAIRS * args.steps)]
    words = Transformer(str(find_minilm()), max_seq_length=TOKENS)
    pooling = Pooling(words.get_word_embedding_dimension(), "mean")
    model = SentenceTransformer(modules=[words, pooling, Normalize()])
    clock = Clock()
    with tempfile.TemporaryDirectory() as folder:
        options = Arguments(
            output_dir=folder,
            max_steps=args.steps,
            per_device_train_batch_size=PAIRS,
            save_strategy="no",
            report_to="none",
            disable_tqdm=True,
        )
        data = Dataset.from_dict({"anchor": texts[::2], "positive": texts[1::2]})
        loss = MultipleNegativesRankingLoss(model)
        trainer = SentenceTransformerTrainer(
            model=model, args=options, train_dataset=data, loss=loss, callbacks=[clock]
        )
        trainer.train()
    return {"pairs/s": PAIRS / float(np.median(np.diff(clock.times)[SKIPPED - 1 :]))}


CHILDREN = {"notelens": ours, "peer": peer, "memory": memory}


def show(rates: dict[str, list[float]], memory: dict[int, dict[str, float]]) -> None:
    """Two tables."""
    speed = Table("trainer", "pairs/s, median", "rounds", box=None)
    for name, found in rates.items():
        speed.add_row(name, f"{statistics.median(found):.1f}", ", ".join(f"{rate:.1f}" for rate in found))
    ratios = [mine / theirs for mine, theirs in zip(rates["notelens"], rates["peer"], strict=True)]
    speed.add_row("notelens / peer", f"{statistics.median(ratios):.2f}", ", ".join(f"{each:.2f}" for each in ratios))
    least = next(iter(memory.values()))["peak MiB"]
    held = Table("pairs a batch", "peak MiB", "of the first", "pairs/s", box=None)
    for pairs, figures in memory.items():
        peak = figures["peak MiB"]
        held.add_row(f"{pairs:,}", f"{peak:,.0f}", f"{peak / least:.2f}", f"{figures['pairs/s']:.1f}")
    Console().print(speed, "", held)


if __name__ == "__main__":
    main()
