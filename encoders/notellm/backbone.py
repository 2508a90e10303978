"""A causal language model as an encoder: last hidden states of chosen tokens, with the head kept for generation."""

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

from encoders.errors import EncoderError
from encoders.hub import find_model, load_model
from encoders.notellm.last_layer import narrow_last_layer, only
from encoders.notellm.layouts import Arranged, Layout, arrange, batches
from encoders.notellm.lora import merge_adapter
from encoders.notellm.template import EMB
from encoders.notellm.tiny import make_tiny
from encoders.notellm.vocabulary import Vocabulary

# Tokens, padding included, that one forward pass takes. On a CPU more makes no multiplication faster, and what stands
# between them no longer fits its caches (in four layers of Qwen2-0.5B 2048 took 14 % longer than 512).
TOKEN_BUDGET = {"cpu": 512, "cuda": 16384}


@dataclass(frozen=True)
class Prefix:
    """Tokens that stand before every sequence, and their keys and values.

    ids: int64 [P]. layers: keys and values, each [1, heads, P, width], one pair a layer; empty where the architecture
    cannot share them, and the ids are run with every sequence instead. Nobody writes into them.
    """

    ids: Tensor
    layers: tuple[tuple[Tensor, Tensor], ...]

    def cache(self, rows: int) -> Any:
        """Return a new cache of transformers that starts with the prefix, for so many rows."""
        from transformers import DynamicCache

        # The cache concatenates into tensors of its own; ours are only read.
        return DynamicCache(
            [(keys.expand(rows, -1, -1, -1), values.expand(rows, -1, -1, -1)) for keys, values in self.layers]
        )


