"""Answers as a careful assistant would write them, from the record of evidence, in many wordings.

The question comes first: a yes or no where it asks for one, the sides where it asks for sides. What
the record does not hold is not said, and what it holds of something that is there is not left out.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from app.chat.conversation.intent import ANY_FINDING, KINDS, Asked
from app.chat.conversation.verdict_words import SHOWN, title
from app.chat.evidence.contracts import Findings, Region, Verdict
from app.chat.evidence.deciding import of_several
from app.chat.evidence.exam import Exam
from app.chat.evidence.examining import ALL_WITH_LESION, ON_FILM
from app.chat.evidence.shown_probability import figure
from versamammo.vocabulary import BY_NAME, YES
from versamammo.vqa import Kind

SIDES = {"R": "right", "L": "left"}
NEGATED = re.compile(r"\b(no|not|absent|free of|\w+n't|nothing)\b")
YES_OR_NO = re.compile(
    r"^(is|are|do|does|can|could|was|were|has|have|any|see|so|you|check|look|would)\b"
)
_REASONS = {
    ALL_WITH_LESION: (
        "every picture the model learnt from shows a lesion, so it cannot tell a breast without one",
        "the model has only learnt from pictures with a lesion and cannot recognise a breast "
        "without one",
        ALL_WITH_LESION,
    ),
    ON_FILM: (
        "the model was tried on scanned films alone, and this is a digital mammogram",
        "this is a digital mammogram, and the model was only tried on scanned films",
    ),
}


def listed(words: Sequence[str], last: str = "and") -> str:
    """Return words as a sentence lists them."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} {last} {words[-1]}"


def noun(name: str) -> str:
    """Return a finding with its article."""
    word = title(name).lower()
    if word.startswith("skin"):
        return word
    return f"an {word}" if word[0] in "aeiou" else f"a {word}"


