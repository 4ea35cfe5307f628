"""The one command, `versamammo <verb>`: finds the verb's module and turns errors into exit codes.

Exit codes are those of `versamammo.training.stopping`.
A verb's module has `parser()` and `run(args)`; it is imported only when its verb is called,
so `versamammo --help` does not wait for torch.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from versamammo import NOTICE, __version__
from versamammo.training.stopping import run_command


@dataclass(frozen=True)
class Verb:
    """Where a verb's code lies and what it does, in one line of help."""

    module: str
    summary: str


VERBS: dict[str, Verb] = {
    "inspect": Verb("app.inspection", "say what was read from mammogram files, and draw them"),
    "phantom": Verb(
        "versamammo.phantoms.phantom_command", "make phantom exams as DICOM files (not real data)"
    ),
    "prepare": Verb(
        "versamammo.data.preparation.prepare",
        "turn an archive into a manifest and a cache of breast crops",
    ),
    "sources": Verb(
        "versamammo.data.sources_command",
        "list the public archives: labels, licence, where to get them",
    ),
    "dataset": Verb(
        "versamammo.data.dataset_command",
        "pack a prepared folder for the `datasets` library, or unpack one",
    ),
    "sheet": Verb("app.contact_sheet", "draw prepared exams, four views hung as readers hang them"),
    "questions": Verb(
        "vlm.instructions.questions_command", "make questions and answers from a prepared archive"
    ),
    "conversations": Verb(
        "app.conversations.conversations_command",
        "write conversations that a language model learns to answer from records with",
    ),
    "ask": Verb("app.ask_command", "ask one question about mammograms, as in the chat"),
    "score": Verb("benchmark.vqa.score_command", "score answers to questions about mammograms"),
    "bench": Verb(
        "benchmark.bench_command", "measure encoders on 92 tasks: list, run, rehearse, compare"
    ),
    "chat": Verb(
        "app.chat.chat_command", "talk about a mammogram in the browser, on this computer"
    ),
    "doortest": Verb(
        "app.door.doortest_command", "try a model as its users do, and score the page's own words"
    ),
    "find": Verb("app.find", "say what a model finds in mammogram files, and where"),
    "report": Verb("app.reporting", "write the report draft of an exam as text, JSON, PDF or FHIR"),
    "export": Verb(
        "app.onnx_export", "write an encoder as an ONNX graph, or an adapter as peft reads it"
    ),
    "doctor": Verb(
        "app.doctor", "say what is installed, which decoders work, which device would be used"
    ),
}


def usage() -> str:
    """Build the text of `versamammo --help`."""
    width = max(map(len, VERBS))
    verbs = "\n".join(f"  {name:<{width}}  {verb.summary}" for name, verb in VERBS.items())
    return (
        f"usage: versamammo [--debug] <verb> ...\n\nVersaMammo {__version__}. {NOTICE}\n\n"
        f"verbs:\n{verbs}\n\n`versamammo <verb> --help` explains one; --debug shows tracebacks."
    )


def run_verb(name: str, argv: Sequence[str]) -> int:
    """Parse `argv` for one verb and run it; returns its exit code."""
    module = importlib.import_module(VERBS[name].module)
    parser = module.parser()
    parser.prog = f"versamammo {name}"
    return int(module.run(parser.parse_args(list(argv))))


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb and return the process's exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    debug = "--debug" in words
    words = [word for word in words if word != "--debug"]
    if not words or words[0] in ("-h", "--help"):
        print(usage())
        return 0 if words else 2
    if words[0] == "--version":
        print(__version__)
        return 0
    if words[0] not in VERBS:
        print(
            f"versamammo: unknown verb {words[0]!r}; expected one of {', '.join(VERBS)}",
            file=sys.stderr,
        )
        return 2
    return run_command("versamammo", lambda: run_verb(words[0], words[1:]), debug=debug)


if __name__ == "__main__":
    sys.exit(main())
