"""Writes a phantom view as a DICOM object: Digital Mammography X-Ray Image, For Presentation.

The attributes are those that PS3.3 A.26 asks for, with the habits of four fictitious vendors. All
identities are invented and say PHANTOM, the comment says so too.
"""

from __future__ import annotations

from io import BytesIO
from uuid import NAMESPACE_OID, uuid5

import numpy as np
from pydicom import dcmwrite
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.sequence import Sequence
from pydicom.uid import UID, DigitalMammographyXRayImageStorageForPresentation

from versamammo import NOTICE, __version__
from versamammo.imaging.codecs import encode_frame
from versamammo.imaging.mammogram import Laterality, View
from versamammo.phantoms.anatomy import SIDES, VIEWS
from versamammo.phantoms.machines import Machine
from versamammo.phantoms.phantom_exam import PhantomExam
from versamammo.phantoms.phantom_settings import PhantomSettings, Stream, random_stream
from versamammo.phantoms.phantom_view import PhantomView, phantom_uid
from versamammo.phantoms.storage import Display, draw_display

IMPLEMENTATION = UID(f"2.25.{uuid5(NAMESPACE_OID, 'versamammo phantom writer').int}")
COMMENT = "PHANTOM: NOT A REAL PATIENT. " + NOTICE
VIEW_CODES = {
    View.CC: ("399162004", "cranio-caudal"),
    View.MLO: ("399368009", "medio-lateral oblique"),
}  # PS3.16 CID 4014
NIPPLE_IN_PROFILE = ("442581004", "nipple in profile")  # PS3.16 CID 4015
MODIFIED = 0.1  # share of the images that say so


def dicom_bytes(settings: PhantomSettings, exam: PhantomExam, view: PhantomView) -> bytes:
    """Write one view; the same bytes for the same settings and exam."""
    when = exam.exam_dates.index(view.exam_date)
    key = when, VIEWS.index(view.view), SIDES.index(view.laterality)
    rng = random_stream(settings.seed, exam.patient.index, Stream.STORAGE, *key)
    machine = exam.patient.machine
    display = draw_display(rng, machine)
    chosen = machine.syntaxes[int(rng.integers(len(machine.syntaxes)))]
    syntax = UID(chosen)
    uid = phantom_uid(settings.seed, exam.patient.index, view.file, settings.height)
    dataset = Dataset()
    dataset.SOPClassUID = DigitalMammographyXRayImageStorageForPresentation
    dataset.SOPInstanceUID = uid
    _describe_patient(dataset, exam, view)
    _describe_study(dataset, settings, exam, view)
    _describe_machine(dataset, machine, view)
    _describe_position(dataset, exam, view, rng)
    _describe_pixels(dataset, view, display)
    frame = encode_frame(display.store(view.pixels), syntax, bits_stored=display.bits)
    dataset.PixelData = encapsulate([frame]) if syntax.is_encapsulated else frame
    dataset["PixelData"].VR = "OB" if syntax.is_encapsulated else "OW"
    return _file_bytes(dataset, syntax)


def _file_bytes(dataset: Dataset, syntax: UID) -> bytes:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    meta.TransferSyntaxUID = syntax
    meta.ImplementationClassUID = IMPLEMENTATION
    meta.ImplementationVersionName = f"VERSAMAMMO_{__version__}"[:16]
    dataset.file_meta = meta
    stream = BytesIO()
    dcmwrite(stream, dataset, enforce_file_format=True)
    return stream.getvalue()


def _describe_patient(dataset: Dataset, exam: PhantomExam, view: PhantomView) -> None:
    patient = exam.patient
    aged = patient.age_years - (int(exam.exam_dates[0][:4]) - int(view.exam_date[:4]))
    dataset.PatientName = f"PHANTOM^{patient.name.removeprefix('PHANTOM-')}"
    dataset.PatientID = patient.name
    dataset.PatientBirthDate = ""
    dataset.PatientSex = "F"
    dataset.PatientAge = f"{aged:03d}Y"
    dataset.PatientIdentityRemoved = "YES"
    dataset.DeidentificationMethod = "Invented by a generator; there never was a patient"


def _describe_study(
    dataset: Dataset, settings: PhantomSettings, exam: PhantomExam, view: PhantomView
) -> None:
    number = 1 + VIEWS.index(view.view) * 2 + SIDES.index(view.laterality)
    day = view.exam_date.replace("-", "")
    dataset.StudyInstanceUID = view.exam_id
    dataset.SeriesInstanceUID = phantom_uid(settings.seed, exam.patient.index, "series", day)
    dataset.StudyID = f"PH{exam.patient.index:06d}"
    dataset.AccessionNumber = f"PH{exam.patient.index:06d}-{day[2:]}"
    dataset.ReferringPhysicianName = ""
    for keyword in ("Study", "Series", "Content", "Acquisition"):
        setattr(dataset, f"{keyword}Date", day)
        setattr(dataset, f"{keyword}Time", f"09{number:02d}00")
    dataset.StudyDescription = "PHANTOM mammography, not a real patient"
    dataset.SeriesNumber, dataset.InstanceNumber = "1", str(number)
    dataset.Modality = "MG"
    dataset.PresentationIntentType = "FOR PRESENTATION"
    dataset.ImageComments = COMMENT
    dataset.AcquisitionContextSequence = Sequence()


