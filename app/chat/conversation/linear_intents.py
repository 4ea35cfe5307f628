"""Linear classifiers of questions by their words, learnt from examples and then kept on disk.

To learn takes ten seconds and more, to read what was learnt a tenth of one. What lies on disk is
named by its examples: others are learnt anew, and so is a file that cannot be read.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from versamammo.files import cache_folder, write_atomically

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from sklearn.feature_extraction.text import TfidfVectorizer

FORM = 1  # of the file; raised where what is learnt from the same examples changes
PREFIX = "intents-"
INTENTS, FIELDS, ANSWERS = "intents", "fields", "answers."  # names of the classifiers
Pairs = Sequence[tuple[str, str]]  # each question after the name of its intent


@dataclass(frozen=True, eq=False)
class LinearModel:
    """A linear classifier: weights float32 [features, classes], and an offset of each class."""

    classes: tuple[str, ...]
    weights: NDArray[np.float32]
    offsets: NDArray[np.float32]

    def margins(self, row: Any) -> list[tuple[float, str]]:
        """Return each class of a sparse row after its margin, the nearest first."""
        (values,) = row @ self.weights + self.offsets
        return sorted(zip(map(float, values), self.classes, strict=True), reverse=True)


@dataclass(frozen=True, eq=False)
class IntentClassifier:
    """Linear classifiers: of intents, of fields of knowledge, and of the answers of each field.

    Attributes:
        vectorizers: of words and pairs of them, and of parts of words, weighed by rareness.
        models: intents (learnt without general questions, of which there are many), fields (which
            tells general questions of each field from all others), and the answers by field.
    """

    vectorizers: tuple[TfidfVectorizer, ...]
    models: Mapping[str, LinearModel]

    def ranked(self, question: str) -> list[tuple[float, str]]:
        """Return each intent after its margin, the nearest first; of a field its likeliest answer.

        An answer is as near as its field and, within that, itself.
        """
        from scipy.sparse import hstack

        row = hstack([one.transform([question]) for one in self.vectorizers]).tocsr()
        row = row.astype(np.float32)
        ranked = self.models[INTENTS].margins(row)
        for margin, field in self.models[FIELDS].margins(row):
            if answers := self.models.get(f"{ANSWERS}{field}"):
                inner, name = answers.margins(row)[0]
                ranked.append((min(margin, inner), name))
        return sorted(ranked, reverse=True)


def learnt_from(pairs: Pairs, field_of: Callable[[str], str]) -> IntentClassifier:
    """Return classifiers that have learnt from questions.

    Args:
        pairs: questions as they are read, each after the name of its intent.
        field_of: names the field of an intent for which a general answer is said, or nothing.
    """
    from scipy.sparse import hstack
    from sklearn.svm import LinearSVC

    vectorizers = _vectorizers()
    questions, names = [question for _, question in pairs], [name for name, _ in pairs]
    rows = hstack([one.fit_transform(questions) for one in vectorizers]).tocsr()
    fields = [field_of(name) for name in names]

    def learn(own: Sequence[int], told: Sequence[str]) -> LinearModel:
        model = LinearSVC(C=0.5, tol=1e-2, random_state=0)
        model.fit(rows[list(own)], [told[number] for number in own])
        coefficients, offsets = model.coef_, model.intercept_
        if len(model.classes_) == 2:  # of two classes one border is learnt
            coefficients = np.vstack([-coefficients, coefficients])
            offsets = np.concatenate([-offsets, offsets])
        weights = np.ascontiguousarray(coefficients.T, np.float32)
        return LinearModel(tuple(map(str, model.classes_)), weights, offsets.astype(np.float32))

    every = range(len(pairs))
    models = {
        INTENTS: learn([one for one in every if not fields[one]], names),
        FIELDS: learn(every, fields),
    }
    for field in sorted({*fields} - {""}):
        own = [one for one in every if fields[one] == field]
        models[f"{ANSWERS}{field}"] = learn(own, names)
    return IntentClassifier(vectorizers, models)


def _vectorizers(vocabularies: Sequence[Sequence[str] | None] = (None, None)) -> Any:
    from sklearn.feature_extraction.text import TfidfVectorizer

    words, parts = vocabularies
    return (
        TfidfVectorizer(
            ngram_range=(1, 2), sublinear_tf=True, min_df=2, token_pattern=r"[\w']+",
            vocabulary=words,
        ),
        TfidfVectorizer(
            analyzer="char_wb", ngram_range=(3, 5), sublinear_tf=True, min_df=2, vocabulary=parts
        ),
    )  # fmt: skip


def kept_or_learnt(pairs: Pairs, field_of: Callable[[str], str]) -> IntentClassifier:
    """Return what was learnt from the same examples before, or learn and keep it.

    A folder that cannot be written to is no fault: it is learnt again the next time.
    """
    import sklearn

    told = json.dumps([FORM, sklearn.__version__, [*pairs]])
    digest = hashlib.sha256(told.encode()).hexdigest()[:16]
    file = cache_folder() / f"{PREFIX}{digest}.safetensors"
    kept = _read(file)
    if kept is not None:
        return kept
    made = learnt_from(pairs, field_of)
    with contextlib.suppress(OSError):
        _write(file, made)
    return made


def _write(file: Path, made: IntentClassifier) -> None:
    """Write classifiers, and take away what was learnt from other examples."""
    from safetensors.numpy import save

    tensors: dict[str, NDArray[Any]] = {}
    for number, one in enumerate(made.vectorizers):
        tensors[f"idf.{number}"] = one.idf_
    for name, model in made.models.items():
        tensors[f"weights.{name}"] = model.weights.astype(np.float16)
        tensors[f"offsets.{name}"] = model.offsets
    about = {
        "classes": {name: model.classes for name, model in made.models.items()},
        "vocabularies": [one.get_feature_names_out().tolist() for one in made.vectorizers],
    }
    data = save(tensors, {"about": json.dumps(about)})
    write_atomically(file, data, durable=False)
    for old in file.parent.glob(f"{PREFIX}*.safetensors"):
        if old != file:
            old.unlink(missing_ok=True)


def _read(file: Path) -> IntentClassifier | None:
    """Return the classifiers of a file; None if there is none, or not a whole one."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(file, framework="np") as opened:
            about = json.loads(opened.metadata()["about"])
            vectorizers = _vectorizers(about["vocabularies"])
            for number, one in enumerate(vectorizers):
                one.idf_ = opened.get_tensor(f"idf.{number}")
            models = {
                name: LinearModel(
                    tuple(classes),
                    opened.get_tensor(f"weights.{name}").astype(np.float32),
                    opened.get_tensor(f"offsets.{name}"),
                )
                for name, classes in about["classes"].items()
            }
    except (OSError, SafetensorError, KeyError, TypeError, ValueError):
        return None
    return IntentClassifier(vectorizers, models)
