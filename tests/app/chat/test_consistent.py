"""Answer, report, panel and API tell the same of an exam, read back by a parser of its own.

The parser knows nothing of the code that wrote the texts: regular expressions over what a reader
sees. Sources are made by hand and say anything at all, at odds with each other.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html import unescape
from pathlib import Path

import numpy as np
import pytest

from app.chat.conversation.answering import Answering
from app.chat.conversation.report import answer_record, draft
from app.chat.evidence.contracts import Card, ChatTurn, EvidenceSource, Findings
from app.chat.evidence.encoder_findings import PictureFindings
from app.chat.evidence.exam import Exam, gather, load_image
from app.chat.evidence.examining import JUDGED, Examiner
from app.chat.evidence.trials import Calibration, Domain, SourceTrial, Trials
from app.chat.page.findings_panel import findings_html
from tests.app.chat.tiny_models import score
from versamammo.data.labels import FINDINGS
from versamammo.imaging.mammogram import Box
from versamammo.model.peaks import Candidate
from versamammo.phantoms import PhantomSettings, write_phantoms
from versamammo.vocabulary import BY_NAME, Topic

CARD = Card("Made", "1", "by hand")
KINDS = ("mass", "calcification", "asymmetry", "architectural distortion", "skin thickening",
         "skin retraction", "nipple retraction", "suspicious lymph node")  # fmt: skip
VIEW = r"[RL] (?:CC|MLO)"
PLACE = (
    r"(?:upper|middle|lower) third(?: of the picture)?, "
    r"(?:near the chest wall|at middle depth|towards the nipple)"
)


@dataclass(frozen=True)
class Told:
    """What a reader takes from a text: findings by view, with their places; the exam's values.

    The draft tells places from the nipple, not in thirds of a picture: it has none to compare.
    """

    findings: frozenset[tuple[str, str]]
    places: frozenset[tuple[str, str, str]] | None
    denied: frozenset[tuple[str, str]]
    density: str | None
    birads: str | None
    marks: frozenset[tuple[str, str]] = frozenset()

    @property
    def marked(self) -> frozenset[tuple[str, str]]:
        """Views that a place is marked in, with the finding."""
        if self.places is None:
            return self.marks
        return frozenset((view, kind) for view, kind, _ in self.places)


class AnySeeing:
    """Sees whatever its seed says."""

    def __init__(self, seed: int) -> None:
        self.random = np.random.default_rng(seed)

    def look(self, exam: Exam, number: int, least: Mapping[str, float]) -> PictureFindings:
        rows, columns = exam.images[number].size
        warmest, candidates = {}, []
        for kind in FINDINGS:
            warmest[kind] = heat = float(self.random.random())
            if kind in least and heat >= least[kind]:
                x, y = self.random.random(2) * (columns * 0.7, rows * 0.7)
                box = Box(x, y, x + columns * 0.1, y + rows * 0.1)
                candidates.append(Candidate(kind, box, heat))
        shares = {"density": self._shares("ABCD"), "birads": self._shares("012345")}
        shares |= {kind: self._shares(("no", "yes")) for kind in FINDINGS}
        return PictureFindings(warmest, shares, tuple(candidates))

    def _shares(self, values: object) -> dict[str, float]:
        listed = list(values)  # type: ignore[call-overload]
        return dict(zip(listed, self.random.dirichlet([0.4] * len(listed)), strict=True))


class AnyLanguage:
    """Finds likely whatever its seed says, of every topic."""

    topics = tuple(topic.name for topic in JUDGED)
    speaks = False

    def __init__(self, seed: int) -> None:
        self.random = np.random.default_rng(seed)

    def weigh(self, exam: Exam, number: int, topic: Topic) -> dict[str, float]:
        shares = self.random.dirichlet([0.4] * len(topic.options))
        return dict(zip(topic.options, shares.tolist(), strict=True))


def trials(seed: int) -> Trials:
    """Any source may be good or bad at anything."""
    random = np.random.default_rng(seed)
    made = [
        SourceTrial(Domain.PHANTOM, source, "phantoms", score(topic.name, low=float(low)))
        for topic in JUDGED
        for source in EvidenceSource
        if (source is not EvidenceSource.MARKS or topic.finding)
        for low in [random.choice([0.4, 0.6])]
        if random.random() < 0.8
    ]
    calibrations = {
        (EvidenceSource.MARKS, topic.name): Calibration(1.0, float(random.normal()))
        for topic in JUDGED
        if topic.finding
    }
    return Trials(tuple(made), calibrations)


@pytest.fixture(scope="module")
def exams(tmp_path_factory: pytest.TempPathFactory) -> list[Exam]:
    folder = tmp_path_factory.mktemp("exams") / "phantoms"
    write_phantoms(folder, PhantomSettings(exams=4, seed=11, height=384))
    found = []
    for one in sorted((folder / "images").iterdir()):
        found.append(gather([load_image(path) for path in sorted(one.rglob("*.dcm"))]))
    return found


def hundred(exams: list[Exam]) -> Iterator[tuple[Exam, Trials, Findings]]:
    for seed in range(100):
        known = trials(seed)
        exam = exams[seed % len(exams)]
        examiner = Examiner(CARD, known, AnySeeing(seed), AnyLanguage(seed))  # type: ignore[arg-type]
        yield exam, known, examiner.find(exam)


def read(text: str) -> Told:
    """Read a text as a person does."""
    yes: set[tuple[str, str]] = set()
    no: set[tuple[str, str]] = set()
    places: set[tuple[str, str, str]] = set()
    for kind in KINDS:
        for line in re.findall(rf"\b{kind}: ([^\n]*)", text, re.I):
            yes |= {(view, kind) for view in re.findall(rf"({VIEW}) yes \(", line)}
            no |= {(view, kind) for view in re.findall(rf"({VIEW}) no \(", line)}
            for view, marked in re.findall(rf"({VIEW}) yes \([^)]*\), marked in the ([^;]*)", line):
                places |= {(view, kind, place) for place in re.findall(PLACE, marked)}
    for listed in re.findall(r"In no picture: ([^\n]*)\.", text):
        no |= {(v, kind) for kind in KINDS if f"{kind} (" in listed
               for v in ("R CC", "L CC", "R MLO", "L MLO")}  # fmt: skip
    density = re.search(r"ACR density:? ([ABCD]),", text)
    birads = re.search(r"BI-RADS:? ([0-6]),", text)
    return Told(frozenset(yes), frozenset(places), frozenset(no),
                density and density[1], birads and birads[1])  # fmt: skip


def read_draft(text: str) -> Told:
    """Read the draft's sections: a breast and a finding a line."""
    found = text.partition("\nFINDINGS\n")[2].partition("\n\n")[0]
    yes: set[tuple[str, str]] = set()
    no: set[tuple[str, str]] = set()
    marks: set[tuple[str, str]] = set()
    for side, line in re.findall(r"^(Right|Left) breast: ([^\n]*)", found, re.M):
        views = [f"{side[0]} CC", f"{side[0]} MLO"]
        denied = line.removeprefix("in no picture: ")
        if denied != line:
            no |= {(view, kind) for kind in KINDS for view in views if f"{kind} (" in denied}
            continue
        (kind,) = (one for one in KINDS if line.startswith(one))
        yes |= {(view, kind) for view in re.findall(rf"({VIEW}) yes \(", line)}
        no |= {(view, kind) for view in re.findall(rf"({VIEW}) no \(", line)}
        marks |= {(v, kind) for v in re.findall(rf"({VIEW}) yes \([^)]*\), marked \d", line)}
    density = re.search(r"^ACR density ([ABCD]),", text, re.M)
    birads = re.search(r"^BI-RADS ([0-6]),", text, re.M)
    return Told(frozenset(yes), None, frozenset(no), density and density[1],
                birads and birads[1], frozenset(marks))  # fmt: skip


