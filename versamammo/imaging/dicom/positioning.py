"""Which breast, from which direction: laterality and view, and who says so.

Attributes are asked in the order of how closely they describe this image; the first that answers
is taken and named, and every later one that contradicts it leaves a warning. Nothing is inferred
from the picture, since archives hold mirrored images.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import PurePath
from typing import TypeVar

from versamammo.imaging.dicom.tags import Tags
from versamammo.imaging.dicom.view_codes import (
    MODIFIER_CODES,
    SIDE_CODES,
    SIDES,
    SPECIMEN_CODES,
    VIEW_CODES,
    VIEW_MEANINGS,
    Label,
    find_label,
    parse_label,
    plain_words,
)
from versamammo.imaging.mammogram import Laterality, View

Answer = TypeVar("Answer", Laterality, View)
FILE_NAME = "file name"  # the source of what no tag tells
KNOWN_FROM = "the {} is known from the {} only"


@dataclass(frozen=True)
class Positioning:
    """Laterality, view and view modifiers of one image, with the source of each."""

    laterality: Laterality | None = None
    laterality_source: str | None = None
    view: View | None = None
    view_source: str | None = None
    modifiers: tuple[str, ...] = ()
    orientation: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def read_positioning(tags: Tags, file_name: str) -> Positioning:
    """Find the positioning of an image in its attributes, and last of all in its file name."""
    notes: list[str] = []
    labels = _labels(tags)
    coded, modifiers = _coded_views(tags)
    views = coded + [(source, label.view) for source, label in labels if label.view]
    view, view_source = _first(views, "view", notes)
    orientation = tuple(text.upper() for text in tags.texts("PatientOrientation"))
    sides = _tagged_sides(tags)
    sides += [(source, label.laterality) for source, label in labels if label.laterality]
    if oriented := side_from_orientation(orientation, view):
        sides.append(("PatientOrientation", oriented))
    laterality, laterality_source = _first(sides, "side", notes)
    if laterality is None and tags.code("ImageLaterality") == "B":
        notes.append("ImageLaterality says both breasts")
    if view is None and tags.has("ViewPosition"):
        notes.append("ViewPosition names no mammographic view")
    for _, label in labels:
        modifiers += label.modifiers
    found = Positioning(
        laterality,
        laterality_source,
        view,
        view_source,
        tuple(dict.fromkeys(modifiers)),
        orientation,
        tuple(notes),
    )
    for keyword in ("SeriesDescription", "ProtocolName"):
        found = describe_position(found, tags.text(keyword) or "", keyword)
    return name_position(found, file_name)


def name_position(found: Positioning, file_name: str) -> Positioning:
    """Fill what is still unknown from strict words of a file name, with a warning."""
    return describe_position(found, PurePath(file_name).stem, FILE_NAME)


def describe_position(found: Positioning, text: str, source: str) -> Positioning:
    """Fill what is still unknown from strict words of a free text, with a warning."""
    label = find_label(text)
    if found.laterality is None and label.laterality:
        found = replace(
            found,
            laterality=label.laterality,
            laterality_source=source,
            warnings=(*found.warnings, KNOWN_FROM.format("side", source)),
        )
    if found.view is None and label.view:
        found = replace(
            found,
            view=label.view,
            view_source=source,
            modifiers=found.modifiers or label.modifiers,
            warnings=(*found.warnings, KNOWN_FROM.format("view", source)),
        )
    return found


def is_specimen(tags: Tags) -> bool:
    """Return whether the view is coded as tissue outside the body."""
    codes = [item.text("CodeValue") for item in tags.sequence("ViewCodeSequence")]
    return bool(SPECIMEN_CODES.intersection(code.upper() for code in codes if code))


def side_from_orientation(orientation: tuple[str, ...], view: View | None) -> Laterality | None:
    """Return the side by Patient Orientation, where anatomy leaves only one answer.

    The plane of an MLO holds the line from the axilla, which is up and lateral, down to the
    middle: down the image is towards the feet and, for a right breast, towards the left. In a CC
    the side would depend on how the film was laid, so nothing is said.
    """
    if len(orientation) != 2 or view not in (View.MLO, View.LMO, View.SIO, View.ISO):
        return None
    letters = set(orientation[0] + orientation[1])
    vertical, across = letters & {"F", "H"}, letters & {"L", "R"}
    if len(vertical) != 1 or len(across) != 1:
        return None
    right = (vertical, across) in (({"F"}, {"L"}), ({"H"}, {"R"}))
    if view in (View.SIO, View.ISO):
        right = not right  # the other diagonal
    return Laterality.RIGHT if right else Laterality.LEFT


def _tagged_sides(tags: Tags) -> list[tuple[str, Laterality]]:
    """List what the attributes say of the side, the most specific first."""
    found = []
    for keyword in ("ImageLaterality", "FrameLaterality", "Laterality"):
        side = SIDES.get(tags.code(keyword) or "")
        if side:
            found.append((keyword, side))
    for anatomy in tags.sequence("AnatomicRegionSequence"):
        modifiers = anatomy.sequence("AnatomicRegionModifierSequence")
        for item in (anatomy, *modifiers):
            side = SIDE_CODES.get((item.text("CodeValue") or "").upper())
            if side:
                found.append(("AnatomicRegionSequence", side))
    return found


def _coded_views(tags: Tags) -> tuple[list[tuple[str, View]], list[str]]:
    """List the coded views and the names of the coded modifiers."""
    views, modifiers = [], []
    items = tags.sequence("ViewCodeSequence")
    for item in items:
        view = VIEW_CODES.get((item.text("CodeValue") or "").upper())
        view = view or VIEW_MEANINGS.get(plain_words(item.text("CodeMeaning") or ""))
        if view:
            views.append(("ViewCodeSequence", view))
    for holder in (*items, tags):
        for modifier in holder.sequence("ViewModifierCodeSequence"):
            name = MODIFIER_CODES.get((modifier.text("CodeValue") or "").upper())
            if name:
                modifiers.append(name)
    return views, modifiers


def _labels(tags: Tags) -> list[tuple[str, Label]]:
    """List the attributes that hold a whole label, such as RMLO."""
    texts = {
        "ViewPosition": tags.text("ViewPosition"),
        # The scans of CBIS-DDSM carry their view here; no true orientation reads as a view.
        "PatientOrientation": tags.text("PatientOrientation"),
        # GE Senographe DICOM conformance statement, private group GEMS_SENO_02
        "Clinical View (GE)": tags.private(0x0045, "GEMS_SENO_02", 0x1B),
    }
    found = [(source, parse_label(text or "")) for source, text in texts.items()]
    return [(source, label) for source, label in found if label]


def _first(
    answers: list[tuple[str, Answer]], what: str, notes: list[str]
) -> tuple[Answer | None, str | None]:
    """Take the first answer, and note which later ones contradict it."""
    if not answers:
        return None, None
    source, answer = answers[0]
    for other, value in answers[1:]:
        if value != answer:
            notes.append(f"{source} and {other} contradict each other on the {what}")
    return answer, source
