"""One small corpus on disk, and the notes and events of a full one in memory, shared by the tests of the demo."""

import pytest
from numpy.random import SeedSequence

from app.demo.catalogue import load_catalogue
from app.demo.corpus import DemoSummary, make_demo_corpus
from app.demo.lifestyles import load_lifestyles
from app.demo.notes import DemoNote, make_notes
from app.demo.users import Event, make_events


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> DemoSummary:
    return make_demo_corpus(tmp_path_factory.mktemp("demo") / "corpus", notes=300, users=80, processes=1)


@pytest.fixture(scope="session")
def notes() -> tuple[DemoNote, ...]:
    return make_notes(load_catalogue(), load_lifestyles(), 3000, SeedSequence(7))


@pytest.fixture(scope="session")
def events(notes: tuple[DemoNote, ...]) -> tuple[Event, ...]:
    return make_events(notes, load_lifestyles(), 500, SeedSequence(8))
