"""DICOM files into mammograms: what the header says, what is refused, how stored values show."""

from versamammo.imaging.dicom.image import expose_dicom, read_dicom

__all__ = ["expose_dicom", "read_dicom"]
