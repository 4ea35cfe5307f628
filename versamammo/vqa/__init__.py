"""Questions about mammograms: items in MammoVQA files, how they are put, and files of answers."""

from versamammo.vqa.items import (
    FIELDS,
    BadItem,
    Item,
    Kind,
    read_bench,
    read_items,
    read_object,
    write_bench,
)

__all__ = [
    "FIELDS",
    "BadItem",
    "Item",
    "Kind",
    "read_bench",
    "read_items",
    "read_object",
    "write_bench",
]
