"""How the text of a stranger's table is written: Excel, R and pandas differ in it."""

from __future__ import annotations

import logging
import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from versamammo.errors import InputError

START = 65_536  # bytes that are looked at
DELIMITERS = ",;\t|"
SEPARATOR_LINE = re.compile(r'"?sep=(.)"?[,;\t|]*', re.IGNORECASE)  # Excel's own hint
AS_CSV = 'save it as "CSV UTF-8", with one line of column names'
# what is no text, by its first bytes
OTHERS = {
    b"PK\x03\x04": "an Excel workbook or another zip file",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook",
    b"PAR1": "a parquet file",
    b"\x1f\x8b": "a compressed file",
    b"RDX": "an R data file",
    b"%PDF": "a PDF file",
    b"<html": "a web page",
    b"<!DOC": "a web page",
    b"{": "JSON",
}

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Writing:
    """How a table's text is written.

    Attributes:
        encoding: as Python names it.
        delimiter: what parts the cells.
        header: the line of column names.
        skipped: lines before that one.
    """

    encoding: str
    delimiter: str
    header: str
    skipped: int


def writing_of(path: Path) -> Writing:
    """Return how a table is written, by its first bytes and lines.

    Raises:
        InputError: it is no text; the message says how to save it (reason "bad-table").
        OSError: it cannot be opened.
    """
    with path.open("rb") as stream:
        start = stream.read(START)
    for magic, name in OTHERS.items():
        if start.lstrip().startswith(magic):
            raise InputError(f"is {name}, no table of text: {AS_CSV}", file=path,
                             reason="bad-table")  # fmt: skip
    encoding = encoding_of(start)
    lines = re.split(r"\r\n|\r|\n", start.decode(encoding, "replace").lstrip("\ufeff"))
    skipped = next((n for n, line in enumerate(lines) if line.strip()), 0)
    hint = SEPARATOR_LINE.fullmatch(lines[skipped])
    if hint is not None:
        skipped += 1
    header = lines[skipped] if skipped < len(lines) else ""
    delimiter = hint[1] if hint is not None else max(DELIMITERS, key=header.count)
    return Writing(encoding, delimiter, header, skipped)


def encoding_of(start: bytes) -> str:
    """Name the encoding of a text by its mark, or by the zeros between its letters."""
    if start.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    pairs = max(1, len(start) // 2)
    if start[1::2].count(0) > 0.4 * pairs:
        return "utf-16-le"
    if start[0::2].count(0) > 0.4 * pairs:
        return "utf-16-be"
    return "utf-8-sig"


def as_utf8(path: Path, encoding: str) -> bytes:
    """Return a table's text as UTF-8; what is neither UTF is taken for Windows' own letters.

    Raises:
        InputError: it is no text in any of these encodings (reason "bad-table").
    """
    content = path.read_bytes()
    with suppress(UnicodeDecodeError):  # which Windows' letters are, and read below
        return content.decode(encoding).encode()
    try:
        if re.search(rb"[\x00-\x08\x0e-\x1f]", content):
            raise ValueError("it holds bytes that are no letters")
        text = content.decode("cp1252")
    except ValueError as error:
        raise InputError(
            f"cannot be read as a table: neither UTF-8 nor Windows-1252 ({error}); {AS_CSV}",
            file=path, reason="bad-table",
        ) from error  # fmt: skip
    log.warning("%s: not UTF-8, read as Windows-1252; letters beyond English may be others",
                path.name)  # fmt: skip
    return text.encode()
