"""Phantom mammograms: invented breasts with known truth. They are not real data.

`make_exam` gives one exam in memory, `write_phantoms` a folder of DICOM files, masks and tables.
"""

from versamammo.synthetic.exam import PhantomExam, make_exam
from versamammo.synthetic.exposure import PhantomView
from versamammo.synthetic.rule import LabelCeilings, label_ceilings
from versamammo.synthetic.settings import PhantomSettings
from versamammo.synthetic.writing import write_phantoms

__all__ = [
    "LabelCeilings",
    "PhantomExam",
    "PhantomSettings",
    "PhantomView",
    "label_ceilings",
    "make_exam",
    "write_phantoms",
]
