"""Pictures, DICOM files and the matrix of ways to store them, all made by the tests themselves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.sequence import Sequence

from versamammo.imaging.codecs import SYNTAXES, encode_frame

MG = "1.2.840.10008.5.1.4.1.1.1.2"
EXPLICIT = "1.2.840.10008.1.2.1"
BIG_ENDIAN = "1.2.840.10008.1.2.2"


def make_picture(bits: int, rows: int = 90, columns: int = 70) -> NDArray[Any]:
    """Draw a half disc of soft texture on black [H, W], using the whole range of `bits`."""
    rng = np.random.default_rng(bits)
    y, x = np.mgrid[:rows, :columns]
    inside = np.clip(1.2 - np.hypot((y - rows / 2) / (rows / 2), x / (0.9 * columns)), 0, 1)
    texture = 0.15 * np.sin(x / 5) * np.cos(y / 7) + 0.01 * rng.standard_normal((rows, columns))
    level = inside * (0.8 + texture)
    level = (level - level.min()) / np.ptp(level)
    return np.rint(level * (2**bits - 1)).astype(np.uint8 if bits <= 8 else np.uint16)


def make_dataset(pixels: NDArray[Any], bits: int, syntax: str = EXPLICIT, **tags: Any) -> Dataset:
    """Build a mammogram object around stored values [H, W]; `tags` override, None removes."""
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.file_meta.MediaStorageSOPClassUID = tags.get("SOPClassUID", MG)
    dataset.file_meta.MediaStorageSOPInstanceUID = "1.2.826.0.1.3680043.10.1"
    allocated = 8 * pixels.dtype.itemsize
    given = dict(
        SOPClassUID=MG,
        SOPInstanceUID="1.2.826.0.1.3680043.10.1",
        StudyInstanceUID="1.2.826.0.1.3680043.10.2",
        Modality="MG",
        PresentationIntentType="FOR PRESENTATION",
        ImageLaterality="L",
        ViewPosition="CC",
        BodyPartExamined="BREAST",
        ImagerPixelSpacing=[0.1, 0.1],
        SamplesPerPixel=1,
        PhotometricInterpretation="MONOCHROME2",
        Rows=pixels.shape[0],
        Columns=pixels.shape[1],
        BitsAllocated=allocated,
        BitsStored=bits,
        HighBit=bits - 1,
        PixelRepresentation=int(pixels.dtype.kind == "i"),
    )
    for keyword, value in (given | tags).items():
        if value is not None:
            setattr(dataset, keyword, value)
    _set_pixels(dataset, pixels, bits, syntax)
    return dataset


def _set_pixels(dataset: Dataset, pixels: NDArray[Any], bits: int, syntax: str) -> None:
    info = SYNTAXES.get(syntax)
    if info is None or info.family == "native":
        stored = pixels.byteswap() if syntax == BIG_ENDIAN else pixels
        data = stored.tobytes()
        dataset.add_new("PixelData", "OB" if pixels.dtype.itemsize == 1 else "OW", data)
        if len(data) % 2:
            dataset.PixelData = data + b"\0"
    else:
        unsigned = pixels.view(np.uint8 if pixels.dtype.itemsize == 1 else np.uint16)
        frame = encode_frame(unsigned, syntax, bits_stored=bits)
        dataset.add_new("PixelData", "OB", encapsulate([frame]))
        dataset["PixelData"].is_undefined_length = True


def make_table(
    entries: NDArray[Any], first: int, bits: int, *, explanation: str = "", order: str = "<"
) -> Dataset:
    """Build an item of a lookup table sequence, with its entries as 16-bit words."""
    item = Dataset()
    count = len(entries) % 65536  # 65,536 is written as 0
    item.add_new("LUTDescriptor", "SS" if first < 0 else "US", [count, first, bits])
    item.LUTExplanation = explanation
    item.add_new("LUTData", "OW", entries.astype(f"{order}u2").tobytes())
    return item


@dataclass(frozen=True)
class Cell:
    """One way to store a picture: syntax, depth, polarity and VOI."""

    syntax: str
    bits: int
    photometric: str
    voi: str

    def __str__(self) -> str:
        name = SYNTAXES[self.syntax].name.replace(" ", "")
        return f"{name}-{self.bits}-{self.photometric}-{self.voi}"

    @property
    def window(self) -> tuple[float, float]:
        """Centre and width, at places where rounding would show."""
        return round(0.45 * 2**self.bits) + 0.3, round(0.6 * 2**self.bits) + 0.7

    @property
    def table(self) -> tuple[NDArray[np.uint16], int]:
        """Entries of 12 bits and the first value mapped; both ends of the range lie outside."""
        first = 2**self.bits // 10
        steps = np.linspace(0, 1, 2**self.bits * 7 // 10)
        return np.rint(steps**0.6 * 4095).astype(np.uint16), first

    def tags(self) -> dict[str, Any]:
        """Return the attributes that ask for this cell's VOI and polarity."""
        tags: dict[str, Any] = {"PhotometricInterpretation": self.photometric}
        inverse = self.photometric == "MONOCHROME1"
        tags["PresentationLUTShape"] = "INVERSE" if inverse else "IDENTITY"
        if self.voi in ("LINEAR", "LINEAR_EXACT", "SIGMOID", "windows+table"):
            center, width = self.window
            tags["WindowCenter"] = [f"{center:.1f}", "10"]
            tags["WindowWidth"] = [f"{width:.1f}", "20"]
        if self.voi in ("LINEAR_EXACT", "SIGMOID"):
            tags["VOILUTFunction"] = self.voi
        if self.voi in ("table", "windows+table"):
            entries, first = self.table
            order = ">" if self.syntax == BIG_ENDIAN else "<"
            tags["VOILUTSequence"] = Sequence([make_table(entries, first, 12, order=order)])
        return tags


