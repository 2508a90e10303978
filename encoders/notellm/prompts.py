"""Prompts that a language model has read: what may follow is scored, or written on greedily."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from encoders.notellm.backbone import Backbone, Prefix
from encoders.notellm.categories import TokenTree
from encoders.notellm.layouts import arrange


class Prompts:
    """B prompts, int64 ids [T_i] or embeddings [T_i, H] behind a prefix, read once and padded at the left.

    Where the architecture cannot be padded or branched (Backbone.rearranges) B is 1, and what follows is read with
    the prompt again.
    """

    def __init__(self, backbone: Backbone, prompts: Sequence[Tensor], prefix: Prefix) -> None:
        assert backbone.rearranges or len(prompts) == 1
        self.backbone = backbone
        if not backbone.rearranges:
            self.whole = backbone.behind(prefix, prompts[0])
            return
        arranged = arrange([len(prompt) for prompt in prompts], "left", len(prefix.ids), backbone.device)
        # Every column of the cache from now on: the prefix, padding, the prompt; [B, P+L].
        assert arranged.mask is not None
        self.seen = arranged.mask[:, 0, -1, :]
        self.position = arranged.positions[:, -1] + 1  # [B], of the next token
        out = backbone.causal(
            **backbone.filled(arranged, prompts),
            attention_mask=backbone.mask(arranged.mask),
            position_ids=arranged.positions,
            past_key_values=prefix.cache(arranged.rows),
            use_cache=True,
            logits_to_keep=1,
        )
        self.cache = out.past_key_values
        self.first = out.logits[:, -1].float()  # [B, V], of the token after the prompt

    def score(self, tree: TokenTree) -> Tensor:
        """Return the log-probability of each of a tree's C answers, float32 [B, C]."""
        if not self.backbone.rearranges:
            return self._score_apart(tree)
        device, nodes = self.backbone.device, len(tree.tokens)
        rows = len(self.seen)
        own = tree.ancestors().to(device).expand(rows, nodes, nodes)
        mask = torch.cat([self.seen[:, None, :].expand(-1, nodes, -1), own], dim=2)[:, None]  # [B, 1, M, S+M]
        logits = self.backbone.causal(
            input_ids=tree.tokens.to(device).expand(rows, -1),
            attention_mask=self.backbone.mask(mask),
            position_ids=self.position[:, None] + tree.depths.to(device),
            past_key_values=_copy(self.cache),
            use_cache=True,
        ).logits.float()  # [B, M, V]
        return self._add_up(tree, logits)

    def _add_up(self, tree: TokenTree, logits: Tensor) -> Tensor:
        """Sum the log-probabilities along each answer, [B, C], of logits [B, M, V] behind the nodes."""
        device = logits.device
        # The prompt stands before the nodes, so a parent of -1 is the first of 1 + M.
        norms = torch.cat([self.first.logsumexp(dim=1)[:, None], logits.logsumexp(dim=2)], dim=1)  # [B, 1+M]

        def steps(parents: Tensor, tokens: Tensor) -> Tensor:
            parents, tokens = parents.to(device), tokens.to(device)
            behind_nodes = logits[:, parents.clamp(min=0), tokens]
            return torch.where(parents < 0, self.first[:, tokens], behind_nodes) - norms[:, parents + 1]

        seen = tree.ancestors()
        on_the_way = torch.cat([seen.new_zeros(1, len(seen)), seen])[tree.stems + 1].to(device)  # [C, M]
        stems = (steps(tree.parents, tree.tokens)[:, None, :] * on_the_way).sum(dim=2)
        return stems + steps(tree.stems, tree.lasts)

    def write(self, most: int, end: int, done: Callable[[Sequence[int]], bool]) -> list[list[int]]:
        """Write greedily after each prompt, at most so many tokens, until the end token (left out) or `done`."""
        if not self.backbone.rearranges:
            return [self._write_apart(most, end, done)]
        written: list[list[int]] = [[] for _ in self.seen]
        open_rows = list(range(len(written)))
        cache, seen, position = _copy(self.cache), self.seen, self.position
        token = self.first.argmax(dim=1)  # [B]
        while True:
            going = []
            for place, (row, one) in enumerate(zip(open_rows, token.tolist(), strict=True)):
                if one == end:
                    continue
                written[row].append(one)
                if len(written[row]) < most and not done(written[row]):
                    going.append(place)
            if not going:
                return written
            if len(going) < len(open_rows):
                keep = torch.tensor(going, device=self.backbone.device)
                cache.batch_select_indices(keep)
                seen, position, token = seen[keep], position[keep], token[keep]
                open_rows = [open_rows[place] for place in going]
            seen = torch.cat([seen, seen.new_ones(len(open_rows), 1)], dim=1)
            logits = self.backbone.causal(
                input_ids=token[:, None],
                attention_mask=self.backbone.mask(seen[:, None, None, :]),
                position_ids=position[:, None],
                past_key_values=cache,
                use_cache=True,
            ).logits[:, -1]
            token, position = logits.float().argmax(dim=1), position + 1

    def _score_apart(self, tree: TokenTree) -> Tensor:
        """Each answer behind the whole prompt, without a cache."""
        scores = []
        for place, last in enumerate(tree.lasts):
            stem = tree.stem(place)
            chances = self._logits(stem.to(self.backbone.device)).log_softmax(dim=1)
            answer = torch.cat([stem, last[None]]).to(chances.device)
            scores.append(chances.gather(1, answer[:, None]).sum())
        return torch.stack(scores)[None]

    def _write_apart(self, most: int, end: int, done: Callable[[Sequence[int]], bool]) -> list[int]:
        written: list[int] = []
        while len(written) < most and not (written and done(written)):
            token = int(
                self._logits(torch.tensor(written, dtype=torch.int64, device=self.backbone.device))[-1].argmax()
            )
            if token == end:
                break
            written.append(token)
        return written

    def _logits(self, answer: Tensor) -> Tensor:
        """Logits float32 [1 + len(answer), V] behind the prompt and each token of an answer."""
        whole = self.backbone.behind(Prefix(self.whole, ()), answer) if not self.whole.is_floating_point() else None
        if whole is not None:
            out = self.backbone.causal(input_ids=whole[None], use_cache=False)
        else:
            embedded = torch.cat([self.whole, self.backbone.embed_tokens(answer)])
            out = self.backbone.causal(inputs_embeds=embedded[None], use_cache=False)
        logits: Tensor = out.logits[0, -len(answer) - 1 :].float()
        return logits


def _copy(cache: Any) -> Any:
    """Return a cache that grows by itself: keys and values are shared, and concatenated into new ones."""
    from transformers import DynamicCache

    return DynamicCache([(layer.keys, layer.values) for layer in cache.layers])
