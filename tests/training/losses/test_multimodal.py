"""The balance of modalities by hand; dropout of fields against rates, and never to nothing."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from encoders.images import NoteImage
from encoders.note import Note
from training.losses.contrastive import gcl
from training.losses.errors import LossError
from training.losses.multimodal import DropRates, ModalityWeights, drop_fields, modality_balanced

PICTURE = NoteImage.from_bytes(b"x", "封面.jpg")
NOTE = Note(
    id="笔记", title="上海", body="探店", tags=("美食",), category="food", images=(PICTURE,), author="a", lang="zh"
)
FIELDS = ("title", "body", "tags", "category", "images")


def left(note: Note) -> set[str]:
    return {name for name in FIELDS if getattr(note, name)}


def test_nine_to_one() -> None:
    whole, visual = torch.tensor(2.0, requires_grad=True), torch.tensor(7.0, requires_grad=True)
    loss = modality_balanced(whole, visual)
    loss.backward()
    assert loss.item() == pytest.approx((9 * 2.0 + 1 * 7.0) / 10)
    assert [whole.grad, visual.grad] == [pytest.approx(0.9), pytest.approx(0.1)]
    assert modality_balanced(whole, visual, ModalityWeights(1, 3)).item() == pytest.approx((2.0 + 3 * 7.0) / 4)


def test_no_pair_with_pictures() -> None:
    empty = torch.zeros(0, 4)
    assert modality_balanced(torch.tensor(2.0), gcl(empty, empty, torch.tensor(3.0))).item() == pytest.approx(1.8)


@pytest.mark.parametrize("weights", [(-1.0, 2.0), (0.0, 0.0)])
def test_weights_that_are_none(weights: tuple[float, float]) -> None:
    with pytest.raises(LossError, match=str(weights[0])):
        ModalityWeights(*weights)


def test_rates_that_are_none() -> None:
    for rate in (-0.1, 1.5, float("nan")):
        with pytest.raises(LossError, match=f"tags is {rate}"):
            DropRates(tags=rate)


def test_nothing_is_dropped_at_zero() -> None:
    draw = torch.Generator().manual_seed(0)
    assert all(drop_fields(NOTE, DropRates(), draw) is NOTE for _ in range(50))


@pytest.mark.parametrize(
    ("rates", "kept"),
    [
        (DropRates(title=1), {"body", "tags", "category", "images"}),
        (DropRates(tags=1, category=1), {"title", "body", "images"}),
        (DropRates(text=1), {"images"}),
        (DropRates(images=1), {"title", "body", "tags", "category"}),
        (DropRates(title=1, body=1, images=1), {"tags", "category"}),
    ],
)
def test_rates_of_one(rates: DropRates, kept: set[str]) -> None:
    dropped = drop_fields(NOTE, rates, torch.Generator().manual_seed(0))
    assert left(dropped) == kept
    assert (dropped.id, dropped.author, dropped.lang) == (NOTE.id, NOTE.author, NOTE.lang)
    assert dropped.model_dump() == Note(**dropped.model_dump()).model_dump()


def test_one_thing_always_stays_each_as_often() -> None:
    everything = DropRates(text=1, images=1)
    draw = torch.Generator().manual_seed(0)
    found = [left(drop_fields(NOTE, everything, draw)) for _ in range(2000)]
    counts = [found.count({name}) for name in ("title", "body", "tags", "images")]
    assert sum(counts) == 2000
    assert max(abs(count - 500) for count in counts) < 4 * (2000 * 0.25 * 0.75) ** 0.5


def test_blank_text_and_a_category_are_nothing_to_read() -> None:
    everything = DropRates(text=1, images=1)
    for note, kept in (
        (Note(title="  ", category="c", images=(PICTURE,)), {"images"}),
        (Note(title=" ", tags=("t",), category="c"), {"tags"}),
        (Note(title=" ", category="c"), {"title", "category"}),
        (Note(category="c"), {"category"}),
    ):
        for seed in range(5):
            assert left(drop_fields(note, everything, torch.Generator().manual_seed(seed))) == kept


def test_rates_are_kept() -> None:
    rates = DropRates(title=0.3, body=0.1, tags=0.5, category=0.2, text=0.1, images=0.25)
    draw, times = torch.Generator().manual_seed(1), 4000
    gone = [set(FIELDS) - left(drop_fields(NOTE, rates, draw)) for _ in range(times)]
    for name in FIELDS:
        alone = getattr(rates, name)
        expected = alone if name == "images" else 1 - (1 - alone) * (1 - rates.text)
        # What is spared from nothing at all takes a little off.
        assert sum(name in one for one in gone) / times == pytest.approx(expected, abs=0.035)


@given(
    st.integers(0, 10**6),
    st.sampled_from([NOTE, Note(title="t"), Note(images=(PICTURE,)), Note(body="b", category="c"), Note()]),
    st.tuples(*[st.sampled_from([0.0, 0.5, 1.0])] * 6),
)
@settings(deadline=None, max_examples=60)
def test_readable_notes_stay_readable_and_draws_go_on_alike(seed: int, note: Note, rates: tuple[float, ...]) -> None:
    draw, other = (torch.Generator().manual_seed(seed) for _ in range(2))
    dropped = drop_fields(note, DropRates(*rates), draw)
    assert (dropped.has_text or bool(dropped.images)) == (note.has_text or bool(note.images))
    assert left(dropped) <= left(note)
    drop_fields(Note(), DropRates(), other)
    assert torch.rand(1, generator=draw).equal(torch.rand(1, generator=other))
