"""Frozen features, computed once for each encoder, content and size, and shared by every probe.

Rows are kept by the key of what they show, so a second task on the same images, another probe, or
a run that goes on after it was killed finds them again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

from benchmark.task_rows import AdaptSettings, Row
from versamammo.data.lesion_rows import CloseUp
from versamammo.errors import InputError
from versamammo.files import parse_json, sweep_partial, write_atomically
from versamammo.input.contract import InputContract
from versamammo.input.preprocess import to_input
from versamammo.input.resampling import resize_area
from versamammo.model.encoder import VersaMammoModel

VERSION = "1"  # of how pictures become inputs; another version, other features
SHARD = 64  # images in one file, written at once
TOKENS = 8  # patches are averaged to a grid of at most 8 x 8 for the attention probe
LOADERS = 4  # threads that read pictures


def encoder_hash(folder: Path) -> str:
    """Hash an encoder's description and weights.

    Raises:
        InputError: the folder holds no weights.
    """
    files = sorted((*folder.glob("*.safetensors"), *folder.glob("config.json")))
    if not any(file.suffix == ".safetensors" for file in files):
        raise InputError("holds no safetensors", file=folder, field="encoder", reason="missing")
    text = hashlib.sha256(VERSION.encode())
    for file in files:
        text.update(file.name.encode())
        with file.open("rb") as stream:
            text.update(hashlib.file_digest(stream, "sha256").digest())
    return text.hexdigest()[:16]


def device_of(settings: AdaptSettings) -> torch.device:
    """Choose where to compute: `auto` takes a GPU if there is one."""
    if settings.device != "auto":
        return torch.device(settings.device)
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def input_size(row: Row, contract: InputContract, settings: AdaptSettings) -> tuple[int, int]:
    """Return (H, W) of the input that shows a row: the encoder's, or a square for a close-up."""
    size = settings.size or contract.size
    side = min(settings.crop, *size)
    return (side, side) if isinstance(row.picture, CloseUp) else size


def as_input(row: Row, contract: InputContract, settings: AdaptSettings) -> Tensor:
    """Make a row's input [1, H, W]; unlike whole images, close-ups are enlarged where small.

    Raises:
        InputError: the prepared picture is missing or damaged.
    """
    size = input_size(row, contract, settings)
    wanted, levels = replace(contract, size=size), row.picture.levels()
    close = isinstance(row.picture, CloseUp)
    return to_input(_filling(levels, size[0]) if close else levels, wanted)


def _filling(levels: NDArray[np.uint16], side: int) -> NDArray[np.float32]:
    """Scale levels [h, w] so that their longer side is `side`; float32 in 0..1."""
    scale = side / max(levels.shape)
    h, w = (max(1, round(length * scale)) for length in levels.shape)
    picture = levels.astype(np.float32) / np.float32(65535)
    if scale <= 1:
        return resize_area(picture, (h, w))
    larger = cv2.resize(picture, (w, h), interpolation=cv2.INTER_LINEAR)
    return np.asarray(larger, np.float32)


def inputs(
    rows: Sequence[Row], contract: InputContract, settings: AdaptSettings
) -> Iterator[Tensor]:
    """Return batches [B, 1, H, W] in the order of the rows, read by several threads."""
    with ThreadPoolExecutor(LOADERS) as readers:
        for start in range(0, len(rows), settings.batch):
            some = rows[start : start + settings.batch]
            yield torch.stack(
                list(readers.map(lambda row: as_input(row, contract, settings), some))
            )


class FeatureStore:
    """Features of one encoder in files of up to `SHARD` images.

    Attributes:
        folder: where they lie.
        encoded: images that this object had to encode.
    """

    def __init__(
        self, cache: Path, encoder: VersaMammoModel, name: str, settings: AdaptSettings
    ) -> None:
        self.encoder = encoder
        self.settings = settings
        contract = encoder.config.input_contract
        told = json.dumps([name, settings.size or contract.size, settings.crop, SHARD])
        self.folder = cache / hashlib.sha256(told.encode()).hexdigest()[:16]
        self.folder.mkdir(parents=True, exist_ok=True)
        sweep_partial(self.folder)
        self.encoded = 0
        self._places: dict[str, tuple[Path, int]] = {}
        for path in sorted(self.folder.glob("*.safetensors")):
            self._enter(path)

    def pooled(self, rows: Sequence[Row]) -> Tensor:
        """Return one vector per row, float32 [n, D].

        Raises:
            InputError: a prepared picture is missing or damaged.
        """
        return self._gather(rows, "pooled").float()

    def tokens(self, rows: Sequence[Row]) -> Tensor:
        """Return patches averaged to a small grid, float16 [n, T, D], as they are kept.

        Raises:
            InputError: a prepared picture is missing or damaged.
        """
        return self._gather(rows, "tokens")

    def ready(self, rows: Sequence[Row]) -> None:
        """Encode what is not here yet."""
        contract = self.encoder.config.input_contract
        missing = {row.key: row for row in rows if row.key not in self._places}
        sizes: dict[tuple[int, int], list[Row]] = {}
        for row in missing.values():
            sizes.setdefault(input_size(row, contract, self.settings), []).append(row)
        for some in sizes.values():
            for start in range(0, len(some), SHARD):
                self._write(some[start : start + SHARD])

    @torch.no_grad()
    def _write(self, rows: Sequence[Row]) -> None:
        device = device_of(self.settings)
        encoder = self.encoder.to(device).eval()  # type: ignore[arg-type]
        pooled, tokens = [], []
        for batch in inputs(rows, encoder.config.input_contract, self.settings):
            features = encoder.encode(batch.to(device))
            grid = tuple(min(TOKENS, side) for side in features.grid)
            pooled.append(features.pooled.float().cpu())
            few = adaptive_avg_pool2d(features.as_map().float(), grid)  # [B, D, t, t]
            tokens.append(few.flatten(2).transpose(1, 2).half().cpu())
        found = {"pooled": torch.cat(pooled), "tokens": torch.cat(tokens)}
        keys = [row.key for row in rows]
        path = (
            self.folder
            / f"{hashlib.sha256(chr(0).join(keys).encode()).hexdigest()[:24]}.safetensors"
        )
        found = {name: tensor.contiguous() for name, tensor in found.items()}
        write_atomically(path, save(found, {"keys": json.dumps(keys)}), durable=False)
        self.encoded += len(rows)
        self._enter(path)

    def _enter(self, path: Path) -> None:
        try:
            with safe_open(path, "pt") as file:
                keys = parse_json(file.metadata()["keys"])
        except (SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
            message = f"cached features cannot be used: {error}; remove the file"
            raise InputError(message, file=path, reason="bad-cache") from error
        self._places |= {key: (path, place) for place, key in enumerate(keys)}

    def _gather(self, rows: Sequence[Row], name: str) -> Tensor:
        self.ready(rows)
        wanted: dict[Path, list[tuple[int, int]]] = {}
        for number, row in enumerate(rows):
            path, place = self._places[row.key]
            wanted.setdefault(path, []).append((number, place))
        parts, order = [], []
        for path, pairs in wanted.items():
            with safe_open(path, "pt") as file:
                parts.append(file.get_tensor(name)[[place for _, place in pairs]])
            order += [number for number, _ in pairs]
        back = torch.empty(len(rows), dtype=torch.long)
        back[torch.tensor(order)] = torch.arange(len(rows))
        return torch.cat(parts)[back]
