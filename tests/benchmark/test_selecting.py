from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmark.archives import Archives
from benchmark.task_rows import FindingMasks, Places, select
from benchmark.tasks import Task, load_tasks
from tests.benchmark.made_up_archives import box, density_rows, finding, row, write_archive
from versamammo.errors import InputError

TASKS = {task.id: task for task in load_tasks()}
DENSITY: Task = TASKS["cls.vindr.density"]


def test_every_image_is_accounted_for(tmp_path: Path) -> None:
    rows = density_rows()
    rows[0]["density"] = float("nan")
    rows[2]["split"] = None
    rows[3]["density"] = 9.0
    write_archive(tmp_path / "vindr-mammo", rows)

    found = select(DENSITY, Archives(tmp_path))

    assert sum(found.counts.values()) == len(rows)
    assert {found.counts[word] for word in ("unknown", "no split", "other class")} == {1}
    assert found.counts["test"] == len(found.test)
    assert [one.truth for one in found.test][:2] == [0, 0]  # patient 16: density 1


def test_a_patient_on_both_sides_is_refused_by_name(tmp_path: Path) -> None:
    rows = density_rows()
    rows[0]["split"] = "test"  # its other view stays in train
    write_archive(tmp_path / "vindr-mammo", rows)

    with pytest.raises(InputError, match=r"vindr-mammo/p0 \(test and train\)") as caught:
        select(DENSITY, Archives(tmp_path))

    assert caught.value.reason == "leak"


def test_an_exam_on_both_sides_is_refused_even_of_two_patients(tmp_path: Path) -> None:
    rows = density_rows()
    rows[0] |= {"split": "test", "patient_id": "another"}
    write_archive(tmp_path / "vindr-mammo", rows)

    with pytest.raises(InputError, match=r"1 exams stand on two sides: vindr-mammo/e0"):
        select(DENSITY, Archives(tmp_path))


def test_equal_patient_ids_of_two_archives_are_two_patients(tmp_path: Path) -> None:
    for name, split in (("embed", "train"), ("rsna", "test"), ("vindr-mammo", "val")):
        rows = [row("1", patient_id="1", birads=2.0, split=split)]
        write_archive(tmp_path / name, rows)

    found = select(TASKS["ret.pool.birads"], Archives(tmp_path))

    assert [len(side) for side in (found.train, found.val, found.test)] == [1, 1, 1]


def test_without_a_validation_part_some_training_patients_choose(tmp_path: Path) -> None:
    write_archive(tmp_path / "vindr-mammo", density_rows(splits=("train", "train", "test")))

    found = select(DENSITY, Archives(tmp_path))

    assert len(found.val) == found.counts["of train, drawn for validation"] > 0
    assert not {one.patient for one in found.train} & {one.patient for one in found.val}


def test_a_transfer_sees_no_target_image_before_it_is_scored(tmp_path: Path) -> None:
    for name in ("vindr-mammo", "lamis"):
        write_archive(tmp_path / name, density_rows())

    found = select(TASKS["ext.transfer.vindr-to-lamis.density"], Archives(tmp_path))

    assert {one.groups["source"] for one in (*found.train, *found.val)} == {"vindr-mammo"}
    assert {one.groups["source"] for one in found.test} == {"lamis"}
    assert len(found.test) == 80


def test_a_transfer_may_call_the_label_otherwise(tmp_path: Path) -> None:
    graded = [row(f"{n}", pathology=1.0 + n % 2, split="val" if n > 7 else "train")
              for n in range(10)]  # fmt: skip
    write_archive(tmp_path / "cmmd", graded)
    write_archive(tmp_path / "mm", [row(f"{n}", cancer=float(n % 2)) for n in range(4)])

    found = select(TASKS["ext.transfer.cmmd-to-mm.pathology"], Archives(tmp_path))

    assert [one.truth for one in found.train] == [n % 2 for n in range(8)]
    assert [one.truth for one in found.test] == [0, 1, 0, 1]


