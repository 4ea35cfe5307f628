"""The shape of the project: who owns which name, who may import whom, what the files must say."""

from __future__ import annotations

import importlib.metadata
import itertools
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("versamammo", "pretrain", "benchmark", "vlm", "app")
LAUNCHED = (
    "pretrain",
    "benchmark",
    "vlm",
    "app",
)  # `accelerate launch` puts these on sys.path first


def sources() -> list[Path]:
    return [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]


def test_no_other_distribution_ships_our_top_level_names() -> None:
    owners = importlib.metadata.packages_distributions()
    others = {
        name: [d for d in owners.get(name, []) if d.lower() != "versamammo"] for name in PACKAGES
    }
    assert not any(others.values()), others


@pytest.mark.parametrize("folder", LAUNCHED)
def test_no_file_shadows_the_standard_library_or_a_dependency(folder: str) -> None:
    taken = set(sys.stdlib_module_names) | set(importlib.metadata.packages_distributions())
    clashes = {p.name for p in (ROOT / folder).glob("*.py") if p.stem in taken - {"__init__"}}
    assert not clashes, f"{folder}/ goes first on sys.path when one of its files is launched"


def test_every_import_follows_the_star() -> None:
    done = subprocess.run(
        [str(Path(sys.executable).parent / "lint-imports")],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_bound_says_why() -> None:
    text = (ROOT / "pyproject.toml").read_text()
    project = tomllib.loads(text)["project"]
    extras = itertools.chain(*project["optional-dependencies"].values())
    bounds = [*project["dependencies"], *extras]
    silent = [
        bound
        for bound in bounds
        if any(sign in bound for sign in "<>=")
        and not any(f'"{bound}"' in line and "#" in line for line in text.splitlines())
    ]
    assert not silent, "a bound without its reason beside it"


def test_files_keep_one_idea() -> None:
    long = {
        str(p.relative_to(ROOT)): n
        for p in sources()
        if (n := len(p.read_text().splitlines())) > 350
    }
    assert not long


@pytest.mark.parametrize(
    "word", ["allow_pickle", "import pickle", "read_pickle", "strict=False)", "eval("]
)
def test_weights_and_tables_are_data_never_code(word: str) -> None:
    guilty = [str(p.relative_to(ROOT)) for p in sources() if any(
        word in line and ".eval()" not in line and not line.lstrip().startswith(("#", '"'))
        for line in p.read_text().splitlines()
    )]  # fmt: skip
    # zip(..., strict=False) is about lengths, not about weights
    guilty = [
        g for g in guilty if word != "strict=False)" or "load_state_dict" in (ROOT / g).read_text()
    ]
    assert not guilty


def test_the_help_needs_no_torch() -> None:
    probe = "import sys, app.cli; app.cli.main(['--help']); sys.exit('torch' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", probe], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, "the help must come at once"
    assert "Research use only" in done.stdout