def read_panel(html: str) -> Told:
    """Read the panel's tables."""
    text = re.sub("</?button[^>]*>", "", unescape(html))
    rows = re.findall(rf"<tr><td>({VIEW})</td><td>([a-z ]+)</td><td>({PLACE})<br>", text)
    yes = {(view, kind) for view, kind, _ in rows}
    no: set[tuple[str, str]] = set()
    heads = re.findall(rf"<th>({VIEW})</th>", text)
    for kind in KINDS:
        row = re.search(rf"<tr><td>{kind}</td>((?:<td>[^<]*</td>)+)", text, re.I)
        for view, cell in zip(heads, re.findall(r"<td>([^<]*)</td>", row[1]) if row else []):  # noqa: B905 - a row ends with how it was tried
            yes |= {(view, kind)} if cell.startswith("yes") else set()
            no |= {(view, kind)} if cell.startswith("no (") else set()
    density = re.search(r"<caption>ACR density \([^:]*: ([ABCD]),", text)
    birads = re.search(r"<caption>BI-RADS \([^:]*: ([0-6]),", text)
    return Told(frozenset(yes), frozenset((v, k, p) for v, k, p in rows), frozenset(no),
                density and density[1], birads and birads[1])  # fmt: skip


def read_record(record: Mapping[str, object]) -> Told:
    """Read the API's JSON."""
    found = json.loads(json.dumps(record))["findings"]
    each = [(one["images"][0], one["topic"].lower(), one["value"]) for one in found["pictures"]]
    exam = {one["topic"]: one["value"] for one in found["exam"]}
    return Told(
        frozenset((v, t) for v, t, value in each if value == "Yes" and t in KINDS),
        frozenset((r["image"], r["finding"].lower(), r["place"]) for r in found["regions"]),
        frozenset((v, t) for v, t, value in each if value == "No" and t in KINDS),
        (exam.get("ACR") or "").removeprefix("Level ") or None,
        (exam.get("Bi-Rads") or "").removeprefix("Bi-Rads ") or None,
    )


