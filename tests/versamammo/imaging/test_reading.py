"""The front door: content decides, and every error names the file."""

import pytest

from versamammo.errors import InputError
from versamammo.imaging.reading import looks_readable, read
from versamammo.imaging.sniffing import sniff


def test_a_wrong_name_does_not_mislead(picture, write_dicom):
    path = write_dicom(picture(12), 12, name="holiday.png")

    assert read(path).provenance.format == "DICOM"
    assert looks_readable(path)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"),
        (b"hello", "unknown-format"),
        (b"\0" * 400, "unknown-format"),
        (b"GIF89a" + bytes(200), "unknown-format"),
        (b"P5\n10", "broken-header"),
        (bytes(128) + b"DICM", "not-dicom"),
        (bytes(128) + b"DICM" + b"\xff" * 300, "not-dicom"),
    ],
)
def test_what_cannot_be_read_says_why(content, reason, tmp_path):
    path = tmp_path / "L_CC.dcm"
    path.write_bytes(content)

    with pytest.raises(InputError) as caught:
        read(path)
    assert caught.value.reason == reason
    assert str(caught.value).startswith("L_CC.dcm: ")


def test_a_missing_file_and_a_folder_are_unreadable(tmp_path):
    for path in (tmp_path / "nothing.dcm", tmp_path):
        with pytest.raises(InputError) as caught:
            read(path)
        assert caught.value.reason == "unreadable"


@pytest.mark.parametrize(
    ("start", "found"),
    [
        (bytes(128) + b"DICM", "DICOM"),
        (b"II*\0" + bytes(124) + b"DICM", "DICOM"),
        (b"\x08\x00\x05\x00CS\x0a\x00ISO_IR 100", "DICOM"),
        (b"\x08\x00\x00\x00\x04\x00\x00\x00\x10\x01\x00\x00", "DICOM"),
        (b"\x00\x08\x00\x05CS\x00\x0aISO_IR 100", "DICOM"),
        (b"\x02\x00\x00\x00UL\x04\x00", "DICOM"),
        (b"\x89PNG\r\n\x1a\n", "PNG"),
        (b"\xff\xd8\xff\xe0", "JPEG"),
        (b"MM\0*", "TIFF"),
        (b"P2 1 1", "PGM"),
        (b"P5#x", "PGM"),
        (b"P6 1 1", None),
        (b"Patient list", None),
        (b"", None),
    ],
)
def test_formats_are_told_by_their_first_bytes(start, found):
    assert sniff(start) == found


def test_tables_and_texts_are_passed_over_when_walking(tmp_path):
    for name, content in (("labels.csv", "a,b\n1,2\n"), ("README", "words"), ("x.json", "{}")):
        (tmp_path / name).write_text(content)
        assert not looks_readable(tmp_path / name)
