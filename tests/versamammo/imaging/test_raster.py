"""PNG, JPEG, TIFF and PGM, at the depth they really have, the right way round."""

import struct
import zlib

import cv2
import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image

from versamammo.errors import InputError
from versamammo.imaging.polarity import background_is_bright
from versamammo.imaging.reading import read


def write(path, pixels, **options):
    if path.suffix == ".tif":
        tifffile.imwrite(path, pixels, **options)
    elif path.suffix == ".pgm":
        white = options.get("white", 65535 if pixels.dtype == np.uint16 else 255)
        head = b"P5\n# made by a test\n%d %d\n%d\n" % (*pixels.shape[::-1], white)
        path.write_bytes(head + pixels.astype(">u2" if white > 255 else "u1").tobytes())
    else:
        assert cv2.imwrite(str(path), pixels)
    return path


def reason_of(path, **options):
    with pytest.raises(InputError) as caught:
        read(path, **options)
    assert str(caught.value).startswith(path.name)
    return caught.value.reason


@pytest.mark.parametrize("suffix", [".png", ".tif", ".pgm"])
@pytest.mark.parametrize("bits", [8, 16])
def test_lossless_files_keep_every_level(suffix, bits, picture, tmp_path):
    stored = picture(bits)
    mammogram = read(write(tmp_path / f"a{suffix}", stored))

    np.testing.assert_allclose(mammogram.pixels, stored / (2**bits - 1), atol=1e-6)
    assert mammogram.bits == bits
    assert mammogram.provenance.format == {".png": "PNG", ".tif": "TIFF", ".pgm": "PGM"}[suffix]


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_twelve_bits_in_sixteen_are_shown_at_their_brightness_and_said(suffix, picture, tmp_path):
    stored = picture(12)
    mammogram = read(write(tmp_path / f"a{suffix}", stored))

    np.testing.assert_allclose(mammogram.pixels, stored / 4095, atol=1e-6)
    assert mammogram.bits == 12
    assert mammogram.warnings == ("12 of 16 bits are in use and were shown",)


def test_a_pgm_states_its_own_white(picture, tmp_path):
    stored = np.minimum(picture(12), 3000)
    mammogram = read(write(tmp_path / "a.pgm", stored, white=3000))

    np.testing.assert_allclose(mammogram.pixels, stored / 3000, atol=1e-6)


def test_a_plain_pgm_is_read(tmp_path):
    path = tmp_path / "a.pgm"
    path.write_text("P2\n# plain\n3 2\n9\n0 1 2 # a row\n3 4 9\n")

    np.testing.assert_allclose(read(path).pixels * 9, [[0, 1, 2], [3, 4, 9]], atol=1e-6)


def test_a_plain_pgm_with_words_between_its_numbers_is_refused(tmp_path):
    path = tmp_path / "a.pgm"
    path.write_text("P2 3 1 9 1 two 3")

    assert reason_of(path) == "decode-failed"


def test_jpeg_is_read_and_called_lossy(picture, tmp_path):
    stored = picture(8)
    mammogram = read(write(tmp_path / "a.jpg", stored))

    assert np.abs(mammogram.pixels * 255 - stored).max() < 12
    assert "the picture was compressed with loss" in mammogram.warnings


def test_a_jpeg_of_twelve_bits_is_read(picture, tmp_path):
    stored = picture(12)
    path = tmp_path / "a.jpg"
    path.write_bytes(imagecodecs.jpeg8_encode(stored, level=98, bitspersample=12))

    mammogram = read(path)

    assert mammogram.bits == 12
    assert np.abs(mammogram.pixels * 4095 - stored).max() < 40


@pytest.mark.parametrize("channels", [2, 3, 4])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_equal_colours_and_transparency_become_grey(channels, dtype, picture, tmp_path):
    stored = picture(8 * np.dtype(dtype).itemsize)
    layers = [stored] * (1 if channels == 2 else 3)
    if channels != 3:
        layers.append(np.full_like(stored, np.iinfo(dtype).max))
    path = tmp_path / "a.png"
    path.write_bytes(imagecodecs.png_encode(np.dstack(layers)))

    mammogram = read(path)

    np.testing.assert_allclose(mammogram.pixels, stored / np.iinfo(dtype).max, atol=1e-6)
    assert mammogram.warnings


def test_a_palette_is_looked_up(picture, tmp_path):
    stored = picture(8)
    image = Image.fromarray(255 - stored).convert("P")
    image.putpalette([255 - i for i in range(256) for _ in range(3)])
    image.save(tmp_path / "a.png")
    image.save(tmp_path / "a.tif")

    for name in ("a.png", "a.tif"):
        np.testing.assert_allclose(read(tmp_path / name).pixels, stored / 255, atol=1e-2)


