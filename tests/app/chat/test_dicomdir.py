from __future__ import annotations

from pathlib import Path

import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, MediaStorageDirectoryStorage

from app.chat.session.dicomdir import is_dicomdir, missing_from


def nested(depth: int) -> bytes:
    """Write sequences within sequences, all of undefined length."""
    head = b"\x04\x00\x20\x12SQ\0\0\xff\xff\xff\xff" + b"\xfe\xff\x00\xe0\xff\xff\xff\xff"
    return head * depth


@pytest.mark.parametrize("depth", [10, 300, 5000])
def test_an_index_of_endless_depth_is_called_damaged(tmp_path: Path, depth: int) -> None:
    path = tmp_path / "DICOMDIR"
    index = Dataset()
    index.file_meta = FileMetaDataset()
    index.file_meta.MediaStorageSOPClassUID = MediaStorageDirectoryStorage
    index.file_meta.MediaStorageSOPInstanceUID = "1.2.3"
    index.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    index.save_as(path, enforce_file_format=True)
    path.write_bytes(path.read_bytes() + nested(depth))

    assert is_dicomdir(path)
    said = missing_from(path, set())
    assert said is None or "damaged" in said
