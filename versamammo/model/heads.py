"""Small heads on an encoder: what the image shows as a whole, and where findings lie.

They are saved among the encoder's own weights, under `heads.`, so that all keys stay strict.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, cast

import torch
import torch.nn.functional as F
from timm.layers.norm import LayerNorm2d
from torch import Tensor, nn

from versamammo.data.attributes import Attribute, Scale, attributes_named
from versamammo.data.labels import FINDINGS
from versamammo.errors import InputError
from versamammo.model.features import Features, Level

FINEST_STRIDE = 8  # of the heat map: a calcification cluster spans a few such cells
# Of the maps that are read. A cell of 32 pixels of a close-up of 64 sees its border, and another
# thing in a whole breast: with such maps masses reached an area of 0.70 image by image, without
# 0.81 (phantoms, 900 steps of 32 close-ups).
COARSEST_STRIDE = 8
SMALLEST_GAP = 1e-3  # between two cutpoints, in logits
# Between two cutpoints at the start, in logits. They hardly move within a short training, and one
# unit apart the classes between the ends never reach a quarter: among classes alike frequent none
# of them is ever named.
APART = 2.0
# log odds of the strongest cell, brought near the spread of features; beyond the limit they say
# no more
LARGEST_ODDS, ODDS_SCALE = 10.0, 4.0


class NamesHead(nn.Module):
    """Classes without order: one linear score each."""

    def __init__(self, width: int, classes: int) -> None:
        super().__init__()
        self.linear = nn.Linear(width, classes)

    def forward(self, pooled: Tensor) -> Tensor:
        """Return log-probabilities [B, K] of features [B, D]."""
        return F.log_softmax(self.linear(pooled), dim=-1)


class OrdinalHead(nn.Module):
    """Classes in order: one score, and cutpoints between the classes (McCullagh 1980).

    P(y > k) = sigmoid(score - cut_k). Cutpoints rise by construction, so that no class can get a
    negative probability, which CORAL's free biases allow during training.
    """

    def __init__(self, width: int, classes: int) -> None:
        super().__init__()
        self.linear = nn.Linear(width, 1)
        self.first = nn.Parameter(torch.tensor(-APART * (classes - 2) / 2))
        inverse_softplus = math.log(math.expm1(APART))
        self.gaps = nn.Parameter(torch.full((classes - 2,), inverse_softplus))

    def cutpoints(self) -> Tensor:
        """Return the K - 1 cutpoints, rising."""
        steps = F.softplus(self.gaps) + SMALLEST_GAP
        return torch.cat([self.first[None], self.first + steps.cumsum(0)])

    def forward(self, pooled: Tensor) -> Tensor:
        """Return log-probabilities [B, K] of features [B, D]."""
        above = self.linear(pooled) - self.cutpoints()  # [B, K - 1], log odds of y > k
        low, high = F.logsigmoid(-above), F.logsigmoid(above)
        # log(sigmoid(a) - sigmoid(b)) = logsigmoid(a) + logsigmoid(-b) + log(1 - exp(b - a))
        between = torch.log1p(-torch.exp(above[:, 1:] - above[:, :-1]))
        middle = high[:, :-1] + low[:, 1:] + between
        return torch.cat([low[:, :1], middle, high[:, -1:]], dim=1)


class AttributeHeads(nn.Module):
    """One head for each attribute.

    The heads learn with the classes' frequencies added to their log-probabilities (logit
    adjustment, Menon et al. 2021): alone they treat rare and common classes alike, which is what
    a decision wants; with the frequencies they give the probabilities of the archive.

    Attributes:
        attributes: what is predicted.
        log_prior: [K] of each attribute, the classes' frequencies among those known.
        log_temperature: of each attribute, set on validation patients.
    """

    def __init__(self, width: int, names: Sequence[str]) -> None:
        super().__init__()
        self.attributes = attributes_named(names)
        self.heads = nn.ModuleDict({one.name: _head(width, one) for one in self.attributes})
        self.log_prior = nn.ParameterDict(
            {
                one.name: nn.Parameter(
                    torch.zeros(len(one.classes)) - torch.tensor(float(len(one.classes))).log(),
                    requires_grad=False,
                )
                for one in self.attributes
            }
        )
        self.log_temperature = nn.Parameter(torch.zeros(len(names)), requires_grad=False)

    def forward(self, pooled: Tensor) -> dict[str, Tensor]:
        """Return log-probabilities [B, K] of pooled features [B, D], all classes alike frequent."""
        pooled = pooled.float()
        return {one.name: self.heads[one.name](pooled) for one in self.attributes}

    def adjusted(self, pooled: Tensor) -> dict[str, Tensor]:
        """Return log-probabilities [B, K] at the archive's class frequencies, not calibrated."""
        return {
            name: F.log_softmax(found + self.log_prior[name], dim=-1)
            for name, found in self(pooled).items()
        }

    def probabilities(self, pooled: Tensor) -> dict[str, Tensor]:
        """Return calibrated probabilities [B, K] at the archive's class frequencies."""
        temperatures = self.log_temperature.exp().unbind()
        adjusted = self.adjusted(pooled)
        return {
            name: F.softmax(adjusted[name] / temperature, dim=-1)
            for name, temperature in zip(adjusted, temperatures, strict=True)
        }

    @torch.no_grad()
    def treat_alike(self, name: str) -> None:
        """Forget the frequencies of an attribute's classes: all are taken to be alike frequent."""
        prior = self.log_prior[name]
        prior.fill_(-math.log(len(prior)))

    @torch.no_grad()
    def in_words(self, pooled: Tensor) -> list[dict[str, dict[str, float]]]:
        """Return for each of the images [B, D] the probability of each class of each attribute."""
        found = self.probabilities(pooled)
        return [
            {
                one.name: dict(zip(one.classes, found[one.name][i].tolist(), strict=True))
                for one in self.attributes
            }
            for i in range(len(pooled))
        ]


