"""`versamammo score ANSWERS --bench BENCH.json`: the report as a table or as JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import jsonargparse

from benchmark.vqa.answers import match, read_answers
from benchmark.vqa.controls import NEEDED, majority, text_prior
from benchmark.vqa.published_scorer import LegacyFigure, legacy_report
from benchmark.vqa.scoring import Compared, Graded, GroupAccuracy, Report, contrast, grade, score
from versamammo import NOTICE
from versamammo.config import command_parser
from versamammo.errors import InputError, naming
from versamammo.vqa import Item, read_items


def parser() -> jsonargparse.ArgumentParser:
    """Describe the options of `versamammo score`."""
    made = command_parser(description=f"Score answers to mammogram questions. {NOTICE}")
    made.add_argument("answers", type=Path, help="answers.jsonl, or a published result file")
    made.add_argument("--bench", type=Path, required=True, help="MammoVQA JSON of items")
    made.add_argument("--against", type=Path, help="another model's answers, for a paired test")
    made.add_argument(
        "--control",
        action="append",
        default=[],
        metavar="NAME=FILE",
        help=f"answers under a control; usual names: {', '.join(NEEDED)}",
    )
    made.add_argument("--legacy", action="store_true", help="the published scoring beside it")
    made.add_argument("--json", action="store_true", help="print every figure as JSON")
    made.add_argument("--resamples", type=int, default=2000, help="bootstrap resamples")
    made.add_argument("--seed", type=int, default=0, help="seed of the resampling")
    for what in ("missing", "unknown", "duplicate"):
        made.add_argument(
            f"--allow-{what}",
            action="store_true",
            help=f"score in spite of {what} ids, labelled incomplete",
        )
    return made


def run(args: jsonargparse.Namespace) -> int:
    """Score and print; returns 0."""
    if args.resamples < 100:
        raise InputError(f"found {args.resamples}; expected 100 or more", field="resamples")
    items, bad = read_items(args.bench)
    if not items:
        raise bad[0].error
    args.set_aside = {one.id: str(one.error) for one in bad}
    graded = _graded(items, args.answers, args)
    drawn = {"resamples": args.resamples, "seed": args.seed}
    report = score(graded, **drawn)
    controls = {name: score(each, **drawn) for name, each in _controls(items, graded, args).items()}
    compared: tuple[Compared, ...] = ()
    if args.against is not None:
        compared = contrast(graded, _graded(items, args.against, args), **drawn)
    legacy: tuple[LegacyFigure, ...] = ()
    if args.legacy:
        with naming(args.answers):
            asked = [one for one in read_answers(args.answers) if one.id not in args.set_aside]
            legacy = legacy_report(items, asked, seed=args.seed)
    if args.json:
        made = _as_json(report, controls, compared, legacy) | {"set_aside": args.set_aside}
        print(json.dumps(_finite(made), indent=1))
    else:
        print("\n".join(_lines(report, controls, compared, legacy)))
        for id_, why in args.set_aside.items():
            print(f"  id {id_} of the bench is set aside, scored nowhere: {why}")
    return 0


def _graded(items: tuple[Item, ...], path: Path, args: jsonargparse.Namespace) -> Graded:
    with naming(path):
        answers, coverage = match(
            items,
            [answer for answer in read_answers(path) if answer.id not in args.set_aside],
            allow_missing=args.allow_missing,
            allow_unknown=args.allow_unknown,
            allow_duplicate=args.allow_duplicate,
        )
        return grade(items, answers, coverage)


def _controls(
    items: tuple[Item, ...], graded: Graded, args: jsonargparse.Namespace
) -> dict[str, Graded]:
    """Controls on the very items that were answered."""
    rows = {"majority class": majority(graded.items), "text-only prior": text_prior(graded.items)}
    for entry in args.control:
        name, equals, file = entry.partition("=")
        if not (name and equals and file) or name in rows:
            raise InputError(
                f"found {entry!r}; expected NAME=FILE, each name once",
                field="control",
                reason="bad-option",
            )
        rows[name] = _graded(items, Path(file), args)
    return rows


def _as_json(
    report: Report,
    controls: dict[str, Report],
    compared: Iterable[Compared],
    legacy: Iterable[LegacyFigure],
) -> dict[str, Any]:
    return {
        "notice": NOTICE,
        "complete": report.coverage.complete,
        "coverage": asdict(report.coverage),
        "clusters": report.clusters,
        "figures": [asdict(figure) for figure in report.figures],
        "controls": {
            name: {
                "complete": each.coverage.complete,
                "figures": [asdict(figure) for figure in each.figures],
            }
            for name, each in controls.items()
        },
        "not_given": [name for name in NEEDED if name not in controls],
        "against": [asdict(entry) for entry in compared],
        "legacy": [asdict(figure) for figure in legacy],
    }


def _finite(value: Any) -> Any:
    """NaN is no JSON: an interval that cannot be had is null."""
    if isinstance(value, dict):
        return {key: _finite(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(entry) for entry in value]
    return None if isinstance(value, float) and math.isnan(value) else value


def _lines(
    report: Report,
    controls: dict[str, Report],
    compared: Iterable[Compared],
    legacy: Iterable[LegacyFigure],
) -> Iterable[str]:
    coverage = report.coverage
    if not coverage.complete:
        yield (
            f"INCOMPLETE: {len(coverage.missing)} items without answer, {len(coverage.unknown)} "
            f"unknown ids, {len(coverage.duplicate)} ids answered again"
        )
    yield f"Class-balanced accuracy, 95 % interval over {report.clusters}"
    yield from (_row(figure) for figure in report.figures)
    yield "Controls"
    for name, each in controls.items():
        label = name if each.coverage.complete else f"{name} (INCOMPLETE)"
        for figure in each.figures:
            if figure.scope in ("all", "topic"):
                yield _row(figure, label)
    for name in NEEDED:
        if name not in controls:
            yield f"  {name}: not given (--control {name}=FILE)"
    for entry in compared:
        made = entry.difference
        yield (
            f"  against: {entry.name}: {100 * made.value:+.1f} "
            f"[{100 * made.low:+.1f}, {100 * made.high:+.1f}], p {made.p:.4f}, n {made.n}"
        )
    for old in legacy:
        weighted = (
            "" if old.weighted is None else f", weighted {100 * old.weighted:.1f} (no interval)"
        )
        yield (
            f"  as published, {old.scope}: {old.name}: {100 * old.accuracy:.1f} "
            f"[{100 * old.low:.1f}, {100 * old.high:.1f}]{weighted}, n {old.n}"
        )
    yield NOTICE


def _row(figure: GroupAccuracy, label: str = "") -> str:
    made = figure.balanced
    lost = ", ".join(f"{n} {what}" for what, n in figure.outcomes.items() if n and what != "chosen")
    return (
        f"  {label or figure.scope:<16} {figure.name:<24} {100 * made.value:5.1f} "
        f"[{100 * made.low:5.1f}, {100 * made.high:5.1f}]  n {made.n}, "
        f"{made.patients} clusters" + (f"; {lost}" if lost else "")
    )
