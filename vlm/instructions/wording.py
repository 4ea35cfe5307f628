"""How questions are put and answers are worded: ours, with the marks of the published prompt."""

from __future__ import annotations

import string
from collections.abc import Sequence

from versamammo.errors import InputError
from versamammo.vqa import Item, Kind

INSTRUCTIONS = {
    Kind.SINGLE: "Answer with one of the options and nothing else.",
    Kind.MULTIPLE: "Answer with all options that hold, separated by commas, and nothing else.",
    Kind.YES_NO: "Answer with yes or no and nothing else.",
}


def closed_prompt(kind: Kind, question: str, options: Sequence[str]) -> str:
    """Put a closed question; the marks let anyone read off which letter stood for what."""
    if len(options) > len(string.ascii_uppercase):
        message = f"{len(options)} options; letters suffice for {len(string.ascii_uppercase)}"
        raise InputError(message, field="options", reason="bad-options")
    letters = zip(string.ascii_uppercase, options, strict=False)
    listed = ", ".join(f"{letter}: {option}" for letter, option in letters)
    return f"{INSTRUCTIONS[kind]} ### Question: {question} ### Options: {listed}. ### Answer:"


def prompt_of(item: Item, options: Sequence[str] | None = None) -> str:
    """Put an item's question, its options in another order if one is given."""
    return closed_prompt(item.kind, item.question, item.options if options is None else options)


def answer_of(options: Sequence[str]) -> str:
    """Write the chosen options as an answer."""
    return ", ".join(options)


_DENSITY = {
    "A": "almost entirely fatty",
    "B": "scattered fibroglandular tissue",
    "C": "heterogeneously dense",
    "D": "extremely dense",
}
_ASSESSMENT = {
    "0": "incomplete",
    "1": "negative",
    "2": "benign",
    "3": "probably benign",
    "4": "suspicious",
    "5": "highly suggestive of malignancy",
}
# sentences for answers that are not chosen from a list
_OPEN = {
    "View": ("This is a {} view.", "The projection is {}."),
    "Laterality": ("It is the {} breast.", "The {} breast is shown."),
    "ACR": ("The breast density is ACR {}.", "The composition is ACR {}."),
    "Bi-Rads": ("The assessment is BI-RADS {}.", "BI-RADS {}."),
    "Background tissue": ("The tissue is {}.",),
    "Pathology": ("The breast looks {}.", "It looks {}."),
    "Subtlety": ("The subtlety is {} of 5.",),
    "Masking potential": ("The masking potential is {} of 8.",),
    "Abnormality": ("There is: {}.", "Found: {}."),
}
_NOTHING = {
    "Subtlety": ("There is no lesion.",),
    "Abnormality": ("Nothing abnormal is found.", "There is no finding."),
}
_YES_NO = {
    "Cancer": ("Yes, this looks like cancer.", "No, this does not look like cancer."),
    "Invasive cancer": ("Yes, it looks invasive.", "No, it does not look invasive."),
}
_FOUND = ("Yes, there is {}.", "Yes, {} can be seen.")
_ABSENT = ("No, there is no {}.", "No {} can be seen.")


def sentence(topic: str, answer: Sequence[str], turn: int) -> str:
    """Answer an open question in a sentence; `turn` chooses among the ways of saying it."""
    if topic in _YES_NO:
        return _YES_NO[topic][answer[0] != "Yes"]
    if tuple(answer) in (("Yes",), ("No",)):
        return presence(topic, answer[0] == "Yes", turn)
    if tuple(answer) == ("Normal",) and topic in _NOTHING:
        return _NOTHING[topic][turn % len(_NOTHING[topic])]
    forms = _OPEN[topic]
    return forms[turn % len(forms)].format(_in_a_sentence(topic, answer))


def presence(finding: str, there: bool, turn: int) -> str:
    """Say that a finding is there or is not."""
    words = finding.lower()
    if not there:
        return _ABSENT[turn % len(_ABSENT)].format(words)
    article = "" if words.startswith("skin") else "an " if words[0] in "aeiou" else "a "
    return _FOUND[turn % len(_FOUND)].format(article + words)


def _in_a_sentence(topic: str, answer: Sequence[str]) -> str:
    words = answer_of(answer)
    if topic == "ACR":
        letter = words.removeprefix("Level ")
        return f"{letter}, {_DENSITY[letter]}"
    if topic == "Bi-Rads":
        number = words.removeprefix("Bi-Rads ")
        return f"{number}, {_ASSESSMENT[number]}"
    return words if topic == "View" else words.lower()
