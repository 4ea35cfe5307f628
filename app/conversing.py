"""A conversation about one exam in the terminal: each line is a question that knows the others."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from app.chat.conversation.facts import warnings_of
from app.chat.conversation.report import answer_record
from app.chat.conversation.verdict_words import pointing
from app.chat.evidence.contracts import ChatTurn, Findings, StreamedAnswer
from app.chat.evidence.exam import Exam
from app.chat.models import Models
from app.chat.session.limits import Limits
from versamammo import NOTICE

PROMPT = "> "
HELP = "Ask about these pictures; an empty line or Ctrl-D ends."


@dataclass
class Conversation:
    """Questions about one exam and their answers so far."""

    models: Models
    exam: Exam
    findings: Findings | None
    turns: list[ChatTurn] = field(default_factory=list)

    def pieces(self, question: str) -> Iterator[StreamedAnswer]:
        """Yield the answer piece by piece, each with all text so far; the last one is kept."""
        before = tuple(self.turns[-Limits().history :])
        answer = StreamedAnswer("")
        for answer in self.models.answerer.answer(self.exam, question, before, self.findings):
            yield answer
        self.turns.append(ChatTurn(question, answer))

    def ask(self, question: str) -> ChatTurn:
        """Return the finished turn."""
        for _ in self.pieces(question):
            pass
        return self.turns[-1]


def converse(told: Conversation, lines: Iterable[str], as_json: bool = False) -> None:
    """Answer line after line until there is none, or an empty one.

    Args:
        told: the conversation.
        lines: what is typed.
        as_json: print one object a line instead of words.
    """
    if not as_json:
        opened = [HELP, *_warnings(told)]
        opened += [f"{c.name} {c.version}; data: {c.data}" for c in told.models.cards if c.is_model]
        print("\n".join([*opened, NOTICE]))
    for question in _typed(lines):
        if len(question) > Limits().question:
            most = Limits().question
            print(f"{len(question)} characters; at most {most} are read", file=sys.stderr)
        elif as_json:
            record = answer_record(told.exam, told.findings, told.ask(question), told.models.cards)
            print(json.dumps(record, ensure_ascii=False), flush=True)
        else:
            _print_as_written(told, question)


def _typed(lines: Iterable[str]) -> Iterator[str]:
    """Yield questions, asked for where a person types them."""
    asked = PROMPT if sys.stdin.isatty() else ""
    print(asked, end="", flush=True)
    for line in lines:
        question = "".join(c for c in line if c.isprintable()).strip()
        if not question:
            return
        yield question
        print(asked, end="", flush=True)


def _print_as_written(told: Conversation, question: str) -> None:
    """Print an answer while it is written; one that is put otherwise is printed anew."""
    shown = ""
    for answer in told.pieces(question):
        new = answer.text if not answer.text.startswith(shown) else answer.text[len(shown) :]
        print(("\n" if shown and new == answer.text else "") + new, end="", flush=True)
        shown = answer.text
    print(pointing(told.exam, told.turns[-1].answer), flush=True)


def _warnings(told: Conversation) -> list[str]:
    found = warnings_of(told.exam, told.findings, told.models.cards)
    return [f"warning: {text}" for text in found]
