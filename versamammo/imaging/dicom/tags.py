"""DICOM attributes by keyword, as plain Python values, from headers that may be damaged.

An attribute that is absent or empty gives None; one that cannot be understood gives None too, and
its keyword is noted, so that a broken optional field costs a warning and not the image. Values are
never part of a message, since any field may hold an identity.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.datadict import dictionary_VR, keyword_for_tag
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.sequence import Sequence as DicomSequence
from pydicom.tag import BaseTag, Tag

from versamammo.errors import InputError

PADDING = " \0\t\r\n"
# PS3.5 6.2 (DS), and the comma that some writers set as their country does
NUMERAL = re.compile(r"[+-]?(\d+[.,]?\d*|[.,]\d+)([eE][+-]?\d+)?")


@cache
def tag_of(keyword: str) -> BaseTag:
    """Return the tag of a keyword of the standard's dictionary."""
    return Tag(keyword)


class Tags:
    """Attributes of a data set; of an enhanced object, as they apply to one of its frames."""

    def __init__(
        self,
        *datasets: Dataset,
        unreadable: list[str] | None = None,
        commas: list[str] | None = None,
    ) -> None:
        """Look attributes up in several data sets, the most specific first."""
        self._datasets = datasets
        self.unreadable: list[str] = [] if unreadable is None else unreadable
        self.commas: list[str] = [] if commas is None else commas

    def for_frame(self, frame: int) -> Tags:
        """Let the functional groups of one frame, then the shared ones, speak before the root."""
        groups = []
        per_frame = self._items("PerFrameFunctionalGroupsSequence")
        shared = self._items("SharedFunctionalGroupsSequence")
        for group in per_frame[frame : frame + 1] + shared[:1]:
            for tag in list(group.keys()):
                value = self._converted(group, tag, keyword_for_tag(tag) or str(tag))
                if isinstance(value, DicomSequence) and len(value) == 1:
                    groups.append(value[0])
        return self._of(*groups, *self._datasets)

    def _of(self, *datasets: Dataset) -> Tags:
        return Tags(*datasets, unreadable=self.unreadable, commas=self.commas)

    def sequence(self, keyword: str) -> list[Tags]:
        """Return the items of a sequence; empty if it is absent."""
        return [self._of(item) for item in self._items(keyword)]

    def texts(self, keyword: str) -> tuple[str, ...]:
        """Return every value as stripped text, empty ones included."""
        try:
            # a damaged type can make anything of a value, a sequence of damaged values too
            return tuple(str("" if v is None else v).strip(PADDING) for v in self._values(keyword))
        except MemoryError:
            raise
        except Exception:
            self._note(keyword)
            return ()

    def text(self, keyword: str) -> str | None:
        """Return the first value as text, or None."""
        texts = self.texts(keyword)
        return (texts[0] or None) if texts else None

    def code(self, keyword: str) -> str | None:
        """Return a coded string in capitals, as DICOM writes it and some vendors do not."""
        text = self.text(keyword)
        return text.upper() if text else None

    def numbers(self, keyword: str) -> tuple[float, ...]:
        """Return the finite numbers; empty if there are none or one of them is no number."""
        numbers = self._numbers(keyword)
        if any(number is not None and math.isnan(number) for number in numbers):
            return ()
        return tuple(number for number in numbers if number is not None)

    def places(self, keyword: str) -> tuple[float | None, ...]:
        """Return the numbers, each at its place, with None for an empty value or no number."""
        numbers = self._numbers(keyword)
        return tuple(None if n is None or math.isnan(n) else n for n in numbers)

    def _numbers(self, keyword: str) -> list[float | None]:
        """Parse every value, to NaN what is no finite number and to None what is empty."""
        numbers = [self._parsed(keyword, value) for value in self._numerals(keyword)]
        if any(number is not None and math.isnan(number) for number in numbers):
            self._note(keyword)
        return numbers

    def _parsed(self, keyword: str, value: object) -> float | None:
        if value is None or value == "":
            return None
        try:
            if isinstance(value, str):
                if NUMERAL.fullmatch(value) is None:
                    return math.nan
                if "," in value and keyword not in self.commas:
                    self.commas.append(keyword)
                value = value.replace(",", ".")
            number = float(value)  # type: ignore[arg-type]
        except (TypeError, ValueError, OverflowError):
            return math.nan
        return number if math.isfinite(number) else math.nan

    def _numerals(self, keyword: str) -> Sequence[Any]:
        """List numbers as the file writes them: pydicom drops all if one of them is wrong."""
        for dataset in self._datasets:
            element: Any = dataset.get_item(tag_of(keyword))
            if element is None:
                continue
            if not isinstance(element, RawDataElement):
                break
            vr = dictionary_VR(element.tag) if element.VR in (None, "UN") else element.VR
            if vr not in ("DS", "IS") or not isinstance(element.value, bytes):
                break
            if text := element.value.decode("ascii", "replace").strip(PADDING):
                return [part.strip(PADDING) for part in text.split("\\")]
        return [v.strip(PADDING) if isinstance(v, str) else v for v in self._values(keyword)]

    def number(self, keyword: str) -> float | None:
        """Return the first number, or None."""
        numbers = self.numbers(keyword)
        return numbers[0] if numbers else None

    def integer(self, keyword: str) -> int | None:
        """Return the first number if it is whole, or None."""
        number = self.number(keyword)
        if number is not None and number != int(number):
            self._note(keyword)
            return None
        return None if number is None else int(number)

    def required(self, keyword: str) -> int:
        """Return a whole number that the pixels cannot be read without.

        Raises:
            InputError: `missing-field`.
        """
        number = self.integer(keyword)
        if number is None:
            raise InputError("missing or not a whole number", field=keyword, reason="missing-field")
        return number

    def data(self, keyword: str) -> bytes | NDArray[np.int64]:
        """Return binary data, or a run of integers, as the file stores them."""
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

    def vr(self, keyword: str) -> str | None:
        """Return the value representation of an attribute, or None where it is not stated."""
        for dataset in self._datasets:
            element = dataset.get_item(tag_of(keyword))
            if element is not None:
                return element.VR
        return None

    def has(self, keyword: str) -> bool:
        """Return whether an attribute is there with a value."""
        return any(text != "" for text in self.texts(keyword))

    def has_embedded_overlay(self) -> bool:
        """Return whether an overlay is declared that lies in unused bits of the pixels."""
        for dataset in self._datasets:
            tags = tuple(dataset.keys())  # iterating the data set itself would convert every value
            groups = {tag >> 16 for tag in tags if 0x6000 <= tag >> 16 <= 0x60FF}
            if any((group << 16 | 0x3000) not in dataset for group in groups):
                return True
        return False

    def private(self, group: int, creator: str, element: int) -> str | None:
        """Return a vendor's own attribute as text, or None."""
        for dataset in self._datasets:
            try:
                value = str(dataset.private_block(group, creator)[element].value)
            except KeyError:
                continue
            except MemoryError:
                raise
            except Exception:
                self._note(f"private attribute {group:04X},{element:02X}")
                continue
            return value.strip(PADDING) or None
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
            value = self._converted(dataset, tag_of(keyword), keyword)
            if value is not None:
                return value
        return None

    def _converted(self, dataset: Dataset, tag: BaseTag, name: str) -> Any:
        """Let pydicom convert a value, which it does late; a damaged one may raise anything."""
        try:
            # by tag, since pydicom looks a keyword up as an attribute of its object first
            element = dataset.get(tag)
            return None if element is None else element.value
        except MemoryError:
            raise
        except Exception:
            self._note(name)
            return None

    def _note(self, keyword: str) -> None:
        if keyword not in self.unreadable:
            self.unreadable.append(keyword)

    def warnings(self) -> Iterator[str]:
        """Return which attributes could not be understood."""
        for keyword in self.unreadable:
            yield f"{keyword} could not be understood and was left out"
        for keyword in self.commas:
            yield f"{keyword} is written with a comma, which was read as the decimal point"
