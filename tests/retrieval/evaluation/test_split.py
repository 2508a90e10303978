"""Splits against the rule written out by hand, and quantiles counted one by one."""

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from encoders.corpus import Placed
from encoders.errors import NoteRejected
from encoders.note import Note
from retrieval.evaluation.errors import EvaluationError
from retrieval.evaluation.facts import NoteFacts, read_facts
from retrieval.evaluation.split import Role, SplitConfig, bucket, cut_times, moment

IDS = st.lists(st.text(min_size=1, max_size=5).filter(lambda text: text.isprintable()), unique=True, max_size=30)
MORNING = datetime(2024, 5, 1, tzinfo=UTC)


def facts_of(ids: Sequence[str], published: Sequence[datetime | None] | None = None) -> NoteFacts:
    when = published or [None] * len(ids)
    notes = [Note(id=name, title="t", created_at=time) for name, time in zip(ids, when, strict=True)]
    return read_facts(Placed(note, "notes.jsonl", i) for i, note in enumerate(notes))[0]


def naive_bucket(key: str, modulus: int) -> int:
    return int(hashlib.sha1(key.encode()).hexdigest(), 16) % modulus


def test_buckets_are_those_of_the_published_rule() -> None:
    assert bucket("movies-item-1", 5) == naive_bucket("movies-item-1", 5)
    assert bucket("", 16) == 0x9  # the SHA-1 of nothing is da39…0709
    assert bucket("abc", 256) == 0x9D  # and that of abc a9993e36…d89d (FIPS 180)


@settings(max_examples=60, deadline=None)
@given(
    ids=IDS,
    seed=st.sampled_from(["movies", "", "笔记"]),
    cold=st.integers(2, 6),
    by=st.sampled_from(["items", "items+users"]),
)
def test_notes_of_the_test_are_those_whose_hash_is_in_bucket_0(ids: list[str], seed: str, cold: int, by: str) -> None:
    config = SplitConfig(by=by, seed=seed, cold=cold, validation_items=2)
    roles = config.item_roles(facts_of(ids))
    assert [role == Role.TEST for role in roles] == [naive_bucket(f"{seed}-item-{name}", cold) == 0 for name in ids]


@settings(max_examples=60, deadline=None)
@given(
    users=IDS,
    seed=st.sampled_from(["movies", "笔记"]),
    groups=st.integers(2, 5),
    by=st.sampled_from(["users", "items+users"]),
)
def test_users_of_the_test_are_all_but_those_in_bucket_0(users: list[str], seed: str, groups: int, by: str) -> None:
    config = SplitConfig(by=by, seed=seed, test_users=groups, validation_users=2)
    roles = config.user_roles(users)
    assert [role == Role.TEST for role in roles] == [naive_bucket(f"{seed}-user-{name}", groups) != 0 for name in users]


def test_validation_is_taken_from_training_alone() -> None:
    ids = [str(i) for i in range(4000)]
    facts = facts_of(ids)
    small, large = (
        SplitConfig(by="items+users", seed="s", validation_items=share, validation_users=share) for share in (20, 2)
    )
    for few, many, held in (
        (small.item_roles(facts), large.item_roles(facts), 1 / 5),
        (small.user_roles(ids), large.user_roles(ids), 1 / 2),
    ):
        assert ((few == Role.TEST) == (many == Role.TEST)).all()
        # Shares of 4,000 draws: one in five or two is of the test, and of the rest one in 20 or 2 of the validation.
        assert (few == Role.TEST).mean() == pytest.approx(held, abs=4 * (held * (1 - held) / 4000) ** 0.5)
        rest = few != Role.TEST
        assert (few[rest] == Role.VALIDATION).mean() == pytest.approx(1 / 20, abs=0.02)
        assert (many[rest] == Role.VALIDATION).mean() == pytest.approx(1 / 2, abs=0.05)


def test_a_role_depends_on_nothing_but_seed_and_id() -> None:
    config = SplitConfig(by="items+users", seed="s", cold=2, validation_items=2, validation_users=2)
    ids = [f"n{i}" for i in range(50)]
    alone = {name: int(config.item_roles(facts_of([name]))[0]) for name in ids}
    assert config.item_roles(facts_of(ids[::-1])).tolist() == [alone[name] for name in ids[::-1]]
    assert set(alone.values()) == {0, 1, 2}
    other = SplitConfig(by="items+users", seed="t", cold=2, validation_items=2, validation_users=2)
    assert other.item_roles(facts_of(ids)).tolist() != [alone[name] for name in ids]
    assert other.user_roles(ids).tolist() != config.user_roles(ids).tolist()
    # A user is no note: one and the same id falls as it is asked for.
    assert [role == Role.TEST for role in config.user_roles(ids)] != [alone[name] == Role.TEST for name in ids]


def test_only_the_axes_of_the_split_are_held_out() -> None:
    facts, names = facts_of([str(i) for i in range(100)], [MORNING] * 100), [str(i) for i in range(100)]
    assert not SplitConfig(by="users").item_roles(facts).any()
    assert not SplitConfig(by="items").user_roles(names).any()
    assert not SplitConfig(by="items").user_roles(iter(names)).any()
    time = SplitConfig(by="time", validation_from=MORNING - timedelta(2), test_from=MORNING - timedelta(1))
    assert not time.item_roles(facts).any()
    assert not time.user_roles(names).any()


