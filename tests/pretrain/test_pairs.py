from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from pretrain.views.augmentations import ViewSettings, ViewSource, make_views
from pretrain.views.crop_loader import CropDataset
from pretrain.views.crops import tissue_map
from pretrain.views.pairs import Companions, PairKind
from pretrain.views.patch_masks import MaskSettings
from pretrain.views.tissue_maps import TissueSettings, find_tissue
from tests.pretrain.archives import write_archive
from tests.pretrain.test_feeding import VIEWS
from tests.pretrain.test_views import PLAIN, SETTINGS
from versamammo.data.dataset import Archive
from versamammo.data.sampling import Draw

Row = tuple[str, str | None, str | None, str | None]  # source, patient, exam, side

IDENTIFIERS = ("source", "patient_id", "exam_id", "laterality")
EXAM: list[Row] = [("a", "p", "1", side) for side in ("L", "L", "R", "R")]


def companions(rows: list[Row], kind: PairKind) -> Companions:
    columns = dict(zip(IDENTIFIERS, zip(*rows, strict=True), strict=True))
    types = {name: pa.array(list(column), pa.string()) for name, column in columns.items()}
    names = pa.array([f"image {i}" for i in range(len(rows))])
    return Companions(Archive(Path(), pa.table({"image_id": names, **types})), kind)


def drawn(rows: list[Row], kind: PairKind, image: int) -> list[int]:
    """All that 100 draws bring, most would miss an image of 4 with a chance of 1e-17."""
    found, random = companions(rows, kind), np.random.default_rng(0)
    return sorted({found.draw(image, random) for _ in range(100)})


def test_an_exam_s_other_images_are_drawn_and_never_the_image_itself() -> None:
    rows = [("a", "q", "1", "L"), *EXAM, ("a", "p", "2", "L")]

    assert drawn(rows, "exam", 2) == [1, 3, 4]


def test_a_breast_is_one_side_of_one_exam() -> None:
    assert drawn([*EXAM, ("a", "p", "2", "L")], "breast", 0) == [1]


def test_pairs_of_one_image_stay_with_it() -> None:
    assert drawn(EXAM, "image", 3) == [3]


@pytest.mark.parametrize(
    "stranger", [("b", "p", "1", "L"), ("a", "q", "1", "L"), ("a", None, "1", "L")]
)
def test_equal_exam_numbers_of_other_patients_and_sources_are_no_pair(stranger: Row) -> None:
    assert drawn([EXAM[0], stranger], "exam", 0) == [0]


def test_unknown_exams_and_sides_are_not_taken_for_one() -> None:
    assert drawn([("a", "p", None, "L")] * 3, "exam", 1) == [1]
    assert drawn([("a", "p", "1", None)] * 3, "breast", 1) == [1]


def test_a_patient_who_is_not_known_may_have_a_known_exam() -> None:
    assert drawn([("a", None, "1", "L")] * 2, "exam", 0) == [1]


def test_all_of_an_exam_are_drawn_equally_often() -> None:
    found, random = companions(EXAM, "exam"), np.random.default_rng(1)

    counts = np.bincount([found.draw(1, random) for _ in range(3000)], minlength=4)

    assert counts[1] == 0
    assert counts[[0, 2, 3]] == pytest.approx(1000, abs=4 * (3000 * 2 / 9) ** 0.5)


def grey(level: int) -> ViewSource:
    image = np.full((400, 240), level, np.uint16)
    return ViewSource(lambda rows: image[rows], tissue_map(image, (0.5, 0.5), threshold=1000))


def test_views_are_taken_of_two_images_by_turns() -> None:
    shown = [grey(16_384), grey(49_152)]
    settings = ViewSettings(SETTINGS.overview, SETTINGS.detail, PLAIN, mean=0.0, std=1.0)

    views = make_views(shown, settings, seed=0, epoch=0, index=0)

    seen = [*views.overview.mean(axis=(1, 2, 3)), *views.detail.mean(axis=(1, 2, 3))]
    assert views.of == (0, 1, 0, 1, 0)
    assert seen == pytest.approx([0.25, 0.75, 0.25, 0.75, 0.25], abs=1e-4)


def test_samples_pair_images_of_one_exam_of_the_split_that_is_trained_on(tmp_path: Path) -> None:
    archive = Archive.open(write_archive(tmp_path / "data"), ["train"])
    views = ViewSettings(VIEWS.overview, VIEWS.detail, pairs="exam")
    tissue = find_tissue(archive, TissueSettings())
    dataset = CropDataset(archive, tissue, views, MaskSettings(), patch=14, seed=3)
    opened: list[int] = []
    dataset.archive = Spy(archive, opened)  # type: ignore[assignment]

    samples = [dataset[Draw(0, image, image)] for image in range(16)]

    # two images per patient, one after the other
    assert opened == [place for image in range(16) for place in (image, image ^ 1)]
    assert all(sample.views.of == (0, 1, 0, 1) for sample in samples)


class Spy:
    """An archive that notes which images are opened."""

    def __init__(self, archive: Archive, opened: list[int]) -> None:
        self.archive = archive
        self.opened = opened

    def __getitem__(self, index: int) -> object:
        self.opened.append(index)
        return self.archive[index]
