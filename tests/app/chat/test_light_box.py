"""Scene and pixels of the light box: what leaves the server, and for whom."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import httpx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from app.chat.evidence.contracts import ChatTurn, Evidence, StreamedAnswer
from app.chat.evidence.exam import Exam, ExamImage, gather, load_image
from app.chat.page.chat_page import look_of
from app.chat.session.session_store import Visit
from app.chat.session_service import SessionService
from app.chat.viewer.exam_picture import DisplaySettings
from app.chat.viewer.pixels import decode, encode, preview, sent_values
from app.chat.viewer.scene import scene
from app.chat.viewer.scene_boxes import box_id
from tests.app.chat.conftest import Marker, served
from versamammo.imaging.mammogram import Box, Laterality
from versamammo.imaging.reading import read
from versamammo.phantoms import PhantomSettings, write_phantoms

SMALL = arrays.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=9)


@given(arrays.arrays(np.uint16, SMALL, elements=st.integers(0, 65535)))
@settings(max_examples=60, deadline=None)
def test_what_is_encoded_comes_back(values: np.ndarray) -> None:
    np.testing.assert_array_equal(decode(encode(values), values.shape), values)


def test_the_values_that_are_sent_give_the_levels_of_the_file(exam: Exam) -> None:
    for image in exam.images:
        assert image.breast is not None
        values = decode(encode(sent_values(image)), image.size)
        levels = image.display.levels[values]
        covered = np.zeros(image.size, bool)
        for mark in image.breast.marks:
            x1, y1, x2, y2 = (round(side) for side in mark.as_tuple())
            covered[max(0, y1 - 4) : y2 + 4, max(0, x1 - 4) : x2 + 4] = True
        np.testing.assert_array_equal(levels[~covered], image.levels[~covered])
        assert levels[covered].max(initial=0) == levels.min()


def test_the_levels_of_a_file_are_those_that_are_read(views: list[Path]) -> None:
    image, _ = load_image(views[0])
    np.testing.assert_array_equal(image.levels, np.round(read(views[0]).pixels * 65535))


def test_marks_are_covered_before_pixels_leave(exam: Exam) -> None:
    marked = [image for image in exam.images if image.breast and image.breast.marks]
    assert marked, "no phantom of this exam has a burned-in mark"
    for image in marked:
        assert image.breast is not None
        x1, y1, x2, y2 = (round(side) for side in image.breast.marks[0].as_tuple())
        assert np.ptp(image.stored[y1:y2, x1:x2]) > 0
        for values in (sent_values(image), preview(sent_values(image))):
            step = image.size[0] // values.shape[0]
            assert (values[y1 // step : y2 // step, x1 // step : x2 // step]
                    == image.display.dark).all()  # fmt: skip


@pytest.mark.parametrize("inverse", [False, True])
def test_the_window_of_the_scene_gives_the_levels_of_the_file(exam: Exam, inverse: bool) -> None:
    """The formula of lightbox/windows.js, on what the scene says, against the table of the file."""
    told = scene(Visit(exam), "a")["pictures"]
    tried = 0
    for picture in told:
        image = exam.images[picture["number"]]
        if picture["inverse"] is not inverse or not picture["in_file_units"]:
            continue
        units = image.stored * picture["slope"] + picture["intercept"]
        window = picture["window"]
        if window["kind"] == "SIGMOID":
            shown = 1 / (1 + np.exp(-4 * (units - window["center"]) / window["width"]))
        else:
            shown = (units - (window["center"] - 0.5)) / (window["width"] - 1) + 0.5
        shown = np.clip(shown, 0, 1)
        shown = 1 - shown if inverse else shown
        if picture["padding"] is not None:
            first, last = picture["padding"]
            shown[(image.stored >= first) & (image.stored <= last)] = 0
        assert np.abs(shown * 65535 - image.levels).max() <= 1
        tried += 1
    assert tried or inverse


def test_signed_and_table_files_keep_their_levels(tmp_path: Path) -> None:
    write_phantoms(tmp_path / "phantoms", PhantomSettings(exams=4, seed=2, height=128))
    kinds = set()
    for path in sorted((tmp_path / "phantoms" / "images").rglob("*.dcm")):
        image, _ = load_image(path)
        kinds.add((image.display.window.kind, image.display.inverse, image.display.in_file_units))
        np.testing.assert_array_equal(image.levels, np.round(read(path).pixels * 65535))
    assert len(kinds) >= 3, kinds


def test_the_scene_hangs_the_exam_and_names_places(exam: Exam, marker: Marker) -> None:
    findings = marker.find(exam)
    told = scene(Visit(exam, findings), "lightbox/x")
    assert told["label"] == "Mammogram: R CC, L CC, R MLO, L MLO"
    assert [(one["row"], one["column"]) for one in told["hangings"]["four"][0]] == [
        (0, 0), (0, 1), (1, 0), (1, 1)
    ]  # fmt: skip
    assert [[one["picture"] for one in page] for page in told["hangings"]["pairs"]] == [
        [0, 1], [2, 3]
    ]  # fmt: skip
    assert told["hangings"]["priors"] == []
    (box,) = told["boxes"]
    assert (box["role"], box["probability"], box["picture"]) == ("finding", 0.9, 0)
    assert box["millimetres"] == exam.images[0].millimetres(Box(100, 150, 160, 230))
    assert told["heat"][0]["rows"] == told["heat"][0]["columns"] == 4


def test_the_views_of_one_breast_stand_in_one_row(exam: Exam) -> None:
    right = tuple(image for image in exam.images if image.side is Laterality.RIGHT)
    told = scene(Visit(Exam(right)), "a")
    (four,) = told["hangings"]["four"]
    assert [(one["picture"], one["row"], one["column"]) for one in four] == [(0, 0, 0), (1, 0, 1)]
    assert {one["outer"] for one in told["pictures"]} == {"left"}


def test_what_the_answer_points_to_is_the_answers(exam: Exam, marker: Marker) -> None:
    findings = marker.find(exam)
    box = findings.regions[0].box
    visit = Visit(exam, findings)
    visit.turns.append(ChatTurn("?", StreamedAnswer("!", (Evidence(0, "here", box, 0.5),))))
    (one,) = scene(visit, "a")["boxes"]
    assert (one["role"], one["id"]) == ("answer", box_id(0, box))


def test_a_picture_without_a_pixel_size_says_so(exam: Exam) -> None:
    bare = replace(exam.images[0], told=replace(exam.images[0].told, spacing_mm=None))
    (picture,) = scene(Visit(Exam((bare,))), "a")["pictures"]
    assert picture["spacing_mm"] is None


def test_priors_hang_beside_the_current_pictures(tmp_path: Path) -> None:
    write_phantoms(tmp_path / "phantoms", PhantomSettings(exams=1, seed=4, height=128, dates=2))
    paths = sorted((tmp_path / "phantoms" / "images").rglob("*.dcm"))
    exam = gather([load_image(path) for path in paths])
    told = scene(Visit(exam), "a")
    assert len(told["pictures"]) == 8
    assert sorted(one["picture"] for one in told["hangings"]["four"][0]) == [0, 1, 2, 3]
    by_number = {one["number"]: one for one in told["pictures"]}
    assert len(told["hangings"]["priors"]) == 4
    for prior, current in told["hangings"]["priors"]:
        one, other = by_number[prior["picture"]], by_number[current["picture"]]
        assert (one["side"], one["view"]) == (other["side"], other["view"])
        assert "months earlier" in one["prior"]
        assert other["prior"] == ""


@pytest.mark.parametrize(
    "told", ["", "{", "[]", '{"view": 1}', '{"view": 0, "level": "x", "width": 1}',
             '{"view": -1, "level": 1e999, "width": 100, "invert": false, "outline": false,'
             ' "boxes": true, "heat": false}'],
)  # fmt: skip
def test_an_export_without_a_sensible_look_is_drawn_as_the_exam_opens(
    exam: Exam, told: str
) -> None:
    assert look_of(Visit(exam), told) == DisplaySettings()


def test_an_export_is_drawn_as_the_light_box_shows_it(exam: Exam) -> None:
    told = {"view": 2, "level": 40, "width": 60, "invert": True, "outline": True,
            "boxes": False, "heat": True}  # fmt: skip
    assert look_of(Visit(exam), json.dumps(told)) == DisplaySettings(
        2, 40, 60, invert=True, outline=True, boxes=False, heat=True
    )


@pytest.fixture
def site(tmp_path: Path, exam: Exam) -> object:
    running = served(tmp_path / "home")
    address, _, desk = next(running)
    yield address, desk
    next(running, None)


def test_addresses_serve_their_own_session_only(
    site: tuple[str, SessionService], exam: Exam
) -> None:
    address, desk = site
    one = desk.shelf.put(Visit(exam))
    other = desk.shelf.put(Visit(Exam(exam.images[:1])))
    told = httpx.get(f"{address}/lightbox/{one}/scene")
    assert told.headers["cache-control"] == "no-store"
    assert "content-security-policy" in told.headers
    paths = [picture["pixels"] for picture in told.json()["pictures"]]
    assert all(path.startswith(f"lightbox/{one}/") for path in paths)
    sent = httpx.get(f"{address}/{paths[3]}")
    assert sent.status_code == 200
    image: ExamImage = exam.images[3]
    np.testing.assert_array_equal(decode(sent.content, image.size), sent_values(image))
    assert int(sent.headers["content-length"]) == len(sent.content)
    for path in (f"{other}/pixels/3", f"{other}/preview/1", "unknown/scene", "unknown/pixels/0",
                 "/pixels/0", f"{one}/pixels/-1", f"{one}/pixels/9", "static/../scene.py",
                 "static/%2e%2e%2fscene.py"):  # fmt: skip
        assert httpx.get(f"{address}/lightbox/{path}").status_code == 404, path
    desk.shelf.drop(one)
    assert httpx.get(f"{address}/{paths[0]}").status_code == 404
    assert httpx.get(f"{address}/lightbox/{one}/scene").status_code == 404


def test_the_script_comes_from_this_server(site: tuple[str, SessionService]) -> None:
    page = httpx.get(site[0]).text
    for name in ("lightbox.js", "lightbox.css"):
        assert f"lightbox/static/{name}" in page
        sent = httpx.get(f"{site[0]}/lightbox/static/{name}")
        assert sent.status_code == 200
        assert "http://" not in sent.text.replace("http://www.w3.org/2000/svg", "")
        assert "https://" not in sent.text