@dataclass
class Writer:
    """Writes about one exam in one choice of words.

    Attributes:
        long: whether pictures are called “the right MLO view” and not “R MLO”.
    """

    exam: Exam
    seen: Findings
    question: str
    random: np.random.Generator
    long: bool = False

    def pick(self, *ways: str) -> str:
        """Choose one way of saying it."""
        return ways[int(self.random.integers(len(ways)))]

    def view(self, image: int) -> str:
        """Return what a picture is called."""
        name = self.exam.names[image]
        side, _, view = name.partition(" ")
        return f"the {SIDES[side]} {view} view" if self.long and side in SIDES else name

    def size(self, region: Region) -> str:
        """Return how large a place is; empty where that is not known."""
        size = self.exam.images[region.image].millimetres(region.box)
        return "" if size is None else f"{size[0]:.0f} x {size[1]:.0f} mm"

    def place(self, region: Region) -> str:
        """Return where a place lies and how large it is."""
        size = self.size(region)
        joined = self.pick(", ", ", about ") if size else ""
        return f"{region.where}{joined}{size}"

    def verdicts(self, name: str, images: Sequence[int]) -> list[Verdict]:
        """Return what is said of a topic in some pictures."""
        return [one for i in images if (one := self.seen.verdict(name, i)) is not None]

    def reason(self, name: str) -> str:
        """Return why a topic is not judged."""
        why = self.seen.silent.get(name, "no model that could tell is loaded")
        return self.pick(*_REASONS.get(why, (why,)))

    # findings

    def finding(self, name: str, images: Sequence[int], opening: bool = True) -> str:
        """Return whether a finding is there, in which pictures and where."""
        found = self.verdicts(name, images)
        there = [one for one in found if one.value == YES]
        absent = [one for one in found if one.value not in (YES, None)]
        unsure = [one for one in found if one.value is None]
        if not found:
            return self.not_judged([name])
        said = [self._present(name, there, opening)] if there else []
        if not there and absent:
            said.append(self._absent(name, absent, opening))
        elif absent and self.random.random() < 0.6:
            said.append(self._elsewhere(absent))
        if unsure:
            named = [
                f"{self.view(o.images[0])} (yes {figure(o.probabilities[YES])})" for o in unsure
            ]
            what = title(name).lower()
            said.append(self.pick(
                f"Whether there is {noun(name)} in {listed(named)} is not sure.",
                f"Not sure about {what}: {', '.join(named)}.",
            ))  # fmt: skip
        return " ".join(said)

    def _present(self, name: str, there: Sequence[Verdict], opening: bool) -> str:
        told = []
        for one in there:
            places = listed([self.place(region) for region in one.regions]) if one.regions else ""
            chance = figure(one.probabilities[YES])
            where = f", in the {places}" if places else ""
            told.append(self.pick(
                f"{self.view(one.images[0])}{where} (probability {chance})",
                f"{self.view(one.images[0])} ({chance}){where}",
            ))  # fmt: skip
        what = noun(name)
        begin = ""
        if opening:
            negated = bool(NEGATED.search(self.question.casefold()))
            begin = self.pick("Yes. ", "Yes: ", "") if self._asks and not negated else ""
            begin = self.pick("That is not so: ", "There is one: ") if negated else begin
        head = self.pick(
            f"{what} is marked in {listed(told)}.", f"{what} is likely in {listed(told)}.",
            f"{what} was found in {listed(told)}.",
        )  # fmt: skip
        return begin + (head if begin.endswith(": ") else head[0].upper() + head[1:])

    def _absent(self, name: str, absent: Sequence[Verdict], opening: bool) -> str:
        what = title(name).lower()
        sure = [f"{self.view(o.images[0])} ({figure(1 - o.probabilities[YES])})" for o in absent]
        begin = ""
        if opening:
            negated = bool(NEGATED.search(self.question.casefold()))
            begin = self.pick("No. ", "No: ", "") if self._asks and not negated else ""
            begin = (
                self.pick("As far as can be told, that is so: ", "So it is: ") if negated else begin
            )
        if len(absent) == 1:
            said = self.pick(
                f"no {what} is marked in {sure[0]}.", f"no {what} was found in {sure[0]}.",
            )  # fmt: skip
        else:
            said = self.pick(
                f"no {what} is marked in any of these pictures: {', '.join(sure)}.",
                f"no {what} was found in {listed(sure, 'or')}.",
                f"{listed(sure)} show no {what}.",
            )
        return begin + (said if begin.endswith(": ") else said[0].upper() + said[1:])

    def _elsewhere(self, absent: Sequence[Verdict]) -> str:
        sure = [f"{self.view(o.images[0])} ({figure(1 - o.probabilities[YES])})" for o in absent]
        return self.pick(
            f"It was not found in {listed(sure, 'or')}.", f"Not in {listed(sure, 'or')}.",
            f"None in {listed(sure, 'or')}.",
        )  # fmt: skip

    @property
    def _asks(self) -> bool:
        return bool(YES_OR_NO.match(self.question.casefold()))

    def not_judged(self, names: Sequence[str]) -> str:
        """Return that topics are not judged, and why."""
        name = names[0]
        why = self.reason(name)
        topic = BY_NAME[name]
        if topic.finding:
            return self.pick(
                f"Whether there is {noun(name)} cannot be told, because {why}.",
                f"I cannot say whether there is {noun(name)}: {why}.",
                f"{title(name)} is not judged here, because {why}.",
            )
        what = title(name) if name == "Bi-Rads" else title(name).replace("ACR density", "density")
        what = what if what.startswith("BI") else what[0].lower() + what[1:]
        article = "" if name == "Bi-Rads" else "the "
        return self.pick(
            f"I cannot tell {article}{what}, because {why}.",
            f"{(article + what)[0].upper()}{(article + what)[1:]} is not judged here: {why}.",
        )

    def suspects(self, images: Sequence[int]) -> str:
        """Return where a lesion would most likely lie; empty if no place is named."""
        told = [
            f"{self.view(one.image)}, {self.place(one)}"
            for one in self.seen.suspects
            if one.image in images
        ]
        if not told:
            return ""
        return self.pick(
            f"If there is a lesion, it most likely lies here: {'; '.join(told)}.",
            f"If there is one, the likeliest place is {'; '.join(told)}.",
            f"The place to look at, if there is a lesion: {'; '.join(told)}.",
        )

    def findings(self, asked: Asked) -> str:
        """Return what is found: what is there first, then what is not, then what is not judged."""
        names = [name for name in asked.kinds or KINDS if name in self.seen.topics]
        silent = [name for name in asked.kinds or KINDS if name not in self.seen.topics]
        if len(asked.kinds) == 1:
            said = [self.finding(asked.kinds[0], asked.images)]
            return self._with_suspects(said, asked)
        there = [n for n in names if any(o.value == YES for o in self.verdicts(n, asked.images))]
        rest = [n for n in names if n not in there]
        said = []
        if there and not asked.kinds:
            words = listed([noun(name) for name in there])
            said.append(self.pick(
                f"Something is marked: {words}.", f"Marked here: {words}.", "",
            ))  # fmt: skip
        said += [self.finding(name, asked.images, False) for name in there]
        unsure = [n for n in rest if any(o.value is None for o in self.verdicts(n, asked.images))]
        clear = [n for n in rest if n not in unsure]
        if clear:
            words = listed([title(name).lower() for name in clear], "or")
            said.append(self.pick(f"No {words} was found.", f"Nothing is marked as {words}."))
        said += [self.finding(name, asked.images, False) for name in unsure]
        if silent and names:
            words = listed([title(name).lower() for name in silent])
            said.append(self.pick(
                f"Not judged, which does not mean absent: {words}.",
                f"Nothing can be said about {words}.",
            ))  # fmt: skip
        elif silent:
            said.append(self._nothing_judged(silent))
        return self._with_suspects(said, asked)

    def _nothing_judged(self, silent: Sequence[str]) -> str:
        why = self.reason(silent[0])
        return self.pick(
            f"I cannot say whether anything is there: {why}.",
            f"No finding is judged here, which does not mean that there is none: {why}.",
        )

    def _with_suspects(self, said: list[str], asked: Asked) -> str:
        where = self.suspects(asked.images)
        return " ".join(filter(None, [*said, where]))

    def places(self, asked: Asked, sizes: bool) -> str:
        """Return where findings lie, or how large they are."""
        names = [name for name in asked.kinds or KINDS if name in self.seen.topics]
        told = []
        for name in names:
            for one in self.verdicts(name, asked.images):
                for region in one.regions if one.value == YES else ():
                    told.append(self._placed(name, region, sizes))
        where = self.suspects(asked.images)
        if told or where:
            return " ".join(filter(None, [*told, where]))
        if not names:
            return self.not_judged(asked.kinds or ("Mass",))
        words = listed([title(name).lower() for name in names], "or")
        return self.pick(
            f"Nothing is marked: no {words} was found, so there is no place to name.",
            f"No {words} is marked in these pictures.",
        )

    def _placed(self, name: str, region: Region, sizes: bool) -> str:
        size, view = self.size(region), self.view(region.image)
        what = title(name).lower()
        if sizes:
            return self.pick(
                f"The {what} in {view} measures {size}." if size else
                f"The size of the {what} in {view} is not known, since its pixel size is not said.",
                f"In {view} the {what} is {size} ({region.where})." if size else
                f"In {view} the {what} has no known size ({region.where}).",
            )  # fmt: skip
        extent = f", {size}" if size else ""
        return self.pick(
            f"The {what} lies in {view}, in the {region.where}{extent}.",
            f"In {view}: {what} in the {region.where}{extent}.",
        )

    def count(self, asked: Asked) -> str:
        """Return how many places are marked."""
        names = [name for name in asked.kinds or KINDS if name in self.seen.topics]
        if not names:
            return self._with_suspects([self.not_judged(asked.kinds or ("Mass",))], asked)
        own = [r for r in self.seen.regions if r.image in asked.images and r.topic in names]
        what = listed([title(name).lower() for name in names], "or")
        if not own:
            return self.pick(f"None: no {what} is marked.", f"0; no {what} was found.")
        each = [
            f"{count} in {self.view(image)}"
            for image in range(len(self.exam.images))
            if (count := sum(one.image == image for one in own))
        ]
        which = [f"{one.topic.lower()} in {self.view(one.image)}, {self.place(one)}" for one in own]
        return self.pick(
            f"{len(own)} marked: {listed(each)}. {'; '.join(which)}.",
            f"{len(own)} in all: {'; '.join(which)}.",
        )

    # attributes

    def topics(self, names: Sequence[str], images: Sequence[int]) -> str:
        """Return one value of each topic."""
        said = []
        for name in names:
            verdict = of_several(self.exam, self.seen, name, images)
            if verdict is None and name == "Cancer":
                verdict = of_several(self.exam, self.seen, "Pathology", images)
            said.append(self.not_judged([name]) if verdict is None else self.topic(verdict))
        return " ".join(said)

    def topic(self, verdict: Verdict) -> str:
        """Return the value of one topic, with its probability and condition."""
        topic = BY_NAME[verdict.topic]
        held = f"{verdict.condition}, " if verdict.condition else ""
        ranked = sorted(verdict.probabilities.items(), key=lambda one: -one[1])
        shown = [(option, chance) for option, chance in ranked if chance >= SHOWN]
        if topic.kind is Kind.YES_NO:
            yes = verdict.probabilities[YES]
            what = title(verdict.topic).lower()
            if verdict.value is None:
                return (
                    f"{held}it is not sure whether there is {what} (yes {figure(yes)})".capitalize()
                    + "."
                )
            if verdict.value == YES:
                return self.pick(
                    f"Yes, {what} is likely ({figure(yes)}).", f"The answer on {what} is yes ({figure(yes)}).",
                )  # fmt: skip
            return self.pick(
                f"No, {what} is not likely (no {figure(1 - yes)}).", f"The answer on {what} is no ({figure(1 - yes)}).",
            )  # fmt: skip
        what = self._what(verdict.topic)
        how = f", as the {verdict.how}" if verdict.how and self.random.random() < 0.5 else ""
        if verdict.value is None:
            named = [f"{topic.plain(option)} {figure(chance)}" for option, chance in shown]
            said = self.pick(
                f"{held}it is not sure: {', '.join(named)}.",
                f"{held}the model is not sure; {', '.join(named)}.",
            )
            return said[0].upper() + said[1:]
        chance = figure(verdict.probabilities[verdict.value])
        value = topic.described(verdict.value)
        also = [
            f"{topic.plain(option)} ({figure(share)})"
            for option, share in shown
            if option != verdict.value
        ]
        rest = f" {self.pick('Also possible:', 'Less likely:')} {listed(also)}." if also else ""
        said = self.pick(
            f"{held}{what} is {value} ({chance}){how}.", f"{held}{what} is most likely {value} (probability {chance}){how}.",
        )  # fmt: skip
        return said[0].upper() + said[1:] + rest

    def _what(self, name: str) -> str:
        return {
            "ACR": self.pick("the ACR density", "the density", "the composition"),
            "Bi-Rads": self.pick("the BI-RADS category", "BI-RADS"),
            "Pathology": self.pick("the lesion", "it", "the pathology"),
            "Background tissue": "the background tissue",
        }.get(name, title(name).lower())

    def compare(self, asked: Asked) -> str:
        """Return what is judged of each breast, side by side."""
        names = [n for n in asked.topics if n in self.seen.topics and n != ANY_FINDING]
        if not asked.topics or asked.topics == (ANY_FINDING,):
            names = [n for n in ("ACR", "Bi-Rads", *KINDS) if n in self.seen.topics]
        sides = {
            word: [i for i, image in enumerate(self.exam.images) if image.side == letter]
            for letter, word in SIDES.items()
        }
        missing = [word for word, images in sides.items() if not images]
        said = []
        if missing:
            other = "left" if missing[0] == "right" else "right"
            said.append(self.pick(
                f"They cannot be compared: there is no picture of the {missing[0]} breast.",
                f"Only the {other} breast is here, so there is nothing to compare it with.",
            ))  # fmt: skip
        for name in names:
            each = []
            for word, images in sides.items():
                one = of_several(self.exam, self.seen, name, images) if images else None
                if one is not None:
                    each.append(f"{word} {self._short(one)}")
            if each:
                said.append(f"{title(name)}: {', '.join(each)}.")
        if not names:
            silent = [n for n in asked.topics if n in self.seen.silent]
            said.append(self.not_judged(silent[:1] or ["ACR"]))
        return " ".join(said)

    def _short(self, one: Verdict) -> str:
        topic = BY_NAME[one.topic]
        if topic.kind is Kind.YES_NO:
            yes = one.probabilities[YES]
            if one.value is None:
                return f"not sure (yes {figure(yes)})"
            return f"yes ({figure(yes)})" if one.value == YES else f"no ({figure(1 - yes)})"
        held = f" {one.condition}" if one.condition else ""
        if one.value is None:
            return f"not sure ({topic.plain(one.likeliest)} {figure(one.probabilities[one.likeliest])}){held}"
        return f"{topic.plain(one.value)} ({figure(one.probabilities[one.value])}){held}"
