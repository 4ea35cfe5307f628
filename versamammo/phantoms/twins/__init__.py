"""Twins: miniatures of the public archives' raw layouts, filled with phantoms; not real data.

A twin has the folders, file names, spreadsheet columns and quirks of its archive, so that an
adapter can be rehearsed where the archive is not at hand.
"""

from versamammo.phantoms.twins.layouts import LAYOUTS, write_twin

__all__ = ["LAYOUTS", "write_twin"]
