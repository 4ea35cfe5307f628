"""From a model's folder to who answers and who looks. A folder is data: nothing in it is run.

A folder holds `vlm/` (a vision-language model) and `encoder/` (an encoder with heads), or is one
of the two itself. `about.json` beside them may tell a name, a version and what the training data
were: `{"name": "...", "version": "...", "data": "...", "phantoms_only": true}`; `no_normals` says
that all of them showed a lesion, `films_only` that all were scanned films, `tried_on` whose
pictures the figures of `test_figures.json` beside it are of, and `facts` what it says of itself.
Of the two folders that are bundled one speaks of phantoms, the other of real pictures.
"""

from __future__ import annotations

import hashlib
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonargparse

from app.chat.about_file import LONGEST, read_about
from app.chat.conversation.facts import FactAnswerer
from app.chat.evidence.contracts import Answerer, Card, Comparer, Finder
from app.chat.evidence.measured import read_measured
from versamammo.errors import InputError
from versamammo.files import parse_json

if TYPE_CHECKING:
    from app.chat.conversation.writing import RecordWriter
    from app.chat.evidence.exam import Exam
    from app.chat.evidence.queueing import OneAtATime
    from app.chat.evidence.trials import Trials
    from versamammo.model.encoder import VersaMammoModel
    from vlm.assistant import Assistant

UNKNOWN = "not written down in the model's folder"
DTYPES = ("auto", "float32", "bfloat16", "float16", "int8")  # vlm.model_loading's, without torch
BUNDLED = Path("models") / "demo"
ABSENT = ("missing-package", "missing-weights", "missing-language")  # of a language model
BUNDLED_REAL = Path("models") / "cbis"  # an encoder of real films


@dataclass(frozen=True)
class Models:
    """Who answers, who looks and who compares.

    Attributes:
        real: who does so for real pictures, if others than for phantoms.
        writer: a language model that words the answers, if there is one.
    """

    answerer: Answerer
    finder: Finder | None = None
    comparer: Comparer | None = None
    real: Models | None = None
    writer: RecordWriter | None = None

    def of(self, exam: Exam) -> Models:
        """Return who speaks of an exam."""
        return self if self.real is None or exam.phantom else self.real

    @property
    def cards(self) -> tuple[Card, ...]:
        """Return who speaks: the answerer, and the finder if it is another."""
        cards = (self.answerer.card, *((self.finder.card,) if self.finder else ()))
        return tuple(dict.fromkeys(cards))


def add_model(made: jsonargparse.ArgumentParser) -> None:
    """Add the option of which model's folder is opened."""
    made.add_argument(
        "--model", default="", metavar="DIR",
        help="folder with vlm/ and encoder/, or one of them; `none` for no model; "
        "the bundled models/demo unless told otherwise",
    )  # fmt: skip


def add_dtype(made: jsonargparse.ArgumentParser) -> None:
    """Add the option of how wide a model's weights are."""
    made.add_argument(
        "--dtype", choices=DTYPES, default=DTYPES[0],
        help="weights of the language model; auto is int8 for large ones on a CPU",
    )  # fmt: skip


def choose_folder(named: str) -> Path | None:
    """Return the folder that is named, the bundled one if none is; None for `none`."""
    return None if named == "none" else Path(named) if named else bundled()


def bundled(named: Path = BUNDLED) -> Path | None:
    """Return the folder of the bundled model, where the program lies or is run; None if absent."""
    for place in (Path(__file__).parents[2], Path.cwd()):
        if (place / named).is_dir():
            return place / named
    return None


def load_models(
    folder: Path | None,
    index: Path | None = None,
    index_from: Path | None = None,
    trials: Trials | None = None,
    dtype: str = "auto",
    words: bool = True,
) -> Models:
    """Open a model's folder; without one, only tags and measurements speak.

    With the bundled model of phantoms the bundled encoder of real films is opened too.

    Args:
        folder: of the model.
        index: folder of an index of similar pictures.
        index_from: prepared archive that the index is made from, if it is to be made.
        trials: how the model went; by default what its folder tells.
        dtype: of a language model's weights, as `vlm.model_loading` names them.
        words: False where no answer is worded: a language model that lies elsewhere is left out.

    Raises:
        InputError: there is no such folder, it holds no model, the model is damaged, or there is
            an index and no encoder.
    """
    if folder is None:
        if index is not None:
            message = "similar pictures need a model's encoder"
            raise InputError(message, field="--index", reason="no-model")
        return Models(FactAnswerer())
    # torch is imported only where there is a model
    from app.chat.conversation.answering import Answering
    from app.chat.conversation.writing import RecordWriter
    from app.chat.evidence.encoder_findings import Seeing
    from app.chat.evidence.examining import Examiner
    from app.chat.evidence.option_likelihoods import LanguageSource
    from app.chat.evidence.queueing import OneAtATime

    opened, queue = _open(folder, dtype, words), OneAtATime()
    encoder, assistant = opened.encoder, opened.assistant
    comparer = None
    if index is not None:
        comparer = _comparer(encoder, weights_hash(opened.looking), queue, index, index_from)
    speaking = None if assistant is None else LanguageSource(assistant, queue)
    card = card_of(folder, opened.speaking)
    trials = trials_of(folder, assistant, card) if trials is None else trials
    seeing = Seeing(encoder, queue) if opened.has_heads else None
    finder = Examiner(card_of(folder, opened.looking), trials, seeing, speaking)
    films = bundled(BUNDLED_REAL) if folder == bundled() else None
    real = None if films is None else load_models(films, dtype=dtype, words=words)
    writer = RecordWriter(speaking) if speaking is not None and speaking.speaks else None
    if writer is None and real is not None:
        writer = real.writer  # it words a record, whoever looked at the pictures
    card = replace(card, worded_by="" if writer is None else writer.named)
    return Models(Answering(card, trials, writer), finder, comparer, real, writer)


