"""Cutpoints are those that validation patients' labels ask for; an encoder is calibrated anew."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from pretrain import calibrate_heads as command
from pretrain.calibrate_heads import HeadCalibration, calibrate
from pretrain.student import cutpoints
from pretrain.student.cutpoints import cross_fitted, fit_cutpoints
from pretrain.student.validation import best_temperature
from tests.pretrain.archives import write_archive
from versamammo.input.contract import InputContract
from versamammo.model.configuration import VersaMammoConfig
from versamammo.model.encoder import VersaMammoModel
from versamammo.model.head_scores import read_head_scores
from versamammo.model.heads import AttributeHeads, OrdinalHead, describe_heads
from versamammo.model.weights import WEIGHTS

COUNTS = (60, 300, 200, 20)


def drawn(counts: tuple[int, ...] = COUNTS, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Draw a feature that lies near its class, and a second that tells nothing."""
    random = np.random.default_rng(seed)
    truth = np.repeat(np.arange(len(counts)), counts)
    near = 0.5 * truth - 1 + 0.2 * random.standard_normal(len(truth))
    features = np.stack([near, random.standard_normal(len(truth))], axis=1)
    return torch.from_numpy(features).float(), torch.from_numpy(truth)


def head(classes: int = 4) -> OrdinalHead:
    """A head whose score is right and whose cutpoints are not."""
    made = OrdinalHead(2, classes)
    with torch.no_grad():
        made.linear.weight.copy_(torch.tensor([[1.0, 0.0]]))
        made.linear.bias.zero_()
    return made


def balanced(told: Tensor | np.ndarray, truth: Tensor) -> float:
    told = torch.as_tensor(told)
    return float(np.mean([(told[truth == k] == k).float().mean() for k in truth.unique()]))


def test_classes_between_the_ends_are_told_once_cutpoints_fit() -> None:
    features, truth = drawn()
    made = head()
    before = balanced(made(features).argmax(1), truth)
    assert fit_cutpoints(made, features, truth)
    told = made(features)
    assert before < 0.55
    assert balanced(told.argmax(1), truth) > 0.8
    torch.testing.assert_close(told.exp().sum(1), torch.ones(len(truth)))
    # halfway between the means of the classes, all counting alike
    score = made.linear(torch.tensor([[-0.75, 0.0], [-0.25, 0.0], [0.25, 0.0]]))[:, 0]
    torch.testing.assert_close(made.cutpoints(), score, atol=0.6, rtol=0.1)


def test_classes_that_do_not_occur_are_never_named() -> None:
    features, truth = drawn((0, 40, 0, 40, 40, 0))
    made = head(6)
    assert fit_cutpoints(made, features, truth)
    told = made(features)
    assert set(told.argmax(1).tolist()) == {1, 3, 4}
    assert balanced(told.argmax(1), truth) > 0.75
    assert bool(torch.isfinite(told).all())


@pytest.mark.parametrize("counts", [(30, 30, 0, 0), (30, 30, 4, 30)])
def test_too_few_classes_or_images_change_nothing(counts: tuple[int, ...]) -> None:
    features, truth = drawn(counts)
    made = head()
    before = {name: one.clone() for name, one in made.state_dict().items()}
    assert not fit_cutpoints(made, features, truth)
    assert all(torch.equal(before[name], one) for name, one in made.state_dict().items())


def test_what_is_told_of_a_patient_rests_on_others(monkeypatch: pytest.MonkeyPatch) -> None:
    features, truth = drawn((30, 30, 30, 30))
    patients = [f"p{n // 3}" for n in range(len(truth))]
    fitted: list[set[float]] = []

    def note(made: OrdinalHead, given: Tensor, classes: Tensor) -> bool:
        fitted.append(set(given[:, 1].tolist()))
        return fit_cutpoints(made, given, classes)

    monkeypatch.setattr(cutpoints, "fit_cutpoints", note)
    told = cross_fitted(head(), features, truth, patients)
    assert set(told.tolist()) == {0, 1, 2, 3}
    assert balanced(told, truth) > 0.75
    whose = {value: name for value, name in zip(features[:, 1].tolist(), patients, strict=True)}
    assert len(fitted) == 10
    for given in fitted:
        left_out = set(patients) - {whose[value] for value in given}
        assert left_out
        assert all(whose[value] not in left_out for value in given)
    assert sum(len(patients) - len(given) for given in fitted) == len(patients)


