"""`versamammo bench list|run|vqa|lmms|rehearse|compare|report`: the benchmark as a command."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import jsonargparse

from benchmark.lmms import lmms_command
from benchmark.rivals import rival_command
from benchmark.tasks import Task, chosen, load_tasks
from versamammo import NOTICE
from versamammo.config import command_parser, plain
from versamammo.data.allocation import keep_memory


def parser() -> jsonargparse.ArgumentParser:
    """Describe the options of `versamammo bench`."""
    made = command_parser(description=f"Measure encoders on 92 tasks, with intervals. {NOTICE}")
    verbs = made.add_subcommands(dest="action", required=True)
    verbs.add_subcommand("list", _list(), help="what is asked of which archive")
    verbs.add_subcommand("run", _run(), help="run tasks for encoders; goes on where it stopped")
    verbs.add_subcommand(
        "vqa", rival_command.parser(), help="any vision-language model on a bench of questions"
    )
    verbs.add_subcommand(
        "lmms", lmms_command.parser(), help="a bench of questions as a task of lmms-eval"
    )
    verbs.add_subcommand("rehearse", _rehearse(), help="all 92 tasks on phantoms, in minutes")
    verbs.add_subcommand("compare", _compare(), help="two models in pairs, corrected over tasks")
    verbs.add_subcommand("report", _report(), help="a run as one page, CSV and LaTeX")
    return made


def run(args: jsonargparse.Namespace) -> int:
    """Do what is asked; returns the exit code."""
    return VERBS[args.action](args[args.action])


def _list() -> jsonargparse.ArgumentParser:
    made = command_parser()
    made.add_argument("--tasks", nargs="*", default=[], help="patterns of ids, such as 'cls.*'")
    made.add_argument("--json", action="store_true", help="everything about each task")
    return made


def show_list(args: jsonargparse.Namespace) -> int:
    """Print the tasks."""
    tasks = chosen(args.tasks, load_tasks())
    if args.json:
        print(json.dumps([plain(task) | extra(task) for task in tasks], indent=1))
        return 0
    width = max(len(task.id) for task in tasks)
    for task in tasks:
        fitted = f", fitted on {task.fitted_on}" if task.fitted_on else ""
        print(f"  {task.id:<{width}}  {task.kind:<12} {task.target} ({task.dataset}{fitted})")
    counted = Counter(task.set for task in tasks)
    print(f"{len(tasks)} tasks: {', '.join(f'{n} {name}' for name, n in counted.items())}")
    return 0


def extra(task: Task) -> dict[str, object]:
    """Return what follows from a task's description."""
    return {
        "category": task.category, "metric": task.metric,
        "needs": list(task.archives), "number_of_classes": len(task.classes),
    }  # fmt: skip


def _run() -> jsonargparse.ArgumentParser:
    made = command_parser()
    add = made.add_argument
    add("--encoder", nargs="*", default=[], help="folders or repositories; several side by side")
    add("--data", type=Path, required=True, help="prepared archives, DATA/vindr-mammo and so on")
    add("--out", type=Path, required=True, help="folder of the run; the same one goes on")
    add("--tasks", nargs="*", default=[], help="patterns of ids, such as 'cls.*'; all by default")
    add("--vlm", type=Path | None, default=None, help="folder of a model that answers questions")
    add("--cache", type=Path | None, default=None, help="of features, shared by runs")
    add("--resamples", type=int, default=1000, help="of the bootstrap")
    add("--per-answer", type=int, default=50, help="most questions of one answer to one topic")
    _add_adapt(made)
    return made


def _add_adapt(made: jsonargparse.ArgumentParser) -> None:
    # here, since `versamammo bench list` should not wait for torch
    from benchmark.task_rows import AdaptSettings

    made.add_class_arguments(AdaptSettings, "adapt")


def start_run(args: jsonargparse.Namespace) -> int:
    """Run; returns 0 if every chosen task could be run."""
    keep_memory()  # the next picture has the same sizes
    from benchmark.bench_run import Bench, BenchSettings, tell
    from benchmark.task_rows import AdaptSettings

    bench = Bench(
        BenchSettings(
            data=args.data, out=args.out, encoders=tuple(args.encoder), vlm=args.vlm,
            tasks=tuple(args.tasks), cache=args.cache, resamples=args.resamples,
            per_answer=args.per_answer,
            adapt=AdaptSettings(**vars(args.adapt)),
        )
    )  # fmt: skip
    found = bench.run()
    print("\n".join(tell(found, bench)))
    return 0


def _rehearse() -> jsonargparse.ArgumentParser:
    made = command_parser()
    add = made.add_argument
    add("--out", type=Path, required=True, help="folder for archives, models and the run")
    add("--encoder", nargs="*", default=[], help="folders; a small one with random weights if none")
    add("--vlm", type=Path | None, default=None, help="folder; a tiny one is trained if none")
    add("--tasks", nargs="*", default=[], help="patterns of ids; all by default")
    add("--exams", type=int, default=24, help="phantom patients in each archive")
    add("--steps", type=int, default=10, help="of detection and segmentation")
    return made


def start_rehearsal(args: jsonargparse.Namespace) -> int:
    """Rehearse; returns 0 if every chosen task is complete, else 1."""
    from benchmark.bench_run import tell
    from benchmark.dry_run import Rehearsal, rehearse
    from benchmark.report import write_report

    bench, found = rehearse(
        Rehearsal(
            args.out, tuple(args.encoder), args.vlm, tuple(args.tasks), args.exams, args.steps
        )
    )
    print("\n".join(tell(found, bench)))
    print(write_report(bench.settings.out, pair_resamples=1000))
    return 0 if {one.task.id for one in found if one.complete} >= {t.id for t in bench.tasks} else 1


def _compare() -> jsonargparse.ArgumentParser:
    made = command_parser()
    made.add_argument("first", type=Path, help="a model's folder, OUT/MODEL, or a run of one model")
    made.add_argument("second", type=Path, help="another")
    made.add_argument("--csv", type=Path | None, default=None, help="file for a row of each task")
    made.add_argument("--resamples", type=int, default=10_000, help="of each paired test")
    return made


def show_comparison(args: jsonargparse.Namespace) -> int:
    """Print how far one model is above the other."""
    from benchmark.comparing import as_csv, compare, lines
    from versamammo.files import write_atomically

    made = compare(args.first, args.second, resamples=args.resamples)
    if args.csv is not None:
        write_atomically(args.csv, as_csv(made).encode())
    print("\n".join([*lines(made), NOTICE]))
    return 0


def _report() -> jsonargparse.ArgumentParser:
    made = command_parser()
    made.add_argument("out", type=Path, help="folder of a run, finished or not")
    made.add_argument("--data", type=Path | None, default=None, help="prepared archives, if moved")
    made.add_argument("--resamples", type=int, default=10_000, help="of each paired test")
    return made


def make_report(args: jsonargparse.Namespace) -> int:
    """Write the report of a run."""
    from benchmark.report import write_report

    print(write_report(args.out, data=args.data, pair_resamples=args.resamples))
    print(NOTICE)
    return 0


VERBS: dict[str, Callable[[jsonargparse.Namespace], int]] = {
    "list": show_list,
    "run": start_run,
    "vqa": rival_command.run,
    "lmms": lmms_command.run,
    "rehearse": start_rehearsal,
    "compare": show_comparison,
    "report": make_report,
}
