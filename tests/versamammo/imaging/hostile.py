"""Damages DICOM files in ways a seed decides, and reads them; one line of JSON per file.

Run as `python -m tests.versamammo.imaging.hostile FIRST COUNT FOLDER`, in a process of its own, so
that a crash or a hang of the reader is seen from outside.
"""

from __future__ import annotations

import io
import json
import random
import sys
import time
import warnings
from pathlib import Path

import pydicom

from tests.versamammo.conftest import Cell, depths, make_dataset, make_picture
from versamammo.errors import InputError
from versamammo.imaging.codecs import SYNTAXES
from versamammo.imaging.reading import read

SIZE = (90, 70)
PIXEL_TAGS = (b"\xe0\x7f\x10\x00", b"\x7f\xe0\x00\x10")
NONSENSE = {
    "Rows": [0, 1, 45, 89, 91, 180, 65535],
    "Columns": [0, 1, 35, 69, 71, 140, 65535],
    "BitsAllocated": [0, 1, 8, 12, 16, 32, 64],
    "BitsStored": [0, 1, 8, 10, 13, 16, 17],
    "HighBit": [0, 7, 11, 15, 16, 200],
    "SamplesPerPixel": [0, 2, 3, 4],
    "PixelRepresentation": [1, 2],
    "NumberOfFrames": ["0", "2", "1000000", "-1"],
    "PhotometricInterpretation": ["RGB", "", "PALETTE COLOR", "YBR_FULL"],
    "WindowWidth": ["0", "-5", "1e308", "abc"],
    "WindowCenter": ["nan", "1e308", ""],
    "RescaleSlope": ["0", "1e300", "x"],
    "PlanarConfiguration": [1],
}


def originals() -> list[bytes]:
    """Write one good file per transfer syntax and depth, of 90 x 70 pixels."""
    files = []
    for syntax in SYNTAXES:
        for bits in sorted({8, 12} & set(depths(syntax))):
            odd = ("MONOCHROME1", "SIGMOID") if bits == 8 else ("MONOCHROME2", "windows+table")
            cell = Cell(syntax, bits, *odd)
            dataset = make_dataset(make_picture(bits, *SIZE), bits, syntax=syntax, **cell.tags())
            buffer = io.BytesIO()
            dataset.save_as(buffer, enforce_file_format=True)
            files.append(buffer.getvalue())
    return files


def flip(chance: random.Random, data: bytearray, first: int, last: int, count: int) -> None:
    for _ in range(count):
        data[chance.randrange(first, last)] ^= 1 << chance.randrange(8)


def damage(chance: random.Random, original: bytes) -> tuple[str, bytes]:
    """Damage a file in one of eight ways; give the way and the file."""
    data, end = bytearray(original), len(original)
    pixels = max(data.rfind(tag) for tag in PIXEL_TAGS)
    pixels = pixels if pixels > 0 else end // 2  # deflated
    way = chance.choice(["bit", "bits", "header", "stream", "cut", "chunk", "tags", "syntax"])
    if way == "bit":
        flip(chance, data, 0, end, 1)
    elif way == "bits":
        flip(chance, data, 0, end, chance.randrange(2, 64))
    elif way == "header":
        flip(chance, data, 128, pixels, chance.randrange(1, 8))
    elif way == "stream":
        flip(chance, data, pixels + 8, min(end, pixels + 160), chance.randrange(1, 6))
    elif way == "cut":
        del data[chance.randrange(end) :]
    elif way == "chunk":
        at, length = chance.randrange(end), chance.randrange(1, 200)
        data[at : at + length] = chance.choice(
            [b"", bytes(length), chance.randbytes(length), bytes(data[at : at + length]) * 2]
        )
    elif way == "tags":
        return way, with_nonsense(chance, original)
    else:
        stated = str(pydicom.dcmread(io.BytesIO(original)).file_meta.TransferSyntaxUID)
        other = chance.choice([*SYNTAXES, "1.2.3.4", ""])[: len(stated)]
        data = data.replace(stated.encode(), other.encode().ljust(len(stated), b"\0"), 1)
    return way, bytes(data)


def with_nonsense(chance: random.Random, original: bytes) -> bytes:
    """Set one or two attributes to values that make no sense."""
    dataset = pydicom.dcmread(io.BytesIO(original))
    for keyword in chance.sample(sorted(NONSENSE), chance.choice([1, 1, 2])):
        value = chance.choice(NONSENSE[keyword])
        element = pydicom.DataElement(keyword, dataset_vr(keyword), None)
        element.validation_mode = pydicom.config.IGNORE
        element.value = value
        dataset[keyword] = element
    buffer = io.BytesIO()
    dataset.save_as(buffer)
    return buffer.getvalue()


def dataset_vr(keyword: str) -> str:
    """Write numbers that are no numbers as text of the same look."""
    vr = pydicom.datadict.dictionary_VR(keyword)
    return "LO" if vr in ("DS", "IS") else vr


def outcome(path: Path) -> tuple[str, tuple[int, int] | None]:
    """Read a file: "read" and its size, or the reason of the refusal."""
    try:
        return "read", read(path).size
    except InputError as error:
        return error.reason, None


def peak_memory() -> int:
    """MB at most held by this program; getrusage would count the parent it was forked from."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) // 1024


def main(first: int, count: int, folder: Path) -> None:
    warnings.simplefilter("ignore")  # of pydicom, while damaging
    files = originals()
    path = folder / f"hostile{first}.dcm"
    for seed in range(first, first + count):
        chance = random.Random(seed)
        way, data = damage(chance, chance.choice(files))
        path.write_bytes(data)
        print(json.dumps({"seed": seed, "way": way}), flush=True)
        start = time.perf_counter()
        reason, size = outcome(path)
        seconds = time.perf_counter() - start
        print(json.dumps({"reason": reason, "size": size, "seconds": seconds}), flush=True)
    print(json.dumps({"peak_mb": peak_memory()}), flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))