def _describe_machine(dataset: Dataset, machine: Machine, view: PhantomView) -> None:
    dataset.Manufacturer = machine.vendor
    dataset.ManufacturerModelName = machine.model
    dataset.InstitutionName = "PHANTOM HOSPITAL"
    dataset.StationName = "PHANTOM"
    dataset.DeviceSerialNumber = "0"
    dataset.SoftwareVersions = __version__
    dataset.DetectorType = "DIRECT"
    dataset.DetectorConfiguration = "AREA"
    dataset.DetectorID = machine.model
    dataset.ImagerPixelSpacing = [f"{view.spacing_mm:.6f}"] * 2
    dataset.PixelSpacing = [f"{view.spacing_mm:.6f}"] * 2
    dataset.PixelSpacingCalibrationType = "GEOMETRY"
    dataset.PixelSpacingCalibrationDescription = "at the detector"
    dataset.EstimatedRadiographicMagnificationFactor = "1.0"
    dataset.DistanceSourceToDetector = "660"
    dataset.DistanceSourceToPatient = "660"
    dataset.AnodeTargetMaterial = "TUNGSTEN"
    dataset.FilterMaterial = "RHODIUM"
    dataset.Grid = ["RECIPROCATING", "FOCUSED"]


def _describe_position(
    dataset: Dataset, exam: PhantomExam, view: PhantomView, rng: np.random.Generator
) -> None:
    breast = exam.patient.breasts[SIDES.index(view.laterality)]
    dataset.BodyPartExamined = "BREAST"
    dataset.ImageLaterality = view.laterality.value
    dataset.ViewPosition = view.view.value
    dataset.PatientOrientation = patient_orientation(view)
    code, meaning = VIEW_CODES[view.view]
    dataset.ViewCodeSequence = Sequence([_code(code, meaning)])
    modifiers = [NIPPLE_IN_PROFILE] if rng.random() < MODIFIED else []
    dataset.ViewCodeSequence[0].ViewModifierCodeSequence = Sequence(
        [_code(*words) for words in modifiers]
    )
    dataset.AnatomicRegionSequence = Sequence([_code("76752008", "Breast")])
    dataset.PositionerType = "MAMMOGRAPHIC"
    dataset.PositionerPrimaryAngle = "0" if view.view is View.CC else "45"
    dataset.OrganExposed = "BREAST"
    dataset.BodyPartThickness = f"{breast.thickness:.0f}"
    dataset.CompressionForce = f"{rng.uniform(60, 140):.0f}"
    dataset.KVP = f"{rng.integers(27, 33)}"
    dataset.BreastImplantPresent = "NO"
    dataset.PartialView = "NO"


def patient_orientation(view: PhantomView) -> list[str]:
    """Return where rows and columns run to in the patient, as stored (PS3.3 C.7.6.1.1.1)."""
    left = view.laterality is Laterality.LEFT
    along_rows = "A" if left != view.mirrored else "P"
    medial = "R" if left else "L"
    return [along_rows, medial if view.view is View.CC else f"F{medial}"]


def _code(value: str, meaning: str) -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, "SCT", meaning
    return item


def _describe_pixels(dataset: Dataset, view: PhantomView, display: Display) -> None:
    rows, columns = view.pixels.shape
    dataset.ImageType = ["ORIGINAL", "PRIMARY", ""]
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME1" if display.inverted else "MONOCHROME2"
    dataset.PresentationLUTShape = "INVERSE" if display.inverted else "IDENTITY"
    dataset.Rows, dataset.Columns = rows, columns
    dataset.BitsAllocated, dataset.BitsStored = 16, display.bits
    dataset.HighBit = display.bits - 1
    dataset.PixelRepresentation = 0
    dataset.PixelIntensityRelationship = "LOG"
    dataset.PixelIntensityRelationshipSign = -1 if display.inverted else 1
    dataset.RescaleIntercept, dataset.RescaleSlope, dataset.RescaleType = "0", "1", "US"
    dataset.LossyImageCompression = "00"
    dataset.BurnedInAnnotation = "NO"
    if display.padding is not None:
        dataset.PixelPaddingValue = display.padding
    if display.kind == "TABLE":
        dataset.VOILUTSequence = Sequence([_voi_table(display)])
        return
    dataset.VOILUTFunction = display.kind
    c, w = display.center, display.width
    dataset.WindowCenter = [f"{value:.0f}" for value in (c, c * 1.04, c * 0.97)]
    dataset.WindowWidth = [f"{value:.0f}" for value in (w, w * 0.85, w * 1.2)]
    dataset.WindowCenterWidthExplanation = ["NORMAL", "HARDER", "SOFTER"]


def _voi_table(display: Display) -> Dataset:
    item = Dataset()
    item.LUTDescriptor = [display.table.size, 0, 16]
    item["LUTDescriptor"].VR = "US"
    item.LUTExplanation = "PHANTOM standard"
    item.LUTData = display.table.astype("<u2").tobytes()
    item["LUTData"].VR = "OW"
    return item
