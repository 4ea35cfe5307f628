from __future__ import annotations

import math
from pathlib import Path

import pytest

from benchmark.samples import (
    BoxesSample,
    ClassSample,
    LabelsSample,
    MaskSample,
    NeighboursSample,
    Sample,
)
from benchmark.store import TaskFolder, line_of, sample_of

WHO = ("a", "p", "e", {"view": "CC"})
SAMPLES: dict[str, Sample] = {
    "binary": ClassSample(*WHO, truth=1, scores=(0.1, 0.9)),
    "multilabel": LabelsSample(*WHO, truth=(1.0, math.nan), scores=(0.5, 1 / 3)),
    "detection": BoxesSample(
        *WHO, size=(9, 8), truth=((1.0, 2.0, 3.0, 4.0),), truth_classes=(0,),
        boxes=((1.5, 2.0, 3.0, 4.0),) * 2, classes=(0, 0), scores=(0.9, 0.2),
    ),
    "segmentation": MaskSample("a", "p", truth="t.png", mask="m.png", spacing_mm=None),
    "retrieval": NeighboursSample(*WHO, truth=(2,), ranked=(True, False), relevant=0),
}  # fmt: skip


@pytest.mark.parametrize("kind", SAMPLES)
def test_a_record_is_read_as_it_was_written(kind: str) -> None:
    line = line_of(SAMPLES[kind])

    assert "NaN" not in line
    # NaN equals nothing, so the text is compared
    assert repr(sample_of(kind, line)) == repr(SAMPLES[kind])


def records(count: int) -> list[Sample]:
    return [ClassSample(f"{n}", f"p{n}", truth=n % 2, scores=(0.5, 0.5)) for n in range(count)]


def test_half_a_line_is_cut_off_and_the_rest_appended(tmp_path: Path) -> None:
    folder = TaskFolder(tmp_path / "task")
    folder.begin("key", {"expected": 4})
    folder.write(records(4))
    whole = (folder.folder / "samples.jsonl").read_bytes()
    (folder.folder / "samples.jsonl").write_bytes(whole[:-40])
    (folder.folder / "done.json").unlink()

    again = TaskFolder(tmp_path / "task")
    again.begin("key", {"expected": 4})

    assert not again.done
    assert again.whole_lines() == 3
    assert again.write(records(4)) == 4
    assert (folder.folder / "samples.jsonl").read_bytes() == whole
    assert again.samples("binary") == records(4)


def test_another_key_begins_again(tmp_path: Path) -> None:
    folder = TaskFolder(tmp_path / "task")
    folder.begin("key", {"expected": 4})
    folder.write(records(4))

    folder.begin("another", {"expected": 2})

    assert not folder.done
    assert folder.whole_lines() == 0
    assert folder.expected == 2
