"""Hand-made voices and a running server for the chat's tests."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from app.chat.evidence.contracts import (
    Card,
    ChatTurn,
    Evidence,
    Findings,
    HeatMap,
    Region,
    StreamedAnswer,
)
from app.chat.evidence.exam import Exam, gather, load_image
from app.chat.evidence.location_text import in_words
from app.chat.session_service import SessionService
from tests.app.chat.made import density, mass
from versamammo.imaging.mammogram import Box


class Echo:
    """Repeats the question, points to a box, and says how many turns came before."""

    card = Card("Echo", "1", "hand-made for tests")
    suggested = ("What is it?",)

    def answer(
        self, exam: Exam, question: str, history: Sequence[ChatTurn], findings: Findings | None
    ) -> Iterator[StreamedAnswer]:
        yield StreamedAnswer("You asked:")
        here = Evidence(0, "here", Box(100, 100, 200, 180), 0.5)
        yield StreamedAnswer(f"You asked: {question} ({len(history)} before)", (here,), 0.75)


class Marker:
    """Marks one box and one heat map in the first picture of every exam."""

    card = Card("Marker", "1", "hand-made for tests")

    def find(self, exam: Exam) -> Findings:
        box = Box(100, 150, 160, 230)
        mark = Region(0, box, "Mass", 0.9, in_words(exam.images[0], box))
        return Findings(
            (mass(0, 0.9, mark), *(density(image) for image in range(len(exam.images)))),
            {"Bi-Rads": "it was never tried"},
            {"Mass": "tried by hand"},
            (mark,),
            (HeatMap(0, np.ones((4, 4), np.float32), box),),
            ("L CC: BI-RADS category",),
        )


def files_of(archive: Path) -> list[Path]:
    """The four views of the first phantom exam."""
    return sorted((archive / "images").rglob("*.dcm"))[:4]


@pytest.fixture(scope="session")
def views(phantoms: Path) -> list[Path]:
    return files_of(phantoms)


@pytest.fixture(scope="session")
def exam(views: list[Path]) -> Exam:
    return gather([load_image(path) for path in views])


@pytest.fixture
def echo() -> Echo:
    return Echo()


@pytest.fixture
def marker() -> Marker:
    return Marker()


@pytest.fixture(scope="session")
def prepared(phantoms: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The two phantom exams, prepared."""
    from versamammo.data.preparation.prepare import prepare
    from versamammo.data.preparation.prepare_settings import Settings

    out = tmp_path_factory.mktemp("prepared") / "prepared"
    assert prepare(Settings(str(phantoms), out, size=(128, 96), workers=1)) == 0
    return out


def served(home: Path, **desk_settings: object) -> Iterator[tuple[str, Path, SessionService]]:
    """Serve until asked again: (address, private folder, desk)."""
    from app.chat.chat_command import free_port, serve

    desk, url, page = serve("127.0.0.1", free_port(), home, **desk_settings)
    yield url.rstrip("/"), home, desk
    page.close(verbose=False)
    desk.close()


@pytest.fixture(autouse=True)
def _folder_of_the_asked_server(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Gradio reads its folder from the environment at each request, and tests start several."""
    for name in ("server", "talking", "site"):
        if name in request.fixturenames:
            asked = request.getfixturevalue(name)
            home = asked[1] if isinstance(asked, tuple) else asked.home
            monkeypatch.setenv("GRADIO_TEMP_DIR", str(home))


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """A page without a model, on a port of its own: (address, private folder)."""
    for address, home, _ in served(tmp_path_factory.mktemp("chat") / "home"):
        yield address, home


@pytest.fixture(scope="session")
def talking(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """A page with a hand-made answerer and finder."""
    folder = tmp_path_factory.mktemp("talking")
    for address, home, _ in served(folder, answerer=Echo(), finder=Marker()):
        yield address, home
