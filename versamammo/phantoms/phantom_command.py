"""The verb `phantom`: make phantom exams as DICOM files with their truth; not real data."""

from __future__ import annotations

import os
from dataclasses import fields
from pathlib import Path

import jsonargparse

from versamammo import NOTICE
from versamammo.config import command_parser
from versamammo.phantoms.phantom_settings import PhantomSettings
from versamammo.phantoms.phantom_writing import write_phantoms
from versamammo.phantoms.rule import label_ceilings
from versamammo.phantoms.twins import LAYOUTS, write_twin

DESCRIPTION = f"""\
Make phantom mammography exams: DICOM files, lesion masks and tables of what is true of them.
Phantoms are invented by a program. They are not real data, whatever is measured on them.
A run that was stopped goes on where it was. {NOTICE}"""

HEIGHT_NOTE = """\
An exam at the default height of 1024 rows takes about 0.7 seconds of one core and 4 MB, which \
shows density, masses and clusters; --height 2048 takes 2 seconds and 16 MB and shows single \
calcifications."""


def parser() -> jsonargparse.ArgumentParser:
    """Build the options of `versamammo phantom`."""
    made = command_parser(description=DESCRIPTION, epilog=HEIGHT_NOTE)
    made.add_argument("--config", action="config", help="a YAML file with these options")
    made.add_argument(
        "out", type=Path, metavar="OUT", help="folder to write; new, or of a stopped run"
    )
    made.add_class_arguments(PhantomSettings)
    made.add_argument(
        "--layout",
        choices=list(LAYOUTS),
        default=None,
        help="write a miniature of this archive's raw layout instead, to rehearse `prepare` on",
    )
    made.add_argument("--workers", type=int, default=len(os.sched_getaffinity(0)), help="processes")
    return made


def run(args: jsonargparse.Namespace) -> int:
    """Write the phantoms; returns the exit code.

    Raises:
        InputError: an option or the folder cannot be used.
    """
    names = [field.name for field in fields(PhantomSettings)]
    settings = PhantomSettings(**{name: getattr(args, name) for name in names})
    if args.layout is not None:
        shown = write_twin(args.out, args.layout, settings)
        print(f"{args.out}: the layout of {args.layout}, {len(shown)} images of phantoms")
        print("Phantoms are not real data.")
        return 0
    made = write_phantoms(args.out, settings, args.workers)
    images = 4 * settings.dates * settings.exams
    print(f"{args.out}: {settings.exams} phantom exams, {images} images; {made} exams made now")
    ceilings = label_ceilings(settings)
    print(
        "label noise allows at best, balanced accuracy: "
        + ", ".join(f"{name} {c.balanced_accuracy:.2f}" for name, c in vars(ceilings).items())
    )
    print("Phantoms are not real data.")
    return 0
