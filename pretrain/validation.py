"""How good the student is on patients it never trained on, and how sure it may be.

The figure that chooses the best epoch is a mean of areas under ROC curves: of all attributes known
of these patients and, if findings are learnt, of cells with and without a finding. Each weighs by
how surely it is known, cases times controls over images: a plain mean follows the luck of whatever
is rare, and chose the second of eight epochs where the last was best.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from torch import Tensor

from pretrain.monitors import effective_rank, feature_std
from pretrain.student import at_cells, tissue_cell
from pretrain.whole_views import WholeSettings, places_of
from versamammo.attributes import ATTRIBUTES, UNKNOWN_CLASS, classes_of
from versamammo.dataset import Archive, Picture
from versamammo.encoder import VersaMammoModel
from versamammo.heads import AttributeHeads, Heads
from versamammo.labels import FINDINGS
from versamammo.preprocess import to_input
from versamammo.roc import auroc

FIGURE = "val/figure"
HALF = 0.5  # of a cell, for it to count as a finding's
WARMEST = 3.0  # log of the largest temperature tried
WATCHED = ("laterality",)  # stays at chance unless preparation leaks the side
Area = tuple[float, float]  # under a ROC curve, and its weight


@dataclass(frozen=True, eq=False)
class Seen:
    """What an encoder made of the validation images.

    Attributes:
        pooled: [n, D].
        heat: log odds [n, K, h, w], if findings were learnt.
        whole: what attributes are read off, `Heads.whole`; the pooled vectors without heads.
    """

    pooled: Tensor
    whole: Tensor
    heat: Tensor | None


class Validation:
    """Images of held-out patients, prepared once, not varied.

    Attributes:
        images: [n, 1, H, W], normalised.
        classes: [n, A], -1 where unknown.
    """

    def __init__(self, archive: Archive, settings: WholeSettings, limit: int) -> None:
        places = np.linspace(0, len(archive) - 1, min(limit, len(archive)))
        self.pictures: list[Picture] = [archive[int(i)] for i in np.unique(places.round())]
        self.settings = settings
        contract = settings.contract
        self.images = torch.stack([to_input(one.levels(), contract) for one in self.pictures])
        self.classes = np.stack(
            [classes_of(one.labels, one.view, one.laterality) for one in self.pictures]
        )
        self._places: tuple[NDArray[np.bool_], Tensor] | None = None

    @torch.no_grad()
    def see(self, encoder: VersaMammoModel, rows: int = 16) -> Seen:
        """Show all images to an encoder in evaluation mode."""
        heads = encoder.heads
        pooled, whole, heat = [], [], []
        for some in self.images.split(rows):
            features = encoder.encode(some.to(encoder.device))
            pooled.append(features.pooled.float().cpu())
            found = None if heads is None else heads.heat(features)
            if heads is not None:
                whole.append(heads.whole(features, found).float().cpu())
            if found is not None:
                heat.append(found.cpu())
        return Seen(
            torch.cat(pooled), torch.cat(whole or pooled), torch.cat(heat) if heat else None
        )

    def ask(self, encoder: VersaMammoModel, seen: Seen) -> dict[str, float]:
        """Give the figures; only spread and rank for an encoder without heads."""
        answers = {"val/std": feature_std(seen.pooled), "val/rank": effective_rank(seen.pooled)}
        if encoder.heads is None:
            return answers
        areas = self._attribute_areas(encoder, seen)
        if seen.heat is not None:
            areas |= self._finding_area(encoder, seen.heat)
        told = [area for name, area in areas.items() if name not in WATCHED]
        if told:
            found, weights = zip(*told, strict=True)
            answers[FIGURE] = float(np.average(found, weights=weights))
        return answers | {f"val/{name}": area for name, (area, _) in areas.items()}

    def _attribute_areas(self, encoder: VersaMammoModel, seen: Seen) -> dict[str, Area]:
        heads = cast(Heads, encoder.heads)
        found = heads.attributes.cpu().probabilities(seen.whole)
        heads.attributes.to(encoder.device)
        areas = {}
        for name, probabilities in found.items():
            truth = self.known(name)
            given = probabilities.detach().numpy()[truth != UNKNOWN_CLASS]
            truth = truth[truth != UNKNOWN_CLASS]
            kinds = [k for k in np.unique(truth) if 0 < (truth == k).sum() < len(truth)]
            if kinds:
                cases = [np.asarray(truth == k) for k in kinds]
                scores = given[:, kinds].astype(np.float64).T
                each = [auroc(own, case) for own, case in zip(scores, cases, strict=True)]
                areas[name] = float(np.mean(each)), sum(map(_certainty, cases))
        return areas

    def _finding_area(self, encoder: VersaMammoModel, heat: Tensor) -> dict[str, Area]:
        findings = cast(Heads, encoder.heads).findings
        if findings is None:
            return {}
        placed, cover = self._placed(encoder)
        columns = [FINDINGS.index(kind) for kind in findings.kinds]
        truth = at_cells(cover[:, columns], heat).numpy() >= HALF
        known = np.broadcast_to(placed[:, columns, None, None], truth.shape)
        shows = np.asarray((truth & known).any(axis=(1, 2, 3)))
        certainty = 2 * _certainty(shows)
        truth, scores = truth[known], heat.double().numpy()[known]
        if not 0 < truth.sum() < len(truth):
            return {}
        return {"lesion": (auroc(scores, truth), max(certainty, 1.0))}

    def _placed(self, encoder: VersaMammoModel) -> tuple[NDArray[np.bool_], Tensor]:
        if self._places is None:
            cell = tissue_cell(encoder)
            found = [places_of(one, self.settings, None, cell) for one in self.pictures]
            covers = torch.from_numpy(np.stack([cover for _, cover in found]))
            self._places = np.stack([placed for placed, _ in found]), covers
        return self._places

    def known(self, name: str) -> NDArray[np.int64]:
        """Give the class of one attribute for each image [n], -1 where unknown."""
        column: NDArray[np.int64] = self.classes[:, list(ATTRIBUTES).index(name)]
        return column

    def calibrate(self, heads: AttributeHeads, seen: Seen) -> None:
        """Set each attribute's temperature to what makes these patients' labels most probable.

        One number per attribute (Guo et al. 2017); an attribute that no image knows keeps 1.
        """
        with torch.no_grad():
            adjusted = heads.adjusted(seen.whole.to(heads.log_temperature.device))
            for i, (name, log_shares) in enumerate(adjusted.items()):
                truth = torch.from_numpy(self.known(name))
                known = truth != UNKNOWN_CLASS
                if known.any():
                    best = best_temperature(log_shares.cpu()[known], truth[known])
                    heads.log_temperature[i] = float(np.log(best))


def _certainty(cases: NDArray[np.bool_]) -> float:
    """Give cases times controls over all [n]: one over the variance of an area, up to a factor."""
    return float(cases.sum() * (~cases).sum() / len(cases))


def best_temperature(log_shares: Tensor, truth: Tensor) -> float:
    """Find the temperature under which log-probabilities [n, K] fit classes [n] best."""
    scores = log_shares.double()

    def paid(log_temperature: float) -> float:
        tempered = (scores / np.exp(log_temperature)).log_softmax(dim=1)
        return float(-tempered.gather(1, truth[:, None]).mean())

    found = minimize_scalar(paid, bounds=(-WARMEST, WARMEST), method="bounded")
    return float(np.exp(found.x))
