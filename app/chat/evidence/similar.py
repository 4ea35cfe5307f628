"""Similar pictures: the nearest of a prepared archive by an encoder's features, with their labels.

    versamammo chat --model DIR --index FOLDER --index-from PREPARED     # makes FOLDER, once

The folder holds `features.safetensors`, `cases.json` and small pictures. Who the pictures are of is
not in it. Near in features is no proof of a like diagnosis.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor
from tqdm import tqdm

from app.chat.evidence.contracts import Similar
from app.chat.evidence.exam import Exam, ExamImage
from app.chat.evidence.queueing import OneAtATime
from versamammo.data.dataset import Archive, Picture
from versamammo.data.labels import DENSITIES
from versamammo.errors import InputError
from versamammo.files import parse_json, write_atomically
from versamammo.input.preprocess import to_input
from versamammo.model.encoder import VersaMammoModel

FEATURES, CASES, THUMBS = "features.safetensors", "cases.json", "pictures"
SHOWN = 4  # neighbours of each picture
THUMB = 160  # rows
MOST = 50_000  # pictures of an index that is compared in one go
PATHOLOGY = ("normal", "benign", "malignant")
SPLITS = ("train", "val", "test")


@dataclass(frozen=True, eq=False)
class Index:
    """Features [n, D] of length one, and what is known of each picture."""

    folder: Path
    features: Tensor
    cases: tuple[dict[str, Any], ...]

    def nearest(self, feature: Tensor, view: str | None, most: int = SHOWN) -> list[Similar]:
        """Return the nearest of the same view, or of all where the view is not known."""
        alike = [i for i, case in enumerate(self.cases) if view is None or case["view"] == view]
        if not alike:
            return []
        scores = self.features[alike] @ F.normalize(feature, dim=0)
        best = scores.topk(min(most, len(alike)))
        return [
            Similar(score, self.cases[alike[i]]["told"], self._thumb(alike[i]))
            for score, i in zip(best.values.tolist(), best.indices.tolist(), strict=True)
        ]

    def _thumb(self, number: int) -> bytes:
        return (self.folder / THUMBS / f"{number}.jpg").read_bytes()


class Comparing:
    """Finds pictures like those of an exam."""

    def __init__(self, encoder: VersaMammoModel, index: Index, queue: OneAtATime) -> None:
        self._encoder = encoder
        self._index = index
        self._queue = queue

    def find(self, exam: Exam) -> tuple[tuple[Similar, ...], ...]:
        """Return the neighbours of each picture; none of one that cannot be looked at."""
        return tuple(self._of(image) for image in exam.images)

    def _of(self, image: ExamImage) -> tuple[Similar, ...]:
        try:
            with self._queue.turn(), torch.inference_mode():
                feature = self._encoder.encode(image.mammogram()).pooled[0].float().cpu()
        except InputError:
            # what is wrong with it, the finder says
            return ()
        return tuple(self._index.nearest(feature, image.told.view))


@torch.inference_mode()
def build_index(prepared: Path, folder: Path, encoder: VersaMammoModel, weights: str) -> int:
    """Write an index of a prepared archive; gives the number of its pictures.

    Args:
        prepared: folder that `versamammo prepare` wrote.
        folder: to be made.
        encoder: whose features are compared.
        weights: name of the encoder's weights, which the index is for.

    Raises:
        InputError: the archive cannot be read, is too large, or the folder is not empty.
    """
    archive = Archive.open(prepared, SPLITS)
    if len(archive) > MOST:
        message = f"{len(archive)} pictures; an index of at most {MOST} is compared in one go"
        raise InputError(message, file=prepared, field="--index-from", reason="too-large")
    if folder.exists() and any(folder.iterdir()):
        raise InputError("is not empty", file=folder, field="--index", reason="bad-output")
    (folder / THUMBS).mkdir(parents=True)
    contract = encoder.config.input_contract
    sources = archive.table.column("source").to_pylist()
    features, cases = [], []
    for number, picture in enumerate(tqdm(archive, total=len(archive), desc="index")):
        levels = picture.levels()
        pooled = encoder.encode(to_input(levels, contract)[None].to(encoder.device)).pooled
        features.append(F.normalize(pooled[0].float().cpu(), dim=0))
        cases.append({"view": picture.view, "told": told_of(picture, sources[number])})
        (folder / THUMBS / f"{number}.jpg").write_bytes(_thumb(levels))
    save_file({"features": torch.stack(features)}, folder / FEATURES)
    text = json.dumps({"weights": weights, "cases": cases}, indent=0)
    write_atomically(folder / CASES, text.encode())
    return len(cases)


def open_index(folder: Path, weights: str) -> Index:
    """Open an index that was made with the same weights.

    Raises:
        InputError: there is none, it is damaged, or other weights made it.
    """
    try:
        told = parse_json((folder / CASES).read_text(encoding="utf-8"))
        features = load_file(folder / FEATURES)["features"]
        cases = tuple({"view": one["view"], "told": str(one["told"])} for one in told["cases"])
        made_with = str(told["weights"])
    except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
        message = f"holds no index that can be used: {error}"
        raise InputError(message, file=folder, field="--index", reason="bad-index") from error
    if made_with != weights:
        message = f"was made with weights {made_with}, the model's are {weights}; make it again"
        raise InputError(message, file=folder, field="--index", reason="other-weights")
    if features.ndim != 2 or len(features) != len(cases):
        message = f"features {list(features.shape)} for {len(cases)} pictures"
        raise InputError(message, file=folder, field="--index", reason="bad-index")
    return Index(folder, features.float(), cases)


def told_of(picture: Picture, source: str) -> str:
    """Return what is known of a picture, and not of whom it is."""
    labels = picture.labels
    known = [
        f"{picture.laterality or '?'} {picture.view or '?'}",
        "" if math.isnan(labels.density) else f"density {DENSITIES[int(labels.density) - 1]}",
        "" if math.isnan(labels.birads) else f"BI-RADS {labels.birads:.0f}",
        "" if math.isnan(labels.pathology) else PATHOLOGY[int(labels.pathology)],
        *sorted({finding.kind.replace("_", " ") for finding in labels.findings}),
        f"from {source}",
    ]
    return ", ".join(filter(None, known))


def _thumb(levels: NDArray[np.uint16]) -> bytes:
    rows, columns = levels.shape
    size = (max(1, round(columns * THUMB / rows)), THUMB)
    small: NDArray[Any] = np.asarray(cv2.resize(levels, size, interpolation=cv2.INTER_AREA))
    _, encoded = cv2.imencode(".jpg", np.right_shift(small, 8).astype(np.uint8))
    return bytes(encoded.tobytes())
