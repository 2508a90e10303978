"""NoteLLM-2 (arXiv 2405.16789): one language model reads a note's pictures and text and compresses them to a vector."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import torch

from encoders.ahead import encode_ahead
from encoders.base import Pixels, Prepared
from encoders.blocks import Blocks, Vectors, unit_rows
from encoders.card import Card
from encoders.device import Precision, best_device, resolve_precision
from encoders.errors import EncoderError, NoteRejected, Reason
from encoders.evaluating import evaluating
from encoders.hub import config_digest, state_digest
from encoders.images import ImageLimits, decode
from encoders.note import Note
from encoders.notellm.backbone import Backbone, stamp
from encoders.notellm.generate import LONGEST_ANSWER
from encoders.notellm.template import EMB, Template
from encoders.notellm2.bridge import make_bridge, save_bridge
from encoders.notellm2.config import NoteLLM2Config
from encoders.notellm2.module import Compressed, NoteLLM2Module
from encoders.notellm2.prompt import IMG_EMB, Plan, Prompt
from encoders.notellm2.suggest import Answers, suggest
from encoders.notellm2.vision import PatchTower, look, vision_tower
from encoders.suggestion import Suggestion

# What is held at once while encoding, whatever the number of notes.
GROUP_TOKENS, GROUP_PICTURES = 16_384, 64
# Notes that tags are suggested for at once.
SUGGESTED = 16
# Words whose embeddings tell how large new visual tokens should be.
SAMPLED = 4096


class NoteLLM2:
    """An encoder of one inseparable space; n_m is served, n_v is `embed_visual`.

    Of several pictures each gives its own visual tokens, in order, and the gate mixes in the mean of their unit
    vectors; of more than config.max_images the first are read and the rest is not even decoded. A note must have text
    or a picture, or NoteRejected is raised.
    `module` holds what is trained, as one torch module; `vision` is frozen. Vectors and suggestions are made in
    evaluation mode, whatever mode `module` is in, and it is left in its own. Raises EncoderError where the longest
    prompt exceeds the model's context, WeightsError for weights that are none.
    """

    def __init__(
        self, config: NoteLLM2Config, precision: Precision = "auto", limits: ImageLimits = ImageLimits()
    ) -> None:
        if config.dim is not None and config.dim > config.project:
            raise EncoderError(
                f"dim {config.dim} is more than the {config.project} numbers this encoder has; "
                f"give at most {config.project}"
            )
        self.config = config
        self.limits = limits
        self.dim = config.dim or config.project
        self.blocks = Blocks((("note", self.dim),))
        self.device = best_device()
        self.dtype = resolve_precision(precision, self.device)
        self.vision = vision_tower(config.vision, precision)
        self.module = _load(config, self.vision)
        self.prompt = _prompt(config, self.module.backbone)
        # Hashed as stored, before rounding: the fingerprint must not depend on the precision of this machine.
        self._digests = _digests(self.module)
        self._rounded = any(weight.dtype != self.dtype for weight in self.module.backbone.parameters())
        self.module.backbone.place(self.device, self.dtype)
        self.module.bridge.to(self.device)
        self._stamp = stamp(self.module)
        self._fingerprint: tuple[int, str] | None = None

    @property
    def fingerprint(self) -> str:
        """Hex digest of what decides the vectors; the same on every machine, whatever its precision."""
        now = stamp(self.module)
        if self._fingerprint is None or self._fingerprint[0] != now:
            self._fingerprint = (now, self._digest())
        return self._fingerprint[1]

    def prepare(self, note: Note) -> Prepared:
        """Tokenise the text, decode and preprocess the images; thread-safe; raises NoteRejected."""
        text = self.prompt.read(note)
        if not text and not note.images:
            raise NoteRejected(Reason.EMPTY_NOTE, "the note has no title, body, tags or image")
        return Prepared(text, self._pictures(note))

    def plan(self, prepared: Prepared) -> Plan:
        """Plan the prompt of a prepared note, as `module` takes it."""
        return self.prompt.plan(prepared.text, len(prepared.images))

    def compress(self, prepared: Sequence[Prepared]) -> Compressed:
        """Return n_v and n_m of N ≥ 1 prepared notes, [N, project] each, differentiable; for training: all at once."""
        compressed: Compressed = self.module([self.plan(one) for one in prepared], look(self.vision, prepared))
        return compressed

    def embed(self, prepared: Sequence[Prepared]) -> Vectors:
        """Encode N prepared notes to unit rows, float32 [N, dim]: n_m, the state that saw pictures and text."""
        return self._embed(prepared)[1]

    def embed_visual(self, prepared: Sequence[Prepared]) -> Vectors:
        """Return n_v of N prepared notes, float32 [N, dim]: of the pictures alone; a zero row where there are none."""
        visual = np.zeros((len(prepared), self.dim), dtype=np.float32)
        looking = [i for i, one in enumerate(prepared) if one.images]
        # What follows the pictures does not reach n_v, so the texts need not be run.
        visual[looking] = self._embed([Prepared((), prepared[i].images) for i in looking])[0]
        return visual

    def encode(self, notes: Sequence[Note]) -> Vectors:
        """Encode N notes to unit rows, float32 [N, dim]; raises NoteRejected for a bad image or an empty note."""
        return encode_ahead(self, notes)

    def suggest_tags(
        self, notes: Sequence[Note], max_tags: int = 5, categories: Sequence[str] | None = None
    ) -> list[Suggestion]:
        """Write hashtags for N notes and choose a category among the known ones, with the same weights.

        The pictures are read too, so a note of pictures alone gets suggestions. categories: those to choose from;
        None: the configuration's. Raises NoteRejected for a bad image, EncoderError for a negative max_tags.
        """
        known = self.config.categories if categories is None else tuple(categories)
        answers = Answers(self.prompt.template, max_tags, known)
        found: list[Suggestion] = []
        with ThreadPoolExecutor() as pool, evaluating(self.module):
            for start in range(0, len(notes), SUGGESTED):
                some = notes[start : start + SUGGESTED]
                pictures = list(pool.map(self._pictures, some))
                patches = look(self.vision, [Prepared((), own) for own in pictures]).patches
                found += suggest(self.module, self.prompt, some, [len(own) for own in pictures], patches, answers)
        return found

    def as_json(self) -> dict[str, Any]:
        """Return the configuration from which the same encoder can be made again."""
        return self.config.model_dump(mode="json")

    def save(self, folder: Path) -> NoteLLM2Config:
        """Write weights and the like into an empty folder; returns the configuration that reads them from there."""
        # Rounded weights are read again: what is saved is what the fingerprint is of.
        module = _load(self.config, self.vision) if self._rounded and self._untrained() else self.module
        module.backbone.causal.save_pretrained(folder / "model")
        module.backbone.vocabulary.save(folder / "model")
        self.vision.save(folder / "vision")
        save_bridge(module.bridge, folder / "connector.safetensors")
        return self.config.saved_as(".")

    def save_pretrained(self, folder: Path | str, card: Card = Card()) -> None:
        """Write config, weights, model card and checksums; the folder opens on any machine."""
        from encoders.folder import save_encoder

        save_encoder(self, folder, card)

    def _pictures(self, note: Note) -> tuple[Pixels, ...]:
        read = note.images[: self.config.max_images]
        pictures = (decode(image, self.limits, self.vision.shrink_to) for image in read)
        return tuple(self.vision.preprocess(picture) for picture in pictures)

    @torch.no_grad()
    def _embed(self, prepared: Sequence[Prepared]) -> tuple[Vectors, Vectors]:
        """Return n_v and n_m as unit rows, float32 [N, dim] each."""
        visual, whole = (np.zeros((len(prepared), self.dim), dtype=np.float32) for _ in range(2))
        with evaluating(self.module):
            for group in self._groups(prepared):
                compressed = self.compress([prepared[i] for i in group])
                visual[group] = compressed.visual[:, : self.dim].cpu().numpy()
                whole[group] = compressed.whole[:, : self.dim].cpu().numpy()
        return unit_rows(visual), unit_rows(whole)

    def _groups(self, prepared: Sequence[Prepared]) -> Iterator[list[int]]:
        """Split notes, longest first, into groups whose pictures and embeddings are held at once."""
        tokens = [len(one.text) + self.config.visual_tokens * len(one.images) for one in prepared]
        group: list[int] = []
        used = pictures = 0
        for i in sorted(range(len(prepared)), key=lambda i: -tokens[i]):
            more = len(prepared[i].images)
            if group and (used + tokens[i] > GROUP_TOKENS or pictures + more > GROUP_PICTURES):
                yield group
                group, used, pictures = [], 0, 0
            group.append(i)
            used, pictures = used + tokens[i], pictures + more
        if group:
            yield group

    def _digest(self) -> str:
        identity = {
            "encoder": "notellm2-1",
            "vision": self.vision.identity(),
            "architecture": config_digest(self.module.backbone.causal.config),
            "tokenizer": self.module.backbone.vocabulary.digest(),
            "prompt": self.prompt.identity(),
            "dim": self.dim,
            **(self._digests if self._untrained() else _digests(self.module)),
        }
        return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:32]

    def _untrained(self) -> bool:
        return stamp(self.module) == self._stamp


def _load(config: NoteLLM2Config, vision: PatchTower) -> NoteLLM2Module:
    """Load what a configuration names, on the CPU, in its stored number format."""
    with torch.random.fork_rng(devices=[]):  # making room for added tokens draws numbers
        backbone = Backbone.load(config.model, config.revision, config.seed, config.adapter, (EMB, IMG_EMB))
    ids = torch.arange(0, backbone.vocabulary.size, max(1, backbone.vocabulary.size // SAMPLED))
    with torch.no_grad():
        words = backbone.embed_tokens(ids)
    # Rounded, so that new layers are the same on every machine, in whatever order it sums.
    size = float(f"{words.double().square().mean().sqrt().item():.3g}")
    bridge = make_bridge(config, vision.patch_width, vision.dim, backbone.hidden, size)
    return NoteLLM2Module(backbone, bridge, _prompt(config, backbone).instruction()).eval()


def _prompt(config: NoteLLM2Config, backbone: Backbone) -> Prompt:
    """Make the prompts of a model; raises EncoderError where its context is too short for them."""
    template = Template(backbone.vocabulary, config.title_tokens, config.content_tokens, config.topic_tokens)
    prompt = Prompt(template, config.visual_tokens, config.max_images)
    prompt.check_fits(backbone.positions, LONGEST_ANSWER)
    return prompt


def _digests(module: NoteLLM2Module) -> dict[str, str]:
    return {"model": state_digest(module.backbone.causal), "connector": state_digest(module.bridge)}
