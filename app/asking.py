"""`versamammo ask IMAGE... "question"`: one question about one exam, answered by a model."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import jsonargparse

from versamammo import NOTICE
from versamammo.config import command_parser
from versamammo.errors import InputError
from vlm.assistant import SURE_ENOUGH, Answer, Assistant


def parser() -> jsonargparse.ArgumentParser:
    """Describe the options of `versamammo ask`."""
    made = command_parser(
        description=f"Ask a trained model about one to four mammograms of an exam. {NOTICE}"
    )
    made.add_argument(
        "words", nargs="+", metavar="IMAGE... QUESTION", help="files, and the question at the end"
    )
    made.add_argument(
        "--model", type=Path, default=Path("runs/vlm/model"), help="folder of a trained model"
    )
    made.add_argument("--options", type=str, help='what to choose among: "Level A; Level B"')
    made.add_argument("--sure-enough", type=float, default=SURE_ENOUGH, help="0..1, else abstain")
    made.add_argument("--context", type=bool, default=True, help="tell what the tags say")
    made.add_argument("--json", action="store_true", help="print everything as JSON")
    return made


def run(args: jsonargparse.Namespace) -> int:
    """Answer and print; returns 0.

    Raises:
        InputError: there is no model, an image cannot be used, or the question is missing.
    """
    *images, question = args.words
    if not images:
        message = "expected one to four images and then the question"
        raise InputError(message, field="IMAGE", reason="number-of-images")
    if _is_file(question):
        message = f"{question} is a file; the question comes last"
        raise InputError(message, field="QUESTION", reason="empty-question")
    if not args.model.is_dir():
        message = "there is no such model; train one with `accelerate launch vlm/train.py`"
        raise InputError(message, file=args.model, field="model", reason="missing-model")
    if not 0 <= args.sure_enough <= 1:
        raise InputError(f"found {args.sure_enough}; expected 0 to 1", field="sure_enough")
    assistant = Assistant.load(args.model)
    pictures = assistant.look(images)
    if args.options is None:
        said = assistant.answer(pictures, question, context=args.context)
    else:
        options = [option.strip() for option in args.options.split(";")]
        said = assistant.choose(
            pictures, question, options, context=args.context, sure_enough=args.sure_enough
        )
    print(json.dumps(asdict(said), indent=1) if args.json else "\n".join(_lines(said)))
    return 0


def _is_file(words: str) -> bool:
    try:
        return Path(words).is_file()
    except OSError:  # longer than any name of a file
        return False


def _lines(said: Answer) -> list[str]:
    lines = [said.text or "(no answer: not sure enough)"]
    if said.probabilities:
        chances = ", ".join(f"{option} {chance:.0%}" for option, chance in said.probabilities)
        lines.append(f"likely: {chances}")
    for place in said.places:
        corners = ", ".join(f"{value:.0f}" for value in place.box.as_tuple())
        lines.append(f"place: ({corners}) in pixels of image {place.image + 1}'s file")
    lines.append(f"looked at: {'; '.join(said.looked_at)}")
    return [*lines, *said.notes]