def test_notes_published_after_a_cut_are_cold_where_publication_counts() -> None:
    second = timedelta(seconds=1)
    config = SplitConfig(by="time", cold_by="publication", validation_from=MORNING, test_from=MORNING + timedelta(1))
    published = [MORNING - second, MORNING, MORNING + timedelta(1) - second, MORNING + timedelta(1), None]
    roles = config.item_roles(facts_of(list("abcde"), published))
    assert roles.tolist() == [Role.TRAINING, Role.VALIDATION, Role.VALIDATION, Role.TEST, Role.TRAINING]


def test_a_moment_on_the_boundary_belongs_to_the_later_part() -> None:
    config = SplitConfig(by="time", validation_from=MORNING, test_from=MORNING + timedelta(1))
    start = MORNING.timestamp()
    seconds = np.array([start - 1, start - 1e-3, start, start + 86399.999, start + 86400, start + 1e6])
    assert config.time_roles(seconds).tolist() == [0, 0, 1, 1, 2, 2]
    with pytest.raises(EvaluationError, match="timestamp"):
        config.time_roles(None)


def test_cuts_lie_at_the_quantiles() -> None:
    times = np.array([9, 3, 1, 7, 5, 0, 2, 8, 4, 6], dtype=np.float64) * 86400
    validation_from, test_from = cut_times(times, 0.2, 0.1)
    assert test_from == datetime(1970, 1, 10, tzinfo=UTC)  # day 9 alone: one of ten
    assert validation_from == datetime(1970, 1, 8, tzinfo=UTC)  # days 7 and 8: two of ten


@settings(max_examples=60, deadline=None)
@given(
    times=st.lists(st.integers(10**9, 2 * 10**9), min_size=30, max_size=80, unique=True),
    shares=st.tuples(st.floats(0.05, 0.4), st.floats(0.05, 0.4)),
)
def test_the_parts_have_the_shares_that_were_asked_for(times: list[int], shares: tuple[float, float]) -> None:
    cuts = cut_times(np.array(times, dtype=np.float64), *shares)
    config = SplitConfig(by="time", validation_from=cuts[0], test_from=cuts[1])
    roles = config.time_roles(np.array(times, dtype=np.float64))
    counts = [int((roles == role).sum()) for role in Role]
    assert abs(counts[2] - shares[1] * len(times)) <= 1 + 1e-6
    assert abs(counts[1] + counts[2] - sum(shares) * len(times)) <= 1 + 1e-6
    latest = [
        max((time for time, role in zip(times, roles, strict=True) if role == part), default=0) for part in (0, 1)
    ]
    assert latest[0] < cuts[0].timestamp() <= latest[1] < cuts[1].timestamp()


def test_a_cut_on_a_fraction_of_a_second_keeps_its_event() -> None:
    times = np.array([1_500_000_000.0 + i / 1000 for i in range(1000)])
    cuts = cut_times(times, 0.3, 0.2)
    config = SplitConfig(by="time", validation_from=cuts[0], test_from=cuts[1])
    # (1000 − 1) · 0.5 = 499.5 and (1000 − 1) · 0.8 = 799.2: from events 500 and 800 on.
    assert np.bincount(config.time_roles(times)).tolist() == [500, 300, 200]


@pytest.mark.parametrize("shares", [(0, 0.1), (0.1, 0), (1, 0.1), (0.5, 0.5), (-0.1, 0.2), (0.1, float("nan"))])
def test_shares_that_leave_nothing_are_refused(shares: tuple[float, float]) -> None:
    with pytest.raises(EvaluationError, match="share"):
        cut_times(np.arange(100.0), *shares)


@pytest.mark.parametrize(
    "times", [[5.0] * 20, [1.0] + [5.0] * 19, [5.0] * 19 + [9.0], [5.0] * 17 + [6.0, 7.0, 8.0], [3.0]]
)
def test_times_that_do_not_part_are_refused(times: list[float]) -> None:
    with pytest.raises(EvaluationError, match="--test-from"):
        cut_times(np.array(times), 0.1, 0.1)


def test_times_that_no_calendar_has_are_refused() -> None:
    with pytest.raises(EvaluationError):  # microseconds taken for milliseconds: the year 49,503
        cut_times(np.arange(1, 11) * 1.5e11, 0.1, 0.1)


@pytest.mark.parametrize(
    "fields",
    [
        {"by": "time"},
        {"by": "time", "test_from": MORNING},
        {"by": "time", "test_from": MORNING, "validation_from": MORNING},
        {"by": "time", "test_from": MORNING, "validation_from": MORNING + timedelta(1)},
        {"by": "time", "test_from": datetime(2024, 1, 2), "validation_from": datetime(2024, 1, 1)},
        {"by": "moon"},
        {"by": "items", "cold": 1},
        {"by": "items", "colder": 3},
    ],
)
def test_a_split_that_makes_no_sense_is_refused(fields: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        SplitConfig.model_validate(fields)


def test_a_moment_is_read_as_people_write_it() -> None:
    assert moment("2017-01-01") == datetime(2017, 1, 1, tzinfo=UTC)
    assert moment("2017-01-01T08:00:00+08:00") == datetime(2017, 1, 1, tzinfo=UTC)
    assert moment("1483228800") == datetime(2017, 1, 1, tzinfo=UTC)
    for text in ("", "yesterday"):
        with pytest.raises((NoteRejected, EvaluationError)):
            moment(text)