@dataclass(frozen=True)
class _Opened:
    """The networks of a model's folder.

    Attributes:
        encoder: looks at pictures; the language model's own if there is no other.
        assistant: the language model, if there is one.
        looking: folder of the encoder's weights.
        speaking: folder of the language model, or of the encoder if that is alone.
        has_heads: whether findings can be read from the encoder itself.
    """

    encoder: VersaMammoModel
    assistant: Assistant | None
    looking: Path
    speaking: Path
    has_heads: bool


def _open(folder: Path, dtype: str, words: bool) -> _Opened:
    """Open the networks of a folder; arguments and errors are those of `load_models`."""
    from versamammo.model.encoder import VersaMammoModel

    language, part = parts_of(folder)
    if language is not None and part is not None and not words and _refers(language):
        language = None
    assistant = None if language is None else _assistant(language, dtype, part is not None)
    language = None if assistant is None else language
    if part is not None:
        encoder = VersaMammoModel.from_pretrained(part)
    else:
        assert assistant is not None, "a folder has one part at least"
        encoder = assistant.model.model.vision_tower
    looking = part or language
    assert looking is not None
    # an encoder that kept its heads inside a vision-language model can look, too
    has_heads = part is not None or encoder.heads is not None
    return _Opened(encoder, assistant, looking, language or looking, has_heads)


def _assistant(folder: Path, dtype: str, dispensable: bool) -> Assistant | None:
    """Open a language model; None, with a word of it, where its weights lie elsewhere and are gone.

    Raises:
        InputError: it is damaged, or nothing else could speak in its place.
    """
    from vlm.assistant import Assistant

    try:
        return Assistant.load(folder, dtype)
    except InputError as error:
        if not dispensable or error.reason not in ABSENT:
            raise
        told = "answers come as the lines of the record, and no language model words them"
        print(f"{told}: {error.message}", file=sys.stderr)
        return None


def _refers(folder: Path) -> bool:
    """Return whether a folder's language model lies elsewhere."""
    return bool(_config(folder).get("language"))


def trials_of(folder: Path, assistant: Assistant | None, card: Card) -> Trials:
    """Return how a model went at the door; one never tried there, how its language went."""
    from app.chat.evidence.contracts import EvidenceSource
    from app.chat.evidence.trials import Domain, SourceTrial, Trials, read_trials

    found = read_trials(folder)
    if found.trials or assistant is None:
        return found
    domain = Domain.PHANTOM if card.phantoms_only else Domain.REAL
    tried = assistant.competence.tried
    return Trials(
        tuple(
            SourceTrial(domain, EvidenceSource.LANGUAGE, "patients kept from training", score)
            for score in tried
        ),
        found.calibrations,
    )


def _comparer(
    encoder: VersaMammoModel, weights: str, queue: OneAtATime, index: Path, source: Path | None
) -> Comparer:
    from app.chat.evidence.similar import Comparing, build_index, open_index

    if source is not None:
        build_index(source, index, encoder, weights)
    return Comparing(encoder, open_index(index, weights), queue)


def parts_of(folder: Path) -> tuple[Path | None, Path | None]:
    """Find the vision-language model and the encoder of a folder.

    Raises:
        InputError: there is neither.
    """
    if not folder.is_dir():
        message = "there is no such folder; `--model none` goes without a model"
        raise InputError(message, file=folder, field="--model", reason="missing-model")
    kind = _kind(folder)
    if kind == "versamammo_vlm":
        return folder, None
    if kind == "versamammo":
        return None, folder
    found = tuple(part if part.is_dir() else None for part in (folder / "vlm", folder / "encoder"))
    if found == (None, None):
        message = "holds neither vlm/ nor encoder/, and is neither of them itself"
        raise InputError(message, file=folder, field="--model", reason="no-model")
    return found[0], found[1]


def card_of(folder: Path, part: Path) -> Card:
    """Return who speaks for a part: by `about.json`, else by the part's own card."""
    about = read_about(folder)
    told = _own_card(part)
    name = about.get("name", folder.name)
    what = "encoder" if _kind(part) == "versamammo" else "language model"
    version = " ".join([*filter(None, [about.get("version")]), f"weights {weights_hash(part)}"])
    card = replace(told, name=name if name == what else f"{name}, {what}", version=version)
    data, only = about.get("data"), about.get("phantoms_only")
    return replace(
        card,
        data=card.data if data is None else data,
        phantoms_only=card.phantoms_only if only is None else only,
        no_normals=about.get("no_normals", False),
        films_only=about.get("films_only", False),
        tried_on=about.get("tried_on", ""),
        measured=read_measured(folder),
        facts=tuple(about.get("facts", {}).items()),
    )


def weights_hash(part: Path) -> str:
    """Name a part by the bytes of all its weights."""
    digest = hashlib.sha256()
    for file in sorted(part.rglob("*.safetensors")):
        digest.update(file.read_bytes())
    return digest.hexdigest()[:12]


def _own_card(part: Path) -> Card:
    """Return a card that names the data a part was made of, as its config says."""
    config = _config(part)
    training = config.get("training")
    training = training if isinstance(training, dict) else {}
    sources = [str(one) for one in (training.get("sources") or config.get("sources") or [])]
    only = bool(sources) and all("phantom" in source for source in sources)
    return Card("", "", (", ".join(sources) or UNKNOWN)[:LONGEST], phantoms_only=only)


def _config(part: Path) -> dict[str, Any]:
    try:
        config = parse_json((part / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        # what is wrong with it is said when it is opened
        return {}
    return config if isinstance(config, dict) else {}


def _kind(folder: Path) -> str:
    return str(_config(folder).get("model_type", ""))
