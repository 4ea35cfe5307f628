"""The verb `doortest`: puts the questions as a user does and scores the page's own words."""

from __future__ import annotations

import json
import shlex
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import jsonargparse
import torch
from tqdm import tqdm

from app.chat.evidence.examining import Examiner
from app.chat.evidence.trials import Domain, Trials, read_trials, write_trials
from app.chat.models import Models, add_dtype, add_model, choose_folder, load_models
from app.chat.session_service import SessionService
from app.door.calibrating import calibrate, trials_of, try_sources
from app.door.cases import Case, blank, cases, root_of, shuffled
from app.door.door_table import as_markdown, scores_of
from app.door.questioning import Hearing, hear
from versamammo import NOTICE, __version__
from versamammo.config import command_parser
from versamammo.errors import InputError
from versamammo.files import write_atomically

CONTROLS = ("page", "blank", "shuffled")


@dataclass(frozen=True)
class IntakeCounts:
    """How many exams and files were taken, and which were refused."""

    exams: int
    pictures: int
    patients: int
    refused: tuple[tuple[str, str], ...]


def parser() -> jsonargparse.ArgumentParser:
    """Describe the verb's arguments."""
    made = command_parser(
        description="Try a model as its users do: every question of the chat about every exam of "
        f"a prepared archive, scored by the page's own words. {NOTICE}"
    )
    made.add_argument("--data", type=Path, required=True, help="what `versamammo prepare` wrote")
    add_model(made)
    made.add_argument("--root", type=Path | None, default=None, help="where the files lie")
    made.add_argument("--splits", type=tuple[str, ...], default=("test",), help="whose patients")
    made.add_argument("--limit", type=int, default=0, help="only the first exams; 0: all")
    made.add_argument("--name", default="", help="what to call the data in tables and cards")
    made.add_argument(
        "--calibrate", action="store_true",
        help="try each source alone, fit its probabilities, and write trial.json into the model's "
        "folder: what is answered from then on",
    )  # fmt: skip
    made.add_argument(
        "--record", action="store_true",
        help="try each source alone with the probabilities it has, and add that to trial.json",
    )  # fmt: skip
    made.add_argument(
        "--controls", type=bool, default=True, help="also show flat and other patients' pictures"
    )
    made.add_argument("--threads", type=int, default=0, help="of torch; 0 leaves it to torch")
    made.add_argument("--out", type=Path | None, default=None, help="folder for scores and table")
    add_dtype(made)
    return made


def run(args: jsonargparse.Namespace) -> int:
    """Try the model; returns 0.

    Raises:
        InputError: the archive or the model cannot be used.
    """
    folder = choose_folder(args.model)
    if folder is None:
        raise InputError("there is no model to try", field="--model", reason="no-model")
    if args.threads:
        torch.set_num_threads(args.threads)
    root = root_of(args.data, args.root)
    name = args.name or args.data.name
    if args.calibrate or args.record:
        return _try(args, folder, root, name)
    began = time.perf_counter()
    models = load_models(folder, dtype=args.dtype, words=False)
    with tempfile.TemporaryDirectory(prefix="versamammo-door-") as home:
        desk = SessionService(
            Path(home), answerer=models.answerer, finder=models.finder, real=models.real
        )
        hearings, counts = _hear_all(desk, args, root)
        desk.close()
    told = _record(models, name, hearings, counts, time.perf_counter() - began)
    text = as_markdown(told)
    print(text)
    if args.out is not None:
        args.out.mkdir(parents=True, exist_ok=True)
        write_atomically(args.out / "door.json", (json.dumps(told, indent=1) + "\n").encode())
        write_atomically(args.out / "door.md", text.encode())
    return 0


def _hear_all(
    desk: SessionService, args: jsonargparse.Namespace, root: Path
) -> tuple[dict[str, Hearing], IntakeCounts]:
    hearings = {control: Hearing() for control in (CONTROLS if args.controls else CONTROLS[:1])}
    refused: list[tuple[str, str]] = []
    exams = pictures = 0
    patients: set[str] = set()
    before: Case | None = None
    for case in _progress(args, root):
        exams, pictures = exams + 1, pictures + len(case.exam.images)
        patients.add(case.patient)
        refused += case.refused
        hear(desk, case, case.exam, hearings["page"])
        if args.controls and case.exam.images:
            hear(desk, case, blank(case.exam), hearings["blank"])
            if before is not None and before.patient != case.patient:
                hear(desk, case, shuffled(case.exam, before.exam), hearings["shuffled"])
            before = case
    if not exams:
        raise InputError("holds no exam of these splits", file=args.data, reason="empty-split")
    return hearings, IntakeCounts(exams, pictures, len(patients), tuple(refused))


def _progress(args: jsonargparse.Namespace, root: Path) -> Iterator[Case]:
    some = cases(args.data, args.splits, root, args.limit)
    return iter(tqdm(some, desc="exams", unit="exam", file=sys.stderr))


def _record(
    models: Models, name: str, hearings: dict[str, Hearing], counts: IntakeCounts, seconds: float
) -> dict[str, Any]:
    """Return everything that a card or a table tells of one door test."""
    finder = models.finder
    return {
        "versamammo": __version__,
        "notice": NOTICE,
        "data": name,
        "model": [asdict(card) for card in models.cards],
        "command": shlex.join(["versamammo", *sys.argv[1:]]),
        "counts": asdict(counts),
        "seconds": round(seconds, 1),
        "speakers": None if not isinstance(finder, Examiner) else _speakers(finder.trials),
        "controls": {control: scores_of(hearing) for control, hearing in hearings.items()},
    }


def _speakers(trials: Trials) -> dict[str, dict[str, str]]:
    from app.chat.evidence.examining import JUDGED

    return {
        domain: {
            topic.name: str(source)
            for topic in JUDGED
            if (source := trials.speaker(domain, topic)[0]) is not None
        }
        for domain in Domain
    }


def _try(args: jsonargparse.Namespace, folder: Path, root: Path, name: str) -> int:
    """Try each source alone and write `trial.json`."""
    before = read_trials(folder)
    bare = Trials((), {} if args.calibrate else before.calibrations)
    models = load_models(folder, trials=bare, dtype=args.dtype, words=False)
    if not isinstance(models.finder, Examiner):
        raise InputError("nothing in it looks at pictures", field="--model", reason="no-model")
    domains: set[bool] = set()

    def seen() -> Iterator[Case]:
        for case in _progress(args, root):
            domains.add(case.exam.phantom)
            yield case

    table = try_sources(models.finder, seen())
    if len(domains) != 1:
        message = "expected phantoms alone or real mammograms alone"
        raise InputError(message, file=args.data, field="--data", reason="mixed-data")
    domain = Domain.PHANTOM if domains.pop() else Domain.REAL
    made = trials_of(table, domain, name, calibrated=not args.calibrate)
    kept = Trials((), calibrate(table)) if args.calibrate else before
    write_trials(folder, kept.with_trials(made))
    for trial in sorted(made, key=lambda one: (one.score.topic, one.source)):
        print(f"{trial.score.topic:<26} {trial.source:<16} {trial.score}")
    print(f"{folder / 'trial.json'}: {len(made)} trials on {name} ({domain}). {NOTICE}")
    return 0
