"""The examples that are there at once: phantoms, made on the spot, and two real films."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

from app.chat.evidence.exam import Exam, gather, load_image
from versamammo.phantoms import PhantomSettings, write_phantoms

# of the first sixty seeds the one with the plainest mass, so that there is something to ask about
SETTINGS = PhantomSettings(exams=1, seed=31, height=1024, lesion_rate=1, malignant_share=1)
# seeds of exams whose findings are plain; what the model says of others is less often right
BENIGN = PhantomSettings(exams=1, seed=67, height=1024, lesion_rate=1, malignant_share=0)
CALCIFIED = PhantomSettings(exams=1, seed=3, height=1024, lesion_rate=1, malignant_share=1)
NORMAL = PhantomSettings(exams=1, seed=6, height=1024, lesion_rate=0)
FILMS = Path(__file__).parent / "films"
FILMS_OF = (
    "Real films: CBIS-DDSM, patient P_00039, R. Sawyer-Lee and others, "
    "doi 10.7937/K9/TCIA.2016.7O02S9CY, CC BY 3.0, brought back to the shape of the film. The "
    "bundled encoder may have learnt from them."
)

_making = threading.Lock()


@dataclass(frozen=True)
class ExampleExam:
    """An exam that is ready to open.

    Attributes:
        exam: makes it, or returns it if it was made before.
        attribution: of whom the pictures are, where a licence asks for it.
    """

    title: str
    exam: Callable[[], Exam]
    attribution: str = ""


def example_exam(settings: PhantomSettings = SETTINGS) -> Exam:
    """Return a phantom exam; who asks while one is being made waits for it."""
    with _making:
        return _make(settings)


def film_exam() -> Exam:
    """Return the two real films of the right breast of one patient."""
    with _making:
        return _read_films()


@cache
def _make(settings: PhantomSettings) -> Exam:
    """Make it as DICOM files and read it through the same door as any other."""
    with tempfile.TemporaryDirectory() as folder:
        archive = Path(folder) / "phantom"
        write_phantoms(archive, settings)
        return gather([load_image(path) for path in sorted((archive / "images").rglob("*.dcm"))])


@cache
def _read_films() -> Exam:
    return gather([load_image(path) for path in sorted(FILMS.glob("*.png"))])


PLAIN = "mass"
EXAMPLES = {
    PLAIN: ExampleExam("phantom with a malignant mass", example_exam),
    "benign": ExampleExam("phantom with a benign mass", partial(example_exam, BENIGN)),
    "calcifications": ExampleExam("phantom with calcifications", partial(example_exam, CALCIFIED)),
    "normal": ExampleExam("phantom without a lesion", partial(example_exam, NORMAL)),
    "films": ExampleExam("two real films (CBIS-DDSM)", film_exam, FILMS_OF),
}
