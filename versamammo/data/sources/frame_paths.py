"""Spells one slice of a stack as a path, "series/1-1.dcm#frame=24", counted from 0."""

from __future__ import annotations

MARK = "#frame="


def frame_path(path: str, frame: int) -> str:
    """Name one frame of a file."""
    return f"{path}{MARK}{frame}"


def parted(path: str) -> tuple[str, int | None]:
    """Return the file and the frame, None where the path names a whole file."""
    file, mark, frame = path.rpartition(MARK)
    return (file, int(frame)) if mark and frame.isdigit() else (path, None)
