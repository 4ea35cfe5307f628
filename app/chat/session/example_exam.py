"""The example that is there at once: a phantom exam, made on the spot. Not real data."""

from __future__ import annotations

import tempfile
import threading
from functools import lru_cache
from pathlib import Path

from app.chat.evidence.exam import Exam, gather, load_image
from versamammo.phantoms import PhantomSettings, write_phantoms

# of the first sixty seeds the one with the plainest mass, so that there is something to ask about
SETTINGS = PhantomSettings(exams=1, seed=31, height=1024, lesion_rate=1, malignant_share=1)

_making = threading.Lock()


def example_exam() -> Exam:
    """Return the phantom exam; who asks while it is being made waits for it."""
    with _making:
        return _make()


@lru_cache(maxsize=1)
def _make() -> Exam:
    """Make it as DICOM files and read it through the same door as any other."""
    with tempfile.TemporaryDirectory() as folder:
        archive = Path(folder) / "phantom"
        write_phantoms(archive, SETTINGS)
        return gather([load_image(path) for path in sorted((archive / "images").rglob("*.dcm"))])
