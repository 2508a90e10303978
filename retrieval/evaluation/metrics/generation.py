"""How close suggested hashtags and categories come to those that a note's author gave."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from retrieval.evaluation.errors import EvaluationError

_CJK = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_TOKEN = re.compile(f"[{_CJK}]|[^\\W_{_CJK}]+")


class Labels(Protocol):
    """Hashtags without `#` and a category, None where there is none: a note's own, or a Suggestion."""

    @property
    def tags(self) -> tuple[str, ...]:
        """The hashtags, the most fitting first."""

    @property
    def category(self) -> str | None:
        """The category."""


@dataclass(frozen=True, slots=True)
class GenerationMetrics:
    """Figures of G notes: float64 [G] by name, NaN where a note does not count; and of all notes together.

    bleu: the tool's own statement of how BLEU was computed, to be quoted with the figure.
    """

    per_note: Mapping[str, NDArray[np.float64]]
    corpus: Mapping[str, float]
    bleu: str


def generation_metrics(
    truth: Sequence[Labels], suggested: Sequence[Labels], known_categories: Collection[str], k: int = 10
) -> GenerationMetrics:
    """Measure G suggestions against what the authors of the notes gave.

    Per note: "category accuracy" (equal strings; no suggestion is wrong), "invented categories" (1 where the suggested
    one is not known; without one the note does not count), "tag P@k", "tag R@k", "tag F1@k" (the first k different
    suggestions, as sets without regard to case, against all the author's tags; no suggestion is 0), "ROUGE-L" (F1 of
    the longest common subsequence; Lin 2004, 3; by rouge-score). Over the corpus: "category macro-F1" and "BLEU"
    (0 to 100; Papineni et al. 2002; by sacrebleu, to 4-grams, without regard to case, Chinese by characters and
    everything else at spaces and punctuation, nearly as its 13a). ROUGE and BLEU read all tags, in their order, joined
    by spaces. Notes without a category do not count for the figures of categories, those without tags not for those of
    tags. Raises EvaluationError where the two differ in length or k is no cutoff.
    """
    if len(truth) != len(suggested) or k < 1:
        raise EvaluationError(
            f"{len(suggested)} suggestions for {len(truth)} notes at a cutoff of {k} were given; "
            "wanted one suggestion a note, in the same order, and a cutoff from 1 up"
        )
    true_categories = [labels.category for labels in truth]
    categories = [labels.category for labels in suggested]
    true_texts = [_joined(labels.tags) for labels in truth]
    texts = [_joined(labels.tags) for labels in suggested]
    tags = _tag_figures(truth, suggested, k)
    bleu, signature = _bleu(true_texts, texts)
    return GenerationMetrics(
        per_note={
            "category accuracy": _accuracy(true_categories, categories),
            "invented categories": _invented(categories, frozenset(known_categories)),
            f"tag P@{k}": tags[0],
            f"tag R@{k}": tags[1],
            f"tag F1@{k}": tags[2],
            "ROUGE-L": _rouge(true_texts, texts),
        },
        corpus={"category macro-F1": _macro_f1(true_categories, categories), "BLEU": bleu},
        bleu=signature,
    )


class _Tokenizer:
    """Words in lower case, and each Chinese or Japanese character apart: rouge-score's own keeps a-z and 0-9 alone."""

    def tokenize(self, text: str) -> list[str]:
        """Part a text; punctuation goes."""
        return _TOKEN.findall(text.casefold())


def _joined(tags: Sequence[str]) -> str:
    return " ".join(" ".join(tags).split())


def _accuracy(truth: Sequence[str | None], suggested: Sequence[str | None]) -> NDArray[np.float64]:
    pairs = zip(truth, suggested, strict=True)
    return np.array([float("nan") if a is None else float(a == b) for a, b in pairs], dtype=np.float64)


def _invented(suggested: Sequence[str | None], known: frozenset[str]) -> NDArray[np.float64]:
    return np.array([float("nan") if a is None else float(a not in known) for a in suggested], dtype=np.float64)


def _macro_f1(truth: Sequence[str | None], suggested: Sequence[str | None]) -> float:
    """Mean F1 over the categories that occur in truth, 2 TP / (2 TP + FP + FN) each (Sokolova and Lapalme 2009).

    Equal to scikit-learn's f1_score(average="macro") with those categories as labels; NaN where there is none.
    """
    counted = [(a, b) for a, b in zip(truth, suggested, strict=True) if a is not None]
    right: dict[str, int] = {a: 0 for a, _ in counted}
    wanted, given = dict(right), dict(right)
    for a, b in counted:
        wanted[a] += 1
        right[a] += a == b
        if b in given:
            given[b] += 1
    # TP + FN notes are of a category, TP + FP are said to be.
    scores = [2 * right[a] / (wanted[a] + given[a]) for a in right]
    return float(np.mean(scores)) if scores else float("nan")


def _tag_figures(truth: Sequence[Labels], suggested: Sequence[Labels], k: int) -> NDArray[np.float64]:
    """Precision, recall and F1 of each note's tags, float64 [3, G]."""
    figures = np.full((3, len(truth)), np.nan)
    for i, (labels, suggestion) in enumerate(zip(truth, suggested, strict=True)):
        wanted = {tag.casefold() for tag in labels.tags}
        if not wanted:
            continue
        given = list(dict.fromkeys(tag.casefold() for tag in suggestion.tags))[:k]
        common = len(wanted.intersection(given))
        precision = common / len(given) if given else 0.0
        figures[:, i] = precision, common / len(wanted), 2 * common / (len(wanted) + len(given))
    return figures


def _rouge(truth: Sequence[str], suggested: Sequence[str]) -> NDArray[np.float64]:
    """ROUGE-L F1 of each note, float64 [G]; NaN where the author's tags hold no word, as with pictograms alone."""
    from rouge_score.rouge_scorer import RougeScorer

    tokenizer = _Tokenizer()
    scorer = RougeScorer(["rougeL"], tokenizer=tokenizer)
    return np.array(
        [
            scorer.score(a, b)["rougeL"].fmeasure if tokenizer.tokenize(a) else float("nan")
            for a, b in zip(truth, suggested, strict=True)
        ],
        dtype=np.float64,
    )


def _bleu(truth: Sequence[str], suggested: Sequence[str]) -> tuple[float, str]:
    """Corpus BLEU and its signature, over the notes whose author gave tags; NaN and "" where there is none."""
    from sacrebleu.metrics.bleu import BLEU

    counted = [(a, b) for a, b in zip(truth, suggested, strict=True) if a]
    if not counted:
        return float("nan"), ""
    metric = BLEU(tokenize="zh", lowercase=True)
    score = metric.corpus_score([b for _, b in counted], [[a for a, _ in counted]])
    return float(score.score), str(metric.get_signature())
