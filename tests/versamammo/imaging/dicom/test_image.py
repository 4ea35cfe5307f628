"""Whole DICOM files, ordinary and odd, into mammograms."""

import struct
import warnings
import zlib

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.sequence import Sequence
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from versamammo.errors import InputError
from versamammo.imaging.codecs import encode_frame
from versamammo.imaging.dicom import read_dicom
from versamammo.imaging.mammogram import Laterality, View

LOSSLESS = "1.2.840.10008.1.2.4.70"
WIDE = {"WindowCenter": "2048", "WindowWidth": "4096"}


def reason_of(path, **options):
    with pytest.raises(InputError) as caught:
        read_dicom(path, **options)
    assert str(caught.value).startswith(path.name)
    return caught.value.reason


def test_a_plain_mammogram_is_read_with_everything_it_says(picture, write_dicom):
    stored = picture(12)
    mammogram = read_dicom(
        write_dicom(
            stored, 12, PatientID="P7", AccessionNumber="A1", StudyDate="20210304",
            PatientAge="061Y", Manufacturer="Vendor", ManufacturerModelName="M1",
            PatientOrientation=["A", "R"], **WIDE,
        )
    )  # fmt: skip

    np.testing.assert_allclose(mammogram.pixels, stored / 4095, atol=1e-6)
    assert (mammogram.laterality, mammogram.view) == (Laterality.LEFT, View.CC)
    assert mammogram.spacing_mm == (0.1, 0.1)
    assert mammogram.bits == 12
    assert mammogram.warnings == ()
    assert mammogram.identifiers.patient_id == "P7"
    assert mammogram.identifiers.exam_date == "2021-03-04"
    assert mammogram.provenance.age_years == 61
    assert mammogram.provenance.vendor == "Vendor"
    assert mammogram.provenance.patient_orientation == ("A", "R")
    assert mammogram.provenance.decoder == "numpy"


def test_names_and_birth_dates_go_nowhere(picture, write_dicom, capsys):
    mammogram = read_dicom(
        write_dicom(
            picture(12), 12, PatientName="Doe^Jane", PatientBirthDate="19500102",
            InstitutionName="Somewhere", BurnedInAnnotation="YES", **WIDE,
        )
    )  # fmt: skip

    said = repr(mammogram) + "".join(capsys.readouterr())
    assert not any(word in said for word in ("Doe", "Jane", "1950", "Somewhere"))
    assert any("burned" in note for note in mammogram.warnings)


@pytest.mark.parametrize(
    "syntax", [ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian]
)
def test_a_data_set_without_preamble_is_read(syntax, picture, write_dicom):
    stored = picture(12)
    path = write_dicom(stored, 12, syntax=str(syntax), **WIDE)
    whole = path.read_bytes()
    # after the preamble, DICM and the file meta group, whose length its first element states
    (length,) = struct.unpack_from("<I", whole, 140)
    path.write_bytes(whole[144 + length :])

    mammogram = read_dicom(path)

    np.testing.assert_allclose(mammogram.pixels, stored / 4095, atol=1e-6)
    assert "the file lacks the DICOM preamble" in mammogram.warnings


def test_a_syntax_that_contradicts_the_data_set_is_seen_through(picture, write_dicom):
    stored = picture(12)
    path = write_dicom(stored, 12, **WIDE)
    explicit, implicit = b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2\0\0\0"
    path.write_bytes(path.read_bytes().replace(explicit, implicit, 1))

    np.testing.assert_allclose(read_dicom(path).pixels, stored / 4095, atol=1e-6)


def test_big_endian_bytes_written_as_words_are_swapped_back(picture, write_dicom):
    stored = picture(8)
    path = write_dicom(stored, 8, syntax=str(ExplicitVRBigEndian))
    dataset = pydicom.dcmread(path)
    swapped = np.frombuffer(dataset.PixelData, "u2").byteswap().tobytes()
    dataset.add_new("PixelData", "OW", swapped)
    dataset.save_as(path)

    np.testing.assert_allclose(read_dicom(path).pixels, stored / 255, atol=1e-6)


def test_a_scanned_film_without_the_usual_tags_is_read_with_warnings(picture, write_dicom):
    film = dict(
        SOPClassUID="1.2.840.10008.5.1.4.1.1.7", Modality=None, PresentationIntentType=None,
        ImagerPixelSpacing=None, SpatialResolution="0.05", BodyPartExamined=None,
    )  # fmt: skip
    mammogram = read_dicom(write_dicom(picture(12), 12, **film))

    assert mammogram.spacing_mm == (0.05, 0.05)
    assert "modality is nothing, not MG" in mammogram.warnings
    assert any("resolution" in note for note in mammogram.warnings)


