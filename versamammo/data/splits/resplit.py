"""Draws the splits of a whole manifest by its columns: as one image at a time, only sooner."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from versamammo.data.splits.draw import DEFAULT_SHARES, STRATIFIED, check_shares, split_groups

COLUMNS = ("image_id", "patient_id", "exam_id", *STRATIFIED)


def split_table(
    manifest: pa.Table, seed: int, shares: Sequence[float] = DEFAULT_SHARES
) -> pa.ChunkedArray:
    """Split a manifest by patient, as `splits.split_by_patient` does.

    Args:
        manifest: with the columns `COLUMNS`.
        seed: another seed, another split.
        shares: of the groups, for train, val and test.

    Returns:
        the split of each row.

    Raises:
        InputError: the shares are not three fractions that sum to 1.
    """
    check_shares(shares)
    group = pc.coalesce(
        named("patient", manifest["patient_id"]),
        named("exam", manifest["exam_id"]),
        named("image", manifest["image_id"]),
    )
    keyed = pa.table({"group": group} | {name: manifest[name] for name in STRATIFIED})
    # the images of an exam say mostly the same, so there are far fewer kinds than images
    kinds = keyed.group_by(keyed.column_names).aggregate([])
    classes: dict[str, set[str]] = {}
    for owner, *values in zip(*(column.to_pylist() for column in kinds.columns), strict=True):
        classes.setdefault(owner, set()).update(
            f"{name} {float('nan') if value is None else value}"
            for name, value in zip(STRATIFIED, values, strict=True)
        )
    split = split_groups(classes, seed, shares)
    owners = group.combine_chunks().dictionary_encode()
    chosen = pa.array([split[owner] for owner in owners.dictionary.to_pylist()])
    return pa.chunked_array([chosen.take(owners.indices)])


def named(kind: str, ids: pa.ChunkedArray) -> pa.ChunkedArray:
    """Write "patient P1" and the like; null stays null."""
    return pc.binary_join_element_wise(kind, ids, " ")
