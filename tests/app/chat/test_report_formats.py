"""The report as marked text, as JSON and as FHIR: nothing is lost, every code is DICOM's."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from pydicom.sr._concepts_dict import concepts

from app.chat.conversation.report import written_draft
from app.chat.conversation.report_draft import ReportDraft
from app.chat.evidence.contracts import Card, Findings, Region
from app.chat.evidence.exam import Exam
from app.chat.exports import fhir_codes
from app.chat.exports.export_name import exam_key, export_name
from app.chat.exports.exports import as_json
from app.chat.exports.fhir import as_fhir
from app.chat.exports.report_formats import NO_MARK, SCHEMA_VERSION, as_record, marked
from tests.app.chat.made import density, mass
from versamammo import NOTICE, __version__
from versamammo.imaging.mammogram import Box
from versamammo.vocabulary import BY_NAME

NOW = datetime(2026, 11, 29, 14, 3, 59, tzinfo=UTC)
CARD = Card("Made", "1", "by hand")


@pytest.fixture(scope="module")
def report(exam: Exam) -> ReportDraft:
    here = Region(0, Box(60, 150, 100, 190), "Mass", 0.9, "a place")
    findings = Findings(
        (mass(0, 0.9, here), mass(1, 0.2), mass(3, 0.5), *(density(i) for i in range(4))),
        {"Bi-Rads": "it was never tried"},
        suspects=(Region(1, Box(60, 150, 100, 190), "Mass", 0.3),),
    )
    return written_draft(exam, findings, [CARD])


def test_each_sentence_of_the_draft_has_marks_that_the_legend_explains(
    report: ReportDraft,
) -> None:
    text, _, legend = marked(report).partition("\n\nSOURCES\n")
    listed = dict(re.findall(r"^\[(\d+)\] (.*)$", legend, re.M))
    assert list(listed) == [str(n) for n in range(1, len(report.sources) + 1)]
    assert legend.endswith(NO_MARK)
    for one in report.sentences:
        found = re.search(rf"^{re.escape(one.text)} \[([\d, ]+)\]$", text, re.M)
        assert found is not None, one.text
        assert {report.sources[int(n) - 1] for n in found[1].split(", ")} >= set(one.sources)
    assert "model: language model, ACR density B: R CC 0.60, L CC 0.60" in legend


def test_what_a_reader_writes_has_no_mark(report: ReportDraft) -> None:
    first = next(report.sentences)
    mine = report.text.replace(first.text, "Lump on the right.")
    text = marked(report, mine)
    assert "\nLump on the right.\n" in text
    assert first.text not in text.partition("SOURCES")[0]


def test_the_json_holds_every_sentence_finding_and_source(report: ReportDraft) -> None:
    told = json.loads(as_json(as_record(report)))
    assert (told["schema"], told["schema_version"]) == ("versamammo.report", SCHEMA_VERSION)
    assert (told["notice"], told["versamammo"], told["phantom"]) == (NOTICE, __version__, True)
    sentences = [one for section in told["sections"] for one in section["sentences"]]
    assert [one["text"] for one in sentences] == [one.text for one in report.sentences]
    numbers = {one["id"] for one in told["sources"]}
    assert all(one["sources"] and set(one["sources"]) <= numbers for one in sentences)
    ids = {one["id"] for one in sentences}
    assert {one["sentence"] for one in (*told["findings"], *told["topics"])} <= ids
    assert [one["presence"] for one in told["findings"]] == [
        "present", "not sure", "likeliest place, if there is a lesion",
    ]  # fmt: skip
    (mark,) = told["findings"][0]["marks"]
    assert (mark["image"], mark["box"]) == ("R CC", [60, 150, 100, 190])
    unjudged = {one["topic"]: one["why_not"] for one in told["topics"] if one["why_not"]}
    assert unjudged["Bi-Rads"] == "it was never tried"
    assert told["edited_text"] is None
    assert as_record(report, "mine")["edited_text"] == "mine"


def resources(bundle: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    found = [one["resource"] for one in bundle["entry"]]
    return [one for one in found if one["resourceType"] == kind]


def test_the_bundle_is_a_preliminary_report_of_nobody_by_this_software(
    report: ReportDraft,
) -> None:
    bundle = as_fhir(report, "phantom-1", NOW)
    assert (bundle["resourceType"], bundle["type"]) == ("Bundle", "collection")
    (told,), (device,) = resources(bundle, "DiagnosticReport"), resources(bundle, "Device")
    (author,) = resources(bundle, "Provenance")
    observations = resources(bundle, "Observation")
    assert told["status"] == "preliminary"
    assert told["issued"] == "2026-11-29T14:03:59+00:00"
    assert told["conclusion"].startswith(NOTICE)
    assert base64.b64decode(told["presentedForm"][0]["data"]).decode() == marked(report)
    assert {one["code"] for one in told["code"]["coding"]} == {"18748-4", "111400"}
    assert device["version"] == [{"value": __version__}, {"value": "Made 1"}]
    by_url = {one["fullUrl"]: one["resource"] for one in bundle["entry"]}
    assert [by_url[one["reference"]] for one in told["result"]] == observations
    assert by_url[author["target"][0]["reference"]] is told
    for one in (told, *observations):
        assert set(one["subject"]) == {"display"}
        assert "identifier" not in one
    assert {by_url[one["device"]["reference"]]["id"] for one in observations} == {device["id"]}
    assert {one["status"] for one in observations} == {"preliminary"}
    assert len({one["id"] for one in by_url.values()}) == len(bundle["entry"])
    labels = {one["meta"]["security"][0]["code"] for one in (bundle, *by_url.values())}
    assert labels == {"HTEST"}, "phantoms are test data"


def test_observations_say_what_the_sentences_say(report: ReportDraft) -> None:
    found = resources(as_fhir(report, "phantom-1", NOW), "Observation")
    by_text = {(one["code"]["text"], one["bodySite"]["coding"][0]["display"]): one for one in found}
    composition = by_text["ACR density", "Breast"]
    assert composition["valueCodeableConcept"]["coding"][0]["code"] == "129717001"
    assert composition["component"][0]["valueQuantity"]["value"] == 60.0
    birads = by_text["BI-RADS", "Breast"]
    assert "valueCodeableConcept" not in birads
    assert birads["dataAbsentReason"]["text"] == "it was never tried"
    there = by_text["Mass", "Right breast"]
    assert there["valueCodeableConcept"]["coding"][0]["display"] == "Present"
    parts = {one["code"]["coding"][0]["display"]: one for one in there["component"]}
    assert parts["Certainty of Finding"]["valueQuantity"]["value"] == 90.0
    assert {"Depth", "Distance from nipple", "Width", "Height", "Quadrant location"} <= set(parts)
    assert by_text["Mass", "Left breast"]["valueCodeableConcept"]["text"] == "not sure"
    place = by_text["Lesion, if there is one", "Left breast"]
    assert place["valueCodeableConcept"]["coding"][0]["display"] == "Indeterminate"
    assert by_text["Calcification", "Breast"]["dataAbsentReason"]["coding"][0]["code"] == (
        "not-performed"
    )
    sentences = {one.id: one.text for one in report.sentences}
    for one in found:
        told = re.fullmatch(rf"{re.escape(NOTICE)} Sentence (\S+): (.*)", one["note"][0]["text"])
        assert told is not None
        assert sentences[told[1]] == told[2]


def test_a_screening_report_of_a_person_is_coded_so_and_not_labelled_a_test(
    exam: Exam,
) -> None:
    made = replace(exam.images[0].told.provenance, indication="screening")
    image = replace(exam.images[0], told=replace(exam.images[0].told, provenance=made))
    real = replace(exam, images=(image, *exam.images[1:]), phantom=False)
    bundle = as_fhir(written_draft(real, None, []), "exam-1", NOW)
    (told,) = resources(bundle, "DiagnosticReport")
    assert "24606-6" in {one["code"] for one in told["code"]["coding"]}
    assert "HTEST" not in json.dumps(bundle)


def test_markup_of_a_reader_stays_text_in_the_narrative(report: ReportDraft) -> None:
    (told,) = resources(as_fhir(report, "k", NOW, "<script>&"), "DiagnosticReport")
    assert "<pre>&lt;script&gt;&amp;</pre>" in told["text"]["div"]


def all_codes() -> Iterator[fhir_codes.Code]:
    for value in vars(fhir_codes).values():
        if isinstance(value, tuple) and len(value) == 3 and value[0] in fhir_codes.SYSTEMS:
            yield value
        if isinstance(value, dict):
            yield from (one for one in value.values() if isinstance(one, tuple))
    yield from map(fhir_codes.hour, range(1, 13))


def test_every_code_stands_in_dicoms_own_dictionary_with_its_meaning() -> None:
    told = list(all_codes())
    assert len(told) > 50
    for scheme, code, meaning in told:
        listed = [one[code][0] for one in concepts[scheme].values() if code in one]
        assert meaning in listed, (scheme, code, listed)
    assert all(
        BY_NAME[name].code in ("", code) for name, (_, code, _) in fhir_codes.FINDINGS.items()
    )


def test_files_are_called_by_exam_and_time(exam: Exam) -> None:
    assert export_name(exam, NOW) == f"vm_{exam_key(exam)}_20261129-140359"
    assert re.fullmatch(r"phantom-[0-9a-f]{8}", exam_key(exam))
    assert exam_key(replace(exam, images=exam.images[:3])) != exam_key(exam)
    assert exam_key(replace(exam, phantom=False)).startswith("exam-")
