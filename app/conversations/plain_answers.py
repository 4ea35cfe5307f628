"""Written answers to what is not about the pictures: terms, small talk, what nobody can tell.

Each is made from the fixed text that the page would show, in other words.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import numpy as np
import yaml

from app.chat.conversation.asked import Asked
from app.chat.conversation.sayings import OF_TAGS
from app.chat.conversation.subjects import Subject
from app.conversations.retold import retold_answers, retold_facts, retold_terms
from app.conversations.words import capital
from vlm.knowledge.glossary import GlossaryTerm

FILE = Path(__file__).parent / "plain_answers.yaml"
_BEGINS = re.compile(r"^(A|An|The) ")
_VERB = re.compile(r"\b(is|are|was|were|comes?|means|shows|lies?)\b")


@cache
def _answers() -> dict[str, list[str]]:
    told = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    return {str(name): [str(one) for one in some] for name, some in told.items()}


def plain(asked: Asked, question: str, fact: str, random: np.random.Generator) -> str | None:
    """Return the answer to a question that is not about what the pictures show; None without one.

    Args:
        asked: the question as it is understood.
        question: in the user's words.
        fact: what the page says of it.
        random: chooses the words.
    """
    if asked.entries:
        return meaning(asked.entries, question, random)
    if asked.known or asked.program_fact:
        known = retold_answers().get(asked.known) or retold_facts().get(asked.program_fact)
        return known[int(random.integers(len(known)))] if known else None
    some = _answers().get(_kind(asked, fact))
    if not some:
        return fact
    words = some[int(random.integers(len(some)))]
    reason = fact.partition(": ")[2].rstrip(".")
    judged = re.search(r"(?:judges here:|for example:|it judges) (.*?)(?:\.|, with)", fact)
    open_to = re.search(
        rf"(?:about these pictures|judged in (?:them|these pictures)): (.*?)(?:, {OF_TAGS})?[;.]",
        fact,
    )
    if open_to is not None and open_to[1] == OF_TAGS:
        return fact  # nothing else can be asked
    quoted = re.search("“(.*?)”", fact)
    model = re.search(r"mammograms: (.*?)\. It judges", fact)
    tried = fact.partition("\n")[2].replace("\n", " ")
    return words.format(
        reason=reason, judged=_listed(judged), quoted=quoted[1] if quoted else "that",
        asked=_listed(open_to), model=model[1] if model else "none", tried=tried,
    ).strip()  # fmt: skip


def _listed(found: re.Match[str] | None) -> str:
    return found[1] if found else "nothing about these pictures"


def _kind(asked: Asked, fact: str) -> str:
    """Return which answers suit; a question that was not understood may be so in several ways."""
    if asked.order:
        return "order"
    if "worries you" in fact:
        return "worry"
    if fact.startswith("Goodbye"):
        return "bye"
    if asked.subject is Subject.MEANING:
        return "no_meaning"
    if asked.subject is Subject.ATTRIBUTES and fact.startswith("Nothing here tells"):
        return "not_judged_term"
    if asked.subject is not Subject.UNKNOWN:
        return asked.subject.name.lower()
    if "nothing this program can help" in fact:
        return "off_topic"
    if fact.startswith("Nothing here tells"):
        return "not_judged_term"
    return "not_read" if "is not read from these files" in fact else "not_understood"


def meaning(entries: tuple[GlossaryTerm, ...], question: str, random: np.random.Generator) -> str:
    """Return what the glossary says, as an answer to the question."""
    return " ".join(_explained(entry, question, random) for entry in entries)


def _explained(entry: GlossaryTerm, question: str, random: np.random.Generator) -> str:
    if retold := retold_terms().get(entry.term):
        return retold[int(random.integers(len(retold)))]
    first, *rest = re.split(r"(?<=[.]) (?=[A-Z])", entry.text)
    term = entry.term
    defined = first[0].lower() + first[1:] if _BEGINS.match(first) else first
    named = f"{term[0].upper()}{term[1:]}"
    noun_phrase = bool(_BEGINS.match(first)) and not _VERB.search(first.split(",")[0].split(":")[0])
    ways = [f"{named} means {defined}" if noun_phrase else f"{named}: {first}"]
    if noun_phrase:
        article = "" if term[0].isupper() or term.endswith("s") else _article(term)
        verb = "are" if term.endswith("s") and not term.endswith("ss") else "is"
        ways += [
            f"{capital(f'{article}{term}')} {verb} {defined}",
            f"In mammography, {article}{term} {verb} {defined}",
        ]
    said = ways[int(random.integers(len(ways)))]
    if "why" in question.casefold() and rest:
        return f"{rest[-1]} {said}"
    if rest and random.random() < 0.25:
        rest = rest[:-1]
    return " ".join([said, *rest])


def _article(term: str) -> str:
    return "an " if term[0].lower() in "aeiou" else "a "
