"""The whole of stage 2 on a handful of half discs, in this process."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModel

from pretrain import export, stage1, stage2, student_monitor
from pretrain.objectives.supervised_losses import Frequencies
from pretrain.settings.stage2_config import LossTerms, Stage2, Stage2Optim, StudentSettings
from pretrain.student.student import LabelStatistics, Student
from pretrain.student.validation import FIGURE, Validation, best_temperature
from pretrain.views.whole_breast import WholeSettings
from tests.pretrain.archives import TINY as TINY_STAGE1
from tests.pretrain.archives import write_archive
from versamammo.data.attributes import ATTRIBUTES
from versamammo.data.dataset import Archive
from versamammo.input.contract import InputContract
from versamammo.model.configuration import VersaMammoConfig
from versamammo.model.encoder import VersaMammoModel
from versamammo.model.head_scores import read_head_scores
from versamammo.model.heads import describe_heads
from versamammo.training.run import Run, lines_of

TINY = """
run: {seed: 3, log_every: 2, checkpoint_every: 2, threads: 1, track: []}
terms: {temperature: 1.0} # four half discs are too few for sharp relations
workers: 0
graph: false # takes seconds
validation: [test]
student: {backbone: convnext_femto, arguments: {depths: [1, 1, 1, 1], dims: [16, 16, 24, 32]},
          head_width: 16}
