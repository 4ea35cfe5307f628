"""A vision-language model behind the page: how likely it finds each option, and free words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from weakref import WeakKeyDictionary

from app.chat.evidence.exam import Exam, ExamImage
from app.chat.evidence.queueing import OneAtATime
from versamammo.vocabulary import Topic
from vlm.assistant import Assistant
from vlm.prompts import MOST_VIEWS, PromptImage, Turn


class LanguageSource:
    """Weighs the options of topics in one picture after the other, in its turn."""

    def __init__(self, assistant: Assistant, queue: OneAtATime) -> None:
        self._assistant = assistant
        self._queue = queue
        self._prepared: WeakKeyDictionary[ExamImage, PromptImage] = WeakKeyDictionary()

    @property
    def topics(self) -> tuple[str, ...]:
        """Return the topics that it was trained for."""
        return self._assistant.competence.topics

    def weigh(self, exam: Exam, number: int, topic: Topic) -> dict[str, float]:
        """Return how likely each option of a topic is in one picture.

        Raises:
            InputError: the picture cannot be used.
        """
        (picture,) = self._look(exam, [number])
        with self._queue.turn():
            return self._assistant.weigh([picture], topic)

    @property
    def speaks(self) -> bool:
        """Whether its language was learnt elsewhere; a tiny one knows only its own questions."""
        return bool(self._assistant.model.config.language_name)

    @property
    def named(self) -> str:
        """Return what its language model is called."""
        return str(self._assistant.model.config.language_name)

    def write(
        self,
        exam: Exam,
        question: str,
        before: Sequence[Turn],
        facts: Sequence[str],
        most_tokens: int,
    ) -> Iterator[str]:
        """Yield an answer written from lines of a record, each piece holding all text so far.

        Raises:
            InputError: the pictures or the words cannot be used.
        """
        pictures = self._look(exam, range(len(exam.images)))
        written = ""
        for piece in self._queue.stream(
            lambda: self._assistant.stream(
                pictures, question, before, facts=facts, most_words=most_tokens
            )
        ):
            written += piece
            yield written

    def _look(self, exam: Exam, images: Sequence[int]) -> list[PromptImage]:
        """Prepare pictures, each once."""
        chosen = [exam.images[number] for number in images][:MOST_VIEWS]
        for image in chosen:
            if image not in self._prepared:
                with self._queue.turn():
                    (self._prepared[image],) = self._assistant.look([image.mammogram()])
        return [self._prepared[image] for image in chosen]
