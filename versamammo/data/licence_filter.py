"""Keeps a training run to sources whose terms let its weights be shared."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from versamammo.data.source_counts import SourceCount
from versamammo.data.sources.archives.catalogue import (
    ARCHIVES,
    SharingTerms,
    licence_of,
    may_be_shared,
    terms_of,
)
from versamammo.errors import InputError


def keep_shareable(manifest: pa.Table) -> tuple[pa.Table, SharingTerms]:
    """Leave out rows of sources whose terms do not let trained weights be passed on.

    Args:
        manifest: with the column `source`.

    Returns:
        The rows that stay, and which sources were kept and left out.

    Raises:
        InputError: no row stays (reason "nothing-shareable").
    """
    terms = terms_of(tuple(pc.unique(manifest["source"]).to_pylist()))
    return manifest.filter(pc.is_in(manifest["source"], pa.array(terms.kept))), terms


def check_lineage(training: Mapping[str, Any], field: str) -> None:
    """Stop at weights of ours that were made from images whose terms keep them from being shared.

    Weights that others trained have no such record; their own licence has to be read.

    Args:
        training: the record in an encoder's config.
        field: which setting named these weights.

    Raises:
        InputError: they were, or do not say from whose images (reason "not-shareable").
    """
    sources = tuple(training.get("sources", ()))
    held = [source for source in sources if not may_be_shared(source)]
    if held or (training.get("data") and not sources):
        named = ", ".join(f"{source} ({licence_of(source)})" for source in held)
        raise InputError(
            f"was trained on {named or 'images that it does not name'}, so what learns from it "
            "cannot be shared either",
            field=field, reason="not-shareable",
        )  # fmt: skip


def sources_in_words(sources: Iterable[str], counts: Iterable[SourceCount] = ()) -> str:
    """List for a model card whose images weights were made from, and whether they may be shared.

    Args:
        sources: all of them.
        counts: how many images, of those that are counted.
    """
    named, counted = sorted(set(sources)), list(counts)
    lines = {source: f"- {source}: {licence_of(source)}" for source in named}
    for source in {one.source for one in counted}:
        lines[source] = "\n".join(f"- {one}" for one in counted if one.source == source)
    listed = "\n".join(lines[source] for source in sorted(lines))
    held = [source for source in named if not may_be_shared(source)]
    if held:
        verdict = (
            f"**Do not pass these weights on before you have read the terms of "
            f"{', '.join(held)}.** `--shareable true` trains without them."
        )
    else:
        only = any(conditional(source) for source in named)
        verdict = (
            "The terms of all of them let weights be passed on"
            + (", for non-commercial use only" if only else "")
            + ", as we read them; that is no legal advice."
        )
    return f"Images of:\n\n{listed}\n\n{verdict}"


def conditional(source: str) -> bool:
    """Return whether a source lets weights be passed on for non-commercial use only."""
    return source in ARCHIVES and ARCHIVES[source].weights == "non-commercial"
