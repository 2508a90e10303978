import math
import random

import numpy as np
import pytest

from encoders.note import Note
from encoders.suggestion import Suggestion
from retrieval.evaluation.errors import EvaluationError
from retrieval.evaluation.metrics.generation import generation_metrics


def by(*rows):
    return [Suggestion(tuple(tags), category) for tags, category in rows]


def test_categories_by_hand():
    truth = by(((), "food"), ((), "food"), ((), "旅行"), ((), "home"), ((), None))
    given = by(((), "food"), ((), "旅行"), ((), "旅行"), ((), None), ((), "Food"))
    found = generation_metrics(truth, given, ["food", "旅行", "home"])
    np.testing.assert_equal(found.per_note["category accuracy"], [1, 0, 1, 0, np.nan])
    # "Food" is not "food"; the note without a suggestion invents nothing.
    np.testing.assert_equal(found.per_note["invented categories"], [0, 0, 0, np.nan, 1])
    # food: 1 right, 2 are, 1 is said to be; 旅行: 1, 1, 2; home: none.
    assert found.corpus["category macro-F1"] == pytest.approx((2 * 1 / (2 + 1) + 2 * 1 / (1 + 2) + 0) / 3)


def test_macro_f1_is_that_of_scikit_learn():
    from sklearn.metrics import f1_score

    rng = random.Random(6)
    true = [rng.choice("abcdef") for _ in range(300)]
    said = [a if rng.random() < 0.4 else rng.choice(["a", "b", "x", "y", None]) for a in true]
    found = generation_metrics(by(*(((), a) for a in true)), by(*(((), b) for b in said)), "abcdef")
    want = f1_score(true, [b or "" for b in said], labels=sorted(set(true)), average="macro", zero_division=0)
    assert found.corpus["category macro-F1"] == pytest.approx(want, abs=1e-12)
    assert np.nanmean(found.per_note["category accuracy"]) == pytest.approx(
        np.mean([a == b for a, b in zip(true, said, strict=True)])
    )


def test_tags_by_hand():
    truth = by((("Coffee", "探店", "Paris"), None), ((), None), (("a",), None), (("a", "A"), None))
    given = by((("paris", "PARIS", "tea", "coffee"), None), (("x",), None), ((), None), (("a",), None))
    found = generation_metrics(truth, given, [], k=2).per_note
    # paris is one suggestion, so the first two are paris and tea.
    np.testing.assert_allclose(found["tag P@2"], [1 / 2, np.nan, 0, 1])
    np.testing.assert_allclose(found["tag R@2"], [1 / 3, np.nan, 0, 1])
    precision, recall = 1 / 2, 1 / 3
    f1 = 2 * precision * recall / (precision + recall)
    np.testing.assert_allclose(found["tag F1@2"], [f1, np.nan, 0, 1])
    found = generation_metrics(truth, given, [], k=3).per_note
    np.testing.assert_allclose(found["tag P@3"], [2 / 3, np.nan, 0, 1])


@pytest.mark.parametrize(
    ("truth", "given", "common", "wanted", "said"),
    [
        (("quiet café", "Paris"), ("Paris", "Quiet"), 1, 3, 2),
        (("a", "b", "c", "d"), ("a", "x", "c", "d"), 3, 4, 4),
        # Each character is a token: 咖 啡 探 店 and 探 店 咖.
        (("咖啡", "探店"), ("探店", "咖"), 2, 4, 3),
        (("ラーメン", "Tokyo夜"), ("tokyo", "夜"), 2, 6, 2),
        (("sci-fi",), ("sci_fi",), 2, 2, 2),
        (("𠮷野家",), ("𠮷",), 1, 3, 1),
        (("서울 맛집",), ("맛집",), 1, 2, 1),
    ],
)
def test_rouge_by_hand(truth, given, common, wanted, said):
    [found] = generation_metrics(by((truth, None)), by((given, None)), []).per_note["ROUGE-L"]
    assert found == pytest.approx(2 * common / (wanted + said))


def test_rouge_without_words_is_not_counted_and_nothing_said_is_nothing():
    truth = by(((), None), (("🍜",), None), (("a",), None), (("a",), None))
    given = by((("a",), None), (("🍜",), None), ((), None), (("b",), None))
    np.testing.assert_equal(generation_metrics(truth, given, []).per_note["ROUGE-L"], [np.nan, np.nan, 0, 0])


def bleu(truth, given):
    return generation_metrics(by(*((t, None) for t in truth)), by(*((g, None) for g in given)), [])


def test_bleu_by_hand():
    # Five words against five, four of them right: 4/5, pairs 3/4, triples 2/3, fours 1/2, and no penalty.
    found = bleu([("a", "b", "c", "d", "e"), ()], [("A", "b", "c", "d", "x"), ("y", "z")])
    assert found.corpus["BLEU"] == pytest.approx(100 * (4 / 5 * 3 / 4 * 2 / 3 * 1 / 2) ** (1 / 4))
    # The same said by characters, and one character short: 5 of 6.
    found = bleu([("美食", "探店", "咖啡")], [("美食", "探店", "咖")])
    assert found.corpus["BLEU"] == pytest.approx(100 * math.exp(1 - 6 / 5))
    assert found.bleu.startswith("nrefs:1|case:lc|eff:no|tok:zh|smooth:exp|version:")


def test_bleu_is_of_the_corpus_not_a_mean():
    whole = ("a", "b", "c", "d", "e")
    found = bleu([whole, whole], [whole, ("v", "w", "x", "y", "z")])
    assert found.corpus["BLEU"] == pytest.approx(100 * (5 / 10 * 4 / 8 * 3 / 6 * 2 / 4) ** (1 / 4))


def test_perfect_suggestions():
    labels = by((("咖啡", "Paris", "slow travel", "晨间"), "旅行"), (("b", "c", "d", "e"), "food"))
    found = generation_metrics(labels, labels, {"旅行", "food"})
    wrong = found.per_note.pop("invented categories")
    assert wrong.tolist() == [0, 0]
    assert all(values.tolist() == [1, 1] for values in found.per_note.values())
    assert found.corpus == {"category macro-F1": 1, "BLEU": pytest.approx(100)}


def test_nothing_to_count_is_nan_throughout():
    found = generation_metrics(by(((), None)), by(((), None)), [])
    assert all(np.isnan(values).all() for values in found.per_note.values())
    assert all(map(math.isnan, found.corpus.values()))
    assert found.bleu == ""
    empty = generation_metrics([], [], [])
    assert all(len(values) == 0 for values in empty.per_note.values())


def test_a_note_is_truth_as_it_is():
    found = generation_metrics([Note(tags=("a",), category="b")], by((("a",), "b")), ["b"])
    assert found.per_note["category accuracy"].tolist() == found.per_note["tag F1@10"].tolist() == [1]


def test_mismatched_lengths():
    with pytest.raises(EvaluationError, match="1 suggestions for 0 notes"):
        generation_metrics([], by(((), None)), [])
    with pytest.raises(EvaluationError, match="cutoff of 0 were given"):
        generation_metrics([], [], [], k=0)