@pytest.mark.parametrize("photometric", ["RGB", "YBR_FULL"])
def test_a_film_scanned_in_colour_becomes_grey(photometric, picture, write_dicom, tmp_path):
    grey = picture(8)
    path = write_dicom(grey, 8)
    dataset = pydicom.dcmread(path)
    others = grey if photometric == "RGB" else np.full_like(grey, 128)
    dataset.PixelData = np.dstack([grey, others, others]).tobytes()
    dataset.SamplesPerPixel, dataset.PlanarConfiguration = 3, 0
    dataset.PhotometricInterpretation = photometric
    dataset.save_as(path)

    mammogram = read_dicom(path)

    np.testing.assert_allclose(mammogram.pixels, grey / 255, atol=1e-6)
    assert any("colour" in note for note in mammogram.warnings)


def test_sixteen_bits_that_hold_twelve_are_shown_at_their_brightness(picture, write_dicom):
    stored = picture(12)
    mammogram = read_dicom(write_dicom(stored, 16))

    np.testing.assert_allclose(mammogram.pixels, stored / 4095, atol=1e-6)
    assert mammogram.bits == 12
    assert "12 of 16 bits are in use and were shown" in mammogram.warnings


def test_the_window_is_chosen_by_index(picture, write_dicom):
    stored = picture(12)
    path = write_dicom(stored, 12, WindowCenter=["2048", "100"], WindowWidth=["4096", "1"])

    assert set(np.unique(read_dicom(path, window=1).pixels)) == {0, 1}
    assert read_dicom(path, window=1).provenance.window_used == 1
    assert reason_of(path, window=2) == "no-such-window"


def test_padding_in_a_real_polarity_stays_dark(picture, write_dicom):
    stored = picture(12)
    mammogram = read_dicom(
        write_dicom(stored, 12, PhotometricInterpretation="MONOCHROME1", PixelPaddingValue=0)
    )

    assert mammogram.pixels[stored == 0].max() == 0


def test_tags_that_turn_the_picture_negative_are_pointed_out(picture, write_dicom):
    path = write_dicom(picture(12), 12, PhotometricInterpretation="MONOCHROME1", **WIDE)

    assert any("polarity" in note for note in read_dicom(path).warnings)


def test_detector_values_are_refused_and_then_rendered_on_request(picture, write_dicom):
    photons = (16383 - picture(14)).clip(1, None)
    path = write_dicom(
        photons, 14, PresentationIntentType="FOR PROCESSING", PixelIntensityRelationship="LIN",
        PixelIntensityRelationshipSign=1, SOPClassUID="1.2.840.10008.5.1.4.1.1.1.2.1",
    )  # fmt: skip
    assert reason_of(path) == "for-processing"

    mammogram = read_dicom(path, for_processing=True)

    assert mammogram.provenance.inverted
    assert mammogram.pixels[photons < 5000].mean() > mammogram.pixels[photons > 12000].mean() + 0.3
    assert any("FOR PROCESSING" in note for note in mammogram.warnings)


def stack_of(pictures, write_dicom, compressed):
    path = write_dicom(
        pictures[0], 12, SOPClassUID="1.2.840.10008.5.1.4.1.1.13.1.3", ImageLaterality=None, **WIDE
    )
    dataset = pydicom.dcmread(path)
    dataset.NumberOfFrames = len(pictures)
    if compressed:
        frames = [encode_frame(p, LOSSLESS, bits_stored=12) for p in pictures]
        dataset.add_new("PixelData", "OB", encapsulate(frames))
        dataset["PixelData"].is_undefined_length = True
        dataset.file_meta.TransferSyntaxUID = LOSSLESS
    else:
        dataset.PixelData = b"".join(p.tobytes() for p in pictures)
    anatomy, group = Dataset(), Dataset()
    anatomy.FrameLaterality = "R"
    group.FrameAnatomySequence = Sequence([anatomy])
    dataset.SharedFunctionalGroupsSequence = Sequence([group])
    dataset.save_as(path)
    return path