def test_a_head_that_treats_classes_alike_forgets_their_frequencies() -> None:
    heads = AttributeHeads(2, ["density", "view"])
    heads.log_prior["density"].data = torch.tensor([0.7, 0.1, 0.1, 0.1]).log()
    heads.log_prior["view"].data = torch.tensor([0.9, 0.1]).log()
    features = torch.randn(5, 2)
    plain = heads(features)
    heads.treat_alike("density")
    told = heads.probabilities(features)
    torch.testing.assert_close(told["density"], plain["density"].exp())
    assert not torch.allclose(told["view"], plain["view"].exp())


def test_a_temperature_for_classes_alike_hears_the_rare_ones() -> None:
    # sure and right of the frequent, sure and wrong of the rare
    log_shares = torch.tensor([[0.95, 0.05]] * 100).log()
    truth = torch.tensor([0] * 95 + [1] * 5)
    assert best_temperature(log_shares, truth) == pytest.approx(1, rel=0.05)
    assert best_temperature(log_shares, truth, alike=True) > 10


@pytest.fixture
def finished(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    config = VersaMammoConfig(
        backbone="test_efficientnet", contract=InputContract(size=(64, 48)).to_dict(),
        heads=describe_heads(("density", "view"), ("mass",)),
    )  # fmt: skip
    VersaMammoModel(config).save_pretrained(tmp_path / "encoder")
    (tmp_path / "encoder" / "README.md").write_text("# Encoder\n\n## What it knows\n\nold\n")
    return tmp_path / "encoder"


def test_a_calibrated_copy_says_on_whom_and_keeps_its_features(
    finished: Path, tmp_path: Path
) -> None:
    data = write_archive(tmp_path / "prepared")
    lines = calibrate(
        HeadCalibration(finished, data, tmp_path / "out", splits=("test",), alike=("density",))
    )

    assert any(line.startswith("density: class-balanced accuracy") for line in lines)
    before, after = (VersaMammoModel.from_pretrained(one) for one in (finished, tmp_path / "out"))
    pixels = torch.rand(1, 1, 64, 48)
    torch.testing.assert_close(after.encode(pixels).pooled, before.encode(pixels).pooled)
    assert after.heads is not None
    assert float(after.heads.attributes.log_temperature.detach().abs().sum()) > 0
    told = "heads calibrated on 12 images of 6 patients of half discs"
    assert after.config.training["steps"][-1] == told
    card = (tmp_path / "out" / "README.md").read_text()
    assert card.index(told[1:]) < card.index("## What it knows")
    assert {one.attribute for one in read_head_scores(tmp_path / "out")} >= {"density", "view"}


def test_heads_are_mirrored_and_measured_with_weights_as_they_are(
    finished: Path, tmp_path: Path
) -> None:
    data = write_archive(tmp_path / "prepared")
    out = tmp_path / "out"
    calibrate(HeadCalibration(finished, data, out, splits=("test",), mirrored=True, fit=False))

    assert (out / WEIGHTS).read_bytes() == (finished / WEIGHTS).read_bytes()
    made = VersaMammoModel.from_pretrained(out)
    assert made.heads is not None
    assert made.heads.mirrored
    told = "heads measured, mirrored, on 12 images of 6 patients of half discs"
    assert made.config.training["steps"] == [told]
    pixels = torch.rand(1, 1, 64, 48)
    first, second = (made.probabilities(one)[0]["view"] for one in (pixels, pixels.flip(-2)))
    assert first == pytest.approx(second, abs=1e-5)
    before = VersaMammoModel.from_pretrained(finished)
    assert before.probabilities(pixels)[0]["view"] != pytest.approx(first, abs=1e-5)


def test_what_cannot_be_calibrated_is_refused(
    finished: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = write_archive(tmp_path / "prepared")
    words = ["--data", str(data), "--output", str(tmp_path / "out"), "--splits", '["test"]']
    assert command.main(["--encoder", str(finished), *words, "--alike", '["tissue"]']) == 2
    assert "no head 'tissue'; expected some of density, view" in capsys.readouterr().err

    bare = VersaMammoConfig(
        backbone="test_efficientnet", contract=InputContract(size=(64, 48)).to_dict()
    )
    VersaMammoModel(bare).save_pretrained(tmp_path / "bare")
    assert command.main(["--encoder", str(tmp_path / "bare"), *words]) == 2
    assert "no heads to calibrate" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
