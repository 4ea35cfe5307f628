"""Drawing whole conversations: a scene, its questions, the page's facts, and written answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from app.chat.conversation.answering import Answering
from app.chat.conversation.asked import ANY_FINDING, KINDS, Asked
from app.chat.conversation.general import GENERAL
from app.chat.conversation.intent import understand
from app.chat.conversation.question_parts import parts_asked
from app.chat.conversation.subjects import Subject
from app.chat.conversation.verdict_words import topic_line
from app.chat.conversation.writing import is_worded, told_as_it_is, worded_lines
from app.chat.evidence.contracts import Card, ChatTurn, StreamedAnswer
from app.chat.evidence.deciding import of_several
from app.chat.evidence.trials import Trials
from app.conversations.followed import confidence, tags, why
from app.conversations.plain_answers import plain
from app.conversations.random_exams import Random, Scene, draw_scene
from app.conversations.typed_questions import first_question, next_question
from app.conversations.written import Writer
from versamammo.vocabulary import BY_NAME
from versamammo.vqa import Kind
from vlm.grounding import disagreements
from vlm.instructions.wording import topic_prompt
from vlm.prompts import Turn

CARDS = (
    Card("VersaMammo encoder of real films, encoder", "0.2.0 weights 44cdc48211e1",
         "1306 scanned films of CBIS-DDSM, all of which show a lesion", no_normals=True),
    Card("VersaMammo small model (demo), language model", "0.1.0 weights 72f8f18bc8de",
         "2000 phantom patients, which are not real data", phantoms_only=True),
    Card("Breast model of our clinic, encoder", "3 weights 0a1b2c3d4e5f", "20 000 digital exams"),
)  # fmt: skip
MOST_TURNS = 4
WITH_OPTIONS = 0.15  # share of conversations of benchmark questions, about the record too
LONGEST = 1400  # characters of a record


@dataclass(frozen=True)
class SampledConversation:
    """What a scene's pictures are called, and what was asked and answered."""

    views: tuple[str, ...]
    turns: tuple[Turn, ...]

    @property
    def length(self) -> int:
        """About how many characters the prompt takes: words, records, marks and pictures."""
        texts = [text for one in self.turns for text in (one.question, one.answer, *one.facts)]
        return sum(map(len, texts)) + 40 * len(self.turns) + 110 * len(self.views)

    def to_dict(self) -> dict[str, object]:
        """Return plain values, as `vlm.instructions.recorded` reads them."""
        turns = [
            {"question": one.question, "facts": list(one.facts), "answer": one.answer}
            for one in self.turns
        ]
        return {"views": list(self.views), "turns": turns}


def draw_conversation(random: Random) -> SampledConversation:
    """Draw a conversation of one to four turns about one scene."""
    scene = draw_scene(random)
    answering = Answering(CARDS[int(random.integers(len(CARDS)))], Trials())
    history: list[ChatTurn] = []
    turns: list[Turn] = []
    wanted = int(random.integers(1, MOST_TURNS + 1))
    if random.random() < WITH_OPTIONS:
        return SampledConversation(scene.exam.names, option_turns(scene, wanted, random))
    for _ in range(4 * wanted):
        if len(turns) == wanted:
            break
        question = (next_question if turns else first_question)(scene.exam, random)
        asked = understand(question, scene.exam, history)
        if parts_asked(question, scene.exam, history, asked):
            continue  # each is worded by itself
        *_, made = answering.answer(scene.exam, question, history, scene.seen)
        facts = lines_to_word(scene, asked, answering.card, made)
        answer = written(scene, question, asked, facts, random) if facts else None
        if answer is None or disagreements(answer, facts, question):
            continue
        turns.append(Turn(question, answer, facts))
        history.append(ChatTurn(question, made))
    return SampledConversation(scene.exam.names, tuple(turns))


def option_turns(scene: Scene, wanted: int, random: Random) -> tuple[Turn, ...]:
    """Return benchmark questions with options, answered by the likeliest of the record."""
    names = [name for name in scene.seen.topics if BY_NAME[name].kind is not Kind.MULTIPLE]
    turns = []
    for name in [names[i] for i in random.permutation(len(names))][:wanted]:
        verdict = of_several(scene.exam, scene.seen, name, scene.exam.current)
        assert verdict is not None, "the record holds its topics"
        topic = BY_NAME[name]
        options = [topic.options[i] for i in random.permutation(len(topic.options))]
        wording = int(random.integers(len(topic.wordings)))
        question = topic_prompt(topic, len(scene.exam.images), options, wording)
        turns.append(Turn(question, verdict.likeliest, (topic_line(scene.exam, verdict),)))
    return tuple(turns)


def lines_to_word(scene: Scene, asked: Asked, card: Card, made: StreamedAnswer) -> tuple[str, ...]:
    """Return the lines of an answer that a language model is to word; none where none does."""
    if not is_worded(asked, scene.exam, card) or len(made.text) > LONGEST:
        return ()
    return worded_lines(made, told_as_it_is(asked, made))


def written(
    scene: Scene, question: str, asked: Asked, facts: Sequence[str], random: np.random.Generator
) -> str | None:
    """Return the answer to a question; None where the page's own text is kept."""
    told = "\n".join(facts)
    writer = Writer(scene.exam, scene.seen, question, random, told, bool(random.random() < 0.25))
    if asked.subject is Subject.TAGS or (
        asked.subject in (Subject.CONFIDENCE, Subject.WHY) and asked.facts
    ):
        return tags(writer, asked)
    if asked.subject in (*GENERAL, Subject.UNKNOWN, Subject.NATURE):
        answer = plain(asked, question, told, random)
        return answer and " ".join(
            filter(None, [*_silent(writer, asked), answer, *_more(writer, asked)])
        )
    return _about_pictures(writer, asked)


def _silent(writer: Writer, asked: Asked) -> list[str]:
    """Return what is said first of findings whose looks are asked for."""
    if asked.subject is not Subject.ATTRIBUTES:
        return []
    return [writer.not_judged([n]) for n in asked.kinds if n not in writer.seen.topics]


def _more(writer: Writer, asked: Asked) -> list[str]:
    """Return what is judged beside a fixed text."""
    if asked.subject is Subject.NATURE:
        return [writer.topics(["Pathology"], asked.images)]
    return []


def _about_pictures(writer: Writer, asked: Asked) -> str | None:
    ways: dict[Subject, Callable[[], str | None]] = {
        Subject.FINDINGS: lambda: writer.findings(asked),
        Subject.PLACES: lambda: (
            writer.exactly(asked.images) if asked.exact else writer.places(asked, sizes=False)
        ),
        Subject.SIZES: lambda: writer.places(asked, sizes=True),
        Subject.COUNT: lambda: writer.count(asked),
        Subject.TOPIC: lambda: writer.topics(
            [name for name in asked.topics if name != ANY_FINDING], asked.images
        ),
        Subject.COMPARE: lambda: writer.compare(asked),
        Subject.CONFIDENCE: lambda: confidence(writer, asked),
        Subject.WHY: lambda: why(writer, asked),
    }
    made = ways.get(asked.subject)
    if made is None:
        return None
    answer = made()
    others = [name for name in asked.topics if name not in (*KINDS, ANY_FINDING)]
    if answer and others and asked.subject in (
        Subject.FINDINGS, Subject.PLACES, Subject.SIZES, Subject.COUNT
    ):  # fmt: skip
        return f"{answer} {writer.topics(others, asked.images)}"
    return answer