def test_a_colour_photograph_is_refused(tmp_path):
    rng = np.random.default_rng(0)
    path = write(tmp_path / "a.png", rng.integers(0, 255, (90, 70, 3), dtype=np.uint8))

    assert reason_of(path) == "not-a-mammogram"


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
@pytest.mark.parametrize("background", [0, 255])
def test_a_mask_is_refused(suffix, background, tmp_path):
    mask = np.full((900, 700), background, np.uint8)
    mask = cv2.ellipse(mask, (200, 400), (90, 60), 20, 0, 360, 255 - background, -1)
    path = write(tmp_path / f"P102_R_DM_CC{suffix}", mask)

    assert reason_of(path) == "mask"


def test_a_negative_is_turned_round_and_said(picture, tmp_path):
    stored = picture(8)
    mammogram = read(write(tmp_path / "a.png", 255 - stored))

    np.testing.assert_allclose(mammogram.pixels, stored / 255, atol=1e-6)
    assert mammogram.provenance.inverted
    assert any("negative" in note for note in mammogram.warnings)


def test_a_tiff_whose_white_is_zero_is_turned_round_by_its_tag(picture, tmp_path):
    stored = picture(16)
    path = write(tmp_path / "a.tif", 65535 - stored, photometric="miniswhite")

    mammogram = read(path)

    np.testing.assert_allclose(mammogram.pixels, stored / 65535, atol=1e-6)
    assert mammogram.provenance.inverted
    assert mammogram.warnings == ()


def test_a_clear_rim_does_not_make_a_negative(picture):
    film = picture(8, rows=200, columns=160).astype(np.float32) / 255
    rimmed = np.pad(film, 8, constant_values=1.0)

    assert not background_is_bright(rimmed)
    assert background_is_bright(1 - film)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_pictures_are_turned_as_viewers_turn_them(orientation, picture, tmp_path):
    path = tmp_path / "a.png"
    image = Image.fromarray(picture(8))
    exif = image.getexif()
    exif[0x0112] = orientation
    image.save(path, exif=exif)
    with Image.open(path) as opened:
        from PIL import ImageOps

        expected = np.asarray(ImageOps.exif_transpose(opened))

    np.testing.assert_allclose(read(path).pixels, expected / 255, atol=1e-6)


def test_the_orientation_of_a_jpeg_is_found(picture, tmp_path):
    path = tmp_path / "a.jpg"
    image = Image.fromarray(picture(8))
    exif = image.getexif()
    exif[0x0112] = 6
    image.save(path, exif=exif, quality=100)

    mammogram = read(path)

    assert mammogram.size == (70, 90)
    assert "turned by its EXIF orientation 6" in mammogram.warnings


def test_a_page_of_a_tiff_is_chosen(picture, tmp_path):
    pages = np.stack([picture(8), picture(8) // 2])
    path = write(tmp_path / "a.tif", pages, photometric="minisblack")

    np.testing.assert_allclose(read(path, frame=1).pixels, pages[1] / 255, atol=1e-6)
    assert reason_of(path, frame=2) == "no-such-frame"


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif", ".pgm"])
def test_a_cut_file_is_refused(suffix, picture, tmp_path):
    path = write(tmp_path / f"a{suffix}", picture(8))
    data = path.read_bytes()
    for share in (0.2, 0.5, 0.9):
        path.write_bytes(data[: int(share * len(data))])
        assert reason_of(path) in ("truncated", "decode-failed", "broken-header")


def test_a_png_bomb_is_refused_before_it_swells(tmp_path):
    def chunk(kind, body):
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    for size in ((65535, 65535), (14000, 14000)):
        head = chunk(b"IHDR", struct.pack(">IIBBBBB", *size, 8, 0, 0, 0, 0))
        body = chunk(b"IDAT", zlib.compress(bytes(10_000)))
        path = tmp_path / "bomb.png"
        path.write_bytes(b"\x89PNG\r\n\x1a\n" + head + body + chunk(b"IEND", b""))

        assert reason_of(path) == "too-large"


def test_floating_point_tiffs_are_refused(tmp_path):
    path = write(tmp_path / "a.tif", np.zeros((9, 7), np.float32))

    assert reason_of(path) == "unsupported-depth"


def test_a_raster_file_has_no_windows(picture, tmp_path):
    assert reason_of(write(tmp_path / "a.png", picture(8)), window=0) == "no-such-window"


def test_side_and_view_come_from_the_name(picture, tmp_path):
    mammogram = read(write(tmp_path / "P1_R_MLO.png", picture(8)))

    assert (mammogram.laterality, mammogram.view) == ("R", "MLO")
    assert mammogram.identifiers.image_id == "P1_R_MLO"
