"""The file that tells phantoms in an archive's layout from the archive; they are not real data."""

from __future__ import annotations

from pathlib import Path

MARKER = "PHANTOM-NOT-REAL-DATA.txt"


def is_twin(root: Path) -> bool:
    """Return whether a folder holds phantoms in the layout of an archive."""
    return (root / MARKER).is_file()
