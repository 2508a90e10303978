"""The parts of NoteLLM-2 that are trained, as one torch module: language model, connector, gate, projection."""

from collections.abc import Sequence
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn

from encoders.evaluating import evaluating
from encoders.notellm.backbone import Backbone, Prefix, stamp
from encoders.notellm.layouts import Layout
from encoders.notellm2.bridge import Bridge
from encoders.notellm2.prompt import VISUAL, Plan


class Seen(NamedTuple):
    """What the frozen vision tower saw of N notes with P pictures, float32 and without gradient.

    patches [P, L, W], in the order of the notes; pooled [N, V]: the mean of the unit vectors of a note's pictures,
    zeros where it has none; present: bool [N].
    """

    patches: Tensor
    pooled: Tensor
    present: Tensor


class Compressed(NamedTuple):
    """The two embeddings of N notes before they are cut and scaled to unit length, float32 [N, project] each.

    visual: n_v, zeros for a note without a picture. whole: n_m, which is served.
    """

    visual: Tensor
    whole: Tensor


class NoteLLM2Module(nn.Module):
    """From planned prompts and what the vision tower saw to n_v and n_m; differentiable where gradients are enabled.

    instruction: ids of what stands before every note.
    """

    def __init__(self, backbone: Backbone, bridge: Bridge, instruction: Sequence[int]) -> None:
        super().__init__()
        self.backbone = backbone
        self.bridge = bridge
        self.instruction = tuple(instruction)
        self._prefixes: dict[tuple[int, ...], tuple[int, Prefix]] = {}

    def inputs(self, plans: Sequence[Plan], patches: Tensor) -> list[Tensor]:
        """Embed N plans: their tokens, and visual tokens in the places kept for them; [T_i, H] each."""
        ids = torch.tensor([one for plan in plans for one in plan.ids], device=self.backbone.device)
        embedded = self.backbone.embed_tokens(ids.clamp(min=0))  # [sum of T_i, H]
        if len(patches):
            visual = self.bridge.visual_tokens(patches, embedded.dtype).flatten(0, 1)
            (places,) = torch.nonzero(ids == VISUAL, as_tuple=True)
            embedded = embedded.index_copy(0, places, visual)
        return list(torch.split(embedded, [len(plan.ids) for plan in plans]))

    def forward(self, plans: Sequence[Plan], seen: Seen, layout: Layout | Literal["auto"] = "auto") -> Compressed:
        """Compress N ≥ 1 planned notes."""
        inputs = self.inputs(plans, seen.patches)
        states = self.backbone.states(inputs, [plan.taps for plan in plans], self.prefix(self.instruction), layout)
        whole = torch.stack([one[-1] for one in states])  # [N, H]
        # Without a picture the first state is n_m itself; what the gate makes of it is set to zero.
        visual = torch.stack([one[0] for one in states])
        return self.fused(visual, whole, seen)

    def fused(self, visual: Tensor, whole: Tensor, seen: Seen) -> Compressed:
        """Return the embeddings of two states [N, H] of each note, the one behind its pictures and the last one."""
        return Compressed(
            self.bridge(visual, seen.pooled, seen.present) * seen.present[:, None],
            self.bridge(whole, seen.pooled, seen.present),
        )

    def prefix(self, instruction: tuple[int, ...]) -> Prefix:
        """Return an instruction with its states, computed once and renewed when weights change."""
        if torch.is_grad_enabled() or self.backbone.training:
            # Run with every sequence then, so that gradients reach it, and dropout draws alike without them.
            return Prefix(torch.tensor(instruction, device=self.backbone.device), ())
        now = stamp(self.backbone)
        made, prefix = self._prefixes.get(instruction, (None, None))
        if prefix is None or made != now:
            with evaluating(self):
                prefix = self.backbone.prefix(instruction)
            self._prefixes[instruction] = (now, prefix)
        return prefix
