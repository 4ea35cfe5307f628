from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from benchmark import frozen_features as features
from benchmark.archives import Archives
from benchmark.frozen_features import FeatureStore, as_input, encoder_hash
from benchmark.task_rows import AdaptSettings, Row, select
from benchmark.tasks import load_tasks
from tests.benchmark.made_up_archives import (
    box,
    density_rows,
    finding,
    row,
    small_encoder,
    write_archive,
)
from versamammo.errors import InputError
from versamammo.model.encoder import VersaMammoModel

TASKS = {task.id: task for task in load_tasks()}
SETTINGS = AdaptSettings()


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> VersaMammoModel:
    return VersaMammoModel.from_pretrained(small_encoder(tmp_path_factory.mktemp("encoder")))


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> list[Row]:
    folder = tmp_path_factory.mktemp("data")
    write_archive(folder / "vindr-mammo", density_rows(24))
    found = select(TASKS["cls.vindr.density"], Archives(folder))
    return [*found.train[:8], *found.val]


def test_cached_features_equal_those_of_the_encoder(
    encoder: VersaMammoModel, rows: list[Row], tmp_path: Path
) -> None:
    store = FeatureStore(tmp_path, encoder, "a", SETTINGS)
    contract = encoder.config.input_contract
    with torch.no_grad():
        seen = encoder.encode(torch.stack([as_input(row, contract, SETTINGS) for row in rows]))

    torch.testing.assert_close(store.pooled(rows), seen.pooled, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(store.pooled(rows[::-1]), store.pooled(rows).flip(0))
    tokens = store.tokens(rows)
    assert tokens.shape == (len(rows), 2 * 2, seen.pooled.shape[1])
    assert tokens.dtype == torch.float16  # twice as many fit into memory


def test_nothing_is_encoded_twice_nor_taken_from_another_encoder(
    encoder: VersaMammoModel, rows: list[Row], tmp_path: Path
) -> None:
    first = FeatureStore(tmp_path, encoder, "a", SETTINGS)
    before = first.pooled(rows)
    again = FeatureStore(tmp_path, encoder, "a", SETTINGS)
    other = FeatureStore(tmp_path, encoder, "b", SETTINGS)

    assert torch.equal(again.pooled(rows), before)
    other.ready(rows)
    assert (first.encoded, again.encoded, other.encoded) == (len(rows), 0, len(rows))


def test_a_run_that_was_killed_goes_on_with_the_next_file(
    encoder: VersaMammoModel, rows: list[Row], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(features, "SHARD", 4)
    whole = FeatureStore(tmp_path / "whole", encoder, "a", SETTINGS).pooled(rows)
    killed = FeatureStore(tmp_path / "cut", encoder, "a", SETTINGS)
    write, count = killed._write, iter(range(2))

    def until_killed(some: list[Row]) -> None:
        if next(count, None) is None:
            raise KeyboardInterrupt
        write(some)

    monkeypatch.setattr(killed, "_write", until_killed)
    with pytest.raises(KeyboardInterrupt):
        killed.ready(rows)

    after = FeatureStore(tmp_path / "cut", encoder, "a", SETTINGS)
    assert torch.equal(after.pooled(rows), whole)
    assert after.encoded == len(rows) - 8


def test_a_damaged_cache_is_named(
    encoder: VersaMammoModel, rows: list[Row], tmp_path: Path
) -> None:
    store = FeatureStore(tmp_path, encoder, "a", SETTINGS)
    store.ready(rows[:2])
    path = next(store.folder.glob("*.safetensors"))
    path.write_bytes(path.read_bytes()[:100])

    with pytest.raises(InputError, match=r"safetensors: .*remove the file"):
        FeatureStore(tmp_path, encoder, "a", SETTINGS)


def test_a_close_up_fills_its_square(encoder: VersaMammoModel, tmp_path: Path) -> None:
    lesion = [finding("mass", box=box(10, 10, 20, 20), pathology=1.0, lesion_id="a")]
    images = [row(f"{n}", findings=lesion, split=s) for n, s in enumerate(("train", "test"))]
    write_archive(tmp_path / "cbis-ddsm", images)
    found = select(TASKS["cls.cbis-finding.pathology"], Archives(tmp_path))

    image = as_input(found.test[0], encoder.config.input_contract, SETTINGS)

    assert image.shape == (1, 48, 48)
    # the lesion is white and lies in the middle, 10 of 32 pixels wide
    bright = np.argwhere(image[0].numpy() > 3.5)
    assert bright.mean(0) == pytest.approx([22, 22], abs=3) or len(bright) > 100


def test_another_byte_of_the_weights_is_another_encoder(tmp_path: Path) -> None:
    folder = small_encoder(tmp_path / "a")
    before = encoder_hash(folder)
    weights = folder / "model.safetensors"
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(bytes(data))

    assert encoder_hash(folder) != before
    with pytest.raises(InputError, match="holds no safetensors"):
        encoder_hash(tmp_path)