VOIS = ("none", "LINEAR", "LINEAR_EXACT", "SIGMOID", "table", "windows+table")


def depths(syntax: str) -> tuple[int, ...]:
    """Depths that a syntax can hold, of those that mammograms have."""
    name = SYNTAXES[syntax].name
    return {"JPEG Baseline": (8,), "JPEG Extended": (8, 10, 12)}.get(name, (8, 10, 12, 14, 16))


CELLS = [
    Cell(syntax, bits, photometric, voi)
    for syntax in SYNTAXES
    for bits in depths(syntax)
    for photometric in ("MONOCHROME1", "MONOCHROME2")
    for voi in VOIS
]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test that takes a `cell` on the whole matrix; `dcmtk_cell` leaves some to `slow`."""
    if "cell" in metafunc.fixturenames:
        metafunc.parametrize("cell", CELLS, ids=str)
    if "dcmtk_cell" in metafunc.fixturenames:
        known = [c for c in CELLS if SYNTAXES[c.syntax].family not in ("jpeg2000", "htj2k")]
        often = {8: "JPEG Baseline", 12: None}
        params = []
        for c in known:
            fast = c.bits in often and often[c.bits] in (None, SYNTAXES[c.syntax].name)
            params.append(pytest.param(c, marks=() if fast else pytest.mark.slow, id=str(c)))
        metafunc.parametrize("dcmtk_cell", params)


@pytest.fixture(scope="session")
def picture() -> Callable[..., NDArray[Any]]:
    """Draw a test picture of a given depth."""
    return make_picture


@pytest.fixture
def write_dicom(tmp_path: Path) -> Callable[..., Path]:
    """Write a mammogram object: `write_dicom(pixels, bits, syntax=..., name=..., **tags)`."""

    def write(pixels: NDArray[Any], bits: int, *, name: str = "image.dcm", **tags: Any) -> Path:
        path = tmp_path / name
        make_dataset(pixels, bits, **tags).save_as(path, enforce_file_format=True)
        return path

    return write


@pytest.fixture
def lookup_item() -> Callable[..., Dataset]:
    """Build an item of a lookup table sequence."""
    return make_table
