from __future__ import annotations

import numpy as np
import pyarrow as pa

from versamammo.data.labels import Labels
from versamammo.data.splits.draw import Member, group_key, split_by_patient
from versamammo.data.splits.resplit import split_table


def test_columns_give_the_same_split_as_images() -> None:
    rng = np.random.default_rng(5)
    rows = [
        {
            "image_id": f"i{n}",
            "patient_id": None if n % 7 == 0 else f"P{n // 6}",
            "exam_id": None if n % 14 == 0 else f"E{n // 3}",
            "density": float(rng.integers(1, 5)),
            "birads": float(rng.integers(0, 6)),
            "pathology": float(rng.choice([0.0, 1.0, 2.0, np.nan])),
        }
        for n in range(600)
    ]
    members = [
        Member(
            row["image_id"],
            group_key(row["image_id"], row["patient_id"], row["exam_id"]),
            Labels(density=row["density"], birads=row["birads"], pathology=row["pathology"]),
        )
        for row in rows
    ]
    singly = split_by_patient(members, seed=3)
    table = pa.Table.from_pylist(rows)
    assert split_table(table, seed=3).to_pylist() == [singly[row["image_id"]] for row in rows]
    assert set(singly.values()) == {"train", "val", "test"}
