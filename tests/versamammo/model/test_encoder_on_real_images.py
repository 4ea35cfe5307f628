"""Real mammograms through an encoder: finite, and the same however they were stored."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor

from tests.versamammo.conftest import make_dataset
from versamammo.imaging.reading import read
from versamammo.input.contract import InputContract
from versamammo.model.configuration import VersaMammoConfig
from versamammo.model.encoder import VersaMammoModel

# of the features' largest value; seen 0 for polarity and 9e-6 for mirrored storage
SAME = 1e-4


@pytest.fixture(scope="module")
def encoder() -> VersaMammoModel:
    """The demo's network with weights that let small differences through."""
    torch.manual_seed(0)
    config = VersaMammoConfig(
        backbone="convnext_femto",
        backbone_args={"depths": [1, 1, 3, 1], "dims": [24, 48, 96, 192]},
        contract=InputContract(size=(256, 192)).to_dict(),
    )
    made = VersaMammoModel(config)
    for name, weight in made.named_parameters():
        if name.endswith("gamma"):
            torch.nn.init.ones_(weight)
        elif weight.ndim > 1:
            torch.nn.init.normal_(weight, std=0.2)
    return made.eval()


@torch.no_grad()
def features(encoder: VersaMammoModel, image: Any) -> list[Tensor]:
    seen = encoder.encode(image)
    return [seen.pooled, seen.patches, *seen.pyramid]


def apart(some: list[Tensor], others: list[Tensor]) -> float:
    pairs = zip(some, others, strict=True)
    return max(float((a - b).abs().max() / b.abs().max()) for a, b in pairs)


def pictures_of(real: Path) -> list[Path]:
    """Some of every collection."""
    found = [real / "nyu_birads" / name for name in ("L-CC.png", "R-CC.png", "R-MLO.png")]
    for collection, number in (("monai_density", 4), ("cesm_dm/images", 6)):
        found += sorted((real / collection).glob("*.jpg"))[:number]
    return found


def dicoms_of(real: Path) -> list[Path]:
    return sorted((real / "dicom").glob("*.dcm"))


def test_no_real_picture_gives_a_nan(encoder: VersaMammoModel, real: Path) -> None:
    seen = [features(encoder, path)[0] for path in (*pictures_of(real), *dicoms_of(real))]
    assert len(seen) == 15
    assert all(torch.isfinite(one).all() for one in seen)
    together = torch.cat(seen)
    assert (together.std(dim=0) / together.abs().mean()).mean() > 0.01, "they are told apart"


def test_mirrored_storage_changes_nothing(
    encoder: VersaMammoModel, real: Path, tmp_path: Path
) -> None:
    paths = list(pictures_of(real))
    assert paths
    for path in paths:
        pixels = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        turned = tmp_path / f"{path.stem}.png"
        straight = tmp_path / f"{path.stem} as it was.png"
        cv2.imwrite(str(straight), pixels)
        cv2.imwrite(str(turned), np.ascontiguousarray(pixels[:, ::-1]))
        assert apart(features(encoder, turned), features(encoder, straight)) < SAME, path


def test_polarity_of_storage_changes_nothing(
    encoder: VersaMammoModel, real: Path, tmp_path: Path
) -> None:
    for path in (*pictures_of(real), *dicoms_of(real)):
        # as displayed, so that windows and tables, which polarity does not concern, are done with
        shown = np.rint(read(path).pixels * 65535).astype(np.uint16)
        files = []
        for polarity, stored in (("MONOCHROME2", shown), ("MONOCHROME1", 65535 - shown)):
            shape = "IDENTITY" if polarity == "MONOCHROME2" else "INVERSE"
            files.append(tmp_path / f"{path.stem} {polarity}.dcm")
            make_dataset(
                stored, 16, PhotometricInterpretation=polarity, PresentationLUTShape=shape
            ).save_as(files[-1], enforce_file_format=True)
        found = [features(encoder, file) for file in files]
        assert apart(*found) < SAME, path
