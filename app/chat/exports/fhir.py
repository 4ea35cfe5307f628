"""The report as a FHIR bundle: a DiagnosticReport with its observations, of nobody's record.

Only elements that R4 and R5 have in common are used, so that the same bundle is valid in both.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from html import escape
from typing import Any
from uuid import NAMESPACE_OID, uuid5

from app.chat.conversation.report_draft import (
    Presence,
    ReportDraft,
    ReportedFinding,
    ReportedTopic,
)
from app.chat.exports import fhir_codes as codes
from app.chat.exports.fhir_codes import Code, concept
from app.chat.exports.report_formats import marked
from versamammo import __version__
from versamammo.vocabulary import BY_NAME

TERMINOLOGY = "http://terminology.hl7.org/CodeSystem"
ANONYMOUS = {"display": "Anonymous: names and numbers of patients are not kept"}
PRESENCES: dict[Presence, Code] = {
    Presence.PRESENT: codes.PRESENT,
    Presence.ABSENT: codes.ABSENT,
    Presence.UNSURE: codes.INDETERMINATE,
    Presence.LIKELIEST_PLACE: codes.INDETERMINATE,
}
Resource = dict[str, Any]


def as_fhir(report: ReportDraft, key: str, now: datetime, text: str | None = None) -> Resource:
    """Return a Bundle of type `collection`.

    Args:
        report: the draft.
        key: of the exam, from which the identifiers of all resources come.
        now: with a time zone; the time of issue.
        text: as a reader has changed it; the draft's own if None.
    """
    return _Bundle(report, key, now.isoformat(timespec="seconds")).made(text)


@dataclass(frozen=True)
class _Bundle:
    report: ReportDraft
    key: str
    issued: str

    def made(self, text: str | None) -> Resource:
        observations = [
            *(self._topic(one) for one in self.report.topics),
            *(self._finding(one) for one in self.report.findings),
        ]
        entries = [self._report(observations, text), *observations, self._device(), self._author()]
        return self._labelled({
            "resourceType": "Bundle",
            "type": "collection",
            "timestamp": self.issued,
            "entry": [
                {"fullUrl": f"urn:uuid:{one['id']}", "resource": self._labelled(one)}
                for one in entries
            ],
        })  # fmt: skip

    def _labelled(self, resource: Resource) -> Resource:
        """Mark what comes from phantoms as test data."""
        if not self.report.phantom:
            return resource
        label = {"system": f"{TERMINOLOGY}/v3-ActReason", "code": "HTEST",
                 "display": "test health data"}  # fmt: skip
        return resource | {"meta": {"security": [label]}}

    def _id(self, name: str) -> str:
        return str(uuid5(NAMESPACE_OID, f"versamammo report {self.key} {self.issued} {name}"))

    def _reference(self, name: str) -> dict[str, str]:
        return {"reference": f"urn:uuid:{self._id(name)}"}

    def _report(self, observations: Sequence[Resource], text: str | None) -> Resource:
        sections = {one.name: one for one in self.report.sections}
        screening = "screening" in sections["indication"].sentences[0].text.lower()
        told = [one.text for one in sections["assessment"].sentences]
        conclusion = "\n".join([self.report.notice, *told])
        data = base64.b64encode(marked(self.report, text).encode()).decode()
        return {
            "resourceType": "DiagnosticReport",
            "id": self._id("report"),
            "text": {
                "status": "generated",
                "div": '<div xmlns="http://www.w3.org/1999/xhtml"><pre>'
                f"{escape(self.report.text if text is None else text)}</pre></div>",
            },
            "status": "preliminary",
            "category": [{"coding": [{"system": f"{TERMINOLOGY}/v2-0074", "code": "RAD",
                                      "display": "Radiology"}]}],
            "code": concept(
                codes.REPORT, codes.BREAST_REPORT,
                *([codes.SCREENING_REPORT] if screening else []),
                text="Mammography report, draft of a research model",
            ),
            "subject": ANONYMOUS,
            "issued": self.issued,
            "result": [{"reference": f"urn:uuid:{one['id']}"} for one in observations],
            "conclusion": conclusion,
            "presentedForm": [{"contentType": "text/plain; charset=utf-8", "data": data,
                               "title": "Report draft with the source of each sentence"}],
        }  # fmt: skip

    def _observation(self, name: str, code: Resource, sentence: str, **more: Any) -> Resource:
        texts = {one.id: one.text for one in self.report.sentences}
        return {
            "resourceType": "Observation",
            "id": self._id(name),
            "status": "preliminary",
            "category": [{"coding": [{"system": f"{TERMINOLOGY}/observation-category",
                                      "code": "imaging", "display": "Imaging"}]}],
            "code": code,
            "subject": ANONYMOUS,
            "issued": self.issued,
            "device": self._reference("device"),
            **more,
            "note": [{"text": f"{self.report.notice} Sentence {sentence}: {texts[sentence]}"}],
        }  # fmt: skip

    def _topic(self, topic: ReportedTopic) -> Resource:
        known = codes.TOPICS.get(topic.topic) or codes.FINDINGS.get(topic.topic)
        title = BY_NAME[topic.topic].title
        more: dict[str, Any] = {"bodySite": _site(topic)}
        if topic.why_not:
            more["dataAbsentReason"] = _absent("not-performed", topic.why_not)
        elif topic.value is None:
            more["dataAbsentReason"] = _absent("unknown", "not sure")
        else:
            coded = codes.VALUES.get(topic.value)
            held = f", {topic.condition}" if topic.condition else ""
            said = f"{BY_NAME[topic.topic].described(topic.value)}{held}"
            more["valueCodeableConcept"] = concept(*([coded] if coded else []), text=said)
            more["component"] = [_certainty(topic.probability)]
        code = concept(*([known] if known else []), text=title)
        return self._observation(f"topic {topic.topic} {topic.side}", code, topic.sentence, **more)

    def _finding(self, finding: ReportedFinding) -> Resource:
        place = finding.presence is Presence.LIKELIEST_PLACE
        known = codes.LESION if place else codes.FINDINGS.get(finding.topic)
        code = concept(
            *([known] if known else []), text="Lesion, if there is one" if place else finding.topic
        )
        components = _components(finding)
        name = f"finding {finding.sentence} {finding.topic} {finding.side}"
        return self._observation(
            name, code, finding.sentence, bodySite=concept(codes.SIDES[finding.side]),
            valueCodeableConcept=concept(PRESENCES[finding.presence], text=finding.presence),
            **({"component": components} if components else {}),
        )  # fmt: skip

    def _device(self) -> Resource:
        models = [f"{one.name} {one.version}" for one in self.report.cards if one.is_model]
        return {
            "resourceType": "Device",
            "id": self._id("device"),
            "manufacturer": "The VersaMammo developers",
            "modelNumber": "VersaMammo",
            "version": [{"value": __version__}, *({"value": one} for one in models)],
            "note": [{"text": self.report.notice}],
        }

    def _author(self) -> Resource:
        role = {"system": f"{TERMINOLOGY}/provenance-participant-type", "code": "author",
                "display": "Author"}  # fmt: skip
        return {
            "resourceType": "Provenance",
            "id": self._id("provenance"),
            "target": [self._reference("report")],
            "recorded": self.issued,
            "agent": [{"type": {"coding": [role]}, "who": self._reference("device")}],
        }


def _site(topic: ReportedTopic) -> Resource:
    return concept(codes.BREAST if topic.side is None else codes.SIDES[topic.side])


def _absent(code: str, text: str) -> Resource:
    system = f"{TERMINOLOGY}/data-absent-reason"
    return {"coding": [{"system": system, "code": code}], "text": text}


def _certainty(probability: float | None) -> Resource:
    value = round(100 * (probability or 0.0), 1)
    return {"code": concept(codes.CERTAINTY), "valueQuantity": _quantity(value, "%")}


def _quantity(value: float, unit: str) -> Resource:
    return {"value": value, "unit": unit, "system": "http://unitsofmeasure.org", "code": unit}


def _components(finding: ReportedFinding) -> list[Resource]:
    place = finding.location
    made: list[Resource] = []
    if finding.probability is not None:
        made.append(_certainty(finding.probability))
    if place.quadrant or place.half:
        coded = codes.QUADRANTS.get(place.quadrant)
        told = concept(*([coded] if coded else []), text=place.quadrant or place.half)
        made.append({"code": concept(codes.QUADRANT), "valueCodeableConcept": told})
    if place.clock is not None:
        told = concept(codes.hour(place.clock))
        made.append({"code": concept(codes.CLOCK_FACE), "valueCodeableConcept": told})
    if place.third:
        told = concept(codes.DEPTHS[place.third], text=place.third)
        made.append({"code": concept(codes.DEPTH), "valueCodeableConcept": told})
    if place.from_nipple_mm is not None:
        length = _quantity(max(0, round(place.from_nipple_mm, -1)), "mm")
        made.append({"code": concept(codes.FROM_NIPPLE), "valueQuantity": length})
    for mark in finding.marks:
        for code, extent in zip((codes.WIDTH, codes.HEIGHT), mark.size_mm or (), strict=False):
            told = concept(code, text=f"{code[2]} of the marked box in {mark.image}")
            made.append({"code": told, "valueQuantity": _quantity(round(extent, 1), "mm")})
    return made
