"""Random exams and records of evidence, of every kind that the page meets.

Nothing here shows a picture: an answer is to follow from its record, whatever that says.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from app.chat.conversation.asked import KINDS
from app.chat.evidence.contracts import EvidenceSource, Findings, Region, Verdict
from app.chat.evidence.exam import Exam, ExamImage
from app.chat.evidence.examining import ALL_WITH_LESION, IF_ANY, OF_A_LESION, ON_FILM
from app.chat.evidence.location_text import in_words
from app.chat.evidence.trials import NEVER
from versamammo.imaging.breast import Breast
from versamammo.imaging.dicom.positioning import FILE_NAME, KNOWN_FROM
from versamammo.imaging.dicom.refusals import MG_PRESENTATION
from versamammo.imaging.mammogram import Box, Exposure, Laterality, Mammogram, Provenance, View
from versamammo.vocabulary import BY_NAME, YES
from vlm.option_words import chosen, yes_or_no

SETS = (  # what is dropped together, and how often
    (("R CC",), 2), (("L CC",), 2), (("R MLO",), 3), (("L MLO",), 3), (("R CC", "R MLO"), 4),
    (("L CC", "L MLO"), 4), (("R CC", "L CC"), 1), (("R MLO", "L MLO"), 1),
    (("R CC", "L CC", "R MLO", "L MLO"), 7),
)  # fmt: skip
MACHINES = (
    ("GE MEDICAL SYSTEMS", "Senographe Essential"), ("HOLOGIC, Inc.", "Selenia Dimensions"),
    ("SIEMENS", "Mammomat Inspiration"), ("FUJIFILM Corporation", "Amulet Innovality"),
    ("Philips", "MicroDose L30"), ("Planmed", "Clarity 3D"),
)  # fmt: skip
TELLING = 0.75  # share of digital exams whose tags tell how they were exposed
VALUES = 0.85  # share of values that are told then
INDICATIONS = ("screening", "symptoms", "follow-up", "diagnostic mammogram", "recall", "lump")
PICTURE_FILES = 0.3  # share of exams that are PNG files, whose names say what they show
NIPPLES = 0.75  # share of exams whose outlines show where the nipple lies
GUESSING = (
    "on {data} it was not found better than guessing: tried on {n} questions about {p} patients it "
    "had not learned from: class-balanced accuracy {a} % [{low}, {high}]; guessing gets {g} %"
)
TRIED = (
    "tried on {n} questions about {p} patients it had not learned from: class-balanced accuracy "
    "{a} % [{low}, {high}]; guessing gets {g} %"
)
TOO_FEW = (
    "it was tried on only {few} cases of {option}; at least 20 of each answer are needed to tell "
    "it from guessing"
)
OTHERS = ("ACR", "Bi-Rads", "Pathology", "Background tissue", "Cancer")
Random = np.random.Generator


@dataclass(frozen=True)
class Scene:
    """An exam with its record of evidence."""

    exam: Exam
    seen: Findings


def draw_scene(random: Random) -> Scene:
    """Draw an exam and what a model made of it."""
    exam = draw_exam(random)
    kind = random.choice(["findings", "lesions", "digital"], p=[0.5, 0.35, 0.15])
    return Scene(exam, draw_findings(exam, str(kind), random))


def draw_exam(random: Random) -> Exam:
    """Draw one to four pictures with tags and measurements."""
    shares = np.array([share for _, share in SETS], float)
    names = SETS[int(random.choice(len(SETS), p=shares / shares.sum()))][0]
    rows, columns = int(random.integers(800, 4000)), int(random.integers(600, 3200))
    spacing = None if random.random() < 0.3 else round(float(random.uniform(0.05, 0.2)), 3)
    dicom = random.random() >= PICTURE_FILES
    machine = MACHINES[int(random.integers(len(MACHINES)))] if dicom else (None, None)
    digital = MG_PRESENTATION if dicom and random.random() < 0.7 else None
    source = None if dicom else FILE_NAME
    warnings = () if dicom else tuple(KNOWN_FROM.format(of, source) for of in ("side", "view"))
    mirrored = random.random() < 0.15
    nipples = random.random() < NIPPLES
    telling = dicom and random.random() < TELLING
    implant = None if random.random() < 0.4 or not telling else bool(random.random() < 0.4)
    reason = INDICATIONS[int(random.integers(len(INDICATIONS)))] if telling else None
    reason = reason if random.random() < 0.5 else None
    images = []
    for name in names:
        side, view = name.split()
        wall = "left" if (side == "L") != mirrored else "right"
        told = Mammogram(
            np.zeros((1, 1), np.float32), 12 if dicom else 8,
            Provenance("", "DICOM" if dicom else "PNG", "MONOCHROME2", vendor=machine[0],
                       model=machine[1], sop_class=digital, indication=reason,
                       indication_source=reason and "ReasonForStudy",
                       exposure=_exposure(implant, random) if telling else Exposure()),
            laterality=Laterality(side), laterality_source=source, view=View(view),
            view_source=source, warnings=warnings,
            spacing_mm=None if spacing is None else (spacing, spacing),
        )  # fmt: skip
        width = columns * float(random.uniform(0.4, 0.8))
        low = 0.0 if wall == "left" else columns - width
        box = Box(low, rows * 0.1, low + width, rows * float(random.uniform(0.7, 0.95)))
        outline = _outline(box, wall) if nipples else np.zeros((0, 2))
        breast = Breast(
            np.ones((2, 2), bool), (rows / 2, columns / 2), box, wall,  # type: ignore[arg-type]
            float(random.uniform(0.3, 0.9)), outline,
        )  # fmt: skip
        levels = np.broadcast_to(np.zeros(1, np.uint16), (rows, columns))
        images.append(ExamImage(levels, told, breast))
    return Exam(tuple(images), (), bool(random.random() < 0.5))


def _exposure(implant: bool | None, random: Random) -> Exposure:
    """Return how a picture was exposed, with some values not told."""

    def told(low: float, high: float, places: int = 0) -> float | None:
        value = round(float(random.uniform(low, high)), places)
        return value if random.random() < VALUES else None

    metals = ("tungsten", "rhodium", "molybdenum", "silver", "aluminum")
    anode, metal = (metals[int(random.integers(low, high))] for low, high in ((0, 3), (1, 5)))
    return Exposure(
        told(24, 34), told(30, 160, 1), told(300, 2000),
        anode if random.random() < VALUES else None, metal if random.random() < VALUES else None,
        told(40, 160), told(20, 95), told(0.6, 3.5, 2), told(2.5, 15, 2), implant,
    )  # fmt: skip


def _outline(box: Box, wall: str) -> np.ndarray:
    """Return the rim of a breast as half an ellipse, whose tip is the nipple; (x, y) in pixels."""
    angles = np.linspace(-np.pi / 2, np.pi / 2, 41)
    ahead = box.width * np.cos(angles)
    across = box.x1 + ahead if wall == "left" else box.x2 - ahead
    return np.stack([across, box.y1 + box.height * (1 + np.sin(angles)) / 2], axis=1)


def draw_findings(exam: Exam, kind: str, random: Random) -> Findings:
    """Draw a record: of a model that finds, of one that knows lesions alone, or of none."""
    pictures = range(len(exam.images))
    verdicts: list[Verdict] = []
    silent: dict[str, str] = {}
    for name in KINDS:
        if kind == "findings" and random.random() < (0.9 if name == "Mass" else 0.55):
            verdicts += [_finding(exam, image, name, random) for image in pictures]
        else:
            silent[name] = _why_not(name, random) if kind == "findings" else ALL_WITH_LESION
    for name in OTHERS:
        if kind == "digital":
            silent[name] = ON_FILM
        elif random.random() < (0.8 if name in ("ACR", "Pathology") else 0.4):
            verdicts += _attribute(exam, name, kind == "lesions", random)
        else:
            silent[name] = _why_not(name, random)
    for name in ("Subtlety", "Masking potential", "Invasive cancer"):
        silent[name] = ON_FILM if kind == "digital" else _why_not(name, random)
    if kind == "findings" and random.random() < 0.6:
        verdicts += [_view(exam, image, random) for image in pictures]
    judged = dict.fromkeys(one.topic for one in verdicts)
    tried = {name: _tried(TRIED, name, random, 12) for name in judged}
    suspects = () if kind == "findings" else _suspects(exam, random)
    regions = tuple(region for one in verdicts for region in one.regions)
    return Findings(tuple(verdicts), silent, tried, regions, (), (), suspects)


def _finding(exam: Exam, image: int, name: str, random: Random) -> Verdict:
    unsure = random.random() < 0.06
    yes = float(random.uniform(0.4, 0.6) if unsure else random.beta(0.8, 1.0))
    regions: tuple[Region, ...] = ()
    value = None if unsure else chosen(BY_NAME[name], yes_or_no(yes))
    if value == YES:
        count = int(random.choice([1, 2], p=[0.85, 0.15]))
        regions = tuple(
            _region(exam, image, name, max(0.51, yes - 0.1 * i), random) for i in range(count)
        )
    return Verdict(name, (image,), value, yes_or_no(yes), EvidenceSource.MARKS, regions)


def _view(exam: Exam, image: int, random: Random) -> Verdict:
    told = str(exam.images[image].told.view)
    own = float(random.uniform(0.5, 1.0) if random.random() < 0.93 else random.uniform(0, 0.1))
    weights = {one: own if one == told else 1 - own for one in BY_NAME["View"].options}
    value = chosen(BY_NAME["View"], weights)
    return Verdict("View", (image,), value, weights, EvidenceSource.HEADS)


def _region(exam: Exam, image: int, name: str, score: float, random: Random) -> Region:
    picture = exam.images[image]
    assert picture.breast is not None, "every drawn picture has one"
    breast = picture.breast.box
    width, height = (float(random.uniform(0.03, 0.15)) * breast.width for _ in range(2))
    x = breast.x1 + float(random.uniform(0, 0.85)) * breast.width
    y = breast.y1 + float(random.uniform(0, 0.85)) * breast.height
    box = Box(x, y, x + width, y + height)
    return Region(image, box, name, score, in_words(picture, box))


def _attribute(exam: Exam, name: str, conditional: bool, random: Random) -> list[Verdict]:
    topic = BY_NAME[name]
    options = [one for one in topic.options if one != "Normal" or not conditional]
    shares = random.dirichlet(np.full(len(options), 0.35))
    found = []
    for image in range(len(exam.images)):
        near = 0.9 * shares + 0.1 * random.dirichlet(np.ones(len(options)))
        weights = {one: float(near[i]) for i, one in enumerate(options)}
        held = IF_ANY if conditional and name in OF_A_LESION else ""
        found.append(
            Verdict(
                name, (image,), chosen(topic, weights), weights, EvidenceSource.HEADS,
                condition=held,
            )
        )  # fmt: skip
    return found


def _suspects(exam: Exam, random: Random) -> tuple[Region, ...]:
    some = [i for i in range(len(exam.images)) if random.random() < 0.85]
    return tuple(_region(exam, image, "Mass", 0.5, random) for image in some)


def _why_not(name: str, random: Random) -> str:
    ways = [NEVER, "the model has no such head", _tried(GUESSING, name, random, 2)]
    option = BY_NAME[name].options[int(random.integers(len(BY_NAME[name].options)))]
    ways.append(TOO_FEW.format(few=int(random.integers(1, 19)), option=option))
    return ways[int(random.integers(len(ways)))]


def _tried(form: str, name: str, random: Random, above: int) -> str:
    guess = round(100 / len(BY_NAME[name].options))
    right = min(97, guess + int(random.integers(0, above + 1)) + (above > 2) * 12)
    patients = int(random.integers(40, 400))
    data = ("phantoms, seed 20261127", "films of CBIS-DDSM", "patients kept from training")
    return form.format(
        data=data[int(random.integers(len(data)))], n=patients * int(random.integers(1, 5)),
        p=patients, a=right, low=right - int(random.integers(3, 9)),
        high=right + int(random.integers(3, 9)), g=guess,
    )  # fmt: skip
