"""The README.txt that lies beside every folder of phantoms."""

from __future__ import annotations

from versamammo import NOTICE, __version__
from versamammo.phantoms import rule
from versamammo.phantoms.anatomy import GLAND_SHARE
from versamammo.phantoms.appearances import CATEGORIES
from versamammo.phantoms.phantom_settings import PhantomSettings


def readme(settings: PhantomSettings) -> str:
    """Return what the folder holds, that it is not real, and by which rule labels were drawn."""
    ceilings = rule.label_ceilings(settings)
    shares = ", ".join(
        f"{name} {mean:.2f} +- {spread:.3f}"
        for name, (mean, spread) in zip("ABCD", GLAND_SHARE, strict=True)
    )
    tables = "\n".join(
        f"  {name:<10}" + "".join(f"{share:>7.2f}" for share in row)
        for name, row in rule.CATEGORY_SHARES.items()
    )
    best = "\n".join(
        f"  {name:<10} {c.accuracy:.3f} accuracy, {c.balanced_accuracy:.3f} balanced accuracy"
        for name, c in vars(ceilings).items()
    )
    return f"""\
PHANTOMS: NOT REAL DATA
These images show breasts that a computer program invented (versamammo {__version__}).
There never was a patient; names, dates and hospitals are made up. {NOTICE}
A figure computed on these files says nothing about real mammograms; call it a phantom figure.

Files
  phantom.json   the settings; the same settings give the same files
  labels.csv     one row per image; an empty cell is unknown
  findings.csv   one row per lesion and image; boxes x1 y1 x2 y2 in stored pixels, pixel (r, c)
                 covering [c, c+1) x [r, r+1)
  images/        DICOM, For Presentation; one fictitious vendor stores its images mirrored
  masks/         one-bit PNG per row of findings.csv

How labels come about (seed {settings.seed})
  A lesion in {settings.lesion_rate:.0%} of exams, malignant in {settings.malignant_share:.0%}
  of those.
  Its BI-RADS category follows its pathology by these probabilities:
  {"":<10}{"".join(f"{c:>7}" for c in CATEGORIES)}
{tables}
  and its appearance follows the category. The BI-RADS in the tables (5th edition) is a reader's,
  one category off with probability {settings.label_noise:g} (label_noise).
  Subtlety 1 (subtle) to 5 (obvious) is measured on the image: contrast over local tissue spread.
  Density A to D: prior {", ".join(f"{p:g}" for p in settings.density_prior)}; glandular share of
  the area (mean +- standard deviation): {shares}.

The best that anyone can do on one image of these phantoms (Bayes ceilings)
{best}
  (subtype: among cancers; a lesion is taken to be seen always, which lowers none of the ceilings)
"""
