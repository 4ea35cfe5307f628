"""Phantom mammograms: invented breasts with known truth. They are not real data.

`make_exam` gives one exam in memory, `write_phantoms` a folder of DICOM files, masks and tables.
"""

from versamammo.phantoms.phantom_exam import PhantomExam, make_exam
from versamammo.phantoms.phantom_settings import PhantomSettings
from versamammo.phantoms.phantom_view import PhantomView
from versamammo.phantoms.phantom_writing import write_phantoms
from versamammo.phantoms.rule import LabelCeilings, label_ceilings

__all__ = [
    "LabelCeilings",
    "PhantomExam",
    "PhantomSettings",
    "PhantomView",
    "label_ceilings",
    "make_exam",
    "write_phantoms",
]
