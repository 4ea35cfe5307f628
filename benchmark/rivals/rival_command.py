"""`versamammo bench vqa`: a vision-language model answers a MammoVQA bench and is scored."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, get_args

import jsonargparse

from benchmark.vqa import score_command
from versamammo import NOTICE, __version__
from versamammo.config import command_parser
from versamammo.errors import InputError
from versamammo.vqa.asking import MOST_PICTURES, Control


def parser() -> jsonargparse.ArgumentParser:
    """Describe the options of `versamammo bench vqa`."""
    made = command_parser(description=f"Put a bench of questions to any model. {NOTICE}")
    add = made.add_argument
    add("--model", required=True, help="folder or repository, or the name at the endpoint")
    add("--endpoint", default="", help="such as http://localhost:8000/v1, OpenAI-compatible")
    add("--key-variable", default="", help="environment variable with the endpoint's key")
    add("--pictures-may-leave", action="store_true", help="send pictures to another machine")
    add("--bench", type=Path, required=True, help="MammoVQA JSON of items, of images or exams")
    add("--images", type=Path, required=True, help="prepared archive, or where paths begin")
    add("--out", type=Path, required=True, help="folder of the run; the same one goes on")
    add("--controls", nargs="*", default=["none", "blank", "shuffled"], help="how items are put")
    add("--pictures", type=int, default=MOST_PICTURES, help="most in one question; 0 shows all")
    add("--side", type=int, default=1024, help="pixels of a picture's longest side")
    add("--most-words", type=int, default=48, help="tokens of one answer")
    add("--dtype", default="auto", help="of the weights: auto, float32, bfloat16, float16")
    add("--seed", type=int, default=0, help="of the controls")
    return made


def run(args: jsonargparse.Namespace) -> int:
    """Answer and score; returns 0."""
    # here, since other verbs should not wait for torch
    from benchmark.rivals.endpoint import EndpointError
    from benchmark.rivals.rival_run import RivalRun, answer_bench

    odd = [one for one in args.controls if one not in get_args(Control)]
    if odd or "none" not in args.controls:
        message = f"found {args.controls}; expected none and some of {', '.join(get_args(Control))}"
        raise InputError(message, field="controls", reason="bad-option")
    asked = RivalRun(
        args.bench, args.images, args.out, tuple(args.controls), args.pictures, args.side, args.seed
    )
    rival, described = open_rival(args)
    try:
        made = answer_bench(asked, rival, described)
    except EndpointError as error:
        raise InputError(str(error), field="endpoint", reason="endpoint") from error
    for control, answered in made.items():
        print(f"{asked.file(control)}: {answered}, control {control}")  # type: ignore[arg-type]
    words = [str(asked.file("none")), "--bench", str(args.bench), "--legacy"]
    for control in asked.controls:
        words += ["--control", f"{control}={asked.file(control)}"] if control != "none" else []
    return score_command.run(score_command.parser().parse_args(words))


def open_rival(args: jsonargparse.Namespace) -> tuple[Any, dict[str, Any]]:
    """Return who answers, and what answers depend on.

    Raises:
        InputError: the model cannot be used.
    """
    from benchmark.rivals.endpoint import Endpoint
    from benchmark.rivals.transformers_model import TransformersModel

    told = {"model": args.model, "most_words": args.most_words, "versamammo": __version__}
    if args.endpoint:
        rival: Any = Endpoint(
            args.endpoint, args.model, key_variable=args.key_variable,
            pictures_may_leave=args.pictures_may_leave, most_words=args.most_words,
        )  # fmt: skip
        return rival, told | {"endpoint": args.endpoint}
    rival = TransformersModel(args.model, args.dtype, args.most_words)
    return rival, told | {"dtype": args.dtype, "weights": weights_of(args.model)}


def weights_of(source: str) -> str:
    """Hash the weights of a folder; a repository is known by its name alone."""
    text = hashlib.sha256()
    for file in sorted(Path(source).glob("*.safetensors")):
        with file.open("rb") as stream:
            text.update(hashlib.file_digest(stream, "sha256").digest())
    return text.hexdigest()[:16] if Path(source).is_dir() else ""
