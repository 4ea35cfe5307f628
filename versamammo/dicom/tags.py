"""DICOM attributes by keyword, as plain Python values, from headers that may be damaged.

An attribute that is absent or empty gives None; one that cannot be understood gives None too, and
its keyword is noted, so that a broken optional field costs a warning and not the image. Values are
never part of a message, since any field may hold an identity.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.sequence import Sequence as DicomSequence
from pydicom.tag import BaseTag, Tag

from versamammo.errors import InputError


@cache
def tag_of(keyword: str) -> BaseTag:
    """Give the tag of a keyword of the standard's dictionary."""
    return Tag(keyword)


class Tags:
    """Attributes of a data set; of an enhanced object, as they apply to one of its frames."""

    def __init__(self, *datasets: Dataset, unreadable: list[str] | None = None) -> None:
        """Look attributes up in several data sets, the most specific first."""
        self._datasets = datasets
        self.unreadable: list[str] = [] if unreadable is None else unreadable

    def for_frame(self, frame: int) -> Tags:
        """Let the functional groups of one frame, then the shared ones, speak before the root."""
        groups = []
        per_frame = self._items("PerFrameFunctionalGroupsSequence")
        shared = self._items("SharedFunctionalGroupsSequence")
        for group in per_frame[frame : frame + 1] + shared[:1]:
            for element in group:
                if isinstance(element.value, DicomSequence) and len(element.value) == 1:
                    groups.append(element.value[0])
        return Tags(*groups, *self._datasets, unreadable=self.unreadable)

    def sequence(self, keyword: str) -> list[Tags]:
        """Give the items of a sequence; empty if it is absent."""
        return [Tags(item, unreadable=self.unreadable) for item in self._items(keyword)]

    def texts(self, keyword: str) -> tuple[str, ...]:
        """Give every value as stripped text, empty ones included."""
        values = self._values(keyword)
        return tuple(str(v if v is not None else "").strip(" \0\t\r\n") for v in values)

    def text(self, keyword: str) -> str | None:
        """Give the first value as text, or None."""
        texts = self.texts(keyword)
        return (texts[0] or None) if texts else None

    def code(self, keyword: str) -> str | None:
        """Give a coded string in capitals, as DICOM writes it and some vendors do not."""
        text = self.text(keyword)
        return text.upper() if text else None

    def numbers(self, keyword: str) -> tuple[float, ...]:
        """Give the finite numbers; empty if there are none or one of them is no number."""
        try:
            numbers = tuple(float(v) for v in self._values(keyword) if v not in ("", None))
        except (TypeError, ValueError):
            numbers = (math.nan,)
        if not all(map(math.isfinite, numbers)):
            self._note(keyword)
            return ()
        return numbers

    def number(self, keyword: str) -> float | None:
        """Give the first number, or None."""
        numbers = self.numbers(keyword)
        return numbers[0] if numbers else None

    def integer(self, keyword: str) -> int | None:
        """Give the first number if it is whole, or None."""
        number = self.number(keyword)
        if number is not None and number != int(number):
            self._note(keyword)
            return None
        return None if number is None else int(number)

    def required(self, keyword: str) -> int:
        """Give a whole number that the pixels cannot be read without.

        Raises:
            InputError: `missing-field`.
        """
        number = self.integer(keyword)
        if number is None:
            raise InputError("missing or not a whole number", field=keyword, reason="missing-field")
        return number

    def data(self, keyword: str) -> bytes | NDArray[np.int64]:
        """Give binary data, or a run of integers, as the file stores them."""
        for dataset in self._datasets:
            element: Any = dataset.get_item(tag_of(keyword))
            if isinstance(element, RawDataElement) and element.VR == "US" and element.value:
                # pydicom would make a Python integer of each entry of a table
                order = "<" if element.is_little_endian else ">"
                whole = len(element.value) // 2
                return np.frombuffer(element.value, f"{order}u2", whole).astype(np.int64)
        value = self._value(keyword)
        if isinstance(value, bytes):
            return value
        try:
            return np.asarray([] if value is None else value, np.int64).reshape(-1)
        except (TypeError, ValueError, OverflowError):
            self._note(keyword)
            return np.empty(0, np.int64)

    def has(self, keyword: str) -> bool:
        """Say whether an attribute is there with a value."""
        return any(text != "" for text in self.texts(keyword))

    def private(self, group: int, creator: str, element: int) -> str | None:
        """Give a vendor's own attribute as text, or None."""
        for dataset in self._datasets:
            try:
                value = dataset.private_block(group, creator)[element].value
            except KeyError:
                continue
            return str(value).strip(" \0") or None
        return None

    def _items(self, keyword: str) -> list[Dataset]:
        value = self._value(keyword)
        return list(value) if isinstance(value, DicomSequence) else []

    def _values(self, keyword: str) -> Sequence[Any]:
        value = self._value(keyword)
        if value is None:
            return ()
        return list(value) if isinstance(value, MultiValue | list | tuple) else [value]

    def _value(self, keyword: str) -> Any:
        for dataset in self._datasets:
            try:
                # by tag, since pydicom looks a keyword up as an attribute of its object first
                element = dataset.get(tag_of(keyword))
                value = None if element is None else element.value
            except Exception:  # pydicom converts late, and a damaged value may raise anything
                self._note(keyword)
                continue
            if value is not None:
                return value
        return None

    def _note(self, keyword: str) -> None:
        if keyword not in self.unreadable:
            self.unreadable.append(keyword)

    def warnings(self) -> Iterator[str]:
        """Say which attributes could not be understood."""
        for keyword in self.unreadable:
            yield f"{keyword} could not be understood and was left out"
