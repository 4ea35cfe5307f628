"""Weights that may be shared are made from images whose terms allow it, and say from which."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from tests.pretrain.archives import row_of
from versamammo.data.dataset import Archive
from versamammo.data.licence_filter import check_lineage, keep_shareable, sources_in_words
from versamammo.data.manifest import write_manifest
from versamammo.errors import InputError
from versamammo.model.configuration import Training


def table(*sources: str) -> pa.Table:
    return pa.table({"source": list(sources), "image_id": [str(n) for n in range(len(sources))]})


def test_rows_of_embed_are_left_out_of_weights_that_are_shared() -> None:
    kept, terms = keep_shareable(table("cmmd", "embed", "cmmd", "vindr-mammo", "phantom"))
    assert kept["image_id"].to_pylist() == ["0", "2", "4"]
    assert [name for name, _ in terms.left_out] == ["embed", "vindr-mammo"]


def test_a_run_of_nothing_shareable_stops() -> None:
    with pytest.raises(InputError) as caught:
        keep_shareable(table("embed", "rsna"))
    assert caught.value.reason == "nothing-shareable"


def test_an_archive_opens_without_what_may_not_be_shared(tmp_path: Path) -> None:
    sources = ("cmmd", "embed", "somebody's folder", "dmid")
    rows = [
        row_of(number, number, "train", 1, lesion=False) | {"source": source}
        for number, source in enumerate(sources)
    ]
    write_manifest(tmp_path / "manifest.parquet", rows)

    assert len(Archive.open(tmp_path, ["train"])) == 4
    kept = Archive.open(tmp_path, ["train"], shareable=True)
    assert kept.sources == ["cmmd", "dmid"]
    assert sorted(picture.patient for picture in kept) == ["patient 0", "patient 3"]


def test_the_card_lists_what_the_weights_were_made_from() -> None:
    text = sources_in_words(("cmmd", "cbis-ddsm", "cmmd"))
    assert text.splitlines()[2:4] == ["- cbis-ddsm: CC BY 3.0", "- cmmd: CC BY 4.0"]
    assert "Do not" not in text
    assert "non-commercial" not in text
    assert "non-commercial use only" in sources_in_words(("cmmd", "dbt"))


def test_the_card_warns_of_sources_that_forbid_sharing() -> None:
    text = sources_in_words(("cmmd", "embed"))
    assert "- embed: EMBED data use agreement" in text
    assert "Do not pass these weights on before you have read the terms of embed." in text


@pytest.mark.parametrize(
    ("training", "why"),
    [
        (Training(data="abc", sources=("cmmd", "embed")), "embed"),
        (Training(data="abc"), "does not name"),  # of ours, from before the sources were noted
    ],
)
def test_nothing_shareable_is_learnt_from_a_teacher_that_is_not(
    training: Training, why: str
) -> None:
    with pytest.raises(InputError, match=why) as caught:
        check_lineage(training.to_dict(), "teacher")
    assert caught.value.reason == "not-shareable"


def test_a_shareable_or_foreign_teacher_is_accepted() -> None:
    check_lineage(Training(data="abc", sources=("cmmd", "phantom")).to_dict(), "teacher")
    check_lineage(Training(steps=("channels summed",)).to_dict(), "teacher")