def test_lesions_are_rows_of_their_own(tmp_path: Path) -> None:
    lesions = [
        finding("mass", box=box(5, 5, 20, 20), pathology=1.0, lesion_id="a"),
        finding("mass", box=box(30, 30, 40, 45), pathology=0.0, lesion_id="b"),
        finding("mass", pathology=1.0, lesion_id="without a place"),
    ]
    rows = [row(f"{n}", findings=lesions, split=split) for n, split in
            enumerate(("train", "val", "test"))]  # fmt: skip
    write_archive(tmp_path / "cbis-ddsm", rows)

    found = select(TASKS["cls.cbis-finding.pathology"], Archives(tmp_path))

    assert [one.truth for one in found.test] == [1, 0]
    assert found.counts == {"no-place": 3, "test": 2, "train": 2, "val": 2}
    assert found.test[0].picture.levels().shape < (64, 48)


def test_boxes_are_of_the_kinds_asked_and_normal_images_count(tmp_path: Path) -> None:
    mass = [finding("mass", box=box(5, 5, 20, 20)), finding("skin_thickening", box=box(0, 0, 9, 9))]
    rows = [
        row("a", findings=mass, mass=1.0),
        row("b", mass=0.0, split="val"),
        row("c", mass=0.0, split="test"),
        row("nobody looked", split="test"),
        row("somewhere", mass=1.0, split="test"),
    ]
    write_archive(tmp_path / "inbreast", rows)

    found = select(TASKS["det.inbreast.mass"], Archives(tmp_path))

    assert found.train[0].truth == Places(((5.0, 5.0, 20.0, 20.0),), (0,))
    assert [one.truth for one in found.test] == [Places()]
    assert (found.counts["unknown"], found.counts["no place"]) == (1, 1)


def test_masks_are_read_where_the_raw_archive_lies(tmp_path: Path) -> None:
    for name, column in (("one", 3), ("two", 40)):
        mask = np.zeros((64, 48), np.uint8)
        mask[10:20, column : column + 4] = 255
        Image.fromarray(mask).save(tmp_path / f"{name}.png")
    both = [finding("mass", mask="one.png"), finding("mass", mask="two.png")]
    rows = [row("a", findings=both), row("b", mass=0.0, split="test")]
    folder = write_archive(tmp_path / "inbreast", rows)
    (folder / "config.json").write_text(f'{{"root": "{tmp_path}"}}')

    found = select(TASKS["seg.inbreast.mass"], Archives(tmp_path))

    assert isinstance(found.train[0].truth, FindingMasks)
    assert found.train[0].truth.read((64, 48)).sum() == 80
    assert not found.test[0].truth.read((64, 48)).any()  # type: ignore[union-attr]


def test_words_of_lesions_become_classes(tmp_path: Path) -> None:
    def lesion(n: int, **facts: str | None) -> dict[str, object]:
        found = [finding("mass", box=box(5, 5, 20, 20), lesion_id=f"{n}", **facts)]
        return row(f"{n}", findings=found, split=("train", "val", "test")[n % 3])

    rows = [
        lesion(0, shape="OVAL"), lesion(1, shape="ROUND"), lesion(2, shape="LOBULATED"),
        lesion(5, shape="IRREGULAR-ARCHITECTURAL_DISTORTION"), lesion(8, shape=None),
        lesion(11, shape="HEXAGONAL"),
    ]  # fmt: skip
    write_archive(tmp_path / "cbis-ddsm", rows)
    task = TASKS["cls.cbis-finding.mass-shape"]

    found = select(task, Archives(tmp_path))

    shown = {one.id: [task.classes[k] for k, yes in enumerate(one.truth) if yes]  # type: ignore
             for one in found.test}  # fmt: skip
    assert shown == {
        "cbis-ddsm/2#0": ["lobulated"],
        "cbis-ddsm/5#0": ["irregular", "architectural distortion"],
    }
    assert (found.counts["unknown"], found.counts["other class"]) == (1, 1)


def test_normal_is_what_shows_nothing(tmp_path: Path) -> None:
    kinds = ("mass", "calcification", "distortion", "asymmetry")
    looked = dict.fromkeys(kinds, 0.0)
    rows = [
        row("normal", **looked, split="test"),
        row("mass", **{**looked, "mass": 1.0}),
        row("partly known", mass=0.0, split="test"),
    ]
    write_archive(tmp_path / "inbreast", rows)

    found = select(TASKS["cls.inbreast.findings"], Archives(tmp_path))

    assert found.train[0].truth == (1.0, 0.0, 0.0, 0.0, 0.0)
    assert found.test[0].truth == (0.0, 0.0, 0.0, 0.0, 1.0)
    assert str(found.test[1].truth) == "(0.0, nan, nan, nan, nan)"
