"""Keeps a training run to sources whose terms let its weights be shared."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from versamammo.sources.archives.catalogue import Terms, terms_of


def keep_shareable(manifest: pa.Table) -> tuple[pa.Table, Terms]:
    """Leave out rows of sources whose terms do not let trained weights be passed on.

    Args:
        manifest: with the column `source`.

    Returns:
        The rows that stay, and which sources were kept (`Terms.card` for the model's card) and left
        out.

    Raises:
        InputError: no row stays (reason "nothing-shareable").
    """
    terms = terms_of(tuple(pc.unique(manifest["source"]).to_pylist()))
    return manifest.filter(pc.is_in(manifest["source"], pa.array(terms.kept))), terms
