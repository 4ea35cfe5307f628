"""Writes phantom exams to a folder: DICOM files, masks, tables. They are not real data.

Every file is written whole or not at all and holds the same bytes whoever wrote it, so a run that
was killed is taken up where it stopped, on any number of workers.
"""

from __future__ import annotations

import io
import json
import multiprocessing
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from tqdm import tqdm

from versamammo import NOTICE, __version__
from versamammo.errors import InputError
from versamammo.files import alone_in, parse_json, sweep_partial, write_atomically
from versamammo.phantoms.dicom_out import dicom_bytes
from versamammo.phantoms.phantom_exam import make_exam
from versamammo.phantoms.phantom_settings import PhantomSettings
from versamammo.phantoms.phantom_tables import (
    FINDING_COLUMNS,
    LABEL_COLUMNS,
    ExamRows,
    exam_rows,
    from_csv,
    to_csv,
)
from versamammo.phantoms.readme import readme

SETTINGS = "phantom.json"
LABELS = "labels.csv"
FINDINGS = "findings.csv"
UNFINISHED = ".unfinished"  # rows of finished exams, until the tables are written


def write_phantoms(out: Path, settings: PhantomSettings, workers: int = 1) -> int:
    """Write all exams of `settings` into the folder `out`; returns how many had to be made.

    A folder of the same settings is completed; it may also be made to hold more exams.

    Raises:
        InputError: `out` cannot be written, holds other things or phantoms of other settings.
    """
    out = Path(out)
    if workers < 1:
        raise InputError(
            f"at least 1 is expected, got {workers}", field="workers", reason="bad-setting"
        )
    with _claimed(out, settings):
        write_atomically(out / SETTINGS, _settings_bytes(settings))
        rows = _finished(out, settings)
        missing = [index for index in range(settings.exams) if index not in rows]
        for index, made in _make(out, settings, missing, workers):
            rows[index] = made
        ordered = [rows[index] for index in range(settings.exams)]
        labels = (row for exam in ordered for row in exam.labels)
        findings = (row for exam in ordered for row in exam.findings)
        write_atomically(out / FINDINGS, to_csv(FINDING_COLUMNS, findings))
        write_atomically(out / "README.txt", readme(settings).encode())
        write_atomically(out / LABELS, to_csv(LABEL_COLUMNS, labels))
        _tidy(out)
    return len(missing)


def write_exam(out: Path, settings: PhantomSettings, index: int) -> ExamRows:
    """Make one exam and write its images and masks; returns its table rows."""
    exam = make_exam(settings, index)
    for view in exam.views:
        _put(out / view.file, dicom_bytes(settings, exam, view))
        for finding, mask in zip(view.labels.findings, view.masks, strict=True):
            assert finding.mask is not None
            _put(out / finding.mask, _png(mask))
    rows = exam_rows(exam)
    _put(_part(out, index), json.dumps(asdict(rows)).encode())
    return rows


def _make(
    out: Path, settings: PhantomSettings, missing: list[int], workers: int
) -> Iterator[tuple[int, ExamRows]]:
    """Make exams here or in worker processes, in the order in which they are finished."""
    bar = tqdm(total=len(missing), desc="phantom exams", unit="exam", disable=not missing)
    work = partial(write_exam, out, settings)
    with bar:
        if workers == 1 or len(missing) < 2:
            for index in missing:
                with _one_thread():
                    rows = work(index)
                bar.update()
                yield index, rows
            return
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(
            workers, context, initializer=cv2.setNumThreads, initargs=(1,)
        ) as pool:
            pending = {pool.submit(work, index): index for index in missing}
            try:
                for done in as_completed(pending):
                    rows = done.result()
                    bar.update()
                    yield pending[done], rows
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise


@contextmanager
def _one_thread() -> Iterator[None]:
    """Keep OpenCV to one thread, as in the workers."""
    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(before)


def _finished(out: Path, settings: PhantomSettings) -> dict[int, ExamRows]:
    """Collect the rows of exams whose files are all there, from the tables and unfinished runs."""
    found: dict[int, ExamRows] = {}
    if (out / LABELS).is_file() and (out / FINDINGS).is_file():
        found = _from_tables(out)
    for part in (out / UNFINISHED).glob("*.json"):
        found[int(part.stem)] = ExamRows(**parse_json(part.read_bytes()))
    mask = FINDING_COLUMNS.index("mask")
    return {
        index: rows
        for index, rows in found.items()
        if index < settings.exams
        and len(rows.labels) == 4 * settings.dates
        and all((out / row[0]).is_file() for row in rows.labels)
        and all((out / row[mask]).is_file() for row in rows.findings)
    }


def _from_tables(out: Path) -> dict[int, ExamRows]:
    found: dict[int, ExamRows] = {}
    owner: dict[str, int] = {}
    for row in from_csv((out / LABELS).read_text(encoding="utf-8")):
        owner[row[0]] = int(row[1].rpartition("-")[2])
        found.setdefault(owner[row[0]], ExamRows([], [])).labels.append(row)
    for row in from_csv((out / FINDINGS).read_text(encoding="utf-8")):
        found[owner[row[0]]].findings.append(row)
    return found


@contextmanager
def _claimed(out: Path, settings: PhantomSettings) -> Iterator[None]:
    """Make sure that the folder is ours to write, alone, and hold it."""
    if out.is_dir():  # before the lock leaves its file among somebody's own
        _check_contents(out, settings)
    with alone_in(out, "OUT"):
        sweep_partial(out)
        yield


def _check_contents(out: Path, settings: PhantomSettings) -> None:
    if not (out / SETTINGS).is_file():
        if any(entry.name != ".lock" for entry in out.iterdir()):
            raise InputError(
                "the folder holds other files; choose an empty or new one",
                file=out, field="OUT", reason="not-empty",
            )  # fmt: skip
        return
    wanted = parse_json(_settings_bytes(settings))
    try:
        there = parse_json((out / SETTINGS).read_bytes())
        differing = [key for key in wanted if key != "exams" and there.get(key) != wanted[key]]
        fewer = settings.exams < int(there["exams"])
    except (ValueError, KeyError, AttributeError) as error:
        raise InputError(
            f"cannot be understood: {error}", file=out / SETTINGS, reason="other-settings"
        ) from error
    if differing or fewer:
        raise InputError(
            f"the folder holds phantoms with other settings ({', '.join(differing) or 'exams'}); "
            "choose another folder",
            file=out, field="OUT", reason="other-settings",
        )  # fmt: skip


def _settings_bytes(settings: PhantomSettings) -> bytes:
    notice = f"PHANTOMS: NOT REAL DATA. {NOTICE}"
    return (
        json.dumps({"notice": notice, "version": __version__, **asdict(settings)}, indent=2) + "\n"
    ).encode()


def _put(path: Path, data: bytes) -> None:
    write_atomically(path, data)


def _part(out: Path, index: int) -> Path:
    return out / UNFINISHED / f"{index:06d}.json"


def _tidy(out: Path) -> None:
    for part in (out / UNFINISHED).glob("*.json"):
        part.unlink()
    if (out / UNFINISHED).is_dir():
        (out / UNFINISHED).rmdir()


def _png(mask: NDArray[np.bool_]) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(mask).save(stream, "PNG")
    return stream.getvalue()
