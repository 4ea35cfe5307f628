from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from versamammo.errors import InputError
from versamammo.vqa import Kind, read_bench, write_bench

IMAGE: dict[str, Any] = {
    "Path": "/INbreast/99999999/img.jpg",
    "Dataset": "INbreast",
    "Question": "Which density level fits this image?",
    "Question topic": "ACR",
    "Question type": "single choice",
    "Options": ["Level A", "Level B", "Level C", "Level D"],
    "Answer": "Level B",
}
EXAM = IMAGE | {"Path": ["/EMBED/1/a.jpg", "/EMBED/1/b.jpg"], "Dataset": "EMBED", "Patient": "7"}


def written(folder: Path, rows: dict[str, Any]) -> Path:
    file = folder / "bench.json"
    file.write_text(json.dumps(rows))
    return file


def test_image_and_exam_questions_are_read_and_written_back_alike(tmp_path):
    file = written(tmp_path, {"1": IMAGE, "2": EXAM})
    image, exam = read_bench(file)
    assert (image.kind, image.answer, image.cluster) == (
        Kind.SINGLE,
        ("Level B",),
        "/INbreast/99999999",
    )
    assert (len(exam.images), exam.cluster) == (2, "EMBED:7")
    write_bench(tmp_path / "again.json", (image, exam))
    assert json.loads((tmp_path / "again.json").read_text()) == {"1": IMAGE, "2": EXAM}


def test_breasts_and_findings_of_one_archive_share_patients_but_not_a_group(tmp_path):
    rows = {
        str(n): IMAGE | {"Dataset": f"MIAS-{part}", "Patient": "1", "Question topic": "Pathology"}
        for n, part in enumerate(("breast", "finding"), 1)
    }
    breast, finding = read_bench(written(tmp_path, rows))
    assert breast.cluster == finding.cluster
    assert (breast.group, finding.group) == ("Pathology (breast)", "Pathology (finding)")


@pytest.mark.parametrize(
    ("rows", "reason", "words"),
    [
        ({}, "empty-bench", "at least one"),
        ({"1": IMAGE, "3": IMAGE}, "id-gap", "id 2"),
        ({"1": {k: v for k, v in IMAGE.items() if k != "Options"}}, "missing-field", "Options"),
        ({"1": IMAGE | {"Answer": "Level E"}}, "bad-answer", "Level E"),
        ({"1": IMAGE | {"Question type": "guess"}}, "bad-kind", "yes/no"),
        ({"1": IMAGE | {"Path": 3}}, "bad-field", "Path"),
        ({"1": IMAGE | {"Options": ["level b", "Level B"]}}, "bad-options", "twice"),
        ({"1": "text"}, "bad-item", "id 1"),
    ],
)
def test_an_odd_file_is_refused_by_name_id_and_field(tmp_path, rows, reason, words):
    with pytest.raises(InputError) as caught:
        read_bench(written(tmp_path, rows))
    assert caught.value.reason == reason
    assert "bench.json" in str(caught.value)
    assert words in str(caught.value)


def test_a_key_given_twice_is_not_swallowed(tmp_path):
    file = tmp_path / "bench.json"
    file.write_text(f'{{"1": {json.dumps(IMAGE)}, "1": {json.dumps(IMAGE)}}}')
    with pytest.raises(InputError, match="occurs twice"):
        read_bench(file)
