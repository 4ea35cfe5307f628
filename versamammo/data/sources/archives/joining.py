"""Joins the pictures on disk with the rows that speak of them; what has no partner is said."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath

from versamammo.data.quarantine import Quarantined
from versamammo.data.sources.archives.catalogue import PublicArchive
from versamammo.data.sources.archives.sheets import Line, missing
from versamammo.data.sources.joins import Joined
from versamammo.data.sources.source_contract import Entry, ImageRecord
from versamammo.data.sources.walking import check_root, walk
from versamammo.errors import InputError

Describe = Callable[[str, Sequence[Line]], ImageRecord]


def pictures(root: Path, archive: PublicArchive, endings: Sequence[str]) -> list[str | Quarantined]:
    """List the pictures under the root by their endings, and what cannot be looked at.

    Raises:
        InputError: there are none (reason "missing-sheet"), or the root cannot be opened.
    """
    check_root(root)
    kept = [
        path
        for path in walk(root)
        if isinstance(path, Quarantined) or path.lower().endswith(tuple(endings))
    ]
    if not any(isinstance(path, str) for path in kept):
        raise missing(archive, f"every picture ({', '.join(endings)})")
    return kept


def joined(
    paths: Iterable[str | Quarantined],
    rows: Mapping[str, Sequence[Line]],
    sheet: str,
    key: Callable[[str], str],
    describe: Describe,
    joins: list[Joined],
) -> Iterator[Entry]:
    """Describe every picture by its rows.

    Args:
        paths: of pictures, relative to the root.
        rows: by the key they share with a picture.
        sheet: the table's name, for messages.
        key: of a picture's path.
        describe: builds the record; an InputError of it keeps the picture out.
        joins: gets how many met.
    """
    met: dict[str, list[str]] = {}
    for path in paths:
        if isinstance(path, Quarantined):
            yield path
        else:
            met.setdefault(key(path), []).append(path)
    for name, places in met.items():
        if name not in rows:
            for path in places:
                yield Quarantined(path, sheet, "no-row", f"no row of the table speaks of {name!r}")
        elif len(places) > 1:
            for path in places:
                yield Quarantined(
                    path, sheet, "ambiguous-file", f"{len(places)} pictures are called {name!r}"
                )
        else:
            yield guarded(places[0], rows[name], describe)
    there = sum(map(len, met.values()))
    with_row = sum(len(places) for name, places in met.items() if name in rows)
    joins.append(Joined(sheet, len(rows), len(rows.keys() & met.keys()), there, with_row))
    for name in rows.keys() - met.keys():
        yield Quarantined(name, sheet, "missing-file", "the row's picture is not there")


def guarded(path: str, lines: Sequence[Line], describe: Describe) -> Entry:
    """Describe one picture, or say why it is kept out."""
    try:
        return describe(path, lines)
    except InputError as error:
        return Quarantined.because(error, path)
    except (ValueError, OverflowError) as error:  # of words that were to be numbers or boxes
        return Quarantined(path, "", "bad-row", f"its row cannot be understood: {error}")


def stem(path: str) -> str:
    """Return a picture's name without folders and ending."""
    return PurePosixPath(path).stem
