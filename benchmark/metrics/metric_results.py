"""A figure: one metric of one task with its interval, n and patients; and the metrics' names.

The key of a metric is what scores.csv and a task's `metric` say; its title is what tables show.
"""

from __future__ import annotations

from dataclasses import dataclass

FALSE_POSITIVES = (0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0)  # per image, of the FROC curve
RANKS = (1, 3, 5, 10)  # k of retrieval
PUBLISHED_RANKS = (1, 2, 3)

TITLES: dict[str, str] = {
    "auroc": "AUROC",
    "auprc": "AUPRC",
    "sensitivity_at_90_specificity": "Sensitivity at 90 % specificity",
    "specificity_at_90_sensitivity": "Specificity at 90 % sensitivity",
    "macro_auroc": "Macro AUROC",
    "balanced_accuracy": "Balanced accuracy",
    "accuracy": "Accuracy",
    "macro_f1": "Macro F1",
    "quadratic_kappa": "Quadratic kappa",
    "pf1": "pF1",
    "macro_ap": "Macro AP",
    "exact_match": "Exact match",
    "brier": "Brier score",
    "ece": "ECE",
    "ece_scaled": "ECE after temperature scaling",
    "ap50": "AP50",
    "ap50_95": "AP50:95",
    "froc_mean": "FROC mean sensitivity",
    **{f"sensitivity_at_{rate:g}_fp": f"Sensitivity at {rate:g} FP/image"
       for rate in FALSE_POSITIVES},
    "dice": "Dice",
    "dice_of_lesions": "Dice of images with a lesion",
    "iou": "IoU",
    "hd95_mm": "HD95 (mm)",
    "hd95_px": "HD95 (pixels)",
    "map": "mAP",
    **{f"precision_at_{k}": f"P@{k}" for k in RANKS},
    **{f"recall_at_{k}": f"R@{k}" for k in RANKS},
    "legacy_mean_best_iou": "Mean best IoU (published)",
    "legacy_dice": "Dice at 127/255 (published)",
    "legacy_exact_match": "Exact match (published)",
    "legacy_macro_f1": "Macro F1 (published)",
    **{f"legacy_acc_at_{k}": f"ACC@{k} (published)" for k in PUBLISHED_RANKS},
}  # fmt: skip
LOWER_IS_BETTER = ("brier", "ece", "ece_scaled", "hd95_mm", "hd95_px")
PRIMARY: dict[str, str] = {  # kind -> metric that a task of it is ranked by, unless it says else
    "binary": "auroc",
    "multiclass": "macro_auroc",
    "ordinal": "macro_auroc",
    "multilabel": "macro_auroc",
    "detection": "ap50",
    "segmentation": "dice",
    "retrieval": "map",
    "vqa": "balanced_accuracy",
}


@dataclass(frozen=True)
class MetricResult:
    """One metric of one task.

    Attributes:
        task: id.
        metric: key of `TITLES`.
        value: NaN where it cannot be computed; `note` says why.
        low: lower end of the 95 % interval of that same figure, NaN where there is none.
        high: upper end.
        n: samples that count in it.
        clusters: patients that the samples belong to.
        note: what a reader has to know, such as the hit rule or resamples left out.
        legacy: reproduces the published definition; for comparison only.
        primary: the metric that the task is ranked by.
    """

    task: str
    metric: str
    value: float
    low: float
    high: float
    n: int
    clusters: int
    note: str = ""
    legacy: bool = False
    primary: bool = False


def title(metric: str) -> str:
    """Return the words for a metric's key; keys of others, such as VQA's, as they are."""
    return TITLES.get(metric, metric.replace("_", " "))
