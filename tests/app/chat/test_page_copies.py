"""Gradio copies the page's configuration at every load: nothing of a visitor may hang on it."""

from __future__ import annotations

import functools
import time
import tracemalloc
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import psutil
import pytest
from gradio.utils import safe_deepcopy

from app.chat.evidence.exam import Exam, ExamImage
from app.chat.page.chat_page import build
from app.chat.session.private_folder import PrivateFolder
from app.chat.session.session_store import SessionStore, Visit
from app.chat.session_service import SessionService
from tests.app.chat.conftest import Echo, Marker, served

OPEN = 20
SERVICES = (
    SessionService,
    SessionStore,
    PrivateFolder,
    Visit,
    Exam,
    ExamImage,
    np.ndarray,
    Echo,
    Marker,
)


def open_exams(desk: SessionService, exam: Exam) -> None:
    """Open exams of four pictures each, 4 MB a picture."""
    for _ in range(OPEN):
        images = [
            ExamImage(np.zeros((2000, 1000), np.uint16), image.told, image.breast)
            for image in exam.images
        ]
        desk.shelf.put(Visit(Exam(tuple(images))))


def reached(start: object) -> Iterator[object]:
    """Yield all that a deep copy of `start` would come to, and what its functions hold."""
    seen: set[int] = set()
    left = [start]
    while left:
        one = left.pop()
        if id(one) in seen or isinstance(one, (str, bytes, int, float, type, types.ModuleType)):
            continue
        seen.add(id(one))
        yield one
        if isinstance(one, dict):
            left += [*one.keys(), *one.values()]
        elif isinstance(one, (list, tuple, set, frozenset)):
            left += one
        elif isinstance(one, types.MethodType):
            left += [one.__self__, one.__func__]
        elif isinstance(one, types.FunctionType):
            left += [cell.cell_contents for cell in one.__closure__ or ()]
            left += [one.__defaults__, one.__kwdefaults__]
        elif isinstance(one, functools.partial):
            left += [one.func, one.args, one.keywords]
        else:
            left.append(getattr(one, "__dict__", None))


@pytest.fixture
def desk(tmp_path: Path, exam: Exam) -> SessionService:
    made = SessionService(tmp_path / "home", answerer=Echo(), finder=Marker())
    open_exams(made, exam)
    return made


def test_a_copy_of_the_page_takes_little_however_many_exams_are_open(desk: SessionService) -> None:
    page = build(desk)
    config = page.get_config_file()
    tracemalloc.start()
    start = time.perf_counter()
    safe_deepcopy(config)
    seconds = time.perf_counter() - start
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 5_000_000
    assert seconds < 1  # under tracemalloc, which makes it several times slower


def test_no_part_of_the_page_leads_to_a_visitor_or_a_service(desk: SessionService) -> None:
    page = build(desk)
    given: dict[str, Any] = {"config": page.get_config_file()}
    for number, block in page.blocks.items():
        given[f"{type(block).__name__} {number}"] = [block.constructor_args, block.get_config()]
    assert len(given) > 10
    for name, values in given.items():
        found = [type(one).__name__ for one in reached(values) if isinstance(one, SERVICES)]
        assert not found, f"{name} leads to {found}"


def test_the_walk_finds_what_hangs_on_a_callback(desk: SessionService) -> None:
    for callback in (desk.shelf.drop, lambda token: desk.shelf.drop(token),
                     functools.partial(desk.shelf.drop, None)):  # fmt: skip
        assert any(isinstance(one, SessionStore) for one in reached({"props": [callback]}))


def test_a_page_is_loaded_quickly_with_many_exams_open(tmp_path: Path, exam: Exam) -> None:
    running = served(tmp_path / "home")
    address, _, desk = next(running)
    open_exams(desk, exam)
    httpx.get(f"{address}/config")  # the first is slower for reasons of its own
    before = psutil.Process().memory_info().rss
    took = []
    for _ in range(10):
        start = time.perf_counter()
        assert httpx.get(f"{address}/config").status_code == 200
        took.append(time.perf_counter() - start)
    grown = psutil.Process().memory_info().rss - before
    next(running, None)
    assert min(took) < 0.3
    assert grown < 50_000_000  # one copy of the exams would be 320 MB
