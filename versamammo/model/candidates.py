"""A place where a finding may lie, as it is handed from the heat map to whoever shows it."""

from __future__ import annotations

from dataclasses import dataclass

from versamammo.imaging.mammogram import Box


@dataclass(frozen=True)
class Candidate:
    """A place where a finding may lie.

    Attributes:
        kind: of the finding.
        box: in pixels of the file as stored.
        score: the warmest cell's probability, 0..1.
    """

    kind: str
    box: Box
    score: float
