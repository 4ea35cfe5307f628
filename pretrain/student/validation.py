"""How good the student is on patients it never trained on, and how sure it may be.

The figure that chooses the best epoch is a mean of areas under ROC curves: of all attributes known
of these patients and, if findings are learnt, of cells with and without a finding. Each weighs by
how surely it is known, cases times controls over images: a plain mean follows the luck of whatever
is rare, and chose the second of eight epochs where the last was best.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from torch import Tensor

from pretrain.monitoring.collapse_detection import effective_rank, feature_std
from pretrain.monitoring.held_out_images import HeldOutImages
from pretrain.student.cutpoints import fit_cutpoints
from pretrain.student.student import at_cells, tissue_cell
from pretrain.views.whole_breast import WholeSettings, places_of
from versamammo.data.attributes import ATTRIBUTES, UNKNOWN_CLASS, classes_of
from versamammo.data.dataset import Archive, Picture
from versamammo.data.labels import FINDINGS
from versamammo.model.encoder import VersaMammoModel
from versamammo.model.head_scores import HeadScore
from versamammo.model.heads import AttributeHeads, Heads, OrdinalHead
from versamammo.scoring.roc import PERCENTILES, auroc, drawn_aurocs, patient_draws

FIGURE = "val/figure"
HALF = 0.5  # of a cell, for it to count as a finding's
WARMEST = 3.0  # log of the largest temperature tried
WATCHED = ("laterality",)  # stays at chance unless preparation leaks the side
Area = tuple[float, float]  # under a ROC curve, and its weight


@dataclass(frozen=True, eq=False)
class ValidationFeatures:
    """What an encoder made of the validation images.

    Attributes:
        pooled: [n, D].
        heat: log odds [n, K, h, w], if findings were learnt.
        whole: what attributes are read off, `Heads.whole`; the pooled vectors without heads.
    """

    pooled: Tensor
    whole: Tensor
    heat: Tensor | None


@dataclass(frozen=True, eq=False)
class HeadPredictions:
    """What a head says of the images whose label is known.

    Attributes:
        name: of the attribute.
        truth: class of each image [n].
        given: probability of each class [n, K].
        patients: whom each image is of.
    """

    name: str
    truth: NDArray[np.int64]
    given: NDArray[np.float64]
    patients: list[str]

    @property
    def kinds(self) -> list[int]:
        """The classes that occur."""
        return [int(kind) for kind in np.unique(self.truth)]

    @property
    def cases(self) -> list[NDArray[np.bool_]]:
        """For each class that occurs, which images are of it."""
        return [np.asarray(self.truth == kind) for kind in self.kinds]

    def area(self) -> float:
        """Return the mean area under the ROC curves of the classes."""
        pairs = zip(self.given[:, self.kinds].T, self.cases, strict=True)
        return float(np.mean([auroc(own, case) for own, case in pairs]))

    def score(self, resamples: int = 1000, seed: int = 0) -> HeadScore:
        """Return that area with its interval and what it was measured on."""
        whose, drawn = patient_draws(self.patients, resamples, seed)
        pairs = zip(self.given[:, self.kinds].T, self.cases, strict=True)
        areas = np.mean([drawn_aurocs(own, case, drawn[:, whose]) for own, case in pairs], axis=0)
        areas = areas[~np.isnan(areas)]  # draws in which a class is missing
        low, high = (None, None)
        if drawn.shape[1] > 1 and len(areas) > resamples / 2:
            low, high = map(float, np.percentile(areas, PERCENTILES))
        words = ATTRIBUTES[self.name].classes
        counts = np.bincount(self.truth, minlength=len(words)).tolist()
        return HeadScore(
            self.name, self.area(), low, high, len(self.truth), drawn.shape[1],
            tuple(zip(words, counts, strict=True)),
        )  # fmt: skip


class Validation:
    """Images of held-out patients, prepared once, not varied.

    Attributes:
        images: normalised.
        classes: [n, A], -1 where unknown.
    """

    def __init__(self, archive: Archive, settings: WholeSettings, limit: int) -> None:
        places = np.linspace(0, len(archive) - 1, min(limit, len(archive)))
        self.pictures: list[Picture] = [archive[int(i)] for i in np.unique(places.round())]
        self.settings = settings
        contract = settings.contract
        self.images = HeldOutImages(self.pictures, contract)
        self.classes = np.stack(
            [classes_of(one.labels, one.view, one.laterality) for one in self.pictures]
        )
        self._places: tuple[NDArray[np.bool_], Tensor] | None = None

    @torch.no_grad()
    def see(self, encoder: VersaMammoModel, rows: int = 16) -> ValidationFeatures:
        """Show all images to an encoder in evaluation mode."""
        pooled, whole, heat = [], [], []
        for some in self.images.batches(rows):
            batch = some.to(encoder.device)
            if encoder.heads is None:
                pooled.append(encoder.encode(batch).pooled.float().cpu())
                continue
            inputs = encoder.head_inputs(batch)
            pooled.append(inputs.features.pooled.float().cpu())
            whole.append(inputs.whole.float().cpu())
            if inputs.heat is not None:
                heat.append(inputs.heat.cpu())
        return ValidationFeatures(
            torch.cat(pooled), torch.cat(whole or pooled), torch.cat(heat) if heat else None
        )

    def ask(self, encoder: VersaMammoModel, seen: ValidationFeatures) -> dict[str, float]:
        """Return the figures; only spread and rank for an encoder without heads."""
        answers = {"val/std": feature_std(seen.pooled), "val/rank": effective_rank(seen.pooled)}
        if encoder.heads is None:
            return answers
        areas = {
            told.name: (told.area(), sum(map(_certainty, told.cases)))
            for told in self._told(encoder, seen)
        }
        if seen.heat is not None:
            areas |= self._finding_area(encoder, seen.heat)
        told = [area for name, area in areas.items() if name not in WATCHED]
        if told:
            found, weights = zip(*told, strict=True)
            answers[FIGURE] = float(np.average(found, weights=weights))
        return answers | {f"val/{name}": area for name, (area, _) in areas.items()}

    def scores(self, encoder: VersaMammoModel, seen: ValidationFeatures) -> tuple[HeadScore, ...]:
        """Return how well each head tells, with intervals over resampled patients.

        Findings have a figure of their own, cell by cell, without an interval.
        """
        if encoder.heads is None:
            return ()
        scores = [told.score() for told in self._told(encoder, seen)]
        if seen.heat is not None:
            areas = self._finding_area(encoder, seen.heat)
            scores += [HeadScore(name, area) for name, (area, _) in areas.items()]
        return tuple(scores)

    def _told(self, encoder: VersaMammoModel, seen: ValidationFeatures) -> list[HeadPredictions]:
        """Return what the heads say, of the attributes of which two classes are known."""
        heads = cast(Heads, encoder.heads)
        found = heads.attributes.cpu().probabilities(seen.whole)
        heads.attributes.to(encoder.device)
        patients = np.array([picture.patient for picture in self.pictures])
        told = []
        for name, probabilities in found.items():
            truth = self.known(name)
            known = truth != UNKNOWN_CLASS
            given = probabilities.detach().numpy()[known].astype(np.float64)
            if len(np.unique(truth[known])) > 1:
                told.append(HeadPredictions(name, truth[known], given, patients[known].tolist()))
        return told

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
        """Return the class of one attribute for each image [n], -1 where unknown."""
        column: NDArray[np.int64] = self.classes[:, list(ATTRIBUTES).index(name)]
        return column

    def calibrate(
        self, heads: AttributeHeads, seen: ValidationFeatures, alike: Collection[str] = ()
    ) -> tuple[str, ...]:
        """Set cutpoints and temperatures to what makes these patients' labels most probable.

        One temperature per attribute (Guo et al. 2017); an attribute that no image knows keeps 1.

        Args:
            heads: changed in place.
            seen: of these images.
            alike: attributes whose probabilities are to hold where all classes are alike frequent,
                whatever their frequencies in the archive that was learned from.

        Returns:
            the ordered attributes whose cutpoints were fitted.
        """
        whole = seen.whole.to(heads.log_temperature.device)
        fitted = []
        for i, name in enumerate(heads.heads):
            truth = torch.from_numpy(self.known(name))
            known = truth != UNKNOWN_CLASS
            head = heads.heads[name]
            if isinstance(head, OrdinalHead) and fit_cutpoints(
                head, seen.whole[known], truth[known]
            ):
                fitted.append(name)
            if name in alike:
                heads.treat_alike(name)
            if known.any():
                with torch.no_grad():
                    log_shares = heads.adjusted(whole)[name].cpu()[known]
                best = best_temperature(log_shares, truth[known], alike=name in alike)
                heads.log_temperature.data[i] = float(np.log(best))
        return tuple(fitted)


def _certainty(cases: NDArray[np.bool_]) -> float:
    """Return cases times controls over all [n]: the inverse variance of an area, up to a factor."""
    return float(cases.sum() * (~cases).sum() / len(cases))


def best_temperature(log_shares: Tensor, truth: Tensor, *, alike: bool = False) -> float:
    """Find the temperature under which log-probabilities [n, K] fit classes [n] best.

    Args:
        log_shares: of each class.
        truth: what is right.
        alike: whether the classes count alike, rather than the images.
    """
    scores = log_shares.double()
    counts = torch.bincount(truth).double()
    weights = 1 / counts[truth] if alike else torch.ones(len(truth), dtype=torch.double)
    weights = weights / weights.sum()

    def paid(log_temperature: float) -> float:
        tempered = (scores / np.exp(log_temperature)).log_softmax(dim=1)
        return float(-(tempered.gather(1, truth[:, None])[:, 0] * weights).sum())

    found = minimize_scalar(paid, bounds=(-WARMEST, WARMEST), method="bounded")
    return float(np.exp(found.x))