class Backbone(nn.Module):
    """A causal language model of transformers and its vocabulary.

    causal: the model with its head; vocabulary: its tokenizer, with [EMB] and other tokens added as real ones.
    """

    def __init__(self, causal: nn.Module, vocabulary: Vocabulary) -> None:
        super().__init__()
        self.causal: Any = causal
        self.vocabulary = vocabulary
        _give_rows(causal, vocabulary)
        self._narrows = narrow_last_layer(causal)

    @classmethod
    def load(
        cls,
        model: str,
        revision: str | None = None,
        seed: int | None = None,
        adapter: str | None = None,
        added: Sequence[str] = (EMB,),
    ) -> "Backbone":
        """Load a model on the CPU in the number format of its file, in evaluation mode.

        model: a folder, a hub name, or "tiny", a small random shape with the stock tokenizer; seed: random float32
        weights in the shape of the model's config.json; adapter: a peft folder or hub name, merged; added: tokens of
        our own. Raises EncoderError, WeightsError.
        """
        if model == "tiny":
            backbone = cls(*make_tiny(0 if seed is None else seed, added))
        else:
            from transformers import AutoModelForCausalLM

            folder = find_model(model, revision, weights=seed is None)
            backbone = cls(load_model(AutoModelForCausalLM, folder, seed), Vocabulary.load(folder, added))
            if not backbone.rearranges and not _is_causal(backbone):
                raise EncoderError(
                    f"{model} is a {type(backbone.causal).__name__} that reads both ways, NoteLLM wants a causal "
                    f"language model (Qwen, Llama, ...): name it transformer:{model}"
                )
        if adapter is not None:
            backbone.causal = merge_adapter(backbone.causal, adapter)
        return backbone.eval()

    @property
    def decoder(self) -> Any:
        """The model without its head."""
        return self.causal.base_model

    @property
    def hidden(self) -> int:
        """Width of a hidden state."""
        return int(self.causal.get_input_embeddings().weight.shape[1])

    @property
    def positions(self) -> int | None:
        """Tokens the model reads at most; None where its configuration sets no bound."""
        return getattr(self.causal.config.get_text_config(), "max_position_embeddings", None)

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        weight: Tensor = self.causal.get_input_embeddings().weight
        return weight.device

    @property
    def rearranges(self) -> bool:
        """Whether sequences may share a row or a prefix: rotary positions, and every layer attends to everything.

        Sliding windows, recurrent states and positions counted otherwise would see another sequence, or another place.
        """
        from transformers import DynamicCache
        from transformers.cache_utils import DynamicLayer

        # transformers says by the kind of its cache what a layer keeps; a full one is exactly DynamicLayer.
        full = all(type(layer) is DynamicLayer for layer in DynamicCache(config=self.causal.config).layers)
        known = self.causal.config.get_text_config()._attn_implementation in ("sdpa", "eager")
        return full and known and hasattr(self.decoder, "rotary_emb")

    def place(self, device: str | torch.device, dtype: torch.dtype) -> "Backbone":
        """Move the weights to a device and a number format, in place; buffers keep theirs.

        The frequencies of rotary positions are buffers: rounded to bfloat16, far positions would be told apart no more.
        """
        self.to(device)
        for weight in self.parameters():
            weight.data = weight.data.to(dtype)
        return self

    def embed_tokens(self, ids: Tensor) -> Tensor:
        """Return the input embeddings [T, H] of ids int64 [T]."""
        embedded: Tensor = self.causal.get_input_embeddings()(ids.to(self.device))
        return embedded

    @torch.no_grad()
    def prefix(self, ids: Sequence[int] | Tensor) -> Prefix:
        """Run a shared instruction once; its keys and values are then reused by every sequence of `states`."""
        tokens = torch.as_tensor(ids, dtype=torch.int64, device=self.device)
        if not self.rearranges or not len(tokens):
            return Prefix(tokens, ())
        cache = self.decoder(input_ids=tokens[None], use_cache=True).past_key_values
        return Prefix(tokens, tuple((layer.keys, layer.values) for layer in cache.layers))

    def states(
        self,
        inputs: Sequence[Tensor],
        taps: Sequence[Sequence[int]],
        prefix: Prefix | None = None,
        layout: Layout | Literal["auto"] = "auto",
    ) -> list[Tensor]:
        """Return the last layer's states, after the final norm, at chosen tokens: float32 [len(taps_i), H] each.

        inputs: N sequences, int64 ids [T_i] or embeddings [T_i, H]; taps: places in them, counted without the prefix.
        What stands behind the last tap is not run. Differentiable where gradients are enabled; the prefix is then run
        with every sequence, or it would get none. Raises EncoderError for a layout the architecture cannot take.
        """
        if layout not in ("auto", "right") and not self.rearranges:
            raise EncoderError(
                f"layout {layout!r} is not safe for a {type(self.causal).__name__}, whose layers do not all attend to "
                "everything: take layout 'right' or 'auto'"
            )
        sequences = [sequence[: max(places, default=-1) + 1] for sequence, places in zip(inputs, taps, strict=True)]
        places = [list(chosen) for chosen in taps]
        if prefix is not None and (torch.is_grad_enabled() or not prefix.layers):
            sequences = [self.behind(prefix, sequence) for sequence in sequences]
            places = [[place + len(prefix.ids) for place in chosen] for chosen in places]
            prefix = None
        chosen_layout: Layout = "right" if layout == "auto" else layout
        results: list[Tensor] = [torch.empty(0, self.hidden, device=self.device)] * len(inputs)
        present = [i for i, chosen in enumerate(places) if chosen]
        budget = TOKEN_BUDGET.get(self.device.type, TOKEN_BUDGET["cpu"])
        for batch in batches([len(sequences[i]) for i in present], chosen_layout, budget):
            members = [present[i] for i in batch]
            found = self._run([sequences[i] for i in members], [places[i] for i in members], prefix, chosen_layout)
            for i, states in zip(members, found, strict=True):
                results[i] = states
        return results

    def logits(self, states: Tensor) -> Tensor:
        """Return the head's logits [..., V] of states as `states` gives them, [..., H]: of the token that follows."""
        head = self.causal.get_output_embeddings()
        logits: Tensor = head(states.to(head.weight.dtype))
        return logits

    def behind(self, prefix: Prefix, sequence: Tensor) -> Tensor:
        """Return a sequence with the tokens of a prefix before it, to be run without its cache."""
        if sequence.is_floating_point():
            return torch.cat([self.embed_tokens(prefix.ids), sequence.to(self.device)])
        return torch.cat([prefix.ids, sequence.to(self.device)])

    def _run(
        self, sequences: Sequence[Tensor], places: Sequence[Sequence[int]], prefix: Prefix | None, layout: Layout
    ) -> list[Tensor]:
        """One forward pass over one batch."""
        lengths = [len(sequence) for sequence in sequences]
        arranged = arrange(lengths, layout, len(prefix.ids) if prefix else 0, self.device)
        options: dict[str, Any] = {"use_cache": False, **self.filled(arranged, sequences)}
        if self.rearranges:
            options |= {"attention_mask": self.mask(arranged.mask), "position_ids": arranged.positions}
        elif len(set(lengths)) > 1:
            widths = torch.tensor(lengths, device=self.device)
            options["attention_mask"] = (torch.arange(arranged.width, device=self.device) < widths[:, None]).long()
        if prefix is not None:
            options |= {"past_key_values": prefix.cache(arranged.rows), "use_cache": True}
        starts = torch.tensor(lengths).cumsum(0) - torch.tensor(lengths)
        wanted = torch.tensor([int(start) + place for start, own in zip(starts, places, strict=True) for place in own])
        at = arranged.index[wanted.to(self.device)]  # in [B·L]
        # Not with gradients: a layer that is run again for them (checkpointing) would not know of it.
        # Nor in training mode: both passes of GradCache must draw the same numbers for dropout.
        one_a_row = layout != "packed" and all(len(own) == 1 for own in places)
        one_a_row = one_a_row and not torch.is_grad_enabled() and not self.training
        with only(at % arranged.width) if self._narrows and one_a_row else nullcontext():
            hidden = self.decoder(**options).last_hidden_state  # [B, L, H]
        return list(torch.split(hidden.flatten(0, 1)[at].float(), [len(own) for own in places]))

    def filled(self, arranged: Arranged, sequences: Sequence[Tensor]) -> dict[str, Tensor]:
        """Return sequences laid out as the model's input: ids if all are ids, else embeddings."""
        if all(not sequence.is_floating_point() for sequence in sequences):
            return {"input_ids": arranged.fill(torch.cat([sequence.to(self.device) for sequence in sequences]))}
        dtype = self.causal.get_input_embeddings().weight.dtype
        mixed = [s if s.is_floating_point() else self.embed_tokens(s) for s in sequences]
        return {"inputs_embeds": arranged.fill(torch.cat([one.to(self.device, dtype) for one in mixed]))}

    def mask(self, seen: Tensor | None) -> Tensor | None:
        """Write a mask of True where a token is seen as this model's attention reads it."""
        if seen is None or self.causal.config.get_text_config()._attn_implementation == "sdpa":
            return seen
        dtype = self.causal.get_input_embeddings().weight.dtype
        return torch.zeros(seen.shape, dtype=dtype, device=seen.device).masked_fill(~seen, torch.finfo(dtype).min)