class PyramidHead(nn.Module):
    """A map read off the pyramid: maps of all strides are brought to the finest and added up.

    Attributes:
        chosen: which maps of the pyramid are read: of strides from 8 to the coarsest, or the
            finest of all if they are coarser.
        reads: how many maps have to be computed for it, from the finest.
        stride: pixels of the input per cell of the heat map.
    """

    def __init__(
        self,
        levels: Sequence[Level],
        channels: int,
        width: int,
        *,
        coarsest: int | None = None,
        cellwise: bool = True,
    ) -> None:
        super().__init__()
        fine = [i for i, level in enumerate(levels) if level.stride >= FINEST_STRIDE]
        near = [i for i in fine if coarsest is None or levels[i].stride <= coarsest]
        self.chosen = near or fine[:1]
        self.reads = max(self.chosen) + 1
        self.stride = min(levels[i].stride for i in self.chosen)
        self.sides = nn.ModuleList(nn.Conv2d(levels[i].channels, width, 1) for i in self.chosen)
        # cell by cell, so that a finding looks the same in a close-up and in a whole breast
        norm = LayerNorm2d(width) if cellwise else nn.GroupNorm(8, width)
        self.mix = nn.Sequential(norm, nn.GELU(), nn.Conv2d(width, width, 3, padding=1), nn.GELU())
        self.score = nn.Conv2d(width, channels, 1)

    def forward(self, pyramid: Sequence[Tensor]) -> Tensor:
        """Return log odds [B, K, h, w], one channel for each that was asked for."""
        maps = [side(pyramid[i].float()) for i, side in zip(self.chosen, self.sides, strict=True)]
        finest = max((one.shape[-2:] for one in maps), key=lambda size: size[0] * size[1])
        laid = [
            one
            if one.shape[-2:] == finest
            else F.interpolate(one, finest, mode="bilinear", align_corners=False)
            for one in maps
        ]
        found: Tensor = self.score(self.mix(torch.stack(laid).sum(dim=0)))
        return found


class FindingHead(PyramidHead):
    """A heat map of findings: log odds [B, K, h, w] that a cell shows a finding of each kind.

    Attributes:
        kinds: of findings, one channel each.
    """

    def __init__(
        self,
        levels: Sequence[Level],
        kinds: Sequence[str],
        width: int,
        *,
        coarsest: int | None = None,
        cellwise: bool = True,
    ) -> None:
        _check_kinds(kinds)
        super().__init__(levels, len(kinds), width, coarsest=coarsest, cellwise=cellwise)
        self.kinds = tuple(kinds)
        # findings cover about a hundredth of a breast: start from there
        nn.init.constant_(cast(Tensor, self.score.bias), -4.6)


