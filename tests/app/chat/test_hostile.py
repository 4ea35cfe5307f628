"""Files made to do harm, each dropped on the running server."""

from __future__ import annotations

import pickle
import struct
import zipfile
import zlib
from pathlib import Path

import pydicom
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError

EVIL = "<img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
def client(server: tuple[str, Path]) -> Client:
    return Client(server[0], verbose=False)


class _Evil:
    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, ...]:
        return (Path.touch, (self.mark,))


def refusal(client: Client, file: Path) -> str:
    """Drop one file that cannot be used; gives what the server says."""
    with pytest.raises(AppError) as caught:
        client.predict([handle_file(str(file))], api_name="/findings")
    return str(caught.value)


@pytest.mark.parametrize("name", ["pickle.dcm", "pickle.png", "pickle.pkl"])
def test_a_pickle_is_refused_and_not_run(client: Client, tmp_path: Path, name: str) -> None:
    mark = tmp_path / "it_ran"
    (tmp_path / name).write_bytes(pickle.dumps(_Evil(mark)))
    assert f"{name}: this is no picture that can be read" in refusal(client, tmp_path / name)
    assert not mark.exists()


def test_a_dicom_that_claims_65535_by_65535_pixels_is_refused(
    client: Client, views: list[Path], tmp_path: Path
) -> None:
    dataset = pydicom.dcmread(views[0])
    dataset.Rows = dataset.Columns = 65535
    dataset.save_as(tmp_path / "huge.dcm")
    assert "huge.dcm: " in refusal(client, tmp_path / "huge.dcm")


def test_a_png_that_claims_65535_by_65535_pixels_is_refused(client: Client, tmp_path: Path) -> None:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    head = struct.pack(">IIBBBBB", 65535, 65535, 16, 0, 0, 0, 0)
    body = zlib.compress(bytes(100_000))
    data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")
    (tmp_path / "huge.png").write_bytes(data)
    assert "huge.png: " in refusal(client, tmp_path / "huge.png")


def test_markup_in_tags_is_told_as_text_or_not_at_all(
    client: Client, views: list[Path], tmp_path: Path
) -> None:
    dataset = pydicom.dcmread(views[0])
    for keyword in ("PatientName", "Manufacturer", "ManufacturerModelName", "SeriesDescription"):
        setattr(dataset, keyword, EVIL)
    dataset.save_as(tmp_path / "tags.dcm")
    file = [handle_file(str(tmp_path / "tags.dcm"))]
    told = client.predict(file, "Which machine made this?", api_name="/ask")
    # JSON is text; the page escapes it, as the tests of its panels and of the browser show
    assert EVIL not in str(told["warnings"])
    assert "PatientName" not in str(told)


def test_a_zip_in_a_zip_is_not_unpacked_again(
    client: Client, views: list[Path], tmp_path: Path
) -> None:
    inner, outer = tmp_path / "inner.zip", tmp_path / "outer.zip"
    with zipfile.ZipFile(inner, "w") as archive:
        archive.write(views[0], "good.dcm")
    with zipfile.ZipFile(outer, "w") as archive:
        archive.write(inner, "inner.zip")
    assert "inner.zip: this is no picture that can be read" in refusal(client, outer)


def test_a_truncated_dicom_is_refused_in_words(
    client: Client, views: list[Path], tmp_path: Path
) -> None:
    (tmp_path / "half.dcm").write_bytes(views[0].read_bytes()[:5000])
    said = refusal(client, tmp_path / "half.dcm")
    assert "half.dcm: " in said
    assert "Traceback" not in said


def test_the_name_of_a_refused_file_is_not_logged(
    client: Client, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "Doe_Jane_1970.dcm").write_bytes(b"no picture")
    assert "Doe_Jane_1970" in refusal(client, tmp_path / "Doe_Jane_1970.dcm")
    logged = capfd.readouterr()
    assert "Doe_Jane" not in logged.out + logged.err
