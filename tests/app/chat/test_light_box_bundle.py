"""The script that the page loads is what its source gives, and goes into the package."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

VIEWER = Path(__file__).parents[3] / "app" / "chat" / "viewer"
SOURCE, BUILT = VIEWER / "lightbox", VIEWER / "static"
BUNDLE = ("lightbox.js", "lightbox.css")


def test_the_bundle_is_what_its_source_gives(tmp_path: Path) -> None:
    if shutil.which("npm") is None:
        pytest.skip("node and npm are not installed")
    if not (SOURCE / "node_modules" / ".bin" / "esbuild").exists():
        pytest.skip(f"esbuild is not installed; run npm ci in {SOURCE}")
    copy = tmp_path / "lightbox"
    shutil.copytree(SOURCE, copy, ignore=shutil.ignore_patterns("node_modules"))
    (copy / "node_modules").symlink_to(SOURCE / "node_modules")
    subprocess.run(["npm", "run", "--silent", "build"], cwd=copy, check=True, capture_output=True)
    for name in BUNDLE:
        made = (tmp_path / "static" / name).read_text()
        assert made == (BUILT / name).read_text(), f"{name} is old: run npm run build in {SOURCE}"


def test_the_bundle_is_not_ignored_and_small() -> None:
    root = VIEWER.parents[2]
    for name in BUNDLE:
        told = subprocess.run(
            ["git", "check-ignore", str(BUILT / name)], cwd=root, capture_output=True, check=False
        )
        assert told.returncode == 1, "what git ignores is left out of the wheel"
        assert 1000 < (BUILT / name).stat().st_size < 60_000
