"""Answers as a careful assistant would write them, from the record of evidence, in many wordings.

The question comes first: a yes or no where it asks for one, the sides where it asks for sides. What
the record does not hold is not said, and what it holds of something that is there is not left out.
"""

from __future__ import annotations

from collections.abc import Sequence

from app.chat.conversation.asked import ANY_FINDING, KINDS, Asked
from app.chat.conversation.verdict_words import title
from app.chat.evidence.contracts import Verdict
from app.chat.evidence.deciding import of_several
from app.conversations.words import SIDES, listed
from app.conversations.written_findings import FindingWords
from versamammo.vocabulary import BY_NAME, YES
from versamammo.vqa import Kind
from vlm.option_words import SHOWN, figure


class Writer(FindingWords):
    """Writes about one exam in one choice of words."""

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
                said = f"{held}it is not sure whether there is {what} (yes {figure(yes)})."
                return said[0].upper() + said[1:]
            if verdict.value == YES:
                return self.pick(
                    f"Yes, {what} is likely ({figure(yes)}).",
                    f"The answer on {what} is yes ({figure(yes)}).",
                )  # fmt: skip
            return self.pick(
                f"No, {what} is not likely (no {figure(1 - yes)}).",
                f"The answer on {what} is no ({figure(1 - yes)}).",
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
        likely = f"{held}{what} is most likely {value} (probability {chance}){how}."
        # no probability makes a fact of what a lesion is
        plain = f"{held}{what} is {value} ({chance}){how}."
        said = likely if verdict.topic == "Pathology" else self.pick(plain, likely)
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
                f"They cannot be compared: there is no picture of the {missing[0]} breast, only of "
                f"the {other} one.",
                f"Only the {other} breast is here and no picture of the {missing[0]} one, so there "
                "is nothing to compare it with.",
            ))  # fmt: skip
        groups = dict(sides)
        if missing and len(self.exam.images) > 1:  # of one breast its views are compared
            groups = {self.exam.names[i]: [i] for i in range(len(self.exam.images))}
        for name in names:
            each = []
            for word, images in groups.items():
                one = of_several(self.exam, self.seen, name, images) if images else None
                if one is not None:
                    each.append(f"{word} {self._short(one)}")
            if each:
                said.append(f"{title(name)}: {'; '.join(each)}.")
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
            best = one.likeliest
            return f"not sure ({topic.plain(best)} {figure(one.probabilities[best])}){held}"
        return f"{topic.plain(one.value)} ({figure(one.probabilities[one.value])}){held}"
