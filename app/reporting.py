"""The verb `report`: the chat's report draft of one exam, as text, JSON, PDF or FHIR."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import jsonargparse

from app.ask_command import load_breast
from app.chat.conversation.report import written_draft
from app.chat.conversation.report_draft import ReportDraft
from app.chat.evidence.exam import Exam, ExamImage, gather
from app.chat.exports.export_name import exam_key, export_name
from app.chat.exports.exports import as_json, as_pdf, with_notice
from app.chat.exports.fhir import as_fhir
from app.chat.exports.report_formats import as_record, marked
from app.chat.models import add_model, choose_folder, load_models
from app.chat.session.limits import Limits
from app.chat.viewer.exam_picture import DisplaySettings, draw
from versamammo import NOTICE
from versamammo.config import command_parser
from versamammo.errors import InputError
from versamammo.files import write_atomically
from versamammo.imaging.mammogram import Identifiers

ENDINGS = {"text": "txt", "json": "json", "pdf": "pdf", "fhir": "fhir.json"}


def parser() -> jsonargparse.ArgumentParser:
    """Describe the verb's arguments."""
    made = command_parser(
        description=f"Write the report draft of the mammograms of one exam, as the chat. {NOTICE}"
    )
    made.add_argument("files", nargs="+", type=Path, help="DICOM, PNG, JPEG, TIFF or PGM files")
    made.add_argument(
        "--format", choices=tuple(ENDINGS), default="text",
        help="text with numbered sources, JSON, PDF with the pictures, or a FHIR bundle",
    )  # fmt: skip
    made.add_argument(
        "--out", type=Path | None, default=None,
        help="file, or folder in which the file is called by exam and time; printed without it",
    )  # fmt: skip
    add_model(made)
    return made


def run(args: jsonargparse.Namespace) -> int:
    """Write the report of the files that can be used; 2 if any was refused.

    Raises:
        InputError: no file can be used, there are too many, or the model or `--out` is of no use.
    """
    if args.format == "pdf" and args.out is None:
        message = "a PDF is not printed; name a file or a folder"
        raise InputError(message, field="--out", reason="bad-option")
    exam, refused = _read(args.files)
    models = load_models(choose_folder(args.model), words=False).of(exam)
    findings = None if models.finder is None else models.finder.find(exam)
    report = written_draft(exam, findings, models.cards)
    now = datetime.now().astimezone()
    if args.format == "pdf":
        look = DisplaySettings(heat=bool(findings and findings.heat))
        picture = with_notice(draw(exam, look, findings, ()), models.cards, exam.phantom)
        content = as_pdf(picture, marked(report), (), models.cards)
    else:
        content = _content(args.format, report, exam, now)
    if args.out is None:
        print(content.decode(), end="")
    else:
        path = args.out
        if path.is_dir():
            path = path / f"{export_name(exam, now)}.{ENDINGS[args.format]}"
        _write(path, content)
        print(path)
    _tell(refused)
    return 2 if refused else 0


def _read(files: Sequence[Path]) -> tuple[Exam, list[InputError]]:
    """Read what can be used; every refusal is kept, and raised only if nothing is left."""
    if len(files) > Limits().images:
        message = f"{len(files)} files; at most {Limits().images} of one exam are taken"
        raise InputError(message, field="FILE", reason="number-of-images")
    loaded: list[tuple[ExamImage, Identifiers]] = []
    refused: list[InputError] = []
    for path in files:
        try:
            loaded.append(load_breast(path))
        except InputError as error:
            refused.append(error)
    if not loaded:
        _tell(refused[:-1])
        raise refused[-1]
    return gather(loaded), refused


def _tell(refused: Sequence[InputError]) -> None:
    for one in refused:
        print(f"versamammo: {one}", file=sys.stderr)


def _content(form: str, report: ReportDraft, exam: Exam, now: datetime) -> bytes:
    if form == "text":
        return f"{marked(report)}\n".encode()
    if form == "json":
        return as_json(as_record(report))
    return as_json(as_fhir(report, exam_key(exam), now))


def _write(path: Path, content: bytes) -> None:
    try:
        write_atomically(path, content)
    except (FileExistsError, NotADirectoryError, PermissionError) as error:
        message = f"cannot be written: {error.strerror}"
        raise InputError(message, file=path, field="--out", reason="bad-output") from error
