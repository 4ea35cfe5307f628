"""Marked places told exactly: by quadrant, hour and thirds, and their boxes in pixels."""

from __future__ import annotations

import re
from collections.abc import Sequence

from app.chat.conversation.report_draft import SectionWriter
from app.chat.conversation.report_findings import NO_PIXEL_SIZE, marked_places, write_findings
from app.chat.evidence.breast_location import sight
from app.chat.evidence.contracts import Findings
from app.chat.evidence.exam import Exam

OF_THE_BOX = ", in pixels from the upper left."  # what the line of a box ends with
NO_DISTANCE = "No distance in mm is known, since the files do not tell how large a pixel is."


_BOXES = re.compile(r"(; box [^;]+)+(?=\.$)")


def exact_places(
    exam: Exam, findings: Findings, images: Sequence[int], *, boxes: bool = True
) -> tuple[str, ...]:
    """Return each marked place by quadrant, hour and thirds, and its box in pixels of the file.

    Without `boxes` nothing is told of these, nor how large a likeliest place is.
    """
    writer = SectionWriter("places", "Places")
    told, _ = write_findings(writer, exam, findings, images)
    texts = {one.id: one.text for one in writer.section.sentences}
    # that no pixel has a known size is said once
    lines = [texts[one.sentence].replace(NO_PIXEL_SIZE, "") for one in told if one.marks]
    spaced = all(exam.images[i].told.spacing_mm for i in images)
    lines = lines if boxes else [_BOXES.sub("", line) for line in lines]
    lines += [_in_pixels(exam, findings, images)] if lines and not spaced else []
    lines += [
        f"{mark.image}: x {mark.box.x1:.0f} to {mark.box.x2:.0f}, y {mark.box.y1:.0f} to "
        f"{mark.box.y2:.0f}{OF_THE_BOX}"
        for one in told
        for mark in one.marks
        if boxes
    ]
    return tuple(dict.fromkeys(lines))


def _in_pixels(exam: Exam, findings: Findings, images: Sequence[int]) -> str:
    """Return that no distance in mm is known, and how far behind the nipple marks lie in pixels."""
    told = [
        f"{exam.names[mark.image]} about {max(0, round(seen.depth * seen.reach_pixels, -1)):.0f}"
        for _, place in marked_places(exam, findings, images)
        for mark in place.marks
        if (seen := sight(exam.images[mark.image], mark.box)) and seen.reach_pixels
    ]
    return f"{NO_DISTANCE} In pixels behind the nipple: {', '.join(told)}." if told else NO_DISTANCE
