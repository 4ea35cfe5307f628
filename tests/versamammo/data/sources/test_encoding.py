"""Tables as Excel, R and pandas save them are read, or the message says how to save them."""

from __future__ import annotations

from pathlib import Path

import pytest

from versamammo.data.sources.columns import read_table
from versamammo.data.sources.rows import as_rows
from versamammo.data.sources.sheet import read_sheet
from versamammo.errors import InputError

TEXT = "file;finding\na.png;Müller\n"


@pytest.mark.parametrize(
    "content",
    [
        TEXT.encode(),
        TEXT.encode("utf-8-sig"),
        TEXT.encode("utf-16"),
        TEXT.encode("utf-16-le"),
        TEXT.encode("utf-16-be"),
        b"\xfe\xff" + TEXT.encode("utf-16-be"),
        TEXT.encode("cp1252"),
        ("sep=;\n" + TEXT).encode(),
        ("sep=;\r\n" + TEXT.replace("\n", "\r\n")).encode("utf-8-sig"),
        ('"sep=;"\n' + TEXT).encode("cp1252"),
        ("SEP=\t\n" + TEXT.replace(";", "\t")).encode("utf-16"),
        ("\n" + TEXT).encode(),
        TEXT.replace(";", ",").encode(),
        TEXT.replace(";", "|").encode(),
        TEXT.replace(";", "\t").encode("utf-16"),
        TEXT.replace("\n", "\r").encode(),
    ],
)
def test_the_same_table_is_read_however_it_was_saved(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "labels.csv"
    path.write_bytes(content)
    sheet = read_sheet(path)
    assert (sheet.header, sheet.rows) == (("file", "finding"), (("a.png", "Müller"),))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"PK\x03\x04rest", "Excel workbook"),
        (b"\xd0\xcf\x11\xe0rest", "old Excel workbook"),
        (b"PAR1rest", "parquet"),
        (b"<html><table>", "web page"),
        (b"file,density\na.png,B,1\n", "R's write.table"),
        (b"file,density\na.png\n", "1 cells and the header 2"),
        (b"file,density\n\x00\xff,B\n", "neither UTF-8 nor"),
    ],
)
def test_what_cannot_be_read_is_told_how_to_be_saved(
    tmp_path: Path, content: bytes, said: str
) -> None:
    path = tmp_path / "labels.csv"
    path.write_bytes(content)
    with pytest.raises(InputError, match=said) as caught:
        read_sheet(path)
    assert caught.value.reason == "bad-table"
    assert 'save it as "CSV UTF-8"' in caught.value.message


def test_columns_are_recognised_behind_a_separator_line(tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    path.write_text("sep=;\nfile;density;birads\nLCC.dcm;B;2\n")
    rows = as_rows(read_table(path))
    assert rows == [{"file": "LCC.dcm", "density": "B", "birads": "2"}]
