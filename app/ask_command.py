"""`versamammo ask IMAGE... "question"`: one question about one exam, answered as in the chat.

`versamammo ask --chat IMAGE...` goes on asking about the same exam, a line at a time.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import jsonargparse

from app.chat.conversation.facts import warnings_of
from app.chat.conversation.intent_classifier import learn_ahead
from app.chat.conversation.report import answer_record
from app.chat.conversation.verdict_words import pointing
from app.chat.evidence.exam import ExamImage, gather, load_image
from app.chat.models import Models, add_dtype, add_model, choose_folder, load_models, parts_of
from app.chat.session.limits import Limits
from app.conversing import Conversation, converse
from versamammo import NOTICE
from versamammo.config import command_parser
from versamammo.errors import InputError
from versamammo.imaging.mammogram import Identifiers

if TYPE_CHECKING:
    from vlm.assistant import Answer

SURE_ENOUGH = 0.5
CHAT = "?"  # stands for the questions that are still to come


def parser() -> jsonargparse.ArgumentParser:
    """Describe the options of `versamammo ask`."""
    made = command_parser(
        description=f"Ask about the mammograms of one exam, as in the chat. {NOTICE}"
    )
    made.add_argument(
        "words", nargs="+", metavar="IMAGE... QUESTION",
        help="files, and the question at the end; with --chat files alone",
    )  # fmt: skip
    made.add_argument(
        "--chat", action="store_true", help="ask line by line, each knowing what was said before"
    )
    add_model(made)
    made.add_argument(
        "--options", type=str,
        help='put the question to the language model alone, to choose among: "Level A; Level B"',
    )  # fmt: skip
    made.add_argument("--sure-enough", type=float, default=SURE_ENOUGH, help="0..1, else abstain")
    made.add_argument("--context", type=bool, default=True, help="tell what the tags say")
    made.add_argument("--json", action="store_true", help="print everything as JSON")
    add_dtype(made)
    return made


def run(args: jsonargparse.Namespace) -> int:
    """Answer and print; returns 0.

    Raises:
        InputError: there is no model, an image cannot be used, or the question is missing.
    """
    *images, question = [*args.words, CHAT] if args.chat else args.words
    _check(images, question)
    folder = choose_folder(args.model)
    if args.options is not None:
        if args.chat:
            message = "are for one question; leave --chat out"
            raise InputError(message, field="--options", reason="bad-option")
        print(_choose(args, folder, images, question))
        return 0
    exam = gather([load_breast(Path(image)) for image in images])
    learn_ahead()
    models = load_models(folder, dtype=args.dtype).of(exam)
    findings = None if models.finder is None else models.finder.find(exam)
    if args.chat:
        converse(Conversation(models, exam, findings), sys.stdin, args.json)
        return 0
    turn = Conversation(models, exam, findings).ask(question)
    if args.json:
        told = answer_record(exam, findings, turn, models.cards)
        print(json.dumps(told, indent=1, ensure_ascii=False))
        return 0
    lines = [f"{turn.answer.text}{pointing(exam, turn.answer)}"]
    warned = warnings_of(exam, findings, models.cards)
    lines += [f"warning: {text}" for text in warned if text not in turn.answer.notes]
    print("\n".join([*lines, *_speakers(models), NOTICE]))
    return 0


def load_breast(path: Path) -> tuple[ExamImage, Identifiers]:
    """Return a picture and its identifiers.

    Raises:
        InputError: it cannot be used, or no breast was found in it.
    """
    image, identifiers = load_image(path)
    if image.breast is None:
        raise InputError("; ".join(image.notes), file=path, reason="no-breast")
    return image, identifiers


def _speakers(models: Models) -> list[str]:
    return [
        f"{card.name} {card.version}; data: {card.data}" for card in models.cards if card.is_model
    ]


def _check(images: Sequence[str], question: str) -> None:
    if not images:
        message = "expected the images of one exam and then the question"
        raise InputError(message, field="IMAGE", reason="number-of-images")
    if len(images) > Limits().images:
        message = f"{len(images)} images; at most {Limits().images} of one exam are taken"
        raise InputError(message, field="IMAGE", reason="number-of-images")
    if _is_file(question):
        message = f"{question} is a file; the question comes last"
        raise InputError(message, field="QUESTION", reason="empty-question")
    if not question.strip():
        raise InputError("is empty", field="QUESTION", reason="empty-question")
    if len(question) > Limits().question:
        message = f"{len(question)} characters; at most {Limits().question} are read"
        raise InputError(message, field="QUESTION", reason="too-long")


def _choose(
    args: jsonargparse.Namespace, folder: Path | None, images: Sequence[str], question: str
) -> str:
    """Put a question with options of the caller's own to the language model."""
    from dataclasses import asdict

    from vlm.assistant import Assistant

    if not 0 <= args.sure_enough <= 1:
        raise InputError(f"found {args.sure_enough}; expected 0 to 1", field="sure_enough")
    language = None if folder is None else parts_of(folder)[0]
    if language is None:
        message = "there is no language model to choose among options"
        raise InputError(message, field="--options", reason="no-model")
    assistant = Assistant.load(language, args.dtype)
    options = [option.strip() for option in args.options.split(";")]
    said = assistant.choose(
        assistant.look(images), question, options,
        context=args.context, sure_enough=args.sure_enough,
    )  # fmt: skip
    return json.dumps(asdict(said), indent=1) if args.json else "\n".join(_lines(said))


def _is_file(words: str) -> bool:
    try:
        return Path(words).is_file()
    except OSError:  # longer than any name of a file
        return False


def _lines(said: Answer) -> list[str]:
    chances = ", ".join(f"{option} {chance:.0%}" for option, chance in said.probabilities)
    return [
        said.text or "(no answer: not sure enough)",
        f"likely: {chances}",
        f"looked at: {'; '.join(said.looked_at)}",
        *said.notes,
    ]
