from __future__ import annotations

import errno
from pathlib import Path

import numpy as np
import pytest
import tifffile

from versamammo.data.cache import CHECKSUMS, STRIP, content_key, read_levels, write_levels
from versamammo.errors import InputError

RNG = np.random.default_rng(0)
LEVELS = (40000 + np.cumsum(RNG.integers(-50, 50, (300, 170)), axis=1)).astype(np.uint16)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    write_levels(tmp_path / "a.tif", LEVELS)
    return tmp_path / "a.tif"


def test_what_was_written_is_read(path: Path) -> None:
    assert np.array_equal(read_levels(path), LEVELS)


@pytest.mark.parametrize("shape", [(1, 1), (64, 3), (65, 70), (1, 500), (128, 1)])
def test_any_size_is_kept(tmp_path: Path, shape: tuple[int, int]) -> None:
    levels = RNG.integers(0, 65536, shape, dtype=np.uint16)
    write_levels(tmp_path / "b.tif", levels)
    assert np.array_equal(read_levels(tmp_path / "b.tif"), levels)


@pytest.mark.parametrize(
    "rows", [slice(0, 1), slice(63, 65), slice(130, 131), slice(250, None), slice(-5, None),
             slice(10, 10), slice(290, 999), slice(None, 128)],
)  # fmt: skip
def test_some_rows_are_the_same_rows(path: Path, rows: slice) -> None:
    assert np.array_equal(read_levels(path, rows), LEVELS[rows])


def test_only_the_strips_that_hold_the_rows_are_opened(path: Path) -> None:
    with tifffile.TiffFile(path) as tiff:
        third = tiff.pages[0].dataoffsets[2]
    data = bytearray(path.read_bytes())
    data[third : third + 8] = b"\0" * 8
    path.write_bytes(data)
    assert np.array_equal(read_levels(path, slice(0, 128)), LEVELS[:128])
    with pytest.raises(InputError):
        read_levels(path, slice(100, 140))


def test_the_bytes_depend_on_the_pixels_alone(tmp_path: Path) -> None:
    for name in ("one.tif", "two.tif"):
        write_levels(tmp_path / name, LEVELS)
    assert (tmp_path / "one.tif").read_bytes() == (tmp_path / "two.tif").read_bytes()


def test_pictures_of_the_slower_level_are_read_too(tmp_path: Path, path: Path) -> None:
    """Caches of version 0.1 were written by tifffile itself at level 1."""
    with tifffile.TiffFile(path) as tiff:
        sums = tiff.pages[0].tags.valueof(CHECKSUMS)
    tifffile.imwrite(
        tmp_path / "old.tif", LEVELS, byteorder="<", compression="zstd",
        compressionargs={"level": 1}, predictor=True, rowsperstrip=STRIP, metadata=None,
        extratags=[(CHECKSUMS, "I", len(sums), sums, True)],
    )  # fmt: skip
    assert (tmp_path / "old.tif").read_bytes() != path.read_bytes()
    assert np.array_equal(read_levels(tmp_path / "old.tif"), LEVELS)


@pytest.mark.parametrize(
    ("levels", "careful"),
    [(RNG.integers(0, 9, (200, 150)).astype(np.uint16) * 7000, True),
     (RNG.integers(0, 65536, (200, 150)).astype(np.uint16), False)],
    ids=["few grey levels", "grain"],
)  # fmt: skip
def test_care_is_taken_where_it_saves_bytes(
    tmp_path: Path, levels: np.ndarray, *, careful: bool
) -> None:
    write_levels(tmp_path / "a.tif", levels)
    assert np.array_equal(tifffile.imread(tmp_path / "a.tif"), levels)
    assert np.array_equal(read_levels(tmp_path / "a.tif", slice(60, 70)), levels[60:70])
    with tifffile.TiffFile(tmp_path / "a.tif") as tiff:
        assert (tiff.pages[0].predictor == 2) == careful
    assert ((tmp_path / "a.tif").stat().st_size < 0.5 * levels.nbytes) == careful


def test_air_takes_next_to_nothing(tmp_path: Path) -> None:
    levels = np.zeros((512, 512), np.uint16)
    levels[100:200, :100] = RNG.integers(0, 65536, (100, 100))
    write_levels(tmp_path / "air.tif", levels)
    assert 20_000 < (tmp_path / "air.tif").stat().st_size < 24_000


def test_any_tiff_reader_opens_it(path: Path) -> None:
    assert np.array_equal(tifffile.imread(path), LEVELS)


@pytest.mark.parametrize("share", [0.0, 0.001, 0.02, 0.3, 0.7, 0.99])
def test_a_truncated_file_is_refused(path: Path, share: float) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: int(share * len(data))])
    with pytest.raises(InputError) as error:
        read_levels(path)
    assert error.value.reason == "bad-cache"
    assert "a.tif" in str(error.value)


def test_flipped_bits_never_give_other_pixels(path: Path) -> None:
    data = path.read_bytes()
    refused = 0
    for position in np.random.default_rng(1).integers(0, len(data), 200):
        spoilt = bytearray(data)
        spoilt[position] ^= 0xFF
        path.write_bytes(spoilt)
        try:
            assert np.array_equal(read_levels(path), LEVELS)
        except InputError:
            refused += 1
    assert refused > 180


@pytest.mark.parametrize("pixels", [np.zeros((9, 9), np.uint8), np.zeros((9, 9, 3), np.uint16)])
def test_a_foreign_tiff_is_refused(tmp_path: Path, pixels: np.ndarray) -> None:
    tifffile.imwrite(tmp_path / "c.tif", pixels)
    with pytest.raises(InputError, match="uint16"):
        read_levels(tmp_path / "c.tif")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"gone\.tif") as error:
        read_levels(tmp_path / "gone.tif")
    assert error.value.reason == "bad-cache"


def test_a_full_disk_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: Path, target: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="No space left"):
        write_levels(tmp_path / "a.tif", LEVELS)
    assert list(tmp_path.iterdir()) == []


def test_an_old_picture_survives_a_failed_rewrite(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: Path, target: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="No space left"):
        write_levels(path, LEVELS[::-1])
    assert np.array_equal(read_levels(path), LEVELS)


def test_the_key_knows_the_source_and_the_settings_in_any_order() -> None:
    key = content_key("ab", {"size": (1536, 1024), "window": None})
    assert key == content_key("ab", {"window": None, "size": (1536, 1024)})
    assert key != content_key("ac", {"size": (1536, 1024), "window": None})
    assert key != content_key("ab", {"size": (1536, 1025), "window": None})
