"""What every metric means, which direction is better and how it is written, in one place."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

Direction = Literal["higher", "lower", "neither"]


@dataclass(frozen=True, slots=True)
class Measure:
    """One metric by its name as systems report it; meaning is whole sentences, "" for a metric that is not known here.

    rate: whether it is written as a share (.0492). beyond: whether it is a figure of the lists themselves, beyond
    whether their answers are right.
    """

    name: str
    meaning: str
    better: Direction = "higher"
    rate: bool = True
    beyond: bool = False

    @property
    def arrow(self) -> str:
        """Which direction is better, as a sign."""
        return {"higher": "↑", "lower": "↓", "neither": ""}[self.better]

    @property
    def direction(self) -> str:
        """Which direction is better, in words."""
        return {"higher": "higher is better", "lower": "lower is better", "neither": "neither end is better"}[
            self.better
        ]


def measure(name: str) -> Measure:
    """Look a metric up by its name ("R@10", "coverage@10"); an unknown one is shown without a meaning."""
    base, _, depth = name.partition("@")
    key = re.sub(r"[^a-z0-9]", "", base.casefold())
    for pattern, better, rate, beyond, meaning in _MEASURES:
        if re.fullmatch(pattern, key):
            return Measure(name, meaning.replace("{k}", depth or "k"), better, rate, beyond)
    return Measure(name, "")


def definitions(names: Iterable[str]) -> list[Measure]:
    """Return the metrics whose meaning is known, those that differ in their cutoff alone as one: "R@10, R@50"."""
    found: dict[str, list[str]] = {}
    for name in dict.fromkeys(names):
        if measure(name).meaning:
            found.setdefault(name.partition("@")[0], []).append(name)
    merged = []
    for base, each in found.items():
        one = measure(each[0] if len(each) == 1 else base)
        merged.append(replace(one, name=", ".join(each)))
    return merged


def slice_meaning(group: str) -> str:
    """Return what a group of slices tells apart, in a sentence; nothing for an unknown one."""
    key = re.sub(r"[^a-z]", "", group.casefold())
    return next((meaning for part, meaning in _SLICES.items() if key.startswith(part)), "")


# Pattern of the name, better, written as a rate, beyond accuracy, meaning. The first that matches counts.
_MEASURES: tuple[tuple[str, Direction, bool, bool, str], ...] = (
    (
        r"r|recall",
        "higher",
        True,
        False,
        "Recall: the share of a query's relevant notes that stand among its first {k} answers.",
    ),
    (
        r"n?dcg",
        "higher",
        True,
        False,
        "Discounted gain of the first {k} answers (a right answer at place r counts 1 / log2(r + 1)), over the most "
        "that any order could reach (Järvelin & Kekäläinen 2002). 1 is a perfect beginning of the list.",
    ),
    (
        r"rr|mrr",
        "higher",
        True,
        False,
        "Reciprocal rank: 1 / the place of the first right answer; 0 where the first {k} hold none.",
    ),
    (
        r"ap|map",
        "higher",
        True,
        False,
        "Average precision: the mean, over the relevant notes, of the precision at the place where each is found, "
        "0 for those not among the first {k}.",
    ),
    (r"p|precision", "higher", True, False, "Precision: the share of the first {k} answers that are relevant."),
    (
        r"success|hit|hr|hitrate",
        "higher",
        True,
        False,
        "The share of queries with at least one right answer among the first {k}.",
    ),
    (
        r".*coverage",
        "higher",
        True,
        True,
        "The share of all candidates that stand in at least one of the lists' first {k} places. "
        "Low: most notes are never shown, whoever asks. Few queries cannot show more than {k} notes each, so this, and "
        "how unequal places are, compares only where as many queries are asked.",
    ),
    (
        r"gini.*",
        "lower",
        True,
        True,
        "How unequally the first {k} places are shared among all candidates: 0 if each is shown equally often, towards "
        "1 if a few take everything.",
    ),
    (
        r"(long)?tail.*",
        "higher",
        True,
        True,
        "The share of the first {k} places that go to notes outside the popular head of the training data. "
        "Low: the system recommends what is popular anyway.",
    ),
    (
        r"novelty|selfinformation",
        "higher",
        False,
        True,
        "How surprising the first {k} answers are: the mean of −log2 of the chance that a random training user saw "
        "them, in bits (Vargas & Castells 2011). One bit more means seen by half as many. Random answers score high, "
        "so read it beside accuracy.",
    ),
    (
        r"(intralist)?diversity|ild",
        "higher",
        True,
        True,
        "How little the first {k} answers resemble one another: the mean over pairs of 1 − Jaccard similarity of their "
        "tags and category. Random answers score high, so read it beside accuracy.",
    ),
    (
        r".*exposure.*",
        "lower",
        True,
        True,
        "How far the categories' shares of recommended places lie from their shares of relevant notes (total variation "
        "distance): 0 if every category is shown as often as it is wanted, towards 1 if others are shown.",
    ),
    (
        r".*worst.*",
        "higher",
        True,
        True,
        "The metric in the category where it is lowest: what the least well served are given.",
    ),
    (r".*best.*", "higher", True, True, "The metric in the category where it is highest."),
    (
        r".*gap.*",
        "lower",
        True,
        True,
        "Best category less worst category: 0 if all categories are served alike. A system that fails everywhere also "
        "has a small gap, so read it beside accuracy.",
    ),
    (
        r".*(std|deviation|spread).*",
        "lower",
        True,
        True,
        "Standard deviation of the metric between categories: 0 if all are served alike.",
    ),
    (r".*parity.*", "lower", True, True, "How differently categories are served: 0 if all are served alike."),
    (
        r"categoryaccuracy|accuracy",
        "higher",
        True,
        False,
        "The share of notes whose suggested category is the one their author chose.",
    ),
    (
        r"(category)?macrof1",
        "higher",
        True,
        False,
        "F1 of the suggested category, averaged over the true categories, so that rare ones count as much as "
        "frequent ones.",
    ),
    (
        r".*(invented|hallucinated).*",
        "lower",
        True,
        False,
        "The share of suggested categories that are none of the known ones.",
    ),
    (
        r"tags?(p|precision)",
        "higher",
        True,
        False,
        "The share of suggested tags that the author wrote too, letter case aside.",
    ),
    (
        r"tags?(r|recall)",
        "higher",
        True,
        False,
        "The share of the author's tags that were suggested, letter case aside.",
    ),
    (r"tags?f1|f1", "higher", True, False, "Harmonic mean of the precision and the recall of suggested tags."),
    (
        r"rougel.*",
        "higher",
        True,
        False,
        "ROUGE-L: F-measure of the longest common subsequence of suggested and written tags, in words, or characters "
        "of Chinese, Japanese and Korean (Lin 2004).",
    ),
    (
        r".*bleu.*",
        "higher",
        False,
        False,
        "Corpus BLEU of the suggested tags against the written ones, 0 to 100 (sacrebleu; Post 2018).",
    ),
    (
        r".*(latency|ms|seconds).*",
        "lower",
        False,
        True,
        "Time spent.",
    ),
)

_SLICES = {
    "answers": "All queries, but only right answers of this kind count, so recall alone is measured.",
    "temperature": "Cold notes had no interaction in training, warm ones had.",
    "exposure": "How many of the users held out for relevance looked at the query.",
    "modality": "What the query has: text, pictures, or both.",
    "textlength": "Characters of the query's title, body and tags.",
    "language": "The language the query is marked with.",
    "category": "The category of the query.",
    "target": "All queries, but only a part of the relevant notes counts.",
}
