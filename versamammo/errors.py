"""What goes wrong, said so that a user can mend it: which file, which field, what was expected."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class InputError(ValueError):
    """The caller's file, field or option cannot be used; the command line exits with 2.

    Args:
        message: what was found and what was expected, in one sentence.
        file: the file at fault; only its name is shown, since folders may hold identities.
        field: the DICOM keyword, column or option at fault.
        reason: a short stable slug (`truncated`, `for-processing`) that batch jobs count by.
    """

    def __init__(
        self,
        message: str,
        *,
        file: str | Path | None = None,
        field: str | None = None,
        reason: str = "bad-input",
    ) -> None:
        self.message = message
        self.file = None if file is None else Path(file).name
        self.field = field
        self.reason = reason
        super().__init__(message)

    def __str__(self) -> str:
        return ": ".join(part for part in (self.file, self.field, self.message) if part)

    def __reduce__(self) -> tuple[object, ...]:
        """Survive the trip from a worker process, keyword arguments included."""
        return (_rebuild, (type(self), self.message, self.file, self.field, self.reason))


class Refused(InputError):
    """A readable file that this project will not use as a 2-D mammogram, with the reason."""


@contextmanager
def naming(file: str | Path) -> Iterator[None]:
    """Name the file in every InputError that leaves this block without one."""
    try:
        yield
    except InputError as error:
        error.file = error.file or Path(file).name
        raise


def _rebuild(
    kind: type[InputError], message: str, file: str | None, field: str | None, reason: str
) -> InputError:
    return kind(message, file=file, field=field, reason=reason)