def texts(exam: Exam, known: Trials, seen: Findings) -> dict[str, Told]:
    answering = Answering(CARD, known)

    def asked(question: str) -> str:
        *_, answer = answering.answer(exam, question, (), seen)
        return answer.text

    one_by_one = "\n".join(
        asked(q) for q in (*(BY_NAME[kind.capitalize()].wordings[0] for kind in KINDS),
                           "How dense is the breast?", "Which BI-RADS category fits?")
    )  # fmt: skip
    at_once = "\n".join(
        asked(q) for q in ("Is anything suspicious, and where?", "How dense is the breast?",
                           "Which BI-RADS category fits?")
    )  # fmt: skip
    *_, answer = answering.answer(exam, "Is there a mass?", (), seen)
    record = answer_record(exam, seen, ChatTurn("Is there a mass?", answer), [CARD])
    return {
        "one by one": read(one_by_one),
        "at once": read(at_once),
        "report in the chat": read(asked("Write a report.")),
        "draft": read_draft(draft(exam, seen, [CARD])),
        "panel": read_panel(findings_html(exam, seen, CARD)),
        "API": read_record(record),
    }


def contradictions(told: Mapping[str, Told]) -> list[str]:
    """List where two texts differ, and where one denies what it marks."""
    first_name, first = next(iter(told.items()))
    wrong = []
    for name, one in told.items():
        for part in ("findings", "places", "marked", "density", "birads"):
            if part == "places" and one.places is None:
                continue
            if getattr(one, part) != getattr(first, part):
                wrong.append(f"{name} and {first_name}: {part}")
        if one.findings & one.denied:
            wrong.append(f"{name} denies what it says")
        for other_name, other in told.items():
            if one.denied & other.findings:
                wrong.append(f"{name} denies what {other_name} says")
        if not one.marked <= one.findings:
            wrong.append(f"{name} marks what it does not say")
    return wrong


def test_of_a_hundred_exams_no_text_contradicts_another(exams: list[Exam]) -> None:
    wrong, said, densities = [], 0, set()
    for exam, known, seen in hundred(exams):
        told = texts(exam, known, seen)
        wrong += contradictions(told)
        said += len(told["API"].findings)
        densities.add(told["draft"].density)
    assert wrong == []
    assert said > 300, "there was something to contradict"
    assert densities >= {"A", "B", "C", "D", None}


def test_a_text_of_another_record_is_noticed(exams: list[Exam]) -> None:
    """The test can fail: one text that speaks from another record is seen."""
    made = list(hundred(exams))[:8]
    for number in range(0, 8, 4):
        exam, known, seen = made[number]
        other = made[number + 4][2] if number + 4 < 8 else made[0][2]
        told = texts(exam, known, seen)
        for name in ("panel", "draft", "API"):
            swapped = told | {name: texts(exam, known, other)[name]}
            assert contradictions(swapped), name


@pytest.mark.slow
def test_of_a_hundred_phantom_exams_the_bundled_model_contradicts_nothing(tmp_path: Path) -> None:
    from app.chat.models import bundled, load_models

    folder = bundled()
    assert folder is not None
    models = load_models(folder)
    assert isinstance(models.finder, Examiner)
    write_phantoms(tmp_path / "phantoms", PhantomSettings(exams=100, seed=77, height=512), 2)
    wrong, said = [], 0
    for one in sorted((tmp_path / "phantoms" / "images").iterdir()):
        exam = gather([load_image(path) for path in sorted(one.rglob("*.dcm"))])
        told = texts(exam, models.finder.trials, models.finder.find(exam))
        wrong += contradictions(told)
        said += len(told["API"].findings)
    assert wrong == []
    assert said > 20
