"""Both stages learn from three prepared folders at once, each weighed, and their folders say so."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from pretrain import export, stage1, stage2
from pretrain.settings.stage1_config import Stage1
from pretrain.settings.stage2_config import Stage2
from pretrain.student.label_statistics import label_statistics
from pretrain.views.crop_loader import CropDataset
from pretrain.views.tissue_maps import TissueSettings, find_tissue
from tests.pretrain.archives import TINY
from tests.pretrain.test_stage2 import TINY as TINY_STAGE2
from tests.versamammo.data.test_joined_archives import own, prepared
from versamammo.config import load
from versamammo.data.joined_archives import open_archive
from versamammo.data.labels import Labels
from versamammo.data.sampling import Draw
from versamammo.model.configuration import VersaMammoConfig
from versamammo.training.origin import counts_in, images_in, read_origin
from versamammo.training.run import Run

UNKNOWN = {name: float("nan") for name in Labels.names()}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """One archive knows all, one the density alone, one nothing but findings."""
    root = tmp_path_factory.mktemp("prepared")
    known = {
        "bmcd": lambda row: {},
        "cmmd": lambda row: {**UNKNOWN, "density": row["density"], "findings": None},
        "dmid": lambda row: {"density": float("nan"), "birads": float("nan")},
    }
    folders = [
        prepared(root / name, name, lambda row, name=name: known[name](row) | own(name)(row))
        for name in known
    ]
    return [str(folders[0]), f"{folders[1]}:0.5", f"{folders[2]}:2"]


def test_folders_are_named_on_the_command_line_as_in_yaml(tmp_path: Path) -> None:
    file = tmp_path / "run.yaml"
    file.write_text("data: [a, 'b:0.5', c]\n")

    told = load(Stage1, ["--config", str(file)]).data
    assert told == load(Stage1, ["--data", "a", "b:0.5", "c", "--optim.max_steps", "30"]).data
    assert told == ("a", "b:0.5", "c")
    assert load(Stage2, ["--data", "a"]).data == Path("a")
    assert load(Stage2, ["--splits", "train", "val"]).splits == ("train", "val")


def test_tissue_is_that_of_each_folder(data: list[str]) -> None:
    settings = TissueSettings()
    joined = open_archive(data, ["train"])
    maps = find_tissue(joined, settings)

    assert len(maps) == len(joined) == 48
    for place in (0, 15, 16, 47):
        alone = find_tissue(joined.parts[place // 16], settings)[place % 16]
        np.testing.assert_array_equal(maps[place].cells, alone.cells)


def test_unknown_labels_are_masked_and_known_ones_count_as_often_as_they_are_drawn(
    data: list[str], tmp_path: Path
) -> None:
    (tmp_path / "tiny.yaml").write_text(TINY_STAGE2)
    config = load(Stage2, ["--config", str(tmp_path / "tiny.yaml")])
    known = label_statistics(open_archive(data, ["train"]), config)

    found = {one.name: one for one in known.attributes}
    assert found["density"].known == 32  # of two folders
    assert found["birads"].known == 16
    assert found["mass"].known == 32
    # 8 images each of two classes, once and by half, and one more of each of four classes
    np.testing.assert_allclose(found["density"].shares * 28, [13, 1, 13, 1])
    assert set(known.showing.tolist()) == {n for n in range(48) if n // 16 != 1 and n % 8 < 4}
    assert known.kinds == ("mass",)


def start(stage: object, folder: Path, settings: str, *options: str) -> int:
    (folder / "tiny.yaml").write_text(settings)
    words = ["--config", str(folder / "tiny.yaml"), *options]
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("sys.argv", ["stage.py", *words])
        return stage.main(words)  # type: ignore[attr-defined, no-any-return]


def tensors(run: Path) -> dict[str, torch.Tensor]:
    return load_file(sorted(run.glob("checkpoints/*/model.safetensors"))[-1])


def test_stage_1_learns_from_all_and_goes_on_bit_equal(
    data: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    def train(name: str, *folders: str) -> int:
        out = ["--run.output", str(tmp_path / name)]
        return start(stage1, tmp_path, TINY, *out, "--optim.max_steps", "16", "--data", *folders)

    assert train("undisturbed", *data) == 0
    said = capsys.readouterr().out
    assert "learning from cmmd in cmmd: CC BY 4.0; 16 of 28 images, 8 patients, weight 0.5" in said
    assert "learning from all together: 48 of 84 images" in said

    saved = Run.save

    def save_and_stop(self: Run, step: int, *state: object) -> None:
        saved(self, step, *state)  # type: ignore[arg-type]
        if step == 14:  # in the second epoch, of which the weights leave out other images
            raise KeyboardInterrupt

    monkeypatch.setattr(Run, "save", save_and_stop)
    assert train("stopped", *data) == 130
    monkeypatch.setattr(Run, "save", saved)
    assert train("stopped", data[0], data[1], data[2].replace(":2", ":3")) == 2
    assert "the run began with images" in capsys.readouterr().err
    assert train("stopped", *data) == 0

    one, other = tmp_path / "undisturbed", tmp_path / "stopped"
    assert (one / "metrics.jsonl").read_bytes() == (other / "metrics.jsonl").read_bytes()
    first, second = tensors(one), tensors(other)
    assert all(torch.equal(first[key], second[key]) for key in first)


def test_the_folder_of_a_run_and_its_encoder_list_the_sources(
    data: list[str], tmp_path: Path
) -> None:
    run = tmp_path / "run"
    options = ["--run.output", str(run), "--optim.max_steps", "2", "--probes.every", "2"]
    assert start(stage1, tmp_path, TINY, *options, "--data", *data) == 0
    export.export(run, tmp_path / "encoder")

    settings = (run / "config.yaml").read_text()
    assert settings.startswith("# bmcd in bmcd: CC BY 4.0; 16 of 28 images, 8 patients")
    assert load(Stage1, ["--config", str(run / "config.yaml")]).data == tuple(data)
    origin = read_origin(run)
    assert [count.licence for count in counts_in(origin)] == ["CC BY 4.0"] * 3
    assert images_in(origin) == {"bmcd": 16, "cmmd": 16, "dmid": 16}
    config = VersaMammoConfig.from_pretrained(tmp_path / "encoder")
    assert config.training["images"] == {"bmcd": 16, "cmmd": 16, "dmid": 16}
    card = (tmp_path / "encoder" / "README.md").read_text()
    assert (
        "- dmid in dmid: CC BY 4.0; 16 of 28 images, 8 patients, weight 2, 12 of other spl" in card
    )


def test_stage_2_learns_from_all_and_its_card_lists_them(data: list[str], tmp_path: Path) -> None:
    terms = '{"pooled": false, "relational": false, "dense": false, "temperature": 1.0}'
    options = ["--run.output", str(tmp_path / "run"), "--terms", terms, "--data", *data]
    assert start(stage2, tmp_path, TINY_STAGE2, *options, "--optim.max_steps", "2") == 0

    encoder = tmp_path / "run" / "encoder"
    training = json.loads((encoder / "config.json").read_text())["training"]
    assert training["sources"] == ["bmcd", "cmmd", "dmid"]
    assert training["images"] == {"bmcd": 16, "cmmd": 16, "dmid": 16}
    card = (encoder / "README.md").read_text()
    assert "48 images of bmcd, cmmd, dmid" in card
    assert "- cmmd in cmmd: CC BY 4.0; 16 of 28 images, 8 patients, weight 0.5" in card


def test_an_image_that_is_drawn_twice_is_shown_differently(data: list[str]) -> None:
    config = load(Stage1, ["--views.overview.size", "[56, 42]", "--views.detail.size", "[28, 28]"])
    archive = open_archive(data, ["train"])
    tissue = find_tissue(archive, config.tissue)
    shown = CropDataset(archive, tissue, config.views, config.masks, patch=14, seed=0)
    first, again = (shown[Draw(0, 0, 40, copy)].views.overview for copy in (0, 1))

    assert not np.array_equal(first, again)
    np.testing.assert_array_equal(first, shown[Draw(0, 0, 40)].views.overview)
