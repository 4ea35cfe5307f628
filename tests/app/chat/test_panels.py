from __future__ import annotations

from dataclasses import replace

from app.chat.conversation.report import draft
from app.chat.evidence.exam import Exam
from app.chat.page.findings_panel import findings_html
from app.chat.page.notices import refused_html, together, verdict_html, warnings_html
from app.chat.page.page_header import line_html
from app.chat.page.panels import disarm, facts_html

EVIL = "<img src=x onerror=alert(1)>"


def test_markup_in_tags_file_names_and_model_words_is_shown_and_not_run(
    exam: Exam, marker: object
) -> None:
    image = exam.images[0]
    evil = replace(image, told=replace(image.told, warnings=(EVIL,)), notes=(EVIL,))
    hostile = replace(exam, images=(evil,))
    findings = marker.find(hostile)  # type: ignore[attr-defined]
    findings = replace(
        findings, failed=(EVIL,), regions=(replace(findings.regions[0], topic=EVIL),)
    )
    shown = [
        warnings_html(hostile),
        facts_html(hostile),
        refused_html([(EVIL, EVIL)], EVIL),
        findings_html(hostile, findings, marker.card),  # type: ignore[attr-defined]
        verdict_html(hostile, findings, marker.card),  # type: ignore[attr-defined]
        line_html(EVIL, hostile),
    ]
    assert not any("<img" in html for html in shown)
    assert sum("&lt;img" in html for html in shown) == 4


def test_a_missing_model_is_not_shown_as_no_finding(exam: Exam) -> None:
    assert "does not mean that there is no finding" in findings_html(exam, None, None)


def test_neither_a_tag_nor_an_entity_is_left_in_what_the_chat_shows() -> None:
    shown = disarm("<img src=x> &lt;b&gt; a < b & c")
    assert "<img" not in shown
    assert "&lt;" not in shown
    assert shown.replace("\u200b", "") == "<img src=x> &lt;b&gt; a < b & c"


def test_a_topic_that_is_not_judged_is_not_drawn_and_says_why(exam: Exam, marker: object) -> None:
    findings = marker.find(exam)  # type: ignore[attr-defined]
    shown = findings_html(exam, findings, marker.card)  # type: ignore[attr-defined]
    assert "vm-bar" in shown
    assert shown.index("Marked places") < shown.index("vm-bar"), "places come first"
    told = tuple(one for one in findings.verdicts if one.topic != "ACR")
    silent = replace(findings, verdicts=told, silent={"ACR": "it was never tried <b>"})
    html = findings_html(exam, silent, marker.card)  # type: ignore[attr-defined]
    assert "vm-bar" not in html
    assert "<b>ACR density</b>: it was never tried &lt;b&gt;" in html
    assert "Not assessed: it was never tried" in draft(exam, silent, [])


def test_a_warning_that_pictures_share_is_said_once_with_their_names(exam: Exam) -> None:
    names = ("R CC", "L CC")
    said = ["These pictures come from different patients.", "R CC: turned", "L CC: turned",
            "L CC: bright: very", "X: turned"]  # fmt: skip
    assert together(names, said) == [
        "These pictures come from different patients.",
        "R CC, L CC: turned",
        "L CC: bright: very",
        "X: turned",
    ]
    images = tuple(replace(image, notes=("it is tilted",)) for image in exam.images)
    html = warnings_html(replace(exam, images=images))
    assert html.count("it is tilted") == 2, "in the line, and once in the list"
    assert "R CC, L CC, R MLO, L MLO: it is tilted" in html
    assert "<b>1 warning</b>" in html
    assert warnings_html(exam) == ""


def test_refused_files_are_a_line_each_beside_what_was_read() -> None:
    html = refused_html([("a.txt", "no picture"), ("b.txt", "no picture")], "1 of 3 files read.")
    assert html.count("<li>") == 2
    assert "1 of 3 files read. 2 files were not used" in html
    assert refused_html([], "") == ""


def test_the_verdict_names_pictures_and_leaves_places_to_the_panel(
    exam: Exam, marker: object
) -> None:
    findings = marker.find(exam)  # type: ignore[attr-defined]
    html = verdict_html(exam, findings, marker.card)  # type: ignore[attr-defined]
    assert "<b>Mass</b>: R CC 0.90" in html
    assert "<b>ACR density</b>: B (0.60)" in html
    assert findings.regions[0].where not in html
    assert "not the same as no finding" in verdict_html(exam, None, None)
    assert verdict_html(None, None, None) == ""
    nothing = replace(findings, verdicts=(), regions=())
    told = verdict_html(exam, nothing, marker.card)  # type: ignore[attr-defined]
    assert "does not mean that nothing is there" in told
