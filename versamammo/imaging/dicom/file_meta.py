"""The file meta group in front of a data set: where it ends, and which syntax it states.

The group's own length is not believed, since some writers leave it out or miscount it. The group
may be there twice, where a file was wrapped anew; then the first one counts, as for DCMTK.
"""

from __future__ import annotations

from dataclasses import dataclass

from versamammo.imaging.dicom.elements import ElementSpan, Encoding, element_at

PREAMBLE = 128
MAGIC = b"DICM"
EXPLICIT = Encoding(explicit=True, little=True)
ENCODINGS = (EXPLICIT, Encoding(explicit=True, little=False), Encoding(explicit=False, little=True))
SYNTAX, GROUP_LENGTH = 0x00020010, 0x00020000


@dataclass(frozen=True)
class FileMeta:
    """What the first file meta group says, and where the data set begins.

    Attributes:
        start: where the first group begins.
        end: where the first group ends.
        data_set: behind every further copy of the group.
        syntax: the Transfer Syntax UID, if it is stated.
        stated_end: where the group ends by its own length, if that is stated.
    """

    start: int
    end: int
    data_set: int
    syntax: str | None
    stated_end: int | None

    @property
    def repeated(self) -> bool:
        """Whether the group is there more than once."""
        return self.data_set > self.end


def find_file_meta(data: bytes) -> FileMeta | None:
    """Find the file meta group, with or without the preamble; None if there is none."""
    start = PREAMBLE + len(MAGIC) if data[PREAMBLE : PREAMBLE + len(MAGIC)] == MAGIC else 0
    elements = _group(data, start, EXPLICIT)
    if not elements:
        return None
    syntax, stated_end = None, None
    for element in elements:
        value = data[element.value_at : element.value_at + element.length]
        if element.tag == SYNTAX:
            syntax = value.decode("ascii", "replace").strip(" \0") or None
        elif element.tag == GROUP_LENGTH and element is elements[0] and len(value) == 4:
            stated_end = element.value_at + 4 + int.from_bytes(value, "little")
    end = elements[-1].end or start
    return FileMeta(start, end, skip_copies(data, end), syntax, stated_end)


def skip_copies(data: bytes, at: int) -> int:
    """Step over further copies of the group, with or without a preamble of their own."""
    while True:
        wrapped = at + PREAMBLE + len(MAGIC)
        begin = wrapped if data[wrapped - len(MAGIC) : wrapped] == MAGIC else at
        copies = (_group(data, begin, encoding) for encoding in ENCODINGS)
        end = next((copy[-1].end for copy in copies if copy), None)
        if not end:
            return at
        at = end


def _group(data: bytes, at: int, encoding: Encoding) -> list[ElementSpan]:
    """List the elements of group 0002 from a place on, until one is there for the second time."""
    found: dict[int, ElementSpan] = {}
    while (element := element_at(data, at, encoding)) and element.end:
        if element.tag >> 16 != 0x0002 or element.tag in found:
            break
        found[element.tag] = element
        at = element.end
    return list(found.values())
