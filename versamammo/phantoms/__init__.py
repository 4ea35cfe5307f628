"""Phantom mammograms: invented breasts with known truth. They are not real data.

`make_exam` gives one exam in memory, `write_phantoms` a folder of DICOM files, masks and tables.
"""

from versamammo.phantoms.exam import PhantomExam, make_exam
from versamammo.phantoms.exposure import PhantomView
from versamammo.phantoms.rule import LabelCeilings, label_ceilings
from versamammo.phantoms.settings import PhantomSettings
from versamammo.phantoms.writing import write_phantoms

__all__ = [
    "LabelCeilings",
    "PhantomExam",
    "PhantomSettings",
    "PhantomView",
    "label_ceilings",
    "make_exam",
    "write_phantoms",
]
