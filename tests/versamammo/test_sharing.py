from __future__ import annotations

import pyarrow as pa
import pytest

from versamammo.errors import InputError
from versamammo.sharing import keep_shareable


def table(*sources: str) -> pa.Table:
    return pa.table({"source": list(sources), "image_id": [str(n) for n in range(len(sources))]})


def test_rows_of_embed_are_left_out_of_weights_that_are_shared() -> None:
    kept, terms = keep_shareable(table("cmmd", "embed", "cmmd", "vindr-mammo", "phantom"))
    assert kept["image_id"].to_pylist() == ["0", "2", "4"]
    assert [name for name, _ in terms.left_out] == ["embed", "vindr-mammo"]


def test_the_card_lists_what_the_weights_were_made_from() -> None:
    _, terms = keep_shareable(table("cbis-ddsm", "embed", "cmmd"))
    assert terms.card().splitlines()[1:] == ["- cbis-ddsm: CC BY 3.0", "- cmmd: CC BY 4.0"]


def test_a_run_of_nothing_shareable_stops() -> None:
    with pytest.raises(InputError) as caught:
        keep_shareable(table("embed", "rsna"))
    assert caught.value.reason == "nothing-shareable"