views: {size: [160, 112], low: [80, 56]}
optim: {max_steps: 6, batch_size: 4, warmup_steps: 1, momentum: 0.9}
"""
NORMED = '{"backbone": "test_efficientnet", "arguments": {}}'  # by batch norms
Train = Callable[..., int]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_archive(tmp_path_factory.mktemp("prepared") / "data")


@pytest.fixture(scope="module")
def teacher(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("teacher") / "vit"
    torch.manual_seed(0)
    config = VersaMammoConfig(
        backbone="vit_small_patch14_reg4_dinov2",
        backbone_args={"img_size": [84, 56], "depth": 2, "embed_dim": 16, "num_heads": 2},
        contract=InputContract(size=(84, 56), mean=0.5, std=0.25).to_dict(),
    )
    VersaMammoModel(config).save_pretrained(folder)
    return folder


@pytest.fixture
def train(tmp_path: Path, data: Path, teacher: Path) -> Train:
    """Train in a named folder, with more options at will."""
    config = tmp_path / "tiny.yaml"
    config.write_text(TINY)

    def go(name: str, *options: str) -> int:
        out = ["--run.output", str(tmp_path / name), "--data", str(data)]
        return stage2.main(["--config", str(config), *out, "--teacher", str(teacher), *options])

    return go


def losses_of(folder: Path) -> list[float]:
    return [line["loss"] for line in lines_of(folder / "metrics.jsonl") if "loss" in line]


def test_close_ups_alone_come_first(train: Train, tmp_path: Path) -> None:
    few = ("--optim.max_steps", "4", "--optim.close_first", "2", "--run.log_every", "1")
    assert train("close", *few, "--graph", "false") == 0

    lines = [line for line in lines_of(tmp_path / "close/metrics.jsonl") if "loss" in line]

    assert ["loss/attributes" in line for line in lines] == [False, False, True, True]
    assert all("loss/closeups" in line for line in lines)


def test_whole_breasts_are_normalised_by_the_moments_of_close_ups(
    train: Train, tmp_path: Path
) -> None:
    steps = ("--optim.close_first", "2", "--run.log_every", "1", "--graph", "false")
    more = ("--run.checkpoint_every", "2", "--run.save_total_limit", "5", "--student", NORMED)
    assert train("fixed", "--optim.max_steps", "6", *steps, *more) == 0

    saved = sorted((tmp_path / "fixed/checkpoints").iterdir())
    assert len(saved) == 3
    moments = [
        {name: tensor for name, tensor in load_file(one / "model.safetensors").items()
         if name.startswith("encoder.") and "running_" in name}
        for one in saved
    ]  # fmt: skip
    assert moments[0]
    for later in moments[1:]:
        assert all(torch.equal(later[name], first) for name, first in moments[0].items())


def test_without_places_batch_norms_keep_moments_of_whole_breasts() -> None:
    terms = LossTerms(pooled=False, relational=False, dense=False)
    config = Stage2(
        student=StudentSettings("test_efficientnet"), terms=terms, optim=Stage2Optim(close_first=2)
    )
    nowhere = LabelStatistics([Frequencies("density", np.full(4, 0.25), 8)], (), np.zeros(0))
    somewhere = replace(nowhere, kinds=("mass",), rates=np.array([0.01]), showing=np.array([0]))

    assert not Student(config, nowhere, 0).settles, "there will be no close-up to take them from"
    assert Student(config, somewhere, 0).settles


def test_it_learns_and_its_encoder_opens_with_heads(
    train: Train, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    graphs: list[Path] = []  # writing a real one takes seconds; `test_find` does
    monkeypatch.setattr(student_monitor, "add_graph", lambda encoder, folder: graphs.append(folder))
    learning = ["--optim.max_steps", "60", "--optim.base_learning_rate", "0.05"]
    assert train("run", *learning, "--graph", "true") == 0

    lines = lines_of(tmp_path / "run" / "metrics.jsonl")
    paid = [line["loss/attributes"] for line in lines if "loss" in line]
    assert np.mean(paid[-8:]) < 0.95 * np.mean(paid[:4])
    seen = [line for line in lines if FIGURE in line]
    assert seen[-1][FIGURE] > seen[0][FIGURE] + 0.1
    assert seen[-1]["val/density"] > 0.9
    assert seen[-1]["val/lesion"] > 0.9

    encoder = AutoModel.from_pretrained(tmp_path / "run" / "encoder")
    answers = encoder.probabilities(torch.randn(2, 1, 160, 112))
    assert len(answers) == 2
    assert sum(answers[0]["density"].values()) == pytest.approx(1)
    assert encoder.heads.findings.kinds == ("mass",)
    assert graphs == [tmp_path / "run" / "encoder"]

    scores = {one.attribute: one for one in read_head_scores(tmp_path / "run" / "encoder")}
    best = max(seen, key=lambda line: line[FIGURE])
    assert scores["density"].auroc == pytest.approx(best["val/density"])
    assert scores["lesion"].auroc == pytest.approx(best["val/lesion"])
    assert (scores["mass"].images, scores["mass"].patients) == (12, 6)
    assert sum(count for _, count in scores["mass"].classes or ()) == 12
    assert "val/std" not in scores


def test_a_run_that_was_stopped_goes_on_bit_for_bit(
    train: Train, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert train("undisturbed") == 0

    save = Run.save

    def save_and_stop(self: Run, step: int, *others: object) -> None:
        save(self, step, *others)
        if step == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(Run, "save", save_and_stop)
    assert train("stopped") == 130
    monkeypatch.setattr(Run, "save", save)
    assert train("stopped") == 0

    one, other = tmp_path / "undisturbed", tmp_path / "stopped"
    assert (one / "metrics.jsonl").read_bytes() == (other / "metrics.jsonl").read_bytes()
    for name in (
        "checkpoints/step_00000006/model.safetensors",
        "checkpoints/step_00000006/optimizer.safetensors",
        "encoder/model.safetensors",
    ):
        first, second = load_file(one / name), load_file(other / name)
        assert first.keys() == second.keys()
        for key, value in first.items():
            assert torch.equal(value, second[key]), key


@pytest.mark.parametrize(
    "options",
    [
        ["--objective", "as_published"],
        ["--terms.supervised", "false"],
        [f"--terms.{name}=false" for name in ("pooled", "relational", "dense", "consistency")],
        ["--student.checkpointing", "true"],
        ["--hide_labels", "0.5"],
    ],
    ids=["as_published", "unsupervised", "supervised_only", "checkpointing", "labels_hidden"],
)
def test_every_objective_trains(train: Train, tmp_path: Path, options: list[str]) -> None:
    options = [word for one in options for word in one.split("=")]
    assert train("run", *options, "--optim.max_steps", "4") == 0
    assert np.isfinite(losses_of(tmp_path / "run")).all()
    assert (tmp_path / "run" / "encoder" / "model.safetensors").is_file()


def test_it_stops_when_nothing_gets_better(train: Train, tmp_path: Path) -> None:
    stuck = ["--optim.base_learning_rate", "1e-12", "--optim.final_learning_rate", "1e-12"]
    assert train("run", *stuck, "--optim.patience", "2", "--optim.max_steps", "40") == 0
    assert lines_of(tmp_path / "run" / "metrics.jsonl")[-1]["step"] < 40


def test_other_settings_are_refused(train: Train, capsys: pytest.CaptureFixture[str]) -> None:
    assert train("run", "--optim.max_steps", "2") == 0
    assert train("run", "--optim.max_steps", "4") == 2
    assert "optim.max_steps" in capsys.readouterr().err


@pytest.mark.parametrize(
    "wrong",
    [
        ["--teacher", "nowhere"],
        ["--student.weights", "nowhere.safetensors"],
        ["--data", "nowhere"],
        ["--validation", "[val]"],
        ["--optim.batch_size", "64"],
    ],
    ids=["no teacher", "no weights", "no data", "nobody held out", "too few images"],
)
def test_a_start_that_fails_leaves_the_folder_to_the_corrected_one(
    train: Train, tmp_path: Path, wrong: list[str]
) -> None:
    assert train("run", "--optim.max_steps", "4", *wrong) == 2
    assert not (tmp_path / "run").exists()
    assert train("run", "--optim.max_steps", "2") == 0


def test_damaged_weights_and_pictures_leave_the_folder_to_the_corrected_one(
    train: Train, tmp_path: Path, teacher: Path
) -> None:
    spoilt = tmp_path / "spoilt"
    shutil.copytree(teacher, spoilt)
    (spoilt / "model.safetensors").write_bytes(b"no weights")
    poor = write_archive(tmp_path / "poor")
    for picture in (poor / "cache").iterdir():
        if int(picture.stem) < 100:  # those that are learnt from
            picture.write_bytes(b"no picture")

    assert train("run", "--teacher", str(spoilt)) == 2
    assert train("run", "--data", str(poor)) == 2
    assert not (tmp_path / "run").exists()
    assert train("run", "--optim.max_steps", "2") == 0


def test_the_teacher_of_a_failed_start_does_not_teach_the_next(
    train: Train, tmp_path: Path, data: Path
) -> None:
    settings = tmp_path / "stage1.yaml"
    settings.write_text(TINY_STAGE1)
    for name, seed in (("one", "1"), ("other", "2")):
        words = ["--config", str(settings), "--data", str(data), "--optim.max_steps", "2"]
        words += ["--probes.every", "2", "--run.output", str(tmp_path / name), "--run.seed", seed]
        assert stage1.main(words) == 0

    assert train("run", "--teacher", str(tmp_path / "one"), "--validation", "[val]") == 2
    assert train("run", "--teacher", str(tmp_path / "other"), "--optim.max_steps", "2") == 0
    export.export(tmp_path / "other", tmp_path / "expected")
    kept, expected = (
        load_file(tmp_path / one / "model.safetensors") for one in ("run/teacher", "expected")
    )
    assert all(torch.equal(kept[name], value) for name, value in expected.items())
    assert not (tmp_path / "run/teacher.new").exists()


def test_a_folder_that_lies_where_the_teacher_is_kept_is_left_alone(
    train: Train, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "run/teacher").mkdir(parents=True)
    (tmp_path / "run/teacher/mine.txt").write_text("mine")
    assert train("run", "--optim.max_steps", "2") == 2
    assert "lies where its teacher is to be kept" in capsys.readouterr().err
    assert (tmp_path / "run/teacher/mine.txt").read_text() == "mine"


def test_the_temperature_is_the_one_that_was_hidden() -> None:
    random = torch.Generator().manual_seed(0)
    scores = torch.randn(20000, 3, generator=random) * 2
    truth = torch.multinomial(scores.softmax(1), 1, generator=random)[:, 0]
    assert best_temperature((3 * scores).log_softmax(1), truth) == pytest.approx(3, rel=0.05)


def test_what_is_rare_does_not_choose_the_epoch(data: Path) -> None:
    settings = WholeSettings(size=(160, 112), low=(80, 56))
    validation = Validation(Archive.open(data, ["test"]), settings, 400)
    names = list(ATTRIBUTES)
    validation.classes[:] = -1
    validation.classes[:, names.index("density")] = np.arange(12) % 2
    validation.classes[:, names.index("lymph_node")] = np.arange(12) == 0
    validation.classes[:, names.index("laterality")] = np.arange(12) % 2
    torch.manual_seed(0)
    encoder = VersaMammoModel(
        VersaMammoConfig(
            backbone="resnet10t",
            heads=describe_heads(["density", "lymph_node", "laterality"], [], width=16),
        )
    ).eval()

    found = validation.ask(encoder, validation.see(encoder))

    # 6 against 6, twice as there are two classes, and 1 against 11
    weights = np.array([2 * 3, 2 * 11 / 12])
    expected = np.average([found["val/density"], found["val/lymph_node"]], weights=weights)
    assert found[FIGURE] == pytest.approx(expected)
    assert "val/laterality" in found
