"""The talk: asking, asking again, changing a question, taking one back, stopping."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from typing import Any

from app.chat.conversation.facts import NO_MODEL
from app.chat.conversation.general import GLOSSARY
from app.chat.conversation.verdict_words import pointing
from app.chat.evidence.contracts import ChatTurn, StreamedAnswer
from app.chat.page.opening_message import OPENING, opening
from app.chat.page.panels import disarm, record_html
from app.chat.session.session_store import Visit
from app.chat.session_service import SessionService
from versamammo.errors import InputError

OVER = "This exam is closed: the server made room for others, or an hour has passed. Drop it again."
EMPTY = "Drop a picture first, or open the example."
FAILED = "This question could not be answered: something went wrong here, not with your question."
Message = dict[str, Any]


class Talk:
    """What the chat shows of a visit, and how that changes."""

    def __init__(self, desk: SessionService) -> None:
        self.desk = desk

    def ask(
        self, token: str | None, question: str, chat: list[Message]
    ) -> Iterator[tuple[list[Message], str | None]]:
        """Yield the chat piece by piece, and what the question's box holds; None: as it is."""
        visit = self.desk.shelf.get(token)
        so_far = chat if visit is None else self.messages(visit)
        try:
            asked = self.desk.check(question)
        except InputError as error:
            # the question stays in its box, where it can be mended
            yield [*so_far, said(error.message)], None
            return
        so_far = [*so_far, {"role": "user", "content": disarm(asked)}]
        if visit is None:
            yield [*so_far, said(OVER if token else EMPTY)], ""
            return
        yield [*so_far, said("…")], ""
        try:
            for answer in self.desk.ask(visit, asked):
                yield [*so_far, said(self.signed(answer))], None
        except Exception:
            # our fault: the log says where, the visitor that it was not theirs
            traceback.print_exc()
            visit.asking = None
            visit.turns.append(ChatTurn(asked, StreamedAnswer(FAILED, speaker=NO_MODEL)))
        yield self.messages(visit), None

    def again(
        self, token: str | None, index: int, chat: list[Message], question: str | None = None
    ) -> Iterator[tuple[list[Message], str | None]]:
        """Ask the question of a message again, or another in its place; what followed is gone."""
        visit = self.desk.shelf.get(token)
        if visit is None:
            words = question if question is not None else text_of(chat[index])
            yield from self.ask(token, words, chat[:index])
            return
        number = turn_of(index)
        if not 0 <= number < len(visit.turns):
            yield self.messages(visit), None
            return
        words = visit.turns[number].question if question is None else question
        try:
            self.desk.check(words)
        except InputError as error:
            yield [*self.messages(visit), said(error.message)], None
            return
        self.desk.rewind(visit, number)
        for shown, box in self.ask(token, words, []):
            yield shown, (None if box == "" else box)

    def take_back(
        self, token: str | None, index: int, chat: list[Message]
    ) -> tuple[list[Message], str]:
        """Take a question out of the chat and put it back into its box."""
        visit = self.desk.shelf.get(token)
        if visit is None:
            return chat[:index], text_of(chat[index])
        number = turn_of(index)
        if not 0 <= number < len(visit.turns):
            return self.messages(visit), ""
        question = visit.turns[number].question
        self.desk.rewind(visit, number)
        return self.messages(visit), question

    def messages(self, visit: Visit) -> list[Message]:
        """Return what was asked and answered so far, as the chat shows it."""
        shown: list[Message] = list(opening(visit))
        for turn in visit.turns:
            shown.append({"role": "user", "content": disarm(turn.question)})
            signed = self.signed(turn.answer, pointing(visit.exam, turn.answer))
            shown.append(said(signed + record_html(turn.answer)))
        return shown

    def signed(self, answer: StreamedAnswer, pointed: str = "") -> str:
        """Add to an answer what it points to, and who gave it if no model did; markup is shown."""
        speaker = answer.speaker or self.desk.answerer.card
        unsigned = speaker.is_model or speaker == GLOSSARY  # a note says what the glossary is
        by = "" if unsigned else "[No model: from tags and measurements]\n"
        return disarm(f"{by}{answer.text}{pointed}")


def said(words: str) -> Message:
    """Return a message of the page."""
    return {"role": "assistant", "content": words}


def turn_of(index: int) -> int:
    """Return the number of the turn whose question is message `index`; -1 for the opening."""
    return (index - OPENING) // 2 if index >= OPENING else -1


def text_of(message: Message) -> str:
    """Return the words of a message as the browser sends it."""
    content = message.get("content")
    if isinstance(content, list):
        return "".join(str(one.get("text", "")) for one in content if isinstance(one, dict))
    return str(content or "")
