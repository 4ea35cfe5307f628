"""What an archive's labels allow to learn: counted once, over its training images."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pretrain.objectives.supervised_losses import frequencies_of
from pretrain.settings.stage2_config import Stage2
from pretrain.student.student import LabelStatistics
from pretrain.views.box_cover import cover_of
from pretrain.views.lesion_patches import close_rates
from pretrain.views.whole_breast_loader import hide
from versamammo.data.attributes import ATTRIBUTES, UNKNOWN_CLASS, classes_of
from versamammo.data.dataset import Archive
from versamammo.data.labels import FINDINGS
from versamammo.errors import InputError

LEAST_RATE = 1e-4  # of covered cells: keeps the chance loss of very rare kinds finite


def label_statistics(archive: Archive, config: Stage2) -> LabelStatistics:
    """Count classes, and how much of the images findings cover.

    An image counts as often as it is drawn. Labels that the run hides are not counted: it may not
    know even how frequent they are.

    Raises:
        InputError: the labels are wanted, but there is no attribute with two classes.
    """
    classes, marked, covered = [], np.zeros(len(FINDINGS)), np.zeros(len(FINDINGS))
    showing, grades, weights = [], np.zeros(2), archive.weights
    for index, picture in enumerate(archive):
        boxes = {
            kind: [f.box.as_tuple() for f in picture.labels.findings if f.kind == kind and f.box]
            for kind in FINDINGS
        }
        has = np.array([bool(boxes[kind]) for kind in FINDINGS])
        own = classes_of(picture.labels, picture.view, picture.laterality)
        shown, has = hide(own, has, config.hide_labels, seed=config.run.seed, index=index)
        classes.append(shown)
        marked += has
        showing += [index] if has.any() else []
        known = [f.pathology for f in picture.labels.findings if f.box and has.any()]
        grades += weights[index] * np.array([known.count(0.0), known.count(1.0)])
        for k in np.flatnonzero(has):
            cover = cover_of(boxes[FINDINGS[k]], picture.crop, config.views.size)
            covered[k] += weights[index] * cover.mean()
    attributes = frequencies_of(np.stack(classes), weights)
    if config.terms.supervised and not attributes:
        message = "no attribute has two different known values; set terms.supervised to false"
        raise InputError(message, file=archive.folder, field="labels", reason="no-labels")
    if config.objective == "as_published" and not _know_both(np.stack(classes)):
        message = "no image knows both density and BI-RADS, which the published objective asks for"
        raise InputError(message, file=archive.folder, field="labels", reason="no-labels")
    kinds = np.flatnonzero(marked)
    rates = (covered[kinds] / weights.sum()).clip(LEAST_RATE, 0.5)
    return LabelStatistics(
        attributes,
        tuple(FINDINGS[k] for k in kinds),
        rates,
        np.array(showing, np.int64),
        close_rates(rates, weights.sum(), weights[showing].sum(), config.views),
        float(grades[1] / grades.sum()) if grades.all() else None,
    )


def _know_both(classes: NDArray[np.int64]) -> bool:
    """Return whether any of the images [n, A] has the two labels of the published objective."""
    names = list(ATTRIBUTES)
    known = classes != UNKNOWN_CLASS
    birads = known[:, names.index("birads")] | known[:, names.index("incomplete")]
    return bool((birads & known[:, names.index("density")]).any())
