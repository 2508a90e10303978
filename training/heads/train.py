"""From an encoder and notes to heads that suggest hashtags and a category."""

from collections.abc import Callable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

import numpy as np
import torch
from numpy.typing import NDArray

from encoders.blocks import Vectors
from encoders.heads.config import HeadsConfig
from encoders.heads.heads import Heads, HeadsModule
from encoders.heads.words import IGNORED
from encoders.note import Note
from encoders.note_encoder import NoteEncoder
from encoders.towers import Suggester
from retrieval.evaluation.neighbour_labels import MOST, Known
from training.errors import TrainingError
from training.heads.aside import compared
from training.heads.batches import Taught, enough_tags
from training.heads.fit import fit
from training.heads.targets import Targets, choose_targets, is_aside
from training.heads.vocabulary import WORDS, Pieces, TagVocabulary
from training.recipes.config import HeadsStage

# What suggestions read; the encoder's `suggest_tags` reads the same.
FIELDS = ("title", "body")
# Notes encoded between two reports of progress.
CHUNK = 512
# Notes kept aside at most: suggestions are written for all of them after every epoch.
ASIDE = 5_000
# Seconds of epochs, however long encoding took.
LEAST = 1.0

OnProgress = Callable[[str, int], Callable[[int], None]]


@dataclass(frozen=True, slots=True)
class Trained:
    """Heads that were trained and saved.

    config: reads them from their folder, by absolute path. figures: of the notes kept aside, by name, as in
    retrieval/evaluation/metrics/generation.py, with "notes", "notes aside" and "epochs"; with
    "neighbours' " before it, that of what the nearest other notes vote for. remarks: what was left out.
    """

    config: HeadsConfig
    figures: Mapping[str, float]
    remarks: tuple[str, ...]


def train_heads(
    encoder: NoteEncoder,
    notes: Sequence[Note],
    stage: HeadsStage,
    folder: Path,
    seed: int = 0,
    on_progress: OnProgress | None = None,
    max_seconds: float | None = None,
) -> Trained:
    """Train heads on the embeddings of title and body of N notes, and write them into a new or empty folder.

    notes: those that may be learnt from; what a split holds out must not be among them. on_progress is told what
    begins and of how many notes, and returns what is told of notes done. max_seconds: of all of it; epochs get what
    encoding leaves, a second at least.
    Raises TrainingError where the encoder writes suggestions itself, where there is nothing to learn, for a loss that
    is no number, and for a folder with something in it.
    """
    if isinstance(encoder.text, Suggester):
        raise TrainingError(
            "this encoder's language model writes hashtags and categories itself: leave the stage of heads out, and "
            "give `generation` a weight in the loss of a stage that trains the model"
        )
    if folder.exists() and any(folder.iterdir()):
        raise TrainingError(f"{folder} is not empty; name a new folder for the heads")
    began, targets = monotonic(), choose_targets(notes, stage.min_notes)
    vectors = _encoded(encoder, notes, on_progress)
    config = HeadsConfig(seed=seed, categories=targets.categories, width=stage.width, layers=stage.layers)
    heads = Heads(config, encoder.text.dim)
    vocabulary = TagVocabulary(heads.words, {tag for tags in targets.tags for tag in tags}, config.max_tokens)
    has_text = vectors.any(axis=1)
    share = min(stage.share, ASIDE / max(1, len(notes)))
    kept_aside = np.array([is_aside(note, share, seed) for note in notes], dtype=np.bool_)
    tags = [vocabulary.pieces(each) for each in targets.tags]
    learnt = _taught(targets, vectors, tags, has_text & ~kept_aside)
    aside = _taught(targets, vectors, tags, has_text & kept_aside)
    remarks = list(targets.remarks)
    if not len(learnt):
        raise TrainingError(
            f"none of {len(notes):,} notes has words in its title or body beside hashtags or a category that can be "
            "learnt: leave the stage of heads out"
        )
    if not len(aside):
        remarks.append("no note was kept aside: the heads' training went through all epochs, and nothing judges it")
    compact = HeadsModule(config, encoder.text.dim, vocabulary.size).to(heads.device)
    compact.load_state_dict(vocabulary.compact(heads.module.state_dict()))
    planned = round(stage.epochs * len(learnt))
    on_batch = on_progress("training heads", planned) if on_progress else None
    left = None if max_seconds is None else max(LEAST, max_seconds - (monotonic() - began))
    fitted = fit(compact, learnt, aside, vocabulary, stage, seed, on_batch, left)
    heads.module.load_state_dict(vocabulary.expand(compact.state_dict()))
    if not targets.has_tags:
        _silence(heads)
    heads.save(folder)
    asked = _known(notes, vectors, np.flatnonzero(has_text & kept_aside))
    others = np.random.default_rng(seed).permutation(np.flatnonzero(has_text & ~kept_aside))[:MOST]
    figures, outvoted = compared(heads, asked, _known(notes, vectors, others), targets.categories)
    counts = {"notes": float(len(learnt)), "notes aside": float(len(asked.notes)), "epochs": float(fitted.epochs)}
    located = config.model_copy(update={"folder": str(folder.resolve()), "seed": None, "outvoted": outvoted})
    return Trained(located, counts | figures, (*remarks, *fitted.remarks))


def with_heads(encoder: NoteEncoder, config: HeadsConfig) -> NoteEncoder:
    """Return the encoder with these heads in place of its own; its towers are shared, its vectors the same."""
    other = copy(encoder)
    other.config = encoder.config.model_copy(update={"heads": config})
    other.__dict__.pop("heads", None)  # made on first use, from the configuration
    return other


def _encoded(encoder: NoteEncoder, notes: Sequence[Note], on_progress: OnProgress | None) -> Vectors:
    """Encode title and body of N notes once, float32 [N, dim]; rows of zeros for notes that have neither."""
    vectors: Vectors = np.zeros((len(notes), encoder.text.dim), dtype=np.float32)
    on_note = on_progress("encoding for the heads", len(notes)) if on_progress else None
    for start in range(0, len(notes), CHUNK):
        some = notes[start : start + CHUNK]
        vectors[start : start + len(some)] = encoder.text.encode([encoder.text.read(note, FIELDS) for note in some])
        if on_note:
            on_note(len(some))
    if not np.isfinite(vectors).all():
        raise TrainingError("the encoder gives vectors that are no numbers: its weights are damaged, train it again")
    return vectors


def _known(notes: Sequence[Note], vectors: Vectors, rows: NDArray[np.int64]) -> Known:
    return Known([notes[i] for i in rows.tolist()], vectors[rows])


def _taught(
    targets: Targets, vectors: Vectors, tags: Sequence[tuple[Pieces, ...]], chosen: NDArray[np.bool_]
) -> Taught:
    """Put together those of the chosen notes that teach something."""
    rows = [i for i in np.flatnonzero(chosen).tolist() if tags[i] or targets.category[i] is not None]
    category = tuple(IGNORED if (place := targets.category[i]) is None else place for i in rows)
    return Taught(vectors[rows], tuple(tags[i] for i in rows), category, enough_tags(tags))


@torch.no_grad()
def _silence(heads: Heads) -> None:
    """Make the decoder end at once, whatever the embedding: its last states are all the end token's embedding."""
    decoder = heads.module.decoder
    words = heads.module.get_parameter(WORDS)
    words.zero_()
    words[heads.words.end] = 1
    decoder.norm.weight.zero_()
    decoder.norm.bias.fill_(1)
