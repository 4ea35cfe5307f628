"""What follows the end of a picture, and what a lack of memory says of it: nothing."""

import random
import subprocess
import sys

import numpy as np
import pytest

from versamammo.errors import InputError
from versamammo.imaging.codecs import apart, decode, decode_frame, encode_frame
from versamammo.imaging.codecs.apart import decode_apart
from versamammo.imaging.codecs.decoders import Frame
from versamammo.imaging.codecs.memory import is_shortage

JPEGS = {
    "1.2.840.10008.1.2.4.50": 8,
    "1.2.840.10008.1.2.4.51": 12,
    "1.2.840.10008.1.2.4.57": 12,
    "1.2.840.10008.1.2.4.70": 12,
    "1.2.840.10008.1.2.4.80": 12,
}
LOSSLESS, J2K = "1.2.840.10008.1.2.4.70", "1.2.840.10008.1.2.4.90"


def decoded(data, syntax, bits=12):
    return decode_frame(
        data, syntax, rows=90, columns=70, samples=1, bits_allocated=8 if bits == 8 else 16,
        bits_stored=bits, signed=False,
    )  # fmt: skip


@pytest.mark.parametrize("syntax", JPEGS)
@pytest.mark.parametrize("kind", ["noise", "ones", "an older frame"])
def test_bytes_behind_the_end_are_left_out_with_a_warning(kind, syntax, picture):
    bits = JPEGS[syntax]
    data = encode_frame(picture(bits), syntax, bits_stored=bits)
    rest = {
        "noise": random.Random(1).randbytes(3000),
        "ones": b"\xff" * 200,
        "an older frame": data[len(data) // 2 :],
    }[kind]
    result = decoded(data + rest, syntax, bits)

    np.testing.assert_array_equal(result.pixels, decoded(data, syntax, bits).pixels)
    assert any("follow the end" in note for note in result.warnings)


@pytest.mark.parametrize("syntax", JPEGS)
def test_an_end_in_the_middle_is_no_end(syntax, picture):
    bits = JPEGS[syntax]
    data = encode_frame(picture(bits), syntax, bits_stored=bits)
    scan = data.index(b"\xff\xda") + 20
    for share in (0.1, 0.5, 0.9):
        at = scan + int(share * (len(data) - 100 - scan))
        with pytest.raises(InputError):
            decoded(data[:at] + b"\xff\xd9" + data[at + 2 :], syntax, bits)


def test_a_second_picture_behind_the_first_is_refused(picture):
    data = encode_frame(picture(12), LOSSLESS, bits_stored=12)
    with pytest.raises(InputError, match="second picture"):
        decoded(data + data, LOSSLESS)


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("Insufficient memory (case 4)")])
def test_a_lack_of_memory_is_no_verdict_on_a_frame(error, picture, monkeypatch):
    def fail(*_):
        raise error

    monkeypatch.setattr(decode, "decode_with", fail)
    with pytest.raises(MemoryError):
        decoded(encode_frame(picture(12), J2K, bits_stored=12), J2K)


@pytest.mark.parametrize(
    "child",
    [
        "import sys; sys.exit(3)",
        "import os, signal; os.kill(os.getpid(), signal.SIGKILL)",
        "raise MemoryError",
        "raise ImportError('failed to map segment from shared object')",
    ],
)
def test_nor_is_one_in_a_process_of_its_own(child, monkeypatch):
    monkeypatch.setattr(apart, "CHILD", child)
    with pytest.raises(MemoryError):
        decode_apart(["GDCM"], b"", Frame(J2K, 90, 70, 1, 12))


def test_a_child_may_have_less_memory_than_it_would_take():
    code = (
        "import resource; resource.setrlimit(resource.RLIMIT_AS, (2**32, 2**32));"
        "from versamammo.imaging.codecs.apart import _limit_memory; _limit_memory()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_what_libraries_say_of_memory_is_understood():
    said = ("Insufficient memory (case 4)", "std::bad_alloc", "Not enough memory to decode")
    assert all(is_shortage(RuntimeError(text)) for text in said)
    assert not is_shortage(RuntimeError("Corrupt JPEG data: premature end"))