@pytest.mark.parametrize("compressed", [False, True])
def test_a_stack_is_refused_until_a_frame_is_chosen(compressed, picture, write_dicom):
    pictures = [picture(12) // divisor for divisor in (1, 2, 3)]
    path = stack_of(pictures, write_dicom, compressed)
    assert reason_of(path) == "tomosynthesis"
    assert reason_of(path, frame=3) == "no-such-frame"

    mammogram = read_dicom(path, frame=2)

    np.testing.assert_allclose(mammogram.pixels, pictures[2] / 4095, atol=1e-6)
    assert mammogram.laterality is Laterality.RIGHT
    assert mammogram.laterality_source == "FrameLaterality"


@pytest.mark.parametrize("table", [True, False])
def test_a_frame_may_lie_in_several_fragments(table, picture, write_dicom):
    stored = picture(12)
    path = write_dicom(stored, 12, syntax=LOSSLESS, **WIDE)
    dataset = pydicom.dcmread(path)
    frame = encode_frame(stored, LOSSLESS, bits_stored=12)
    dataset.PixelData = encapsulate([frame], fragments_per_frame=5, has_bot=table)
    dataset["PixelData"].is_undefined_length = True
    dataset.save_as(path)

    np.testing.assert_allclose(read_dicom(path).pixels, stored / 4095, atol=1e-6)


def test_frames_in_several_fragments_are_told_apart_by_their_offsets(picture, write_dicom):
    pictures = [picture(12), picture(12) // 2]
    path = stack_of(pictures, write_dicom, compressed=True)
    dataset = pydicom.dcmread(path)
    frames = [encode_frame(p, LOSSLESS, bits_stored=12) for p in pictures]
    dataset.PixelData = encapsulate(frames, fragments_per_frame=3)
    dataset["PixelData"].is_undefined_length = True
    dataset.save_as(path)

    np.testing.assert_allclose(read_dicom(path, frame=1).pixels, pictures[1] / 4095, atol=1e-6)


def test_a_file_cut_anywhere_is_refused(picture, write_dicom):
    for syntax in (str(ExplicitVRLittleEndian), LOSSLESS, str(DeflatedExplicitVRLittleEndian)):
        whole = write_dicom(picture(12), 12, syntax=syntax)
        data = whole.read_bytes()
        lengths = range(400, len(data) - 20, len(data) // 23)
        assert len(lengths) > 10
        for length in lengths:
            whole.write_bytes(data[:length])
            assert reason_of(whole) in ("truncated", "broken-header", "not-dicom")


def test_a_deflate_bomb_is_refused_before_it_swells(write_dicom, picture):
    path = write_dicom(picture(8), 8, syntax=str(DeflatedExplicitVRLittleEndian))
    data = path.read_bytes()
    (length,) = struct.unpack_from("<I", data, 140)
    deflate = zlib.compressobj(wbits=-15)
    bomb = deflate.compress(bytes(200_000_000)) + deflate.flush()
    path.write_bytes(data[: 144 + length] + bomb)

    assert len(bomb) < 1_000_000
    assert reason_of(path) == "too-large"


def test_pixels_left_out_of_the_size_are_noticed(picture, write_dicom):
    path = write_dicom(picture(12), 12, Rows=80)

    assert reason_of(path) == "size-mismatch"


def test_padding_at_the_end_of_the_pixels_is_no_mismatch(picture, write_dicom):
    path = write_dicom(picture(12), 12, **WIDE)
    dataset = pydicom.dcmread(path)
    dataset.PixelData = dataset.PixelData + bytes(4)
    dataset.save_as(path)

    assert read_dicom(path).size == (90, 70)


def test_compressed_pixels_under_an_uncompressed_syntax_are_refused(picture, write_dicom):
    path = write_dicom(picture(12), 12, syntax=LOSSLESS)
    stated = LOSSLESS.encode()
    path.write_bytes(path.read_bytes().replace(stated, b"1.2.840.10008.1.2.1\0\0\0", 1))

    assert reason_of(path) == "decode-failed"


@pytest.mark.parametrize("keyword", ["Rows", "Columns", "BitsAllocated"])
def test_a_missing_size_is_named(keyword, picture, write_dicom):
    with pytest.raises(InputError) as caught:
        read_dicom(write_dicom(picture(12), 12, **{keyword: None}))
    assert (caught.value.field, caught.value.reason) == (keyword, "missing-field")


def test_a_missing_photometric_interpretation_is_not_guessed(picture, write_dicom):
    with pytest.raises(InputError, match="expected MONOCHROME1 or MONOCHROME2"):
        read_dicom(write_dicom(picture(12), 12, PhotometricInterpretation=None))


def test_damaged_optional_fields_cost_a_warning_and_not_the_image(picture, write_dicom):
    path = write_dicom(picture(12), 12, ImagerPixelSpacing=[0.1, 0.1], KVP="30", **WIDE)
    path.write_bytes(path.read_bytes().replace(b"0.1\\0.1 ", b"0.1\\x.y "))

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        mammogram = read_dicom(path)

    assert mammogram.spacing_mm is None
    assert any("ImagerPixelSpacing" in note for note in mammogram.warnings)
    assert not any("x.y" in note for note in mammogram.warnings)