@torch.no_grad()
def _is_causal(backbone: Backbone) -> bool:
    """Whether a token's state does not depend on the next; transformers makes a causal head for encoders as well."""
    states = backbone.decoder(input_ids=torch.tensor([[1, 2], [1, 3]])).last_hidden_state[:, 0]
    return torch.allclose(states[0], states[1], atol=1e-3)


def stamp(module: nn.Module) -> int:
    """Return a number that changes with a module's weights: what was computed from them is then stale.

    Torch does not count what is written through `weight.data` (`weight.data.add_(...)`), so that goes unnoticed: write
    into the weight itself, under torch.no_grad().
    """
    return hash(tuple((weight.data_ptr(), weight._version) for weight in module.parameters()))


@torch.no_grad()
def _give_rows(causal: Any, vocabulary: Vocabulary) -> None:
    """Give added tokens a row each in both embeddings: the mean of the tokenizer's other rows."""
    if not vocabulary.fresh:
        return
    old = vocabulary.size - len(vocabulary.fresh)
    if causal.get_input_embeddings().weight.shape[0] < vocabulary.size:
        causal.resize_token_embeddings(vocabulary.size, mean_resizing=False)
    matrices = [causal.get_input_embeddings().weight]
    if (head := causal.get_output_embeddings()) is not None and head.weight is not matrices[0]:
        matrices.append(head.weight)
    rows = [vocabulary.id(token) for token in vocabulary.fresh]
    for matrix in matrices:
        # Summed in float64, so that the rounded mean, and with it the fingerprint, is the same on every machine.
        mean = torch.zeros(matrix.shape[1], dtype=torch.float64)
        for at in range(0, old, 8192):
            mean += matrix[at : min(at + 8192, old)].double().sum(dim=0)
        matrix[rows] = (mean / old).to(matrix.dtype)