class Heads(nn.Module):
    """All heads of one encoder; `config.heads` describes them.

    Attributes:
        attributes: what the image shows as a whole.
        findings: where findings lie; None if no kind was marked in the archive.
        strongest: attributes are read off the strongest cell of each kind too, since a pooled
            vector hardly tells a breast with one small mass from a breast without.
        lesions: log odds [B, 1, h, w] that a finding, if a cell shows one, is malignant; attributes
            are read off its mean over what the heat map marks too. None if no place with a
            pathology was known.
        mirrored: answers are means over an image and the same image upside down, which shows the
            other breast as well as an image of it would.
    """

    def __init__(self, width: int, levels: Sequence[Level], described: Mapping[str, Any]) -> None:
        super().__init__()
        optional = {"version", "coarsest", "lesion_pathology", "mirrored"}
        if described.keys() - optional != {"attributes", "findings", "width"}:
            message = f"expected attributes, findings and width, got {sorted(described)}"
            raise InputError(message, field="heads", reason="bad-config")
        kinds = described["findings"]
        # folders from before there were versions lack the word
        version = described.get("version", 1)
        self.strongest = version > 1 and bool(kinds)
        self.mirrored = bool(described.get("mirrored"))
        graded = self.strongest and bool(described.get("lesion_pathology"))
        seen = width + (len(kinds) + graded if self.strongest else 0)
        self.attributes = AttributeHeads(seen, described["attributes"])
        self.findings = (
            FindingHead(
                levels, kinds, described["width"],
                coarsest=described.get("coarsest"), cellwise=version > 1,
            )
            if kinds
            else None
        )  # fmt: skip
        self.lesions = (
            PyramidHead(levels, 1, described["width"], coarsest=described.get("coarsest"))
            if graded
            else None
        )

    def heat(self, features: Features) -> Tensor | None:
        """Return log odds [B, K, h, w] of each kind of finding, if findings were learnt."""
        return None if self.findings is None else self.findings(features.pyramid)

    def whole(self, features: Features, heat: Tensor | None = None) -> Tensor:
        """Return what attributes are read off, [B, D], [B, D + K] or [B, D + K + 1].

        Args:
            features: of B images.
            heat: their heat maps, to save computing them.
        """
        if not self.strongest:
            return features.pooled
        found = self.heat(features) if heat is None else heat
        assert found is not None, "there are kinds of findings, or strongest is False"
        top = found.float().amax(dim=(2, 3)).clamp(-LARGEST_ODDS, LARGEST_ODDS) / ODDS_SCALE
        seen = [features.pooled, top.to(features.pooled)]
        if self.lesions is not None:
            odds = _at_marks(self.lesions(features.pyramid), found.detach())
            seen.append(odds.to(features.pooled))
        return torch.cat(seen, dim=1)


def _at_marks(odds: Tensor, heat: Tensor) -> Tensor:
    """Average log odds [B, 1, h, w] over cells by how strongly heat [B, K, h, w] marks them."""
    marked = heat.float().amax(dim=1).clamp(-LARGEST_ODDS, LARGEST_ODDS).flatten(1)
    weights = marked.softmax(dim=1)
    return (odds.float().flatten(1) * weights).sum(dim=1, keepdim=True)


def describe_heads(
    attributes: Sequence[str],
    kinds: Sequence[str],
    width: int = 64,
    coarsest: int = COARSEST_STRIDE,
    *,
    lesion_pathology: bool = False,
) -> dict[str, Any]:
    """Describe heads for `VersaMammoConfig.heads`."""
    attributes_named(attributes)
    _check_kinds(kinds)
    graded = {"lesion_pathology": True} if lesion_pathology else {}
    return graded | {
        "attributes": list(attributes),
        "findings": list(kinds),
        "width": width,
        "coarsest": coarsest,
        "version": 2,
    }


def _head(width: int, attribute: Attribute) -> nn.Module:
    ordinal = attribute.scale is Scale.ORDINAL
    return (OrdinalHead if ordinal else NamesHead)(width, len(attribute.classes))


def _check_kinds(kinds: Sequence[str]) -> None:
    for kind in kinds:
        if kind not in FINDINGS:
            message = f"unknown finding {kind!r}; expected some of {', '.join(FINDINGS)}"
            raise InputError(message, field="heads.findings", reason="bad-config")
