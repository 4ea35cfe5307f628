"""Exams of a prepared archive as a user would drop them, and what is known of each picture."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from app.chat.evidence.exam import Exam, ExamImage, gather, load_image
from app.chat.session.limits import Limits
from versamammo.data.dataset import Archive, Picture
from versamammo.data.manifest import read_manifest
from versamammo.errors import InputError
from versamammo.files import parse_json
from versamammo.imaging.mammogram import Box
from versamammo.vocabulary import FINDING_WORDS
from vlm.instructions.topics import TOPICS

SHADE = 0.15  # of an empty breast: how much darker and brighter its two sides are
CONFIG = "config.json"  # of a prepared archive: where its files lie


@dataclass(frozen=True, eq=False)
class Case:
    """One exam, its files read through the same door as a visitor's.

    Attributes:
        truths: (topic, number of the picture) -> the right option, where it is known.
        together: topic -> the right option for all pictures, where they agree on one.
        boxes: (topic, number of the picture) -> true boxes of findings, in pixels of the file.
        refused: (name of the file, why) of files that the product does not take.
        unanswered: topic -> right options of refused pictures.
    """

    patient: str
    exam: Exam
    truths: Mapping[tuple[str, int], str]
    together: Mapping[str, str]
    boxes: Mapping[tuple[str, int], tuple[Box, ...]]
    refused: tuple[tuple[str, str], ...] = ()
    unanswered: Mapping[str, tuple[str, ...]] | None = None


def root_of(data: Path, root: Path | None) -> Path:
    """Return the folder that a prepared archive's files lie in.

    Raises:
        InputError: it is not told and cannot be found.
    """
    if not data.is_dir():
        raise InputError("no such folder", file=data, field="--data", reason="missing-folder")
    if root is None:
        file = data / CONFIG
        try:
            told = parse_json(file.read_text(encoding="utf-8"))
            root = Path(told.get("root") or told["source"])
        except (OSError, ValueError, KeyError, AttributeError) as error:
            message = "does not tell where the archive's own files lie; say --root DIR"
            raise InputError(message, file=file, field="root", reason="no-root") from error
    if not root.is_dir():
        message = f"{root} is no folder; say --root DIR, where the archive's own files lie"
        raise InputError(message, file=data, field="root", reason="no-root")
    return root


def cases(data: Path, splits: Sequence[str], root: Path, limit: int = 0) -> Iterator[Case]:
    """Yield the exams of some splits, patient by patient, at most `limit` if it is not 0.

    Raises:
        InputError: there is no such archive, or none of its images is in these splits.
    """
    archive = Archive.open(data, splits)
    told = read_manifest(data, ["image_id", "path"]).to_pylist()
    paths = {row["image_id"]: row["path"] for row in told}
    exams: dict[tuple[str, str], list[Picture]] = {}
    for picture, exam in zip(archive, archive.table.column("exam_id").to_pylist(), strict=True):
        exams.setdefault((picture.patient, exam or ""), []).append(picture)
    for number, ((patient, _), pictures) in enumerate(exams.items()):
        if limit and number >= limit:
            return
        chosen = pictures[: Limits().images]
        yield _case(patient, chosen, [root / paths[one.image_id] for one in chosen])


def _case(patient: str, pictures: Sequence[Picture], files: Sequence[Path]) -> Case:
    loaded, refused, kept = [], [], []
    unanswered: dict[str, tuple[str, ...]] = {}
    for picture, file in zip(pictures, files, strict=True):
        try:
            loaded.append(load_image(file))
            kept.append(picture)
        except InputError as error:
            refused.append((file.name, error.message))
            for topic, value in _truths(picture).items():
                unanswered[topic] = (*unanswered.get(topic, ()), value)
    exam = gather(loaded) if loaded else Exam(())
    whose = {id(image.told): picture for (image, _), picture in zip(loaded, kept, strict=True)}
    hung = [whose[id(image.told)] for image in exam.images]
    truths = {
        (topic, number): value
        for number, picture in enumerate(hung)
        for topic, value in _truths(picture).items()
    }
    boxes: dict[tuple[str, int], tuple[Box, ...]] = {}
    for number, picture in enumerate(hung):
        for kind, name in FINDING_WORDS.items():
            own = [f.box for f in picture.labels.findings if f.kind == kind and f.box]
            if own:
                boxes[name, number] = tuple(own)
    return Case(patient, exam, truths, _together(hung), boxes, tuple(refused), unanswered)


def _truths(picture: Picture) -> dict[str, str]:
    """Return the right option of each topic that has one and is known."""
    found = {topic.name: topic.answer([picture]) for topic in TOPICS}
    return {name: answer[0] for name, answer in found.items() if answer and len(answer) == 1}


def _together(pictures: Sequence[Picture]) -> dict[str, str]:
    if not pictures:
        return {}
    found = {topic.name: topic.answer(pictures) for topic in TOPICS}
    return {name: answer[0] for name, answer in found.items() if answer and len(answer) == 1}


def blank(exam: Exam) -> Exam:
    """Return an exam whose breasts are empty: their outlines are left and a shade in them."""
    return replace(exam, images=tuple(map(_flat, exam.images)))


def _flat(image: ExamImage) -> ExamImage:
    rows, columns = image.size
    box = image.breast.box if image.breast is not None else Box(0, 0, columns, rows)
    x1, y1, x2, y2 = (round(side) for side in box.as_tuple())
    levels = image.levels
    inside = levels[y1:y2, x1:x2]
    ground = int(np.percentile(levels, 5))
    tissue = inside > ground + 0.02 * 65535
    level = int(np.median(inside[tissue])) if tissue.any() else ground
    flat = np.full(levels.shape, ground, np.int64)
    # brighter from one side to the other, and with a fine grain: what has one level all over is
    # taken for a drawing, and what has two for a mask
    shade = ground + (level - ground) * np.linspace(1 - SHADE, 1 + SHADE, x2 - x1)
    flat[y1:y2, x1:x2] = np.where(tissue, shade[None].astype(np.int64), ground)
    grain = np.random.default_rng(0).integers(-150, 150, size=flat.shape)
    return image.with_levels(np.clip(flat + grain, 0, 65535).astype(np.uint16))


def shuffled(exam: Exam, other: Exam) -> Exam:
    """Return an exam that shows another patient's pictures under its own tags."""
    images = []
    for number, image in enumerate(exam.images):
        alike = [one for one in other.images if one.name == image.name] or [
            other.images[number % len(other.images)]
        ]
        theirs = alike[0]
        images.append(
            replace(image, stored=theirs.stored, display=theirs.display, breast=theirs.breast)
        )
    return replace(exam, images=tuple(images))
