"""The index of a DICOM medium (PS3.10 DICOMDIR): which files it promises."""

from __future__ import annotations

from pathlib import Path

import pydicom
from pydicom.uid import MediaStorageDirectoryStorage

LARGEST = 50_000_000  # bytes; an index names files, it holds no pictures


def is_dicomdir(path: Path) -> bool:
    """Return whether a file is a DICOMDIR, by its header."""
    with path.open("rb") as file:
        if file.read(132)[128:] != b"DICM":
            return False
    try:
        meta = pydicom.filereader.read_file_meta_info(path)
        return bool(meta.get("MediaStorageSOPClassUID") == MediaStorageDirectoryStorage)
    except MemoryError:
        raise
    except Exception:  # pydicom may raise anything; broken headers are for the reader to explain
        return False


def missing_from(path: Path, dropped: set[str]) -> str | None:
    """Return what a DICOMDIR promises and was not dropped with it; None if all is there.

    Only last parts of names are compared: nothing that a DICOMDIR says is ever opened.
    """
    promised = _promised(path)
    if promised is None:
        return "the DICOMDIR is damaged; the pictures beside it are read all the same"
    absent = len(promised - {name.upper() for name in dropped})
    if not promised or not absent:
        return None
    return (
        f"this is an index of {len(promised)} files, of which {absent} were not dropped with it; "
        "drop the whole folder, or a zip of it"
    )


def _promised(path: Path) -> set[str] | None:
    if path.stat().st_size > LARGEST:
        return None
    try:
        records = pydicom.dcmread(path).get("DirectoryRecordSequence") or []
        names = [record.get("ReferencedFileID") for record in records]
        parts = [[name] if isinstance(name, str) else list(name) for name in names if name]
        return {str(part[-1]).upper() for part in parts if part}
    except MemoryError:
        raise
    except Exception:  # pydicom may raise anything; sequences too deep make it a RecursionError
        return None
