"""Written answers about findings: whether they are there, where, how large and how many."""

from __future__ import annotations

from collections.abc import Sequence

from app.chat.conversation.asked import KINDS, Asked
from app.chat.conversation.report_findings import (
    NO_PIXEL_SIZE,
    MarkedPlace,
    marked_places,
    size_words,
)
from app.chat.conversation.verdict_words import LIKELIEST, title
from app.chat.evidence.contracts import Region, Verdict
from app.conversations.words import NEGATED, Words, listed, noun
from versamammo.vocabulary import YES
from vlm.option_words import figure


class FindingWords(Words):
    """Writes about findings."""

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
            begin = self.pick("Yes. ", "Yes: ", "") if self.asks and not negated else ""
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
            begin = self.pick("No. ", "No: ", "") if self.asks and not negated else ""
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

    def suspects(self, images: Sequence[int]) -> str:
        """Return where a lesion would most likely lie; empty if the lines name no place."""
        if LIKELIEST not in self.facts:
            return ""
        places = [
            (name.lower(), place)
            for name, place in marked_places(self.exam, self.seen, images)
            if place.marks[0] in self.seen.suspects
        ]
        if len(places) == 1 and len(places[0][1].marks) > 1:
            return self._of_two_views(*places[0])
        told = [
            f"{self.view(one.image)}, {self.likeliest_place(one)}"
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

    def _of_two_views(self, breast: str, place: MarkedPlace) -> str:
        """Return the place in a breast that two of its views show."""
        first, rest, held = self._in_breast(place)
        views = listed([self.view(one.image) for one in place.marks])
        return self.pick(
            f"If there is a lesion, it most likely lies {first} of the {breast}{rest}{held}. It is "
            f"marked in {views}.",
            f"If there is one, the likeliest place is {first.removeprefix('in ')} of the {breast}"
            f"{rest}{held}, marked in {views}.",
            f"The place to look at, if there is a lesion: {breast}, {first}{rest}{held}; {views} "
            "both have it marked.",
        )

    def _in_breast(self, place: MarkedPlace) -> tuple[str, str, str]:
        """Return the part of a breast, the hour and depth, and what that rests on."""
        words = place.location.words
        known, _, assumed = words.partition(", if the CC ")
        first, *rest = known.split(", ")
        told = [one if "about" in one else f"in the {one}" for one in rest]
        rest_of = "".join(f", {one}" for one in (told if self.random.random() < 0.6 else rest))
        held = self.pick(f", if the CC {assumed}", f" (if the CC {assumed})") if assumed else ""
        return first, rest_of, held

    def exactly(self, images: Sequence[int]) -> str | None:
        """Return the one place of a lesion by quadrant, hour and depth; None for several."""
        places = marked_places(self.exam, self.seen, images)
        alone = len(places) == 1 and places[0][1].marks[0] in self.seen.suspects
        if not alone or not places[0][1].location.words:
            return None
        breast, place = places[0][0].lower(), places[0][1]
        first, rest, held = self._in_breast(place)
        sizes = listed([
            f"{size_words(self.exam.images[one.image], one.box).replace(NO_PIXEL_SIZE, '')} in "
            f"{self.view(one.image)}"
            for one in place.marks
        ])  # fmt: skip
        return self.pick(
            f"If there is a lesion, it most likely lies {first} of the {breast}{rest}{held}; it "
            f"measures {sizes}.",
            f"The likeliest place, if there is a lesion, is {first} of the {breast}{rest}{held}: "
            f"{sizes}.",
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
        said += self._nothing_judged(silent, every=not names)
        return self._with_suspects(said, asked)

    def _nothing_judged(self, silent: Sequence[str], every: bool) -> list[str]:
        """Return that findings are not judged, with the reason if `every` one is and it is told."""
        if not silent or not self.silence_told:
            return []
        if every and self.reason_told(silent[0]):
            why = self.reason(silent[0])
            some = listed([title(name).lower() for name in silent], "or")
            return [self.pick(
                f"I cannot say whether there is {some}: {why}.",
                f"No finding is judged here, which does not mean that there is none, be it {some}: "
                f"{why}.",
            )]  # fmt: skip
        words = listed([title(name).lower() for name in silent])
        return [self.pick(
            f"Not judged, which does not mean absent: {words}.",
            f"Nothing can be said about {words}.",
        )]  # fmt: skip

    def _with_suspects(self, said: list[str], asked: Asked) -> str:
        where = self.suspects(asked.images)
        told = [*said, where] if asked.kinds else [where, *said]
        return " ".join(filter(None, told))

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
            places = marked_places(self.exam, self.seen, asked.images)
            two_views = any(len(one.marks) > 1 for _, one in places)  # sizes stand below
            unknown = sizes and any(not self.size(one) for one in self.seen.suspects)
            unknown = unknown and not two_views
            size = self.pick(
                "The size is not known, since the pixel size is not said.",
                "Its size is not known, because the pixel size is not said.",
            )
            rest = [size] if where and unknown else []
            return " ".join(filter(None, [*told, where, *rest, *self._unjudged(asked)]))
        if not names:
            return " ".join(self._unjudged(asked))
        words = listed([title(name).lower() for name in names], "or")
        nothing = self.pick(
            f"Nothing is marked: no {words} was found, so there is no place to name.",
            f"No {words} is marked in these pictures.",
        )
        return " ".join([nothing, *self._unjudged(asked)])

    def _unjudged(self, asked: Asked) -> list[str]:
        """Return in short that something that was asked for is not judged."""
        silent = [name for name in asked.kinds or KINDS if name not in self.seen.topics]
        if asked.kinds and silent and self.reason_told(silent[0]):
            return [self.not_judged(silent)]
        return self._nothing_judged(silent, every=len(silent) == len(KINDS))

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
            return self._with_suspects(self._unjudged(asked), asked)
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
        said = self.pick(
            f"{len(own)} marked: {listed(each)}. {'; '.join(which)}.",
            f"{len(own)} in all: {'; '.join(which)}.",
        )
        return " ".join([said, *self._unjudged(asked)])
